//! Random histories against a plain map and brute force.

use omendb_torture::model::{self, STEPS};
use omendb_torture::part::Budget;

/// Histories of 100 steps.
const HISTORIES: u64 = 256;
const SEED: u64 = 1;

// [S2] [S3] [Q1] [Q2] [Q3] [Q5] [Q6] [H1] [H2] [C2] [R1] [B1]
#[test]
fn any_history_equals_a_plain_map() {
    let count = std::env::var("OMENDB_TORTURE_COUNT")
        .ok()
        .and_then(|n| n.parse().ok());
    let count = count.unwrap_or(HISTORIES);
    let outcome = model::run(&Budget::trials(SEED, count));
    assert!(
        outcome.failures.is_empty(),
        "{}",
        outcome.failures.join("\n")
    );
    assert_eq!((outcome.count, outcome.passed, STEPS), (count, count, 100));
}
