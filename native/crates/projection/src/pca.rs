//! The two principal components, by subspace iteration on the rows themselves: the covariance matrix is never formed, so a
//! dimension of thousands costs no more a number than one of ten.
//!
//! Each step multiplies a basis of a few vectors with the (centred) rows and back, on all cores, then makes it orthonormal again. Chunks
//! have a fixed size and are summed in order, so the result does not depend on the number of threads.

use std::sync::atomic::{AtomicBool, Ordering};

use omendb_distance::{ShapeError, inv_norm, kernels};
use rayon::prelude::*;
use thiserror::Error;

use crate::linear::{combine, eigenvectors, hash, orthonormalize, signed_unit};
use crate::sample::sample;

/// Vectors in the basis: two are wanted, the others make them converge sooner.
const BASIS: usize = 6;
/// Most steps.
const STEPS: usize = 40;
/// The iteration ends when both leading eigenvalues change by less than this part of themselves, two steps in a row...
const SETTLED: f64 = 1e-4;
/// ...and at least this many steps were made.
const MIN_STEPS: usize = 4;
/// Rows that the components are computed from, at most.
const SAMPLE_ROWS: usize = 100_000;
/// Numbers that they are computed from, at most (but never fewer than `MIN_SAMPLE_ROWS` rows).
const SAMPLE_NUMBERS: usize = 50_000_000;
const MIN_SAMPLE_ROWS: usize = 1_000;
/// Rows that one task takes.
const CHUNK: usize = 1_024;
/// Standard deviation of the wider coordinate of the result.
const SPREAD: f64 = 10.0;
/// The largest component of any centred row after scaling lies under this, so that products stay far inside `f32`.
const CEILING: f64 = 1e12;
const FLOOR: f64 = 1e-12;

/// The rows to project: row-major, `n * dimension` floats.
#[derive(Clone, Copy, Debug)]
pub struct Points<'a> {
    /// The rows, one after another.
    pub data: &'a [f32],
    /// Floats in a row, at least 1.
    pub dimension: usize,
    /// Number of rows.
    pub n: usize,
    /// Whether rows are scaled to length 1 first, as cosine collections want; zero rows stay zero.
    pub normalize: bool,
}

/// Why there is no projection.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum ProjectionError {
    /// It was cancelled.
    #[error("cancelled")]
    Cancelled,
    /// The slices do not fit together.
    #[error(transparent)]
    Shape(#[from] ShapeError),
}

/// Projects rows on their first two principal components.
///
/// Gives `n * 2` floats, `x` and `y` of each row in turn: centred on 0, scaled (both alike) so that the wider coordinate has a standard
/// deviation of 10. The same input, seed and instruction set give the same result; the sign of each component is such that its largest
/// loading is positive. Above 100,000 rows (fewer when they are very long) the components come from a sample; all rows are projected.
/// Rows that are all equal lie on 0; so does the second coordinate where rows lie on a line, as they do in dimension 1. The result is
/// finite whatever the rows hold.
pub fn pca2(
    points: Points<'_>,
    seed: u64,
    cancel: &AtomicBool,
) -> Result<Vec<f32>, ProjectionError> {
    let Points {
        data, dimension, n, ..
    } = points;
    if dimension == 0 || n.checked_mul(dimension) != Some(data.len()) {
        return Err(ShapeError::new(format!(
            "{} floats for {n} rows of dimension {dimension}",
            data.len()
        ))
        .into());
    }
    if n == 0 {
        return Ok(Vec::new());
    }
    let rows = Rows::prepare(points, seed, cancel)?;
    let basis = rows.components(seed, cancel)?;
    let mut out = rows.project(&basis[..2.min(basis.len())], cancel)?;
    spread(&mut out);
    Ok(out)
}

/// Rows with all that is needed to centre and scale them on the way.
struct Rows<'a> {
    points: Points<'a>,
    /// Rows that the components come from.
    sample: Vec<u32>,
    /// Mean of the sample, after scaling.
    mean: Vec<f32>,
    /// What each row is multiplied by, when rows are normalised; else empty.
    inv_norms: Vec<f32>,
    /// What every row is multiplied by otherwise.
    scale: f32,
}

