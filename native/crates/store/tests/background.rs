//! The real file system: the lock, the background index, `verify`, and how fast it is.

mod support;

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use omendb_store::vfs::{RealVfs, Vfs};
use omendb_store::{
    CollectionSpec, ColumnKind, IdKind, ImportTarget, IndexState, Memory, Metric, OpenOptions,
    Plan, SearchRequest, Store, VectorSpec,
};
use support::*;

const QUIET: OpenOptions = OpenOptions {
    create: true,
    background: false,
    read_only: false,
    holder: None,
    memory: Memory::Full,
};

// [S1]
#[test]
fn a_second_opener_is_told_who_has_the_store() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x.db");
    let store = Store::open(&path, QUIET).unwrap();
    let error = Store::open(&path, QUIET).unwrap_err();
    assert_eq!(error.code(), "STORE_LOCKED");
    if cfg!(unix) {
        assert_eq!(error.detail()["pid"], serde_json::json!(std::process::id()));
        assert!(
            error.to_string().contains(&std::process::id().to_string()),
            "{error}"
        );
    }
    store.close().unwrap();
    let again = Store::open(&path, QUIET).unwrap();
    store.close().unwrap();
    assert_eq!(store.checkpoint().unwrap_err().code(), "STORE_CLOSED");
    drop(store);
    assert_eq!(
        Store::open(&path, QUIET).unwrap_err().code(),
        "STORE_LOCKED"
    );
    drop(again);
    Store::open(&path, QUIET).unwrap();
}

fn import(store: &Store, rows: i64) {
    let mut import = store
        .begin_import(ImportTarget::New(spec("words")))
        .unwrap();
    let (columns, vectors) = numbered(0..rows);
    import.append(&columns, &vectors).unwrap();
    import.commit().unwrap();
}

#[test]
fn the_index_is_built_in_the_background_and_used_after_a_reopen() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x.db");
    let store = Store::open(
        &path,
        OpenOptions {
            create: true,
            background: true,
            ..OpenOptions::default()
        },
    )
    .unwrap();
    import(&store, 6000);
    assert!(store.wait_for_index(Duration::from_secs(30)));
    let query = vector("r1234", 1234);
    let check = |store: &Store| {
        let words = store.collection("words").unwrap();
        let index = words.info().vectors.remove(0).index;
        assert_eq!(
            (index.state, index.indexed_rows, index.progress),
            (IndexState::Ready, 6000, 1.0)
        );
        let found = words
            .snapshot()
            .search(&SearchRequest::new(&query, 5))
            .unwrap();
        assert_eq!(found.plan, Plan::Indexed);
        assert_eq!(found.hits[0].row, 1234);
        // A fresh row is found too.
        assert_eq!(store.verify().unwrap().problems, []);
    };
    check(&store);
    store.close().unwrap();
    let again = Store::open(&path, QUIET).unwrap();
    check(&again);
    let words = again.collection("words").unwrap();
    let (columns, vectors) = rows(&[("r1234", 1234)]);
    words.add(columns, &vectors).unwrap();
    let found = words
        .snapshot()
        .search(&SearchRequest::new(&query, 5))
        .unwrap();
    assert_eq!(found.hits[0].row, 6000);
    drop(words);
    drop(again);

    // A damaged index is left out, and built again.
    let index = files(&path)
        .into_iter()
        .find(|f| f.to_string_lossy().ends_with(".ivf"))
        .unwrap();
    damage(&index, 100);
    let again = Store::open(&path, QUIET).unwrap();
    let state = again
        .collection("words")
        .unwrap()
        .info()
        .vectors
        .remove(0)
        .index
        .state;
    assert_eq!(state, IndexState::None);
    let problems = again.verify().unwrap().problems;
    assert!(problems.len() == 1 && problems[0].derived, "{problems:?}");
    assert!(
        !again.wait_for_index(Duration::from_secs(1)),
        "nobody builds it"
    );
    drop(again);
    let again = Store::open(&path, OpenOptions::default()).unwrap();
    assert!(again.wait_for_index(Duration::from_secs(30)));
    assert_eq!(
        again.collection("words").unwrap().info().vectors[0]
            .index
            .state,
        IndexState::Ready
    );
    drop(again);
    let again = Store::open(&path, QUIET).unwrap();
    assert_eq!(
        again.collection("words").unwrap().info().vectors[0]
            .index
            .state,
        IndexState::Ready
    );
}

