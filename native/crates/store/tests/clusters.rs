//! Clusters of rows that lie in three heaps, and their names as a column.

mod support;

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use arrow_array::{ArrayRef, RecordBatch, StringArray};
use omendb_store::vfs::MemVfs;
use omendb_store::{ChangeKind, Collection, RowClusters, Snapshot, Store};
use serde_json::{Value, json};
use support::*;

const HEAPS: [&str; 3] = [
    "ripe apples of the tree",
    "fast cars on the road",
    "cold rain in the north",
];

fn add(angles: &Collection, range: std::ops::Range<u32>) {
    let text = range.clone().map(|i| HEAPS[i as usize % 3]);
    let text: ArrayRef = Arc::new(text.map(Some).collect::<StringArray>());
    let batch = RecordBatch::try_from_iter([("t", text)]).unwrap();
    let vectors: Vec<f32> = range
        .flat_map(|i| {
            let mut vector = [
                (i * 37 % 11) as f32 / 40.0,
                (i * 53 % 13) as f32 / 40.0,
                0.1,
            ];
            vector[i as usize % 3] += 1.0;
            vector
        })
        .collect();
    angles.add(batch, &vectors).unwrap();
}

/// Rows in two segments and in the log, with gaps.
fn heaps(vfs: &MemVfs) -> (Arc<Store>, Arc<Collection>) {
    let store = open(vfs);
    store.create_collection(angles()).unwrap();
    let angles = store.collection("angles").unwrap();
    for range in [0..60, 60..99] {
        add(&angles, range);
        store.checkpoint().unwrap();
    }
    add(&angles, 99..120);
    angles.delete_rows(&[4, 62, 110]).unwrap();
    (store, angles)
}

fn found(snapshot: &Snapshot, words: Option<&str>) -> omendb_store::Result<RowClusters> {
    let never = AtomicBool::new(false);
    let graph = snapshot.knn_graph(0, None, 8, &never, &|_, _| {}).unwrap();
    snapshot.clusters(&graph, words, 0.05, 42, &never)
}

fn column(snapshot: &Snapshot, name: &str) -> Vec<Value> {
    let rows: Vec<u32> = snapshot.live_rows().into_iter().collect();
    let cells = snapshot.cells(&rows, Some(&[name.to_owned()])).unwrap();
    cells.into_iter().flatten().collect()
}

#[test]
fn heaps_are_clusters_with_names_of_their_texts() {
    let vfs = MemVfs::new();
    let (_store, angles) = heaps(&vfs);
    let snapshot = angles.snapshot();
    let clusters = found(&snapshot, Some("t")).unwrap();
    assert_eq!(clusters.rows.len(), 117);
    assert_eq!(clusters.sizes.len(), 3, "{:?}", clusters.sizes);
    assert!(clusters.modularity > 0.5);
    for (row, cluster) in clusters.rows.iter().zip(&clusters.of) {
        let own = HEAPS[*row as usize % 3];
        let name = &clusters.names[*cluster as usize];
        assert!(
            name.split(", ").all(|word| own.contains(word)),
            "{name}: {own}"
        );
        assert!(!name.contains("the"), "{name}");
    }
    let plain = found(&snapshot, None).unwrap();
    assert_eq!(plain.of, clusters.of);
    assert_eq!(plain.names, ["Cluster 1", "Cluster 2", "Cluster 3"]);
}

/// [W1], [H1] and [H2] of many cells with values of their own.
#[test]
fn names_are_one_change_that_lasts_and_can_be_taken_back() {
    let vfs = MemVfs::new();
    let (store, angles) = heaps(&vfs);
    let clusters = found(&angles.snapshot(), Some("t")).unwrap();
    // Meanwhile some rows come and some go.
    add(&angles, 120..123);
    angles.delete_rows(&[0, 100]).unwrap();
    let before = store.history(100).len();
    let entry = angles.write_clusters(&clusters, "cluster", Some("3 clusters"));
    let entry = entry.unwrap().unwrap();
    assert_eq!((entry.kind, entry.changed), (ChangeKind::Edit, 115));
    assert_eq!(store.history(100).len(), before + 1);

    let named = column(&angles.snapshot(), "cluster");
    assert_eq!(named.len(), 118);
    assert_eq!(named[115..], [Value::Null, Value::Null, Value::Null]);
    let texts = column(&angles.snapshot(), "t");
    for (name, text) in named[..115].iter().zip(texts) {
        let at = HEAPS.iter().position(|heap| text == json!(heap)).unwrap();
        let row = clusters.rows.iter().position(|row| *row as usize % 3 == at);
        let cluster = clusters.of[row.unwrap()] as usize;
        assert_eq!(name, &json!(clusters.names[cluster]));
    }
    drop((angles, store));
    let store = open(&after_kill(&vfs));
    let angles = store.collection("angles").unwrap();
    assert_eq!(column(&angles.snapshot(), "cluster"), named);
    store.checkpoint().unwrap();
    assert_eq!(column(&angles.snapshot(), "cluster"), named);
    store.undo("angles").unwrap();
    assert!(
        column(&angles.snapshot(), "cluster")
            .iter()
            .all(Value::is_null)
    );
    store.redo("angles").unwrap();
    assert_eq!(column(&angles.snapshot(), "cluster"), named);
}

