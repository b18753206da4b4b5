//! Two maps of the same rows: one turned so that it lies like the other, and what moved between them.

use rayon::prelude::*;

use omendb_distance::ShapeError;

use crate::ProjectionError;
use crate::plane::Plane;

/// Rows that one task takes.
const CHUNK: usize = 1024;

/// A turn of the plane, with a reflection where that fits better, and a shift: `m x + shift`. A map that is turned keeps all its distances.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Turn {
    /// Row-major.
    pub m: [f32; 4],
    /// In units of the map that it lies on then.
    pub shift: [f32; 2],
}

impl Turn {
    /// Where a point comes to lie.
    #[inline]
    pub fn apply(&self, [x, y]: [f32; 2]) -> [f32; 2] {
        let [a, b, c, d] = self.m;
        [a * x + b * y + self.shift[0], c * x + d * y + self.shift[1]]
    }

    /// Turns all points of a map, `x0, y0, x1, y1, …`.
    pub fn apply_all(&self, xy: &mut [f32]) {
        let (points, _) = xy.as_chunks_mut::<2>();
        points
            .iter_mut()
            .for_each(|point| *point = self.apply(*point));
    }
}

/// A map: row numbers, ascending, and `x0, y0, x1, y1, …`.
#[derive(Clone, Copy, Debug)]
pub struct MapOf<'a> {
    /// Row numbers, ascending.
    pub rows: &'a [u32],
    /// Two finite coordinates for each.
    pub xy: &'a [f32],
}

impl<'a> MapOf<'a> {
    fn points(&self) -> Result<&'a [[f32; 2]], ProjectionError> {
        let (points, odd) = self.xy.as_chunks::<2>();
        if !odd.is_empty() || points.len() != self.rows.len() {
            return Err(ShapeError::new(format!(
                "{} coordinates of {} rows do not fit together",
                self.xy.len(),
                self.rows.len()
            ))
            .into());
        }
        Ok(points)
    }
}

/// The turn that brings the rows of `map` nearest to where `onto` has them (orthogonal Procrustes: the least sum of squares; Schönemann 1966), by the rows that both have.
/// None where these are fewer than three, or all in one place on either.
///
/// # Errors
/// When rows and coordinates do not fit together.
pub fn turn_onto(map: MapOf<'_>, onto: MapOf<'_>) -> Result<Option<Turn>, ProjectionError> {
    let (one, other) = (map.points()?, onto.points()?);
    let shared = shared(map.rows, onto.rows);
    Ok(Fit::new(one, other, &shared).map(|fit| fit.turn(1.0)))
}

/// What moved between two maps.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Moves {
    /// Rows that both have, ascending.
    pub rows: Vec<u32>,
    /// How far each lies from where the other map has it, when that is turned and scaled to fit; 1 is as far as rows lie from the middle of the map, on average (root of
    /// the mean square).
    pub moved: Vec<f32>,
    /// How many of the `k` nearest rows that each has on the first map are among its `k` nearest on the other.
    pub kept: Vec<u8>,
    /// The `k` that was compared: no more than there are other rows.
    pub k: usize,
}

/// Compares two maps by the rows that both have, these alone.
///
/// # Errors
/// When rows and coordinates do not fit together, or `k` is above 255.
pub fn moves(map: MapOf<'_>, other: MapOf<'_>, k: usize) -> Result<Moves, ProjectionError> {
    let (here, there) = (map.points()?, other.points()?);
    if k > usize::from(u8::MAX) {
        return Err(ShapeError::new(format!("{k} neighbours are too many to compare")).into());
    }
    let shared = shared(map.rows, other.rows);
    let k = k.min(shared.len().saturating_sub(1));
    let fit = Fit::new(there, here, &flipped(&shared));
    let moved = shared.iter().map(|(at, to)| {
        let Some(fit) = &fit else { return 0.0 };
        let [x, y] = fit.turn(fit.scale).apply(there[*to as usize]);
        let [own_x, own_y] = here[*at as usize];
        (x - own_x).hypot(y - own_y) / fit.radius
    });
    let moved: Vec<f32> = moved.collect();
    let own: Vec<[f32; 2]> = shared.iter().map(|(at, _)| here[*at as usize]).collect();
    let others: Vec<[f32; 2]> = shared.iter().map(|(_, to)| there[*to as usize]).collect();
    let (one, two) = (Plane::new(&own), Plane::new(&others));
    let mut kept = vec![0u8; shared.len()];
    kept.par_chunks_mut(CHUNK)
        .enumerate()
        .for_each(|(chunk, kept)| {
            let (mut near, mut near_there) = (Vec::new(), Vec::new());
            for (i, kept) in kept.iter_mut().enumerate() {
                let at = (chunk * CHUNK + i) as u32;
                one.nearest(at, k, &mut near);
                two.nearest(at, k, &mut near_there);
                *kept = near.iter().filter(|row| near_there.contains(row)).count() as u8;
            }
        });
    let rows = shared
        .iter()
        .map(|(at, _)| map.rows[*at as usize])
        .collect();
    Ok(Moves {
        rows,
        moved,
        kept,
        k,
    })
}

