//! Readers beside a writer, with all operations of both interleaved.

use omendb_torture::part::Budget;
use omendb_torture::readers;

/// Runs of a workload.
const RUNS: u64 = 320;
const SEED: u64 = 1;

// [R1] [R2] [B1]
#[test]
fn a_reader_beside_any_writer_shows_one_moment_of_the_store() {
    let count = std::env::var("OMENDB_TORTURE_COUNT")
        .ok()
        .and_then(|n| n.parse().ok());
    let count = count.unwrap_or(RUNS);
    let outcome = readers::run(&Budget::trials(SEED, count));
    println!("{}", outcome.figure);
    assert!(
        outcome.failures.is_empty(),
        "{}",
        outcome.failures.join("\n")
    );
    assert_eq!((outcome.count, outcome.passed), (count, count));
}
