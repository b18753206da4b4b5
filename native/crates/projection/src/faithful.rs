//! How much of a map is true: whether what lies together on it lies together in the space of the vectors, and the other way round.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use omendb_distance::ShapeError;
use rayon::prelude::*;

use crate::ProjectionError;
use crate::wide::Wide;

/// Rows that one task takes, and whose scores are asked for at once.
const CHUNK: usize = 16;

/// What a map keeps of the neighbourhoods of its rows (Venna, Kaski 2001): 1 when it keeps all.
#[derive(Clone, Debug, PartialEq)]
pub struct Faithfulness {
    /// 1 less a penalty for each neighbour on the map that is none in the space of the vectors, by its rank there. As scikit-learn's `trustworthiness`.
    pub trustworthiness: f64,
    /// The same the other way round: for each true neighbour that is none on the map, by its rank on it.
    pub continuity: f64,
    /// For each row that was looked at the share of its true neighbours that are neighbours on the map, 0 to 1.
    pub kept: Vec<f32>,
}

/// Compares the `k` nearest rows of each of the rows `sample` in the space of the vectors with those on a map of all rows.
///
/// - `xy`: `x0, y0, x1, y1, …` of all rows; finite.
/// - `scores(rows, out)` gives how far all rows are from each of some rows, one after another, smaller is nearer, in the order of the map.
/// - `progress(done, total)` is called from any thread.
///
/// Each row of the sample is asked for once, up to 16 with a call. Rows that are equally far are taken in their order.
///
/// # Errors
/// When `xy` has not two numbers a row, `k` is 0 or not less than half of the rows, a row of the sample does not exist, or after a cancel.
pub fn faithfulness(
    xy: &[f32],
    k: usize,
    sample: &[u32],
    scores: &(dyn Fn(&[u32], &mut [f32]) + Sync),
    progress: &(dyn Fn(usize, usize) + Sync),
    cancel: &AtomicBool,
) -> Result<Faithfulness, ProjectionError> {
    let (points, odd) = xy.as_chunks::<2>();
    let n = points.len();
    let fits = odd.is_empty() && k > 0 && 2 * k < n;
    if !fits || sample.iter().any(|row| *row as usize >= n) {
        return Err(ShapeError::new(format!(
            "{} coordinates, {k} neighbours and a sample of {} rows do not fit together",
            xy.len(),
            sample.len()
        ))
        .into());
    }
    let wide = Wide::best();
    let done = AtomicUsize::new(0);
    let found: Vec<Vec<Row>> = sample
        .par_chunks(CHUNK)
        .map_init(
            || (vec![0.0f32; n * CHUNK.min(sample.len())], vec![0.0f32; n]),
            |(far, flat), rows| {
                if cancel.load(Ordering::Relaxed) {
                    return Vec::new();
                }
                let far = &mut far[..n * rows.len()];
                scores(rows, far);
                let found = rows.iter().zip(far.chunks_exact_mut(n)).map(|(row, far)| {
                    let at = *row as usize;
                    // A row is no neighbour of its own.
                    far[at] = f32::INFINITY;
                    wide.compare(far, points, at, flat, k)
                });
                let found: Vec<Row> = found.collect();
                progress(
                    done.fetch_add(found.len(), Ordering::Relaxed) + found.len(),
                    sample.len(),
                );
                found
            },
        )
        .collect();
    if cancel.load(Ordering::Relaxed) {
        return Err(ProjectionError::Cancelled);
    }
    let found: Vec<Row> = found.concat();
    let (n, k) = (n as f64, k as f64);
    // Each row's worst penalty is this.
    let worst = k * (2.0 * n - 3.0 * k - 1.0) / 2.0;
    let mean = |of: &dyn Fn(&Row) -> u64| {
        let sum: f64 = found.iter().map(|row| of(row) as f64).sum();
        1.0 - sum / (worst * found.len().max(1) as f64)
    };
    Ok(Faithfulness {
        trustworthiness: mean(&|row| row.strangers),
        continuity: mean(&|row| row.lost),
        kept: found.iter().map(|row| row.kept).collect(),
    })
}

