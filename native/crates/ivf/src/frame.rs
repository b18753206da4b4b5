//! The space in which rows are coded: centred under `l2`, of length 1 under `cosine`, as they are under `dot`; and along fewer axes where that leaves
//! next to nothing out.

use std::sync::Mutex;
use std::sync::atomic::AtomicBool;

use omendb_distance::{Metric, VectorsRef, inv_norm, kernels};

use crate::basis::Basis;
use crate::codec::CodeQuery;
use crate::parallel;

/// Rows that the frame is fitted to, at most.
const SAMPLE: usize = 4_096;

/// From rows to what is coded of them.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Frame {
    pub metric: Metric,
    pub dimension: usize,
    /// Under `l2` the mean of a sample, else empty.
    pub mean: Vec<f32>,
    /// Where there are axes enough.
    pub basis: Option<Basis>,
    /// What the axes leave out of the squared length of a row, on average.
    pub rest: f32,
}

impl Frame {
    /// The frame of rows.
    pub fn fit(
        vectors: VectorsRef<'_>,
        rows: &[u32],
        seed: u64,
        threads: usize,
        cancel: &AtomicBool,
    ) -> Frame {
        let (dimension, metric) = (vectors.dimension, vectors.metric);
        let count = rows.len().min(SAMPLE);
        let sample = || (0..count).map(|at| rows[at * rows.len() / count.max(1)] as usize);
        let mut frame = Frame {
            metric,
            dimension,
            mean: Vec::new(),
            basis: None,
            rest: 0.0,
        };
        if metric == Metric::L2 {
            let mut sums = vec![0f64; dimension];
            for row in sample() {
                sums.iter_mut()
                    .zip(vectors.row(row))
                    .for_each(|(sum, x)| *sum += f64::from(*x));
            }
            frame.mean = sums
                .iter()
                .map(|sum| (sum / count.max(1) as f64) as f32)
                .collect();
            // What overflows is better not centred.
            if frame.mean.iter().any(|x| !x.is_finite()) {
                frame.mean.fill(0.0);
            }
        }
        let mut placed = vec![0f32; count * dimension];
        for (row, placed) in sample().zip(placed.chunks_exact_mut(dimension)) {
            frame.place(vectors.row(row), vectors.inv_norm(row), placed);
        }
        frame.basis = Basis::fit(&placed, dimension, seed, threads, cancel);
        if let Some(basis) = &frame.basis {
            let mut along = vec![0f32; basis.len()];
            let rests = placed.chunks_exact(dimension).map(|row| {
                basis.project(row, &mut along);
                (squares(row) - squares(&along)).max(0.0)
            });
            frame.rest = rests.sum::<f32>() / count as f32;
        }
        frame
    }

    /// Numbers of a coded row.
    pub fn width(&self) -> usize {
        self.basis.as_ref().map_or(self.dimension, Basis::len)
    }

    /// All rows along the axes, and the squares of what they leave out, if there are axes.
    pub fn project(
        &self,
        vectors: VectorsRef<'_>,
        rows: &[u32],
        threads: usize,
        cancel: &AtomicBool,
    ) -> Option<Projected> {
        /// Rows that a thread takes at once.
        const CHUNK: usize = 64;
        let basis = self.basis.as_ref()?;
        let width = basis.len();
        let mut projected = Projected {
            rows: vec![0.0; rows.len() * width],
            rests: vec![0.0; rows.len()],
        };
        let pieces = projected
            .rows
            .chunks_mut(CHUNK * width)
            .zip(projected.rests.chunks_mut(CHUNK));
        let pieces: Vec<Mutex<(&mut [f32], &mut [f32])>> = pieces.map(Mutex::new).collect();
        let fresh = || vec![0f32; self.dimension];
        parallel::for_chunks(
            threads,
            0..pieces.len(),
            1,
            cancel,
            fresh,
            |placed, range| {
                for piece in range {
                    let mut piece_out = parallel::lock(&pieces[piece]);
                    let (along, rests) = &mut *piece_out;
                    for (i, (along, rest)) in along
                        .chunks_exact_mut(width)
                        .zip(rests.iter_mut())
                        .enumerate()
                    {
                        let row = rows[piece * CHUNK + i] as usize;
                        self.place(vectors.row(row), vectors.inv_norm(row), placed);
                        basis.project(placed, along);
                        *rest = (squares(placed) - squares(along)).max(0.0);
                    }
                }
            },
        );
        drop(pieces);
        Some(projected)
    }

    /// A row as it is coded, without axes.
    #[inline]
    pub fn load(&self, vectors: VectorsRef<'_>, row: u32, out: &mut [f32]) {
        let i = row as usize;
        self.place(vectors.row(i), vectors.inv_norm(i), out);
    }

    /// A query as it meets the codes, into `out`; gives the square of what the axes leave out.
    pub fn query(
        &self,
        query: &[f32],
        exact: bool,
        work: &mut FrameQuery,
        out: &mut Vec<f32>,
    ) -> f32 {
        let factor = match self.metric {
            Metric::Cosine => inv_norm(query),
            _ => 1.0,
        };
        let Some(basis) = &self.basis else {
            out.resize(self.dimension, 0.0);
            self.place(query, factor, out);
            return 0.0;
        };
        work.placed.resize(self.dimension, 0.0);
        self.place(query, factor, &mut work.placed);
        if exact {
            out.resize(basis.len(), 0.0);
            basis.project(&work.placed, out);
        } else {
            basis.project_quickly(&work.placed, &mut work.codes, out);
        }
        (squares(&work.placed) - squares(out)).max(0.0)
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

/// Rows along the axes of a frame.
pub(crate) struct Projected {
    pub rows: Vec<f32>,
    /// The square of what is left out, one a row.
    pub rests: Vec<f32>,
}

/// What a query needs on its way into the frame.
#[derive(Default)]
pub(crate) struct FrameQuery {
    placed: Vec<f32>,
    codes: CodeQuery,
}

/// The squared length of a vector.
#[inline]
pub(crate) fn squares(vector: &[f32]) -> f32 {
    (kernels().dot)(vector, vector)
}
