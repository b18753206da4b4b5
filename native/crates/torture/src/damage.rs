//! Damage to bytes, by the crate that knows how: here only as parts of the command.

use omendb_damage::{Report, run};

use crate::part::{Budget, Outcome, Part};

/// The log, byte by byte and bit by bit.
pub const LOG: Part = Part {
    name: "wal-bytes",
    about: "cuts a log at every byte, flips every bit, makes every field hostile, and damages it at random",
    count: 10_000_000,
    run: |budget| {
        all(
            &["log-bits", "log-cuts", "log-fields"],
            &["log-random"],
            budget,
        )
    },
};

/// All other files.
pub const FILES: Part = Part {
    name: "file-bytes",
    about: "changes, exchanges, cuts off and forges the files of a store",
    count: 1_000_000,
    run: |budget| {
        all(
            &["whole", "versions"],
            &[
                "edges",
                "flips",
                "forged-files",
                "forged-columns",
                "forged-index",
                "forged-manifest",
            ],
            budget,
        )
    },
};

/// Random cases of one kind that are run at once; the time is looked at between.
const ROUND: u64 = 10_000;

fn all(fixed: &[&str], random: &[&str], budget: &Budget) -> Outcome {
    let mut outcome = Outcome::default();
    let mut reported = 0;
    let mut take = |outcome: &mut Outcome, report: Option<Report>| {
        if let Some(report) = report {
            outcome.count += report.cases;
            outcome.passed += report.cases - report.failed;
            reported += report.reported;
            outcome.failures.extend(report.failures);
        }
        outcome.failures.len() < 20
    };
    for part in fixed {
        take(&mut outcome, run(part, 0, budget.seed));
    }
    let fixed = outcome.count;
    let mut seed = budget.seed;
    'rounds: loop {
        // Some parts hold fewer cases than they are asked for.
        let done = outcome.count - fixed;
        if !budget.allows(done) {
            break;
        }
        let round = ROUND.min(budget.count - done).div_ceil(random.len() as u64);
        for part in random {
            if !take(&mut outcome, run(part, round, seed)) {
                break 'rounds;
            }
        }
        seed += 1;
    }
    outcome.figure = format!("{reported} cases of damage were reported");
    outcome
}
