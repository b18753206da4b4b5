//! Fewer dimensions where the rows hardly use the others: the leading principal axes, by subspace iteration.

use std::sync::Mutex;
use std::sync::atomic::AtomicBool;

use omendb_distance::blocks::{Blocks, LANES, Line, Width};
use omendb_distance::kernels;

use crate::codec::{CodeQuery, Codec};
use crate::{parallel, random};

/// Vectors of lower dimension stay as they are.
const LEAST_DIMENSION: usize = 192;
/// The part of the rows' squares that the axes may leave out, and of the squared differences of near rows.
const LEFT_OUT: f64 = 0.03;
const LEFT_OUT_NEAR: f64 = 0.12;
/// Rows whose nearest others are looked for, and how many of these.
const QUERIES: usize = 512;
const NEAREST: usize = 8;
/// Axes come in such numbers.
const STEP: usize = 16;
const ITERATIONS: usize = 8;
/// After this many the iteration is given up when the axes are far from enough.
const FIRST: usize = 2;
const HOPELESS: f64 = 0.2;

/// Orthonormal axes, and their codes for quick projections.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Basis {
    /// One after another.
    pub axes: Vec<f32>,
    pub dimension: usize,
    codec: Codec,
    codes: Vec<u8>,
}

impl Basis {
    /// The axes that leave out next to nothing of the rows, nor of what tells near rows apart; `None` when there are not enough of them that are fewer
    /// than half of the dimensions.
    pub fn fit(
        rows: &[f32],
        dimension: usize,
        seed: u64,
        threads: usize,
        cancel: &AtomicBool,
    ) -> Option<Basis> {
        let n = rows.len() / dimension;
        let most = dimension / 2 / STEP * STEP;
        if dimension < LEAST_DIMENSION || n < 2 * most {
            return None;
        }
        let near = differences(rows, dimension, threads, cancel);
        let kinds = [rows, &near].map(|rows| moments(rows, dimension, threads, cancel));
        let totals = kinds.each_ref().map(|moments| {
            (0..dimension)
                .map(|i| f64::from(moments[i * dimension + i]))
                .sum::<f64>()
        });
        if totals
            .iter()
            .any(|total| !total.is_normal() || *total < 0.0)
        {
            return None;
        }
        let shares = totals.map(|total| (1.0 / total) as f32);
        let both: Vec<f32> = kinds[0]
            .iter()
            .zip(&kinds[1])
            .map(|(a, b)| a * shares[0] + b * shares[1])
            .collect();
        let mut axes: Vec<f32> = (0..most * dimension)
            .map(|i| (random::hash(seed, i as u64) >> 40) as f32 / 8_388_608.0 - 1.0)
            .collect();
        orthonormalize(&mut axes, dimension);
        for iteration in 0..ITERATIONS {
            axes = multiply(&both, &axes, dimension, threads, cancel);
            orthonormalize(&mut axes, dimension);
            if iteration + 1 == FIRST {
                let found: f64 = spread(&both, &axes, dimension, threads, cancel)
                    .iter()
                    .sum();
                if found < 2.0 * (1.0 - HOPELESS) {
                    return None;
                }
            }
        }
        let spreads = kinds
            .each_ref()
            .map(|moments| spread(moments, &axes, dimension, threads, cancel));
        let mut found = [0.0; 2];
        let kept = (STEP..=most).step_by(STEP).find(|kept| {
            for (found, spread) in found.iter_mut().zip(&spreads) {
                *found += spread[kept - STEP..*kept].iter().sum::<f64>();
            }
            found[0] >= totals[0] * (1.0 - LEFT_OUT)
                && found[1] >= totals[1] * (1.0 - LEFT_OUT_NEAR)
        })?;
        axes.truncate(kept * dimension);
        let sound = axes.iter().all(|x| x.is_finite());
        sound.then(|| Basis::new(axes, dimension))
    }

    /// Axes that were fitted before: a whole number of them.
    pub fn new(axes: Vec<f32>, dimension: usize) -> Basis {
        let codec = Codec::fit(&axes, dimension, Width::Seven);
        let count = axes.len() / dimension;
        let bytes = codec.width().block_bytes(dimension);
        let mut codes = vec![0; count.div_ceil(LANES) * bytes];
        let mut row = vec![0; dimension];
        for (at, axis) in axes.chunks_exact(dimension).enumerate() {
            codec.encode(axis, &mut row);
            codec
                .width()
                .put(&mut codes[at / LANES * bytes..][..bytes], at % LANES, &row);
        }
        Basis {
            axes,
            dimension,
            codec,
            codes,
        }
    }

    /// Number of axes.
    pub fn len(&self) -> usize {
        self.axes.len() / self.dimension
    }

    /// A vector along the axes.
    pub fn project(&self, vector: &[f32], out: &mut [f32]) {
        kernels().dot_rows(vector, &self.axes, out);
    }

