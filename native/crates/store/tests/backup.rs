//! Copies of a store: whole, of one moment, and nothing when they fail.

mod support;

use std::cell::{Cell, RefCell};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use omendb_store::vfs::{MemVfs, RealVfs, Vfs};
use omendb_store::{Error, Id, ImportTarget, MapPoints, OpenOptions, Store, restore};
use omendb_torture::rng::Rng;
use omendb_torture::vfs::{CrashVfs, Damage};
use support::meddle::MeddleVfs;
use support::steps::{begin, moment, step};
use support::*;

static GO_ON: AtomicBool = AtomicBool::new(false);

fn copy_path() -> &'static Path {
    Path::new("/copy.db")
}

fn quiet() -> OpenOptions {
    OpenOptions {
        background: false,
        ..OpenOptions::default()
    }
}

fn open_copy(vfs: &MemVfs) -> Arc<Store> {
    let options = OpenOptions {
        create: false,
        ..quiet()
    };
    Store::open_with(Arc::new(vfs.clone()), copy_path(), options).unwrap()
}

fn is_clean(store: &Store) {
    assert_eq!(store.verify().unwrap().problems, []);
}

/// A store with a segment, a map, deletes, and rows in the log.
fn filled(vfs: &MemVfs) -> Arc<Store> {
    let store = open(vfs);
    let words = store.create_collection(spec("words")).unwrap();
    let mut import = store
        .begin_import(ImportTarget::Existing("words".to_owned()))
        .unwrap();
    let (columns, vectors) = numbered(0..3000);
    import.append(&columns, &vectors).unwrap();
    import.commit().unwrap();
    let map = map_meta("m");
    words
        .save_map(map, &MapPoints::new(vec![0, 1], vec![0.0; 4]))
        .unwrap();
    words.delete_ids(&[Id::from("r7")]).unwrap();
    put(&store, "words", &[("r8", 8888), ("x", 1)]);
    store.create_collection(spec("empty")).unwrap();
    store
}

fn under(vfs: &MemVfs, folder: &Path) -> Vec<PathBuf> {
    let mut files = vfs.files();
    files.retain(|p| p.starts_with(folder));
    files
}

// [B1]
#[test]
fn a_backup_has_everything_and_the_store_goes_on() {
    let vfs = MemVfs::new();
    let store = filled(&vfs);
    let wanted = rows_in(&store, "words");
    let told = RefCell::new(Vec::new());
    let progress = |done, total| told.borrow_mut().push((done, total));
    let report = store.backup(copy_path(), &progress, &GO_ON).unwrap();
    let told = told.into_inner();
    assert!(
        told.windows(2)
            .all(|w| w[0].0 <= w[1].0 && w[0].1 == w[1].1)
    );
    assert!(told.last().is_some_and(|t| t.0 == t.1));
    let files = under(&vfs, copy_path());
    let bytes: usize = files.iter().map(|p| vfs.read(p).unwrap().len()).sum();
    assert_eq!(
        (report.files, report.bytes),
        (files.len() as u64, bytes as u64)
    );
    assert_eq!(report.generation, store.info().generation);
    assert!(report.left_out.is_empty());

    put(&store, "words", &[("later", 1)]);
    let copy = open_copy(&vfs);
    is_clean(&copy);
    assert_eq!(rows_in(&copy, "words"), wanted);
    assert_eq!(rows_in(&copy, "empty"), []);
    assert_eq!(
        copy.collection("words").unwrap().map("m").unwrap().1.rows,
        [0, 1]
    );
    // It is a store like any other.
    put(&copy, "words", &[("of the copy", 1)]);
    copy.checkpoint().unwrap();
    is_clean(&copy);
    is_clean(&store);
    assert_eq!(rows_in(&store, "words").len(), wanted.len() + 1);
}

