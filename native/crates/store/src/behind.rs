//! Long work that leaves the cores to those who wait for an answer.

use std::panic::resume_unwind;
use std::thread;

/// How far behind other threads it stands, in the system's own measure (0 is like all others, 19 the last).
#[cfg(target_os = "linux")]
const NICE: i32 = 19;

/// Runs pure compute behind everything else that runs, and waits for it: on a thread of low priority, which the threads that it starts inherit. It must take
/// no lock that others wait for.
pub(crate) fn behind<T: Send>(work: impl FnOnce() -> T + Send) -> T {
    // The explorer of schedules knows no threads but its own.
    if cfg!(feature = "schedule") {
        return work();
    }
    thread::scope(|scope| {
        let thread = scope.spawn(|| {
            step_back();
            work()
        });
        thread.join().unwrap_or_else(|panic| resume_unwind(panic))
    })
}

/// This thread stands behind the others from now on; where that cannot be had it does not.
fn step_back() {
    // On Linux a priority is a thread's own.
    #[cfg(target_os = "linux")]
    let _ = rustix::process::setpriority_process(None, NICE);
}
