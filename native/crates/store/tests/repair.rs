//! Repair keeps what is provably good, lists the rest, and never touches what it repairs.

mod support;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use omendb_store::vfs::{MemVfs, RealVfs, Vfs};
use omendb_store::{Id, ImportTarget, MapPoints, OpenOptions, RepairReport, Result, Store, repair};
use support::*;

static GO_ON: AtomicBool = AtomicBool::new(false);

fn new_path() -> &'static Path {
    Path::new("/repaired.db")
}

fn try_repair(vfs: &MemVfs) -> Result<RepairReport> {
    repair(
        Arc::new(vfs.clone()),
        root(),
        new_path(),
        &|_, _| {},
        &GO_ON,
    )
}

fn quiet() -> OpenOptions {
    OpenOptions {
        create: false,
        background: false,
        ..OpenOptions::default()
    }
}

/// Repairs, checks what holds of every repair, and opens the result. What is left of the store stays as it is.
fn repaired(vfs: &MemVfs) -> (RepairReport, Arc<Store>) {
    let before = all_files(vfs);
    let report = try_repair(vfs).unwrap();
    let mut now = all_files(vfs);
    now.retain(|f| f.0.starts_with(root()));
    assert_eq!(now, before, "the source is as it was");
    let store = Store::open_with(Arc::new(vfs.clone()), new_path(), quiet()).unwrap();
    assert_eq!(store.verify().unwrap().problems, []);
    assert_eq!(store.collections().len(), report.collections.len());
    for (collection, told) in store.collections().iter().zip(&report.collections) {
        assert_eq!(collection.meta().name, told.name);
        assert_eq!(collection.snapshot().len(), told.rows_kept);
        let listed: u64 = told
            .lost
            .iter()
            .map(|l| u64::from(l.rows[1] - l.rows[0]) + 1)
            .sum();
        assert_eq!(listed, told.rows_lost);
    }
    (report, store)
}

/// All live rows, with their row numbers.
fn numbered_rows(store: &Store, name: &str) -> BTreeMap<u32, (Id, Vec<f32>, String)> {
    let snapshot = store.collection(name).unwrap().snapshot();
    let rows: Vec<u32> = snapshot.live_rows().iter().collect();
    let cells = snapshot.rows_json(&rows, None).unwrap();
    rows.iter()
        .zip(cells)
        .map(|(&row, cells)| {
            let id = snapshot.id_of(row).unwrap();
            assert_eq!(snapshot.row_of(&id), Some(row));
            let vector = snapshot.vector(row, 0).unwrap().to_vec();
            (row, (id, vector, serde_json::to_string(&cells).unwrap()))
        })
        .collect()
}

/// Two collections: `words` with an import of `n` rows, deletes, replaced rows, a map; `angles` without an id column, under cosine. Both have
/// rows in the log. As a killed process leaves it.
fn damaged_to_be(n: i64) -> (MemVfs, Arc<Store>) {
    let vfs = MemVfs::new();
    let store = open(&vfs);
    let angles = angles();
    let angles = store.create_collection(angles).unwrap();
    let row = |t: &str, x: i64| serde_json::json!({"t": t, "v": [x, 2, 2]});
    angles
        .add_json(&[row("a", 1), row("b", 2), row("c", 3)])
        .unwrap();
    let words = store.create_collection(spec("words")).unwrap();
    let mut import = store
        .begin_import(ImportTarget::Existing("words".to_owned()))
        .unwrap();
    let (columns, vectors) = numbered(0..n);
    import.append(&columns, &vectors).unwrap();
    import.commit().unwrap();
    put(&store, "words", &[("r5", 55), ("x", 1)]);
    store.checkpoint().unwrap();
    words
        .save_map(
            map_meta("m"),
            &MapPoints::new(vec![0, 1], vec![0.0, 1.0, 2.0, 3.0]),
        )
        .unwrap();
    words.delete_ids(&[Id::from("r7")]).unwrap();
    angles.delete_rows(&[1]).unwrap();
    store.checkpoint().unwrap();
    put(&store, "words", &[("log1", 1), ("r8", 88)]);
    put(&store, "words", &[("log2", 2)]);
    angles.add_json(&[row("d", 4)]).unwrap();
    words.delete_ids(&[Id::from("r9")]).unwrap();
    put(&store, "words", &[("log3", 3)]);
    let killed = vfs.fork();
    let reader = try_reader(Arc::new(killed.clone())).unwrap();
    killed.remove(&root().join("LOCK")).unwrap();
    (killed, reader)
}

