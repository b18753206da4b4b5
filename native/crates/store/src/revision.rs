//! The number of visible changes: how those who poll learn that there is something new.

use std::sync::atomic::Ordering;

use crate::sync::AtomicU64;

/// Grows after each visible change, never before: who read it and looks then sees at least what it counted, and who saw more is told later.
pub(crate) struct Revision(AtomicU64);

impl Revision {
    pub fn new() -> Revision {
        Revision(AtomicU64::new(1))
    }

    pub fn now(&self) -> u64 {
        self.0.load(Ordering::Acquire)
    }

    /// What it will be after the change that is being made. Changes are made one at a time.
    pub fn next(&self) -> u64 {
        self.0.load(Ordering::Relaxed) + 1
    }

    /// Makes a change visible and counts it.
    pub fn change(&self, show: impl FnOnce()) {
        show();
        self.0.fetch_add(1, Ordering::AcqRel);
    }
}
