//! A partitioned index over `f32` vectors (an inverted file): build, search, filtered and exact search, k-nearest-neighbour graph, and a file format.
//!
//! Pure compute: no I/O and no state. Vectors stay with the caller ([`VectorsRef`]), who may hand them in one by one ([`Rows`]).

pub mod exact;
pub mod format;

mod accepted;
mod basis;
mod build;
mod candidates;
mod codec;
mod coded;
mod frame;
mod homes;
mod key;
mod kmeans;
mod knn;
mod layout;
mod lloyd;
mod meeting;
mod parallel;
mod random;
mod router;
mod rows;
mod search;
mod tune;

pub use accepted::{Accepted, AcceptedSlots};
pub use build::{BuildError, BuildParams, MAX_DIMENSION};
pub use coded::{Coded, CodedScratch};
pub use format::{FormatError, IndexHeader};
pub use knn::KnnError;
pub use layout::{Index, IndexView, NONE};
pub use omendb_distance::{Metric, ShapeError, VectorsRef};
pub use rows::{ReadRow, Rows, SearchError};
pub use search::{Scratch, SearchStats};

/// The most rows that an index may be of.
pub const MAX_ROWS: usize = (1 << 31) - 1;

/// A found row.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Neighbor {
    /// The row.
    pub id: u32,
    /// Its score (see [`omendb_distance`]); smaller is closer.
    pub score: f32,
}
