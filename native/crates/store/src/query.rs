//! Search: each part is scanned exactly or walked by its index, whichever is cheaper; the parts' hits become one list.

use std::cell::RefCell;
use std::ops::Range;

use omendb_distance::to_distance;
use omendb_hnsw::{Neighbor, Scratch, VectorsRef, default_ef, exact};
use omendb_quant::Codes;
use rayon::prelude::*;
use roaring::RoaringBitmap;
use serde::Serialize;

use crate::error::{Error, Result};
use crate::numbers::Numbers;
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
/// What a walk costs for each candidate of its pool, in rows of a scan: it scores about ten rows (measured on 20,000 vectors of
/// dimension 100 at `ef` 100), each somewhat dearer than a row of a scan, which memory serves in order.
const ROWS_PER_CANDIDATE: usize = 16;

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

/// The rows that may be hits.
#[derive(Clone, Copy)]
struct Allowed<'a> {
    /// Live rows that the filter accepts.
    filter: Option<&'a RoaringBitmap>,
    deleted: &'a RoaringBitmap,
    exclude: Option<u32>,
}

impl Allowed<'_> {
    #[inline]
    fn accepts(&self, row: u32) -> bool {
        if self.exclude == Some(row) {
            return false;
        }
        match self.filter {
            Some(rows) => rows.contains(row),
            None => !self.deleted.contains(row),
        }
    }

    /// Accepted rows of a part, the excluded one not subtracted.
    fn count(&self, part: &Part) -> usize {
        match self.filter {
            Some(rows) => part.numbers.count_in(rows),
            None => part.rows as usize - part.numbers.count_in(self.deleted),
        }
    }
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
            Some(text) if !text.trim().is_empty() => Some(self.filter(text)?),
            _ => None,
        };
        let allowed = Allowed {
            filter: filter.as_deref(),
            deleted: self.deleted(),
            exclude: request.exclude,
        };
        let mut found = Found::default();
        for part in self.parts() {
            self.search_part(part, request, allowed, &mut found)?;
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
        allowed: Allowed<'_>,
        found: &mut Found,
    ) -> Result<()> {
        let count = allowed.count(part);
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
                && walk(part, index, vectors, request, ef, count, allowed, found)?
            {
                return Ok(());
            }
        }
        found.scans += 1;
        let view = index.and_then(|index| index.view().ok());
        found.scanned += scan(
            vectors,
            view.and_then(|view| view.codes),
            &part.numbers,
            request.query,
            request.k,
            count,
            allowed,
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

/// A walk scores about `ef * ROWS_PER_CANDIDATE` rows, and as many more as the filter rejects on the way; a scan scores `count`.
fn walk_is_cheaper(rows: usize, count: usize, ef: usize) -> bool {
    let walk = (ef as u128) * ROWS_PER_CANDIDATE as u128 * rows as u128 / count.max(1) as u128;
    (count as u128) > walk
}

/// Walks a part's index. False when it gave up or found too few: then the part must be scanned.
#[expect(
    clippy::too_many_arguments,
    reason = "one place calls it, with what it has at hand"
)]
fn walk(
    part: &Part,
    index: &IndexFile,
    vectors: VectorsRef<'_>,
    request: &SearchRequest<'_>,
    ef: usize,
    count: usize,
    allowed: Allowed<'_>,
    found: &mut Found,
) -> Result<bool> {
    let view = index.view().map_err(|e| Error::internal(e.to_string()))?;
    let exclude = allowed
        .exclude
        .filter(|row| part.numbers.position(*row).is_some());
    // The excluded row alone is cheaper taken out afterwards than asked for at every step.
    let all = count == part.rows as usize;
    let k = request.k + usize::from(all && exclude.is_some());
    let accept = |position: u32| allowed.accepts(part.numbers.row(position));
    let accept: Option<&dyn Fn(u32) -> bool> = if all { None } else { Some(&accept) };
    SCRATCH.with_borrow_mut(|(scratch, out)| {
        let stats = view
            .search(vectors, request.query, k, ef, accept, scratch, out)
            .map_err(|e| Error::internal(e.to_string()))?;
        found.visited += stats.visited;
        found.distances += stats.distances;
        let counted = Allowed {
            exclude: None,
            ..allowed
        };
        let excluded = usize::from(exclude.is_some_and(|row| counted.accepts(row)));
        let wanted = request.k.min(count.saturating_sub(excluded));
        let hits = out
            .iter()
            .map(|n| Neighbor {
                id: part.numbers.row(n.id),
                score: n.score,
            })
            .filter(|n| Some(n.id) != exclude)
            .take(request.k);
        if !stats.exhausted || hits.clone().count() < wanted {
            return Ok(false);
        }
        found.neighbors.extend(hits);
        found.walks += 1;
        found.ef = found.ef.max(ef.min(vectors.len()));
        Ok(true)
    })
}

/// Scores the allowed rows of a part; adds the `k` nearest by row number and gives the number of rows scored. With codes the vectors of
/// those rows alone are read that may be among the nearest.
#[expect(
    clippy::too_many_arguments,
    reason = "one place calls it, with what it has at hand"
)]
fn scan(
    vectors: VectorsRef<'_>,
    codes: Option<Codes<'_>>,
    numbers: &Numbers,
    query: &[f32],
    k: usize,
    count: usize,
    allowed: Allowed<'_>,
    out: &mut Vec<Neighbor>,
) -> Result<usize> {
    let rows = vectors.len();
    // Scoring in blocks is several times faster a row than picking single rows.
    let sparse = count < rows / 4;
    let run = |range: Range<usize>| -> Result<(usize, Vec<Neighbor>)> {
        let base = range.start as u32;
        let slice = vectors.slice(range.clone());
        let codes = codes.map(|codes| codes.slice(range.clone()));
        let mut found = Vec::new();
        let by_ids = |ids: &mut dyn Iterator<Item = u32>, found: &mut Vec<Neighbor>| match codes {
            None => exact::search_ids(slice, query, k, ids, found),
            Some(codes) => SCRATCH.with_borrow_mut(|(scratch, _)| {
                exact::search_ids_coded(slice, codes, query, k, ids, scratch, found)
            }),
        };
        let scored = if sparse {
            match allowed.filter {
                Some(rows) => {
                    let own = numbers.row(base)..numbers.row(range.end as u32 - 1) + 1;
                    let mut ids = rows
                        .range(own)
                        .filter(|r| allowed.exclude != Some(*r))
                        .filter_map(|r| numbers.position(r))
                        .map(|p| p - base);
                    by_ids(&mut ids, &mut found)
                }
                None => {
                    let mut ids = (base..range.end as u32)
                        .filter(|p| allowed.accepts(numbers.row(*p)))
                        .map(|p| p - base);
                    by_ids(&mut ids, &mut found)
                }
            }
        } else {
            let accept = |id: u32| allowed.accepts(numbers.row(base + id));
            let all = count == rows && allowed.exclude.is_none();
            let accept: Option<&dyn Fn(u32) -> bool> = if all { None } else { Some(&accept) };
            match codes {
                None => exact::search(slice, query, k, accept, &mut found),
                Some(codes) => SCRATCH.with_borrow_mut(|(scratch, _)| {
                    exact::search_coded(slice, codes, query, k, accept, scratch, &mut found)
                }),
            }
        }
        .map_err(|e| Error::internal(e.to_string()))?;
        for n in &mut found {
            n.id = numbers.row(base + n.id);
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
