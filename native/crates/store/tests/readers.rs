//! Opening for reading, beside a writer and beside each other.

mod support;

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use omendb_store::vfs::{MemVfs, RealVfs, Vfs};
use omendb_store::{Error, Id, ImportTarget, MapPoints, OpenOptions, Store};
use support::meddle::MeddleVfs;
use support::steps::{moment, step};
use support::*;

fn reader(vfs: &MemVfs) -> Arc<Store> {
    try_reader(Arc::new(vfs.clone())).unwrap()
}

// [R1]
#[test]
fn readers_stand_beside_a_writer_and_see_what_it_wrote_when_they_refresh() {
    let vfs = MemVfs::new();
    let writer = open(&vfs);
    writer.create_collection(spec("words")).unwrap();
    put(&writer, "words", &[("a", 1), ("b", 2)]);
    let (one, two) = (reader(&vfs), reader(&vfs));
    assert!(one.info().read_only && !writer.info().read_only);
    assert_eq!(writer.info().writer, None);
    let holder = one.info().writer.unwrap();
    let pid = format!("process {} since ", std::process::id());
    assert!(holder.starts_with(&pid), "{holder}");
    assert!(
        holder.contains("(readers"),
        "it names the program: {holder}"
    );

    let words = one.collection("words").unwrap();
    let before = words.snapshot();
    assert_eq!(content(&before), expected(&[("a", 1), ("b", 2)]));
    assert!(!one.refresh().unwrap(), "nothing new");
    let revision = one.revision();
    put(&writer, "words", &[("b", 3), ("c", 4)]);
    assert_eq!(content(&words.snapshot()), expected(&[("a", 1), ("b", 2)]));
    assert!(one.refresh().unwrap());
    assert!(one.revision() > revision);
    let wanted = expected(&[("a", 1), ("b", 3), ("c", 4)]);
    assert_eq!(content(&words.snapshot()), wanted);
    assert_eq!(
        content(&before),
        expected(&[("a", 1), ("b", 2)]),
        "it stays"
    );

    // Into a segment, and out of the log: the same rows.
    writer.checkpoint().unwrap();
    assert!(one.refresh().unwrap());
    assert_eq!(content(&words.snapshot()), wanted);
    writer
        .collection("words")
        .unwrap()
        .delete_ids(&[Id::from("a")])
        .unwrap();
    assert!(one.refresh().unwrap());
    assert_eq!(content(&words.snapshot()), expected(&[("b", 3), ("c", 4)]));

    // Collections come and go.
    writer.create_collection(spec("more")).unwrap();
    writer.drop_collection("words").unwrap();
    assert!(one.refresh().unwrap());
    assert_eq!(
        one.collection("words").unwrap_err().code(),
        "UNKNOWN_COLLECTION"
    );
    assert_eq!(rows_in(&one, "more"), []);
    writer.create_collection(spec("words")).unwrap();
    assert!(one.refresh().unwrap());
    assert_eq!(rows_in(&one, "words"), []);
    // The other reader did not look, and jumps over all of it.
    assert_eq!(rows_in(&two, "words"), expected(&[("a", 1), ("b", 2)]));
    assert!(two.refresh().unwrap());
    assert_eq!(rows_in(&two, "words"), []);
    assert!(!writer.refresh().unwrap());

    writer.close().unwrap();
    assert_eq!(one.info().writer, None);
    one.close().unwrap();
    assert_eq!(one.refresh().unwrap_err().code(), "STORE_CLOSED");
    assert_eq!(
        content(&before),
        expected(&[("a", 1), ("b", 2)]),
        "and stays"
    );
}

