//! A fitted codec: from vectors to codes and back.

use omendb_distance::codes::Width;
use omendb_distance::{Metric, VectorsRef};

/// The codes of one dimension.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Scale {
    /// The value of code 0.
    pub low: f32,
    /// From one code to the next; 0 where the dimension has one value only.
    pub step: f32,
    /// The mean of the sample, which squared distances are taken from.
    pub mean: f32,
}

impl Scale {
    /// The nearest code of a value; NaN becomes 0.
    #[inline]
    pub fn code(&self, value: f32, width: Width) -> u8 {
        code((value - self.low) * inverse(self.step), width)
    }

    /// Whether codes stand for finite values, ascending.
    pub fn is_sound(&self) -> bool {
        self.low.is_finite() && self.mean.is_finite() && self.step.is_finite() && self.step >= 0.0
    }

    /// The value that a code stands for.
    #[inline]
    pub fn value(&self, code: u8) -> f32 {
        self.low + self.step * f32::from(code)
    }
}

#[inline]
fn inverse(step: f32) -> f32 {
    if step == 0.0 { 0.0 } else { 1.0 / step }
}

/// Rounds half up.
#[inline]
fn code(at: f32, width: Width) -> u8 {
    (at + 0.5).clamp(0.0, f32::from(width.max())) as u8
}

/// How vectors of a collection become codes. See the crate's page.
#[derive(Clone, Debug, PartialEq)]
pub struct Codec {
    metric: Metric,
    width: Width,
    lows: Vec<f32>,
    steps: Vec<f32>,
    inverses: Vec<f32>,
    means: Vec<f32>,
    /// What the code in the middle stands for, taken from the mean under `l2`.
    middles: Vec<f32>,
    error: f32,
    noise: f32,
    reach: f32,
}

impl Codec {
    pub(crate) fn new(metric: Metric, width: Width, scales: &[Scale], error: f32) -> Codec {
        let middle = f32::from(width.max()) / 2.0;
        let middles = scales.iter().map(|s| {
            let from = if metric == Metric::L2 { s.mean } else { 0.0 };
            s.low - from + s.step * middle
        });
        let squares: f32 = scales.iter().map(|s| s.step * s.step).sum();
        let noise = error * error / squares;
        let noise = match () {
            () if error == 0.0 => 0.0,
            () if noise.is_finite() => noise,
            () => f32::INFINITY,
        };
        let middles: Vec<f32> = middles.collect();
        let reach = middles
            .iter()
            .zip(scales)
            .map(|(m, s)| m.abs() + s.step * middle);
        let reach = reach.map(|x| x * x).sum::<f32>().sqrt();
        Codec {
            metric,
            width,
            middles,
            lows: scales.iter().map(|s| s.low).collect(),
            steps: scales.iter().map(|s| s.step).collect(),
            inverses: scales.iter().map(|s| inverse(s.step)).collect(),
            means: scales.iter().map(|s| s.mean).collect(),
            error,
            noise,
            reach,
        }
    }

    /// How rows are compared.
    pub fn metric(&self) -> Metric {
        self.metric
    }

    /// Bits of a code.
    pub fn width(&self) -> Width {
        self.width
    }

    /// Dimension of the vectors.
    pub fn dimension(&self) -> usize {
        self.steps.len()
    }

    /// Bytes of the codes of one row.
    pub fn row_bytes(&self) -> usize {
        self.width.row_bytes(self.dimension())
    }

    /// The length of the difference between a row of the sample and what its codes stand for, as root mean square. The error of
    /// an inner product is at most this times the norm of the query, and about this divided by the root of the dimension on average.
    pub fn error(&self) -> f32 {
        self.error
    }

    /// Bytes of [`Codec::to_bytes`] for each dimension.
    pub const SCALE_BYTES: usize = 12;

    /// What the codes stand for: for each dimension three little-endian f32, the value of code 0, from one code to the next, the mean.
    pub fn to_bytes(&self) -> Vec<u8> {
        let scales = self.lows.iter().zip(&self.steps).zip(&self.means);
        scales
            .flat_map(|((low, step), mean)| [low, step, mean].map(|x| x.to_le_bytes()))
            .flatten()
            .collect()
    }

