//! What threads share: locks, atomics, published states, threads, and the clock.
//!
//! In what ships these are parking_lot, arc_swap and std. With the feature `schedule` they belong to an explorer of schedules (shuttle), which
//! lets one thread go on at a time and chooses anew at each use of one of them, so that any interleaving can be tried and played again.
//! Flags that go into pure compute (cancelling, progress) stay std's: they are used on threads that the explorer does not know.

#[cfg(not(feature = "schedule"))]
pub(crate) use shipped::*;

#[cfg(feature = "schedule")]
pub(crate) use explored::*;

#[cfg(not(feature = "schedule"))]
mod shipped {
    use std::time::{SystemTime, UNIX_EPOCH};

    pub(crate) use arc_swap::ArcSwap;
    pub(crate) use parking_lot::{Condvar, Mutex, MutexGuard, RwLock};
    pub(crate) use std::sync::atomic::{AtomicBool, AtomicU64};
    pub(crate) use std::thread::{Builder, JoinHandle, sleep};

    /// Now, in milliseconds since 1970.
    pub(crate) fn millis() -> u64 {
        SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .map_or(0, |d| d.as_millis() as u64)
    }
}

#[cfg(feature = "schedule")]
mod explored {
    use std::fmt;
    use std::ops::{Deref, DerefMut};
    use std::sync::atomic::Ordering;
    use std::sync::{Arc, PoisonError, TryLockError};
    use std::time::Instant;

    use arc_swap::Guard;
    use shuttle::sync;
    pub(crate) use shuttle::sync::atomic::{AtomicBool, AtomicU64};
    pub(crate) use shuttle::thread::{Builder, JoinHandle, sleep};

    /// Steps of the schedule: the same in each run of it.
    pub(crate) fn millis() -> u64 {
        1_700_000_000_000 + shuttle::current::context_switches() as u64
    }

    /// A lock that, like parking_lot's, knows no poisoning.
    #[derive(Default)]
    pub(crate) struct Mutex<T>(sync::Mutex<T>);

    /// Never empty but while it waits.
    pub(crate) struct MutexGuard<'a, T>(Option<sync::MutexGuard<'a, T>>);

    impl<T> Mutex<T> {
        pub fn new(value: T) -> Mutex<T> {
            Mutex(sync::Mutex::new(value))
        }

        pub fn lock(&self) -> MutexGuard<'_, T> {
            MutexGuard(Some(self.0.lock().unwrap_or_else(PoisonError::into_inner)))
        }

        pub fn try_lock(&self) -> Option<MutexGuard<'_, T>> {
            match self.0.try_lock() {
                Ok(guard) => Some(MutexGuard(Some(guard))),
                Err(TryLockError::Poisoned(poisoned)) => {
                    Some(MutexGuard(Some(poisoned.into_inner())))
                }
                Err(TryLockError::WouldBlock) => None,
            }
        }
    }

    impl<T> fmt::Debug for Mutex<T> {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("Mutex")
        }
    }

    impl<T> Deref for MutexGuard<'_, T> {
        type Target = T;
        fn deref(&self) -> &T {
            self.0.as_ref().expect("it holds the lock")
        }
    }

    impl<T> DerefMut for MutexGuard<'_, T> {
        fn deref_mut(&mut self) -> &mut T {
            self.0.as_mut().expect("it holds the lock")
        }
    }

    #[derive(Default)]
    pub(crate) struct Condvar(sync::Condvar);

    /// Here no time passes.
    pub(crate) struct Waited;

    impl Waited {
        pub fn timed_out(&self) -> bool {
            false
        }
    }

    impl Condvar {
        pub fn wait<T>(&self, guard: &mut MutexGuard<'_, T>) {
            let held = guard.0.take().expect("it holds the lock");
            let held = self.0.wait(held).unwrap_or_else(PoisonError::into_inner);
            guard.0 = Some(held);
        }

        pub fn wait_until<T>(&self, guard: &mut MutexGuard<'_, T>, _: Instant) -> Waited {
            self.wait(guard);
            Waited
        }

        pub fn notify_all(&self) {
            self.0.notify_all();
        }
    }

    #[derive(Default)]
    pub(crate) struct RwLock<T>(sync::RwLock<T>);

    impl<T> RwLock<T> {
        pub fn new(value: T) -> RwLock<T> {
            RwLock(sync::RwLock::new(value))
        }

        pub fn read(&self) -> sync::RwLockReadGuard<'_, T> {
            self.0.read().unwrap_or_else(PoisonError::into_inner)
        }

        pub fn write(&self) -> sync::RwLockWriteGuard<'_, T> {
            self.0.write().unwrap_or_else(PoisonError::into_inner)
        }
    }

    /// As arc_swap's; the explorer may choose another thread before each use.
    pub(crate) struct ArcSwap<T> {
        inner: arc_swap::ArcSwap<T>,
        used: AtomicBool,
    }

    impl<T> ArcSwap<T> {
        pub fn new(value: Arc<T>) -> ArcSwap<T> {
            ArcSwap {
                inner: arc_swap::ArcSwap::new(value),
                used: AtomicBool::new(false),
            }
        }

        pub fn from_pointee(value: T) -> ArcSwap<T> {
            ArcSwap::new(Arc::new(value))
        }

        pub fn load(&self) -> Guard<Arc<T>> {
            self.used.load(Ordering::Acquire);
            self.inner.load()
        }

        pub fn load_full(&self) -> Arc<T> {
            self.used.load(Ordering::Acquire);
            self.inner.load_full()
        }

        pub fn store(&self, value: Arc<T>) {
            self.used.store(true, Ordering::Release);
            self.inner.store(value);
        }
    }
}
