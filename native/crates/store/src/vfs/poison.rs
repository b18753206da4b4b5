//! The first failure, which every later change is refused for.

use std::sync::atomic::Ordering;

use crate::sync::{AtomicBool, Mutex};

/// Empty until something fails; then it stays as it is.
#[derive(Debug, Default)]
pub(crate) struct Poison {
    set: AtomicBool,
    cause: Mutex<Option<String>>,
}

impl Poison {
    /// Remembers a failure, if it is the first.
    pub fn set(&self, cause: String) {
        self.cause.lock().get_or_insert(cause);
        self.set.store(true, Ordering::Release);
    }

    /// The first failure.
    pub fn cause(&self) -> Option<String> {
        // The flag spares the lock where nothing ever failed.
        if !self.set.load(Ordering::Acquire) {
            return None;
        }
        self.cause.lock().clone()
    }
}
