//! The handle of a long call: progress to JavaScript, cancel from it.

use std::sync::Arc;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use napi::Status;
use napi::bindgen_prelude::*;
use napi::threadsafe_function::{ThreadsafeFunction, ThreadsafeFunctionCallMode};
use napi_derive::napi;

/// At least this long between two calls of the progress function.
const PROGRESS_EVERY: Duration = Duration::from_millis(100);

type ProgressArgs = FnArgs<(String, f64, f64)>;
/// Weak: a job that is only held does not keep the program running.
type ProgressFunction = ThreadsafeFunction<ProgressArgs, (), ProgressArgs, Status, false, true>;

/// What the working thread holds of a job.
#[derive(Clone)]
pub struct Handle {
    cancel: Arc<AtomicBool>,
    progress: Option<Arc<ProgressFunction>>,
    told: Arc<Mutex<Option<(Instant, &'static str)>>>,
}

impl Handle {
    /// The flag that cancels the work.
    pub fn cancel(&self) -> &AtomicBool {
        &self.cancel
    }

    /// Tells JavaScript how far the work is, at most ten times a second and at once in a new phase. Callable from any thread.
    pub fn progress(&self, phase: &'static str, done: u64, total: u64) {
        let Some(function) = &self.progress else {
            return;
        };
        // Whoever finds the lock taken has nothing to add: another thread is telling the same.
        let Ok(mut told) = self.told.try_lock() else {
            return;
        };
        let now = Instant::now();
        if told.is_some_and(|(at, last)| last == phase && now - at < PROGRESS_EVERY) {
            return;
        }
        *told = Some((now, phase));
        function.call(
            FnArgs::from((phase.to_owned(), done as f64, total as f64)),
            ThreadsafeFunctionCallMode::NonBlocking,
        );
    }
}

/// Cancels one long call and hears of its progress.
#[napi]
pub struct Job {
    handle: Handle,
}

#[napi]
impl Job {
    /// `onProgress(phase, done, total)` is called at most ten times a second; `total` is 0 while it is unknown.
    #[napi(constructor, catch_unwind)]
    pub fn new(
        #[napi(ts_arg_type = "(phase: string, done: number, total: number) => void")]
        on_progress: Option<Function<'_, ProgressArgs, ()>>,
    ) -> Result<Job> {
        let progress = on_progress
            .map(|function| {
                function
                    .build_threadsafe_function::<ProgressArgs>()
                    .callee_handled::<false>()
                    .weak::<true>()
                    .build()
            })
            .transpose()?
            .map(Arc::new);
        Ok(Job {
            handle: Handle {
                cancel: Arc::new(AtomicBool::new(false)),
                progress,
                told: Arc::new(Mutex::new(None)),
            },
        })
    }

    /// Asks the call to stop; its promise is rejected with CANCELLED within moments, unless it is done before.
    #[napi(catch_unwind)]
    pub fn cancel(&self) {
        self.handle.cancel.store(true, Ordering::Relaxed);
    }
}

impl Job {
    /// What the working thread needs of it.
    pub fn handle(&self) -> Handle {
        self.handle.clone()
    }
}
