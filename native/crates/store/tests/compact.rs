//! Compacting gives disk back, and changes nothing that anybody can see.

mod support;

use std::sync::atomic::AtomicBool;

use omendb_store::vfs::MemVfs;
use omendb_store::{CompactReport, Id, ImportTarget, SearchRequest, Store};
use support::*;

fn compact(store: &Store, forget: bool) -> CompactReport {
    store
        .compact(forget, &|_, _| (), &AtomicBool::new(false))
        .unwrap()
}

fn import(store: &Store, target: ImportTarget, range: std::ops::Range<i64>) {
    let mut import = store.begin_import(target).unwrap();
    let (columns, vectors) = numbered(range);
    import.append(&columns, &vectors).unwrap();
    import.commit().unwrap();
}

/// A store of three segments, of which every second row is deleted.
fn full_of_holes(vfs: &MemVfs) -> std::sync::Arc<Store> {
    let store = open(vfs);
    import(&store, ImportTarget::New(spec("words")), 0..3000);
    let existing = ImportTarget::Existing("words".to_owned());
    import(&store, existing.clone(), 3000..3100);
    import(&store, existing, 3100..3200);
    let words = store.collection("words").unwrap();
    let dead: Vec<Id> = (0..3200)
        .step_by(2)
        .map(|i| Id::from(format!("r{i}").as_str()))
        .collect();
    assert_eq!(words.delete_ids(&dead).unwrap(), 1600);
    store
}

// [C1]
#[test]
fn compacting_gives_the_disk_of_deleted_rows_back_and_says_how_much() {
    let vfs = MemVfs::new();
    let store = full_of_holes(&vfs);
    let words = store.collection("words").unwrap();
    let wanted = content(&words.snapshot());
    let numbers: Vec<u32> = words.snapshot().live_rows().iter().collect();
    let size = || -> u64 {
        let files = vfs.files();
        files
            .iter()
            .map(|f| vfs.read(f).unwrap().len() as u64)
            .sum()
    };

    // The history still needs the rows; the small segments are joined all the same.
    let kept = compact(&store, false);
    assert_eq!(kept.rows_dropped, 0);
    assert!(kept.held_by_history > 0, "{kept:?}");
    let before = size();
    let report = compact(&store, true);
    assert_eq!(report.rows_dropped, 1600, "{report:?}");
    assert!(report.held_by_history < 100, "{report:?}");
    let freed = before - size();
    assert!(
        freed > 1600 * 16 && freed.abs_diff(report.freed) < 5000,
        "{freed}, {report:?}"
    );
    assert_eq!(content(&words.snapshot()), wanted);
    // Row numbers stay.
    assert_eq!(
        words.snapshot().live_rows().iter().collect::<Vec<_>>(),
        numbers
    );
    assert_eq!(words.info().deleted, 0);
    assert_eq!(store.verify().unwrap().problems, []);
    let again = open(&vfs.fork());
    assert_eq!(
        content(&again.collection("words").unwrap().snapshot()),
        wanted
    );
    // Nothing is left to do.
    let none = compact(&store, false);
    assert_eq!((none.segments, none.rows_dropped), (0, 0));
}

// [C2]
#[test]
fn a_compacted_segment_is_read_written_and_searched_like_any_other() {
    let vfs = MemVfs::new();
    let store = full_of_holes(&vfs);
    compact(&store, true);
    let words = store.collection("words").unwrap();
    let snapshot = words.snapshot();
    let query = vector("r1501", 1501);
    let request = |filter, exact| SearchRequest {
        vector: 0,
        query: &query,
        k: 5,
        ef: None,
        exact,
        filter,
        exclude: None,
    };
    let hits = snapshot.search(&request(None, true)).unwrap().hits;
    assert_eq!(hits[0].row, 1501);
    assert!(hits.iter().all(|h| h.row % 2 == 1));
    let filtered = snapshot.search(&request(Some("n > 2000"), true)).unwrap();
    assert!(filtered.hits.iter().all(|h| h.row > 2000));
    assert_eq!(
        snapshot
            .filter("n < 10")
            .unwrap()
            .iter()
            .collect::<Vec<_>>(),
        [1, 3, 5, 7, 9]
    );
    assert!(snapshot.row_of(&Id::from("r2")).is_none());
    // Deletes, upserts and edits go on by the same numbers.
    words.delete_ids(&[Id::from("r3")]).unwrap();
    let (columns, vectors) = rows(&[("r5", -5), ("new", 1)]);
    words.add(columns, &vectors).unwrap();
    let changes = serde_json::from_value(serde_json::json!({ "n": 70 })).unwrap();
    words.edit_json(&[7], &changes, None).unwrap();
    let wanted = content(&words.snapshot());
    assert_eq!(wanted.len(), 1600);
    for _ in 0..2 {
        let again = open(&vfs.fork());
        let found = content(&again.collection("words").unwrap().snapshot());
        assert_eq!(found, wanted);
        store.checkpoint().unwrap();
    }
    assert_eq!(store.verify().unwrap().problems, []);
    // And once more, over a segment that has gaps already.
    store.undo("words").unwrap();
    let report = compact(&store, true);
    assert_eq!(report.rows_dropped, 2);
    assert_eq!(content(&words.snapshot()).len(), 1600);
}

// [C2]
#[test]
fn a_compacting_that_is_cancelled_or_overtaken_leaves_everything_as_it_was() {
    let vfs = MemVfs::new();
    let store = full_of_holes(&vfs);
    store.forget_history().unwrap();
    let words = store.collection("words").unwrap();
    let wanted = content(&words.snapshot());
    let cancelled = store.compact(false, &|_, _| (), &AtomicBool::new(true));
    assert_eq!(cancelled.unwrap_err().code(), "CANCELLED");
    assert_eq!(content(&words.snapshot()), wanted);
    // Cells are edited while the rows are copied: the edit stays.
    let edited = AtomicBool::new(false);
    let progress = |_, _| {
        if !edited.swap(true, std::sync::atomic::Ordering::Relaxed) {
            let changes = serde_json::from_value(serde_json::json!({ "n": -1 })).unwrap();
            words.edit_json(&[1], &changes, None).unwrap();
            words.delete_ids(&[Id::from("r7")]).unwrap();
        }
    };
    store
        .compact(false, &progress, &AtomicBool::new(false))
        .unwrap();
    let snapshot = words.snapshot();
    assert_eq!(
        snapshot
            .filter("n = -1")
            .unwrap()
            .iter()
            .collect::<Vec<_>>(),
        [1]
    );
    assert!(snapshot.row_of(&Id::from("r7")).is_none());
    assert_eq!(snapshot.len(), 1599);
    store.undo("words").unwrap();
    assert_eq!(words.snapshot().len(), 1600);
    assert_eq!(
        open(&vfs.fork())
            .collection("words")
            .unwrap()
            .snapshot()
            .len(),
        1600
    );
    assert_eq!(store.verify().unwrap().problems, []);
}
