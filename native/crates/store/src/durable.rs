//! The group commit: how far the log is durable, and who makes it so.

use std::sync::atomic::Ordering;

use crate::sync::{AtomicU64, Mutex, MutexGuard};

/// The right to make things durable.
pub(crate) struct Commit(());

/// LSN up to which the log is synced; changes only under [`Commit`].
pub(crate) struct Durable {
    commit: Mutex<Commit>,
    lsn: AtomicU64,
}

impl Durable {
    pub fn new(lsn: u64) -> Durable {
        Durable {
            commit: Mutex::new(Commit(())),
            lsn: AtomicU64::new(lsn),
        }
    }

    pub fn lsn(&self) -> u64 {
        self.lsn.load(Ordering::Acquire)
    }

    /// Waits for the right to make things durable.
    pub fn commit(&self) -> MutexGuard<'_, Commit> {
        self.commit.lock()
    }

    /// Everything up to `lsn` is synced.
    pub fn reached(&self, _: &Commit, lsn: u64) {
        self.lsn.store(lsn, Ordering::Release);
    }

    /// Returns once the record `lsn` is durable. One of those who wait calls `sync`, which gives the LSN up to which it synced; the others
    /// find that it covered their record too. After a failure nobody may take it for done: `sync` is called again, and must refuse.
    pub fn wait<E>(&self, lsn: u64, sync: impl FnOnce(&Commit) -> Result<u64, E>) -> Result<(), E> {
        let commit = self.commit();
        if self.lsn() < lsn {
            let synced = sync(&commit)?;
            self.reached(&commit, synced);
        }
        Ok(())
    }
}