/// The places of rows that are in both, in each.
fn shared(one: &[u32], other: &[u32]) -> Vec<(u32, u32)> {
    let mut found = Vec::with_capacity(one.len().min(other.len()));
    let mut to = 0;
    for (at, row) in one.iter().enumerate() {
        while other.get(to).is_some_and(|there| there < row) {
            to += 1;
        }
        if other.get(to) == Some(row) {
            found.push((at as u32, to as u32));
        }
    }
    found
}

fn flipped(shared: &[(u32, u32)]) -> Vec<(u32, u32)> {
    shared.iter().map(|(at, to)| (*to, *at)).collect()
}

/// The best turn of one set of points onto another.
struct Fit {
    from: [f64; 2],
    onto: [f64; 2],
    /// Of the turn.
    cos: f64,
    sin: f64,
    /// Whether y is mirrored before.
    mirrored: bool,
    /// What brings both to the same size.
    scale: f64,
    /// Of the points that it turns onto: the root of their mean square distance from their middle.
    radius: f32,
}

impl Fit {
    fn new(points: &[[f32; 2]], onto: &[[f32; 2]], shared: &[(u32, u32)]) -> Option<Fit> {
        if shared.len() < 3 {
            return None;
        }
        let n = shared.len() as f64;
        let middle = |of: &dyn Fn(&(u32, u32)) -> [f32; 2]| {
            let mut sum = [0.0f64; 2];
            for pair in shared {
                let [x, y] = of(pair);
                sum[0] += f64::from(x);
                sum[1] += f64::from(y);
            }
            [sum[0] / n, sum[1] / n]
        };
        let from = middle(&|(at, _)| points[*at as usize]);
        let to = middle(&|(_, to)| onto[*to as usize]);
        // Sums of products: along, across, and both with y mirrored.
        let (mut along, mut across, mut m_along, mut m_across) = (0.0, 0.0, 0.0, 0.0);
        let (mut size, mut onto_size) = (0.0, 0.0);
        for (at, there) in shared {
            let [ax, ay] = points[*at as usize];
            let (ax, ay) = (f64::from(ax) - from[0], f64::from(ay) - from[1]);
            let [bx, by] = onto[*there as usize];
            let (bx, by) = (f64::from(bx) - to[0], f64::from(by) - to[1]);
            along += ax * bx + ay * by;
            across += ax * by - ay * bx;
            m_along += ax * bx - ay * by;
            m_across += ax * by + ay * bx;
            size += ax * ax + ay * ay;
            onto_size += bx * bx + by * by;
        }
        let mirrored = f64::hypot(m_along, m_across) > f64::hypot(along, across);
        let (cos, sin) = if mirrored {
            (m_along, m_across)
        } else {
            (along, across)
        };
        let length = f64::hypot(cos, sin);
        let fits = length > 0.0 && length.is_finite() && size > 0.0 && onto_size > 0.0;
        fits.then(|| Fit {
            from,
            onto: to,
            cos: cos / length,
            sin: sin / length,
            mirrored,
            scale: length / size,
            radius: (onto_size / n).sqrt() as f32,
        })
    }

