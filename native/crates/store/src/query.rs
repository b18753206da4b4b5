//! Search: each part is scanned exactly or walked by its index, whichever is cheaper; the parts' hits become one list.

use std::cell::{Cell, RefCell};
use std::ops::Range;
use std::sync::Arc;

use omendb_distance::to_distance;
use omendb_ivf::{
    Accepted, AcceptedSlots, CodedScratch, IndexView, Neighbor, Rows, Scratch, SearchError,
    VectorsRef, exact,
};
use rayon::prelude::*;
use serde::Serialize;

use crate::error::{Error, Result};
use crate::filter::{Copied, Matches};
use crate::part::Part;
use crate::snapshot::Snapshot;

/// Largest `k`.
pub const MAX_K: usize = 100_000;
/// Largest `ef`.
pub const MAX_EF: usize = 100_000;
/// From this many rows a scan runs on all cores.
pub(crate) const PARALLEL_ROWS: usize = 200_000;
/// Rows that one task of such a scan scores.
const TASK_ROWS: usize = 65_536;
/// One row in so many, and a scan of all costs as much as picking these.
const SPARSE: usize = 3;
/// A search through an index costs as much as so many rows that are picked one by one, and so many more for each partition that it looks at (measured on
/// 100,000 vectors of dimension 128: 10 us, 150 ns and 80 ns a row).
const ROWS_PER_SEARCH: usize = 128;
const ROWS_PER_PARTITION: usize = 2;
/// ... and as much as so many times as many whose vectors were copied.
const COPIED_ROWS: usize = 24;

/// What to look for.
#[derive(Debug, Clone)]
pub struct SearchRequest<'a> {
    /// Position of the vector column among the vector columns.
    pub vector: usize,
    /// The query, of that column's dimension; finite numbers.
    pub query: &'a [f32],
    /// Hits wanted, 1 to [`MAX_K`].
    pub k: usize,
    /// Partitions of an index to be looked at, up to [`MAX_EF`]; `None` for as many as gave a good recall when it was built. More finds more of the
    /// true neighbours, slower.
    pub ef: Option<usize>,
    /// Look at every row instead of the nearest partitions.
    pub exact: bool,
    /// SQL `WHERE` condition; `None` or blank for all rows.
    pub filter: Option<&'a str>,
    /// A row that is no hit: the one whose neighbours are looked for.
    pub exclude: Option<u32>,
}

impl<'a> SearchRequest<'a> {
    /// The `k` nearest rows in the first vector column, with the defaults for everything else.
    pub fn new(query: &'a [f32], k: usize) -> SearchRequest<'a> {
        SearchRequest {
            vector: 0,
            query,
            k,
            ef: None,
            exact: false,
            filter: None,
            exclude: None,
        }
    }
}

/// One found row.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Hit {
    /// Its row number.
    pub row: u32,
    /// Its distance from the query, in the metric's own sense; smaller is closer.
    pub distance: f32,
}

/// How a search was carried out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Plan {
    /// Every row that the filter leaves was scored.
    Exact,
    /// All rows came from indexes.
    Indexed,
    /// Some parts were searched by their index, others scanned.
    Mixed,
}

impl Plan {
    /// `"exact"`, `"indexed"` or `"mixed"`.
    pub fn as_str(self) -> &'static str {
        match self {
            Plan::Exact => "exact",
            Plan::Indexed => "indexed",
            Plan::Mixed => "mixed",
        }
    }
}

/// What a search found, and how.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct SearchResult {
    /// Nearest first; equal distances by row number. Fewer than `k` only when fewer rows qualify.
    pub hits: Vec<Hit>,
    /// How it was done.
    pub plan: Plan,
    /// Partitions that were asked for, or looked at when it was not said how many; 0 when no index was used.
    pub ef: usize,
    /// Rows scored by scans.
    pub scanned: usize,
    /// Partitions of indexes whose rows were looked at.
    pub visited: usize,
    /// All distances computed, those by small codes among them.
    pub distances: usize,
}

thread_local! {
    /// A search's memory, so that a search allocates next to nothing.
    static SCRATCH: RefCell<(Scratch, Vec<Neighbor>)> = RefCell::default();
    static CODED: RefCell<CodedScratch> = RefCell::default();
    static NEIGHBORS: Cell<Vec<Neighbor>> = Cell::default();
}

