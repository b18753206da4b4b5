//! Two-dimensional projections of vectors; pure compute, seeded, cancellable.

mod linear;
mod pca;

pub use pca::{Points, ProjectionError, pca2};
