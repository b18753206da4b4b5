//! `verify` finds every changed byte, and says where and what of it.

mod support;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use omendb_store::vfs::{MemVfs, Vfs};
use omendb_store::{ImportTarget, MapPoints, Store};
use support::steps::{begin, step};
use support::*;

/// A little of everything that a folder can hold.
fn little_of_everything(vfs: &MemVfs) -> Arc<Store> {
    let store = open(vfs);
    let words = store.create_collection(spec("words")).unwrap();
    put(&store, "words", &[("a", 1), ("b", 2)]);
    let angles = angles();
    let angles = store.create_collection(angles).unwrap();
    let row = serde_json::json!({"t": "x", "v": [1, 2, 2]});
    angles.add_json(&[row.clone(), row]).unwrap();
    store.checkpoint().unwrap();
    let map = map_meta("m");
    words
        .save_map(map, &MapPoints::new(vec![0, 1], vec![0.0; 4]))
        .unwrap();
    put(&store, "words", &[("b", 3)]);
    words.delete_ids(&["a".into()]).unwrap();
    store
}

fn problems(store: &Store) -> Vec<(PathBuf, bool)> {
    let problems = store.verify().unwrap().problems;
    problems
        .iter()
        .map(|p| (root().join(&p.file), p.harmless))
        .collect()
}

// [S4]
#[test]
fn every_changed_byte_is_found() {
    let vfs = MemVfs::new();
    let writer = little_of_everything(&vfs);
    let reader = try_reader(Arc::new(vfs.clone())).unwrap();
    assert_eq!(problems(&writer), []);
    assert_eq!(problems(&reader), []);
    assert!(writer.verify().unwrap().notes.is_empty());
    let mut kinds = std::collections::BTreeSet::new();
    for path in vfs.files() {
        let name = path.file_name().unwrap().to_str().unwrap().to_owned();
        if name == "LOCK" {
            continue;
        }
        let good = vfs.read(&path).unwrap();
        let in_log = name.ends_with(".wal");
        // Of the large files a part will do: all that guards them is one checksum.
        let stride = if good.len() > 3000 { 61 } else { 1 };
        let sealed = path.starts_with(root().join("segments"));
        for at in (0..good.len()).step_by(stride) {
            let mut bad = good.clone();
            bad[at] ^= 1 << (at % 8);
            vfs.write(&path, &bad).unwrap();
            assert_eq!(problems(&writer), [(path.clone(), false)], "byte {at}");
            // A reader looks twice, which takes its time.
            if sealed || at % 16 == 0 {
                let found = problems(&reader);
                let [(file, harmless)] = &found[..] else {
                    panic!("byte {at} of {path:?}: {found:?}");
                };
                assert_eq!(file, &path, "byte {at}");
                assert!(!harmless || in_log);
            }
        }
        vfs.write(&path, &good[..good.len() - 1]).unwrap();
        assert_eq!(problems(&writer), [(path.clone(), false)], "cut");
        vfs.remove(&path).unwrap();
        if !in_log {
            assert_eq!(problems(&writer).len(), 1, "{path:?} is missing");
        }
        vfs.write(&path, &good).unwrap();
        assert_eq!(problems(&writer), []);
        kinds.insert(name.trim_matches(|c: char| c.is_ascii_digit()).to_owned());
    }
    let kinds: Vec<&str> = kinds.iter().map(String::as_str).collect();
    let wanted = [
        ".map",
        ".wal",
        "MANIFEST-",
        "columns.arrow",
        "ids.idx",
        "segment.seal",
        "vectors.0.f",
    ];
    assert_eq!(kinds, wanted);
}

