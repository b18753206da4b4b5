//! Plain k-means (Lloyd 1982) of rows in memory, and what it is made of.

use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

use omendb_distance::kernels;

use crate::frame::squares;
use crate::layout::NONE;
use crate::{parallel, random};

const ITERATIONS: usize = 8;
/// Rows that a thread takes at once.
const CHUNK: usize = 256;

/// Which rows belong to which group.
pub(crate) struct Members {
    pub starts: Vec<usize>,
    pub places: Vec<u32>,
}

impl Members {
    pub fn of(&self, group: usize) -> &[u32] {
        &self.places[self.starts[group]..self.starts[group + 1]]
    }
}

/// Sorts rows by their groups, in each ascending; those of [`NONE`] are left out.
pub(crate) fn members(of: &[u32], groups: usize) -> Members {
    let mut starts = vec![0usize; groups + 1];
    let grouped = || of.iter().zip(0u32..).filter(|(group, _)| **group != NONE);
    grouped().for_each(|(group, _)| starts[*group as usize + 1] += 1);
    for i in 0..groups {
        starts[i + 1] += starts[i];
    }
    let mut next = starts.clone();
    let mut places = vec![0u32; starts[groups]];
    for (group, place) in grouped() {
        let at = &mut next[*group as usize];
        places[*at] = place;
        *at += 1;
    }
    Members { starts, places }
}

pub(crate) fn lengths(rows: &[f32], dimension: usize) -> Vec<f32> {
    rows.chunks_exact(dimension).map(squares).collect()
}

/// Squared distances of a row to centres, less the row's own square.
pub(crate) fn distances(row: &[f32], centres: &[f32], squares: &[f32], out: &mut Vec<f32>) {
    out.resize(squares.len(), 0.0);
    kernels().dot_rows(row, centres, out);
    for (out, squares) in out.iter_mut().zip(squares) {
        *out = squares - 2.0 * *out;
    }
}

/// The least number and its place; place 0 when there is none.
pub(crate) fn least(numbers: &[f32]) -> (f32, usize) {
    let mut best = (f32::INFINITY, 0);
    for (at, number) in numbers.iter().enumerate() {
        if *number < best.0 {
            best = (*number, at);
        }
    }
    best
}

/// `k` centres of rows that lie in memory. Rows that are the same may share a centre, so some may have no rows.
pub(crate) fn lloyd(
    rows: &[f32],
    dimension: usize,
    k: usize,
    seed: u64,
    threads: usize,
    cancel: &AtomicBool,
) -> Vec<f32> {
    let n = rows.len() / dimension;
    let row = |i: usize| &rows[i * dimension..(i + 1) * dimension];
    let k = k.min(n);
    let mut centres = Vec::with_capacity(k * dimension);
    for i in 0..k {
        // One row out of each k-th part.
        let (from, to) = (i * n / k, (i + 1) * n / k);
        let pick = from + (random::hash(seed, i as u64) % (to - from) as u64) as usize;
        centres.extend(
            row(pick)
                .iter()
                .map(|x| if x.is_finite() { *x } else { 0.0 }),
        );
    }
    let of: Vec<AtomicU32> = (0..n).map(|_| AtomicU32::new(0)).collect();
    for _ in 0..ITERATIONS {
        let lengths = lengths(&centres, dimension);
        parallel::for_chunks(threads, 0..n, CHUNK, cancel, Vec::new, |scores, range| {
            for i in range {
                distances(row(i), &centres, &lengths, scores);
                of[i].store(least(scores).1 as u32, Ordering::Relaxed);
            }
        });
        if cancel.load(Ordering::Relaxed) {
            break;
        }
        let mut sums = vec![0f32; k * dimension];
        let mut counts = vec![0usize; k];
        for (i, of) in of.iter().enumerate() {
            let centre = of.load(Ordering::Relaxed) as usize;
            counts[centre] += 1;
            (kernels().add_scaled)(
                &mut sums[centre * dimension..(centre + 1) * dimension],
                1.0,
                row(i),
            );
        }
        // A centre without rows begins again from some row.
        for (centre, count) in counts.iter().enumerate() {
            let at = centre * dimension..(centre + 1) * dimension;
            if *count == 0 {
                let pick = (random::hash(seed ^ 0x5EED, centre as u64) % n as u64) as usize;
                centres[at].copy_from_slice(row(pick));
            } else {
                let share = 1.0 / *count as f32;
                for (to, sum) in centres[at.clone()].iter_mut().zip(&sums[at]) {
                    *to = sum * share;
                }
            }
        }
        centres
            .iter_mut()
            .filter(|x| !x.is_finite())
            .for_each(|x| *x = 0.0);
    }
    centres
}
