//! What one schedule runs: everybody at once on one small store, and then a look at what is left.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use omendb_store::vfs::MemVfs;
use omendb_store::{Error, HistoryRule, OpenOptions, Store};
use shuttle::rand::{Rng, thread_rng};
use shuttle::thread;

use crate::model::Moments;
use crate::readers::Reader;
use crate::table;
use crate::writer::Writer;

const ROOT: &str = "/s";
const COPY: &str = "/copy";

fn one_in(n: u32) -> bool {
    thread_rng().gen_range(0..n) == 0
}

fn open(vfs: &MemVfs, background: bool) -> Arc<Store> {
    let options = OpenOptions {
        background,
        ..OpenOptions::default()
    };
    Store::open_with(Arc::new(vfs.clone()), Path::new(ROOT), options).expect("it opens")
}

/// Compacts and seals, so many times.
fn compact(store: &Store, times: u32) {
    for _ in 0..times {
        let done = match thread_rng().gen_range(0..7) {
            0 => store.checkpoint(),
            1 => store.set_history_rule(HistoryRule {
                max_entries: 2,
                ..HistoryRule::default()
            }),
            2 => {
                let cancel = AtomicBool::new(false);
                let stop = |_, _| cancel.store(true, Ordering::Relaxed);
                store.compact(false, &stop, &cancel).map(|_| ())
            }
            3 => {
                check(store);
                Ok(())
            }
            way => {
                let never = AtomicBool::new(false);
                store.compact(way == 6, &|_, _| (), &never).map(|_| ())
            }
        };
        match done {
            Ok(()) | Err(Error::Cancelled { .. }) => {}
            Err(e) => panic!("the compactor: {e}"),
        }
    }
}

/// One run. The explorer chooses who goes on, and what everybody does.
pub fn run() {
    let vfs = MemVfs::new();
    let background = one_in(2);
    let store = open(&vfs, background);
    let two = one_in(3);
    let moments = Arc::new(Moments::new(1 + usize::from(two)));
    let mut first = Writer::first(&store, &moments);
    let second = two.then(|| Writer::second(&store, &moments));
    first.create();
    first.add();
    if one_in(2) {
        store.checkpoint().expect("a checkpoint");
        first.add();
    }

    let mut threads = Vec::new();
    threads.push(thread::spawn(move || {
        if two {
            first.write_beside(3);
        } else {
            first.write(4);
        }
    }));
    if let Some(mut second) = second {
        threads.push(thread::spawn(move || second.write_beside(3)));
    }
    let watcher = (Reader::new(&moments), store.clone());
    threads.push(thread::spawn(move || watcher.0.watch(&watcher.1, 3)));
    let beside = (Reader::new(&moments), vfs.clone());
    threads.push(thread::spawn(move || {
        beside.0.stand_beside(&beside.1, Path::new(ROOT), 2);
    }));
    let compacting = store.clone();
    threads.push(thread::spawn(move || compact(&compacting, 2)));
    if one_in(4) {
        let (reader, store, vfs) = (Reader::new(&moments), store.clone(), vfs.clone());
        threads.push(thread::spawn(move || {
            reader.copy(&store, &vfs, Path::new(COPY));
        }));
    }
    let mut poller = Reader::new(&moments);
    let polled = store.clone();
    let polling = thread::spawn(move || {
        poller.poll(&polled, 3);
        poller
    });
    for thread in threads {
        thread.join().expect("a thread");
    }
    let mut poller = polling.join().expect("the one who polls");

    let last = moments.last();
    poller.poll(&store, 1);
    assert_eq!(*poller.believes(), last, "a change was not told");
    if background {
        let done = store.wait_for_index(std::time::Duration::from_secs(1));
        let info = store.info().collections;
        assert!(done, "an index is missing: {info:?}");
    }
    check(&store);
    store.close().expect("it closes");
    drop(store);
    let again = open(&vfs, false);
    let found = table::read(&table::snapshot(&again));
    assert_eq!(found, last, "another state was found again");
    check(&again);
}

fn check(store: &Store) {
    let report = store.verify().expect("it can be verified");
    assert!(report.problems.is_empty(), "damage: {:?}", report.problems);
}
