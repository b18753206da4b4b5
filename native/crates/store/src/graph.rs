//! What maps are drawn from: the neighbour graph and the principal components of all live rows.

use std::borrow::Cow;
use std::sync::atomic::AtomicBool;

use omendb_distance::{Metric, inv_norms, to_distance};
use omendb_ivf::{KnnError, NONE, VectorsRef, exact};
use omendb_projection::{Points, ProjectionError, pca2};

use crate::error::{Error, Result};
use crate::nearest::{EXACT_ROWS, cancelled, merged, own_index, usable_index};
use crate::snapshot::Snapshot;

/// Most neighbours a row.
pub const MAX_GRAPH_K: usize = 256;
/// Without an index, up to so many products of two numbers it takes less time than the index would (a quarter of a second on two cores).
const EXACT_PRODUCTS: usize = 20_000_000_000;
/// Seed of the components' sample.
const PCA_SEED: u64 = 42;

/// The nearest rows of every row.
#[derive(Debug, Clone, PartialEq)]
pub struct KnnGraph {
    /// All live rows, ascending.
    pub rows: Vec<u32>,
    /// Neighbours a row.
    pub k: usize,
    /// `rows.len() * k` positions in `rows`, nearest first, the row itself not among them; `u32::MAX` where there are fewer.
    pub ids: Vec<u32>,
    /// The distances, infinite where there is no neighbour.
    pub distances: Vec<f32>,
}

/// Vectors that were copied out of their parts.
struct Chosen {
    dimension: usize,
    metric: Metric,
    data: Vec<f32>,
    /// Under cosine, else empty.
    inv_norms: Vec<f32>,
}

impl Chosen {
    fn vectors(&self) -> VectorsRef<'_> {
        VectorsRef {
            data: &self.data,
            inv_norms: &self.inv_norms,
            dimension: self.dimension,
            metric: self.metric,
        }
    }
}

impl Snapshot {
    /// The `k` nearest other rows of every live row in vector column `column`, or of `among` (row numbers, ascending) among these: from the index where there
    /// is one, exact where the rows are few. The vectors of chosen rows are copied.
    ///
    /// `progress(done, total)` is called from any thread; `cancel` ends the work within moments.
    ///
    /// # Errors
    /// `UNKNOWN_COLUMN`, `UNKNOWN_ROW`, `INVALID_REQUEST` (`k` of 0, rows that do not ascend), `LIMIT_EXCEEDED` (`k` past [`MAX_GRAPH_K`], or more numbers than
    /// memory can address), `CANCELLED`.
    pub fn knn_graph(
        &self,
        column: usize,
        among: Option<&[u32]>,
        k: usize,
        cancel: &AtomicBool,
        progress: &(dyn Fn(usize, usize) + Sync),
    ) -> Result<KnnGraph> {
        let metric = self.vector_spec(column)?.metric;
        if k == 0 {
            return Err(Error::invalid(
                "a neighbour graph takes at least one neighbour a row",
            ));
        }
        if k > MAX_GRAPH_K {
            return Err(Error::LimitExceeded {
                what: "neighbours of a row".to_owned(),
                limit: MAX_GRAPH_K as u64,
                actual: k as u64,
            });
        }
        let (rows, all) = self.chosen(among)?;
        let mut ids = vec![NONE; rows.len() * k];
        let mut distances = vec![f32::INFINITY; rows.len() * k];
        match self.parts() {
            _ if !all => {
                let copy = self.chosen_vectors(column, &rows)?;
                let vectors = copy.vectors();
                let (ids, distances) = (&mut ids, &mut distances);
                if rows.len() <= EXACT_ROWS || is_short(vectors) {
                    exact::knn_graph(vectors, k, 0, progress, cancel, ids, distances)
                } else {
                    let own = own_index(vectors, cancel, progress)?;
                    let view = own.view();
                    view.knn_graph(vectors, k, 0, 0, progress, cancel, ids, distances)
                }
                .map_err(knn_error)?;
            }
            [] => {}
            [part] if rows.len() == part.rows as usize => {
                let vectors = self.vectors_of(part, column)?;
                let index = usable_index(part, column, vectors);
                let own;
                let view = match index {
                    _ if rows.len() <= EXACT_ROWS => None,
                    Some(index) => Some(index.view().map_err(|e| Error::internal(e.to_string()))?),
                    None if is_short(vectors) => None,
                    None => {
                        own = own_index(vectors, cancel, progress)?;
                        Some(own.view())
                    }
                };
                match view {
                    Some(view) => {
                        view.knn_graph(vectors, k, 0, 0, progress, cancel, &mut ids, &mut distances)
                    }
                    None => {
                        exact::knn_graph(vectors, k, 0, progress, cancel, &mut ids, &mut distances)
                    }
                }
                .map_err(knn_error)?;
            }
            _ => {
                let own = self.own_indexes(column, &rows, rows.len(), cancel)?;
                let sources = self.nearest_sources(column, &own, &rows)?;
                let me = |at: usize| at as u32;
                let out = (&mut ids[..], &mut distances[..]);
                merged(&sources, &rows, me, k, cancel, progress, out)?;
            }
        }
        self.let_go(column);
        for d in &mut distances {
            *d = to_distance(metric, *d);
        }
        Ok(KnnGraph {
            rows,
            k,
            ids,
            distances,
        })
    }

