//! A file system whose n-th change fails, and (if sticky) each one after it.

use std::fmt;
use std::io;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};

use omendb_store::vfs::{Entry, Lock, LockError, Mapping, MemVfs, Vfs, VfsFile};

pub struct FaultVfs {
    inner: MemVfs,
    faults: Arc<Faults>,
}

pub struct Faults {
    left: AtomicI64,
    sticky: bool,
    kind: io::ErrorKind,
    pub syncs: AtomicU64,
}

impl Faults {
    fn step(&self) -> io::Result<()> {
        let left = self.left.fetch_sub(1, Ordering::SeqCst);
        if left == 0 || (left < 0 && self.sticky) {
            Err(io::Error::new(self.kind, "injected"))
        } else {
            Ok(())
        }
    }

    /// Whether the failing change was reached.
    pub fn hit(&self) -> bool {
        self.left.load(Ordering::SeqCst) < 0
    }
}

impl FaultVfs {
    pub fn new(
        inner: MemVfs,
        fail_at: i64,
        sticky: bool,
        kind: io::ErrorKind,
    ) -> (FaultVfs, Arc<Faults>) {
        let faults = Arc::new(Faults {
            left: AtomicI64::new(fail_at),
            sticky,
            kind,
            syncs: AtomicU64::new(0),
        });
        (
            FaultVfs {
                inner,
                faults: faults.clone(),
            },
            faults,
        )
    }

    fn file(&self, file: Box<dyn VfsFile>) -> Box<dyn VfsFile> {
        Box::new(FaultFile {
            file,
            faults: self.faults.clone(),
        })
    }
}

impl fmt::Debug for FaultVfs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("FaultVfs")
    }
}

impl Vfs for FaultVfs {
    fn create_dir(&self, path: &Path) -> io::Result<()> {
        self.faults.step()?;
        self.inner.create_dir(path)
    }
    fn create(&self, path: &Path) -> io::Result<Box<dyn VfsFile>> {
        self.faults.step()?;
        Ok(self.file(self.inner.create(path)?))
    }
    fn open(&self, path: &Path) -> io::Result<Box<dyn VfsFile>> {
        Ok(self.file(self.inner.open(path)?))
    }
    fn open_append(&self, path: &Path) -> io::Result<Box<dyn VfsFile>> {
        Ok(self.file(self.inner.open_append(path)?))
    }
    fn map(&self, path: &Path) -> io::Result<Arc<dyn Mapping>> {
        self.inner.map(path)
    }
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.faults.step()?;
        self.inner.rename(from, to)
    }
    fn remove(&self, path: &Path) -> io::Result<()> {
        self.faults.step()?;
        self.inner.remove(path)
    }
    fn remove_dir(&self, path: &Path) -> io::Result<()> {
        self.inner.remove_dir(path)
    }
    fn list(&self, path: &Path) -> io::Result<Vec<Entry>> {
        self.inner.list(path)
    }
    fn sync_dir(&self, path: &Path) -> io::Result<()> {
        self.faults.step()?;
        self.inner.sync_dir(path)
    }
    fn lock(&self, path: &Path, holder: &str) -> Result<Box<dyn Lock>, LockError> {
        self.inner.lock(path, holder)
    }
}

struct FaultFile {
    file: Box<dyn VfsFile>,
    faults: Arc<Faults>,
}

impl VfsFile for FaultFile {
    fn len(&self) -> io::Result<u64> {
        self.file.len()
    }
    fn read_at(&self, buf: &mut [u8], offset: u64) -> io::Result<()> {
        self.file.read_at(buf, offset)
    }
    fn append(&self, bytes: &[u8]) -> io::Result<()> {
        if let Err(e) = self.faults.step() {
            // A short write.
            self.file.append(&bytes[..bytes.len() / 2])?;
            return Err(e);
        }
        self.file.append(bytes)
    }
    fn sync(&self) -> io::Result<()> {
        self.faults.step()?;
        self.faults.syncs.fetch_add(1, Ordering::SeqCst);
        self.file.sync()
    }
    fn truncate(&self, len: u64) -> io::Result<()> {
        self.faults.step()?;
        self.file.truncate(len)
    }
}