/// Upserts numbered rows in bulk.
fn upsert(store: &Store, rows: std::ops::Range<i64>) {
    let target = ImportTarget::Existing("words".to_owned());
    let mut import = store.begin_import(target).unwrap();
    let (columns, vectors) = numbered(rows);
    import.append(&columns, &vectors).unwrap();
    import.commit().unwrap();
}

/// Searches for each of these rows; all must be found by one index, and no row be looked at beside it.
fn all_by_one_index(store: &Store, numbers: impl Iterator<Item = i64>) {
    let words = store.collection("words").unwrap();
    let snapshot = words.snapshot();
    for n in numbers {
        let id = format!("r{n}");
        let query = vector(&id, n);
        let request = SearchRequest::new(&query, 1);
        let found = snapshot.search(&request).unwrap();
        assert_eq!((found.plan, found.scanned), (Plan::Indexed, 0), "{id}");
        // Also by the index, but without overlooking any.
        let found = snapshot
            .search(&SearchRequest {
                exact: true,
                ..request
            })
            .unwrap();
        assert_eq!((found.hits.len(), found.hits[0].distance), (1, 0.0), "{id}");
        let row = snapshot.row_of(&omendb_store::Id::Text(id)).unwrap();
        assert_eq!(found.hits[0].row, row);
    }
}

fn index_files(path: &Path) -> Vec<PathBuf> {
    let mut all = files(path);
    all.retain(|f| f.to_string_lossy().ends_with(".ivf"));
    all
}

// [Q10]
#[test]
fn what_is_added_and_replaced_joins_one_segment_with_one_index() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x.db");
    let store = Store::open(&path, OpenOptions::default()).unwrap();
    import(&store, 6000);
    assert!(store.wait_for_index(Duration::from_secs(30)));
    all_by_one_index(&store, (0..6000).step_by(13));
    // 1,500 rows are replaced and 1,000 are new.
    upsert(&store, 4500..7000);
    assert!(store.wait_for_index(Duration::from_secs(30)));
    all_by_one_index(&store, (0..7000).step_by(13));
    assert_eq!(index_files(&path).len(), 1, "the joined files are gone");
    assert_eq!(store.verify().unwrap().problems, []);

    // The history knows nothing of it: the rows that were replaced come back.
    store.undo("words").unwrap();
    assert!(store.wait_for_index(Duration::from_secs(30)));
    assert_eq!(store.collection("words").unwrap().snapshot().len(), 6000);
    all_by_one_index(&store, (0..6000).step_by(13));
    store.redo("words").unwrap();
    store.close().unwrap();
    drop(store);
    let store = Store::open(&path, OpenOptions::default()).unwrap();
    assert!(store.wait_for_index(Duration::from_secs(30)));
    all_by_one_index(&store, (0..7000).step_by(13));
    assert_eq!(store.verify().unwrap().problems, []);
}

// [Q10]
#[test]
fn rows_that_were_added_in_small_writes_come_into_the_index_once_writers_are_quiet() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x.db");
    let store = Store::open(&path, OpenOptions::default()).unwrap();
    import(&store, 6000);
    let words = store.collection("words").unwrap();
    for first in (5_000..8_000).step_by(500) {
        let (columns, vectors) = numbered(first..first + 500);
        words.add(columns, &vectors).unwrap();
    }
    words.delete_rows(&[10, 20]).unwrap();
    assert!(store.wait_for_index(Duration::from_secs(30)));
    let live = |n: &i64| *n != 10 && *n != 20;
    all_by_one_index(&store, (0..8000).step_by(13).filter(live));
    assert_eq!(store.verify().unwrap().problems, []);
    // The history is as it was, from before the sealing and joining on.
    store.undo("words").unwrap();
    assert_eq!(words.snapshot().len(), 8000);
    // Adds that follow one another are one entry.
    while words.snapshot().len() > 6000 {
        store.undo("words").unwrap();
    }
    assert_eq!(words.snapshot().len(), 6000);
    assert!(store.wait_for_index(Duration::from_secs(30)));
    all_by_one_index(&store, (0..6000).step_by(13));
}