impl Snapshot {
    /// Finds the rows nearest to a query.
    ///
    /// # Errors
    /// `UNKNOWN_COLUMN`, `DIMENSION_MISMATCH`, `INVALID_VECTOR` (a number that is not finite), `INVALID_REQUEST` (`k` or `ef` of 0),
    /// `LIMIT_EXCEEDED`, `INVALID_FILTER`.
    pub fn search(&self, request: &SearchRequest<'_>) -> Result<SearchResult> {
        let filter = self.wanted(request.filter)?;
        self.search_among(request, filter.as_deref())
    }

    /// What a condition lets pass; `None` for all.
    pub(crate) fn wanted(&self, filter: Option<&str>) -> Result<Option<Arc<Matches>>> {
        let filter = filter.filter(|text| !text.trim().is_empty());
        filter.map(|text| self.matches(text)).transpose()
    }

    /// As [`Snapshot::search`], once the filter was looked at.
    pub(crate) fn search_among(
        &self,
        request: &SearchRequest<'_>,
        filter: Option<&Matches>,
    ) -> Result<SearchResult> {
        let spec = self.vector_spec(request.vector)?;
        if request.query.len() != spec.dimension {
            return Err(Error::DimensionMismatch {
                column: spec.name.clone(),
                expected: spec.dimension,
                actual: request.query.len(),
            });
        }
        // All at once, which takes a tenth of the time of looking for the first.
        if !request
            .query
            .iter()
            .fold(true, |all, x| all & x.is_finite())
        {
            let at = request.query.iter().position(|x| !x.is_finite());
            let at = at.unwrap_or_default();
            return Err(Error::InvalidVector {
                row: 0,
                reason: format!("value {at} of the query is {}", request.query[at]),
            });
        }
        check_count("k", request.k, MAX_K)?;
        if let Some(ef) = request.ef {
            check_count("ef", ef, MAX_EF)?;
        }
        let mut found = Found {
            neighbors: NEIGHBORS.take(),
            ..Found::default()
        };
        found.neighbors.clear();
        for (at, part) in self.parts().iter().enumerate() {
            self.search_part(at, part, request, filter, &mut found)?;
        }
        let Found {
            mut neighbors,
            ef,
            walks,
            scans,
            scanned,
            visited,
            distances,
        } = found;
        sort_and_cut(&mut neighbors, request.k);
        let mut hits: Vec<Hit> = neighbors
            .iter()
            // `+ 0.0` turns -0 into 0.
            .map(|n| Hit {
                row: n.id,
                distance: to_distance(spec.metric, n.score) + 0.0,
            })
            .collect();
        NEIGHBORS.set(neighbors);
        // Different scores can round to one distance.
        hits.sort_unstable_by(|a, b| a.distance.total_cmp(&b.distance).then(a.row.cmp(&b.row)));
        let plan = match (walks, scans) {
            (0, _) => Plan::Exact,
            (_, 0) => Plan::Indexed,
            _ => Plan::Mixed,
        };
        Ok(SearchResult {
            hits,
            plan,
            ef,
            scanned,
            visited,
            distances: distances + scanned,
        })
    }