    /// All rows, or those that were asked for, and whether they are all.
    fn chosen(&self, among: Option<&[u32]>) -> Result<(Vec<u32>, bool)> {
        let Some(among) = among.filter(|among| among.len() as u64 != self.len()) else {
            return Ok((self.live_rows().into_iter().collect(), true));
        };
        if !among.is_sorted_by(|a, b| a < b) {
            return Err(Error::invalid("the rows of a map must ascend"));
        }
        match among.iter().find(|row| !self.contains(**row)) {
            Some(row) => Err(Error::UnknownRow { row: *row }),
            None => Ok((among.to_vec(), false)),
        }
    }

    /// The vectors of some rows, one after another.
    fn chosen_vectors(&self, column: usize, rows: &[u32]) -> Result<Chosen> {
        let spec = self.vector_spec(column)?;
        let mut copied = Chosen {
            dimension: spec.dimension,
            metric: spec.metric,
            data: Vec::with_capacity(rows.len() * spec.dimension),
            inv_norms: Vec::new(),
        };
        for row in rows {
            copied.data.extend_from_slice(self.vector(*row, column)?);
        }
        if spec.metric == Metric::Cosine {
            inv_norms(&copied.data, spec.dimension, &mut copied.inv_norms);
        }
        Ok(copied)
    }

    /// Live rows, or `among` (row numbers, ascending), and for each its first two principal components in vector column `column`, x0, y0, x1, y1, …; the wider axis has a
    /// standard deviation of 10. Cosine columns are taken at length 1.
    ///
    /// # Errors
    /// `UNKNOWN_COLUMN`, `UNKNOWN_ROW`, `INVALID_REQUEST` (rows that do not ascend), `CANCELLED`.
    pub fn pca(
        &self,
        column: usize,
        among: Option<&[u32]>,
        cancel: &AtomicBool,
    ) -> Result<(Vec<u32>, Vec<f32>)> {
        let spec = self.vector_spec(column)?;
        let (rows, all) = self.chosen(among)?;
        let mut data: Cow<'_, [f32]> = Cow::Borrowed(&[]);
        if !all {
            data = Cow::Owned(self.chosen_vectors(column, &rows)?.data);
        }
        for part in self.parts().iter().filter(|_| all) {
            let vectors = self.vectors_of(part, column)?;
            if part.rows as usize == rows.len() && self.live_in(part) == rows.len() {
                data = Cow::Borrowed(vectors.data);
                break;
            }
            let data = data.to_mut();
            if data.is_empty() {
                data.reserve_exact(rows.len() * spec.dimension);
            }
            if self.live_in(part) == part.rows as usize {
                data.extend_from_slice(vectors.data);
                continue;
            }
            for position in 0..part.rows {
                if !self.deleted().contains(part.numbers.row(position)) {
                    data.extend_from_slice(vectors.row(position as usize));
                }
            }
        }
        let points = Points {
            data: &data,
            dimension: spec.dimension,
            n: rows.len(),
            normalize: spec.metric == Metric::Cosine,
        };
        let xy = pca2(points, PCA_SEED, cancel).map_err(|e| match e {
            ProjectionError::Cancelled => cancelled(),
            other => Error::internal(other.to_string()),
        })?;
        self.let_go(column);
        Ok((rows, xy))
    }
}

/// Whether comparing each row with each other takes no time.
fn is_short(vectors: VectorsRef<'_>) -> bool {
    let pairs = vectors.len().saturating_mul(vectors.len());
    pairs.saturating_mul(vectors.dimension) <= EXACT_PRODUCTS
}

fn knn_error(error: KnnError) -> Error {
    match error {
        KnnError::Cancelled => cancelled(),
        other => Error::internal(other.to_string()),
    }
}