// [Q10]
#[test]
fn an_index_with_many_dead_rows_is_built_anew() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x.db");
    let store = Store::open(&path, OpenOptions::default()).unwrap();
    import(&store, 8000);
    assert!(store.wait_for_index(Duration::from_secs(30)));
    let first = index_files(&path);
    let words = store.collection("words").unwrap();
    let few: Vec<u32> = (0..8000).step_by(10).collect();
    words.delete_rows(&few).unwrap();
    store.checkpoint().unwrap();
    assert!(store.wait_for_index(Duration::from_secs(30)));
    assert_eq!(index_files(&path), first, "a tenth is passed over");
    let more: Vec<u32> = (0..8000).filter(|row| row % 10 < 3).collect();
    words.delete_rows(&more).unwrap();
    assert!(store.wait_for_index(Duration::from_secs(30)));
    assert_ne!(index_files(&path), first);
    all_by_one_index(&store, (0..8000).filter(|n| n % 10 >= 3).step_by(7));
    // Those that come back are looked for too, and soon by the index.
    store.undo("words").unwrap();
    assert_eq!(words.snapshot().len(), 7200);
    assert!(store.wait_for_index(Duration::from_secs(30)));
    all_by_one_index(&store, (0..8000).filter(|n| n % 10 > 0).step_by(7));
}

#[test]
fn closing_while_an_index_is_built_is_quick_and_the_next_open_goes_on() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x.db");
    let store = Store::open(&path, OpenOptions::default()).unwrap();
    import(&store, 20_000);
    let begin = Instant::now();
    store.close().unwrap();
    assert!(
        begin.elapsed() < Duration::from_secs(2),
        "{:?}",
        begin.elapsed()
    );
    assert!(!store.wait_for_index(Duration::from_secs(30)) || store.info().generation > 2);
    drop(store);
    let store = Store::open(&path, OpenOptions::default()).unwrap();
    assert!(store.wait_for_index(Duration::from_secs(60)));
}

/// All files of a store.
fn files(folder: &Path) -> Vec<PathBuf> {
    let mut out = Vec::new();
    for entry in RealVfs.list(folder).unwrap() {
        let path = folder.join(&entry.name);
        if entry.is_dir {
            out.extend(files(&path))
        } else {
            out.push(path)
        }
    }
    out
}

#[expect(
    clippy::disallowed_methods,
    reason = "damage is done behind the store's back"
)]
fn damage(path: &Path, at: usize) {
    let mut bytes = std::fs::read(path).unwrap();
    bytes[at] ^= 0x20;
    std::fs::write(path, bytes).unwrap();
}

