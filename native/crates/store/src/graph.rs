//! What maps are drawn from: the neighbour graph and the principal components of all live rows.

use std::borrow::Cow;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use omendb_distance::{Metric, inv_norms, to_distance};
use omendb_ivf::{
    Accepted, AcceptedSlots, BuildError, BuildParams, Index, IndexView, KnnError, NONE, Neighbor,
    Scratch, VectorsRef, exact,
};
use omendb_projection::{Points, ProjectionError, pca2};
use rayon::prelude::*;

use crate::error::{Error, Result};
use crate::part::{IndexFile, Part};
use crate::query::{search_error, sort_and_cut};
use crate::snapshot::Snapshot;

/// Most neighbours a row.
pub const MAX_GRAPH_K: usize = 256;
/// Up to this many rows brute force takes no time, and is right.
const EXACT_ROWS: usize = 2_000;
/// Without an index, up to so many products of two numbers it takes less time than the index would (a quarter of a second on two cores).
const EXACT_PRODUCTS: usize = 20_000_000_000;
/// A part without index and with more rows gets one for the time of the call: brute force would take `rows * all` scores.
const OWN_INDEX_ROWS: usize = 4_000;
/// Rows that a task of the merged search takes.
const TASK_ROWS: usize = 64;
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

/// One part as the merged search sees it.
struct Source<'a> {
    part: &'a Part,
    vectors: VectorsRef<'a>,
    view: Option<IndexView<'a>>,
    /// For each position the position in `KnnGraph::rows`; `u32::MAX` for a deleted row.
    positions: Vec<u32>,
    /// Whether no row is deleted.
    whole: bool,
    /// The rows that are not, where there is an index and others are.
    live: Option<AcceptedSlots>,
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
            parts => {
                let mut sources = Vec::with_capacity(parts.len());
                let mut own = Vec::with_capacity(parts.len());
                for part in parts {
                    let vectors = self.vectors_of(part, column)?;
                    let needed = usable_index(part, column, vectors).is_none()
                        && part.rows as usize > OWN_INDEX_ROWS
                        && rows.len() > EXACT_ROWS;
                    own.push(if needed {
                        Some(own_index(vectors, cancel, &|_, _| {})?)
                    } else {
                        None
                    });
                }
                for (part, own) in parts.iter().zip(&own) {
                    sources.push(self.source(part, column, own.as_ref(), &rows)?);
                }
                merged(
                    &sources,
                    &rows,
                    k,
                    cancel,
                    progress,
                    &mut ids,
                    &mut distances,
                )?;
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

    fn source<'a>(
        &'a self,
        part: &'a Part,
        column: usize,
        own: Option<&'a Index>,
        rows: &[u32],
    ) -> Result<Source<'a>> {
        let index = usable_index(part, column, self.vectors_of(part, column)?);
        let view = match (index, own) {
            _ if rows.len() <= EXACT_ROWS => None,
            (Some(index), _) => Some(index.view().map_err(|e| Error::internal(e.to_string()))?),
            (None, own) => own.map(Index::view),
        };
        let range = part.range();
        let first = rows.partition_point(|r| *r < range.start);
        let last = rows.partition_point(|r| *r < range.end);
        let mut positions = vec![NONE; part.rows as usize];
        for (at, row) in rows[first..last].iter().enumerate() {
            if let Some(position) = part.numbers.position(*row) {
                positions[position as usize] = (first + at) as u32;
            }
        }
        let whole = last - first == positions.len();
        let live = view.as_ref().filter(|_| !whole).map(|view| {
            let mut slots = Accepted::none(view.slots());
            let live = (0..view.len() as u32).filter(|p| positions[*p as usize] != NONE);
            live.filter_map(|p| view.slot(p))
                .for_each(|slot| slots.insert(slot));
            view.accept(slots)
        });
        Ok(Source {
            part,
            vectors: self.vectors_of(part, column)?,
            view,
            positions,
            whole,
            live,
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

fn usable_index<'a>(
    part: &'a Part,
    column: usize,
    vectors: VectorsRef<'_>,
) -> Option<&'a IndexFile> {
    // Without rows that it does not have.
    let whole = |index: &&IndexFile| index.view().is_ok_and(|view| view.indexed() == view.len());
    part.vectors[column]
        .index
        .as_deref()
        .filter(|index| index.fits(vectors))
        .filter(whole)
}

