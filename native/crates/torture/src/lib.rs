//! Suites that try to break the store. The command `torture` runs them at length; `cargo test` runs a short form of each.

pub mod child;
pub mod full_disk;
pub mod kill;
pub mod part;
pub mod rng;