// [B1]
#[test]
fn what_only_the_history_still_has_is_copied_too() {
    let vfs = MemVfs::new();
    let store = filled(&vfs);
    store.checkpoint().unwrap();
    store.drop_collection("words").unwrap();
    store.backup(copy_path(), &|_, _| {}, &GO_ON).unwrap();
    let copy = open_copy(&vfs);
    is_clean(&copy);
    assert_eq!(copy.collections().len(), 1);
    assert_eq!(
        under(&vfs, &copy_path().join("segments")).len(),
        under(&vfs, &root().join("segments")).len()
    );
}

// [B1]
#[test]
fn what_is_copied_is_not_removed_before_it_is_copied() {
    let vfs = MemVfs::new();
    let store = filled(&vfs);
    store.checkpoint().unwrap();
    let words = store.collection("words").unwrap();
    let wanted = (rows_in(&store, "words"), words.map("m").unwrap());
    let maps = || under(&vfs, &root().join("maps")).len();
    let first = Cell::new(true);
    let progress = |_, _| {
        if first.replace(false) {
            words.delete_map("m").unwrap();
            for name in ["one", "two", "three"] {
                store.create_collection(spec(name)).unwrap();
            }
            assert_eq!(maps(), 1, "held");
        }
    };
    store.backup(copy_path(), &progress, &GO_ON).unwrap();
    assert_eq!(maps(), 0, "let go");
    let copy = open_copy(&vfs);
    is_clean(&copy);
    let copied = copy.collection("words").unwrap().map("m").unwrap();
    assert_eq!((rows_in(&copy, "words"), copied), wanted);
    assert_eq!(copy.collections().len(), 2);
    is_clean(&store);
}

fn while_writing_goes_on(vfs: Arc<dyn Vfs>, folder: &Path, steps: i64) {
    let writer = Store::open_with(vfs.clone(), &folder.join("x.db"), quiet()).unwrap();
    begin(&writer);
    let reader = Store::open_with(vfs.clone(), &folder.join("x.db"), READ_ONLY).unwrap();
    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            for i in 0..steps {
                step(&writer, i);
            }
            done.store(true, Ordering::SeqCst);
        });
        let sources = [&writer, &reader];
        let mut last = 0;
        let mut n = 0;
        while !done.load(Ordering::SeqCst) || n < 2 {
            let target = folder.join(format!("copy{n}.db"));
            sources[n % 2]
                .backup(&target, &|_, _| {}, &GO_ON)
                .unwrap_or_else(|e| panic!("{n}: {e}"));
            let copy = Store::open_with(vfs.clone(), &target, quiet()).unwrap();
            let now = moment(&copy);
            assert!(now >= last);
            last = now;
            is_clean(&copy);
            n += 1;
        }
    });
    is_clean(&writer);
}

// [B1]
#[test]
fn a_backup_is_of_one_moment_while_writing_goes_on() {
    let vfs = MemVfs::new();
    vfs.create_dir(Path::new("/f")).unwrap();
    while_writing_goes_on(Arc::new(vfs), Path::new("/f"), 120);
    let folder = tempfile::tempdir().unwrap();
    while_writing_goes_on(Arc::new(RealVfs), folder.path(), 60);
}

// [B1]
#[test]
fn whatever_the_writer_does_between_two_looks_a_readers_backup_is_of_one_moment() {
    for at in (0..).step_by(3) {
        let vfs = MemVfs::new();
        let writer = open(&vfs);
        begin(&writer);
        for i in 0..9 {
            step(&writer, i);
        }
        let mut next = 9;
        let meddled = MeddleVfs::new(&vfs, at, false, move || {
            // Everything that was sealed goes.
            for name in ["a", "b"] {
                writer.drop_collection(name).unwrap();
            }
            begin(&writer);
            for i in 0..next {
                step(&writer, i);
            }
            next += 1;
        });
        restore(meddled.clone(), root(), copy_path(), &|_, _| {}, &GO_ON).unwrap();
        let copy = open_copy(&vfs);
        assert_eq!(moment(&copy), 9);
        is_clean(&copy);
        if !meddled.hit() {
            break;
        }
    }
}

