//! Search: each part is scanned exactly or walked by its index, whichever is cheaper; the parts' hits become one list.

use std::cell::RefCell;
use std::ops::Range;

use omendb_distance::to_distance;
use omendb_hnsw::{Accepted, Neighbor, Scratch, VectorsRef, default_ef, exact};
use omendb_quant::Codes;
use rayon::prelude::*;
use serde::Serialize;

use crate::error::{Error, Result};
use crate::part::{IndexFile, Part};
use crate::snapshot::Snapshot;

/// Largest `k`.
pub const MAX_K: usize = 100_000;
/// Largest `ef`.
pub const MAX_EF: usize = 100_000;
/// From this many rows a scan runs on all cores.
pub(crate) const PARALLEL_ROWS: usize = 200_000;
/// Rows that one task of such a scan scores.
const TASK_ROWS: usize = 65_536;
/// What a walk costs for each candidate of its pool, in rows that a scan picks: 0.45 us and 9 ns (measured on 100,000 vectors of dimension 128 with
/// codes of 4 bits; both grow alike with the size of a row).
const ROWS_PER_CANDIDATE: usize = 48;
/// One row in so many, and a scan of all costs as much as picking these.
const SPARSE: usize = 3;

/// What to look for.
#[derive(Debug, Clone)]
pub struct SearchRequest<'a> {
    /// Position of the vector column among the vector columns.
    pub vector: usize,
    /// The query, of that column's dimension; finite numbers.
    pub query: &'a [f32],
    /// Hits wanted, 1 to [`MAX_K`].
    pub k: usize,
    /// Pool size of a walk over an index, up to [`MAX_EF`]; `None` for a good one. More finds more of the true neighbours, slower.
    pub ef: Option<usize>,
    /// Score every row instead of walking an index.
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
    /// Some parts were walked by their index, others scanned.
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
    /// Pool size of the walks; 0 when no index was walked.
    pub ef: usize,
    /// Rows scored by scans.
    pub scanned: usize,
    /// Nodes of indexes whose links were followed.
    pub visited: usize,
    /// All distances computed: of scans and of walks.
    pub distances: usize,
}

thread_local! {
    /// A walk's memory, so that a search allocates next to nothing.
    static SCRATCH: RefCell<(Scratch, Vec<Neighbor>)> = RefCell::default();
}

