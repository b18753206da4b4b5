//! Clusters of rows: communities of their neighbour graph, and words that tell them apart.

mod keywords;
mod leiden;
mod level;
mod moving;
mod refine;

pub use keywords::keywords;
pub use leiden::{ClusterParams, Clusters, leiden};
