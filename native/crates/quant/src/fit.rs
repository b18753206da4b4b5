//! Fitting a codec to rows.

use omendb_distance::{Metric, ShapeError, VectorsRef};

use crate::Codec;
use crate::codec::Scale;
use omendb_distance::codes::Width;

/// How to fit.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct FitParams {
    /// Bits of a code.
    pub width: Width,
    /// Rows that are looked at, evenly spread over all.
    pub sample: usize,
}

impl FitParams {
    /// Codes of a width, fitted to 10,000 rows.
    pub fn new(width: Width) -> FitParams {
        FitParams {
            width,
            sample: 10_000,
        }
    }
}

/// Why there is no codec.
pub type FitError = ShapeError;

/// Parts of the sample's range that are tried as the range of the codes: what lies outside is cut off to its ends.
const SHARES: [f32; 8] = [1.0, 0.92, 0.84, 0.76, 0.68, 0.6, 0.52, 0.44];

impl Codec {
    /// Fits a codec to rows. Without rows it fits nothing and codes everything as 0.
    ///
    /// # Errors
    /// When the matrix does not fit together.
    pub fn fit(vectors: VectorsRef<'_>, params: &FitParams) -> Result<Codec, FitError> {
        vectors.check()?;
        let (n, dimension) = (vectors.len(), vectors.dimension);
        let count = params.sample.clamp(1, n.max(1));
        let rows: Vec<usize> = (0..count.min(n)).map(|i| i * n / count).collect();
        // Column by column, so that each dimension is one run of memory.
        let mut columns = vec![0f32; rows.len() * dimension];
        for (at, row) in rows.iter().enumerate() {
            let factor = match vectors.metric {
                Metric::Cosine => vectors.inv_norm(*row),
                _ => 1.0,
            };
            for (j, x) in vectors.row(*row).iter().enumerate() {
                columns[j * rows.len() + at] = x * factor;
            }
        }
        let mut scales = Vec::with_capacity(dimension);
        let mut error = 0f64;
        if rows.is_empty() {
            scales.resize(dimension, Scale::default());
        } else {
            for column in columns.chunks_exact(rows.len()) {
                let (scale, squared) = fit_column(column, params.width);
                scales.push(scale);
                error += squared;
            }
        }
        Ok(Codec::new(
            vectors.metric,
            params.width,
            &scales,
            error.sqrt() as f32,
        ))
    }
}

/// The scale with the least mean squared error on the values, and that error.
fn fit_column(values: &[f32], width: Width) -> (Scale, f64) {
    let finite = values.iter().copied().filter(|x| x.is_finite());
    let (low, high) = finite.fold((f32::INFINITY, f32::NEG_INFINITY), |(low, high), x| {
        (low.min(x), high.max(x))
    });
    let mean = values.iter().map(|x| f64::from(*x)).sum::<f64>() / values.len() as f64;
    let mean = mean as f32;
    if low >= high || !mean.is_finite() {
        let only = if low.is_finite() { low } else { 0.0 };
        let scale = Scale {
            low: only,
            step: 0.0,
            mean: only,
        };
        return (scale, 0.0);
    }
    let tried = SHARES.map(|share| {
        // Shrinks each end towards the mean.
        let (low, high) = (mean + (low - mean) * share, mean + (high - mean) * share);
        let step = (high - low) / f32::from(width.max());
        let scale = Scale { low, step, mean };
        let squared = values.iter().map(|x| {
            let error = f64::from(x - scale.value(scale.code(*x, width)));
            error * error
        });
        (scale, squared.sum::<f64>() / values.len() as f64)
    });
    let best = tried.into_iter().min_by(|a, b| a.1.total_cmp(&b.1));
    best.unwrap_or_default()
}
