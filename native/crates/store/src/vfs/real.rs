//! The operating system's files. The only place in the crate that may use `std::fs`.
#![expect(
    clippy::disallowed_methods,
    reason = "this is the door that the ban protects"
)]

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use memmap2::Mmap;

use super::{Entry, Lock, LockError, Mapping, Vfs, VfsFile};
use crate::sync::Mutex;

/// Longest holder text that is read from a lock file.
const MAX_HOLDER_BYTES: u64 = 1024;
/// How often, and after what pause, a lock is tried again that somebody has.
const LOCK_TRIES: u32 = 10;
const LOCK_PAUSE: Duration = Duration::from_millis(5);

/// The file system of the operating system.
#[derive(Debug, Clone, Copy, Default)]
pub struct RealVfs;

impl Vfs for RealVfs {
    fn create_dir(&self, path: &Path) -> io::Result<()> {
        fs::create_dir(path)
    }

    fn create(&self, path: &Path) -> io::Result<Box<dyn VfsFile>> {
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .create_new(true)
            .open(path)?;
        Ok(Box::new(RealFile {
            file,
            end: Mutex::new(0),
        }))
    }

    fn open(&self, path: &Path) -> io::Result<Box<dyn VfsFile>> {
        let file = File::open(path)?;
        let end = regular_len(&file)?;
        Ok(Box::new(RealFile {
            file,
            end: Mutex::new(end),
        }))
    }

    fn open_append(&self, path: &Path) -> io::Result<Box<dyn VfsFile>> {
        let file = OpenOptions::new().read(true).write(true).open(path)?;
        let end = regular_len(&file)?;
        Ok(Box::new(RealFile {
            file,
            end: Mutex::new(end),
        }))
    }

    fn map(&self, path: &Path) -> io::Result<Arc<dyn Mapping>> {
        let file = File::open(path)?;
        if regular_len(&file)? == 0 {
            return Ok(Arc::new(RealMapping(None)));
        }
        // SAFETY: only sealed files are mapped: nothing of ours writes to or cuts them once they are named, and the
        // store's lock keeps other writers of ours out. A foreign program that cuts the file makes reads
        // fault (SIGBUS), which ends the process; that is the accepted outcome of such a thing.
        let map = unsafe { Mmap::map(&file)? };
        Ok(Arc::new(RealMapping(Some(map))))
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        fs::rename(from, to)
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        fs::remove_file(path)
    }

    fn remove_dir(&self, path: &Path) -> io::Result<()> {
        fs::remove_dir(path)
    }

    fn list(&self, path: &Path) -> io::Result<Vec<Entry>> {
        let mut entries = Vec::new();
        for entry in fs::read_dir(path)? {
            let entry = entry?;
            // Does not follow links: a link is neither a folder of ours nor a file of ours.
            let meta = match entry.metadata() {
                Ok(meta) => meta,
                Err(e) if e.kind() == io::ErrorKind::NotFound => continue,
                Err(e) => return Err(e),
            };
            entries.push(Entry {
                name: entry.file_name().to_string_lossy().into_owned(),
                is_dir: meta.is_dir(),
                len: if meta.is_file() { meta.len() } else { 0 },
            });
        }
        entries.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(entries)
    }

    #[cfg(unix)]
    fn sync_dir(&self, path: &Path) -> io::Result<()> {
        File::open(path)?.sync_all()
    }

    /// NTFS journals names itself, and a folder cannot be synced through std.
    #[cfg(not(unix))]
    fn sync_dir(&self, path: &Path) -> io::Result<()> {
        fs::metadata(path).map(|_| ())
    }

    fn lock(&self, path: &Path, holder: &str) -> Result<Box<dyn Lock>, LockError> {
        let mut file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(path)?;
        let mut tries = 0;
        while let Err(e) = file.try_lock() {
            match e {
                // It may be no writer: `holder` takes a shared lock for a moment.
                TryLockError::WouldBlock if tries < LOCK_TRIES => {
                    tries += 1;
                    std::thread::sleep(LOCK_PAUSE);
                }
                TryLockError::WouldBlock => return Err(LockError::Held(holder_text(&file))),
                TryLockError::Error(e) => return Err(LockError::Io(e)),
            }
        }
        file.set_len(0)?;
        file.seek(SeekFrom::Start(0))?;
        file.write_all(holder.as_bytes())?;
        Ok(Box::new(RealLock(file)))
    }

    fn canonical(&self, path: &Path) -> io::Result<PathBuf> {
        fs::canonicalize(path)
    }

