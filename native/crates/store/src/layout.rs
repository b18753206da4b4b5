//! From a neighbour graph to a map.

use std::sync::atomic::AtomicBool;

use omendb_projection::ProjectionError;
use omendb_projection::umap::{FuzzyGraph, Layout, LayoutParams, Neighbours, Target, supervise};

use crate::error::{Error, Result};
use crate::graph::KnnGraph;

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
            graph = supervise(&graph, target, self.k, weight, cancel).map_err(layout_error)?;
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
        FuzzyGraph::new(neighbours, cancel).map_err(layout_error)
    }
}

fn layout_error(error: ProjectionError) -> Error {
    match error {
        ProjectionError::Cancelled => Error::Cancelled {
            what: "the map".to_owned(),
        },
        ProjectionError::Shape(shape) => Error::invalid(shape.to_string()),
        other => Error::internal(other.to_string()),
    }
}
