//! Searches whose answers go into memory of the caller's: one, or many at once on all cores.

use std::sync::Arc;

use rayon::prelude::*;

use crate::error::{Error, Result};
use crate::filter::Matches;
use crate::query::{MAX_K, SearchRequest, SearchResult, check_count};
use crate::snapshot::Snapshot;

/// How to search.
#[derive(Debug, Clone, Copy, Default)]
pub struct How<'a> {
    /// Partitions of an index to be looked at; `None` for a good number.
    pub ef: Option<usize>,
    /// Whether every row is compared with.
    pub exact: bool,
    /// A condition on the rows, as in SQL's `WHERE`.
    pub filter: Option<&'a str>,
}

impl Snapshot {
    /// The `rows.len()` nearest rows to a query in vector column `vector`, nearest first, with their distances. Gives how many there are: fewer
    /// than asked for only when the collection has fewer; the rest of the slices stays as it is.
    ///
    /// # Errors
    /// `INVALID_REQUEST` when the slices are not equally long, and those of [`Snapshot::search`].
    pub fn search_into(
        &self,
        vector: usize,
        query: &[f32],
        how: How<'_>,
        rows: &mut [u32],
        distances: &mut [f32],
    ) -> Result<usize> {
        check_places(rows, distances)?;
        let found = self.search(&how.request(vector, query, rows.len()))?;
        Ok(put(&found, rows, distances))
    }

    /// Many queries at once, on all cores: `queries` lie one after another, and each has `k` places in `rows` and `distances`. Gives how many of them
    /// each query filled: as many as there are rows, at most `k`.
    ///
    /// # Errors
    /// As for [`Snapshot::search_into`]; then some of the places may be filled.
    pub fn search_batch(
        &self,
        vector: usize,
        queries: &[f32],
        k: usize,
        how: How<'_>,
        rows: &mut [u32],
        distances: &mut [f32],
    ) -> Result<usize> {
        let dimension = self.vector_spec(vector)?.dimension;
        let count = queries.len() / dimension.max(1);
        let fits = count.checked_mul(k) == Some(rows.len())
            && rows.len() == distances.len()
            && queries.len().is_multiple_of(dimension);
        if k == 0 || !fits {
            return Err(Error::invalid(format!(
                "{} numbers of queries of dimension {dimension}, and places for {} rows and {} distances, {k} a query",
                queries.len(),
                rows.len(),
                distances.len()
            )));
        }
        let filled = queries
            .par_chunks_exact(dimension)
            .zip(rows.par_chunks_exact_mut(k))
            .zip(distances.par_chunks_exact_mut(k))
            .map(|((query, rows), distances)| self.search_into(vector, query, how, rows, distances))
            .try_reduce(|| 0, |a, b| Ok(a.max(b)))?;
        Ok(filled)
    }
}

impl<'a> How<'a> {
    fn request(self, vector: usize, query: &'a [f32], k: usize) -> SearchRequest<'a> {
        let How { ef, exact, filter } = self;
        SearchRequest {
            vector,
            ef,
            exact,
            filter,
            ..SearchRequest::new(query, k)
        }
    }
}

fn check_places(rows: &[u32], distances: &[f32]) -> Result<()> {
    if rows.len() == distances.len() {
        return Ok(());
    }
    Err(Error::invalid(format!(
        "{} rows and {} distances were to be filled",
        rows.len(),
        distances.len()
    )))
}

fn put(found: &SearchResult, rows: &mut [u32], distances: &mut [f32]) -> usize {
    for ((hit, row), distance) in found.hits.iter().zip(rows).zip(distances) {
        (*row, *distance) = (hit.row, hit.distance);
    }
    found.hits.len()
}

/// Searches of one kind on one snapshot, whose filter was looked at once for all.
pub struct Searcher {
    snapshot: Arc<Snapshot>,
    filter: Option<Arc<Matches>>,
    vector: usize,
    ef: Option<usize>,
    exact: bool,
}

impl Searcher {
    /// Looks for `k` rows of `snapshot` by vector column `vector`.
    ///
    /// # Errors
    /// `INVALID_FILTER`, `UNKNOWN_COLUMN`, `INVALID_REQUEST` and `LIMIT_EXCEEDED` for `k`.
    pub fn new(snapshot: Arc<Snapshot>, vector: usize, k: usize, how: How<'_>) -> Result<Searcher> {
        snapshot.vector_spec(vector)?;
        check_count("k", k, MAX_K)?;
        Ok(Searcher {
            filter: snapshot.wanted(how.filter)?,
            snapshot,
            vector,
            ef: how.ef,
            exact: how.exact,
        })
    }

    /// As [`Snapshot::search_into`], with `k` places in each slice.
    ///
    /// # Errors
    /// Those of [`Snapshot::search_into`].
    pub fn run(&self, query: &[f32], rows: &mut [u32], distances: &mut [f32]) -> Result<usize> {
        check_places(rows, distances)?;
        let how = How {
            ef: self.ef,
            exact: self.exact,
            filter: None,
        };
        let request = how.request(self.vector, query, rows.len());
        let found = self
            .snapshot
            .search_among(&request, self.filter.as_deref())?;
        Ok(put(&found, rows, distances))
    }
}
