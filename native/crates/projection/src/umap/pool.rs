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
    points: Vec<[f32; 2]>,
    /// Which points they are. The first ones stand at the end again, so that a draw never ends early.
    rows: Vec<u32>,
    /// Where each point stands.
    places: Vec<u32>,
    /// Where random numbers come from.
    pub seed: u64,
}

/// Which of the points that were drawn is the one that draws.
#[derive(Clone, Copy)]
pub(super) struct Own {
    /// Its first place, and how far the next ones are.
    first: u32,
    every: u32,
}

impl Own {
    /// Whether it is at that place.
    #[inline(always)]
    pub fn is(self, lane: usize) -> bool {
        let lane = lane as u32;
        // Only in a pool of fewer points than lanes it comes again.
        lane == self.first
            || self.every < LANES as u32
                && lane > self.first
                && (lane - self.first).is_multiple_of(self.every)
    }
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
        let mut places = vec![0u32; n];
        for (place, row) in rows.iter().enumerate() {
            places[*row as usize] = place as u32;
        }
        while n > 0 && rows.len() < n + LANES {
            rows.push(rows[rows.len() - n]);
        }
        let mut pool = Pool {
            points: vec![[0.0; 2]; rows.len()],
            rows,
            places,
            seed,
        };
        pool.update(points);
        pool
    }

    /// The points have other numbers: `place` gives the new one of each.
    pub fn renumber(&mut self, place: &[u32]) {
        for row in &mut self.rows {
            *row = place[*row as usize];
        }
        for (at, row) in self.rows.iter().take(place.len()).enumerate() {
            self.places[*row as usize] = at as u32;
        }
    }

    /// The points moved.
    pub fn update(&mut self, points: &[[f32; 2]]) {
        let places = self.points.par_chunks_mut(CHUNK);
        places
            .zip(self.rows.par_chunks(CHUNK))
            .for_each(|(places, rows)| {
                for (place, row) in places.iter_mut().zip(rows) {
                    *place = points[*row as usize];
                }
            });
    }

    /// Some points by a random number, for the point `own`, which need not be one of them; nothing of an empty pool.
    #[inline(always)]
    pub fn draw(&self, random: u32, own: u32) -> (&[[f32; 2]; LANES], Own) {
        const NOTHING: &[[f32; 2]; LANES] = &[[f32::NAN; 2]; LANES];
        let n = self.places.len() as u32;
        let at = ((u64::from(random) * u64::from(n)) >> 32) as u32;
        let own = match self.places.get(own as usize) {
            // It stands before the place that was drawn, or behind it.
            Some(place) if *place < at => Own {
                first: place + n - at,
                every: n,
            },
            Some(place) => Own {
                first: place - at,
                every: n,
            },
            None => Own {
                first: u32::MAX / 2,
                every: u32::MAX / 4,
            },
        };
        let points = self.points[at as usize..].first_chunk();
        (points.unwrap_or(NOTHING), own)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_point_is_drawn_as_often_as_others_and_knows_itself() {
        for n in [1u32, 2, 5, 15, 16, 17, 100] {
            let points: Vec<[f32; 2]> = (0..n).map(|i| [i as f32, -(i as f32)]).collect();
            let pool = Pool::new(&points, 3);
            let mut counts = vec![0u32; n as usize];
            let draws = 1000 * n;
            for i in 0..draws {
                let random = (u64::from(i) * (1 << 32) / u64::from(draws)) as u32;
                let me = i % n;
                let (drawn, own) = pool.draw(random, me);
                for (lane, [x, y]) in drawn.iter().enumerate() {
                    assert_eq!(*x, -y);
                    assert_eq!(own.is(lane), *x as u32 == me, "{n} {i} {lane}");
                    counts[*x as usize] += 1;
                }
                let (_, other) = pool.draw(random, u32::MAX);
                assert!((0..LANES).all(|lane| !other.is(lane)));
            }
            let mean = 1000 * LANES as u32;
            let even = |count: &u32| count.abs_diff(mean) <= LANES as u32;
            assert!(counts.iter().all(even), "{counts:?}");
        }
        let pool = Pool::new(&[], 3);
        assert!(pool.draw(7, 0).0[0][0].is_nan());
    }
}
