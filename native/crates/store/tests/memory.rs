//! A store that is opened to keep little in memory gives what any other gives.
#![expect(
    clippy::disallowed_methods,
    reason = "looks at the process, and meddles with files as another program would"
)]

mod support;

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use arrow_array::{ArrayRef, Int64Array, RecordBatch};
use omendb_store::{
    CollectionSpec, ColumnKind, IdKind, ImportTarget, Memory, Metric, OpenOptions, Plan,
    SearchRequest, SearchResult, Snapshot, Store, VectorSpec,
};

const ROWS: usize = 12_000;
const DIMENSION: usize = 64;

fn options(memory: Memory) -> OpenOptions {
    OpenOptions {
        memory,
        ..OpenOptions::default()
    }
}

/// Numbers between -1 and 1 that look as if they were random.
fn vectors(rows: usize, seed: u32) -> Vec<f32> {
    let mut x = seed;
    let mut next = || {
        x = x.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (x >> 8) as f32 / (1 << 23) as f32 - 1.0
    };
    (0..rows * DIMENSION).map(|_| next()).collect()
}

/// A store of random rows that are numbered in column `n`, indexed, and closed again.
fn make(path: &Path, metric: Metric) {
    let store = Store::open(path, options(Memory::Full)).unwrap();
    let spec = CollectionSpec {
        name: "x".to_owned(),
        id_kind: IdKind::RowNumber,
        id_column: None,
        columns: vec![ColumnKind::Int.field("n")],
        vectors: vec![VectorSpec {
            name: "v".to_owned(),
            dimension: DIMENSION,
            metric,
        }],
    };
    let mut import = store.begin_import(ImportTarget::New(spec)).unwrap();
    let numbers: ArrayRef = Arc::new((0..ROWS as i64).collect::<Int64Array>());
    let columns = RecordBatch::try_from_iter([("n", numbers)]).unwrap();
    import.append(&columns, &vectors(ROWS, 1)).unwrap();
    import.commit().unwrap();
    assert!(store.wait_for_index(Duration::from_secs(60)));
}

fn snapshot(store: &Store) -> Arc<Snapshot> {
    store.collection("x").unwrap().snapshot()
}

/// Bytes of memory that this process has of a store's vectors.
#[cfg(target_os = "linux")]
fn resident(store: &Path) -> u64 {
    let maps = std::fs::read_to_string("/proc/self/smaps").unwrap();
    let mut inside = false;
    let mut sum = 0;
    for line in maps.lines() {
        if line.contains('/') || line.split(' ').next().is_some_and(|w| w.contains('-')) {
            inside = line.contains(store.to_str().unwrap()) && line.ends_with("vectors.0.f32");
        } else if let Some(rest) = line.strip_prefix("Rss:").filter(|_| inside) {
            let kib: u64 = rest.trim().trim_end_matches(" kB").parse().unwrap();
            sum += kib * 1024;
        }
    }
    sum
}

