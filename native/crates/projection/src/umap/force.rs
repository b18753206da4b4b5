//! The forces between points of a map, in plain arithmetic that gives the same bits on every machine: no library's powers, no fused products.

use super::pool::Pool;
use crate::linear::hash;

/// Points whose forces are computed at once.
pub(super) const LANES: usize = 16;
/// Neighbours that pull at once, at most. More would carry points too far: their pulls come from one place.
const PULLS: usize = 4;
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

    /// What the difference of two points at a squared distance above 0 is multiplied by, for the pull between them or for the push.
    #[inline(always)]
    fn force(self, squared: f32, pulls: bool) -> f32 {
        let power = self.power(squared);
        let (above, below) = if pulls {
            (power, squared)
        } else {
            (1.0, APART + squared)
        };
        2.0 * self.b * above / (below * (1.0 + power))
    }
}

/// What moves the points of a map.
#[derive(Clone, Copy)]
pub(super) struct Forces<'a> {
    pub curve: Curve,
    /// The points that push.
    pub pool: &'a Pool,
    /// How far points move.
    pub rate: f32,
    /// How much pushes count beside pulls.
    pub repulsion: f32,
    /// Points that push for two neighbours that pull.
    pub pushes: usize,
}

/// Forces that are computed at once: from neighbours in the first lanes, from others in the next. A lane without a point is not a number.
#[derive(Clone, Copy, Default)]
struct Round {
    xs: [f32; LANES],
    ys: [f32; LANES],
    pulls: u32,
}

/// What a point will be moved by, in lots.
#[derive(Clone, Default)]
pub(super) struct Rounds {
    rounds: Vec<Round>,
    len: usize,
}

impl Rounds {
    /// Room for one more, with anything in it.
    #[inline(always)]
    fn next(&mut self) -> &mut Round {
        if self.len == self.rounds.len() {
            self.rounds.push(Round::default());
        }
        self.len += 1;
        &mut self.rounds[self.len - 1]
    }

    #[inline(always)]
    fn all(&self) -> &[Round] {
        &self.rounds[..self.len]
    }
}

