//! A file system behind glass: what a read-only store works on, so that no path through the code can change a byte.

use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::{Entry, Lock, LockError, Mapping, Vfs, VfsFile};

/// Another file system, of which nothing can be changed. Files come from `open`, which gives them for reading.
#[derive(Debug)]
pub(crate) struct ReadOnlyVfs(pub Arc<dyn Vfs>);

fn refused<T>() -> io::Result<T> {
    Err(io::Error::new(
        ErrorKind::ReadOnlyFilesystem,
        "the store is open for reading only",
    ))
}

impl Vfs for ReadOnlyVfs {
    fn create_dir(&self, _: &Path) -> io::Result<()> {
        refused()
    }
    fn create(&self, _: &Path) -> io::Result<Box<dyn VfsFile>> {
        refused()
    }
    fn open(&self, path: &Path) -> io::Result<Box<dyn VfsFile>> {
        self.0.open(path)
    }
    fn open_append(&self, _: &Path) -> io::Result<Box<dyn VfsFile>> {
        refused()
    }
    fn map(&self, path: &Path) -> io::Result<Arc<dyn Mapping>> {
        self.0.map(path)
    }
    fn rename(&self, _: &Path, _: &Path) -> io::Result<()> {
        refused()
    }
    fn remove(&self, _: &Path) -> io::Result<()> {
        refused()
    }
    fn remove_dir(&self, _: &Path) -> io::Result<()> {
        refused()
    }
    fn list(&self, path: &Path) -> io::Result<Vec<Entry>> {
        self.0.list(path)
    }
    fn sync_dir(&self, _: &Path) -> io::Result<()> {
        refused()
    }
    fn lock(&self, _: &Path, _: &str) -> Result<Box<dyn Lock>, LockError> {
        refused().map_err(LockError::Io)
    }
    fn canonical(&self, path: &Path) -> io::Result<PathBuf> {
        self.0.canonical(path)
    }
    fn holder(&self, path: &Path) -> io::Result<Option<String>> {
        self.0.holder(path)
    }
}
