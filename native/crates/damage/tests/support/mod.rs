//! Running a part and printing what came of it.

use omendb_damage::{Report, run};

/// Random cases of each part that has such; the environment may ask for more.
pub const COUNT: u64 = 10_000;
const SEED: u64 = 1;

/// Runs a part, which must pass. `OMENDB_TORTURE_COUNT` and `OMENDB_TORTURE_SEED` take the place of the constants.
#[track_caller]
pub fn passes(part: &str, count: u64) -> Report {
    let from = |name: &str| std::env::var(name).ok()?.parse::<u64>().ok();
    let count = if count == 0 {
        0
    } else {
        from("OMENDB_TORTURE_COUNT").unwrap_or(count)
    };
    let seed = from("OMENDB_TORTURE_SEED").unwrap_or(SEED);
    let report = run(part, count, seed).expect("the part is there");
    assert!(report.passed(), "{report}");
    #[expect(clippy::print_stderr, reason = "figures and seed of a test")]
    {
        eprintln!("{report}");
    }
    report
}