impl Forces<'_> {
    /// Where a point at `place` goes when each of `neighbours` has its turn. `own` is its number in the pool, if it is there, and `key` tells apart what is drawn.
    #[inline(always)]
    pub fn moved(
        &self,
        place: [f32; 2],
        neighbours: &[[f32; 2]],
        own: u32,
        key: u64,
        rounds: &mut Rounds,
    ) -> [f32; 2] {
        self.prepare(neighbours, own, key, rounds);
        self.apply(place, rounds)
    }

    /// All but the moving itself: see [`Forces::moved`].
    #[inline(always)]
    pub fn prepare(&self, neighbours: &[[f32; 2]], own: u32, key: u64, rounds: &mut Rounds) {
        let random = hash(self.pool.seed, key) as u32;
        let fits = |pulls: &usize| pulls + (pulls * self.pushes).div_ceil(2) <= LANES;
        let at_once = (1..=PULLS).rfind(fits).unwrap_or(1);
        rounds.len = 0;
        for pulling in neighbours.chunks(at_once) {
            let mut random = mix(random.wrapping_add(rounds.len as u32));
            // A half is one or none, as chance has it.
            let mut pushes = (pulling.len() * self.pushes + (random & 1) as usize) / 2;
            let mut pulling = pulling;
            loop {
                let now = pushes.min(LANES - pulling.len());
                self.fill(rounds.next(), pulling, now, own, random);
                pushes -= now;
                pulling = &[];
                random = mix(random);
                if pushes == 0 {
                    break;
                }
            }
        }
    }

    #[inline(always)]
    fn fill(&self, round: &mut Round, pulling: &[[f32; 2]], pushes: usize, own: u32, random: u32) {
        let (points, own) = self.pool.draw(random, own);
        let end = pulling.len() + pushes;
        #[allow(
            clippy::needless_range_loop,
            reason = "this form is compiled to one move of all lanes"
        )]
        for lane in 0..LANES {
            let on = lane < end && !own.is(lane);
            round.xs[lane] = if on { points[lane][0] } else { f32::NAN };
            round.ys[lane] = points[lane][1];
        }
        for (lane, [x, y]) in pulling.iter().enumerate() {
            (round.xs[lane], round.ys[lane]) = (*x, *y);
        }
        round.pulls = pulling.len() as u32;
    }

    /// Where a point goes.
    #[inline(always)]
    pub fn apply(&self, place: [f32; 2], rounds: &Rounds) -> [f32; 2] {
        rounds
            .all()
            .iter()
            .fold(place, |place, round| self.pulled(place, round))
    }

    /// Where two points go that do not wait for each other: nearly as fast as one, since each move of a point waits for the one before.
    #[inline(always)]
    pub fn apply_two(
        &self,
        [mut one, mut two]: [[f32; 2]; 2],
        [first, second]: [&Rounds; 2],
    ) -> [[f32; 2]; 2] {
        let (first, second) = (first.all(), second.all());
        let both = first.len().min(second.len());
        for (first, second) in first.iter().zip(second) {
            one = self.pulled(one, first);
            two = self.pulled(two, second);
        }
        for round in &first[both..] {
            one = self.pulled(one, round);
        }
        for round in &second[both..] {
            two = self.pulled(two, round);
        }
        [one, two]
    }

    #[inline(always)]
    fn pulled(&self, place: [f32; 2], round: &Round) -> [f32; 2] {
        let pushed = self.rate * self.repulsion;
        let mut dx = [0.0f32; LANES];
        let mut dy = [0.0f32; LANES];
        for lane in 0..LANES {
            let pulls = (lane as u32) < round.pulls;
            let (x, y) = (place[0] - round.xs[lane], place[1] - round.ys[lane]);
            let squared = x * x + y * y;
            let force = self.curve.force(squared, pulls);
            let share = (force * self.rate).min(1.0);
            let (px, py) = (
                (force * x).clamp(-MOST, MOST),
                (force * y).clamp(-MOST, MOST),
            );
            let (mx, my) = if pulls {
                (-share * x, -share * y)
            } else {
                (pushed * px, pushed * py)
            };
            // Points in one place do nothing to each other, nor does a lane without a point.
            let there = squared > 0.0;
            dx[lane] = if there { mx } else { 0.0 };
            dy[lane] = if there { my } else { 0.0 };
        }
        let [x, y] = sums(&dx, &dy);
        [place[0] + x, place[1] + y]
    }
}

/// Both sums, in pairs, so that it does not matter how many are taken at once.
#[inline(always)]
fn sums(xs: &[f32; LANES], ys: &[f32; LANES]) -> [f32; 2] {
    let mut quarters = [[0.0f32; 4]; 2];
    for (quarter, lanes) in quarters.iter_mut().zip([xs, ys]) {
        for lane in 0..4 {
            quarter[lane] = (lanes[lane] + lanes[lane + 8]) + (lanes[lane + 4] + lanes[lane + 12]);
        }
    }
    let [x, y] = quarters;
    let halves = [x[0] + x[2], x[1] + x[3], y[0] + y[2], y[1] + y[3]];
    [halves[0] + halves[1], halves[2] + halves[3]]
}

/// A hash of 32 bits to 32 bits in which every bit counts (the finaliser of MurmurHash3).
#[inline(always)]
fn mix(mut x: u32) -> u32 {
    x ^= x >> 16;
    x = x.wrapping_mul(0x85EB_CA6B);
    x ^= x >> 13;
    x = x.wrapping_mul(0xC2B2_AE35);
    x ^ x >> 16
}

/// The logarithm to base 2 of a normal number above 0, off by 2e-6 at most, or a millionth of itself.
#[inline(always)]
pub(super) fn log2(x: f32) -> f32 {
    /// The bits of the square root of a half: numbers are taken from there to twice that.
    const HALF: u32 = 0x3F35_04F3;
    let bits = x.to_bits().wrapping_sub(HALF);
    let exponent = (bits as i32) >> 23;
    let m = f32::from_bits((bits & 0x007F_FFFF) + HALF) - 1.0;
    // log2(1 + m) / m at the Chebyshev nodes of that range; off by 6e-7. In halves, so that fewer products wait for each other.
    let mm = m * m;
    let low = (1.442_696_6 - 0.721_360_2 * m) + mm * (0.480_613_1 - 0.359_524_46 * m);
    let high = (0.296_119_57 - 0.267_963_86 * m) + mm * 0.168_186_59;
    exponent as f32 + m * (low + mm * mm * high)
}

