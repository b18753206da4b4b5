//! What was acknowledged is there again, whatever way the store was left.

mod support;

use std::path::PathBuf;
use std::sync::Arc;

use arrow_array::{ArrayRef, Int64Array, RecordBatch};
use omendb_store::vfs::MemVfs;
use omendb_store::{ColumnKind, Id, IdKind, ImportTarget, MapMeta, MapPoints, OpenOptions, Store};
use serde_json::json;
use support::*;

// [W1]
#[test]
fn rows_are_there_after_a_close_and_after_a_kill() {
    let vfs = MemVfs::new();
    let store = open(&vfs);
    let words = store.create_collection(spec("words")).unwrap();
    let (columns, vectors) = rows(&[("a", 1), ("b", 2), ("c", 3)]);
    assert_eq!(words.add(columns, &vectors).unwrap(), 0..3);
    let (columns, vectors) = rows(&[("d", 4)]);
    assert_eq!(words.add(columns, &vectors).unwrap(), 3..4);
    let wanted = expected(&[("a", 1), ("b", 2), ("c", 3), ("d", 4)]);
    assert_eq!(content(&words.snapshot()), wanted);

    let killed = open(&after_kill(&vfs));
    assert_eq!(
        content(&killed.collection("words").unwrap().snapshot()),
        wanted
    );
    drop(words);
    store.close().unwrap();
    let again = open(&vfs);
    assert_eq!(
        content(&again.collection("words").unwrap().snapshot()),
        wanted
    );
    // And a checkpoint moves them into a segment without changing them.
    again.checkpoint().unwrap();
    assert_eq!(
        content(&again.collection("words").unwrap().snapshot()),
        wanted
    );
    let killed = open(&after_kill(&vfs));
    assert_eq!(
        content(&killed.collection("words").unwrap().snapshot()),
        wanted
    );
}

// [S2]
#[test]
fn an_upsert_replaces_the_row_wherever_it_lies() {
    let vfs = MemVfs::new();
    let store = open(&vfs);
    let words = store.create_collection(spec("words")).unwrap();
    let add = |pairs: &[(&str, i64)]| {
        let (columns, vectors) = rows(pairs);
        words.add(columns, &vectors).unwrap()
    };
    // Twice in one batch: the last one counts.
    add(&[("a", 1), ("b", 1), ("a", 2)]);
    assert_eq!(content(&words.snapshot()), expected(&[("a", 2), ("b", 1)]));
    store.checkpoint().unwrap();
    add(&[("b", 3)]);
    add(&[("b", 4), ("c", 1)]);
    assert_eq!(
        content(&words.snapshot()),
        expected(&[("a", 2), ("b", 4), ("c", 1)])
    );
    store.checkpoint().unwrap();
    assert_eq!(add(&[("c", 9)]), 6..7);
    let wanted = expected(&[("a", 2), ("b", 4), ("c", 9)]);
    assert_eq!(content(&words.snapshot()), wanted);
    assert_eq!(words.info().deleted, 4);
    let killed = open(&after_kill(&vfs));
    assert_eq!(
        content(&killed.collection("words").unwrap().snapshot()),
        wanted
    );
    // An import replaces too, and its own duplicates as well.
    let mut import = store
        .begin_import(ImportTarget::Existing("words".to_owned()))
        .unwrap();
    let (columns, vectors) = rows(&[("a", 5), ("z", 1), ("a", 6), ("c", 7)]);
    import.append(&columns, &vectors).unwrap();
    let done = import.commit().unwrap();
    assert_eq!((done.rows, done.replaced), (4, 3));
    let wanted = expected(&[("a", 6), ("b", 4), ("c", 7), ("z", 1)]);
    assert_eq!(content(&words.snapshot()), wanted);
    let killed = open(&after_kill(&vfs));
    assert_eq!(
        content(&killed.collection("words").unwrap().snapshot()),
        wanted
    );
}

