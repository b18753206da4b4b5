//! Rows that came after a map was drawn: their places on it.

use std::sync::atomic::AtomicBool;

use omendb_distance::to_distance;
use omendb_ivf::NONE;
use omendb_projection::umap::{LayoutParams, Neighbours, place};

use crate::error::{Error, Result};
use crate::graph::MAX_GRAPH_K;
use crate::nearest::merged;
use crate::snapshot::Snapshot;

impl Snapshot {
    /// Places for rows that a map does not have, among the `k` of its rows that are nearest in vector column `column`: two coordinates for each of `new`. The map stays as it
    /// is (umap-learn's `transform`). Rows of the map that were deleted since do not count.
    ///
    /// - `rows`: the map's row numbers, ascending; `xy`: two coordinates for each. `new`: live rows.
    /// - `progress(done, total)` counts searches, from any thread; `cancel` ends these within moments.
    ///
    /// # Errors
    /// `UNKNOWN_COLUMN`, `UNKNOWN_ROW`, `INVALID_REQUEST` (what does not fit together; a map of which no row is left; a `k` of 0), `LIMIT_EXCEEDED` (`k` past
    /// [`MAX_GRAPH_K`]), `CANCELLED`.
    #[allow(clippy::too_many_arguments)]
    pub fn place_on_map(
        &self,
        column: usize,
        rows: &[u32],
        xy: &[f32],
        new: &[u32],
        k: usize,
        params: LayoutParams,
        cancel: &AtomicBool,
        progress: &(dyn Fn(usize, usize) + Sync),
    ) -> Result<Vec<f32>> {
        let metric = self.vector_spec(column)?.metric;
        let there = self.there(rows, xy)?;
        if k == 0 || there.is_empty() {
            return Err(Error::invalid(
                "rows are placed among rows that are on the map and still there",
            ));
        }
        if k > MAX_GRAPH_K {
            return Err(Error::LimitExceeded {
                what: "neighbours of a row".to_owned(),
                limit: MAX_GRAPH_K as u64,
                actual: k as u64,
            });
        }
        if let Some(row) = new.iter().find(|row| !self.contains(**row)) {
            return Err(Error::UnknownRow { row: *row });
        }
        let (points, _) = xy.as_chunks::<2>();
        let map: Vec<[f32; 2]> = there.iter().map(|at| points[*at as usize]).collect();
        let found: Vec<u32> = there.iter().map(|at| rows[*at as usize]).collect();
        let k = k.min(found.len());
        let mut ids = vec![NONE; new.len() * k];
        let mut distances = vec![f32::INFINITY; new.len() * k];
        let own = self.own_indexes(column, &found, new.len(), cancel)?;
        let sources = self.nearest_sources(column, &own, &found)?;
        let me = |at: usize| {
            let own = found.binary_search(&new[at]);
            own.map_or(NONE, |place| place as u32)
        };
        let out = (&mut ids[..], &mut distances[..]);
        merged(&sources, new, me, k, cancel, progress, out)?;
        self.let_go(column);
        for d in &mut distances {
            *d = to_distance(metric, *d);
        }
        let neighbours = Neighbours {
            k,
            ids: &ids,
            distances: &distances,
        };
        let placed = place(&map, neighbours, params).map_err(|e| Error::internal(e.to_string()))?;
        Ok(placed.into_flattened())
    }
}