// [S4]
#[test]
fn verify_finds_a_flipped_byte_in_every_sealed_file_of_an_open_store() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x.db");
    let store = Store::open(&path, OpenOptions::default()).unwrap();
    import(&store, 1500);
    let words = store.collection("words").unwrap();
    let meta = omendb_store::MapMeta {
        name: "umap".to_owned(),
        params: serde_json::json!(null),
        seed: 1,
        rows: 0,
        generation: 1,
        created: 0,
        score: None,
    };
    let points = omendb_store::MapPoints::new(vec![1, 2, 3], vec![0.0; 6]);
    words.save_map(meta, &points).unwrap();
    // Once in twenty times, with both cores busy, this answered no at once: between taking a job and beginning it, and between two
    // jobs, the builder looked as if it had nothing to do.
    assert!(store.wait_for_index(Duration::from_secs(30)));
    let (columns, vectors) = rows(&[("x", 1), ("y", 2)]);
    words.add(columns.slice(0, 1), &vectors[..4]).unwrap();
    words.add(columns.slice(1, 1), &vectors[4..]).unwrap();
    let report = store.verify().unwrap();
    assert_eq!(report.problems, []);
    let all: Vec<PathBuf> = files(&path)
        .into_iter()
        .filter(|f| !f.ends_with("LOCK"))
        .collect();
    assert_eq!(report.files, all.len() as u64);
    assert_eq!(all.len(), 5 + 1 + 2 + 1, "{all:?}");
    for file in &all {
        let len = RealVfs.open(file).unwrap().len().unwrap() as usize;
        // The log's first record, since damage to its last one cannot be told from a torn write.
        let places = if file.extension().is_some_and(|e| e == "wal") {
            vec![3, 20, 40]
        } else {
            vec![0, len / 3, len / 2, len - 1]
        };
        for at in places {
            damage(file, at);
            let problems = store.verify().unwrap().problems;
            assert_eq!(problems.len(), 1, "byte {at} of {}", file.display());
            assert!(file.ends_with(&problems[0].file), "{problems:?}");
            damage(file, at);
        }
    }
    assert_eq!(store.verify().unwrap().problems, []);
}

#[test]
fn a_large_import_and_small_writes_are_fast() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(&folder.path().join("x.db"), QUIET).unwrap();
    let spec = CollectionSpec {
        name: "words".to_owned(),
        id_kind: IdKind::Text,
        id_column: Some("id".to_owned()),
        columns: vec![ColumnKind::Int.field("n")],
        vectors: vec![VectorSpec {
            name: "v".to_owned(),
            dimension: 100,
            metric: Metric::Cosine,
        }],
    };
    let (columns, _) = numbered(0..20_000);
    let vectors: Vec<f32> = (0..2_000_000).map(|i| (i % 977) as f32 - 488.0).collect();
    let begin = Instant::now();
    let mut import = store.begin_import(ImportTarget::New(spec)).unwrap();
    for at in (0..20_000).step_by(5_000) {
        import
            .append(
                &columns.slice(at, 5_000),
                &vectors[at * 100..(at + 5_000) * 100],
            )
            .unwrap();
    }
    import.commit().unwrap();
    let imported = begin.elapsed();
    let words = store.collection("words").unwrap();
    let begin = Instant::now();
    for n in 0..50 {
        words.add(columns.slice(n, 1), &vectors[..100]).unwrap();
    }
    let added = begin.elapsed() / 50;
    assert!(imported < Duration::from_secs(5), "{imported:?}");
    assert!(added < Duration::from_millis(500), "{added:?}");
    let begin = Instant::now();
    let path = store.path().to_path_buf();
    drop(words);
    store.close().unwrap();
    let closed = begin.elapsed();
    let begin = Instant::now();
    let again = Store::open(&path, QUIET).unwrap();
    let opened = begin.elapsed();
    assert_eq!(again.collection("words").unwrap().snapshot().len(), 20_000);
    if std::env::var_os("OMENDB_TIMES").is_some() {
        panic!("import {imported:?}, add {added:?} a row, close {closed:?}, open {opened:?}");
    }
}

// [S1] Once a store closed by this process stayed locked for a moment: a child that was just being started had a copy of the
// lock's file, and closing ours did not give the lock back.
#[cfg(unix)]
#[test]
fn a_closed_store_can_be_opened_at_once_while_processes_are_started() {
    use std::sync::atomic::{AtomicBool, Ordering};

    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x.db");
    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                while !done.load(Ordering::Relaxed) {
                    std::process::Command::new("true").status().unwrap();
                }
            });
        }
        for _ in 0..100 {
            let opened = Store::open(&path, QUIET);
            if opened.is_err() {
                done.store(true, Ordering::Relaxed);
            }
            opened.unwrap().close().unwrap();
        }
        done.store(true, Ordering::Relaxed);
    });
}