// [S3]
#[test]
fn deletes_survive_in_the_log_and_in_the_manifest() {
    let vfs = MemVfs::new();
    let store = open(&vfs);
    let words = store.create_collection(spec("words")).unwrap();
    let (columns, vectors) = numbered(0..50);
    words.add(columns, &vectors).unwrap();
    store.checkpoint().unwrap();
    let ids: Vec<Id> = ["r3", "r4", "none", "r3"].map(Id::from).to_vec();
    assert_eq!(words.delete_ids(&ids).unwrap(), 2);
    assert_eq!(words.delete_rows(&[4, 5, 6, 6, 999]).unwrap(), 2);
    assert_eq!(words.delete_rows(&[]).unwrap(), 0);
    let wanted = content(&words.snapshot());
    assert_eq!(wanted.len(), 46);
    for _ in 0..2 {
        let killed = open(&after_kill(&vfs));
        assert_eq!(
            content(&killed.collection("words").unwrap().snapshot()),
            wanted
        );
        store.checkpoint().unwrap();
    }
    // A deleted id can come back, as a new row.
    let (columns, vectors) = rows(&[("r3", 333)]);
    assert_eq!(words.add(columns, &vectors).unwrap(), 50..51);
    assert_eq!(words.snapshot().row_of(&Id::from("r3")), Some(50));
}

#[test]
fn a_snapshot_stays_as_it_was_while_everything_changes() {
    let vfs = MemVfs::new();
    let store = open(&vfs);
    let words = store.create_collection(spec("words")).unwrap();
    let (columns, vectors) = rows(&[("a", 1), ("b", 2)]);
    words.add(columns, &vectors).unwrap();
    let before = words.snapshot();
    let revision = store.revision();
    words.delete_rows(&[0]).unwrap();
    assert!(store.revision() > revision);
    store.checkpoint().unwrap();
    store.drop_collection("words").unwrap();
    store.close().unwrap();
    assert_eq!(content(&before), expected(&[("a", 1), ("b", 2)]));
}

#[test]
fn new_fields_become_columns_and_old_rows_have_nulls() {
    let vfs = MemVfs::new();
    let store = open(&vfs);
    let words = store.create_collection(spec("words")).unwrap();
    words
        .add_json(&[json!({"id": "a", "v": [1, 2, 3, 4], "n": 1})])
        .unwrap();
    store.checkpoint().unwrap();
    words
        .add_json(&[json!({"id": "b", "vector": [1, 2, 3, 4], "color": "red", "tags": ["x", 1]})])
        .unwrap();
    words
        .add_columns(&[ColumnKind::Float.field("score"), ColumnKind::Int.field("n")])
        .unwrap();
    words
        .add_json(&[json!({"id": "c", "v": [0, 0, 0, 0], "score": 0.5})])
        .unwrap();
    let check = |store: &Store| {
        let words = store.collection("words").unwrap();
        let names: Vec<_> = words
            .info()
            .columns
            .iter()
            .map(|c| format!("{} {}", c.name, c.kind.as_str()))
            .collect();
        assert_eq!(
            names,
            ["id text", "n int", "color text", "tags json", "score float"]
        );
        let cells = words.snapshot().rows_json(&[0, 1, 2], None).unwrap();
        assert_eq!(cells[0]["color"], json!(null));
        assert_eq!(cells[1]["tags"], json!(["x", 1]));
        assert_eq!(cells[2]["score"], json!(0.5));
    };
    check(&store);
    check(&open(&after_kill(&vfs)));
    store.checkpoint().unwrap();
    check(&store);
    check(&open(&after_kill(&vfs)));
    let error = words
        .add_columns(&[ColumnKind::Text.field("score")])
        .unwrap_err();
    assert_eq!(error.code(), "INVALID_REQUEST");
}

