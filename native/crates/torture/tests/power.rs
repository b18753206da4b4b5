//! The power fails at each step of each workload, in eight ways.

use std::path::Path;
use std::sync::Arc;

use omendb_torture::ledger::Ledger;
use omendb_torture::part::Budget;
use omendb_torture::power;
use omendb_torture::rng::Rng;
use omendb_torture::vfs::{CrashVfs, Damage};
use omendb_torture::workload::{Bench, ROOT};

/// Different images.
const IMAGES: u64 = 15_000;
const SEED: u64 = 1;

// [W1] [W2] [W7] [W8] [I1] [H2] [C2]
#[test]
fn a_power_cut_at_any_moment_loses_nothing_that_was_acknowledged() {
    let count = std::env::var("OMENDB_TORTURE_COUNT")
        .ok()
        .and_then(|n| n.parse().ok());
    let count = count.unwrap_or(IMAGES);
    let outcome = power::run(&Budget::trials(SEED, count));
    assert!(
        outcome.failures.is_empty(),
        "{}\n{}",
        outcome.failures.join("\n"),
        outcome.figure
    );
    assert_eq!(
        (outcome.count >= count, outcome.passed),
        (true, outcome.count)
    );
}

fn bench(vfs: &CrashVfs) -> Bench {
    Bench::new(Arc::new(vfs.clone()), false, 1, Ledger::new(|| 0))
}

// [W7]
// A log without a header, left by a power cut, was removed without a sync. It came back after the next cut, the log before it had
// grown meanwhile, and the store was refused as damaged.
#[test]
fn an_unfinished_log_that_comes_back_is_no_gap() {
    let vfs = CrashVfs::new(1);
    let mut first = bench(&vfs);
    first.open().unwrap();
    first.create("words").unwrap();
    first.add("words", &[(1, 1)]).unwrap();
    let left = vfs.files();
    let unfinished = Path::new(ROOT).join("wal/00000000000000000002.wal");
    left.write(&unfinished, b"").unwrap();

    let vfs = CrashVfs::over(left, 2);
    let mut second = bench(&vfs);
    second.open().unwrap();
    second.ledger.set(first.ledger.now().acked.as_ref().clone());
    second.add("words", &[(2, 2)]).unwrap();
    let image = vfs.medium().image(Damage::Dropped, &mut Rng::new(1));
    power::check_image(image, second.ledger.now(), &mut Rng::new(1)).unwrap();
}