// [R1]
#[test]
fn snapshots_keep_working_when_the_writer_removes_their_files() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x.db");
    let quiet = OpenOptions {
        background: false,
        holder: Some("a test\n".to_owned()),
        ..OpenOptions::default()
    };
    let writer = Store::open(&path, quiet.clone()).unwrap();
    let mut import = writer
        .begin_import(ImportTarget::New(spec("words")))
        .unwrap();
    let (columns, vectors) = numbered(0..2000);
    import.append(&columns, &vectors).unwrap();
    import.commit().unwrap();
    let words = writer.collection("words").unwrap();
    words
        .save_map(
            map_meta("m"),
            &MapPoints::new(vec![0, 1], vec![0.0, 1.0, 2.0, 3.0]),
        )
        .unwrap();

    let reader = Store::open(&path, READ_ONLY).unwrap();
    assert!(reader.info().writer.unwrap().ends_with(" (a test)"));
    let locked = Store::open(&path, quiet).unwrap_err();
    assert_eq!(locked.code(), "STORE_LOCKED");
    assert!(locked.remedy().contains("for reading only"));
    let seen = reader.collection("words").unwrap();
    let snapshot = seen.snapshot();
    assert_eq!(seen.map("m").unwrap().1.rows, [0, 1]);
    writer.drop_collection("words").unwrap();
    writer.create_collection(spec("other")).unwrap();
    writer.create_collection(spec("third")).unwrap();
    if cfg!(unix) {
        // As the writer does once the history does not need them any more.
        for folder in ["segments/0000000000000001", "maps"] {
            for entry in RealVfs.list(&path.join(folder)).unwrap() {
                RealVfs.remove(&path.join(folder).join(entry.name)).unwrap();
            }
        }
        assert_eq!(content(&snapshot).len(), 2000);
        // A map is read when it is asked for.
        let error = seen.map("m").unwrap_err();
        assert_eq!(error.code(), "FILE_NOT_FOUND");
        assert!(error.remedy().contains("Refresh"), "{error}");
    }
    assert!(reader.refresh().unwrap());
    assert_eq!(reader.collections().len(), 2);
    assert_eq!(seen.map("m").unwrap_err().code(), "UNKNOWN_COLLECTION");
}

// [R2]
#[test]
fn a_reader_changes_nothing_on_disk() {
    let vfs = MemVfs::new();
    let writer = open(&vfs);
    writer.create_collection(spec("words")).unwrap();
    put(&writer, "words", &[("a", 1)]);
    writer.checkpoint().unwrap();
    put(&writer, "words", &[("b", 2)]);
    let vfs = vfs.fork();
    // A torn tail, and what a crash leaves.
    let log = vfs
        .files()
        .into_iter()
        .find(|p| p.extension().is_some_and(|e| e == "wal"));
    let log = log.unwrap();
    let mut bytes = vfs.read(&log).unwrap();
    bytes.extend_from_slice(&[7; 21]);
    vfs.write(&log, &bytes).unwrap();
    vfs.write(&root().join("MANIFEST.tmp"), b"half").unwrap();
    vfs.create_dir(&root().join("segments/00000000000000aa"))
        .unwrap();
    vfs.write(
        &root().join("segments/00000000000000aa/columns.arrow"),
        b"half",
    )
    .unwrap();
    vfs.remove(&root().join("LOCK")).unwrap();
    let before = all_files(&vfs);

    let store = reader(&vfs);
    assert_eq!(rows_in(&store, "words"), expected(&[("a", 1), ("b", 2)]));
    assert_eq!(store.info().writer, None);
    assert!(!store.refresh().unwrap());
    store.verify().unwrap();
    let words = store.collection("words").unwrap();
    words.snapshot().rows_json(&[0], None).unwrap();
    assert!(store.wait_for_index(Duration::from_secs(1)));

    let code = |e: omendb_store::Error| {
        assert!(e.remedy().contains("without read-only"), "{}", e.remedy());
        assert_eq!(e.code(), "READ_ONLY");
    };
    let (columns, vectors) = rows(&[("c", 3)]);
    code(words.add(columns, &vectors).unwrap_err());
    code(
        words
            .add_json(&[serde_json::json!({"id": "c", "v": [1, 2, 3, 4]})])
            .unwrap_err(),
    );
    code(
        words
            .add_columns(&[omendb_store::ColumnKind::Int.field("x")])
            .unwrap_err(),
    );
    code(words.delete_ids(&[Id::from("a")]).unwrap_err());
    code(words.delete_rows(&[0]).unwrap_err());
    code(
        words
            .save_map(map_meta("m"), &MapPoints::new(vec![0], vec![0.0, 0.0]))
            .unwrap_err(),
    );
    code(words.delete_map("m").unwrap_err());
    code(store.create_collection(spec("more")).unwrap_err());
    code(store.drop_collection("words").unwrap_err());
    code(store.checkpoint().unwrap_err());
    let import = store.begin_import(ImportTarget::New(spec("more")));
    code(import.unwrap_err());
    let import = store.begin_import(ImportTarget::Existing("words".to_owned()));
    code(import.unwrap_err());
    store.close().unwrap();
    drop(store);
    assert_eq!(all_files(&vfs), before);

    // Where there is no store, none is made.
    let none = MemVfs::new();
    let error = try_reader(Arc::new(none.clone())).unwrap_err();
    assert_eq!(error.code(), "FILE_NOT_FOUND");
    none.create_dir(root()).unwrap();
    let both = OpenOptions {
        create: true,
        ..READ_ONLY
    };
    let error = Store::open_with(Arc::new(none.clone()), root(), both).unwrap_err();
    assert_eq!(error.code(), "NOT_A_STORE");
    assert_eq!(none.list(root()).unwrap(), []);
}