// [Q11]
#[test]
fn searches_give_the_same_however_much_is_kept_in_memory() {
    for metric in Metric::ALL {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x.db");
        make(&path, metric);
        let full = Store::open(&path, options(Memory::Full)).unwrap();
        let all = |store: &Store| -> Vec<SearchResult> {
            let snapshot = snapshot(store);
            let queries = vectors(10, 2);
            let mut results = Vec::new();
            for query in queries.chunks(DIMENSION) {
                // With a filter only exact searches give the same in every way that they may be done.
                for (filter, ef, exact, k) in [
                    (None, None, false, 10),
                    (None, Some(20), false, 10),
                    (None, None, false, 5000),
                    (None, None, true, 10),
                    (Some("n < 40"), None, false, 10),
                    (Some("n % 3 = 0"), None, true, 10),
                    (Some("n < 2000"), None, true, 10),
                ] {
                    let request = SearchRequest {
                        ef,
                        exact,
                        filter,
                        exclude: Some(17),
                        ..SearchRequest::new(query, k)
                    };
                    let first = snapshot.search(&request).unwrap();
                    // A filter that comes again may be answered in another way.
                    let again = snapshot.search(&request).unwrap();
                    assert_eq!(first.hits, again.hits);
                    results.push(first);
                }
            }
            results
        };
        let expected = all(&full);
        assert!(expected.iter().any(|r| r.plan == Plan::Indexed));
        assert!(expected.iter().any(|r| r.plan == Plan::Exact));
        let graph = |store: &Store| {
            let cancel = AtomicBool::new(false);
            snapshot(store)
                .knn_graph(0, None, 5, &cancel, &|_, _| {})
                .unwrap()
        };
        let (expected_graph, picture) = (
            graph(&full),
            snapshot(&full).pca(0, None, &AtomicBool::new(false)),
        );
        full.close().unwrap();
        drop(full);
        let compact = Store::open(&path, options(Memory::Compact)).unwrap();
        for (found, expected) in all(&compact).iter().zip(&expected) {
            assert_eq!(found.hits, expected.hits);
        }
        assert_eq!(graph(&compact), expected_graph);
        assert_eq!(
            snapshot(&compact)
                .pca(0, None, &AtomicBool::new(false))
                .unwrap(),
            picture.unwrap()
        );
    }
}

#[cfg(target_os = "linux")]
#[test]
fn the_vectors_are_in_memory_only_while_all_of_them_are_looked_at() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x.db");
    make(&path, Metric::L2);
    let size = (ROWS * DIMENSION * 4) as u64;
    let search = |store: &Store, exact: bool, k: usize| {
        let snapshot = snapshot(store);
        for query in vectors(50, 3).chunks(DIMENSION) {
            let request = SearchRequest {
                exact,
                ..SearchRequest::new(query, k)
            };
            assert_eq!(snapshot.search(&request).unwrap().hits.len(), k);
        }
    };
    let compact = Store::open(&path, options(Memory::Compact)).unwrap();
    search(&compact, false, 10);
    search(&compact, true, 10);
    search(&compact, true, ROWS);
    snapshot(&compact)
        .knn_graph(0, None, 5, &AtomicBool::new(false), &|_, _| {})
        .unwrap();
    let little = resident(&path);
    assert!(little < size / 4, "{little} of {size} bytes");
    drop(compact);
    let full = Store::open(&path, options(Memory::Full)).unwrap();
    search(&full, false, 10);
    let much = resident(&path);
    assert!(
        much > size / 2,
        "{much} of {size} bytes: is the measure right?"
    );
}

#[test]
fn a_vector_that_cannot_be_read_is_an_error_that_names_its_file() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x.db");
    make(&path, Metric::L2);
    let store = Store::open(&path, options(Memory::Compact)).unwrap();
    let snapshot = snapshot(&store);
    let query = vectors(1, 4);
    snapshot.search(&SearchRequest::new(&query, 10)).unwrap();
    let file = walk(&path)
        .into_iter()
        .find(|file| file.ends_with("vectors.0.f32"));
    let file = file.expect("a file of vectors");
    // Another program cuts it, all but the header.
    let cut = std::fs::OpenOptions::new().write(true).open(&file).unwrap();
    cut.set_len(4096).unwrap();
    let error = snapshot
        .search(&SearchRequest::new(&query, 10))
        .unwrap_err();
    assert_eq!(error.code(), "IO", "{error}");
    assert!(error.to_string().contains("vectors.0.f32"), "{error}");
}

fn walk(folder: &Path) -> Vec<std::path::PathBuf> {
    let entries = std::fs::read_dir(folder).unwrap();
    let entries = entries.map(|entry| entry.unwrap().path());
    entries
        .flat_map(|path| {
            if path.is_dir() {
                walk(&path)
            } else {
                vec![path]
            }
        })
        .collect()
}
