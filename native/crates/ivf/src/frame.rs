//! The space in which rows are coded: centred under `l2`, of length 1 under `cosine`, as they are under `dot`.

use omendb_distance::{Metric, VectorsRef, inv_norm, kernels};

/// Rows that the mean is taken of, at most.
const SAMPLE: usize = 16_384;

/// From rows to what is coded of them.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Frame {
    pub metric: Metric,
    pub dimension: usize,
    /// Under `l2` the mean of a sample, else empty.
    pub mean: Vec<f32>,
}

impl Frame {
    /// The frame of rows.
    pub fn fit(vectors: VectorsRef<'_>, rows: &[u32]) -> Frame {
        let (dimension, metric) = (vectors.dimension, vectors.metric);
        let mut mean = Vec::new();
        if metric == Metric::L2 {
            let count = rows.len().min(SAMPLE);
            let mut sums = vec![0f64; dimension];
            for at in 0..count {
                let row = vectors.row(rows[at * rows.len() / count] as usize);
                sums.iter_mut().zip(row).for_each(|(sum, x)| *sum += f64::from(*x));
            }
            mean = sums.iter().map(|sum| (sum / count.max(1) as f64) as f32).collect();
            // What overflows is better not centred.
            if mean.iter().any(|x| !x.is_finite()) {
                mean.fill(0.0);
            }
        }
        Frame { metric, dimension, mean }
    }

    /// A row as it is coded.
    #[inline]
    pub fn load(&self, vectors: VectorsRef<'_>, row: u32, out: &mut [f32]) {
        let i = row as usize;
        self.place(vectors.row(i), vectors.inv_norm(i), out);
    }

    /// A query as it meets the codes.
    pub fn query(&self, query: &[f32], out: &mut Vec<f32>) {
        out.resize(self.dimension, 0.0);
        let factor = match self.metric {
            Metric::Cosine => inv_norm(query),
            _ => 1.0,
        };
        self.place(query, factor, out);
    }

    #[inline]
    fn place(&self, row: &[f32], factor: f32, out: &mut [f32]) {
        match self.metric {
            Metric::L2 => {
                for ((out, x), mean) in out.iter_mut().zip(row).zip(&self.mean) {
                    *out = x - mean;
                }
            }
            Metric::Cosine => {
                for (out, x) in out.iter_mut().zip(row) {
                    *out = x * factor;
                }
            }
            Metric::Dot => out.copy_from_slice(row),
        }
    }
}

/// The squared length of a vector.
#[inline]
pub(crate) fn squares(vector: &[f32]) -> f32 {
    (kernels().dot)(vector, vector)
}
