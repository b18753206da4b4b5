//! The points that push others, in an order that chance has made: a few that lie one after another are then as good as a few by chance, and come from
//! memory at once.

use rayon::prelude::*;

use super::force::LANES;
use crate::linear::hash;

/// Points that one task brings up to date.
const CHUNK: usize = 4096;

/// Points by chance.
#[derive(Clone, Debug, Default)]
pub(super) struct Pool {
    xs: Vec<f32>,
    ys: Vec<f32>,
    /// Which points they are. The first ones stand at the end again, so that a draw never ends early.
    rows: Vec<u32>,
    len: usize,
    /// Where random numbers come from.
    pub seed: u64,
}

impl Pool {
    /// All `points`, in an order that depends on `seed`.
    pub fn new(points: &[[f32; 2]], seed: u64) -> Pool {
        let n = points.len();
        let mut rows: Vec<u32> = (0..n as u32).collect();
        for i in (1..n).rev() {
            let chosen = (u128::from(hash(seed ^ 0x0DD5, i as u64)) * (i as u128 + 1)) >> 64;
            rows.swap(i, chosen as usize);
        }
        if n > 0 {
            rows.extend_from_within(..n.min(LANES));
            while rows.len() < n + LANES {
                rows.push(rows[rows.len() - n]);
            }
        }
        let mut pool = Pool {
            xs: vec![0.0; rows.len()],
            ys: vec![0.0; rows.len()],
            rows,
            len: n,
            seed,
        };
        pool.update(points);
        pool
    }

    /// The points moved.
    pub fn update(&mut self, points: &[[f32; 2]]) {
        let places = self
            .xs
            .par_chunks_mut(CHUNK)
            .zip(self.ys.par_chunks_mut(CHUNK));
        places
            .zip(self.rows.par_chunks(CHUNK))
            .for_each(|((xs, ys), rows)| {
                for ((x, y), row) in xs.iter_mut().zip(ys).zip(rows) {
                    [*x, *y] = points[*row as usize];
                }
            });
    }

    /// Some points and which they are, by a random number; nothing of an empty pool.
    #[inline(always)]
    pub fn draw(&self, random: u32) -> (&[f32; LANES], &[f32; LANES], &[u32; LANES]) {
        const NOTHING: (&[f32; LANES], &[u32; LANES]) = (&[f32::NAN; LANES], &[0; LANES]);
        let at = ((u64::from(random) * self.len as u64) >> 32) as usize;
        (
            self.xs[at..].first_chunk().unwrap_or(NOTHING.0),
            self.ys[at..].first_chunk().unwrap_or(NOTHING.0),
            self.rows[at..].first_chunk().unwrap_or(NOTHING.1),
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_point_is_drawn_as_often_as_others() {
        for n in [1u32, 2, 15, 16, 17, 100] {
            let points: Vec<[f32; 2]> = (0..n).map(|i| [i as f32, -(i as f32)]).collect();
            let pool = Pool::new(&points, 3);
            let mut counts = vec![0u32; n as usize];
            let draws = 1000 * n;
            for i in 0..draws {
                let (xs, ys, rows) =
                    pool.draw((u64::from(i) * (1 << 32) / u64::from(draws)) as u32);
                for lane in 0..LANES {
                    assert_eq!(
                        (xs[lane], ys[lane]),
                        (rows[lane] as f32, -(rows[lane] as f32))
                    );
                    counts[rows[lane] as usize] += 1;
                }
            }
            let mean = 1000 * LANES as u32;
            assert!(
                counts
                    .iter()
                    .all(|count| count.abs_diff(mean) <= LANES as u32),
                "{counts:?}"
            );
        }
        let pool = Pool::new(&[], 3);
        assert!(pool.draw(7).0[0].is_nan());
    }
}