/// Two to the power of `x`, off by 3e-7 of itself at most; 0 below -126, and as at 127 above.
#[inline(always)]
pub(super) fn exp2(x: f32) -> f32 {
    /// 1.5 * 2^23: the sum is rounded to a whole number.
    const SHIFT: f32 = 12_582_912.0;
    let small = x < -126.0;
    let x = x.clamp(-126.0, 127.0);
    // Its last bits are that number.
    let shifted = x + SHIFT;
    let whole = shifted - SHIFT;
    let t = (x - whole) * std::f32::consts::LN_2;
    let tt = t * t;
    let low = (1.0 + t) + tt * (0.5 + t * (1.0 / 6.0));
    let high = (1.0 / 24.0 + t * (1.0 / 120.0)) + tt * (1.0 / 720.0);
    let series = low + tt * tt * high;
    let scale = f32::from_bits(
        shifted
            .to_bits()
            .wrapping_sub(SHIFT.to_bits())
            .wrapping_add(127)
            << 23,
    );
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
            let pull = f64::from(curve.force(squared, true)) * d;
            assert!(
                (pull + slope(&near)).abs() < 1e-3 * pull.abs(),
                "pull at {d}: {pull}"
            );
            let push = f64::from(curve.force(squared, false)) * d * (0.001 + d * d) / (d * d);
            assert!(
                (push - slope(&far)).abs() < 1e-3 * push.abs(),
                "push at {d}: {push}"
            );
        }
    }

    fn forces(pool: &Pool, negative_samples: usize) -> Forces<'_> {
        Forces {
            curve: Curve::new(1.576_943_46, 0.895_060_88),
            pool,
            rate: 0.1,
            repulsion: 1.0,
            pushes: 2 * negative_samples,
        }
    }

    #[test]
    fn a_point_is_not_pushed_by_itself() {
        let pool = Pool::new(&[[1.0, 2.0]], 1);
        let near = [[1.0, 2.0]; 3];
        assert_eq!(
            forces(&pool, 5).moved([1.5, 2.0], &[], 7, 1, &mut Rounds::default()),
            [1.5, 2.0]
        );
        // Its neighbours lie where it lies: only the pool's point can move it.
        assert_eq!(
            forces(&pool, 5).moved([1.0, 2.0], &near, 0, 1, &mut Rounds::default()),
            [1.0, 2.0]
        );
        let own = forces(&pool, 0).moved([1.5, 2.0], &near[..1], 0, 1, &mut Rounds::default());
        assert_eq!(
            forces(&pool, 5).moved([1.5, 2.0], &near[..1], 0, 1, &mut Rounds::default()),
            own
        );
        assert_ne!(
            forces(&pool, 5).moved([1.5, 2.0], &near[..1], 7, 1, &mut Rounds::default()),
            own
        );
    }

    /// Pulls and pushes add up, whatever their numbers, however they are put into lanes.
    #[test]
    fn every_neighbour_pulls_once_and_brings_its_pushes() {
        let pool = Pool::new(&[[40.0, 0.0]], 1);
        // So weak that it does not matter where the point went meanwhile.
        let rate = 1e-5;
        for samples in [0usize, 1, 5, 7, 8, 15, 16, 40] {
            for count in [1usize, 2, 3, 33, 70] {
                let forces = Forces {
                    rate,
                    ..forces(&pool, samples)
                };
                let neighbours = vec![[0.0, 3.0]; count];
                let [x, y] = forces.moved([0.0, 0.0], &neighbours, 9, 5, &mut Rounds::default());
                let pull = forces.curve.force(9.0, true) * 3.0 * rate * count as f32;
                let push =
                    forces.curve.force(1600.0, false) * -40.0 * rate * (count * samples) as f32;
                assert!(
                    (y - pull).abs() < 1e-3 * pull,
                    "{samples} {count}: {y} {pull}"
                );
                assert!(
                    (x - push).abs() <= 1e-3 * push.abs(),
                    "{samples} {count}: {x} {push}"
                );
            }
        }
    }
}