#[test]
fn maps_are_saved_replaced_and_removed() {
    let vfs = MemVfs::new();
    let store = open(&vfs);
    let words = store.create_collection(spec("words")).unwrap();
    let meta = |name: &str, seed| MapMeta {
        name: name.to_owned(),
        params: json!({"neighbors": 15}),
        seed,
        rows: 0,
        generation: 1,
        created: 1_700_000_000_000,
        score: None,
    };
    let at = |rows: &[u32], xy: &[f32]| MapPoints::new(rows.to_vec(), xy.to_vec());
    words
        .save_map(meta("umap", 1), &at(&[0, 1], &[0.0, 1.0, 2.0, 3.0]))
        .unwrap();
    words
        .save_map(meta("umap", 2), &at(&[5], &[0.5, 1.5]))
        .unwrap();
    words.save_map(meta("other", 3), &at(&[], &[])).unwrap();
    assert_eq!(
        words
            .save_map(meta("bad", 1), &at(&[1], &[f32::NAN, 0.0]))
            .unwrap_err()
            .code(),
        "INVALID_REQUEST"
    );
    assert_eq!(
        words
            .save_map(meta(" ", 1), &at(&[], &[]))
            .unwrap_err()
            .code(),
        "INVALID_NAME"
    );
    for store in [&store, &open(&after_kill(&vfs))] {
        let words = store.collection("words").unwrap();
        let (found, points) = words.map("umap").unwrap();
        assert_eq!((found.seed, found.rows), (2, 1));
        assert_eq!(points, at(&[5], &[0.5, 1.5]));
        assert_eq!(words.info().maps.len(), 2);
        assert_eq!(words.map("none").unwrap_err().code(), "UNKNOWN_MAP");
    }
    words.delete_map("umap").unwrap();
    assert_eq!(words.delete_map("umap").unwrap_err().code(), "UNKNOWN_MAP");
    words.delete_map("other").unwrap();
    words.add_columns(&[ColumnKind::Int.field("x")]).unwrap();
    let left: Vec<_> = vfs
        .files()
        .into_iter()
        .filter(|f| f.to_string_lossy().contains("/maps/"))
        .collect();
    assert!(left.is_empty(), "no kept generation names a map: {left:?}");
}

#[test]
fn a_dropped_collection_stays_dropped_and_gives_its_disk_back_once_it_is_forgotten() {
    let vfs = MemVfs::new();
    let store = open(&vfs);
    let mut import = store
        .begin_import(ImportTarget::New(spec("words")))
        .unwrap();
    let (columns, vectors) = numbered(0..100);
    import.append(&columns, &vectors).unwrap();
    import.commit().unwrap();
    let words = store.collection("words").unwrap();
    let (columns, vectors) = rows(&[("late", 1)]);
    words.add(columns, &vectors).unwrap();
    let snapshot = words.snapshot();
    store.drop_collection("words").unwrap();
    assert_eq!(
        store.drop_collection("words").unwrap_err().code(),
        "UNKNOWN_COLLECTION"
    );
    let killed = open(&after_kill(&vfs));
    assert!(
        killed.collections().is_empty(),
        "records of a dropped collection are passed over"
    );
    store.create_collection(spec("words")).unwrap();
    assert_eq!(store.collection("words").unwrap().snapshot().len(), 0);
    assert_ne!(
        names(&vfs),
        [] as [PathBuf; 0],
        "the history could bring it back"
    );
    store.forget_history().unwrap();
    store.forget_history().unwrap();
    assert_eq!(names(&vfs), [] as [PathBuf; 0]);
    assert_eq!(snapshot.len(), 101);
}