fn cancelled() -> Error {
    Error::Cancelled {
        what: "the map".to_owned(),
    }
}

fn knn_error(error: KnnError) -> Error {
    match error {
        KnnError::Cancelled => cancelled(),
        other => Error::internal(other.to_string()),
    }
}

fn own_index(
    vectors: VectorsRef<'_>,
    cancel: &AtomicBool,
    progress: &(dyn Fn(usize, usize) + Sync),
) -> Result<Index> {
    Index::build(vectors, None, &BuildParams::default(), progress, cancel).map_err(|e| match e {
        BuildError::Cancelled => cancelled(),
        other => Error::internal(other.to_string()),
    })
}

/// Searches every part for every row. Scores go to `out_scores`.
fn merged(
    sources: &[Source<'_>],
    rows: &[u32],
    k: usize,
    cancel: &AtomicBool,
    progress: &(dyn Fn(usize, usize) + Sync),
    out_ids: &mut [u32],
    out_scores: &mut [f32],
) -> Result<()> {
    let done = AtomicUsize::new(0);
    out_ids
        .par_chunks_mut(k * TASK_ROWS)
        .zip(out_scores.par_chunks_mut(k * TASK_ROWS))
        .zip(rows.par_chunks(TASK_ROWS))
        .enumerate()
        .try_for_each_init(
            || (Scratch::new(), Vec::new(), Vec::new()),
            |(scratch, found, all), (task, ((ids, scores), task_rows))| {
                if cancel.load(Ordering::Relaxed) {
                    return Err(cancelled());
                }
                for (i, row) in task_rows.iter().enumerate() {
                    let own_part = sources.partition_point(|s| s.part.range().start <= *row) - 1;
                    let own = &sources[own_part];
                    let position = own
                        .part
                        .numbers
                        .position(*row)
                        .ok_or_else(|| Error::internal(format!("row {row} is in no part")))?;
                    let query = own.vectors.row(position as usize);
                    let me = (task * TASK_ROWS + i) as u32;
                    all.clear();
                    for source in sources {
                        source.nearest(query, k + 1, scratch, found)?;
                        all.extend(found.iter().map(|n| Neighbor {
                            id: source.positions[n.id as usize],
                            ..*n
                        }));
                    }
                    all.retain(|n| n.id != me);
                    sort_and_cut(all, k);
                    for (j, n) in all.iter().enumerate() {
                        ids[i * k + j] = n.id;
                        scores[i * k + j] = n.score;
                    }
                }
                let now = done.fetch_add(task_rows.len(), Ordering::Relaxed) + task_rows.len();
                progress(now, rows.len());
                Ok(())
            },
        )?;

    Ok(())
}

impl Source<'_> {
    /// The nearest live rows of this part, by position in it.
    fn nearest(
        &self,
        query: &[f32],
        k: usize,
        scratch: &mut Scratch,
        found: &mut Vec<Neighbor>,
    ) -> Result<()> {
        if let Some(view) = &self.view {
            view.search(
                self.vectors,
                query,
                k,
                None,
                self.live.as_ref(),
                scratch,
                found,
            )
            .map_err(search_error)?;
            return Ok(());
        }
        let accept = |position: u32| self.positions[position as usize] != NONE;
        let accept = (!self.whole).then_some(&accept as &dyn Fn(u32) -> bool);
        exact::search(self.vectors, query, k, accept, found)
            .map_err(|e| Error::internal(e.to_string()))?;
        Ok(())
    }
}
