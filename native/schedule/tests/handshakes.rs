//! The parts that threads meet in without holding a lock of the store, under every interleaving and every order that memory allows (loom):
//! at most three threads, at most three preemptions. The code is the store's own; only its locks and atomics are loom's.

// [K1]

use std::sync::Arc;

#[path = "../../crates/store/src/bell.rs"]
#[allow(dead_code, reason = "each test uses its own part")]
mod bell;
#[path = "../../crates/store/src/durable.rs"]
mod durable;
#[path = "../../crates/store/src/vfs/poison.rs"]
mod poison;
#[path = "../../crates/store/src/revision.rs"]
mod revision;

/// What the store's `sync` is, of loom.
mod sync {
    use std::ops::{Deref, DerefMut};
    use std::time::Instant;

    pub(crate) use loom::sync::atomic::{AtomicBool, AtomicU64};

    #[derive(Debug, Default)]
    pub(crate) struct Mutex<T>(loom::sync::Mutex<T>);

    /// Never empty but while it waits.
    pub(crate) struct MutexGuard<'a, T>(Option<loom::sync::MutexGuard<'a, T>>);

    impl<T> Mutex<T> {
        pub fn new(value: T) -> Mutex<T> {
            Mutex(loom::sync::Mutex::new(value))
        }

        pub fn lock(&self) -> MutexGuard<'_, T> {
            MutexGuard(Some(self.0.lock().unwrap()))
        }
    }

    impl<T> Deref for MutexGuard<'_, T> {
        type Target = T;
        fn deref(&self) -> &T {
            self.0.as_ref().unwrap()
        }
    }

    impl<T> DerefMut for MutexGuard<'_, T> {
        fn deref_mut(&mut self) -> &mut T {
            self.0.as_mut().unwrap()
        }
    }

    #[derive(Default)]
    pub(crate) struct Condvar(loom::sync::Condvar);

    pub(crate) struct Waited;

    impl Waited {
        pub fn timed_out(&self) -> bool {
            false
        }
    }

    impl Condvar {
        pub fn wait<T>(&self, guard: &mut MutexGuard<'_, T>) {
            let held = guard.0.take().unwrap();
            guard.0 = Some(self.0.wait(held).unwrap());
        }

        pub fn wait_until<T>(&self, guard: &mut MutexGuard<'_, T>, _: Instant) -> Waited {
            self.wait(guard);
            Waited
        }

        pub fn notify_all(&self) {
            self.0.notify_all();
        }
    }
}

use loom::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use loom::thread;
use sync::Mutex;

/// Every interleaving with at most three preemptions.
fn explore(test: impl Fn() + Send + Sync + 'static) {
    let mut model = loom::model::Builder::new();
    model.preemption_bound = Some(3);
    model.check(test);
}

/// A log: records that were appended, and how many of them are on the medium.
struct Log {
    durable: durable::Durable,
    poison: poison::Poison,
    appended: Mutex<u64>,
    synced: AtomicUsize,
    syncs: AtomicUsize,
}

impl Log {
    fn new() -> Arc<Log> {
        Arc::new(Log {
            durable: durable::Durable::new(0),
            poison: poison::Poison::default(),
            appended: Mutex::new(0),
            synced: AtomicUsize::new(0),
            syncs: AtomicUsize::new(0),
        })
    }

    /// Appends a record and waits until it is durable, as `Shared::acknowledge` does. The sync with the number `fails` fails.
    fn write(&self, fails: usize) -> Result<u64, ()> {
        let lsn = {
            let mut appended = self.appended.lock();
            *appended += 1;
            *appended
        };
        self.durable.wait(lsn, |_| {
            if self.poison.cause().is_some() {
                return Err(());
            }
            let upto = *self.appended.lock();
            if self.syncs.fetch_add(1, Ordering::Relaxed) + 1 == fails {
                self.poison.set("it failed".to_owned());
                return Err(());
            }
            self.synced.store(upto as usize, Ordering::Relaxed);
            Ok(upto)
        })?;
        Ok(lsn)
    }
}

#[test]
fn a_write_is_acknowledged_only_once_a_sync_covered_it() {
    explore(|| {
        let log = Log::new();
        let write = |log: Arc<Log>| {
            move || {
                let lsn = log.write(0).unwrap();
                assert!(log.synced.load(Ordering::Relaxed) as u64 >= lsn);
                assert!(log.durable.lsn() >= lsn);
            }
        };
        let other = thread::spawn(write(log.clone()));
        write(log.clone())();
        other.join().unwrap();
        assert!(log.syncs.load(Ordering::Relaxed) <= 2);
    });
}

