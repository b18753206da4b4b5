//! A file system whose n-th operation fails, and (if that is asked for) each one after it.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};

use omendb_store::vfs::{Entry, Lock, LockError, Mapping, Vfs, VfsFile};

/// What a failing operation answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FaultKind {
    /// EIO: the medium failed.
    Io,
    /// ENOSPC: no room.
    NoSpace,
    /// EDQUOT: no more room for this user.
    Quota,
    /// EMFILE: too many open files.
    TooManyFiles,
    /// EACCES: the right was taken away.
    Denied,
    /// EINTR: a signal came.
    Interrupted,
    /// Part of the bytes were written, then the medium failed.
    ShortWrite,
}

impl FaultKind {
    /// All of them.
    pub const ALL: [FaultKind; 7] = [
        FaultKind::Io,
        FaultKind::NoSpace,
        FaultKind::Quota,
        FaultKind::TooManyFiles,
        FaultKind::Denied,
        FaultKind::Interrupted,
        FaultKind::ShortWrite,
    ];

    /// The error as the system would give it.
    pub fn error(self) -> io::Error {
        let number = |number: i32| {
            if cfg!(unix) {
                io::Error::from_raw_os_error(number)
            } else {
                io::Error::other("injected")
            }
        };
        match self {
            FaultKind::Io | FaultKind::ShortWrite => number(5),
            FaultKind::TooManyFiles => number(24),
            FaultKind::NoSpace => io::ErrorKind::StorageFull.into(),
            FaultKind::Quota => io::ErrorKind::QuotaExceeded.into(),
            FaultKind::Denied => io::ErrorKind::PermissionDenied.into(),
            FaultKind::Interrupted => io::ErrorKind::Interrupted.into(),
        }
    }

    /// The code of the store's error for it.
    pub fn code(self) -> &'static str {
        match self {
            FaultKind::NoSpace | FaultKind::Quota => "DISK_FULL",
            FaultKind::Denied => "PERMISSION_DENIED",
            _ => "IO",
        }
    }
}

/// Which operations count.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Class {
    /// What changes the medium: create, append, sync, cut, rename, remove, and syncing a folder.
    Changes,
    /// Also what reads it: open, map, list, read, length, and the lock.
    Everything,
}

/// Which operation fails, and how.
#[derive(Debug, Clone, Copy)]
pub struct Plan {
    /// The number of the operation, from 1; 0 for none.
    pub at: u64,
    /// Whether each operation after it fails too.
    pub sticky: bool,
    /// What it answers.
    pub kind: FaultKind,
    /// What counts as an operation.
    pub class: Class,
}

/// The first operation that failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hit {
    /// What it was.
    pub operation: &'static str,
    /// On what.
    pub path: PathBuf,
    /// Whether it would have changed the medium.
    pub change: bool,
}

#[derive(Debug)]
struct Faults {
    plan: Plan,
    count: AtomicU64,
    hit: OnceLock<Hit>,
}

impl Faults {
    fn step(&self, operation: &'static str, path: &Path, change: bool) -> io::Result<()> {
        if !change && self.plan.class == Class::Changes {
            return Ok(());
        }
        let number = self.count.fetch_add(1, Ordering::SeqCst) + 1;
        let at = self.plan.at;
        if at == 0 || number < at || (number > at && !self.plan.sticky) {
            return Ok(());
        }
        let _ = self.hit.set(Hit {
            operation,
            path: path.to_path_buf(),
            change,
        });
        Err(self.plan.kind.error())
    }
}

/// The failing file system. Clones share its count.
#[derive(Debug, Clone)]
pub struct FaultVfs {
    inner: Arc<dyn Vfs>,
    faults: Arc<Faults>,
}

impl FaultVfs {
    /// On top of a sound one.
    pub fn new(inner: Arc<dyn Vfs>, plan: Plan) -> FaultVfs {
        FaultVfs {
            inner,
            faults: Arc::new(Faults {
                plan,
                count: AtomicU64::new(0),
                hit: OnceLock::new(),
            }),
        }
    }

