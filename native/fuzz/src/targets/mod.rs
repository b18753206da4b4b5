//! What is fed: each target takes bytes and says what came of them, in words that differ where the way differed.

mod files;
mod filter;
mod index;
mod store;

use std::path::PathBuf;

/// Something that reads hostile bytes. It panics when it finds what must not be.
pub struct Target {
    /// Its name; its corpus and dictionary are called so too.
    pub name: &'static str,
    /// Feeds it.
    pub feed: fn(&[u8]) -> String,
    /// Inputs made by the code as it is now, to begin with.
    pub seeds: fn() -> Vec<Vec<u8>>,
}

/// All targets.
pub const TARGETS: [Target; 11] = [
    Target {
        name: "wal",
        feed: store::wal,
        seeds: store::wal_seeds,
    },
    Target {
        name: "manifest",
        feed: store::manifest,
        seeds: store::manifest_seeds,
    },
    Target {
        name: "segment",
        feed: store::segment,
        seeds: store::segment_seeds,
    },
    Target {
        name: "index",
        feed: index::index,
        seeds: index::seeds,
    },
    Target {
        name: "filter",
        feed: filter::filter,
        seeds: filter::seeds,
    },
    Target {
        name: "csv",
        feed: files::csv,
        seeds: files::csv_seeds,
    },
    Target {
        name: "jsonl",
        feed: files::jsonl,
        seeds: files::jsonl_seeds,
    },
    Target {
        name: "npy",
        feed: files::npy,
        seeds: files::npy_seeds,
    },
    Target {
        name: "parquet",
        feed: files::parquet,
        seeds: files::parquet_seeds,
    },
    Target {
        name: "fvecs",
        feed: files::fvecs,
        seeds: files::fvecs_seeds,
    },
    Target {
        name: "sniff",
        feed: files::sniff,
        seeds: files::sniff_seeds,
    },
];

/// The target of this name.
pub fn find(name: &str) -> Option<&'static Target> {
    const ALL: &[Target] = &TARGETS;
    ALL.iter().find(|t| t.name == name)
}

/// A place for a temporary file: in memory where the system has such a place.
pub fn scratch(name: &str) -> PathBuf {
    let memory = PathBuf::from("/dev/shm");
    let folder = if memory.is_dir() {
        memory
    } else {
        std::env::temp_dir()
    };
    let folder = folder.join(format!("omendb-fuzz-{}", std::process::id()));
    std::fs::create_dir_all(&folder).expect("a place for temporary files");
    folder.join(name)
}

/// Removes that place.
pub fn clean_up() {
    if let Some(folder) = scratch("x").parent() {
        let _ = std::fs::remove_dir_all(folder);
    }
}