fn file(vfs: &MemVfs, end: &str) -> PathBuf {
    let mut found = vfs.files();
    found.retain(|p| p.starts_with(root()) && p.to_str().unwrap().ends_with(end));
    assert!(!found.is_empty(), "{end}");
    found.remove(0)
}

fn flip(vfs: &MemVfs, path: &Path, at: &[usize]) {
    let mut bytes = vfs.read(path).unwrap();
    for &at in at {
        bytes[at] ^= 0x10;
    }
    vfs.write(path, &bytes).unwrap();
}

// [B3]
#[test]
fn a_sound_store_is_copied_with_all_its_row_numbers() {
    let (vfs, before) = damaged_to_be(100);
    let (report, store) = repaired(&vfs);
    assert_eq!(report.generation, Some(before.info().generation));
    for name in ["words", "angles"] {
        assert_eq!(numbered_rows(&store, name), numbered_rows(&before, name));
    }
    let map = |s: &Store| s.collection("words").unwrap().map("m").unwrap();
    assert_eq!(map(&store), map(&before));
    assert_eq!(report.notes.len(), 1, "{:?}", report.notes);
    assert!(report.notes[0].contains("history"));
    // And it goes on.
    put(&store, "words", &[("new", 1)]);
    store.checkpoint().unwrap();
    assert_eq!(store.verify().unwrap().problems, []);
}

// [B3]
#[test]
fn whatever_is_damaged_what_is_kept_is_exact_and_the_rest_is_told() {
    let (sound, before) = damaged_to_be(100);
    let wanted: BTreeMap<&str, _> = ["words", "angles"]
        .map(|name| (name, numbered_rows(&before, name)))
        .into();
    for path in sound.files() {
        let bytes = sound.read(&path).unwrap();
        let n = bytes.len();
        let mut damages: Vec<(String, Option<Vec<u8>>)> = vec![("gone".to_owned(), None)];
        for at in [0, 9, 13, 17, 40, n / 3, n / 2, n - 20, n - 1] {
            let mut bad = bytes.clone();
            bad[at.min(n - 1)] ^= 4;
            damages.push((format!("byte {at}"), Some(bad)));
        }
        for cut in [0, 10, n / 2, n - 1] {
            damages.push((format!("cut to {cut}"), Some(bytes[..cut].to_vec())));
        }
        let mut longer = bytes.clone();
        longer.extend_from_slice(&[1; 100]);
        damages.push(("longer".to_owned(), Some(longer)));
        for (what, bad) in damages {
            let vfs = sound.fork();
            match bad {
                Some(bad) => vfs.write(&path, &bad).unwrap(),
                None => vfs.remove(&path).unwrap(),
            }
            let (report, store) = repaired(&vfs);
            let what = format!("{path:?}, {what}: {report:?}");
            let in_log = path.to_str().unwrap().ends_with(".wal");
            let in_manifest = path.to_str().unwrap().contains("MANIFEST");
            for told in &report.collections {
                let wanted = &wanted[&*told.name];
                let kept = numbered_rows(&store, &told.name);
                let mut extra = 0;
                for (row, content) in &kept {
                    match wanted.get(row) {
                        Some(same) => assert_eq!(same, content, "row {row}; {what}"),
                        // A dead row is back, where the record or the manifest that said so is damaged, and only then.
                        None => {
                            assert!(in_log || in_manifest, "row {row}; {what}");
                            extra += 1;
                        }
                    }
                }
                let rows_lost = told.rows_lost;
                let missing = wanted.len() + extra - kept.len();
                if in_log {
                    assert!(missing as u64 >= told.rows_lost, "{what}");
                } else if !in_manifest {
                    // Of rows whose id is lost too it is not known whether they were replaced since.
                    let doubtful = u64::from(path.ends_with("columns.arrow"));
                    let told = missing as u64..=missing as u64 + doubtful;
                    assert!(told.contains(&rows_lost), "{what}");
                }
                let told_of = told.rows_lost > 0 || report.notes.len() > 1;
                assert!(missing + extra == 0 || told_of, "{what}");
            }
        }
    }
}

