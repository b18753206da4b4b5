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

/// Normal values lie within seven standard deviations then.
const REACH: f64 = 1.0;

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
            for column in columns.chunks_exact_mut(rows.len()) {
                let (scale, squared) = fit_column(column, params.width);
                scales.push(scale);
                error += squared;
            }
        }
        Ok(Codec::new(
            vectors.metric,
            params.width,
            &scales,
            (error.sqrt() as f32).min(f32::MAX),
        ))
    }
}

/// The scale with the least mean squared error on the values but for stray ones, and that error on all. Sorts the values.
fn fit_column(values: &mut [f32], width: Width) -> (Scale, f64) {
    values.sort_unstable_by(f32::total_cmp);
    let first = values.partition_point(|x| !x.is_finite() && x.is_sign_negative());
    let end = values.partition_point(|x| x.is_finite() || x.is_sign_negative());
    let values = &values[first..end];
    let kept = within_reach(values);
    let mean = kept.iter().map(|x| f64::from(*x)).sum::<f64>() / kept.len().max(1) as f64;
    let mean = mean as f32;
    let (low, high) = (
        kept.first().copied().unwrap_or(0.0),
        kept.last().copied().unwrap_or(0.0),
    );
    if low >= high || !(high - low).is_finite() {
        let scale = Scale {
            low,
            step: 0.0,
            mean: low,
        };
        return (scale, squared_error(values, scale, width));
    }
    let tried = SHARES.map(|share| {
        // Shrinks each end towards the mean.
        let (low, high) = (mean + (low - mean) * share, mean + (high - mean) * share);
        let step = (high - low) / f32::from(width.max());
        let scale = Scale { low, step, mean };
        (scale, squared_error(kept, scale, width))
    });
    let best = tried.into_iter().min_by(|a, b| a.1.total_cmp(&b.1));
    let scale = best.unwrap_or_default().0;
    (scale, squared_error(values, scale, width))
}

/// Of sorted values those that lie no farther out than [`REACH`] times the spread of all but the outer hundredths. The few beyond would make one
/// code of all the others.
fn within_reach(values: &[f32]) -> &[f32] {
    let (outer, last) = (values.len() / 100, values.len().saturating_sub(1));
    let (Some(low), Some(high)) = (values.get(outer), values.get(last - outer)) else {
        return values;
    };
    let (low, high) = (f64::from(*low), f64::from(*high));
    let reach = (high - low) * REACH;
    if reach == 0.0 {
        return values;
    }
    let start = values.partition_point(|x| f64::from(*x) < low - reach);
    let end = values.partition_point(|x| f64::from(*x) <= high + reach);
    &values[start..end]
}

fn squared_error(values: &[f32], scale: Scale, width: Width) -> f64 {
    let squared = values.iter().map(|x| {
        let error = f64::from(*x) - f64::from(scale.value(scale.code(*x, width)));
        error * error
    });
    squared.sum::<f64>() / values.len().max(1) as f64
}
