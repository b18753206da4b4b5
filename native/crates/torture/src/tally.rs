//! Counts what several threads of a part try, and gathers what did not hold.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::part::{Budget, Outcome};

/// No more failures than this are gathered.
const MAX_FAILURES: usize = 20;

/// What was tried, and what failed.
#[derive(Default)]
pub struct Tally {
    count: AtomicU64,
    failures: Mutex<Vec<String>>,
}

impl Tally {
    /// One more trial.
    pub fn tried(&self) {
        self.count.fetch_add(1, Ordering::Relaxed);
    }

    /// Something did not hold.
    pub fn fail(&self, text: String) {
        let mut failures = self.failures();
        if failures.len() < MAX_FAILURES {
            failures.push(text);
        }
    }

    fn failures(&self) -> MutexGuard<'_, Vec<String>> {
        self.failures.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether another trial may begin.
    pub fn goes_on(&self, budget: &Budget) -> bool {
        self.failures().len() < MAX_FAILURES && budget.allows(self.count.load(Ordering::Relaxed))
    }

    /// The end of a part; `figure` is made of the number of trials.
    pub fn outcome(self, figure: impl FnOnce(u64) -> String) -> Outcome {
        let count = self.count.into_inner();
        let failures = self
            .failures
            .into_inner()
            .unwrap_or_else(PoisonError::into_inner);
        Outcome {
            count,
            passed: count.saturating_sub(failures.len() as u64),
            figure: figure(count),
            failures,
            skipped: None,
        }
    }
}

/// Does jobs 0, 1, 2, … on all cores until one says that there are no more.
pub fn on_all_cores(job: impl Fn(u64) -> bool + Sync) {
    let next = AtomicU64::new(0);
    let workers = std::thread::available_parallelism().map_or(1, usize::from);
    std::thread::scope(|scope| {
        for _ in 0..workers {
            scope.spawn(|| while job(next.fetch_add(1, Ordering::Relaxed)) {});
        }
    });
}

/// A panic is a failure like any other.
///
/// # Errors
/// What `act` answers, or the panic's message.
pub fn guarded<T>(act: impl FnOnce() -> Result<T, String>) -> Result<T, String> {
    catch_unwind(AssertUnwindSafe(act)).unwrap_or_else(|panic| {
        let text = panic.downcast_ref::<String>().map(String::as_str);
        let text = text.or(panic.downcast_ref::<&str>().copied());
        Err(format!("panic: {}", text.unwrap_or("of another kind")))
    })
}
