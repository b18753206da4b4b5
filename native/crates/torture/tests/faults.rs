//! Each operation of the file system fails in turn.

use std::sync::Arc;

use omendb_store::{Error, ImportTarget};
use omendb_torture::faults;
use omendb_torture::ledger::{Expected, Ledger, State};
use omendb_torture::part::Budget;
use omendb_torture::vfs::{Class, CrashVfs, FaultKind, FaultVfs, Plan};
use omendb_torture::workload::{ALL, Bench, spec};

const SEED: u64 = 1;
/// Failing operations that the short form tries at least.
const FAULTS: u64 = 12_000;

// [W5] [W6] [W9]
#[test]
fn a_failure_at_any_step_loses_nothing_that_was_acknowledged() {
    let count = std::env::var("OMENDB_TORTURE_COUNT");
    let (outcome, wanted) = match count.ok().and_then(|n| n.parse().ok()) {
        Some(count) => (faults::run(&Budget::trials(SEED, count)), count),
        None => (faults::short(SEED), FAULTS),
    };
    assert!(
        outcome.failures.is_empty(),
        "{}",
        outcome.failures.join("\n")
    );
    println!("{}", outcome.figure);
    assert!(outcome.count >= wanted, "{}", outcome.figure);
}

// [W5]
#[test]
fn after_a_failed_sync_every_write_is_refused_and_reads_go_on() {
    // The first operation that fails is a later and later one, until it is that of an added row.
    for at in 1.. {
        let plan = Plan {
            at,
            sticky: false,
            kind: FaultKind::Io,
            class: Class::Changes,
        };
        let vfs = FaultVfs::new(Arc::new(CrashVfs::new(SEED)), plan);
        let mut bench = Bench::new(Arc::new(vfs.clone()), false, SEED, Ledger::new(|| 0));
        let ready = bench.open().and_then(|()| bench.create("words"));
        if ready.is_err() || vfs.hit().is_some() {
            continue;
        }
        let error = (0..).find_map(|n| bench.add("words", &[(1, n)]).err());
        assert_eq!(error.map(|e| e.code()), Some("IO"));
        if vfs.hit().unwrap().operation != "sync" {
            continue;
        }
        let words = bench.collection("words").unwrap();
        let again = bench.add("words", &[(2, 1)]).unwrap_err();
        assert!(
            matches!(&again, Error::Poisoned { cause } if cause.contains("sync")),
            "{again}"
        );
        let store = bench.store().unwrap();
        let refused = [
            words.delete_rows(&[0, 1, 2]).map(drop),
            store.checkpoint(),
            store.create_collection(spec("other")).map(drop),
            store
                .begin_import(ImportTarget::New(spec("other")))
                .map(drop),
        ];
        for answer in refused {
            assert_eq!(answer.unwrap_err().code(), "STORE_POISONED");
        }
        // What was never acknowledged is not shown.
        let shown = State::of(store).unwrap();
        let acked = Expected {
            pending: None,
            ..bench.ledger.now().clone()
        };
        acked.check(&shown).unwrap();
        bench.close().unwrap();
        return;
    }
}

// [W6] [W9]
#[test]
fn a_full_disk_names_the_bytes_that_were_needed() {
    let mut named = 0;
    for at in 1.. {
        let plan = Plan {
            at,
            sticky: true,
            kind: FaultKind::NoSpace,
            class: Class::Changes,
        };
        let vfs = FaultVfs::new(Arc::new(CrashVfs::new(SEED)), plan);
        let mut bench = Bench::new(Arc::new(vfs.clone()), false, SEED, Ledger::new(|| 0));
        let result = ALL[0].run(&mut bench);
        if vfs.hit().is_none() {
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