/// How far all points are from one of them, squared; it is no neighbour of its own.
#[inline(always)]
fn spread(points: &[[f32; 2]], at: usize, flat: &mut [f32]) {
    let [x, y] = points[at];
    for (flat, point) in flat.iter_mut().zip(points) {
        let (dx, dy) = (point[0] - x, point[1] - y);
        *flat = dx * dx + dy * dy;
    }
    flat[at] = f32::INFINITY;
}

/// The `k` true neighbours of the row at `at`, nearest first, each with whether it is one of the `k` nearest on the map too. `far` says how far all rows are from it.
///
/// # Errors
/// When there are not two coordinates and one score a row, or `at` is none of them.
pub fn kept_neighbours(
    xy: &[f32],
    at: usize,
    far: &mut [f32],
    k: usize,
) -> Result<Vec<(u32, bool)>, ProjectionError> {
    let (points, odd) = xy.as_chunks::<2>();
    if !odd.is_empty() || points.len() != far.len() || at >= points.len() {
        return Err(ShapeError::new(format!(
            "{} coordinates and {} scores for row {at} do not fit together",
            xy.len(),
            far.len()
        ))
        .into());
    }
    let mut flat = vec![0.0; points.len()];
    spread(points, at, &mut flat);
    far[at] = f32::INFINITY;
    let k = k.min(points.len() - 1);
    let near_flat = nearest(&flat, k);
    let near = nearest(far, k).into_iter();
    Ok(near.map(|row| (row, near_flat.contains(&row))).collect())
}

/// What the map makes of one row's neighbours.
#[derive(Clone, Copy)]
pub(crate) struct Row {
    strangers: u64,
    lost: u64,
    kept: f32,
}

/// The neighbours of the row at `at` in the space of the vectors (`far`: how far all rows are from it) and on the map; `flat` is room for the distances there.
#[inline(always)]
pub(crate) fn compare(
    far: &[f32],
    points: &[[f32; 2]],
    at: usize,
    flat: &mut [f32],
    k: usize,
) -> Row {
    spread(points, at, flat);
    let (near, near_flat) = (nearest(far, k), nearest(flat, k));
    let kept = near.iter().filter(|row| near_flat.contains(row)).count();
    // A neighbour in both is not beyond the nearest in either.
    let strangers = near_flat.iter().filter(|row| !near.contains(row));
    let lost = near.iter().filter(|row| !near_flat.contains(row));
    Row {
        strangers: strangers.map(|row| beyond(far, *row, k)).sum(),
        lost: lost.map(|row| beyond(flat, *row, k)).sum(),
        kept: kept as f32 / k as f32,
    }
}

/// The `k` least numbers' places, in the order of the numbers and then of the places.
#[inline(always)]
fn nearest(numbers: &[f32], k: usize) -> Vec<u32> {
    const LOOKED_AT: usize = 64;
    let mut found: Vec<(f32, u32)> = Vec::with_capacity(2 * k);
    let mut bar = f32::INFINITY;
    let order = |a: &(f32, u32), b: &(f32, u32)| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1));
    for (lot, numbers) in numbers.chunks(LOOKED_AT).enumerate() {
        // Most lots have none.
        let some = numbers
            .iter()
            .fold(false, |some, number| some | (*number < bar));
        if !some && found.len() >= k {
            continue;
        }
        for (number, at) in numbers.iter().zip((lot * LOOKED_AT) as u32..) {
            if *number < bar || found.len() < k {
                found.push((*number, at));
                if found.len() == 2 * k {
                    found.select_nth_unstable_by(k - 1, order);
                    found.truncate(k);
                    bar = found[k - 1].0;
                }
            }
        }
    }
    found.sort_unstable_by(order);
    found.iter().take(k).map(|(_, at)| *at).collect()
}

/// How far the rank of a place goes beyond `k`.
#[inline(always)]
fn beyond(numbers: &[f32], place: u32, k: usize) -> u64 {
    let own = numbers[place as usize];
    let (before, after) = numbers.split_at(place as usize);
    let nearer = count(before, |x| x <= own) + count(after, |x| x < own);
    (nearer + 1).saturating_sub(k as u64)
}

