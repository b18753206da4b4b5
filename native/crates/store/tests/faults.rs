//! Each change of the file system fails in turn, once and for good: the error is typed, the handle is poisoned, and what was
//! acknowledged is there when the store is opened again.

mod support;

use std::collections::BTreeMap;
use std::io::ErrorKind;
use std::sync::Arc;

use omendb_store::vfs::MemVfs;
use omendb_store::{Error, Id, ImportTarget, MapMeta};
use support::fault::FaultVfs;
use support::*;

/// What must be there, and what may be: `None` in `open` is a delete that may have happened.
#[derive(Default)]
struct Ledger {
    acked: BTreeMap<String, i64>,
    open: BTreeMap<String, Option<i64>>,
}

fn workload(vfs: FaultVfs, ledger: &mut Ledger) -> Result<(), Error> {
    let store = try_open(Arc::new(vfs))?;
    let words = store.create_collection(spec("words"))?;
    let put = |ledger: &mut Ledger, pairs: &[(&str, i64)]| {
        let (columns, vectors) = rows(pairs);
        ledger.open = pairs
            .iter()
            .map(|(id, n)| ((*id).to_owned(), Some(*n)))
            .collect();
        words.add(columns, &vectors)?;
        ledger.acked.extend(
            std::mem::take(&mut ledger.open)
                .into_iter()
                .filter_map(|(id, n)| Some((id, n?))),
        );
        Ok::<(), Error>(())
    };
    put(ledger, &[("a", 1), ("b", 1)])?;
    put(ledger, &[("b", 2), ("c", 2)])?;
    store.checkpoint()?;
    put(ledger, &[("c", 3), ("d", 3)])?;
    ledger.open.insert("a".to_owned(), None);
    words.delete_ids(&[Id::from("a")])?;
    ledger.open.clear();
    ledger.acked.remove("a");
    let mut import = store.begin_import(ImportTarget::Existing("words".to_owned()))?;
    let (columns, vectors) = rows(&[("d", 4), ("e", 4)]);
    import.append(&columns, &vectors)?;
    ledger
        .open
        .extend([("d".to_owned(), Some(4)), ("e".to_owned(), Some(4))]);
    import.commit()?;
    ledger.acked.extend(
        std::mem::take(&mut ledger.open)
            .into_iter()
            .filter_map(|(id, n)| Some((id, n?))),
    );
    let meta = MapMeta {
        name: "m".to_owned(),
        params: serde_json::json!({}),
        seed: 0,
        rows: 0,
        generation: 0,
        created: 0,
    };
    words.save_map(meta, &[1], &[0.0, 0.0])?;
    put(ledger, &[("f", 5)])?;
    store.close()
}

fn check(vfs: &MemVfs, ledger: &Ledger, what: &str) {
    let store = try_open(Arc::new(vfs.clone())).unwrap_or_else(|e| panic!("{what}: {e}"));
    let found: BTreeMap<String, i64> = match store.collection("words") {
        Ok(words) => content(&words.snapshot())
            .into_iter()
            .map(|(id, n, v)| {
                assert_eq!(v, vector(&id, n), "{what}");
                (id, n)
            })
            .collect(),
        Err(_) => BTreeMap::new(),
    };
    let mut with_open = ledger.acked.clone();
    for (id, n) in &ledger.open {
        match n {
            Some(n) => drop(with_open.insert(id.clone(), *n)),
            None => drop(with_open.remove(id)),
        }
    }
    assert!(
        found == ledger.acked || found == with_open,
        "{what}: {found:?}, acknowledged {:?}",
        ledger.acked
    );
    assert_eq!(store.verify().unwrap().problems, [], "{what}");
    store.close().unwrap();
}

// [W5]
#[test]
fn a_failure_at_any_step_loses_nothing_that_was_acknowledged() {
    for sticky in [false, true] {
        for (kind, code) in [
            (ErrorKind::StorageFull, "DISK_FULL"),
            (ErrorKind::Other, "IO"),
        ] {
            let mut step = 0;
            loop {
                let inner = MemVfs::new();
                let (vfs, faults) = FaultVfs::new(inner.clone(), step, sticky, kind);
                let mut ledger = Ledger::default();
                let result = workload(vfs, &mut ledger);
                if !faults.hit() {
                    result.unwrap();
                    break;
                }
                let power_cut = faults.after_power_cut();
                let what = format!("step {step}, sticky {sticky}, {code}");
                match result {
                    // A file that could not be removed is no loss.
                    Ok(()) => {}
                    Err(e) => assert!([code, "STORE_POISONED"].contains(&e.code()), "{what}: {e}"),
                }
                check(&inner, &ledger, &what);
                check(&power_cut, &ledger, &format!("{what}, after a power cut"));
                // And once more, after a kill instead of a close.
                check(&inner.fork(), &ledger, &what);
                step += 1;
            }
            assert!(step > 60, "the workload has {step} steps");
        }
    }
}

// [W5]
#[test]
fn after_a_failed_sync_every_write_is_refused_and_reads_go_on() {
    let inner = MemVfs::new();
    let mut step = 40;
    loop {
        let vfs = inner.fork();
        let (faulty, faults) = FaultVfs::new(vfs.clone(), step, false, ErrorKind::Other);
        step += 1;
        let Ok(store) = try_open(Arc::new(faulty)) else {
            continue;
        };
        let Ok(words) = store.create_collection(spec("words")) else {
            continue;
        };
        let mut seen = 0;
        let error = loop {
            let (columns, vectors) = rows(&[("a", seen)]);
            match words.add(columns, &vectors) {
                Ok(_) => seen += 1,
                Err(e) => break e,
            }
        };
        assert!(faults.hit());
        assert_eq!(error.code(), "IO");
        let (columns, vectors) = rows(&[("b", 1)]);
        let again = words.add(columns, &vectors).unwrap_err();
        assert_eq!(again.code(), "STORE_POISONED");
        assert!(again.to_string().contains("injected"), "{again}");
        assert_eq!(
            words.delete_rows(&[0, 1, 2]).unwrap_err().code(),
            "STORE_POISONED"
        );
        assert_eq!(store.checkpoint().unwrap_err().code(), "STORE_POISONED");
        assert_eq!(
            store.create_collection(spec("other")).unwrap_err().code(),
            "STORE_POISONED"
        );
        let begun = store.begin_import(ImportTarget::New(spec("other")));
        assert_eq!(begun.unwrap_err().code(), "STORE_POISONED");
        // What was never acknowledged is not shown.
        assert_eq!(content(&words.snapshot()), expected(&[("a", seen - 1)]));
        store.close().unwrap();
        break;
    }
}

// [W5]
#[test]
fn a_full_disk_names_the_bytes_that_were_needed() {
    // The first write of a new store is the header of its log or manifest; the others come after.
    let mut named = 0;
    for step in 0.. {
        let (vfs, faults) = FaultVfs::new(MemVfs::new(), step, true, ErrorKind::StorageFull);
        let result = workload(vfs, &mut Ledger::default());
        if !faults.hit() {
            break;
        }
        let Err(error) = result else { continue };
        if let Error::DiskFull {
            operation, needed, ..
        } = &error
        {
            assert_eq!(*operation == "write", needed.is_some(), "{error}");
            if let Some(needed) = needed {
                named += 1;
                assert!((1..100_000).contains(needed), "{error}");
                assert!(error.to_string().contains("it needs at least"), "{error}");
                assert_eq!(error.detail()["needed"], *needed);
            }
        }
    }
    assert!(named > 5, "{named} writes failed");
}