// [B1]
#[test]
fn a_closed_store_is_restored_with_its_log_and_stays_as_it_is() {
    let vfs = MemVfs::new();
    let store = filled(&vfs);
    let wanted = rows_in(&store, "words");
    // As a kill leaves it, in the middle of a write.
    let vfs = vfs.fork();
    let log = under(&vfs, &root().join("wal")).pop().unwrap();
    let mut bytes = vfs.read(&log).unwrap();
    bytes.extend_from_slice(&[9; 33]);
    vfs.write(&log, &bytes).unwrap();
    let before = all_files(&vfs);
    let report = restore(
        Arc::new(vfs.clone()),
        root(),
        copy_path(),
        &|_, _| {},
        &GO_ON,
    )
    .unwrap();
    let mut now = all_files(&vfs);
    now.retain(|f| f.0.starts_with(root()));
    assert_eq!(now, before);
    let files = under(&vfs, copy_path());
    let bytes: usize = files.iter().map(|p| vfs.read(p).unwrap().len()).sum();
    assert_eq!(
        (report.files, report.bytes),
        (files.len() as u64, bytes as u64)
    );
    let copy = open_copy(&vfs);
    is_clean(&copy);
    assert_eq!(rows_in(&copy, "words"), wanted);
}

// [B1]
#[test]
fn a_backup_survives_a_power_cut_right_after_it() {
    let vfs = CrashVfs::new(1);
    let store = try_open(Arc::new(vfs.clone())).unwrap();
    store.create_collection(spec("words")).unwrap();
    put(&store, "words", &[("a", 1), ("b", 2)]);
    store.backup(copy_path(), &|_, _| {}, &GO_ON).unwrap();
    let left = vfs.medium().image(Damage::Dropped, &mut Rng::new(1));
    let copy = open_copy(&left);
    is_clean(&copy);
    assert_eq!(rows_in(&copy, "words"), expected(&[("a", 1), ("b", 2)]));
}

// [B2]
#[test]
fn a_backup_that_fails_leaves_nothing() {
    let vfs = MemVfs::new();
    filled(&vfs);
    let source = vfs.fork();
    let before = all_files(&source);
    let mut failed = 0;
    for at in 1.. {
        for there in [false, true] {
            let inner = source.fork();
            if there {
                inner.create_dir(copy_path()).unwrap();
            }
            let vfs = full_at(&inner, at);
            let result = restore(
                Arc::new(vfs.clone()),
                root(),
                copy_path(),
                &|_, _| {},
                &GO_ON,
            );
            if vfs.hit().is_none() {
                result.unwrap();
                assert!(failed > 20);
                return;
            }
            let Err(error) = result else {
                // It was the removal of something that was not there.
                is_clean(&open_copy(&inner));
                continue;
            };
            assert_eq!(error.code(), "DISK_FULL");
            failed += 1;
            assert_eq!(all_files(&inner), before, "change {at}");
            let left = inner.list(copy_path()).ok();
            assert_eq!(left, there.then(Vec::new), "change {at}");
        }
    }
}

// [B2]
#[test]
fn a_cancelled_backup_leaves_nothing_wherever_it_is_cancelled() {
    let vfs = MemVfs::new();
    let store = filled(&vfs);
    for at in 0.. {
        let cancel = AtomicBool::new(at == 0);
        let told = Cell::new(0);
        let progress = |_, _| {
            told.set(told.get() + 1);
            if told.get() == at {
                cancel.store(true, Ordering::SeqCst);
            }
        };
        match store.backup(copy_path(), &progress, &cancel) {
            Ok(_) => {
                assert!(at > 3);
                break;
            }
            Err(e) => assert_eq!(e.code(), "CANCELLED"),
        }
        assert_eq!(under(&vfs, copy_path()), [] as [PathBuf; 0]);
        assert!(vfs.list(copy_path()).is_err());
    }
    is_clean(&store);
}

