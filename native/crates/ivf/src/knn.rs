//! The k-nearest-neighbour graph of all rows, as maps need it.

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use omendb_distance::{ShapeError, VectorsRef};
use thiserror::Error;

use crate::{IndexView, NONE, Neighbor, Scratch, parallel};

/// The recall@10 that neighbours are looked for with: a graph gains nothing from the last hundredths, and they cost most of the time.
const RECALL: f32 = 0.96;

/// Why there is no k-nearest-neighbour graph.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum KnnError {
    /// It was cancelled; the output holds rows in part.
    #[error("cancelled")]
    Cancelled,
    /// Slices or counts do not fit together.
    #[error(transparent)]
    Shape(#[from] ShapeError),
}

/// The caller's slices, cut into one piece a chunk of rows, so that threads write without waiting for each other.
pub(crate) struct KnnOutput<'a> {
    k: usize,
    chunk: usize,
    pieces: Vec<Mutex<(&'a mut [u32], &'a mut [f32])>>,
    rows: usize,
    done: AtomicUsize,
    progress: &'a (dyn Fn(usize, usize) + Sync),
}

impl<'a> KnnOutput<'a> {
    pub(crate) fn new(
        rows: usize,
        k: usize,
        chunk: usize,
        ids: &'a mut [u32],
        scores: &'a mut [f32],
        progress: &'a (dyn Fn(usize, usize) + Sync),
    ) -> Result<KnnOutput<'a>, ShapeError> {
        if k == 0 || rows.checked_mul(k) != Some(ids.len()) || ids.len() != scores.len() {
            return Err(ShapeError::new(format!(
                "{} ids and {} scores for {k} neighbours of {rows} rows",
                ids.len(),
                scores.len()
            )));
        }
        let pieces = ids.chunks_mut(chunk * k).zip(scores.chunks_mut(chunk * k));
        Ok(KnnOutput {
            k,
            chunk,
            pieces: pieces.map(Mutex::new).collect(),
            rows,
            done: AtomicUsize::new(0),
            progress,
        })
    }

    /// Stores what was found for a row; missing neighbours become [`NONE`] and `+inf`.
    pub(crate) fn put(&self, row: usize, found: &[Neighbor]) {
        let mut piece = parallel::lock(&self.pieces[row / self.chunk]);
        let at = row % self.chunk * self.k;
        let (ids, scores) = &mut *piece;
        let ids = &mut ids[at..at + self.k];
        let scores = &mut scores[at..at + self.k];
        for i in 0..self.k {
            let neighbor = found.get(i).copied().unwrap_or(Neighbor {
                id: NONE,
                score: f32::INFINITY,
            });
            ids[i] = neighbor.id;
            scores[i] = neighbor.score;
        }
        drop(piece);
        let done = self.done.fetch_add(1, Ordering::Relaxed) + 1;
        if done.is_multiple_of(256) || done == self.rows {
            (self.progress)(done, self.rows);
        }
    }

    pub(crate) fn finish(self, cancel: &AtomicBool) -> Result<(), KnnError> {
        // A cancel that comes after the last row changes nothing.
        if self.done.into_inner() < self.rows && cancel.load(Ordering::Relaxed) {
            return Err(KnnError::Cancelled);
        }
        Ok(())
    }
}

impl IndexView<'_> {
    /// Finds about the `k` nearest other rows of every row.
    ///
    /// - `ef`: partitions that each search looks at; 0 for as many as find nearly all.
    /// - `threads`: 0 for one a core. The result does not depend on it.
    /// - `progress(done, total)` counts rows; it is called from any thread.
    /// - `out_ids`, `out_scores`: `n * k` each, row after row, ascending by score; [`NONE`] and `+inf` where fewer were found. A row is never its
    ///   own neighbour.
    ///
    /// # Errors
    /// See [`KnnError`].
    #[allow(clippy::too_many_arguments)]
    pub fn knn_graph(
        &self,
        vectors: VectorsRef<'_>,
        k: usize,
        ef: usize,
        threads: usize,
        progress: &(dyn Fn(usize, usize) + Sync),
        cancel: &AtomicBool,
        out_ids: &mut [u32],
        out_scores: &mut [f32],
    ) -> Result<(), KnnError> {
        const CHUNK: usize = 64;
        self.check(vectors)?;
        let n = vectors.len();
        let output = KnnOutput::new(n, k, CHUNK, out_ids, out_scores, progress)?;
        let ef = Some(if ef > 0 { ef } else { self.ef_for(RECALL) });
        parallel::for_chunks(
            parallel::thread_count(threads),
            0..n,
            CHUNK,
            cancel,
            || (Scratch::new(), Vec::new()),
            |(scratch, found), range| {
                for row in range {
                    // One more, for the row itself. The shapes were looked at above.
                    let _ = self.search(vectors, vectors.row(row), k + 1, ef, None, scratch, found);
                    found.retain(|neighbor| neighbor.id as usize != row);
                    found.truncate(k);
                    output.put(row, found);
                }
            },
        );
        output.finish(cancel)
    }
}
