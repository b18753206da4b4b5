//! Scoped threads that share out a range.

use std::ops::Range;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// The number of threads to use: `requested`, or one a core when it is 0.
pub(crate) fn thread_count(requested: usize) -> usize {
    /// More threads than this only cost memory.
    const MAX_THREADS: usize = 256;
    let count = match requested {
        0 => std::thread::available_parallelism().map_or(1, |n| n.get()),
        n => n,
    };
    count.clamp(1, MAX_THREADS)
}

/// Cuts `range` into chunks and hands them to `threads` threads (this one among them), each with a state of its own. Stops handing out
/// once `cancel` is set. With one thread, chunks come in order. Threads that the system refuses are done without.
pub(crate) fn for_chunks<S>(
    threads: usize,
    range: Range<usize>,
    chunk: usize,
    cancel: &AtomicBool,
    state: impl Fn() -> S + Sync,
    work: impl Fn(&mut S, Range<usize>) + Sync,
) {
    let chunk = chunk.max(1);
    let threads = threads.min(range.len().div_ceil(chunk)).max(1);
    let next = AtomicUsize::new(range.start);
    let run = || {
        let mut state = state();
        while !cancel.load(Ordering::Relaxed) {
            let start = next.fetch_add(chunk, Ordering::Relaxed);
            if start >= range.end {
                break;
            }
            work(&mut state, start..(start + chunk).min(range.end));
        }
    };
    std::thread::scope(|scope| {
        for _ in 1..threads {
            let spawned = std::thread::Builder::new()
                .name("omendb-index".to_owned())
                .spawn_scoped(scope, run);
            if spawned.is_err() {
                break;
            }
        }
        run();
    });
}

/// What a mutex holds, whether or not a thread that held it panicked: the panic goes on through the scope of the threads.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