    fn turn(&self, scale: f64) -> Turn {
        let (cos, sin) = (self.cos * scale, self.sin * scale);
        let m = match self.mirrored {
            false => [cos, -sin, sin, cos],
            true => [cos, sin, sin, -cos],
        };
        let [x, y] = self.from;
        Turn {
            m: m.map(|v| v as f32),
            shift: [
                (self.onto[0] - m[0] * x - m[1] * y) as f32,
                (self.onto[1] - m[2] * x - m[3] * y) as f32,
            ],
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::linear::hash;

    fn cloud(n: usize, seed: u64) -> Vec<f32> {
        let number = |at| (hash(seed, at) >> 40) as f32 / (1u64 << 24) as f32 * 20.0 - 7.0;
        (0..2 * n as u64).map(number).collect()
    }

    #[test]
    fn a_map_that_was_turned_and_mirrored_comes_back() {
        let rows: Vec<u32> = (0..50).map(|i| i * 3).collect();
        let xy = cloud(50, 1);
        let (sin, cos) = 2.2f32.sin_cos();
        for mirror in [1.0, -1.0] {
            let turn = Turn {
                m: [cos, -sin * mirror, sin, cos * mirror],
                shift: [3.0, -40.0],
            };
            let mut turned = xy.clone();
            turn.apply_all(&mut turned);
            let map = MapOf {
                rows: &rows,
                xy: &turned,
            };
            let onto = MapOf {
                rows: &rows,
                xy: &xy,
            };
            let back = turn_onto(map, onto).unwrap().unwrap();
            back.apply_all(&mut turned);
            assert!(turned.iter().zip(&xy).all(|(a, b)| (a - b).abs() < 1e-4));
        }
    }

    #[test]
    fn no_turn_does_better() {
        let rows: Vec<u32> = (0..40).collect();
        let (one, two) = (cloud(40, 2), cloud(40, 3));
        let off = |xy: &[f32]| -> f64 {
            let pairs = xy.iter().zip(&two);
            pairs.map(|(a, b)| f64::from(a - b).powi(2)).sum()
        };
        let map = MapOf {
            rows: &rows,
            xy: &one,
        };
        let best = turn_onto(
            map,
            MapOf {
                rows: &rows,
                xy: &two,
            },
        )
        .unwrap()
        .unwrap();
        let mut turned = one.clone();
        best.apply_all(&mut turned);
        let least = off(&turned);
        for step in 1..720 {
            let (sin, cos) = (step as f32 * 0.0087266).sin_cos();
            for mirror in [1.0, -1.0] {
                // About the middle of what it is turned onto, where the best one lies as well.
                let mean = |k: usize| two.iter().skip(k).step_by(2).sum::<f32>() / 40.0;
                let (mx, my) = (mean(0), mean(1));
                let around = Turn {
                    m: [cos, -sin * mirror, sin, cos * mirror],
                    shift: [
                        mx - cos * mx + sin * mirror * my,
                        my - sin * mx - cos * mirror * my,
                    ],
                };
                let mut other = turned.clone();
                around.apply_all(&mut other);
                assert!(off(&other) >= least - 1e-2, "step {step}");
            }
        }
    }

    #[test]
    fn rows_of_one_map_alone_do_not_count() {
        let (one, two) = ([1u32, 2, 5, 9, 11], [0u32, 2, 5, 7, 9, 11]);
        assert_eq!(shared(&one, &two), [(1, 1), (2, 2), (3, 4), (4, 5)]);
        let (xy, other) = (cloud(5, 4), cloud(6, 5));
        let few = MapOf {
            rows: &[1, 2],
            xy: &xy[..4],
        };
        let onto = MapOf {
            rows: &two,
            xy: &other,
        };
        assert_eq!(turn_onto(few, onto).unwrap(), None);
        let still = MapOf {
            rows: &one,
            xy: &[1.5; 10],
        };
        assert_eq!(turn_onto(still, onto).unwrap(), None);
        assert!(
            turn_onto(
                MapOf {
                    rows: &one,
                    xy: &xy[..8]
                },
                onto
            )
            .is_err()
        );
    }

    #[test]
    fn only_what_moved_is_said_to_have_moved() {
        let rows: Vec<u32> = (0..400).collect();
        let xy = cloud(400, 6);
        let mut other = xy.clone();
        let turn = Turn {
            m: [0.0, -3.0, 3.0, 0.0],
            shift: [5.0, 5.0],
        };
        // Row 7 goes far away, to the other side.
        let across = |x: f32| if x > 3.0 { -60.0 } else { 60.0 };
        (other[14], other[15]) = (across(xy[14]), across(xy[15]));
        turn.apply_all(&mut other);
        let map = MapOf {
            rows: &rows,
            xy: &xy,
        };
        let found = moves(
            map,
            MapOf {
                rows: &rows,
                xy: &other,
            },
            10,
        )
        .unwrap();
        assert_eq!((found.rows.len(), found.k), (400, 10));
        let most = (0..400).max_by(|a, b| found.moved[*a].total_cmp(&found.moved[*b]));
        assert_eq!(most, Some(7));
        assert!(
            found.moved[7] > 20.0 * found.moved[8],
            "{:?}",
            &found.moved[..10]
        );
        assert!(found.kept[7] < 5);
        let whole = found.kept.iter().filter(|kept| **kept == 10).count();
        assert!(whole > 360, "{whole}");
    }

    #[test]
    fn a_map_has_not_moved_from_itself() {
        let rows: Vec<u32> = (0..60).collect();
        let xy = cloud(60, 8);
        let map = MapOf {
            rows: &rows,
            xy: &xy,
        };
        let found = moves(map, map, 15).unwrap();
        assert!(found.kept.iter().all(|kept| *kept == 15));
        assert!(found.moved.iter().all(|moved| *moved < 1e-5));
        let none = MapOf { rows: &[], xy: &[] };
        assert_eq!(moves(map, none, 15).unwrap(), Moves::default());
        let one = MapOf {
            rows: &[3],
            xy: &[1.0, 2.0],
        };
        assert_eq!(moves(map, one, 15).unwrap().moved, [0.0]);
        assert!(moves(map, map, 256).is_err());
    }
}
