//! Running many cases of damage, and what came of them.

use std::cell::Cell;
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Once;
use std::time::{Duration, Instant};

use rayon::prelude::*;

/// Failures that are kept with their description.
const KEPT: usize = 20;

/// What came of one case.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// The damage was reported.
    Reported,
    /// The damage was not reported, and need not be: what was read is right, or cannot be told from it.
    Sound,
    /// The case did not apply: it would have changed nothing.
    Skipped,
    /// What must not be.
    Failed(String),
}

/// What came of all cases of a part.
#[derive(Debug, Clone)]
pub struct Report {
    /// The part.
    pub part: &'static str,
    /// The seed that chose the damage.
    pub seed: u64,
    /// Cases that were tried.
    pub cases: u64,
    /// Cases whose damage was reported.
    pub reported: u64,
    /// The first failures, by case.
    pub failures: Vec<String>,
    /// How many cases failed.
    pub failed: u64,
    /// How long it took.
    pub took: Duration,
}

impl Report {
    pub(crate) fn new(part: &'static str, seed: u64) -> Report {
        Report {
            part,
            seed,
            cases: 0,
            reported: 0,
            failures: Vec::new(),
            failed: 0,
            took: Duration::ZERO,
        }
    }

    /// Whether no case failed.
    pub fn passed(&self) -> bool {
        self.failed == 0
    }

    /// Adds what another part found.
    pub(crate) fn and(mut self, other: Report) -> Report {
        self.cases += other.cases;
        self.reported += other.reported;
        self.failed += other.failed;
        self.took += other.took;
        self.failures.extend(other.failures);
        self.failures.truncate(KEPT);
        self
    }

    fn count(&mut self, case: u64, verdict: Verdict, describe: impl Fn(u64) -> String) {
        match verdict {
            Verdict::Skipped => return,
            Verdict::Reported => self.reported += 1,
            Verdict::Sound => {}
            Verdict::Failed(why) => {
                self.failed += 1;
                if self.failures.len() < KEPT {
                    self.failures
                        .push(format!("case {case}, {}: {why}", describe(case)));
                }
            }
        }
        self.cases += 1;
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Report {
            part, seed, cases, ..
        } = self;
        write!(
            f,
            "{part} (seed {seed}): {cases} cases, {} reported, {} not to be told from sound, {} failed in {:.1} s",
            self.reported,
            cases - self.reported - self.failed,
            self.failed,
            self.took.as_secs_f64()
        )?;
        for failure in &self.failures {
            write!(f, "\n  {failure}")?;
        }
        Ok(())
    }
}

/// Judges the cases `0..count` on all cores. A panic is a failure; `describe` says of a case what was damaged.
pub(crate) fn survey(
    part: &'static str,
    seed: u64,
    count: u64,
    describe: impl Fn(u64) -> String + Sync,
    judge: impl Fn(u64) -> Verdict + Sync,
) -> Report {
    let start = Instant::now();
    let mut report = (0..count)
        .into_par_iter()
        .fold(
            || Report::new(part, seed),
            |mut report, case| {
                let verdict = caught(|| judge(case))
                    .unwrap_or_else(|panic| Verdict::Failed(format!("it panicked: {panic}")));
                report.count(case, verdict, &describe);
                report
            },
        )
        .reduce(|| Report::new(part, seed), Report::and);
    report.took = start.elapsed();
    report
}

thread_local! {
    static WATCHED: Cell<bool> = const { Cell::new(false) };
    static PLACE: Cell<Option<String>> = const { Cell::new(None) };
}

/// Runs something whose panics are expected to be told, not printed.
pub fn caught<T>(run: impl FnOnce() -> T) -> Result<T, String> {
    quiet_panics();
    let before = WATCHED.replace(true);
    let result = catch_unwind(AssertUnwindSafe(run));
    WATCHED.set(before);
    result.map_err(|panic| {
        let text = panic.downcast_ref::<String>().cloned();
        let text = text
            .or_else(|| panic.downcast_ref::<&str>().map(|s| (*s).to_owned()))
            .unwrap_or_default();
        format!("{text} at {}", PLACE.take().unwrap_or_default())
    })
}

/// Foreign decoders may panic inside of a guard; a million such messages help nobody.
fn quiet_panics() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let before = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |info| {
            if WATCHED.get() {
                PLACE.set(info.location().map(ToString::to_string));
            } else {
                before(info);
            }
        }));
    });
}