fn under_a_busy_writer(vfs: Arc<dyn Vfs>, path: &Path, steps: i64) {
    let quiet = OpenOptions {
        background: false,
        ..OpenOptions::default()
    };
    let writer = Store::open_with(vfs.clone(), path, quiet).unwrap();
    writer.create_collection(spec("a")).unwrap();
    writer.create_collection(spec("b")).unwrap();
    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            for i in 0..steps {
                step(&writer, i);
            }
            done.store(true, Ordering::SeqCst);
        });
        for _ in 0..2 {
            scope.spawn(|| {
                let mut seen = 0;
                let mut opened = 0;
                while !done.load(Ordering::SeqCst) || opened == 0 {
                    let store = Store::open_with(vfs.clone(), path, READ_ONLY).unwrap();
                    opened += 1;
                    let mut last = moment(&store);
                    for _ in 0..5 {
                        store.refresh().unwrap();
                        let now = moment(&store);
                        assert!(now >= last, "time goes on");
                        last = now;
                    }
                    assert!(last >= seen);
                    seen = last;
                }
            });
        }
    });
    let store = Store::open_with(vfs, path, READ_ONLY).unwrap();
    assert_eq!(moment(&store), steps);
}

// [R1]
#[test]
fn readers_of_a_busy_writer_always_see_one_moment() {
    under_a_busy_writer(Arc::new(MemVfs::new()), root(), 300);
    let folder = tempfile::tempdir().unwrap();
    under_a_busy_writer(Arc::new(RealVfs), &folder.path().join("x.db"), 150);
}

// [R1]
#[test]
fn whatever_the_writer_does_between_two_looks_a_reader_sees_one_moment() {
    for at in 0.. {
        let vfs = MemVfs::new();
        let writer = open(&vfs);
        writer.create_collection(spec("a")).unwrap();
        writer.create_collection(spec("b")).unwrap();
        for i in 0..9 {
            step(&writer, i);
        }
        let mut next = 9;
        let meddled = MeddleVfs::new(&vfs, at, false, move || {
            for _ in 0..6 {
                step(&writer, next);
                next += 1;
            }
        });
        let store = try_reader(meddled.clone()).unwrap();
        let done = moment(&store);
        assert!(done == 9 || done == 15, "{done}");
        if !meddled.hit() {
            assert!(at > 10, "there was something to look at");
            break;
        }
        store.refresh().unwrap();
        assert_eq!(moment(&store), 15);
    }
}

// [R1]
#[test]
fn a_reader_that_is_never_quick_enough_gives_up() {
    let vfs = MemVfs::new();
    let writer = open(&vfs);
    writer.create_collection(spec("a")).unwrap();
    let mut n = 0;
    let meddled = MeddleVfs::new(&vfs, 0, true, move || {
        n += 1;
        writer.create_collection(spec(&format!("c{n}"))).unwrap();
    });
    let begun = Instant::now();
    let error = try_reader(meddled).unwrap_err();
    assert!(
        matches!(error.code(), "IO" | "CORRUPT" | "FILE_NOT_FOUND"),
        "{error}"
    );
    assert!(begun.elapsed() < Duration::from_secs(30));
}

