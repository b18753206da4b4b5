//! The nearest rows among some rows of a collection, part by part: for neighbour graphs, and for rows that are placed on a map.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use omendb_ivf::{
    Accepted, AcceptedSlots, BuildError, BuildParams, Index, IndexView, NONE, Neighbor, Scratch,
    VectorsRef, exact,
};
use rayon::prelude::*;

use crate::error::{Error, Result};
use crate::part::{IndexFile, Part};
use crate::query::{search_error, sort_and_cut};
use crate::snapshot::Snapshot;

/// Up to this many rows brute force takes no time, and is right.
pub(crate) const EXACT_ROWS: usize = 2_000;
/// A part without index and with more rows gets one for the time of the call where many rows ask: brute force would take `rows * all` scores.
const OWN_INDEX_ROWS: usize = 4_000;
/// Rows that a task of the merged search takes.
const TASK_ROWS: usize = 64;

/// One part as the merged search sees it.
pub(crate) struct Source<'a> {
    part: &'a Part,
    vectors: VectorsRef<'a>,
    view: Option<IndexView<'a>>,
    /// For each position the place among the rows that may be found; `u32::MAX` for any other.
    positions: Vec<u32>,
    /// Whether each row may be found.
    whole: bool,
    /// Whether none may.
    empty: bool,
    /// Those that may, where there is an index and not all may.
    live: Option<AcceptedSlots>,
}

impl Snapshot {
    /// An index for each part that has none and is too large for so many searches without one.
    pub(crate) fn own_indexes(
        &self,
        column: usize,
        rows: &[u32],
        searches: usize,
        cancel: &AtomicBool,
    ) -> Result<Vec<Option<Index>>> {
        let parts = self.parts().iter();
        let own = parts.map(|part| {
            let vectors = self.vectors_of(part, column)?;
            let range = part.range();
            let there = rows.partition_point(|r| *r < range.end)
                - rows.partition_point(|r| *r < range.start);
            let needed = usable_index(part, column, vectors).is_none()
                && there > OWN_INDEX_ROWS
                && rows.len() > EXACT_ROWS
                && searches > EXACT_ROWS;
            needed
                .then(|| own_index(vectors, cancel, &|_, _| {}))
                .transpose()
        });
        own.collect()
    }

    /// All parts, such that `rows` (ascending) are found and no others; `own`: one a part.
    pub(crate) fn nearest_sources<'a>(
        &'a self,
        column: usize,
        own: &'a [Option<Index>],
        rows: &[u32],
    ) -> Result<Vec<Source<'a>>> {
        let parts = self.parts().iter().zip(own);
        parts
            .map(|(part, own)| self.source(part, column, own.as_ref(), rows))
            .collect()
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
            empty: first == last,
            live,
        })
    }
}

pub(crate) fn usable_index<'a>(
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

pub(crate) fn cancelled() -> Error {
    Error::Cancelled {
        what: "the map".to_owned(),
    }
}

pub(crate) fn own_index(
    vectors: VectorsRef<'_>,
    cancel: &AtomicBool,
    progress: &(dyn Fn(usize, usize) + Sync),
) -> Result<Index> {
    Index::build(vectors, None, &BuildParams::default(), progress, cancel).map_err(|e| match e {
        BuildError::Cancelled => cancelled(),
        other => Error::internal(other.to_string()),
    })
}

/// Searches every part for the `k` nearest of each of `queries`, which are rows of the collection. `me` gives a query's own place among the rows that may be
/// found, which it is not to find, or [`NONE`]. `out`: `k` places among these and scores a query; what is missing stays as it is.
#[allow(clippy::type_complexity, reason = "two slices that go together")]
pub(crate) fn merged(
    sources: &[Source<'_>],
    queries: &[u32],
    me: impl Fn(usize) -> u32 + Sync,
    k: usize,
    cancel: &AtomicBool,
    progress: &(dyn Fn(usize, usize) + Sync),
    (out_ids, out_scores): (&mut [u32], &mut [f32]),
) -> Result<()> {
    let done = AtomicUsize::new(0);
    out_ids
        .par_chunks_mut(k * TASK_ROWS)
        .zip(out_scores.par_chunks_mut(k * TASK_ROWS))
        .zip(queries.par_chunks(TASK_ROWS))
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
                    let me = me(task * TASK_ROWS + i);
                    all.clear();
                    for source in sources.iter().filter(|source| !source.empty) {
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
                progress(now, queries.len());
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
