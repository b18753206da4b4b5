//! What is done to a store while everything goes wrong. One file each; a new one is named in [`ALL`].

mod bench;
mod changes;
mod compaction;
mod history;
mod imports;
mod index;
mod maps;
mod recovery;
mod schema;
mod small;

pub use bench::{Bench, ROOT, id, rows, spec, vector};

use omendb_store::Result;

/// A run of writes. The same seed gives the same writes.
pub trait Workload: Sync {
    /// Its name on the command line and in reports.
    fn name(&self) -> &'static str;

    /// Whether its stores are opened with the background builder.
    fn background(&self) -> bool {
        false
    }

    /// Does it, up to the first error. Whatever changes the content goes through [`Bench::write`].
    fn run(&self, bench: &mut Bench) -> Result<()>;
}

/// All workloads.
pub const ALL: &[&dyn Workload] = &[
    &small::SmallWrites,
    &imports::Imports,
    &index::IndexBuild,
    &maps::Maps,
    &schema::Schema,
    &recovery::Recovery,
    &history::History,
    &compaction::Compaction,
];