// [R1] [W3]
#[test]
fn damage_that_stays_is_believed() {
    let vfs = MemVfs::new();
    let writer = open(&vfs);
    writer.create_collection(spec("words")).unwrap();
    for (n, id) in ["a", "b", "c"].into_iter().enumerate() {
        put(&writer, "words", &[(id, n as i64)]);
    }
    let store = reader(&vfs);
    let log = root().join("wal/00000000000000000001.wal");
    let good = vfs.read(&log).unwrap();
    let mut bad = good.clone();
    bad[90] ^= 1;
    bad.extend_from_slice(&[0; 8]);
    vfs.write(&log, &bad).unwrap();
    let before = all_files(&vfs);
    assert_eq!(
        try_reader(Arc::new(vfs.clone())).unwrap_err().code(),
        "CORRUPT"
    );
    assert_eq!(store.refresh().unwrap_err().code(), "CORRUPT");
    assert_eq!(rows_in(&store, "words").len(), 3, "what was shown stays");
    assert_eq!(all_files(&vfs), before);

    // Damage that was only a moment's is not.
    let restore = vfs.clone();
    let meddled = MeddleVfs::new(&vfs, 12, false, move || restore.write(&log, &good).unwrap());
    let again = try_reader(meddled).unwrap();
    assert_eq!(rows_in(&again, "words").len(), 3);
    assert!(store.refresh().is_ok());
}

// [R1] [S1]
#[test]
fn looking_for_the_writer_keeps_no_writer_out() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x.db");
    let quiet = OpenOptions {
        background: false,
        ..OpenOptions::default()
    };
    Store::open(&path, quiet.clone()).unwrap();
    let store = Store::open(&path, READ_ONLY).unwrap();
    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while !done.load(Ordering::SeqCst) {
                store.info();
            }
        });
        for _ in 0..50 {
            Store::open(&path, quiet.clone()).unwrap().close().unwrap();
        }
        done.store(true, Ordering::SeqCst);
    });
}

/// What the other process of the test below does; on its own it does nothing.
#[test]
fn child() {
    let Ok(path) = std::env::var("OMENDB_TEST_READ") else {
        return;
    };
    let store = Store::open(Path::new(&path), READ_ONLY).unwrap();
    assert!(store.info().writer.is_some());
    let rows = rows_in(&store, "words").len();
    assert_eq!(std::env::var("OMENDB_TEST_ROWS").unwrap(), rows.to_string());
}

// [R1]
// A reader asked for a state that the writer had forgotten since, and was told to look whether the drive is connected: the file of the
// history was missing, and only a missing map was known to be the writer's doing.
#[test]
fn a_reader_is_told_that_the_writer_forgot_a_state_since() {
    let vfs = MemVfs::new();
    let writer = open(&vfs);
    writer.create_collection(spec("words")).unwrap();
    put(&writer, "words", &[("a", 1)]);
    let words = writer.collection("words").unwrap();
    words.delete_ids(&[Id::from("a")]).unwrap();
    writer.checkpoint().unwrap();
    let reader = reader(&vfs);
    let seq = reader.history(1)[0].entry.seq;
    writer
        .compact(true, &|_, _| (), &Default::default())
        .unwrap();
    let error = reader.before(seq).unwrap_err();
    assert!(matches!(error, Error::OutOfDate { .. }), "{error}");
    reader.refresh().unwrap();
    assert_eq!(reader.before(seq).unwrap_err().code(), "HISTORY_PRUNED");
}

// [R1]
#[test]
fn a_reader_in_another_process_sees_the_rows() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x.db");
    let quiet = OpenOptions {
        background: false,
        ..OpenOptions::default()
    };
    let writer = Store::open(&path, quiet).unwrap();
    writer.create_collection(spec("words")).unwrap();
    for rows in 1..4 {
        put(&writer, "words", &[(&format!("w{rows}"), rows)]);
        let run = std::process::Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "child", "--nocapture"])
            .env("OMENDB_TEST_READ", &path)
            .env("OMENDB_TEST_ROWS", rows.to_string())
            .output()
            .unwrap();
        assert!(
            run.status.success(),
            "{}",
            String::from_utf8_lossy(&run.stderr)
        );
        writer.checkpoint().unwrap();
    }
}