#[test]
fn who_sees_the_mark_sees_what_was_synced_before_it() {
    explore(|| {
        let log = Log::new();
        let writer = {
            let log = log.clone();
            thread::spawn(move || log.write(0).map(|_| ()))
        };
        let mark = log.durable.lsn();
        assert!(log.synced.load(Ordering::Relaxed) as u64 >= mark);
        writer.join().unwrap().unwrap();
    });
}

#[test]
fn after_a_failed_sync_nothing_is_acknowledged_that_it_should_have_covered() {
    explore(|| {
        let log = Log::new();
        let other = {
            let log = log.clone();
            thread::spawn(move || log.write(1))
        };
        let mine = log.write(1);
        let theirs = other.join().unwrap();
        // The first sync failed: whoever waits calls the next one, which refuses.
        assert!(mine.is_err() && theirs.is_err());
        assert_eq!(log.durable.lsn(), 0);
    });
}

#[test]
fn the_first_failure_stays_and_is_seen_by_all_that_comes_after_it() {
    explore(|| {
        let poison = Arc::new(poison::Poison::default());
        let told = Arc::new(AtomicBool::new(false));
        let set = |cause: &'static str| {
            let (poison, told) = (poison.clone(), told.clone());
            thread::spawn(move || {
                poison.set(cause.to_owned());
                told.store(true, Ordering::Release);
            })
        };
        let threads = [set("a"), set("b")];
        if told.load(Ordering::Acquire) {
            let first = poison.cause().expect("it was set");
            let [a, b] = threads;
            a.join().unwrap();
            b.join().unwrap();
            assert_eq!(poison.cause(), Some(first));
        }
    });
}

#[test]
fn a_poller_sees_at_least_what_the_revision_counted_and_is_told_of_the_rest() {
    explore(|| {
        // What is shown is an atomic pointer in the store; here it is a number, with the same orderings.
        let shared = Arc::new((revision::Revision::new(), AtomicUsize::new(1)));
        let writer = {
            let shared = shared.clone();
            thread::spawn(move || {
                for _ in 0..2 {
                    let (revision, shown) = &*shared;
                    let next = revision.next() as usize;
                    revision.change(|| shown.store(next, Ordering::Release));
                }
            })
        };
        let (revision, shown) = &*shared;
        let (mut told, mut seen) = (0, 0);
        for _ in 0..2 {
            let now = revision.now();
            assert!(now >= told);
            if now > told {
                told = now;
                seen = shown.load(Ordering::Acquire);
                assert!(seen as u64 >= told);
            }
        }
        writer.join().unwrap();
        if revision.now() > told {
            seen = shown.load(Ordering::Acquire);
        }
        assert_eq!(seen, 3, "the last change was not told");
    });
}

#[test]
fn a_worker_goes_a_round_after_each_ring_and_ends_when_it_is_stopped() {
    explore(|| {
        let bell = Arc::new(bell::Bell::default());
        let work = Arc::new(AtomicUsize::new(0));
        let done = Arc::new(AtomicUsize::new(0));
        let worker = {
            let (bell, work, done) = (bell.clone(), work.clone(), done.clone());
            thread::spawn(move || {
                while bell.next_round() {
                    done.store(work.load(Ordering::Relaxed), Ordering::Relaxed);
                }
            })
        };
        work.store(1, Ordering::Relaxed);
        bell.ring();
        assert!(bell.wait_idle(None));
        assert_eq!(done.load(Ordering::Relaxed), 1, "a ring was lost");
        bell.stop();
        assert!(bell.is_stopped());
        worker.join().unwrap();
    });
}

#[test]
fn a_cancelled_worker_ends_and_lets_go_of_those_who_wait() {
    explore(|| {
        let bell = Arc::new(bell::Bell::default());
        let cancel = Arc::new(AtomicBool::new(false));
        let worker = {
            let (bell, cancel) = (bell.clone(), cancel.clone());
            thread::spawn(move || {
                while bell.next_round() {
                    // Two pieces of work, as in a build; a cancelled one ends at once, still busy.
                    for _ in 0..2 {
                        if cancel.load(Ordering::Relaxed) {
                            return;
                        }
                    }
                }
            })
        };
        bell.ring();
        let waiter = {
            let bell = bell.clone();
            thread::spawn(move || bell.wait_idle(None))
        };
        cancel.store(true, Ordering::Release);
        bell.stop();
        worker.join().unwrap();
        assert!(waiter.join().unwrap());
    });
}