#[test]
fn what_cannot_be_named_is_refused_and_changes_nothing() {
    let vfs = MemVfs::new();
    let (store, angles) = heaps(&vfs);
    let snapshot = angles.snapshot();
    let code = |found: omendb_store::Result<RowClusters>| found.unwrap_err().code();
    assert_eq!(code(found(&snapshot, Some("no"))), "UNKNOWN_COLUMN");
    let never = AtomicBool::new(false);
    let graph = snapshot.knn_graph(0, None, 8, &never, &|_, _| {}).unwrap();
    for resolution in [0.0, -1.0, f64::NAN, f64::INFINITY] {
        let refused = snapshot.clusters(&graph, None, resolution, 1, &never);
        assert_eq!(code(refused), "INVALID_REQUEST");
    }
    let cancelled = snapshot.clusters(&graph, None, 1.0, 1, &AtomicBool::new(true));
    assert_eq!(code(cancelled), "CANCELLED");

    let clusters = found(&snapshot, None).unwrap();
    let before = store.history(100).len();
    let refused = angles.write_clusters(&clusters, "v", None).unwrap_err();
    assert_eq!(refused.code(), "INVALID_NAME");
    angles.delete_rows(&clusters.rows).unwrap();
    assert!(
        angles
            .write_clusters(&clusters, "cluster", None)
            .unwrap()
            .is_none()
    );
    assert!(
        angles.meta().column("cluster").is_none(),
        "no row, no column"
    );
    assert_eq!(store.history(100).len(), before + 1);

    store.create_collection(spec("words")).unwrap();
    put(&store, "words", &[("a", 1), ("b", 2), ("c", 3)]);
    let words = store.collection("words").unwrap();
    assert_eq!(code(found(&words.snapshot(), Some("n"))), "INVALID_REQUEST");
    let clusters = found(&words.snapshot(), Some("id")).unwrap();
    for column in ["n", "id"] {
        let refused = words.write_clusters(&clusters, column, None).unwrap_err();
        assert_eq!(refused.code(), "INVALID_REQUEST", "{column}");
    }
}

#[test]
fn regions_are_the_middles_of_the_commonest_values() {
    let vfs = MemVfs::new();
    let (_store, angles) = heaps(&vfs);
    let snapshot = angles.snapshot();
    // Row 4 is gone; 0, 3, 6, 9 are of the first heap, 1, 7 of the second.
    let rows = [0, 1, 3, 4, 6, 7, 9, 2];
    let xy = [
        0.0, 8.0, 1.0, 1.0, 2.0, 4.0, 99.0, 99.0, 3.0, 6.0, 5.0, 7.0, 90.0, -2.0, 1.0, 0.0,
    ];
    let regions = snapshot.regions("t", &rows, &xy, 2).unwrap();
    let found: Vec<_> = regions
        .iter()
        .map(|region| (region.label.as_str(), region.count, region.x, region.y))
        .collect();
    assert_eq!(found, [(HEAPS[0], 4, 3.0, 6.0), (HEAPS[1], 2, 5.0, 7.0)]);
    // Half of them lie up to 3.606 and 7.211 from there, half of all points up to 5.385 from (3, 6).
    let widths = regions.iter().map(|region| region.width);
    for (width, expected) in widths.zip([0.6696, 1.3391]) {
        assert!((width - expected).abs() < 1e-3, "{width}");
    }
    assert_eq!(snapshot.regions("t", &[], &[], 2).unwrap(), []);
    let short = snapshot.regions("t", &rows, &xy[1..], 2);
    assert_eq!(short.unwrap_err().code(), "INVALID_REQUEST");
    let unknown = snapshot.regions("no", &rows, &xy, 2);
    assert_eq!(unknown.unwrap_err().code(), "UNKNOWN_COLUMN");
}