impl<'a> Rows<'a> {
    fn prepare(
        points: Points<'a>,
        seed: u64,
        cancel: &AtomicBool,
    ) -> Result<Rows<'a>, ProjectionError> {
        let most = (SAMPLE_NUMBERS / points.dimension).clamp(MIN_SAMPLE_ROWS, SAMPLE_ROWS);
        let mut rows = Rows {
            points,
            sample: sample(points.n, most, seed),
            mean: vec![0.0; points.dimension],
            inv_norms: Vec::new(),
            scale: 1.0,
        };
        let largest = points
            .data
            .par_chunks(CHUNK * 64)
            .map(|chunk| {
                chunk
                    .iter()
                    .filter(|x| x.is_finite())
                    .fold(0.0f32, |max, x| max.max(x.abs()))
            })
            .reduce(|| 0.0, f32::max);
        let largest = f64::from(largest);
        // Rows of ordinary size are left as they are.
        if !points.normalize && largest > 0.0 && !(FLOOR..CEILING).contains(&largest) {
            // Rows of subnormal numbers alone count as zero.
            let scale = (1.0 / largest) as f32;
            rows.scale = if scale.is_finite() { scale } else { 0.0 };
        }
        if points.normalize {
            rows.inv_norms = points
                .data
                .par_chunks_exact(points.dimension)
                .map(inv_norm)
                .collect();
        }
        let sums: Vec<Vec<f64>> = rows
            .sample
            .par_chunks(CHUNK)
            .map(|chunk| {
                let mut sums = vec![0.0f64; points.dimension];
                let mut row = vec![0.0f32; points.dimension];
                for id in chunk {
                    if cancel.load(Ordering::Relaxed) {
                        break;
                    }
                    rows.centred(*id as usize, &mut row);
                    for (sum, x) in sums.iter_mut().zip(&row) {
                        *sum += f64::from(*x);
                    }
                }
                sums
            })
            .collect();
        stop_if(cancel)?;
        let count = rows.sample.len() as f64;
        for sums in &sums {
            for (mean, sum) in rows.mean.iter_mut().zip(sums) {
                *mean += (sum / count) as f32;
            }
        }
        Ok(rows)
    }

    /// Row `i`, scaled, less the mean; what is not finite counts as 0.
    #[inline]
    fn centred(&self, i: usize, out: &mut [f32]) {
        let dimension = self.points.dimension;
        let row = &self.points.data[i * dimension..(i + 1) * dimension];
        let scale = self.inv_norms.get(i).copied().unwrap_or(self.scale);
        for ((out, x), mean) in out.iter_mut().zip(row).zip(&self.mean) {
            let x = x * scale;
            *out = if x.is_finite() { x } else { 0.0 } - mean;
        }
    }

    /// An orthonormal basis whose first vectors are the principal components, the widest first; fewer when there are fewer.
    fn components(&self, seed: u64, cancel: &AtomicBool) -> Result<Vec<Vec<f32>>, ProjectionError> {
        let dimension = self.points.dimension;
        let mut basis: Vec<Vec<f32>> = (0..BASIS.min(dimension))
            .map(|vector| {
                let first = vector * dimension;
                (first..first + dimension)
                    .map(|i| signed_unit(hash(seed, i as u64)))
                    .collect()
            })
            .collect();
        orthonormalize(&mut basis, 0.0);
        let mut before = [0.0f64; 2];
        let mut settled = 0;
        for step in 0..STEPS {
            let (images, gram) = self.multiply(&basis, cancel)?;
            // The rotation that makes the Gram matrix diagonal turns the basis to its principal axes.
            let rotation = eigenvectors(&gram, basis.len());
            let values = [
                rotation.values[0],
                rotation.values.get(1).copied().unwrap_or(0.0),
            ];
            if values[0] <= 0.0 {
                // All rows are equal.
                return Ok(Vec::new());
            }
            let change =
                (0..2).map(|i| (values[i] - before[i]).abs() / values[i].max(values[0] * 1e-9));
            settled = if change.fold(0.0, f64::max) < SETTLED {
                settled + 1
            } else {
                0
            };
            before = values;
            let last = step + 1 >= MIN_STEPS && settled >= 2 || step + 1 == STEPS;
            // The last step keeps the basis that the eigenvalues belong to, turned to its own axes.
            basis = combine(if last { &basis } else { &images }, &rotation.vectors);
            if last {
                let kept = values
                    .iter()
                    .filter(|value| **value > values[0] * 1e-10)
                    .count();
                basis.truncate(kept);
                break;
            }
            orthonormalize(&mut basis, 1e-7);
        }
        for vector in &mut basis {
            let largest = vector.iter().fold(
                0.0f32,
                |max: f32, x| if x.abs() > max.abs() { *x } else { max },
            );
            if largest < 0.0 {
                vector.iter_mut().for_each(|x| *x = -*x);
            }
        }
        Ok(basis)
    }

    /// The basis multiplied by the covariance of the sample (times the number of its rows), and the inner products of the basis in it.
    fn multiply(
        &self,
        basis: &[Vec<f32>],
        cancel: &AtomicBool,
    ) -> Result<(Vec<Vec<f32>>, Vec<f64>), ProjectionError> {
        let (dimension, count) = (self.points.dimension, basis.len());
        let flat = basis.concat();
        let parts: Vec<(Vec<f32>, Vec<f64>)> = self
            .sample
            .par_chunks(CHUNK)
            .map(|chunk| {
                let mut images = vec![0.0f32; count * dimension];
                let mut gram = vec![0.0f64; count * count];
                let mut row = vec![0.0f32; dimension];
                let mut along = [0.0f32; BASIS];
                let along = &mut along[..count];
                for id in chunk {
                    if cancel.load(Ordering::Relaxed) {
                        break;
                    }
                    self.centred(*id as usize, &mut row);
                    kernels().dot_rows(&row, &flat, along);
                    for (image, factor) in images.chunks_exact_mut(dimension).zip(along.iter()) {
                        (kernels().add_scaled)(image, *factor, &row);
                    }
                    for (i, a) in along.iter().enumerate() {
                        for (j, b) in along.iter().enumerate() {
                            gram[i * count + j] += f64::from(*a) * f64::from(*b);
                        }
                    }
                }
                (images, gram)
            })
            .collect();
        stop_if(cancel)?;
        let mut images = vec![0.0f64; count * dimension];
        let mut gram = vec![0.0f64; count * count];
        for (part, part_gram) in &parts {
            for (sum, x) in images.iter_mut().zip(part) {
                *sum += f64::from(*x);
            }
            for (sum, x) in gram.iter_mut().zip(part_gram) {
                *sum += x;
            }
        }
        // The length of an image says nothing that the Gram matrix does not; at length about 1 it stays inside f32.
        let largest = images.iter().fold(0.0f64, |max, x| max.max(x.abs()));
        let scale = if largest > 0.0 { 1.0 / largest } else { 0.0 };
        let images = images
            .chunks_exact(dimension)
            .map(|image| image.iter().map(|x| (x * scale) as f32).collect())
            .collect();
        Ok((images, gram))
    }

    /// Coordinates of all rows along up to two components; missing ones are 0.
    fn project(
        &self,
        components: &[Vec<f32>],
        cancel: &AtomicBool,
    ) -> Result<Vec<f32>, ProjectionError> {
        let mut out = vec![0.0f32; self.points.n * 2];
        out.par_chunks_mut(CHUNK * 2)
            .enumerate()
            .for_each(|(chunk, out)| {
                let mut row = vec![0.0f32; self.points.dimension];
                for (i, xy) in out.chunks_exact_mut(2).enumerate() {
                    if cancel.load(Ordering::Relaxed) {
                        break;
                    }
                    self.centred(chunk * CHUNK + i, &mut row);
                    for (coordinate, component) in xy.iter_mut().zip(components) {
                        *coordinate = (kernels().dot)(&row, component);
                    }
                }
            });
        stop_if(cancel)?;
        Ok(out)
    }
}

fn stop_if(cancel: &AtomicBool) -> Result<(), ProjectionError> {
    if cancel.load(Ordering::Relaxed) {
        return Err(ProjectionError::Cancelled);
    }
    Ok(())
}

/// Centres both coordinates, and scales both alike so that the wider has the spread.
fn spread(out: &mut [f32]) {
    let n = (out.len() / 2) as f64;
    let mut mean = [0.0f64; 2];
    for xy in out.chunks_exact(2) {
        mean[0] += f64::from(xy[0]) / n;
        mean[1] += f64::from(xy[1]) / n;
    }
    let mut variance = [0.0f64; 2];
    for xy in out.chunks_exact(2) {
        for i in 0..2 {
            variance[i] += (f64::from(xy[i]) - mean[i]).powi(2) / n;
        }
    }
    let widest = variance[0].max(variance[1]).sqrt();
    let scale = if widest > 0.0 && widest.is_finite() {
        SPREAD / widest
    } else {
        0.0
    };
    for xy in out.chunks_exact_mut(2) {
        for i in 0..2 {
            let x = ((f64::from(xy[i]) - mean[i]) * scale) as f32;
            xy[i] = if x.is_finite() { x } else { 0.0 };
        }
    }
}
