use crate::{Kernels, Metric, VectorsRef, kernels};

/// A metric and a query, prepared once, that scores rows of the query's dimension.
///
/// A score is never NaN (what overflowed into NaN scores `+inf`, farthest), so scores order totally.
#[derive(Clone, Copy)]
pub struct Scorer<'a> {
    metric: Metric,
    query: &'a [f32],
    /// Inverse norm of the query under cosine, else 1.
    inv_query: f32,
    kernels: &'static Kernels,
}

impl<'a> Scorer<'a> {
    /// Prepares a query (any length).
    pub fn new(metric: Metric, query: &'a [f32]) -> Scorer<'a> {
        let inv_query = if metric == Metric::Cosine {
            inv_norm(query)
        } else {
            1.0
        };
        Scorer::with_inv_norm(metric, query, inv_query)
    }

    /// Prepares a query whose inverse norm is known (it is used under cosine alone).
    #[inline]
    pub fn with_inv_norm(metric: Metric, query: &'a [f32], inv_query: f32) -> Scorer<'a> {
        Scorer {
            metric,
            query,
            inv_query,
            kernels: kernels(),
        }
    }

    /// The metric.
    pub fn metric(&self) -> Metric {
        self.metric
    }

    /// The query.
    pub fn query(&self) -> &'a [f32] {
        self.query
    }

    /// The score of one row; `inv_norm` is the row's own and is used under cosine alone. Panics when the lengths differ.
    #[inline]
    pub fn score(&self, row: &[f32], inv_norm: f32) -> f32 {
        match self.metric {
            Metric::L2 => self.finish((self.kernels.l2_squared)(self.query, row), inv_norm),
            _ => self.finish((self.kernels.dot)(self.query, row), inv_norm),
        }
    }

    /// The scores of four rows: the same bits as four calls of [`Scorer::score`], faster.
    #[inline]
    pub fn score_4(&self, rows: [&[f32]; 4], inv_norms: [f32; 4]) -> [f32; 4] {
        let raw = match self.metric {
            Metric::L2 => (self.kernels.l2_squared_4)(self.query, rows),
            _ => (self.kernels.dot_4)(self.query, rows),
        };
        [
            self.finish(raw[0], inv_norms[0]),
            self.finish(raw[1], inv_norms[1]),
            self.finish(raw[2], inv_norms[2]),
            self.finish(raw[3], inv_norms[3]),
        ]
    }

    /// Scores all rows of a matrix into `out` (one score a row). Panics when the metric, the dimension or the length of `out`
    /// differs.
    pub fn score_rows(&self, vectors: VectorsRef<'_>, out: &mut [f32]) {
        assert_eq!(self.metric, vectors.metric, "rows of another metric");
        assert_eq!(out.len(), vectors.len(), "one score a row");
        match self.metric {
            Metric::L2 => self.kernels.l2_squared_rows(self.query, vectors.data, out),
            _ => self.kernels.dot_rows(self.query, vectors.data, out),
        }
        if self.metric == Metric::Cosine {
            for (score, inv) in out.iter_mut().zip(vectors.inv_norms) {
                *score = self.finish(*score, *inv);
            }
        } else {
            for score in out {
                *score = self.finish(*score, 1.0);
            }
        }
    }

    #[inline(always)]
    fn finish(&self, raw: f32, inv_norm: f32) -> f32 {
        let score = match self.metric {
            Metric::L2 => raw,
            Metric::Cosine => 1.0 - raw * self.inv_query * inv_norm,
            Metric::Dot => -raw,
        };
        // `min` returns the other operand for NaN: inf - inf of overflowing products must not break the order.
        score.min(f32::INFINITY)
    }
}

/// The inverse of a vector's Euclidean norm; 0 for a zero vector and for one so short (below 1.2e-38) or so long that the
/// inverse is no normal `f32`: such a vector counts as zero.
pub fn inv_norm(row: &[f32]) -> f32 {
    let squares = (kernels().dot)(row, row);
    // Squares of tiny or huge components leave the range of f32 long before the norm itself does.
    let norm = if (1e-24..1e30).contains(&squares) {
        f64::from(squares).sqrt()
    } else {
        let wide: f64 = row.iter().map(|x| f64::from(*x) * f64::from(*x)).sum();
        wide.sqrt()
    };
    if norm < f64::from(f32::MIN_POSITIVE) {
        return 0.0;
    }
    let inverse = (1.0 / norm) as f32;
    if inverse.is_normal() { inverse } else { 0.0 }
}

/// Appends the inverse norm of every row of a row-major matrix. Panics when `dimension` is 0.
pub fn inv_norms(data: &[f32], dimension: usize, out: &mut Vec<f32>) {
    out.extend(data.chunks_exact(dimension).map(inv_norm));
}
