//! Two-dimensional projections of vectors; pure compute, seeded, cancellable.

mod faithful;
mod linear;
mod pca;
pub mod umap;

pub use faithful::{Faithfulness, faithfulness};
pub use pca::{Points, ProjectionError, pca2};