    #[cfg(unix)]
    fn room(&self, path: &Path) -> Option<u64> {
        let found = rustix::fs::statvfs(path).ok()?;
        Some(found.f_bavail.saturating_mul(found.f_frsize))
    }

    fn holder(&self, path: &Path) -> io::Result<Option<String>> {
        let file = match File::open(path) {
            Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(None),
            file => file?,
        };
        // A shared lock, so that those who look do not take each other for a writer; closing the file gives it back.
        match file.try_lock_shared() {
            Ok(()) => Ok(None),
            Err(TryLockError::WouldBlock) => Ok(Some(
                holder_text(&file).unwrap_or_else(|| "another process".to_owned()),
            )),
            Err(TryLockError::Error(e)) => Err(e),
        }
    }
}

/// What the holder of a lock wrote, where the system lets others read it.
fn holder_text(file: &File) -> Option<String> {
    let mut text = String::new();
    let read = file.take(MAX_HOLDER_BYTES).read_to_string(&mut text);
    let text = text.trim();
    (read.is_ok() && !text.is_empty()).then(|| text.to_owned())
}

/// Length of a file that must be a regular one.
fn regular_len(file: &File) -> io::Result<u64> {
    let meta = file.metadata()?;
    if !meta.is_file() {
        return Err(io::Error::new(
            io::ErrorKind::InvalidInput,
            "not a regular file",
        ));
    }
    Ok(meta.len())
}

struct RealFile {
    file: File,
    /// Where the next append goes. Held while writing, so that appends do not overlap.
    end: Mutex<u64>,
}

impl VfsFile for RealFile {
    fn len(&self) -> io::Result<u64> {
        Ok(self.file.metadata()?.len())
    }

    #[cfg(unix)]
    fn read_at(&self, buf: &mut [u8], offset: u64) -> io::Result<()> {
        if i64::try_from(offset).is_err() {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        std::os::unix::fs::FileExt::read_exact_at(&self.file, buf, offset)
    }

    #[cfg(windows)]
    fn read_at(&self, mut buf: &mut [u8], mut offset: u64) -> io::Result<()> {
        if i64::try_from(offset).is_err() {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        while !buf.is_empty() {
            match std::os::windows::fs::FileExt::seek_read(&self.file, buf, offset) {
                Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
                Ok(n) => {
                    buf = &mut buf[n..];
                    offset += n as u64;
                }
                Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
                Err(e) => return Err(e),
            }
        }
        Ok(())
    }

    #[cfg(unix)]
    fn append(&self, bytes: &[u8]) -> io::Result<()> {
        let mut end = self.end.lock();
        std::os::unix::fs::FileExt::write_all_at(&self.file, bytes, *end)?;
        *end += bytes.len() as u64;
        Ok(())
    }

    #[cfg(windows)]
    fn append(&self, mut bytes: &[u8]) -> io::Result<()> {
        let mut end = self.end.lock();
        while !bytes.is_empty() {
            match std::os::windows::fs::FileExt::seek_write(&self.file, bytes, *end) {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(n) => {
                    bytes = &bytes[n..];
                    *end += n as u64;
                }
                Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
                Err(e) => return Err(e),
            }
        }
        Ok(())
    }

    fn sync(&self) -> io::Result<()> {
        self.file.sync_data()
    }

    fn truncate(&self, len: u64) -> io::Result<()> {
        let mut end = self.end.lock();
        if len > *end {
            return Err(io::Error::new(
                io::ErrorKind::InvalidInput,
                "cannot grow a file",
            ));
        }
        self.file.set_len(len)?;
        *end = len;
        Ok(())
    }
}

/// `None` for an empty file, which cannot be mapped everywhere.
struct RealMapping(Option<Mmap>);

// SAFETY: an `Mmap` keeps its pages in place until it is dropped, page-aligned; their content does not change
// because only sealed files are mapped (see `map`).
unsafe impl Mapping for RealMapping {
    fn bytes(&self) -> &[u8] {
        self.0.as_deref().unwrap_or_default()
    }

    fn let_go(&self) {
        #[cfg(unix)]
        if let Some(map) = &self.0 {
            // SAFETY: the mapping is shared and never written to, so what is dropped is read from the file again.
            // A failure leaves the pages where they are.
            let _ = unsafe { map.unchecked_advise(memmap2::UncheckedAdvice::DontNeed) };
        }
    }
}

struct RealLock(File);

impl Lock for RealLock {}

impl Drop for RealLock {
    fn drop(&mut self) {
        // Closing the file is not enough: a child that another thread has forked and that has not yet called exec holds a copy.
        let _ = self.0.unlock();
    }
}
