//! Logs that are cut off or damaged, manifests that are damaged or gone.

mod support;

use std::path::PathBuf;
use std::sync::Arc;

use omendb_store::ImportTarget;
use omendb_store::vfs::{MemVfs, Vfs};
use support::*;

// [W2]
#[test]
fn a_log_cut_anywhere_gives_the_rows_of_a_prefix_and_can_be_written_to() {
    let vfs = MemVfs::new();
    let store = open(&vfs);
    let words = store.create_collection(spec("words")).unwrap();
    let names: Vec<String> = (0..6).map(|i| format!("w{i}")).collect();
    for (n, name) in names.iter().enumerate() {
        let (columns, vectors) = rows(&[(name, n as i64)]);
        words.add(columns, &vectors).unwrap();
    }
    let log = log_file(&vfs);
    let bytes = vfs.read(&log).unwrap();
    let mut last = 0;
    for cut in (32..=bytes.len()).step_by(3).chain([bytes.len()]) {
        let torn = vfs.fork();
        torn.write(&log, &bytes[..cut]).unwrap();
        let store = open(&torn);
        let words = store.collection("words").unwrap();
        let got = content(&words.snapshot());
        let pairs: Vec<(&str, i64)> = (0..got.len())
            .map(|i| (names[i].as_str(), i as i64))
            .collect();
        assert_eq!(got, expected(&pairs), "cut at {cut}");
        assert!(got.len() >= last);
        last = got.len();
        let (columns, vectors) = rows(&[("new", 1)]);
        words.add(columns, &vectors).unwrap();
        let killed = open(&after_kill(&torn));
        assert_eq!(
            killed.collection("words").unwrap().snapshot().len(),
            got.len() as u64 + 1
        );
    }
    assert_eq!(last, names.len());
}

fn log_file(vfs: &MemVfs) -> PathBuf {
    let mut logs: Vec<PathBuf> = vfs
        .files()
        .into_iter()
        .filter(|f| f.extension().is_some_and(|e| e == "wal"))
        .collect();
    assert_eq!(logs.len(), 1);
    logs.remove(0)
}

// [W3]
#[test]
fn damage_to_acknowledged_log_records_is_reported_and_nothing_is_changed() {
    let vfs = MemVfs::new();
    let store = open(&vfs);
    let words = store.create_collection(spec("words")).unwrap();
    for n in 0..5 {
        let (columns, vectors) = rows(&[("w", n)]);
        words.add(columns, &vectors).unwrap();
    }
    // After a clean close even damage to the last row is found.
    drop(words);
    store.close().unwrap();
    let log = log_file(&vfs);
    let bytes = vfs.read(&log).unwrap();
    let mark = bytes.len() - 40;
    for at in (0..mark).step_by(7) {
        let bad = vfs.fork();
        let mut changed = bytes.clone();
        changed[at] ^= 0x10;
        bad.write(&log, &changed).unwrap();
        let before: Vec<_> = bad
            .files()
            .iter()
            .map(|f| (f.clone(), bad.read(f).unwrap()))
            .collect();
        let error = try_open(Arc::new(bad.clone())).unwrap_err();
        assert_eq!(error.code(), "CORRUPT", "byte {at}: {error}");
        let unlocked = |f: &(PathBuf, Vec<u8>)| !f.0.ends_with("LOCK");
        let after: Vec<_> = bad
            .files()
            .iter()
            .map(|f| (f.clone(), bad.read(f).unwrap()))
            .collect();
        assert!(
            before
                .iter()
                .filter(|f| unlocked(f))
                .eq(after.iter().filter(|f| unlocked(f)))
        );
    }
}

#[test]
fn a_missing_log_or_a_damaged_manifest_is_reported() {
    let vfs = MemVfs::new();
    let store = open(&vfs);
    store.create_collection(spec("words")).unwrap();
    drop(store);
    let without = vfs.fork();
    omendb_store::vfs::Vfs::remove(&without, &log_file(&vfs)).unwrap();
    assert_eq!(try_open(Arc::new(without)).unwrap_err().code(), "CORRUPT");
    let newest = vfs
        .files()
        .into_iter()
        .filter(|f| f.to_string_lossy().contains("MANIFEST-"))
        .max()
        .unwrap();
    let bytes = vfs.read(&newest).unwrap();
    for at in 0..bytes.len() {
        let bad = vfs.fork();
        let mut changed = bytes.clone();
        changed[at] ^= 1;
        bad.write(&newest, &changed).unwrap();
        assert_eq!(
            try_open(Arc::new(bad)).unwrap_err().code(),
            "CORRUPT",
            "byte {at}"
        );
    }
    for cut in 0..bytes.len() {
        let bad = vfs.fork();
        bad.write(&newest, &bytes[..cut]).unwrap();
        assert_eq!(
            try_open(Arc::new(bad)).unwrap_err().code(),
            "CORRUPT",
            "cut at {cut}"
        );
    }
}

#[test]
fn a_damaged_generation_before_the_newest_is_reported_by_verify_and_loses_nothing() {
    let vfs = MemVfs::new();
    let store = open(&vfs);
    let mut import = store
        .begin_import(ImportTarget::New(spec("words")))
        .unwrap();
    let (columns, vectors) = numbered(0..100);
    import.append(&columns, &vectors).unwrap();
    import.commit().unwrap();
    store.drop_collection("words").unwrap();
    drop(store);
    let kept = names(&vfs);
    assert_eq!(kept.len(), 4);
    let older = vfs
        .files()
        .into_iter()
        .filter(|f| f.to_string_lossy().contains("MANIFEST-"))
        .min()
        .unwrap();
    let mut bytes = vfs.read(&older).unwrap();
    bytes[50] ^= 1;
    vfs.write(&older, &bytes).unwrap();
    let store = open(&vfs);
    let problems = store.verify().unwrap().problems;
    assert!(
        problems.len() == 1 && older.ends_with(&problems[0].file),
        "{problems:?}"
    );
    assert_eq!(
        names(&vfs),
        kept,
        "what the damaged generation may have named is left alone"
    );
}

// [W3]
// A manifest that vanished after a clean close went unnoticed: the generation before it was opened, and what only the newest named was
// taken for a leftover and removed.
#[test]
fn a_newest_manifest_that_vanished_is_told_by_the_log_of_a_closed_store() {
    let vfs = MemVfs::new();
    let store = open(&vfs);
    store.create_collection(spec("words")).unwrap();
    let mut import = store
        .begin_import(ImportTarget::Existing("words".to_owned()))
        .unwrap();
    let (columns, vectors) = numbered(0..10);
    import.append(&columns, &vectors).unwrap();
    import.commit().unwrap();
    let newest = store.info().generation;
    store.close().unwrap();
    let name = format!("{ROOT}/MANIFEST-{newest:020}");
    let kept = vfs.read(name.as_ref()).unwrap();
    vfs.remove(name.as_ref()).unwrap();
    let before = vfs.files();
    let error = try_open(Arc::new(vfs.clone())).unwrap_err();
    assert_eq!(error.code(), "CORRUPT");
    assert!(
        error.to_string().contains(&format!("{newest:020}")),
        "{error}"
    );
    assert_eq!(vfs.files(), before, "nothing was removed");
    vfs.write(name.as_ref(), &kept).unwrap();
    let again = open(&vfs);
    assert_eq!(again.collection("words").unwrap().snapshot().len(), 10);
    // Opened and closed without a change, nothing is written.
    let bytes = again.info().wal_bytes;
    again.close().unwrap();
    assert_eq!(open(&vfs).info().wal_bytes, bytes);
}
