//! Two-dimensional projections of vectors; pure compute, seeded, cancellable.

mod align;
pub mod cluster;
mod faithful;
mod linear;
mod pca;
mod plane;
mod sample;
pub mod umap;
mod wide;

pub use align::{MapOf, Moves, Turn, moves, turn_onto};
pub use faithful::{Faithfulness, faithfulness, kept_neighbours};
pub use pca::{Points, ProjectionError, pca2};
pub use sample::sample;