/// How many numbers pass, in sums so short that they fit into lanes.
#[inline(always)]
fn count(numbers: &[f32], passes: impl Fn(f32) -> bool) -> u64 {
    let of = |numbers: &[f32]| {
        let sum: u32 = numbers.iter().map(|x| u32::from(passes(*x))).sum();
        u64::from(sum)
    };
    numbers.chunks(1 << 16).map(of).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn measure(data: &[f32], xy: &[f32], k: usize) -> Faithfulness {
        let n = xy.len() / 2;
        let dimension = data.len() / n;
        let scores = |rows: &[u32], out: &mut [f32]| {
            for (row, out) in rows.iter().zip(out.chunks_exact_mut(n)) {
                let own = &data[*row as usize * dimension..][..dimension];
                for (out, other) in out.iter_mut().zip(data.chunks_exact(dimension)) {
                    *out = own.iter().zip(other).map(|(a, b)| (a - b) * (a - b)).sum();
                }
            }
        };
        let all: Vec<u32> = (0..n as u32).collect();
        let cancel = AtomicBool::new(false);
        faithfulness(xy, k, &all, &scores, &|_, _| {}, &cancel).unwrap()
    }

    #[test]
    fn a_map_of_what_is_flat_is_true() {
        let xy: Vec<f32> = (0..80).map(|i| ((i * 37) % 101) as f32).collect();
        let found = measure(&xy, &xy, 5);
        assert_eq!((found.trustworthiness, found.continuity), (1.0, 1.0));
        assert!(found.kept.iter().all(|kept| *kept == 1.0) && found.kept.len() == 40);
    }

    /// Six rows on a line, two of which change places on the map: by hand after scikit-learn's definition.
    #[test]
    fn strangers_and_the_lost_are_weighed_by_their_ranks() {
        let line: Vec<f32> = vec![0.0, 1.0, 2.1, 3.3, 4.6, 6.0];
        let xy = [0.0, 0.0, 4.6, 0.0, 2.1, 0.0, 3.3, 0.0, 1.0, 0.0, 6.0, 0.0];
        let found = measure(&line, &xy, 1);
        // The nearest on the map, with their ranks in truth: 0→4 (4), 1→3 (3), 2→4 (4), 3→2 (1), 4→0 (5), 5→1 (4). The nearest in truth, with their ranks on the
        // map: 0→1 (4), 1→0 (5), 2→1 (4), 3→2 (1), 4→3 (3), 5→4 (4). Both go beyond 1 by 15 in all.
        let right = 1.0 - 2.0 / (6.0 * (12.0 - 3.0 - 1.0)) * 15.0;
        assert_eq!(found.kept, [0.0, 0.0, 0.0, 1.0, 0.0, 0.0]);
        let mut far: Vec<f32> = line.iter().map(|x| (x - 3.3f32).powi(2)).collect();
        let kept = kept_neighbours(&xy, 3, &mut far, 2).unwrap();
        assert_eq!(kept, [(2, true), (4, false)]);
        assert!((found.trustworthiness - right).abs() < 1e-12, "{found:?}");
        assert!((found.continuity - right).abs() < 1e-12, "{found:?}");
    }

    #[test]
    fn what_does_not_fit_is_refused() {
        let none = |_: &[u32], _: &mut [f32]| {};
        let ask = |xy: &[f32], k: usize, sample: &[u32]| {
            let cancel = AtomicBool::new(false);
            faithfulness(xy, k, sample, &none, &|_, _| {}, &cancel)
        };
        assert!(ask(&[0.0; 20], 5, &[0]).is_err());
        assert!(ask(&[0.0; 21], 2, &[0]).is_err());
        assert!(ask(&[0.0; 20], 2, &[10]).is_err());
        assert!(ask(&[0.0; 20], 0, &[1]).is_err());
        assert!(ask(&[0.0; 20], 2, &[]).is_ok());
    }
}
