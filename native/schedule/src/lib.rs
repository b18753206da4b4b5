//! Explores schedules of the threads of an open store: a writer, readers, a compactor, a copy, the indexer. The store is the real one, on a
//! file system in memory, built so that the explorer (shuttle) chooses at each lock, atomic and published state which thread goes on.

pub mod explore;
pub mod model;
#[path = "../../crates/torture/src/part.rs"]
pub mod part;
pub mod readers;
pub mod scenario;
pub mod table;
pub mod writer;
