//! An HNSW graph over `f32` vectors: build, search, filtered search, k-nearest-neighbour graph, and a file format of its own.
//!
//! Pure compute: no I/O and no state. Vectors stay with the caller ([`VectorsRef`]); the graph holds links alone, and reaches vectors
//! only through the [`space`] traits, so that quantised codes or a device can score in their place.

pub mod exact;
pub mod format;
pub mod graph;
pub mod space;

mod accepted;
mod build;
mod codes;
mod former;
mod index;
mod knn;
mod lists;
mod parallel;
mod pool;
mod random;
mod repair;
mod search;
mod twins;

pub use accepted::Accepted;
pub use build::{BuildError, BuildParams, build, build_in};
pub use codes::{CodeScorer, CodeSpace};
pub use format::{FormatError, IndexHeader};
pub use former::Former;
pub use graph::{Graph, GraphView};
pub use index::{Index, IndexView};
pub use knn::{KnnError, knn_graph};
pub use omendb_distance::{Metric, ShapeError, VectorsRef};
pub use search::{Neighbor, Scratch, SearchStats, default_ef, search, search_in};

/// The most nodes that a graph may have: ids take 31 bits.
pub const MAX_NODES: usize = (1 << 31) - 1;

/// Stands for "no node" in link lists and in the output of [`knn_graph`].
pub const NONE: u32 = u32::MAX;
