//! The curve `1 / (1 + a d^(2 b))` that says how near two points of a map look: fitted to what `min_dist` and `spread` ask for.

/// Points that the curve is fitted to.
const POINTS: usize = 300;
/// They reach to so many spreads.
const REACH: f64 = 3.0;
const STEPS: usize = 200;
/// The fit ends when a step changes the squared error by less than this part.
const SETTLED: f64 = 1e-14;

/// `a` and `b` for which the curve is nearest, in the least squares, to 1 up to `min_dist` and to `exp(-(d - min_dist) / spread)` from there on, as umap-learn's
/// `find_ab_params` does. Both parameters must be finite, `spread` above 0.
pub fn fit(min_dist: f64, spread: f64) -> (f64, f64) {
    let wanted = |d: f64| {
        if d < min_dist {
            1.0
        } else {
            (-(d - min_dist) / spread).exp()
        }
    };
    let points: Vec<(f64, f64)> = (0..POINTS)
        .map(|i| i as f64 * REACH * spread / (POINTS - 1) as f64)
        .map(|d| (d, wanted(d)))
        .collect();
    // Marquardt's method on two unknowns.
    let (mut a, mut b, mut damping) = (1.0f64, 1.0f64, 1e-3);
    let mut error = squared_error(&points, a, b);
    for _ in 0..STEPS {
        let [aa, ab, bb, ga, gb] = normal_equations(&points, a, b);
        let (daa, dbb) = (aa * (1.0 + damping), bb * (1.0 + damping));
        let determinant = daa * dbb - ab * ab;
        if determinant == 0.0 || !determinant.is_finite() {
            break;
        }
        let next_a = a + (ga * dbb - gb * ab) / determinant;
        let next_b = b + (gb * daa - ga * ab) / determinant;
        let next = if next_a > 0.0 && next_b > 0.0 {
            squared_error(&points, next_a, next_b)
        } else {
            f64::INFINITY
        };
        if next <= error {
            let settled = error - next <= error * SETTLED;
            (a, b, error) = (next_a, next_b, next);
            damping = (damping / 10.0).max(1e-12);
            if settled {
                break;
            }
        } else {
            damping *= 10.0;
            if damping > 1e12 {
                break;
            }
        }
    }
    (a, b)
}

fn height(d: f64, a: f64, b: f64) -> f64 {
    1.0 / (1.0 + a * d.powf(2.0 * b))
}

fn squared_error(points: &[(f64, f64)], a: f64, b: f64) -> f64 {
    let errors = points.iter().map(|(d, y)| height(*d, a, b) - y);
    errors.map(|e| e * e).sum()
}

/// What the squared error's slope and its curve are made of: the sums of `da da`, `da db`, `db db`, `da e` and `db e`.
fn normal_equations(points: &[(f64, f64)], a: f64, b: f64) -> [f64; 5] {
    let mut sums = [0.0; 5];
    for (d, y) in points.iter().filter(|(d, _)| *d > 0.0) {
        let power = d.powf(2.0 * b);
        let height = 1.0 / (1.0 + a * power);
        let da = -power * height * height;
        let db = a * da * 2.0 * d.ln();
        let error = y - height;
        for (sum, term) in sums
            .iter_mut()
            .zip([da * da, da * db, db * db, da * error, db * error])
        {
            *sum += term;
        }
    }
    sums
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Values of umap-learn 0.5 (`umap.umap_.find_ab_params(spread, min_dist)`).
    #[test]
    fn the_curves_are_those_of_umap_learn() {
        for (min_dist, spread, a, b) in [
            (0.1, 1.0, 1.576_943_46, 0.895_060_88),
            (0.001, 1.0, 1.929_073_33, 0.791_494_36),
            (0.5, 1.0, 0.583_030_02, 1.334_166_99),
        ] {
            let found = fit(min_dist, spread);
            assert!(
                (found.0 - a).abs() < 1e-3 && (found.1 - b).abs() < 1e-3,
                "{min_dist} {spread}: {found:?}, expected {a} {b}"
            );
        }
    }

    #[test]
    fn odd_parameters_give_a_curve_too() {
        for (min_dist, spread) in [
            (0.0, 1.0),
            (0.99, 1.0),
            (0.0, 0.01),
            (5.0, 10.0),
            (3.0, 0.5),
        ] {
            let (a, b) = fit(min_dist, spread);
            assert!(
                a.is_finite() && b.is_finite() && a > 0.0 && b > 0.0,
                "{min_dist} {spread}: {a} {b}"
            );
        }
    }
}
