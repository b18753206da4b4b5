//! Vectors to small codes and back, and what a query makes of them.

use omendb_distance::blocks::{Blocks, Line, Width};
use omendb_distance::kernels;

/// Rows that a codec is fitted to, at most.
const SAMPLE: usize = 4_096;
/// Parts of the sample's range that are tried as the range of the codes: what lies outside is cut off to its ends.
const SHARES: [f32; 8] = [1.0, 0.92, 0.84, 0.76, 0.68, 0.6, 0.52, 0.44];

/// How vectors become codes: for each dimension the value of code 0, and the step from one code to the next.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Codec {
    width: Width,
    lows: Vec<f32>,
    steps: Vec<f32>,
    inverses: Vec<f32>,
    /// What the code in the middle stands for.
    middles: Vec<f32>,
    /// A row's squared error in a dimension over the squared step there, on average.
    noise: f32,
}

impl Codec {
    fn new(width: Width, lows: Vec<f32>, steps: Vec<f32>, noise: f32) -> Codec {
        let middle = f32::from(width.max()) / 2.0;
        let middles = lows
            .iter()
            .zip(&steps)
            .map(|(low, step)| low + step * middle);
        Codec {
            width,
            middles: middles.collect(),
            inverses: steps.iter().map(|step| inverse(*step)).collect(),
            lows,
            steps,
            noise,
        }
    }

    /// The codec with the least squared error on rows of `dimension` numbers (some of them, evenly spread); without rows it codes everything as 0.
    pub fn fit(rows: &[f32], dimension: usize, width: Width) -> Codec {
        let n = rows.len() / dimension;
        let count = n.min(SAMPLE);
        // Column by column, so that each dimension is one run of memory.
        let mut columns = vec![0f32; count * dimension];
        for at in 0..count {
            let row = &rows[at * n / count * dimension..][..dimension];
            for (j, x) in row.iter().enumerate() {
                columns[j * count + at] = *x;
            }
        }
        let (mut lows, mut steps) = (vec![0.0; dimension], vec![0.0; dimension]);
        let (mut error, mut squares) = (0f64, 0f64);
        if count > 0 {
            for (j, column) in columns.chunks_exact_mut(count).enumerate() {
                let (scale, squared) = fit_column(column, width);
                (lows[j], steps[j]) = (scale.low, scale.step);
                error += squared;
                squares += f64::from(scale.step) * f64::from(scale.step);
            }
        }
        let noise = if error > 0.0 {
            (error / squares) as f32
        } else {
            0.0
        };
        let noise = if noise.is_finite() { noise } else { f32::MAX };
        Codec::new(width, lows, steps, noise)
    }

    /// The 7-bit codec whose codes span these least and greatest values.
    pub fn spanning(spans: &[[f32; 2]]) -> Codec {
        let most = f32::from(Width::Seven.max());
        let step = |[low, high]: &[f32; 2]| {
            let step = (high - low) / most;
            if step.is_normal() && step > 0.0 {
                step
            } else {
                0.0
            }
        };
        let low = |[low, _]: &[f32; 2]| if low.is_finite() { *low } else { 0.0 };
        // Errors are spread evenly over a step.
        const NOISE: f32 = 1.0 / 12.0;
        Codec::new(
            Width::Seven,
            spans.iter().map(low).collect(),
            spans.iter().map(step).collect(),
            NOISE,
        )
    }

    /// Bits of a code.
    pub fn width(&self) -> Width {
        self.width
    }

    /// Numbers of a vector.
    pub fn dimension(&self) -> usize {
        self.lows.len()
    }

    /// Bytes of [`Codec::to_bytes`] for each dimension.
    pub const SCALE_BYTES: usize = 8;

    /// For each dimension two little-endian f32: the value of code 0, from one code to the next.
    pub fn to_bytes(&self) -> Vec<u8> {
        let scales = self.lows.iter().zip(&self.steps);
        scales
            .flat_map(|(low, step)| [*low, *step])
            .flat_map(f32::to_le_bytes)
            .collect()
    }