    fn search_part(
        &self,
        at: usize,
        part: &Part,
        request: &SearchRequest<'_>,
        filter: Option<&Matches>,
        found: &mut Found,
    ) -> Result<()> {
        let accepted = self.accepted(filter, at, part);
        let count = accepted.map_or(part.rows as usize, Accepted::count);
        if count == 0 {
            return Ok(());
        }
        let rows = self.rows_of(part, request.vector)?;
        let vectors = rows.vectors;
        let copied = self.copied(filter, at, request.vector, accepted, rows);
        let scan = |found: &mut Found| -> Result<()> {
            found.scans += 1;
            found.scanned += match copied {
                Some(copied) => scan_copied(part, vectors, copied, request, &mut found.neighbors)?,
                None => scan(part, rows, request, accepted, &mut found.neighbors)?,
            };
            Ok(())
        };
        let index = part.vectors[request.vector].index.as_deref();
        let Some(index) = index.filter(|index| index.fits(vectors)) else {
            return scan(found);
        };
        let view = index.view().map_err(|e| Error::internal(e.to_string()))?;
        let ef = request.ef.unwrap_or_else(|| view.usual_ef());
        let inside = self.in_index(filter, at, request.vector, accepted, &view);
        let slots = inside.and_then(|inside| inside.slots.as_ref());
        let searched =
            ROWS_PER_SEARCH + ROWS_PER_PARTITION * view.partitions_for(request.k, ef, slots);
        let worth = if copied.is_some() { COPIED_ROWS } else { 1 };
        if count <= searched * worth {
            return scan(found);
        }
        search_index(part, &view, rows, request, slots, found)?;
        if let Some(inside) = inside.filter(|inside| !inside.beside.is_empty()) {
            let mut beside = inside.beside.iter().copied();
            pick(part, rows, request, &mut beside, &mut found.neighbors)?;
            found.scanned += inside.beside.len();
        }
        Ok(())
    }
}

pub(crate) fn check_count(what: &str, value: usize, limit: usize) -> Result<()> {
    if value == 0 {
        return Err(Error::invalid(format!("{what} must be at least 1")));
    }
    if value > limit {
        return Err(Error::LimitExceeded {
            what: what.to_owned(),
            limit: limit as u64,
            actual: value as u64,
        });
    }
    Ok(())
}

/// What the parts gave so far; `neighbors` by row number.
#[derive(Default)]
struct Found {
    neighbors: Vec<Neighbor>,
    ef: usize,
    walks: usize,
    scans: usize,
    scanned: usize,
    visited: usize,
    distances: usize,
}

/// A part's search that failed: what could not be read names its file.
pub(crate) fn search_error(error: SearchError) -> Error {
    match error {
        SearchError::Shape(error) => Error::internal(error.to_string()),
        SearchError::Read(error) => error
            .downcast()
            .unwrap_or_else(|error| Error::internal(error.to_string())),
    }
}

/// Keeps the `k` nearest, ascending by score, then row.
pub(crate) fn sort_and_cut(neighbors: &mut Vec<Neighbor>, k: usize) {
    let order = |a: &Neighbor, b: &Neighbor| a.score.total_cmp(&b.score).then(a.id.cmp(&b.id));
    if neighbors.len() > k && k > 0 {
        neighbors.select_nth_unstable_by(k - 1, order);
        neighbors.truncate(k);
    }
    neighbors.sort_unstable_by(order);
}

/// Searches a part's index; `slots` are those of the rows that may be found.
fn search_index(
    part: &Part,
    view: &IndexView<'_>,
    rows: Rows<'_>,
    request: &SearchRequest<'_>,
    slots: Option<&AcceptedSlots>,
    found: &mut Found,
) -> Result<()> {
    let excluded = request.exclude.and_then(|row| part.numbers.position(row));
    // The excluded row is cheaper taken out afterwards than asked for at every step.
    let k = request.k + usize::from(excluded.is_some());
    SCRATCH.with_borrow_mut(|(scratch, out)| {
        if request.exact {
            let looked = view.search_exactly(rows, request.query, k, slots, scratch, out);
            found.scanned += looked.map_err(search_error)?;
            found.scans += 1;
        } else {
            let stats = view.search(rows, request.query, k, request.ef, slots, scratch, out);
            let stats = stats.map_err(search_error)?;
            found.visited += stats.partitions;
            found.distances += stats.estimates + stats.distances;
            found.walks += 1;
            found.ef = found.ef.max(request.ef.unwrap_or(stats.partitions));
        }
        let hits = out.iter().filter(|n| Some(n.id) != excluded);
        let hits = hits.map(|n| Neighbor {
            id: part.numbers.row(n.id),
            score: n.score,
        });
        found.neighbors.extend(hits.take(request.k));
        Ok(())
    })
}