#[test]
fn what_does_not_fit_is_refused_and_changes_nothing() {
    let vfs = MemVfs::new();
    let store = open(&vfs);
    let words = store.create_collection(spec("words")).unwrap();
    assert_eq!(
        store.create_collection(spec("words")).unwrap_err().code(),
        "COLLECTION_EXISTS"
    );
    assert_eq!(
        store.create_collection(spec("")).unwrap_err().code(),
        "INVALID_NAME"
    );
    assert_eq!(
        store.collection("none").unwrap_err().code(),
        "UNKNOWN_COLLECTION"
    );
    let (columns, vectors) = rows(&[("a", 1), ("b", 2)]);
    let code = |result: omendb_store::Result<std::ops::Range<u32>>| result.unwrap_err().code();
    assert_eq!(
        code(words.add(columns.clone(), &vectors[..7])),
        "DIMENSION_MISMATCH"
    );
    assert_eq!(
        code(words.add(columns.clone(), &vectors[..6])),
        "DIMENSION_MISMATCH"
    );
    for bad in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
        let mut with = vectors.clone();
        with[6] = bad;
        let error = words.add(columns.clone(), &with).unwrap_err();
        assert_eq!(
            (error.code(), error.detail()["row"].clone()),
            ("INVALID_VECTOR", json!(1))
        );
    }
    let no_id = columns.project(&[1]).unwrap();
    assert_eq!(code(words.add(no_id, &vectors)), "INVALID_REQUEST");
    assert_eq!(
        code(words.add_json(&[json!({"id": "a", "v": [1, 2, 3, 4], "n": "text"})])),
        "INVALID_REQUEST"
    );
    assert_eq!(words.snapshot().len(), 0);
    assert_eq!(words.add(columns.slice(0, 0), &[]).unwrap(), 0..0);
    let mut wide = spec("wide");
    (wide.id_kind, wide.id_column, wide.vectors[0].dimension) = (IdKind::RowNumber, None, 65_536);
    let wide = store.create_collection(wide).unwrap();
    let numbers: ArrayRef = Arc::new((0..257).collect::<Int64Array>());
    let columns = RecordBatch::try_from_iter([("n", numbers)]).unwrap();
    let vectors = vec![0.5; 257 * 65_536];
    assert_eq!(code(wide.add(columns.clone(), &vectors)), "LIMIT_EXCEEDED");
    assert_eq!(
        wide.add(columns.slice(0, 200), &vectors[..200 * 65_536])
            .unwrap(),
        0..200
    );
    drop((words, wide, store));
    assert_eq!(open(&vfs).collection("words").unwrap().snapshot().len(), 0);
}

#[test]
fn a_foreign_folder_is_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let options = OpenOptions {
        create: true,
        background: false,
        ..OpenOptions::default()
    };
    let path = folder.path().join("photos");
    assert_eq!(
        Store::open(
            &path,
            OpenOptions {
                create: false,
                ..options.clone()
            }
        )
        .unwrap_err()
        .code(),
        "FILE_NOT_FOUND"
    );
    let file = folder.path().join("a file");
    let other = folder.path().join("other");
    let vfs = omendb_store::vfs::RealVfs;
    use omendb_store::vfs::Vfs;
    vfs.create(&file).unwrap().append(b"text").unwrap();
    assert_eq!(
        Store::open(&file, options.clone()).unwrap_err().code(),
        "NOT_A_STORE"
    );
    vfs.create_dir(&other).unwrap();
    vfs.create(&other.join("photo.jpg")).unwrap();
    assert_eq!(
        Store::open(&other, options.clone()).unwrap_err().code(),
        "NOT_A_STORE"
    );
    assert_eq!(vfs.list(&other).unwrap().len(), 1);
    // An empty folder becomes a store when that is asked for, and not otherwise.
    vfs.create_dir(&path).unwrap();
    assert_eq!(
        Store::open(
            &path,
            OpenOptions {
                create: false,
                ..options.clone()
            }
        )
        .unwrap_err()
        .code(),
        "NOT_A_STORE"
    );
    assert_eq!(vfs.list(&path).unwrap(), []);
    Store::open(&path, options.clone())
        .unwrap()
        .close()
        .unwrap();
    Store::open(
        &path,
        OpenOptions {
            create: false,
            ..options.clone()
        },
    )
    .unwrap();
}