    /// The codec of which [`Codec::to_bytes`] gave these bytes, and its noise. `None` when they hold what no fit gives.
    pub fn from_bytes(width: Width, noise: f32, bytes: &[u8]) -> Option<Codec> {
        let (scales, rest) = bytes.as_chunks::<{ Codec::SCALE_BYTES }>();
        let at = |bytes: &[u8; 8], i: usize| {
            f32::from_le_bytes([bytes[i], bytes[i + 1], bytes[i + 2], bytes[i + 3]])
        };
        let lows: Vec<f32> = scales.iter().map(|bytes| at(bytes, 0)).collect();
        let steps: Vec<f32> = scales.iter().map(|bytes| at(bytes, 4)).collect();
        let sound = rest.is_empty()
            && lows.iter().all(|low| low.is_finite())
            && steps.iter().all(|step| step.is_finite() && *step >= 0.0)
            && noise.is_finite()
            && noise >= 0.0;
        sound.then(|| Codec::new(width, lows, steps, noise))
    }

    /// A row's squared error in a dimension over the squared step there, on average.
    pub fn noise(&self) -> f32 {
        self.noise
    }

    /// The codes of a vector; what is no number becomes 0.
    pub fn encode(&self, vector: &[f32], codes: &mut [u8]) {
        let most = f32::from(self.width.max());
        let scales = self.lows.iter().zip(&self.inverses);
        for ((to, x), (low, inverse)) in codes.iter_mut().zip(vector).zip(scales) {
            *to = code((x - low) * inverse, most);
        }
    }

    /// What codes stand for.
    pub fn decode(&self, codes: &[u8], out: &mut [f32]) {
        let scales = self.lows.iter().zip(&self.steps);
        for ((out, code), (low, step)) in out.iter_mut().zip(codes).zip(scales) {
            *out = low + step * f32::from(*code);
        }
    }
}

#[inline]
fn inverse(step: f32) -> f32 {
    if step == 0.0 { 0.0 } else { 1.0 / step }
}

/// Rounds half up.
#[inline]
fn code(at: f32, most: f32) -> u8 {
    (at + 0.5).clamp(0.0, most) as u8
}

#[derive(Clone, Copy, Default)]
struct Scale {
    low: f32,
    step: f32,
}

/// The scale with the least mean squared error on the values but for stray ones, and that error on all. Sorts the values.
fn fit_column(values: &mut [f32], width: Width) -> (Scale, f64) {
    values.sort_unstable_by(f32::total_cmp);
    let first = values.partition_point(|x| !x.is_finite() && x.is_sign_negative());
    let end = values.partition_point(|x| x.is_finite() || x.is_sign_negative());
    let values = &values[first..end];
    // With many codes nothing has to be cut off.
    let kept = if width == Width::Four {
        within_reach(values)
    } else {
        values
    };
    let mean = kept.iter().map(|x| f64::from(*x)).sum::<f64>() / kept.len().max(1) as f64;
    let mean = mean as f32;
    let low = kept.first().copied().unwrap_or(0.0);
    let high = kept.last().copied().unwrap_or(0.0);
    if low >= high || !(high - low).is_finite() {
        let scale = Scale { low, step: 0.0 };
        return (scale, squared_error(values, scale, width));
    }
    let shares = if width == Width::Four {
        &SHARES[..]
    } else {
        &SHARES[..1]
    };
    let tried = shares.iter().map(|share| {
        // Shrinks each end towards the mean.
        let (low, high) = (mean + (low - mean) * share, mean + (high - mean) * share);
        let step = (high - low) / f32::from(width.max());
        let scale = Scale { low, step };
        (scale, squared_error(kept, scale, width))
    });
    let best = tried.min_by(|a, b| a.1.total_cmp(&b.1));
    let scale = best.unwrap_or_default().0;
    (scale, squared_error(values, scale, width))
}

/// Of sorted values those that lie no farther out than the spread of all but the outer hundredths: normal values within seven standard deviations.
/// The few beyond would make one code of all the others.
fn within_reach(values: &[f32]) -> &[f32] {
    let (outer, last) = (values.len() / 100, values.len().saturating_sub(1));
    let (Some(low), Some(high)) = (values.get(outer), values.get(last - outer)) else {
        return values;
    };
    let (low, high) = (f64::from(*low), f64::from(*high));
    let reach = high - low;
    if reach == 0.0 {
        return values;
    }
    let start = values.partition_point(|x| f64::from(*x) < low - reach);
    let end = values.partition_point(|x| f64::from(*x) <= high + reach);
    &values[start..end]
}

