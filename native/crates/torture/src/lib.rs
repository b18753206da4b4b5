//! Suites that try to break the store. The command `torture` runs them at length; `cargo test` runs a short form of each.

pub mod child;
pub mod conformance;
pub mod damage;
pub mod faults;
pub mod full_disk;
pub mod kill;
pub mod ledger;
pub mod limits;
pub mod model;
pub mod part;
pub mod power;
pub mod readers;
pub mod rng;
pub mod tally;
pub mod vfs;
pub mod workload;
