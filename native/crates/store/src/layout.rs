//! From a neighbour graph to a map.

use std::sync::atomic::AtomicBool;

use omendb_projection::ProjectionError;
use omendb_projection::umap::{
    FuzzyGraph, Layout, LayoutParams, Neighbours, Target, supervise, supported, wider,
};

use crate::error::{Error, Result};
use crate::graph::{KnnGraph, MAX_GRAPH_K};
use crate::snapshot::Snapshot;

impl KnnGraph {
    /// A UMAP of the graph's rows that begins at `start`: two coordinates a row, in the order of the rows. With a `target`, a value for each row, and how much it counts (0 to
    /// 1), it follows that too.
    ///
    /// # Errors
    /// `INVALID_REQUEST` (another number of coordinates or values), `CANCELLED`.
    pub fn layout(
        &self,
        start: &[f32],
        params: LayoutParams,
        target: Option<(&Target, f32)>,
        cancel: &AtomicBool,
    ) -> Result<Layout> {
        if start.len() != self.rows.len() * 2 {
            return Err(Error::invalid(format!(
                "{} coordinates are not two for each of {} rows",
                start.len(),
                self.rows.len()
            )));
        }
        let mut graph = self.fuzzy(cancel)?;
        if let Some((target, weight)) = target {
            graph = supervise(&graph, target, self.k, weight, cancel).map_err(map_error)?;
        }
        Ok(Layout::new(graph, start, params))
    }

    /// How much the rows belong together.
    pub(crate) fn fuzzy(&self, cancel: &AtomicBool) -> Result<FuzzyGraph> {
        let neighbours = Neighbours {
            k: self.k,
            ids: &self.ids,
            distances: &self.distances,
        };
        FuzzyGraph::new(neighbours, cancel).map_err(map_error)
    }
}

impl Snapshot {
    /// As [`Snapshot::knn_graph`], but a neighbour with which a row has none in common gives way to the next nearest, if there is one nearly as near
    /// ([`omendb_projection::umap::supported`]): what a map is drawn from.
    ///
    /// # Errors
    /// As [`Snapshot::knn_graph`].
    pub fn map_graph(
        &self,
        column: usize,
        among: Option<&[u32]>,
        k: usize,
        cancel: &AtomicBool,
        progress: &(dyn Fn(usize, usize) + Sync),
    ) -> Result<KnnGraph> {
        let width = wider(k).min(MAX_GRAPH_K).max(k);
        let graph = self.knn_graph(column, among, width, cancel, progress)?;
        let neighbours = Neighbours {
            k: width,
            ids: &graph.ids,
            distances: &graph.distances,
        };
        let (ids, distances) = supported(neighbours, k, cancel).map_err(map_error)?;
        Ok(KnnGraph {
            rows: graph.rows,
            k,
            ids,
            distances,
        })
    }
}

fn map_error(error: ProjectionError) -> Error {
    match error {
        ProjectionError::Cancelled => Error::Cancelled {
            what: "the map".to_owned(),
        },
        ProjectionError::Shape(shape) => Error::invalid(shape.to_string()),
        other => Error::internal(other.to_string()),
    }
}
