//! The store's threads under the schedules of an explorer.

use omendb_schedule::explore;
use omendb_schedule::part::Budget;

/// Schedules that are tried.
const SCHEDULES: u64 = 10_000;

// [K1] [W1] [I1] [S2] [R1] [B1] [Q2]
#[test]
fn whatever_the_schedule_everybody_sees_one_moment() {
    let number = |name: &str| std::env::var(name).ok().and_then(|n| n.parse().ok());
    let count = number("OMENDB_TORTURE_COUNT").unwrap_or(SCHEDULES);
    let outcome = explore::run(&Budget::trials(number("OMENDB_SEED").unwrap_or(1), count));
    assert!(
        outcome.failures.is_empty(),
        "{}",
        outcome.failures.join("\n")
    );
    assert_eq!(outcome.passed, count);
}
