//! Searches whose answers go into memory of the caller's: one, or many at once on all cores.

use rayon::prelude::*;

use crate::error::{Error, Result};
use crate::query::SearchRequest;
use crate::snapshot::Snapshot;

/// How to search.
#[derive(Debug, Clone, Copy, Default)]
pub struct How<'a> {
    /// Pool size of walks; `None` for a good one.
    pub ef: Option<usize>,
    /// Whether no index may be walked.
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
        if rows.len() != distances.len() {
            return Err(Error::invalid(format!(
                "{} rows and {} distances were to be filled",
                rows.len(),
                distances.len()
            )));
        }
        let How { ef, exact, filter } = how;
        let found = self.search(&SearchRequest {
            vector,
            ef,
            exact,
            filter,
            ..SearchRequest::new(query, rows.len())
        })?;
        for ((hit, row), distance) in found.hits.iter().zip(rows).zip(distances) {
            (*row, *distance) = (hit.row, hit.distance);
        }
        Ok(found.hits.len())
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
