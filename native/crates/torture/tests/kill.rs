//! `kill -9` of a real process; says nothing about power loss.

use std::path::Path;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use omendb_torture::kill::measure;
use omendb_torture::part::Budget;

const ROUNDS: u64 = 200;

// [W1] [I1] [S2] [S3] [Q2] [H2] [C2] [B1]
#[test]
fn a_killed_process_loses_no_acknowledged_row_and_leaves_nothing_half_done() {
    let seed = std::env::var("OMENDB_SEED")
        .ok()
        .and_then(|s| s.parse().ok());
    let seed = seed.unwrap_or_else(|| {
        let now = SystemTime::now().duration_since(UNIX_EPOCH);
        now.map_or(1, |now| now.as_secs() % 1_000_000)
    });
    let binary = Path::new(env!("CARGO_BIN_EXE_torture"));
    let (outcome, figures) = measure(binary, &Budget::trials(seed, ROUNDS));
    assert!(
        outcome.failures.is_empty(),
        "OMENDB_SEED={seed}: {:#?}",
        outcome.failures
    );
    assert_eq!(outcome.passed, ROUNDS);
    assert!(figures.slowest < Duration::from_secs(2), "{figures:?}");
    // The test would say nothing if the kills did not fall into the work.
    for place in [
        "put",
        "import, new",
        "import, existing",
        "index build",
        "edit",
        "revert",
        "compaction",
        "backup",
        "checkpoint",
        "open",
        "recovery",
    ] {
        assert!(
            figures.places.contains_key(place),
            "no kill fell into {place}: {figures:?}"
        );
    }
}