// [B3]
#[test]
fn of_a_damaged_segment_only_the_rows_in_damaged_blocks_are_lost() {
    let (vfs, before) = damaged_to_be(60_000);
    let mut wanted = numbered_rows(&before, "words");
    let vectors = file(&vfs, "0000000000000001/vectors.0.f32");
    let columns = vectors.with_file_name("columns.arrow");
    let (vectors, columns) = if vfs.read(&vectors).unwrap().len() > 900_000 {
        (vectors, columns)
    } else {
        let other = root().join("segments/0000000000000002");
        (other.join("vectors.0.f32"), other.join("columns.arrow"))
    };
    // Rows of 16 bytes behind a header of 4,096: block 2 holds rows 7,936 to 12,031.
    flip(&vfs, &vectors, &[2 * 65_536 + 5]);
    let (report, store) = repaired(&vfs);
    let told = report
        .collections
        .iter()
        .find(|c| c.name == "words")
        .unwrap();
    assert_eq!(told.rows_lost, 4096);
    assert_eq!(told.lost[0].rows, [7936, 12_031]);
    assert_eq!(
        told.lost[0].ids[..2],
        [Id::from("r7936"), Id::from("r7937")]
    );
    assert_eq!(told.lost[0].ids.len(), 100);
    assert!(told.lost[0].reason.contains("vectors.0.f32"));
    wanted.retain(|row, _| !(7936..12_032).contains(row));
    assert_eq!(numbered_rows(&store, "words"), wanted);
    let words = store.collection("words").unwrap();
    assert_eq!(
        words.delete_rows(&[8000]).unwrap(),
        0,
        "a lost row is no row"
    );
    assert_eq!(words.map("m").unwrap().1.rows, [0, 1]);
    drop((words, store));

    // And a batch of the columns on top of it.
    let middle = vfs.read(&columns).unwrap().len() / 2;
    flip(&vfs, &columns, &[middle]);
    let other = Path::new("/again.db");
    let report = repair(Arc::new(vfs.clone()), root(), other, &|_, _| {}, &GO_ON).unwrap();
    let told = report
        .collections
        .iter()
        .find(|c| c.name == "words")
        .unwrap();
    assert_eq!(told.lost.len(), 2);
    assert!(told.lost[1].ids.is_empty() && told.lost[1].reason.contains("columns.arrow"));
    assert!(
        told.rows_lost > 4096 && told.rows_lost <= 4096 + 2 * 16_384,
        "{}",
        told.rows_lost
    );
    let store = Store::open_with(Arc::new(vfs.clone()), other, quiet()).unwrap();
    let kept = numbered_rows(&store, "words");
    assert!(
        kept.iter()
            .all(|(row, content)| wanted.get(row) == Some(content))
    );
    assert_eq!(store.verify().unwrap().problems, []);
}

// [B3]
#[test]
fn what_can_be_made_again_costs_no_row() {
    let (vfs, before) = damaged_to_be(5000);
    let vfs = {
        let store =
            Store::open_with(Arc::new(vfs.clone()), root(), OpenOptions::default()).unwrap();
        assert!(store.wait_for_index(Duration::from_secs(60)));
        store.close().unwrap();
        vfs
    };
    let wanted = numbered_rows(&before, "words");
    let index = file(&vfs, ".ivf");
    for name in ["ids.idx", "segment.seal", "index.0.ivf"] {
        flip(&vfs, &index.with_file_name(name), &[100]);
    }
    // The header and the inverse norms of vectors are known from the rest.
    flip(&vfs, &index.with_file_name("vectors.0.f32"), &[]);
    let (report, store) = repaired(&vfs);
    assert_eq!(numbered_rows(&store, "words"), wanted);
    assert!(report.collections.iter().all(|c| c.rows_lost == 0));
    assert!(
        report
            .notes
            .iter()
            .any(|n| n.contains("no row of it is lost")),
        "{report:?}"
    );
    drop(store);

    let (vfs, _) = damaged_to_be(9000);
    let small = file(&vfs, "0000000000000001/vectors.0.f32");
    for path in [
        small,
        root().join("segments/0000000000000002/vectors.0.f32"),
    ] {
        flip(&vfs, &path, &[3, 9, 14, 2000]);
    }
    let (report, _) = repaired(&vfs);
    assert!(
        report.collections.iter().all(|c| c.rows_lost == 0),
        "{report:?}"
    );
}

