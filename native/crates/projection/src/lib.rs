//! Two-dimensional projections of vectors; pure compute, seeded, cancellable.

pub mod cluster;
mod faithful;
mod linear;
mod pca;
mod sample;
pub mod umap;
mod wide;

pub use faithful::{Faithfulness, faithfulness, kept_neighbours};
pub use pca::{Points, ProjectionError, pca2};
pub use sample::sample;
