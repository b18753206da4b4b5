//! An import is there whole or not at all.

mod support;

use std::path::PathBuf;

use omendb_store::vfs::MemVfs;
use omendb_store::{Id, ImportTarget};
use support::*;

// [I1]
#[test]
fn an_import_is_visible_whole_at_commit_and_not_before() {
    let vfs = MemVfs::new();
    let store = open(&vfs);
    let mut import = store
        .begin_import(ImportTarget::New(spec("words")))
        .unwrap();
    for start in (0..3000).step_by(700) {
        let (columns, vectors) = numbered(start..(start + 700).min(3000));
        import.append(&columns, &vectors).unwrap();
        assert!(store.collections().is_empty());
        let killed = open(&after_kill(&vfs));
        assert!(killed.collections().is_empty());
    }
    let done = import.commit().unwrap();
    assert_eq!((done.rows, done.replaced), (3000, 0));
    let pairs: Vec<(String, i64)> = (0..3000).map(|i| (format!("r{i}"), i)).collect();
    let pairs: Vec<(&str, i64)> = pairs.iter().map(|(id, n)| (id.as_str(), *n)).collect();
    let killed = open(&after_kill(&vfs));
    for store in [&store, &killed] {
        assert_eq!(
            content(&store.collection("words").unwrap().snapshot()),
            expected(&pairs)
        );
    }
    assert_eq!(killed.verify().unwrap().problems, []);
}

// [I2]
#[test]
fn a_cancelled_import_leaves_no_file() {
    let vfs = MemVfs::new();
    let store = open(&vfs);
    store.create_collection(spec("words")).unwrap();
    for target in [
        ImportTarget::New(spec("new")),
        ImportTarget::Existing("words".to_owned()),
    ] {
        let mut import = store.begin_import(target).unwrap();
        let (columns, vectors) = numbered(0..9000);
        import.append(&columns, &vectors).unwrap();
        assert!(!names(&vfs).is_empty());
        drop(import);
        assert_eq!(names(&vfs), [] as [PathBuf; 0]);
    }
    // Closing the store cancels too, and the writer notices.
    let mut import = store.begin_import(ImportTarget::New(spec("new"))).unwrap();
    store.close().unwrap();
    assert_eq!(names(&vfs), [] as [PathBuf; 0]);
    let (columns, vectors) = numbered(0..10);
    assert_eq!(
        import.append(&columns, &vectors).unwrap_err().code(),
        "STORE_CLOSED"
    );
    assert_eq!(import.commit().unwrap_err().code(), "STORE_CLOSED");
}

// [I2]
#[test]
fn opening_removes_what_a_killed_import_left() {
    let vfs = MemVfs::new();
    let store = open(&vfs);
    let words = store.create_collection(spec("words")).unwrap();
    let (columns, vectors) = numbered(0..10);
    words.add(columns, &vectors).unwrap();
    store.checkpoint().unwrap();
    let kept = names(&vfs);
    let mut import = store.begin_import(ImportTarget::New(spec("new"))).unwrap();
    let (columns, vectors) = numbered(0..9000);
    import.append(&columns, &vectors).unwrap();
    let killed = after_kill(&vfs);
    assert!(names(&killed).len() > kept.len());
    let store = open(&killed);
    assert_eq!(names(&killed), kept);
    assert_eq!(store.collection("words").unwrap().snapshot().len(), 10);
    // And the next import takes no name that may still be there.
    let mut import = store.begin_import(ImportTarget::New(spec("new"))).unwrap();
    let (columns, vectors) = numbered(0..10);
    import.append(&columns, &vectors).unwrap();
    import.commit().unwrap();
}

#[test]
fn rows_added_while_an_import_runs_come_before_it_and_lose_to_it() {
    let vfs = MemVfs::new();
    let store = open(&vfs);
    let words = store.create_collection(spec("words")).unwrap();
    let mut import = store
        .begin_import(ImportTarget::Existing("words".to_owned()))
        .unwrap();
    let (columns, vectors) = rows(&[("a", 1), ("b", 1)]);
    words.add(columns, &vectors).unwrap();
    let (columns, vectors) = rows(&[("b", 2), ("c", 2)]);
    import.append(&columns, &vectors).unwrap();
    assert_eq!(import.commit().unwrap().replaced, 1);
    let snapshot = words.snapshot();
    assert_eq!(
        content(&snapshot),
        expected(&[("a", 1), ("b", 2), ("c", 2)])
    );
    assert_eq!(snapshot.row_of(&Id::from("b")), Some(2));
    // The name was free when the import began, and is not when it commits.
    let mut import = store.begin_import(ImportTarget::New(spec("new"))).unwrap();
    let (columns, vectors) = rows(&[("a", 1)]);
    import.append(&columns, &vectors).unwrap();
    store.create_collection(spec("new")).unwrap();
    assert_eq!(import.commit().unwrap_err().code(), "COLLECTION_EXISTS");
    assert_eq!(store.collection("new").unwrap().snapshot().len(), 0);
    // Dropped while an import runs.
    let mut import = store
        .begin_import(ImportTarget::Existing("words".to_owned()))
        .unwrap();
    let (columns, vectors) = rows(&[("a", 1)]);
    import.append(&columns, &vectors).unwrap();
    store.drop_collection("words").unwrap();
    assert_eq!(import.commit().unwrap_err().code(), "UNKNOWN_COLLECTION");
    let (columns, vectors) = rows(&[("a", 1)]);
    assert_eq!(
        words.add(columns, &vectors).unwrap_err().code(),
        "UNKNOWN_COLLECTION"
    );
    let killed = open(&after_kill(&vfs));
    assert_eq!(killed.collections().len(), 1);
}
