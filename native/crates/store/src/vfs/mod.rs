//! The one door to the file system.
//!
//! The store does nothing with files but what [`Vfs`] and [`VfsFile`] offer, so that a test can fail any operation, or
//! lose whatever was not synced, and see what the store makes of it. What the store relies on:
//!
//! - bytes appended and then [`VfsFile::sync`]ed are there after a power cut;
//! - a created, renamed or removed name is there (or gone) after a power cut once [`Vfs::sync_dir`] returned for its folder;
//! - a rename replaces its target whole or not at all;
//! - anything not synced may be there in any part, in any order, or hold garbage.
//!
//! Files are only appended to, so a written byte is never written again.

mod disk;
mod mem;
mod poison;
mod readonly;
mod real;

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

pub(crate) use disk::{BLOCK, Checksums, Disk, DiskFile, SealingWriter};
pub use mem::MemVfs;
pub(crate) use readonly::ReadOnlyVfs;
pub use real::RealVfs;

/// A file system. All paths are given in full; a method acts on exactly the path that it is given.
pub trait Vfs: Send + Sync + fmt::Debug {
    /// Makes a folder in an existing folder. `AlreadyExists` if the name is taken.
    fn create_dir(&self, path: &Path) -> io::Result<()>;
    /// Makes an empty file, open for reading and appending. `AlreadyExists` if the name is taken.
    fn create(&self, path: &Path) -> io::Result<Box<dyn VfsFile>>;
    /// Opens an existing file for reading.
    fn open(&self, path: &Path) -> io::Result<Box<dyn VfsFile>>;
    /// Opens an existing file for reading, appending and truncating.
    fn open_append(&self, path: &Path) -> io::Result<Box<dyn VfsFile>>;
    /// Maps a whole file for reading. The caller promises that the file is sealed: nobody writes to it any more.
    fn map(&self, path: &Path) -> io::Result<Arc<dyn Mapping>>;
    /// Gives a file a new name in the same file system, replacing what had it.
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()>;
    /// Removes a file. Open handles and mappings of it keep working (on Windows the removal may fail instead).
    fn remove(&self, path: &Path) -> io::Result<()>;
    /// Removes an empty folder.
    fn remove_dir(&self, path: &Path) -> io::Result<()>;
    /// The entries of a folder, sorted by name.
    fn list(&self, path: &Path) -> io::Result<Vec<Entry>>;
    /// Makes the names in a folder durable.
    fn sync_dir(&self, path: &Path) -> io::Result<()>;
    /// Takes the exclusive advisory lock of a file, which is made if need be, and writes `holder` into it.
    /// The lock is given back when the value is dropped, or when the process dies.
    fn lock(&self, path: &Path, holder: &str) -> Result<Box<dyn Lock>, LockError>;
    /// What the holder of a lock wrote into it; `None` when nobody holds it. Looks without changing anything. A simulation without
    /// a second opener may leave it at nobody.
    fn holder(&self, _path: &Path) -> io::Result<Option<String>> {
        Ok(None)
    }
    /// The one name of a file or folder that is there, without links, `.` and `..`.
    fn canonical(&self, path: &Path) -> io::Result<PathBuf> {
        Ok(path.to_path_buf())
    }
    /// Bytes that can still be written to a folder's file system, where that can be told.
    fn room(&self, _path: &Path) -> Option<u64> {
        None
    }
    /// A number that differs from call to call (log salts). A simulation may return a seeded sequence.
    fn random(&self) -> u64 {
        use std::hash::{BuildHasher, Hasher, RandomState};
        RandomState::new().build_hasher().finish()
    }
}

/// An open file.
pub trait VfsFile: Send + Sync {
    /// Bytes in the file.
    fn len(&self) -> io::Result<u64>;
    /// Whether the file has no bytes.
    fn is_empty(&self) -> io::Result<bool> {
        Ok(self.len()? == 0)
    }
    /// Fills `buf` from `offset` on; `UnexpectedEof` if the file ends before.
    fn read_at(&self, buf: &mut [u8], offset: u64) -> io::Result<()>;
    /// Writes all of `bytes` behind the end. After an error any part of them may have been written.
    fn append(&self, bytes: &[u8]) -> io::Result<()>;
    /// Returns when all bytes appended before the call, and the length, are durable. May run while others append.
    fn sync(&self) -> io::Result<()>;
    /// Cuts the file down to `len` bytes; `InvalidInput` if it is shorter.
    fn truncate(&self, len: u64) -> io::Result<()>;
}

/// The bytes of a sealed file.
///
/// # Safety
/// `bytes` must return the same memory, at the same address (aligned to 4,096 bytes, unless it is empty) and with the same content, each
/// time, for as long as the value lives: parsed views keep pointers into it.
pub unsafe trait Mapping: Send + Sync {
    /// The bytes.
    fn bytes(&self) -> &[u8];
    /// Lets the memory go that holds the bytes, where it can be had again: reading them takes longer the next time.
    fn let_go(&self) {}
}

impl fmt::Debug for dyn Mapping {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Mapping({} bytes)", self.bytes().len())
    }
}

/// A name in a folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// The name, without its folder. Names that are not UTF-8 are shown with replacement characters; none of ours are such.
    pub name: String,
    /// Whether it is a folder.
    pub is_dir: bool,
    /// Bytes in the file; 0 for a folder.
    pub len: u64,
}

/// A held lock; dropping it gives it back.
pub trait Lock: Send + Sync {}

/// Why a lock was not taken.
#[derive(Debug)]
pub enum LockError {
    /// Somebody holds it; what they wrote into the file, if it can be read.
    Held(Option<String>),
    /// The system failed.
    Io(io::Error),
}

impl From<io::Error> for LockError {
    fn from(e: io::Error) -> Self {
        LockError::Io(e)
    }
}
