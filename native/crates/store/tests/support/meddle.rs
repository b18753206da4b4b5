//! A file system in memory on which somebody else does something just before the n-th look at it.

use std::fmt;
use std::io;
use std::path::Path;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex};

use omendb_store::vfs::{Entry, Lock, LockError, Mapping, MemVfs, Vfs, VfsFile};

type Act = Box<dyn FnMut() + Send>;

/// `act` runs before the look number `at`, and if `again` before each one after it.
pub struct MeddleVfs {
    inner: MemVfs,
    left: AtomicI64,
    again: bool,
    act: Mutex<Act>,
}

impl MeddleVfs {
    pub fn new(
        inner: &MemVfs,
        at: i64,
        again: bool,
        act: impl FnMut() + Send + 'static,
    ) -> Arc<Self> {
        Arc::new(MeddleVfs {
            inner: inner.clone(),
            left: AtomicI64::new(at),
            again,
            act: Mutex::new(Box::new(act)),
        })
    }

    /// Whether it came to `act`.
    pub fn hit(&self) -> bool {
        self.left.load(Ordering::SeqCst) < 0
    }

    fn step(&self) {
        let left = self.left.fetch_sub(1, Ordering::SeqCst);
        if left == 0 || (left < 0 && self.again) {
            (self.act.lock().unwrap())();
        }
    }
}

impl fmt::Debug for MeddleVfs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("MeddleVfs")
    }
}

impl Vfs for MeddleVfs {
    fn create_dir(&self, path: &Path) -> io::Result<()> {
        self.step();
        self.inner.create_dir(path)
    }
    fn create(&self, path: &Path) -> io::Result<Box<dyn VfsFile>> {
        self.step();
        self.inner.create(path)
    }
    fn open(&self, path: &Path) -> io::Result<Box<dyn VfsFile>> {
        self.step();
        self.inner.open(path)
    }
    fn open_append(&self, path: &Path) -> io::Result<Box<dyn VfsFile>> {
        self.step();
        self.inner.open_append(path)
    }
    fn map(&self, path: &Path) -> io::Result<Arc<dyn Mapping>> {
        self.step();
        self.inner.map(path)
    }
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.step();
        self.inner.rename(from, to)
    }
    fn remove(&self, path: &Path) -> io::Result<()> {
        self.inner.remove(path)
    }
    fn remove_dir(&self, path: &Path) -> io::Result<()> {
        self.inner.remove_dir(path)
    }
    fn list(&self, path: &Path) -> io::Result<Vec<Entry>> {
        self.step();
        self.inner.list(path)
    }
    fn sync_dir(&self, path: &Path) -> io::Result<()> {
        self.inner.sync_dir(path)
    }
    fn lock(&self, path: &Path, holder: &str) -> Result<Box<dyn Lock>, LockError> {
        self.inner.lock(path, holder)
    }
    fn holder(&self, path: &Path) -> io::Result<Option<String>> {
        self.inner.holder(path)
    }
}