    /// The codec of which [`Codec::to_bytes`] gave these bytes. `None` when they are no whole number of dimensions, or hold what no fit gives.
    pub fn from_bytes(metric: Metric, width: Width, error: f32, bytes: &[u8]) -> Option<Codec> {
        let (values, rest) = bytes.as_chunks::<{ Codec::SCALE_BYTES }>();
        let scale = |bytes: &[u8; Codec::SCALE_BYTES]| {
            let at =
                |i: usize| f32::from_le_bytes([bytes[i], bytes[i + 1], bytes[i + 2], bytes[i + 3]]);
            Scale {
                low: at(0),
                step: at(4),
                mean: at(8),
            }
        };
        let scales: Vec<Scale> = values.iter().map(scale).collect();
        let sound = rest.is_empty() && scales.iter().all(Scale::is_sound);
        sound.then(|| Codec::new(metric, width, &scales, error))
    }

    /// A row's squared error in a dimension over the squared step there, on average.
    pub(crate) fn noise(&self) -> f32 {
        self.noise
    }

    /// No decoded row is longer, taken from the mean under `l2`.
    pub(crate) fn reach(&self) -> f32 {
        self.reach
    }

    pub(crate) fn steps(&self) -> &[f32] {
        &self.steps
    }

    pub(crate) fn means(&self) -> &[f32] {
        &self.means
    }

    pub(crate) fn middles(&self) -> &[f32] {
        &self.middles
    }

    /// Encodes rows into `out` ([`Codec::row_bytes`] a row), each row's distance from what its codes stand for into `errors` (one a row, never too
    /// small), and under `l2` its squared distance from the mean into `terms` (one a row; under other metrics empty). Panics when lengths, dimension or
    /// metric do not fit.
    pub fn encode(
        &self,
        vectors: VectorsRef<'_>,
        out: &mut [u8],
        errors: &mut [f32],
        terms: &mut [f32],
    ) {
        assert_eq!(vectors.dimension, self.dimension(), "another dimension");
        assert_eq!(vectors.metric, self.metric, "another metric");
        let n = vectors.len();
        assert_eq!(out.len(), n * self.row_bytes(), "bytes of the codes");
        assert_eq!(errors.len(), n, "one error a row");
        let rounded = 1.0 + crate::query::rounding(self.dimension());
        let wanted = if self.metric == Metric::L2 { n } else { 0 };
        assert_eq!(terms.len(), wanted, "one term a row under l2");
        let mut codes = vec![0u8; self.dimension()];
        let mut differences = vec![0f32; self.dimension()];
        let dot = omendb_distance::kernels().dot;
        for (i, out) in out.chunks_exact_mut(self.row_bytes()).enumerate() {
            let row = vectors.row(i);
            let factor = match self.metric {
                Metric::Cosine => vectors.inv_norm(i),
                _ => 1.0,
            };
            let scales = self.lows.iter().zip(&self.inverses);
            for ((to, x), (low, inverse)) in codes.iter_mut().zip(row).zip(scales) {
                *to = code((x * factor - low) * inverse, self.width);
            }
            self.width.pack(&codes, out);
            let decoded = codes.iter().zip(&self.lows).zip(&self.steps);
            for ((to, x), ((code, low), step)) in differences.iter_mut().zip(row).zip(decoded) {
                *to = x * factor - (low + step * f32::from(*code));
            }
            let error = dot(&differences, &differences).sqrt() * rounded;
            // What is no number bounds nothing.
            errors[i] = if error.is_nan() { f32::INFINITY } else { error };
            if let Some(term) = terms.get_mut(i) {
                for ((to, x), mean) in differences.iter_mut().zip(row).zip(&self.means) {
                    *to = x - mean;
                }
                *term = dot(&differences, &differences);
            }
        }
    }

    /// What the codes of a row stand for, into `out`; under `cosine` a row of about norm 1.
    pub fn decode(&self, row: &[u8], out: &mut [f32]) {
        assert_eq!(out.len(), self.dimension(), "one value a dimension");
        for (at, out) in out.iter_mut().enumerate() {
            *out = self.lows[at] + self.steps[at] * f32::from(self.width.code(row, at));
        }
    }
}
