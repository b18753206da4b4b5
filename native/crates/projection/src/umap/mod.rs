//! UMAP: Uniform Manifold Approximation and Projection (McInnes, Healy, Melville 2018), in two dimensions.
//!
//! A neighbour graph becomes a [`FuzzyGraph`], and this a [`Layout`], which goes step by step from any picture to the map.

mod curve;
mod force;
mod fuzzy;
mod layout;
mod place;
mod pool;
mod supervise;
mod support;

pub(crate) use fuzzy::stop_if;
pub use fuzzy::{FuzzyGraph, Neighbours};
pub use layout::{Layout, LayoutParams};
pub(crate) use layout::{Step, move_block};
pub use place::place;
pub(crate) use place::{Placing, place_block};
pub use supervise::{Target, UNKNOWN, supervise};
pub use support::{supported, wider};