// [B1] [B2]
#[test]
fn damage_is_reported_and_not_copied() {
    let vfs = MemVfs::new();
    let store = filled(&vfs);
    store.checkpoint().unwrap();
    let sealed = under(&vfs, &root().join("segments"));
    assert!(sealed.len() >= 3);
    for path in sealed.iter().chain(&under(&vfs, &root().join("maps"))) {
        let good = vfs.read(path).unwrap();
        let mut bad = good.clone();
        let middle = bad.len() / 2;
        bad[middle] ^= 1;
        for bad in [bad, good[..good.len() - 1].to_vec()] {
            vfs.write(path, &bad).unwrap();
            let error = store.backup(copy_path(), &|_, _| {}, &GO_ON).unwrap_err();
            match error {
                Error::Corrupt { file, .. } => assert_eq!(&file, path),
                other => panic!("{other}"),
            }
            assert!(vfs.list(copy_path()).is_err());
        }
        vfs.write(path, &good).unwrap();
    }
    // An index can be made again.
    store.close().unwrap();
    let options = OpenOptions::default();
    let store = Store::open_with(Arc::new(vfs.clone()), root(), options).unwrap();
    assert!(store.wait_for_index(Duration::from_secs(60)));
    let is_index = |p: &PathBuf| p.extension().is_some_and(|e| e == "ivf");
    let index = vfs.files().into_iter().find(is_index).unwrap();
    let mut bytes = vfs.read(&index).unwrap();
    bytes[500] ^= 1;
    vfs.write(&index, &bytes).unwrap();
    let report = store.backup(copy_path(), &|_, _| {}, &GO_ON).unwrap();
    let named: Vec<PathBuf> = report.left_out.iter().map(|p| root().join(p)).collect();
    assert_eq!(named, [index]);
    let copy = open_copy(&vfs);
    is_clean(&copy);
    assert_eq!(rows_in(&copy, "words").len(), 3000);
}

// [B2]
#[test]
fn a_target_that_cannot_be_one_is_refused_and_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x.db");
    let store = Store::open(&path, quiet()).unwrap();
    let backup = |target: &Path| store.backup(target, &|_, _| {}, &GO_ON).unwrap_err();
    let full = folder.path().join("full");
    RealVfs.create_dir(&full).unwrap();
    RealVfs.create(&full.join("photo.jpg")).unwrap();
    let refused = [
        full.clone(),
        full.join("photo.jpg"),
        path.clone(),
        path.join("inside"),
        path.join("maps"),
        path.join("maps/deeper"),
        folder.path().join("full/../x.db/inside"),
    ];
    for target in &refused {
        assert_eq!(backup(target).code(), "INVALID_REQUEST", "{target:?}");
    }
    assert_eq!(
        backup(&folder.path().join("no/such")).code(),
        "FILE_NOT_FOUND"
    );
    #[cfg(unix)]
    {
        let link = folder.path().join("link");
        std::os::unix::fs::symlink(&path, &link).unwrap();
        assert_eq!(backup(&link.join("inside")).code(), "INVALID_REQUEST");
    }
    assert_eq!(RealVfs.list(&full).unwrap().len(), 1);
    assert!(RealVfs.list(&path.join("inside")).is_err());
    is_clean(&store);

    let target = folder.path().join("copy");
    store.backup(&target, &|_, _| {}, &GO_ON).unwrap();
    let again = backup(&target);
    assert_eq!(
        again.code(),
        "INVALID_REQUEST",
        "a backup is not written over"
    );
    Store::open(&target, quiet()).unwrap();
    store.close().unwrap();
    assert_eq!(backup(&folder.path().join("late")).code(), "STORE_CLOSED");
}