impl Snapshot {
    /// Finds the rows nearest to a query.
    ///
    /// # Errors
    /// `UNKNOWN_COLUMN`, `DIMENSION_MISMATCH`, `INVALID_VECTOR` (a number that is not finite), `INVALID_REQUEST` (`k` or `ef` of 0),
    /// `LIMIT_EXCEEDED`, `INVALID_FILTER`.
    pub fn search(&self, request: &SearchRequest<'_>) -> Result<SearchResult> {
        let spec = self.vector_spec(request.vector)?;
        if request.query.len() != spec.dimension {
            return Err(Error::DimensionMismatch {
                column: spec.name.clone(),
                expected: spec.dimension,
                actual: request.query.len(),
            });
        }
        if let Some(at) = request.query.iter().position(|x| !x.is_finite()) {
            return Err(Error::InvalidVector {
                row: 0,
                reason: format!("value {at} of the query is {}", request.query[at]),
            });
        }
        check_count("k", request.k, MAX_K)?;
        if let Some(ef) = request.ef {
            check_count("ef", ef, MAX_EF)?;
        }
        let filter = match request.filter {
            Some(text) if !text.trim().is_empty() => Some(self.matches(text)?),
            _ => None,
        };
        let mut found = Found::default();
        for (at, part) in self.parts().iter().enumerate() {
            let accepted = self.accepted(filter.as_deref(), at, part);
            self.search_part(part, request, accepted, &mut found)?;
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
        part: &Part,
        request: &SearchRequest<'_>,
        accepted: Option<&Accepted>,
        found: &mut Found,
    ) -> Result<()> {
        let count = accepted.map_or(part.rows as usize, Accepted::count);
        if count == 0 {
            return Ok(());
        }
        let vectors = self.vectors_of(part, request.vector)?;
        let index = part.vectors[request.vector]
            .index
            .as_deref()
            .filter(|index| index.fits(vectors));
        if let Some(index) = index.filter(|_| !request.exact) {
            let ef = request
                .ef
                .unwrap_or_else(|| default_ef(request.k, vectors.len()))
                .max(request.k);
            if walk_is_cheaper(vectors.len(), count, ef)
                && walk(part, index, vectors, request, ef, accepted, found)?
            {
                return Ok(());
            }
        }
        found.scans += 1;
        let view = index.and_then(|index| index.view().ok());
        let codes = view.and_then(|view| view.codes);
        found.scanned += scan(
            part,
            vectors,
            codes,
            request,
            accepted,
            &mut found.neighbors,
        )?;
        Ok(())
    }
}

fn check_count(what: &str, value: usize, limit: usize) -> Result<()> {
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

/// Keeps the `k` nearest, ascending by score, then row.
pub(crate) fn sort_and_cut(neighbors: &mut Vec<Neighbor>, k: usize) {
    let order = |a: &Neighbor, b: &Neighbor| a.score.total_cmp(&b.score).then(a.id.cmp(&b.id));
    if neighbors.len() > k && k > 0 {
        neighbors.select_nth_unstable_by(k - 1, order);
        neighbors.truncate(k);
    }
    neighbors.sort_unstable_by(order);
}

/// A walk costs as much as a scan of `ef * ROWS_PER_CANDIDATE` rows, and a filter makes its pool wider by as much as it is narrow.
fn walk_is_cheaper(rows: usize, count: usize, ef: usize) -> bool {
    let walk = (ef as u128) * ROWS_PER_CANDIDATE as u128 * rows as u128 / count.max(1) as u128;
    (count as u128) > walk
}

/// Walks a part's index. False when it found too few: then the part must be scanned.
fn walk(
    part: &Part,
    index: &IndexFile,
    vectors: VectorsRef<'_>,
    request: &SearchRequest<'_>,
    ef: usize,
    accepted: Option<&Accepted>,
    found: &mut Found,
) -> Result<bool> {
    let view = index.view().map_err(|e| Error::internal(e.to_string()))?;
    let excluded = request.exclude.and_then(|row| part.numbers.position(row));
    let excluded = excluded.filter(|at| accepted.is_none_or(|accepted| accepted.contains(*at)));
    // The excluded row is cheaper taken out afterwards than asked for at every step.
    let k = request.k + usize::from(excluded.is_some());
    let count = accepted.map_or(part.rows as usize, Accepted::count);
    SCRATCH.with_borrow_mut(|(scratch, out)| {
        let stats = view
            .search(vectors, request.query, k, ef, accepted, scratch, out)
            .map_err(|e| Error::internal(e.to_string()))?;
        found.visited += stats.visited;
        found.distances += stats.distances;
        if !stats.enough || out.len() < k.min(count) {
            return Ok(false);
        }
        let hits = out.iter().filter(|n| Some(n.id) != excluded);
        let hits = hits.map(|n| Neighbor {
            id: part.numbers.row(n.id),
            score: n.score,
        });
        found.neighbors.extend(hits.take(request.k));
        found.walks += 1;
        found.ef = found.ef.max(ef.min(vectors.len()));
        Ok(true)
    })
}

/// Scores the accepted rows of a part; adds the `k` nearest by row number and gives the number of rows scored. With codes the vectors of
/// those rows alone are read that may be among the nearest.
fn scan(
    part: &Part,
    vectors: VectorsRef<'_>,
    codes: Option<Codes<'_>>,
    request: &SearchRequest<'_>,
    accepted: Option<&Accepted>,
    out: &mut Vec<Neighbor>,
) -> Result<usize> {
    let SearchRequest { query, k, .. } = *request;
    let rows = vectors.len();
    let count = accepted.map_or(rows, Accepted::count);
    let excluded = request.exclude.and_then(|row| part.numbers.position(row));
    let run = |range: Range<usize>| -> Result<(usize, Vec<Neighbor>)> {
        let base = range.start as u32;
        let slice = vectors.slice(range.clone());
        let codes = codes.map(|codes| codes.slice(range.clone()));
        let mut found = Vec::new();
        let scored = SCRATCH.with_borrow_mut(|(scratch, _)| match accepted {
            // Scoring in blocks is several times faster a row than picking single rows.
            Some(accepted) if count < rows / SPARSE => {
                let ids = accepted.within(base..range.end as u32);
                let mut ids = ids.filter(|id| Some(*id) != excluded).map(|id| id - base);
                match codes {
                    None => exact::search_ids(slice, query, k, &mut ids, &mut found),
                    Some(codes) => exact::search_ids_coded(
                        slice, codes, query, k, &mut ids, scratch, &mut found,
                    ),
                }
            }
            _ => {
                let accept = |id: u32| {
                    let position = base + id;
                    Some(position) != excluded && accepted.is_none_or(|a| a.contains(position))
                };
                let all = accepted.is_none() && excluded.is_none();
                let accept: Option<&dyn Fn(u32) -> bool> = if all { None } else { Some(&accept) };
                match codes {
                    None => exact::search(slice, query, k, accept, &mut found),
                    Some(codes) => {
                        exact::search_coded(slice, codes, query, k, accept, scratch, &mut found)
                    }
                }
            }
        });
        let scored = scored.map_err(|e| Error::internal(e.to_string()))?;
        for n in &mut found {
            n.id = part.numbers.row(base + n.id);
        }
        Ok((scored, found))
    };
    if count < PARALLEL_ROWS {
        let (scored, found) = run(0..rows)?;
        out.extend(found);
        return Ok(scored);
    }
    let tasks: Vec<Range<usize>> = (0..rows)
        .step_by(TASK_ROWS)
        .map(|start| start..(start + TASK_ROWS).min(rows))
        .collect();
    let results: Vec<(usize, Vec<Neighbor>)> =
        tasks.into_par_iter().map(run).collect::<Result<_>>()?;
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