// [B3]
#[test]
fn without_the_newest_manifest_the_older_one_and_the_seals_are_used() {
    let vfs = MemVfs::new();
    let store = open(&vfs);
    store.create_collection(spec("words")).unwrap();
    let pairs: Vec<(String, i64)> = (0..50).map(|i| (format!("w{i}"), i)).collect();
    for chunk in pairs.chunks(10) {
        let chunk: Vec<(&str, i64)> = chunk.iter().map(|p| (&*p.0, p.1)).collect();
        put(&store, "words", &chunk);
        store.checkpoint().unwrap();
    }
    put(&store, "words", &[("w3", 333), ("log", 1)]);
    let wanted = numbered_rows(&store, "words");
    let generation = store.info().generation;
    let vfs = vfs.fork();
    vfs.remove(&root().join("LOCK")).unwrap();
    let newest = root().join(format!("MANIFEST-{generation:020}"));
    flip(&vfs, &newest, &[30]);
    let (report, store) = repaired(&vfs);
    assert_eq!(report.generation, Some(generation - 1));
    assert!(
        report.notes.iter().any(|n| n.contains("older one")),
        "{report:?}"
    );
    // What the newest generation brought is found by its seal; of an id that stands twice the last row counts.
    assert_eq!(numbered_rows(&store, "words"), wanted);
    drop(store);

    // None at all.
    for path in vfs.files() {
        if path.starts_with(new_path()) || path.to_str().unwrap().contains("MANIFEST") {
            vfs.remove(&path).unwrap();
        }
    }
    let target = Path::new("/none.db");
    let report = repair(Arc::new(vfs.clone()), root(), target, &|_, _| {}, &GO_ON).unwrap();
    assert_eq!(report.generation, None);
    let store = Store::open_with(Arc::new(vfs.clone()), target, quiet()).unwrap();
    assert_eq!(numbered_rows(&store, "words"), wanted);
    assert_eq!(store.verify().unwrap().problems, []);
}

// [B3]
#[test]
fn records_behind_a_damaged_one_are_applied_and_the_gap_is_told() {
    let vfs = MemVfs::new();
    let store = open(&vfs);
    let words = store.create_collection(spec("words")).unwrap();
    let mut ends = Vec::new();
    for (n, id) in ["a", "b", "c", "d"].into_iter().enumerate() {
        put(&store, "words", &[(id, n as i64)]);
        ends.push(store.info().wal_bytes as usize);
    }
    words.delete_ids(&[Id::from("d")]).unwrap();
    let vfs = vfs.fork();
    vfs.remove(&root().join("LOCK")).unwrap();
    let log = file(&vfs, ".wal");
    flip(&vfs, &log, &[ends[0] + 40, ends[0] + 90]);
    assert_eq!(
        try_open(Arc::new(vfs.fork())).unwrap_err().code(),
        "CORRUPT"
    );
    let error = try_open(Arc::new(vfs.fork())).unwrap_err();
    assert!(error.remedy().contains("repair"));
    let (report, store) = repaired(&vfs);
    assert_eq!(rows_in(&store, "words"), expected(&[("a", 0), ("c", 2)]));
    let told = &report.collections[0];
    assert_eq!((told.rows_lost, told.lost[0].rows), (1, [1, 1]));
    assert_eq!(told.lost[0].segment, "wal");
    assert!(
        report
            .notes
            .iter()
            .any(|n| n.starts_with("record 2 of the log is lost")),
        "{report:?}"
    );
    drop(store);
    // With the file's header gone too, but for its salt.
    flip(&vfs, &log, &[2, 9, 13, 25]);
    let other = Path::new("/again.db");
    repair(Arc::new(vfs.clone()), root(), other, &|_, _| {}, &GO_ON).unwrap();
    let store = Store::open_with(Arc::new(vfs.clone()), other, quiet()).unwrap();
    assert_eq!(rows_in(&store, "words"), expected(&[("a", 0), ("c", 2)]));
}

