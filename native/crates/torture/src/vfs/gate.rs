//! A door that can be shut for good: what a killed process can still do with its files, which is nothing.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use omendb_store::vfs::{Entry, Lock, LockError, Mapping, Vfs, VfsFile};

/// A file system seen by one process. After [`Gate::shut`] nothing that this process does reaches it.
#[derive(Debug, Clone)]
pub struct Gate {
    inner: Arc<dyn Vfs>,
    shut: Arc<AtomicBool>,
}

impl Gate {
    /// An open door to `inner`.
    pub fn new(inner: Arc<dyn Vfs>) -> Gate {
        Gate {
            inner,
            shut: Arc::default(),
        }
    }

    /// From here on each operation fails and does nothing.
    pub fn shut(&self) {
        self.shut.store(true, Ordering::SeqCst);
    }

    fn pass(&self) -> io::Result<&Arc<dyn Vfs>> {
        check(&self.shut)?;
        Ok(&self.inner)
    }

    fn file(&self, file: Box<dyn VfsFile>) -> Box<dyn VfsFile> {
        Box::new(GateFile {
            inner: file,
            shut: self.shut.clone(),
        })
    }
}

fn check(shut: &AtomicBool) -> io::Result<()> {
    if shut.load(Ordering::SeqCst) {
        Err(io::Error::other("the process was killed"))
    } else {
        Ok(())
    }
}

impl Vfs for Gate {
    fn create_dir(&self, path: &Path) -> io::Result<()> {
        self.pass()?.create_dir(path)
    }
    fn create(&self, path: &Path) -> io::Result<Box<dyn VfsFile>> {
        Ok(self.file(self.pass()?.create(path)?))
    }
    fn open(&self, path: &Path) -> io::Result<Box<dyn VfsFile>> {
        Ok(self.file(self.pass()?.open(path)?))
    }
    fn open_append(&self, path: &Path) -> io::Result<Box<dyn VfsFile>> {
        Ok(self.file(self.pass()?.open_append(path)?))
    }
    fn map(&self, path: &Path) -> io::Result<Arc<dyn Mapping>> {
        self.pass()?.map(path)
    }
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.pass()?.rename(from, to)
    }
    fn remove(&self, path: &Path) -> io::Result<()> {
        self.pass()?.remove(path)
    }
    fn remove_dir(&self, path: &Path) -> io::Result<()> {
        self.pass()?.remove_dir(path)
    }
    fn list(&self, path: &Path) -> io::Result<Vec<Entry>> {
        self.pass()?.list(path)
    }
    fn sync_dir(&self, path: &Path) -> io::Result<()> {
        self.pass()?.sync_dir(path)
    }
    fn lock(&self, path: &Path, holder: &str) -> Result<Box<dyn Lock>, LockError> {
        self.pass()?.lock(path, holder)
    }
    fn holder(&self, path: &Path) -> io::Result<Option<String>> {
        self.inner.holder(path)
    }
    fn canonical(&self, path: &Path) -> io::Result<PathBuf> {
        self.inner.canonical(path)
    }
    fn random(&self) -> u64 {
        self.inner.random()
    }
}

struct GateFile {
    inner: Box<dyn VfsFile>,
    shut: Arc<AtomicBool>,
}

impl VfsFile for GateFile {
    fn len(&self) -> io::Result<u64> {
        check(&self.shut)?;
        self.inner.len()
    }
    fn read_at(&self, buf: &mut [u8], offset: u64) -> io::Result<()> {
        check(&self.shut)?;
        self.inner.read_at(buf, offset)
    }
    fn append(&self, bytes: &[u8]) -> io::Result<()> {
        check(&self.shut)?;
        self.inner.append(bytes)
    }
    fn sync(&self) -> io::Result<()> {
        check(&self.shut)?;
        self.inner.sync()
    }
    fn truncate(&self, len: u64) -> io::Result<()> {
        check(&self.shut)?;
        self.inner.truncate(len)
    }
}
