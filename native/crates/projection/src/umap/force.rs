//! The forces between points of a map, in plain arithmetic that gives the same bits on every machine: no library's powers, no fused products.

/// Points that are pushed from at once.
pub(super) const LANES: usize = 16;
/// No push moves a point farther.
const MOST: f32 = 4.0;
/// Keeps the push between points that lie together finite, as umap-learn has it.
const APART: f32 = 0.001;

/// What the curve's two numbers are in the forces.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Curve {
    log_a: f32,
    b: f32,
}

impl Curve {
    pub fn new(a: f64, b: f64) -> Curve {
        Curve {
            log_a: a.log2() as f32,
            b: b as f32,
        }
    }

    /// `a d^(2 b)` of a squared distance above 0.
    #[inline(always)]
    fn power(self, squared: f32) -> f32 {
        exp2(self.b * log2(squared) + self.log_a)
    }

    /// What the difference of two points is multiplied by for the pull between them.
    #[inline(always)]
    pub fn pull(self, squared: f32) -> f32 {
        let power = self.power(squared);
        2.0 * self.b * power / (squared * (1.0 + power))
    }

    /// The same for the push.
    #[inline(always)]
    pub fn push(self, squared: f32) -> f32 {
        2.0 * self.b / ((APART + squared) * (1.0 + self.power(squared)))
    }
}

/// The sum of what pushes a point at `at` away from others; those of which it is one, or that lie where it lies, do nothing.
#[inline(always)]
pub(super) fn pushes(curve: Curve, at: [f32; 2], xs: &[f32; LANES], ys: &[f32; LANES]) -> [f32; 2] {
    let mut dx = [0.0f32; LANES];
    let mut dy = [0.0f32; LANES];
    for lane in 0..LANES {
        let (x, y) = (at[0] - xs[lane], at[1] - ys[lane]);
        let squared = x * x + y * y;
        let push = if squared > 0.0 {
            curve.push(squared)
        } else {
            0.0
        };
        dx[lane] = (push * x).clamp(-MOST, MOST);
        dy[lane] = (push * y).clamp(-MOST, MOST);
    }
    [sum(dx), sum(dy)]
}

/// In pairs, so that it does not matter how many are taken at once.
#[inline(always)]
fn sum(mut lanes: [f32; LANES]) -> f32 {
    let mut half = LANES / 2;
    while half > 0 {
        for lane in 0..half {
            lanes[lane] += lanes[lane + half];
        }
        half /= 2;
    }
    lanes[0]
}

/// The logarithm to base 2 of a normal number above 0, off by 2e-6 at most.
#[inline(always)]
pub(super) fn log2(x: f32) -> f32 {
    /// The bits of the square root of a half: numbers are taken from there to twice that.
    const HALF: u32 = 0x3F35_04F3;
    let bits = x.to_bits().wrapping_sub(HALF);
    let exponent = (bits as i32) >> 23;
    let m = f32::from_bits((bits & 0x007F_FFFF) + HALF) - 1.0;
    // atanh(z) = z + z^3 / 3 + ..., with z = m / (2 + m): |z| is below 0.172.
    let z = m / (2.0 + m);
    let zz = z * z;
    let series = 2.0 * z * (1.0 + zz * (1.0 / 3.0 + zz * (1.0 / 5.0 + zz * (1.0 / 7.0))));
    exponent as f32 + series * std::f32::consts::LOG2_E
}

/// Two to the power of `x`, off by 3e-7 of itself at most; 0 below -126, and as at 127 above.
#[inline(always)]
pub(super) fn exp2(x: f32) -> f32 {
    /// 1.5 * 2^23: the sum is rounded to a whole number.
    const SHIFT: f32 = 12_582_912.0;
    let small = x < -126.0;
    let x = x.clamp(-126.0, 127.0);
    let whole = (x + SHIFT) - SHIFT;
    let t = (x - whole) * std::f32::consts::LN_2;
    let series = 1.0
        + t * (1.0
            + t * (0.5 + t * (1.0 / 6.0 + t * (1.0 / 24.0 + t * (1.0 / 120.0 + t / 720.0)))));
    let scale = f32::from_bits(((whole as i32 + 127) as u32) << 23);
    if small { 0.0 } else { series * scale }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn powers_and_logarithms_are_right_to_six_digits() {
        let mut x = 1e-30f32;
        while x < 1e30 {
            let off = (f64::from(log2(x)) - f64::from(x).log2()).abs();
            assert!(
                off < 4e-6 * f64::from(x).log2().abs().max(1.0),
                "log2 of {x}: {off}"
            );
            x *= 1.037;
        }
        let mut x = -126.0f32;
        while x < 127.0 {
            let right = f64::from(x).exp2();
            assert!(
                (f64::from(exp2(x)) / right - 1.0).abs() < 1e-6,
                "2 to the power of {x}"
            );
            x += 0.0173;
        }
        assert_eq!((exp2(-1e9), exp2(f32::NEG_INFINITY)), (0.0, 0.0));
        assert!(exp2(1e9).is_finite());
    }

    /// The slopes of the two parts of UMAP's cross entropy, by differences.
    #[test]
    fn the_forces_are_the_slopes_of_the_cross_entropy() {
        let (a, b) = (1.576_943_46, 0.895_060_88);
        let curve = Curve::new(a, b);
        for d in [0.05f64, 0.3, 1.0, 2.5, 7.0] {
            let near = |d: f64| (1.0 / (1.0 + a * d.powf(2.0 * b))).ln();
            let far = |d: f64| (1.0 - 1.0 / (1.0 + a * d.powf(2.0 * b))).ln();
            let slope = |of: &dyn Fn(f64) -> f64| (of(d + 1e-5) - of(d - 1e-5)) / 2e-5;
            let squared = (d * d) as f32;
            // A force is along the difference of the points, whose length is d.
            let pull = f64::from(curve.pull(squared)) * d;
            assert!(
                (pull + slope(&near)).abs() < 1e-3 * pull.abs(),
                "pull at {d}: {pull}"
            );
            let push = f64::from(curve.push(squared)) * d * (0.001 + d * d) / (d * d);
            assert!(
                (push - slope(&far)).abs() < 1e-3 * push.abs(),
                "push at {d}: {push}"
            );
        }
    }

    #[test]
    fn a_point_is_not_pushed_by_itself() {
        let curve = Curve::new(1.5, 0.9);
        assert_eq!(
            pushes(curve, [1.0, 2.0], &[1.0; LANES], &[2.0; LANES]),
            [0.0, 0.0]
        );
        let [x, y] = pushes(curve, [1.0, 2.0], &[0.0; LANES], &[2.0; LANES]);
        assert!(x > 0.0 && y == 0.0);
    }
}