// [B3]
#[test]
fn a_repair_that_fails_or_is_cancelled_leaves_nothing() {
    let (sound, _) = damaged_to_be(20);
    flip(&sound, &file(&sound, "vectors.0.f32"), &[4100]);
    let before = all_files(&sound);
    let mut failed = 0;
    for at in 1.. {
        let inner = sound.fork();
        let vfs = full_at(&inner, at);
        let result = repair(
            Arc::new(vfs.clone()),
            root(),
            new_path(),
            &|_, _| {},
            &GO_ON,
        );
        if vfs.hit().is_none() {
            result.unwrap();
            break;
        }
        if result.is_err() {
            failed += 1;
            assert_eq!(all_files(&inner), before, "change {at}");
            assert!(inner.list(new_path()).is_err(), "change {at}");
        }
    }
    assert!(failed > 20, "{failed}");

    for at in 1..8 {
        let cancel = AtomicBool::new(false);
        let told = std::cell::Cell::new(0);
        let progress = |_, _| {
            told.set(told.get() + 1);
            cancel.store(told.get() >= at, Ordering::SeqCst);
        };
        let vfs = Arc::new(sound.clone());
        let error = repair(vfs, root(), new_path(), &progress, &cancel).unwrap_err();
        assert_eq!(error.code(), "CANCELLED");
        assert_eq!(all_files(&sound), before);
    }
}

// [B3]
#[test]
fn what_cannot_be_repaired_is_refused() {
    let (vfs, _) = damaged_to_be(20);
    let held = vfs
        .lock(&root().join("LOCK"), "process 7 since then")
        .map_err(|_| ())
        .unwrap();
    let error = try_repair(&vfs).unwrap_err();
    assert_eq!(
        (error.code(), &error.detail()["pid"]),
        ("STORE_LOCKED", &serde_json::json!(7))
    );
    drop(held);
    let inside = root().join("maps/new");
    let error = repair(Arc::new(vfs.clone()), root(), &inside, &|_, _| {}, &GO_ON).unwrap_err();
    assert_eq!(error.code(), "INVALID_REQUEST");
    for path in vfs.files() {
        if path.to_str().unwrap().contains("MANIFEST") || path.ends_with("segment.seal") {
            vfs.remove(&path).unwrap();
        }
    }
    assert_eq!(try_repair(&vfs).unwrap_err().code(), "CORRUPT");
    assert!(vfs.list(new_path()).is_err());
    let nothing = MemVfs::new();
    assert_eq!(try_repair(&nothing).unwrap_err().code(), "FILE_NOT_FOUND");
}

// [B3]
#[test]
fn a_store_of_format_version_1_is_repaired_file_by_file() {
    let vfs = golden_v1();
    let count = |s: &Store, name: &str| s.collection(name).unwrap().snapshot().len();
    let reader = try_reader(Arc::new(vfs.clone())).unwrap();
    let notes = count(&reader, "notes");
    let (report, store) = repaired(&vfs);
    assert_eq!((count(&store, "w"), count(&store, "notes")), (40, notes));
    assert_eq!(report.generation, Some(4));
    drop(store);
    let vfs = golden_v1();
    flip(&vfs, &file(&vfs, "vectors.0.f32"), &[10_000]);
    let (report, store) = repaired(&vfs);
    // Without a seal nobody knows which of them are good.
    assert_eq!((count(&store, "w"), count(&store, "notes")), (0, notes));
    let told = report.collections.iter().find(|c| c.name == "w").unwrap();
    assert_eq!((told.rows_lost, told.lost[0].ids.len()), (40, 40));
}

// [B3]
#[test]
fn a_store_on_the_real_file_system_is_repaired() {
    let folder = tempfile::tempdir().unwrap();
    let (source, target) = (folder.path().join("x.db"), folder.path().join("y.db"));
    let options = OpenOptions {
        create: true,
        ..quiet()
    };
    let store = Store::open(&source, options).unwrap();
    let mut import = store
        .begin_import(ImportTarget::New(spec("words")))
        .unwrap();
    let (columns, vectors) = numbered(0..20_000);
    import.append(&columns, &vectors).unwrap();
    import.commit().unwrap();
    store.close().unwrap();
    let path = source.join("segments/0000000000000001/vectors.0.f32");
    let sound = RealVfs.open(&path).unwrap();
    let mut bytes = vec![0; sound.len().unwrap() as usize];
    sound.read_at(&mut bytes, 0).unwrap();
    drop((store, sound));
    bytes[70_000] ^= 1;
    RealVfs.remove(&path).unwrap();
    RealVfs.create(&path).unwrap().append(&bytes).unwrap();
    let report = repair(Arc::new(RealVfs), &source, &target, &|_, _| {}, &GO_ON).unwrap();
    assert_eq!(
        report.collections[0].rows_kept + report.collections[0].rows_lost,
        20_000
    );
    assert_eq!(report.collections[0].rows_lost, 4096);
    let store = Store::open(&target, quiet()).unwrap();
    assert_eq!(store.verify().unwrap().problems, []);
}
