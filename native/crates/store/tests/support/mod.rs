//! What the tests of the store share.
#![allow(dead_code, reason = "each test file uses its own part of it")]

pub mod meddle;
pub mod steps;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow_array::{ArrayRef, Int64Array, RecordBatch, StringArray};
use omendb_store::vfs::{MemVfs, RealVfs, Vfs};
use omendb_store::{
    CollectionSpec, ColumnKind, Id, IdKind, MapMeta, Memory, Metric, OpenOptions, Result, Snapshot,
    Store, VectorSpec,
};
use omendb_torture::vfs::{Class, FaultKind, FaultVfs, Plan};

/// A file system on which change number `at`, from 1, finds the disk full.
pub fn full_at(inner: &MemVfs, at: u64) -> FaultVfs {
    let plan = Plan {
        at,
        sticky: false,
        kind: FaultKind::NoSpace,
        class: Class::Changes,
    };
    FaultVfs::new(Arc::new(inner.clone()), plan)
}

pub const ROOT: &str = "/x.db";
pub const DIMENSION: usize = 4;

pub fn root() -> &'static Path {
    Path::new(ROOT)
}

/// Opens the store on a file system, making it if need be, without background work.
pub fn open(vfs: &MemVfs) -> Arc<Store> {
    try_open(Arc::new(vfs.clone())).unwrap()
}

pub fn try_open(vfs: Arc<dyn Vfs>) -> Result<Arc<Store>> {
    Store::open_with(
        vfs,
        root(),
        OpenOptions {
            create: true,
            background: false,
            ..OpenOptions::default()
        },
    )
}

/// A collection with text ids, one integer column and one vector column.
pub fn spec(name: &str) -> CollectionSpec {
    CollectionSpec {
        name: name.to_owned(),
        id_kind: IdKind::Text,
        id_column: Some("id".to_owned()),
        columns: vec![ColumnKind::Int.field("n")],
        vectors: vec![VectorSpec {
            name: "v".to_owned(),
            dimension: DIMENSION,
            metric: Metric::L2,
        }],
    }
}

/// A collection without ids, under cosine, with one text column `t`.
pub fn angles() -> CollectionSpec {
    CollectionSpec {
        name: "angles".to_owned(),
        id_kind: IdKind::RowNumber,
        id_column: None,
        columns: vec![ColumnKind::Text.field("t")],
        vectors: vec![VectorSpec {
            name: "v".to_owned(),
            dimension: 3,
            metric: Metric::Cosine,
        }],
    }
}

/// What is said of a map that is saved.
pub fn map_meta(name: &str) -> MapMeta {
    MapMeta {
        name: name.to_owned(),
        params: serde_json::json!({}),
        seed: 1,
        rows: 0,
        generation: 1,
        created: 0,
        score: None,
    }
}

/// Rows of such a collection: `(id, n)`; the vector is made of both.
pub fn rows(rows: &[(&str, i64)]) -> (RecordBatch, Vec<f32>) {
    let ids: ArrayRef = Arc::new(rows.iter().map(|r| Some(r.0)).collect::<StringArray>());
    let numbers: ArrayRef = Arc::new(rows.iter().map(|r| r.1).collect::<Int64Array>());
    let batch = RecordBatch::try_from_iter([("id", ids), ("n", numbers)]).unwrap();
    (batch, rows.iter().flat_map(|r| vector(r.0, r.1)).collect())
}

pub fn vector(id: &str, n: i64) -> [f32; DIMENSION] {
    let hash = id
        .bytes()
        .fold(17u32, |h, b| h.wrapping_mul(31).wrapping_add(u32::from(b)));
    [
        n as f32,
        (hash % 1000) as f32,
        (hash / 1000 % 1000) as f32,
        id.len() as f32,
    ]
}

/// Numbered rows, for bulk: ids `r0`, `r1`, …
pub fn numbered(range: std::ops::Range<i64>) -> (RecordBatch, Vec<f32>) {
    let ids: Vec<String> = range.clone().map(|i| format!("r{i}")).collect();
    let pairs: Vec<(&str, i64)> = ids.iter().map(String::as_str).zip(range).collect();
    rows(&pairs)
}