    /// As [`Basis::project`], about: an error far below that of codes of 4 bits, in a fraction of the time.
    pub fn project_quickly(&self, vector: &[f32], work: &mut CodeQuery, out: &mut Vec<f32>) {
        work.set(&self.codec, vector);
        let line = Line {
            base: work.base,
            factor: work.unit,
        };
        out.resize(self.len().next_multiple_of(LANES), 0.0);
        if let Some(blocks) = Blocks::new(&self.codes, self.dimension, Width::Seven) {
            blocks.estimate(&work.values, 0, line, &[], out);
        }
        out.truncate(self.len());
    }
}

/// What lies between some rows and the nearest others.
fn differences(rows: &[f32], dimension: usize, threads: usize, cancel: &AtomicBool) -> Vec<f32> {
    let n = rows.len() / dimension;
    let count = QUERIES.min(n);
    let row = |i: usize| &rows[i * dimension..(i + 1) * dimension];
    let found: Vec<Mutex<Vec<f32>>> = (0..count).map(|_| Mutex::default()).collect();
    parallel::for_chunks(
        threads,
        0..count,
        4,
        cancel,
        || vec![0.0; n],
        |distances, range| {
            for query in range {
                let own = query * n / count;
                kernels().l2_squared_rows(row(own), rows, distances);
                distances[own] = f32::INFINITY;
                let mut order: Vec<usize> = (0..n).collect();
                let most = NEAREST.min(n - 1);
                order.select_nth_unstable_by(most, |a, b| distances[*a].total_cmp(&distances[*b]));
                let near = order[..most]
                    .iter()
                    .flat_map(|other| row(*other).iter().zip(row(own)));
                *parallel::lock(&found[query]) = near.map(|(a, b)| a - b).collect();
            }
        },
    );
    found
        .into_iter()
        .flat_map(|found| found.into_inner().unwrap_or_default())
        .collect()
}

/// Second moments of rows: for each pair of dimensions the sum of products.
fn moments(rows: &[f32], dimension: usize, threads: usize, cancel: &AtomicBool) -> Vec<f32> {
    /// Rows of the result that one task makes, and rows of the input that they meet at a time.
    const TILE: usize = 64;
    let mut out = vec![0f32; dimension * dimension];
    let pieces: Vec<Mutex<&mut [f32]>> = out.chunks_mut(TILE * dimension).map(Mutex::new).collect();
    parallel::for_chunks(
        threads,
        0..pieces.len(),
        1,
        cancel,
        || (),
        |(), range| {
            for piece in range {
                let mut out = parallel::lock(&pieces[piece]);
                for rows in rows.chunks(TILE * dimension) {
                    for (i, out) in out.chunks_exact_mut(dimension).enumerate() {
                        for row in rows.chunks_exact(dimension) {
                            (kernels().add_scaled)(out, row[piece * TILE + i], row);
                        }
                    }
                }
            }
        },
    );
    drop(pieces);
    out
}

/// Each axis times the (symmetric) matrix.
fn multiply(
    matrix: &[f32],
    axes: &[f32],
    dimension: usize,
    threads: usize,
    cancel: &AtomicBool,
) -> Vec<f32> {
    let mut out = vec![0f32; axes.len()];
    let pieces: Vec<Mutex<&mut [f32]>> = out.chunks_mut(dimension).map(Mutex::new).collect();
    parallel::for_chunks(
        threads,
        0..pieces.len(),
        4,
        cancel,
        || (),
        |(), range| {
            for axis in range {
                let mut out = parallel::lock(&pieces[axis]);
                kernels().dot_rows(
                    &axes[axis * dimension..(axis + 1) * dimension],
                    matrix,
                    &mut out,
                );
            }
        },
    );
    drop(pieces);
    out
}

/// The squares of the rows along each axis.
fn spread(
    matrix: &[f32],
    axes: &[f32],
    dimension: usize,
    threads: usize,
    cancel: &AtomicBool,
) -> Vec<f64> {
    let images = multiply(matrix, axes, dimension, threads, cancel);
    let pairs = images
        .chunks_exact(dimension)
        .zip(axes.chunks_exact(dimension));
    pairs
        .map(|(image, axis)| f64::from((kernels().dot)(image, axis)))
        .collect()
}

/// Makes the axes orthonormal, in order (Gram-Schmidt, each twice).
fn orthonormalize(axes: &mut [f32], dimension: usize) {
    for at in 0..axes.len() / dimension {
        let (before, rest) = axes.split_at_mut(at * dimension);
        let axis = &mut rest[..dimension];
        for _ in 0..2 {
            for other in before.chunks_exact(dimension) {
                let along = (kernels().dot)(other, axis);
                (kernels().add_scaled)(axis, -along, other);
            }
            let length = (kernels().dot)(axis, axis).sqrt();
            let scale = if length > 0.0 { 1.0 / length } else { 0.0 };
            axis.iter_mut().for_each(|x| *x *= scale);
        }
    }
}