/// Scores the rows at these positions of a part; adds the `k` nearest by row number.
fn pick(
    part: &Part,
    rows: Rows<'_>,
    request: &SearchRequest<'_>,
    positions: &mut dyn Iterator<Item = u32>,
    out: &mut Vec<Neighbor>,
) -> Result<usize> {
    let excluded = request.exclude.and_then(|row| part.numbers.position(row));
    let mut positions = positions.filter(|position| Some(*position) != excluded);
    let mut found = Vec::new();
    let scored = exact::search_ids(rows, request.query, request.k, &mut positions, &mut found);
    let scored = scored.map_err(search_error)?;
    out.extend(found.into_iter().map(|n| Neighbor {
        id: part.numbers.row(n.id),
        score: n.score,
    }));
    Ok(scored)
}

/// Scores the rows whose vectors were copied; adds the `k` nearest by row number and gives the number of rows scored.
fn scan_copied(
    part: &Part,
    vectors: VectorsRef<'_>,
    copied: &Copied,
    request: &SearchRequest<'_>,
    out: &mut Vec<Neighbor>,
) -> Result<usize> {
    let excluded = request.exclude.and_then(|row| part.numbers.position(row));
    let position = |id: u32| copied.positions[id as usize];
    let accept = |id: u32| Some(position(id)) != excluded;
    let accept = excluded
        .is_some()
        .then_some(&accept as &dyn Fn(u32) -> bool);
    let vectors = copied.vectors(vectors);
    SCRATCH.with_borrow_mut(|(_, found)| {
        let (query, k) = (request.query, request.k);
        let scored = match &copied.coded {
            Some(coded) => CODED
                .with_borrow_mut(|scratch| coded.search(vectors, query, k, accept, scratch, found)),
            None => exact::search(vectors, query, k, accept, found),
        };
        let scored = scored.map_err(|e| Error::internal(e.to_string()))?;
        out.extend(found.iter().map(|n| Neighbor {
            id: part.numbers.row(position(n.id)),
            score: n.score,
        }));
        Ok(scored)
    })
}

/// Scores the accepted rows of a part; adds the `k` nearest by row number and gives the number of rows scored.
fn scan(
    part: &Part,
    rows: Rows<'_>,
    request: &SearchRequest<'_>,
    accepted: Option<&Accepted>,
    out: &mut Vec<Neighbor>,
) -> Result<usize> {
    let SearchRequest { query, k, .. } = *request;
    let vectors = rows.vectors;
    let all = vectors.len();
    let count = accepted.map_or(all, Accepted::count);
    // Scoring in blocks is several times faster a row than picking single rows.
    if let Some(accepted) = accepted.filter(|_| count < all / SPARSE) {
        return pick(
            part,
            rows,
            request,
            &mut accepted.within(0..all as u32),
            out,
        );
    }
    let excluded = request.exclude.and_then(|row| part.numbers.position(row));
    let run = |range: Range<usize>, found: &mut Vec<Neighbor>| -> Result<usize> {
        let base = range.start as u32;
        let accept = |id: u32| {
            let position = base + id;
            Some(position) != excluded && accepted.is_none_or(|a| a.contains(position))
        };
        let any = accepted.is_none() && excluded.is_none();
        let accept: Option<&dyn Fn(u32) -> bool> = if any { None } else { Some(&accept) };
        let scored = exact::search(vectors.slice(range), query, k, accept, found);
        let scored = scored.map_err(|e| Error::internal(e.to_string()))?;
        for n in found {
            n.id = part.numbers.row(base + n.id);
        }
        Ok(scored)
    };
    if count < PARALLEL_ROWS {
        return SCRATCH.with_borrow_mut(|(_, found)| {
            let scored = run(0..all, found)?;
            out.extend_from_slice(found);
            part.vectors[request.vector].let_go();
            Ok(scored)
        });
    }
    let tasks: Vec<Range<usize>> = (0..all)
        .step_by(TASK_ROWS)
        .map(|start| start..(start + TASK_ROWS).min(all))
        .collect();
    let results = tasks.into_par_iter().map(|task| {
        let mut found = Vec::new();
        Ok((run(task, &mut found)?, found))
    });
    let results: Vec<(usize, Vec<Neighbor>)> = results.collect::<Result<_>>()?;
    part.vectors[request.vector].let_go();
    let mut scored = 0;
    let mut merged = Vec::new();
    for (n, found) in results {
        scored += n;
        merged.extend(found);
    }
    sort_and_cut(&mut merged, k);
    out.extend(merged);
    Ok(scored)
}