/// All live rows as `(id, n, vector)`, sorted by id.
pub fn content(snapshot: &Snapshot) -> Vec<(String, i64, Vec<f32>)> {
    let numbers: Vec<u32> = snapshot.live_rows().iter().collect();
    assert_eq!(numbers.len() as u64, snapshot.len());
    let cells = snapshot.rows_json(&numbers, None).unwrap();
    let mut out: Vec<_> = numbers
        .iter()
        .zip(cells)
        .map(|(&row, cells)| {
            let id = cells["id"].as_str().unwrap().to_owned();
            assert_eq!(
                snapshot.row_of(&Id::Text(id.clone())),
                Some(row),
                "the id {id} finds its row"
            );
            (
                id,
                cells["n"].as_i64().unwrap(),
                snapshot.vector(row, 0).unwrap().to_vec(),
            )
        })
        .collect();
    out.sort_by(|a, b| a.0.cmp(&b.0));
    out
}

/// The same shape as [`content`], from pairs.
pub fn expected(pairs: &[(&str, i64)]) -> Vec<(String, i64, Vec<f32>)> {
    let mut out: Vec<_> = pairs
        .iter()
        .map(|(id, n)| ((*id).to_owned(), *n, vector(id, *n).to_vec()))
        .collect();
    out.sort_by(|a, b| a.0.cmp(&b.0));
    out
}

pub const READ_ONLY: OpenOptions = OpenOptions {
    create: false,
    background: false,
    read_only: true,
    holder: None,
    memory: Memory::Full,
};

/// Opens the store on a file system for reading.
pub fn try_reader(vfs: Arc<dyn Vfs>) -> Result<Arc<Store>> {
    Store::open_with(vfs, root(), READ_ONLY)
}

/// Adds rows to a collection.
pub fn put(store: &Store, collection: &str, pairs: &[(&str, i64)]) {
    let (columns, vectors) = rows(pairs);
    let collection = store.collection(collection).unwrap();
    collection.add(columns, &vectors).unwrap();
}

/// The live rows of a collection: see [`content`].
pub fn rows_in(store: &Store, collection: &str) -> Vec<(String, i64, Vec<f32>)> {
    content(&store.collection(collection).unwrap().snapshot())
}

/// Everything on a file system in memory: each file with its bytes.
pub fn all_files(vfs: &MemVfs) -> Vec<(std::path::PathBuf, Vec<u8>)> {
    let read = |path: std::path::PathBuf| {
        let bytes = vfs.read(&path).unwrap();
        (path, bytes)
    };
    vfs.files().into_iter().map(read).collect()
}

/// The store of format version 1 that is kept as a fixture, copied into memory.
pub fn golden_v1() -> MemVfs {
    let from = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/v1");
    let vfs = MemVfs::new();
    let mut folders = vec![std::path::PathBuf::new()];
    while let Some(folder) = folders.pop() {
        vfs.create_dir(&root().join(&folder)).unwrap();
        for entry in RealVfs.list(&from.join(&folder)).unwrap() {
            let path = folder.join(&entry.name);
            if entry.is_dir {
                folders.push(path);
                continue;
            }
            let file = RealVfs.open(&from.join(&path)).unwrap();
            let mut bytes = vec![0; entry.len as usize];
            file.read_at(&mut bytes, 0).unwrap();
            vfs.write(&root().join(&path), &bytes).unwrap();
        }
    }
    // Git keeps no empty folders.
    for name in ["maps", "segments", "wal"] {
        let _ = vfs.create_dir(&root().join(name));
    }
    vfs
}

/// A fork is what a killed process leaves: nothing was closed.
pub fn after_kill(vfs: &MemVfs) -> MemVfs {
    vfs.fork()
}

/// Paths of the files of all segments.
pub fn names(vfs: &MemVfs) -> Vec<PathBuf> {
    vfs.files()
        .into_iter()
        .filter(|f| f.to_string_lossy().contains("/segments/"))
        .collect()
}