    /// The operation that failed first, if it was reached.
    pub fn hit(&self) -> Option<&Hit> {
        self.faults.hit.get()
    }

    /// Operations so far.
    pub fn count(&self) -> u64 {
        self.faults.count.load(Ordering::SeqCst)
    }

    fn change(&self, operation: &'static str, path: &Path) -> io::Result<()> {
        self.faults.step(operation, path, true)
    }

    fn look(&self, operation: &'static str, path: &Path) -> io::Result<()> {
        self.faults.step(operation, path, false)
    }

    fn file(&self, inner: Box<dyn VfsFile>, path: &Path) -> Box<dyn VfsFile> {
        Box::new(FaultFile {
            inner,
            faults: self.faults.clone(),
            path: path.to_path_buf(),
        })
    }
}

impl Vfs for FaultVfs {
    fn create_dir(&self, path: &Path) -> io::Result<()> {
        self.change("create_dir", path)?;
        self.inner.create_dir(path)
    }
    fn create(&self, path: &Path) -> io::Result<Box<dyn VfsFile>> {
        self.change("create", path)?;
        Ok(self.file(self.inner.create(path)?, path))
    }
    fn open(&self, path: &Path) -> io::Result<Box<dyn VfsFile>> {
        self.look("open", path)?;
        Ok(self.file(self.inner.open(path)?, path))
    }
    fn open_append(&self, path: &Path) -> io::Result<Box<dyn VfsFile>> {
        self.look("open_append", path)?;
        Ok(self.file(self.inner.open_append(path)?, path))
    }
    fn map(&self, path: &Path) -> io::Result<Arc<dyn Mapping>> {
        self.look("map", path)?;
        self.inner.map(path)
    }
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.change("rename", from)?;
        self.inner.rename(from, to)
    }
    fn remove(&self, path: &Path) -> io::Result<()> {
        self.change("remove", path)?;
        self.inner.remove(path)
    }
    fn remove_dir(&self, path: &Path) -> io::Result<()> {
        self.change("remove_dir", path)?;
        self.inner.remove_dir(path)
    }
    fn list(&self, path: &Path) -> io::Result<Vec<Entry>> {
        self.look("list", path)?;
        self.inner.list(path)
    }
    fn sync_dir(&self, path: &Path) -> io::Result<()> {
        self.change("sync_dir", path)?;
        self.inner.sync_dir(path)
    }
    fn lock(&self, path: &Path, holder: &str) -> Result<Box<dyn Lock>, LockError> {
        self.look("lock", path)?;
        self.inner.lock(path, holder)
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

struct FaultFile {
    inner: Box<dyn VfsFile>,
    faults: Arc<Faults>,
    path: PathBuf,
}

impl VfsFile for FaultFile {
    fn len(&self) -> io::Result<u64> {
        self.faults.step("len", &self.path, false)?;
        self.inner.len()
    }
    fn read_at(&self, buf: &mut [u8], offset: u64) -> io::Result<()> {
        self.faults.step("read_at", &self.path, false)?;
        self.inner.read_at(buf, offset)
    }
    fn append(&self, bytes: &[u8]) -> io::Result<()> {
        if let Err(e) = self.faults.step("append", &self.path, true) {
            if self.faults.plan.kind == FaultKind::ShortWrite {
                self.inner.append(&bytes[..bytes.len() * 2 / 3])?;
            }
            return Err(e);
        }
        self.inner.append(bytes)
    }
    /// A failed sync makes nothing durable, and the bytes that it was to write may be gone for good.
    fn sync(&self) -> io::Result<()> {
        self.faults.step("sync", &self.path, true)?;
        self.inner.sync()
    }
    fn truncate(&self, len: u64) -> io::Result<()> {
        self.faults.step("truncate", &self.path, true)?;
        self.inner.truncate(len)
    }
}
