//! Runs the scenario under many schedules, on all cores.

use std::collections::BTreeSet;
use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use shuttle::scheduler::{PctScheduler, RandomScheduler, ReplayScheduler};
use shuttle::{Config, FailurePersistence, Runner};

use crate::part::{Budget, Outcome};
use crate::scenario;

/// Schedules that follow from one seed.
const BATCH: u64 = 100;
/// After so many failures it is clear that something is wrong.
const ENOUGH: usize = 3;
/// A stack for each thread of the store: decoders nest.
const STACK: usize = 1 << 20;

fn config(folder: Option<&Path>) -> Config {
    let mut config = Config::new();
    config.stack_size = STACK;
    config.silence_warnings = true;
    config.failure_persistence = match folder {
        Some(folder) => FailurePersistence::File(Some(folder.to_path_buf())),
        None => FailurePersistence::None,
    };
    config
}

/// Half of the batches choose at random at each step; the others (PCT) change their mind a few times only, at the worst moments.
fn batch(seed: u64, count: u64, folder: &Path, held: &Arc<AtomicU64>) -> Result<(), String> {
    let held = held.clone();
    let trial = move || {
        scenario::run();
        held.fetch_add(1, Ordering::Relaxed);
    };
    let config = config(Some(folder));
    let run = || {
        if seed.is_multiple_of(2) {
            let scheduler = RandomScheduler::new_from_seed(seed, count as usize);
            Runner::new(scheduler, config).run(trial);
        } else {
            let depth = 2 + (seed / 2 % 5) as usize;
            let scheduler = PctScheduler::new_from_seed(seed, depth, count as usize);
            Runner::new(scheduler, config).run(trial);
        }
    };
    catch_unwind(AssertUnwindSafe(run)).map_err(|panic| words(panic.as_ref()))
}

fn words(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<String>().cloned();
    let text = text.or_else(|| panic.downcast_ref::<&str>().map(|s| (*s).to_owned()));
    text.unwrap_or_else(|| "it panicked".to_owned())
}

/// Runs schedules until the budget is spent.
pub fn run(budget: &Budget) -> Outcome {
    let made = tempfile::Builder::new()
        .prefix("omendb-schedules-")
        .tempdir();
    let temporary = match made {
        Ok(folder) => folder,
        Err(e) => return Outcome::skipped(format!("no folder for schedules: {e}")),
    };
    let folder = temporary.path().to_path_buf();
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let (next, begun) = (AtomicU64::new(0), AtomicU64::new(0));
    let held = Arc::new(AtomicU64::new(0));
    let failures = Mutex::new((Vec::new(), BTreeSet::new()));
    let work = || {
        loop {
            let number = next.fetch_add(1, Ordering::Relaxed);
            let lock = || failures.lock().unwrap_or_else(PoisonError::into_inner);
            if !budget.allows(number.saturating_mul(BATCH)) || lock().0.len() >= ENOUGH {
                return;
            }
            let count = BATCH.min(budget.count - number * BATCH);
            begun.fetch_add(count, Ordering::Relaxed);
            let seed = budget.seed.wrapping_add(number);
            if let Err(why) = batch(seed, count, &folder, &held) {
                let mut failures = lock();
                let schedule = unclaimed(&folder, &mut failures.1);
                failures.0.push(tell(seed, &why, schedule.as_deref()));
            }
        }
    };
    std::thread::scope(|scope| {
        for _ in 0..cores {
            scope.spawn(work);
        }
    });
    let (failures, _) = failures.into_inner().unwrap_or_else(PoisonError::into_inner);
    if !failures.is_empty() {
        // They are to be run again.
        let _ = temporary.keep();
    }
    let passed = held.load(Ordering::Relaxed);
    Outcome {
        // A batch ends with the first schedule that does not hold.
        count: passed + failures.len() as u64,
        passed,
        figure: "half at random, half PCT of depth 2 to 6".to_owned(),
        failures,
        skipped: None,
    }
}

/// The schedule that was written down last and that no failure has.
fn unclaimed(folder: &Path, claimed: &mut BTreeSet<PathBuf>) -> Option<PathBuf> {
    let files = fs::read_dir(folder).ok()?;
    let mut files = files.filter_map(|f| Some(f.ok()?.path()));
    let found = files.find(|f| !claimed.contains(f))?;
    claimed.insert(found.clone());
    Some(found)
}

fn tell(seed: u64, why: &str, schedule: Option<&Path>) -> String {
    let Some(file) = schedule else {
        return format!("schedule: batch {seed}: {why}");
    };
    let text = fs::read_to_string(file).unwrap_or_default();
    format!(
        "schedule: batch {seed}: {why}\n  again: native/target/release/schedule replay {}\n  which holds {}",
        file.display(),
        text.trim()
    )
}

/// Runs a small scenario under so many schedules; for tests.
///
/// # Panics
/// When one does not hold; it is printed.
pub fn hold(schedules: usize, scenario: impl Fn() + Send + Sync + 'static) {
    let mut config = config(None);
    config.failure_persistence = FailurePersistence::Print;
    let scenario = Arc::new(scenario);
    let again = scenario.clone();
    let random = RandomScheduler::new_from_seed(1, schedules / 2);
    Runner::new(random, config.clone()).run(move || again());
    let pct = PctScheduler::new_from_seed(1, 3, schedules / 2);
    Runner::new(pct, config).run(move || scenario());
}

/// Runs one schedule again, given itself or the file that holds it.
///
/// # Errors
/// What went wrong in it.
pub fn replay(schedule: &str) -> Result<(), String> {
    let text = fs::read_to_string(schedule).unwrap_or_else(|_| schedule.to_owned());
    let scheduler = ReplayScheduler::new_from_encoded(text.trim());
    let run = || {
        Runner::new(scheduler, config(None)).run(scenario::run);
    };
    catch_unwind(AssertUnwindSafe(run)).map_err(|panic| words(panic.as_ref()))
}