fn squared_error(values: &[f32], scale: Scale, width: Width) -> f64 {
    let (most, inverse) = (f32::from(width.max()), inverse(scale.step));
    let squared = values.iter().map(|x| {
        let code = code((x - scale.low) * inverse, most);
        let error = f64::from(*x) - f64::from(scale.low + scale.step * f32::from(code));
        error * error
    });
    squared.sum::<f64>() / values.len().max(1) as f64
}

/// A query that is prepared for the codes of one codec: its inner product with what codes stand for is `base + unit * sum`, where `sum` is that of
/// the products of its values with the codes. Its memory is used again.
#[derive(Clone, Debug, Default)]
pub(crate) struct CodeQuery {
    /// One a dimension, then zeros, as blocks want it.
    pub values: Vec<i8>,
    pub base: f32,
    pub unit: f32,
    /// The standard deviation of the product's error, for a row like those of the sample.
    pub deviation: f32,
    weights: Vec<f32>,
}

impl CodeQuery {
    /// Prepares what rounding took from another query, so that the sum of both products has next to no slack.
    pub fn set_rest(&mut self, codec: &Codec, of: &CodeQuery) {
        self.weights.clear();
        self.weights.extend(
            of.weights
                .iter()
                .zip(&of.values)
                .map(|(weight, value)| weight - of.unit * f32::from(*value)),
        );
        self.round(codec, 0.0);
    }

    /// Prepares a query of the codec's dimension.
    pub fn set(&mut self, codec: &Codec, query: &[f32]) {
        let dot = kernels().dot;
        self.weights.clear();
        self.weights
            .extend(query.iter().zip(&codec.steps).map(|(q, step)| q * step));
        self.round(codec, dot(query, &codec.middles));
    }

    /// How far the rounding of the query can take the product at most.
    pub fn slack(&self, codec: &Codec) -> f32 {
        let lost = self
            .weights
            .iter()
            .zip(&self.values)
            .map(|(weight, value)| (weight - self.unit * f32::from(*value)).abs());
        lost.sum::<f32>() * f32::from(codec.width.max()) / 2.0
    }

    /// Rounds the weights; `middle` is the product with what the codes in the middle stand for.
    fn round(&mut self, codec: &Codec, middle: f32) {
        let weights = &self.weights;
        let most = (kernels().largest)(weights);
        let unit = if most.is_normal() { most / 127.0 } else { 0.0 };
        let inverse = if unit.is_normal() { 1.0 / unit } else { 0.0 };
        self.values.resize(weights.len(), 0);
        let total = (kernels().round)(weights, inverse, &mut self.values);
        self.deviation = ((kernels().dot)(weights, weights) * codec.noise).sqrt();
        let half = f32::from(codec.width.max()) / 2.0;
        // A row is its middle plus `step * (code - middle)`: taken so, the rounding of the query does not shift the sum, which counts from code 0.
        self.base = middle - unit * half * total as f32;
        self.unit = unit;
        self.values
            .resize(codec.width.query_len(codec.dimension()), 0);
    }
}

/// A query that may be prepared twice: the second time for what rounding took from it. Where vectors lie close together far from their mean, or have few
/// dimensions, 8 bits for a query are fewer than what tells its neighbours apart.
#[derive(Clone, Debug, Default)]
pub(crate) struct FineQuery {
    pub first: CodeQuery,
    rest: CodeQuery,
    fine: bool,
}

impl FineQuery {
    pub fn set(&mut self, codec: &Codec, query: &[f32], fine: bool) {
        self.first.set(codec, query);
        self.fine = fine;
        if fine {
            self.rest.set_rest(codec, &self.first);
        }
    }

    /// As [`Blocks::estimate`]; `times` is how a product goes into the line. `more` is memory for this.
    #[allow(clippy::too_many_arguments)]
    #[inline]
    pub fn estimate(
        &self,
        blocks: Blocks<'_>,
        block: usize,
        line: Line,
        times: f32,
        terms: &[f32],
        out: &mut [f32],
        more: &mut Vec<f32>,
    ) {
        blocks.estimate(&self.first.values, block, line, terms, out);
        if self.fine {
            more.resize(out.len(), 0.0);
            let line = Line {
                base: times * self.rest.base,
                factor: times * self.rest.unit,
            };
            blocks.estimate(&self.rest.values, block, line, &[], more);
            out.iter_mut()
                .zip(more)
                .for_each(|(out, more)| *out += *more);
        }
    }
}
