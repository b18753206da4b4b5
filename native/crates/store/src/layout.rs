//! From a neighbour graph to a map.

use std::sync::atomic::AtomicBool;

use omendb_projection::ProjectionError;
use omendb_projection::umap::{FuzzyGraph, Layout, LayoutParams, Neighbours};

use crate::error::{Error, Result};
use crate::graph::KnnGraph;

impl KnnGraph {
    /// A UMAP of the graph's rows that begins at `start`: two coordinates a row, in the order of the rows.
    ///
    /// # Errors
    /// `INVALID_REQUEST` (another number of coordinates), `CANCELLED`.
    pub fn layout(
        &self,
        start: &[f32],
        params: LayoutParams,
        cancel: &AtomicBool,
    ) -> Result<Layout> {
        if start.len() != self.rows.len() * 2 {
            return Err(Error::invalid(format!(
                "{} coordinates are not two for each of {} rows",
                start.len(),
                self.rows.len()
            )));
        }
        let graph = self.fuzzy(cancel)?;
        Ok(Layout::new(graph, start, params))
    }

    /// How much the rows belong together.
    pub(crate) fn fuzzy(&self, cancel: &AtomicBool) -> Result<FuzzyGraph> {
        let neighbours = Neighbours {
            k: self.k,
            ids: &self.ids,
            distances: &self.distances,
        };
        FuzzyGraph::new(neighbours, cancel).map_err(|e| match e {
            ProjectionError::Cancelled => Error::Cancelled {
                what: "the map".to_owned(),
            },
            other => Error::internal(other.to_string()),
        })
    }
}
