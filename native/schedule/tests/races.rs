//! Races that were lost once, each as small as it can be.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use omendb_schedule::explore::hold;
use omendb_schedule::table::{self, NAME, ids, read, rows, snapshot};
use omendb_store::vfs::MemVfs;
use omendb_store::{Collection, Id, OpenOptions, Store};
use shuttle::thread;

const ROOT: &str = "/s";

fn open(vfs: &MemVfs, background: bool, read_only: bool) -> Arc<Store> {
    let options = OpenOptions {
        background,
        read_only,
        ..OpenOptions::default()
    };
    Store::open_with(Arc::new(vfs.clone()), Path::new(ROOT), options).unwrap()
}

fn add(store: &Store, pairs: &[i64], stamp: i64) {
    let (columns, vectors) = rows(pairs, stamp);
    collection(store).add(columns, &vectors).unwrap();
}

fn collection(store: &Store) -> Arc<Collection> {
    store.collection(NAME).unwrap()
}

/// A store with the pairs 0 to 3.
fn store(vfs: &MemVfs, background: bool) -> Arc<Store> {
    let store = open(vfs, background, false);
    store.create_collection(table::spec()).unwrap();
    add(&store, &[0, 1, 2, 3], 1);
    store
}

// [K1]
// The entry to be undone was chosen before the lock was taken: rows that another writer added in between, acknowledged, went with it.
#[test]
fn an_undo_takes_back_one_change_also_when_another_comes_at_that_moment() {
    hold(1000, || {
        let vfs = MemVfs::new();
        let store = store(&vfs, false);
        collection(&store).delete_ids(&ids(0).map(Id::Int)).unwrap();
        let deleted = store.history(1)[0].entry.seq;
        let adding = {
            let store = store.clone();
            thread::spawn(move || add(&store, &[4], 2))
        };
        let undone = store.undo(NAME).unwrap();
        adding.join().unwrap();
        let state = read(&snapshot(&store)).unwrap();
        let first = undone.target == Some(deleted);
        assert_eq!(state.contains_key(&ids(0)[0]), first);
        assert_eq!(state.contains_key(&ids(4)[0]), first, "an added row went");
    });
}

// [R1]
// Undo held the history and wanted the collections, a refresh held the collections and wanted the history.
#[test]
fn a_refresh_and_an_undo_that_is_refused_do_not_block_each_other() {
    hold(1000, || {
        let vfs = MemVfs::new();
        let store = store(&vfs, false);
        let reader = open(&vfs, false, true);
        add(&store, &[4], 2);
        let refreshing = {
            let reader = reader.clone();
            thread::spawn(move || assert!(reader.refresh().unwrap()))
        };
        assert!(reader.undo(NAME).is_err() && reader.redo(NAME).is_err());
        refreshing.join().unwrap();
    });
}

// [K1]
// `info` held the history while it asked the collections, which look at it again: with a writer waiting in between, both waited for good.
#[test]
fn asking_for_sizes_and_writing_do_not_block_each_other() {
    hold(200, || {
        let vfs = MemVfs::new();
        let store = store(&vfs, false);
        let adding = {
            let store = store.clone();
            thread::spawn(move || add(&store, &[4], 2))
        };
        assert_eq!(store.info().collections.len(), 1);
        adding.join().unwrap();
    });
}

// [K1]
// While a checkpoint took changes over from the log into the manifest, the history listed them twice.
#[test]
fn the_history_lists_each_change_once_also_during_a_checkpoint() {
    hold(500, || {
        let vfs = MemVfs::new();
        let store = store(&vfs, false);
        let sealing = {
            let store = store.clone();
            thread::spawn(move || store.checkpoint().unwrap())
        };
        for _ in 0..20 {
            assert_eq!(store.history(usize::MAX).len(), 2);
        }
        sealing.join().unwrap();
    });
}

// [Q3]
// The index of a segment that was compacted away meanwhile was noted as one that failed, for good: nobody's wait for indexes held any more.
#[test]
fn an_index_whose_segment_is_compacted_away_is_no_failure() {
    hold(500, || {
        let vfs = MemVfs::new();
        let store = store(&vfs, true);
        collection(&store).delete_ids(&ids(0).map(Id::Int)).unwrap();
        let never = AtomicBool::new(false);
        store.compact(true, &|_, _| (), &never).unwrap();
        assert!(store.wait_for_index(Duration::from_secs(1)));
        assert!(store.verify().unwrap().problems.is_empty());
        let left = store.verify().unwrap().notes;
        assert!(left.is_empty(), "{left:?}");
    });
}

// [S4]
// Files that went while they were verified, or whose manifests both went while those were read, were reported as missing.
#[test]
fn verifying_takes_nothing_for_damage_that_a_compaction_removes_at_that_moment() {
    hold(1000, || {
        let vfs = MemVfs::new();
        let store = store(&vfs, false);
        store.checkpoint().unwrap();
        collection(&store).delete_ids(&ids(0).map(Id::Int)).unwrap();
        store.checkpoint().unwrap();
        let beside = open(&vfs, false, true);
        let compacting = {
            let store = store.clone();
            thread::spawn(move || {
                let never = AtomicBool::new(false);
                store.compact(true, &|_, _| (), &never).unwrap();
            })
        };
        let looking = thread::spawn(move || beside.verify().unwrap().problems);
        assert_eq!(store.verify().unwrap().problems, []);
        assert_eq!(looking.join().unwrap(), []);
        compacting.join().unwrap();
    });
}

// [W1]
#[test]
fn a_store_that_is_closed_while_others_write_keeps_what_was_acknowledged() {
    hold(500, || {
        let vfs = MemVfs::new();
        let store = store(&vfs, true);
        let writing = {
            let store = store.clone();
            thread::spawn(move || {
                for pair in 4..8 {
                    let (columns, vectors) = rows(&[pair], pair);
                    match collection(&store).add(columns, &vectors) {
                        Ok(_) => {}
                        Err(e) if e.code() == "STORE_CLOSED" => return pair,
                        Err(e) => panic!("{e}"),
                    }
                }
                8
            })
        };
        store.close().unwrap();
        let refused = writing.join().unwrap();
        let again = open(&vfs, false, false);
        let found = read(&snapshot(&again)).unwrap();
        let wanted: Vec<i64> = (0..refused).flat_map(ids).collect();
        let found: Vec<i64> = found.into_keys().collect();
        // What was refused may be there, whole.
        assert!(found == wanted || found == [wanted, ids(refused).to_vec()].concat());
    });
}
