//! The vector store: a folder that holds collections of rows, each with an id, typed columns and vectors.
//!
//! Writes are acknowledged once they are synced: small ones go through a write-ahead log ([`Collection::add`]), bulk
//! imports become a sealed segment that a new manifest generation names ([`Store::begin_import`]). Reads
//! ([`Collection::snapshot`]) see one immutable state and never wait for a write. Indexes are built in the background.
//!
//! All access to files goes through [`vfs::Vfs`]; what each file holds is written down in the modules that own it:
//! `manifest`, `wal`, `segment`, `maps`.

mod backup;
mod batch;
mod behind;
mod bell;
mod bulk;
mod bytes;
mod cells;
mod changes;
mod check;
mod cluster;
mod collection;
mod column;
mod compact;
mod durable;
mod edit;
mod error;
mod filter;
mod foreign;
mod graph;
mod history;
mod indexer;
mod ingest;
mod joining;
mod json_rows;
mod judge;
mod layout;
mod leftovers;
mod lock;
mod lru;
mod manifest;
mod maps;
mod memory;
mod memtable;
mod meta;
mod nearest;
mod new_folder;
mod numbers;
mod part;
mod place;
mod publish;
mod query;
#[cfg(test)]
mod read_tests;
mod reader;
mod recovery;
mod regions;
mod repair;
mod replay;
mod revision;
mod sealed;
mod segment;
mod snapshot;
mod state;
mod store;
mod sync;
mod target;
#[doc(hidden)]
pub mod testing;
mod tune;
mod values;
mod verify;
pub mod vfs;
mod view;
mod wal;

pub use backup::{BackupReport, Progress, restore};
pub use batch::{How, Searcher};
pub use bulk::{BulkWriter, Committed, ImportTarget};
pub use cells::{MAX_SAFE_INTEGER, int_json};
pub use cluster::RowClusters;
pub use collection::{Collection, CollectionInfo, IdColumnInfo, IndexInfo, IndexState, VectorInfo};
pub use compact::CompactReport;
pub use error::{Error, Result};
pub use graph::{KnnGraph, MAX_GRAPH_K};
pub use history::{
    ChangeKind, Entry as HistoryEntry, HistoryInfo, ListedEntry, MAX_NOTE_BYTES,
    Pruned as HistoryPruned, Rule as HistoryRule,
};
pub use judge::{MAX_JUDGED_K, MapJudgement, MapScore, NOT_JUDGED};
pub use maps::{MapMeta, MapPoints};
pub use memory::Memory;
pub use meta::{
    CollectionMeta, CollectionSpec, ColumnKind, ColumnMeta, Id, IdKind, MAX_COLUMNS, MAX_DIMENSION,
    MAX_NAME_BYTES, MAX_VECTOR_COLUMNS, TYPE_KEY, VectorSpec,
};
pub use omendb_distance::Metric;
pub use omendb_projection::umap::{Layout, LayoutParams, Target};
pub use omendb_projection::{MapOf, Moves, Turn, moves, turn_onto};
pub use query::{Hit, MAX_EF, MAX_K, Plan, SearchRequest, SearchResult};
pub use regions::Region;
pub use repair::{LostRows, RepairReport, RepairedCollection, repair};
pub use snapshot::Snapshot;
pub use store::{OpenOptions, Store, StoreInfo};
pub use tune::{Choice, MAX_TUNE_QUERIES, OtherMetric, TuneReport};
pub use values::{CODE_NULL, CODE_OTHER, CategoryLabel, ColumnValues, TOP_CATEGORIES};
pub use verify::{Problem, VerifyReport};
pub use view::{MAX_SORT_KEYS, SortKey, View};