// [S4]
#[test]
fn the_seal_says_which_bytes_are_damaged() {
    let vfs = MemVfs::new();
    let store = open(&vfs);
    let mut import = store
        .begin_import(ImportTarget::New(spec("words")))
        .unwrap();
    let (columns, vectors) = numbered(0..40_000);
    import.append(&columns, &vectors).unwrap();
    import.commit().unwrap();
    let path = root().join("segments/0000000000000001/vectors.0.f32");
    let mut bytes = vfs.read(&path).unwrap();
    for at in [70_000, 140_000, 400_000] {
        bytes[at] ^= 1;
    }
    vfs.write(&path, &bytes).unwrap();
    let report = store.verify().unwrap();
    assert_eq!(report.problems.len(), 1);
    let reason = &report.problems[0].reason;
    assert!(
        reason.contains("65536 to 196607, 393216 to 458751"),
        "{reason}"
    );
    // Without a seal the file is still known to be damaged.
    let seal = path.with_file_name("segment.seal");
    vfs.remove(&seal).unwrap();
    let reasons = store.verify().unwrap().problems;
    assert_eq!(reasons.len(), 2);
    assert!(
        reasons
            .iter()
            .any(|p| p.reason == "the checksum does not match")
    );
    assert!(reasons.iter().any(|p| p.reason == "it is missing"));
}

// [R2] [W2]
#[test]
fn a_torn_tail_is_told_and_called_harmless() {
    let vfs = MemVfs::new();
    drop(little_of_everything(&vfs).verify());
    let vfs = vfs.fork();
    let log = vfs
        .files()
        .into_iter()
        .find(|p| p.extension().is_some_and(|e| e == "wal"));
    let log = log.unwrap();
    let mut bytes = vfs.read(&log).unwrap();
    bytes.truncate(bytes.len() - 5);
    vfs.write(&log, &bytes).unwrap();
    let reader = try_reader(Arc::new(vfs.clone())).unwrap();
    assert_eq!(problems(&reader), [(log, true)]);
    drop(reader);
    // The writer cuts it off.
    assert_eq!(problems(&open(&vfs)), []);
}

#[test]
fn what_is_not_the_stores_is_noted() {
    let vfs = MemVfs::new();
    let store = little_of_everything(&vfs);
    for name in [
        "photo.jpg",
        "maps/photo.jpg",
        "wal/photo.jpg",
        "segments/0000000000000001/x",
    ] {
        vfs.write(&root().join(name), b"").unwrap();
    }
    vfs.create_dir(&root().join("mine")).unwrap();
    let report = store.verify().unwrap();
    assert_eq!(report.problems, []);
    assert_eq!(report.notes.len(), 5, "{:?}", report.notes);
    assert!(
        report
            .notes
            .iter()
            .all(|n| n.contains("photo") || n.contains("mine") || n.contains("/x"))
    );
}

// [R1]
#[test]
fn a_reader_verifies_while_the_writer_works() {
    let vfs = MemVfs::new();
    let writer = open(&vfs);
    begin(&writer);
    let reader = try_reader(Arc::new(vfs.clone())).unwrap();
    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            for i in 0..150 {
                step(&writer, i);
            }
            done.store(true, Ordering::SeqCst);
        });
        while !done.load(Ordering::SeqCst) {
            assert_eq!(reader.verify().unwrap().problems, []);
        }
    });
}

// [W1]
#[test]
fn a_store_of_format_version_1_opens_verifies_and_is_copied() {
    let vfs = golden_v1();
    let reader = try_reader(Arc::new(vfs.clone())).unwrap();
    let rows = |store: &Store, name: &str| store.collection(name).unwrap().snapshot().len();
    let counts = (rows(&reader, "w"), rows(&reader, "notes"));
    assert_eq!(counts.0, 40);
    assert!(counts.1 > 0);
    assert_eq!(problems(&reader), []);
    let copy = Path::new("/copy.db");
    reader
        .backup(copy, &|_, _| {}, &AtomicBool::new(false))
        .unwrap();
    let options = omendb_store::OpenOptions {
        background: false,
        ..omendb_store::OpenOptions::default()
    };
    let copied = Store::open_with(Arc::new(vfs.clone()), copy, options).unwrap();
    assert_eq!((rows(&copied, "w"), rows(&copied, "notes")), counts);
    assert_eq!(copied.verify().unwrap().problems, []);
    let writer = open(&vfs);
    writer.checkpoint().unwrap();
    assert_eq!((rows(&writer, "w"), rows(&writer, "notes")), counts);
    assert_eq!(problems(&writer), []);
    assert!(vfs.files().iter().any(|p| p.ends_with("segment.seal")));
}
