//! The store's own hold on a [`Vfs`]: typed errors with the path, and the poison.
//!
//! After the first write, sync, create, rename or truncate that fails, what is on disk is unknown (a failed sync may have dropped the
//! dirty pages and the next one succeed), so every later change is refused with [`Error::Poisoned`] until the
//! store is opened again. Reads go on. Removing a file is no promise to anybody: its failure does not poison. Nor
//! does a failure to write a derived file (an index), which nothing names before it is complete: otherwise a nearly full disk
//! that cannot take the index would refuse every write for good.

use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::error::{Error, Result};
use crate::memory::Memory;
use crate::vfs::poison::Poison;
use crate::vfs::{Entry, Mapping, Vfs, VfsFile};

/// Bytes gathered before they are handed to the system: as many as a large page has, so that it may keep them in one, which makes random reads of mapped
/// files faster.
const BUFFER_BYTES: usize = 2 << 20;
/// Bytes that one checksum of a seal is of.
pub(crate) const BLOCK: usize = 64 << 10;

/// Length and CRC-32C of a sealed file, and the CRC-32C of each [`BLOCK`] of it.
pub(crate) struct Checksums {
    pub bytes: u64,
    pub crc32c: u32,
    pub blocks: Vec<u32>,
}

#[derive(Debug)]
pub(crate) struct Disk {
    vfs: Arc<dyn Vfs>,
    poison: Poison,
    memory: Memory,
}

impl Disk {
    pub fn new(vfs: Arc<dyn Vfs>) -> Disk {
        Disk {
            vfs,
            poison: Poison::default(),
            memory: Memory::Full,
        }
    }

    /// The same, for a store that is opened in some way.
    pub fn with_memory(self, memory: Memory) -> Disk {
        Disk { memory, ..self }
    }

    pub fn memory(&self) -> Memory {
        self.memory
    }

    pub fn vfs(&self) -> &Arc<dyn Vfs> {
        &self.vfs
    }

    /// Fails when an earlier change failed.
    pub fn check(&self) -> Result<()> {
        match self.poison.cause() {
            Some(cause) => Err(Error::Poisoned { cause }),
            None => Ok(()),
        }
    }

    /// Remembers the first failure and gives it back.
    pub fn poison(&self, error: Error) -> Error {
        self.poison.set(error.to_string());
        error
    }

    fn change<T>(
        &self,
        operation: &'static str,
        path: &Path,
        act: impl FnOnce() -> io::Result<T>,
    ) -> Result<T> {
        self.check()?;
        act().map_err(|e| self.poison(Error::io(operation, path, &e)))
    }

    pub fn create_dir(&self, path: &Path) -> Result<()> {
        self.change("create the folder", path, || self.vfs.create_dir(path))
    }

    pub fn create(self: &Arc<Self>, path: &Path) -> Result<DiskFile> {
        let file = self.change("create", path, || self.vfs.create(path))?;
        Ok(self.file(file, path, 0, true))
    }

    /// As `create`, for a file that can be made again: its failures do not poison.
    pub fn create_derived(self: &Arc<Self>, path: &Path) -> Result<DiskFile> {
        self.check()?;
        let file = self
            .vfs
            .create(path)
            .map_err(|e| Error::io("create", path, &e))?;
        Ok(self.file(file, path, 0, false))
    }

    fn file(
        self: &Arc<Self>,
        file: Box<dyn VfsFile>,
        path: &Path,
        len: u64,
        poisons: bool,
    ) -> DiskFile {
        DiskFile {
            disk: self.clone(),
            file: Arc::from(file),
            path: path.to_path_buf(),
            len: Arc::new(AtomicU64::new(len)),
            poisons,
        }
    }

    /// Opens a file for reading; changing it fails.
    pub fn open(self: &Arc<Self>, path: &Path) -> Result<DiskFile> {
        let file = self
            .vfs
            .open(path)
            .map_err(|e| Error::io("open", path, &e))?;
        Ok(self.file(file, path, 0, true))
    }

    pub fn open_append(self: &Arc<Self>, path: &Path) -> Result<DiskFile> {
        self.check()?;
        let open = || {
            let file = self.vfs.open_append(path)?;
            let len = file.len()?;
            Ok((file, len))
        };
        let (file, len) = open().map_err(|e| Error::io("open", path, &e))?;
        Ok(self.file(file, path, len, true))
    }

    pub fn rename(&self, from: &Path, to: &Path) -> Result<()> {
        self.change("rename", from, || self.vfs.rename(from, to))
    }

    pub fn sync_dir(&self, path: &Path) -> Result<()> {
        self.change("sync the folder", path, || self.vfs.sync_dir(path))
    }

    /// Whether the file is gone now.
    pub fn remove(&self, path: &Path) -> bool {
        match self.vfs.remove(path) {
            Ok(()) => true,
            Err(e) => e.kind() == io::ErrorKind::NotFound,
        }
    }

    /// Removes a folder of files and, as far as that goes, says nothing about what could not be removed.
    pub fn remove_tree(&self, path: &Path) -> bool {
        if let Ok(entries) = self.vfs.list(path) {
            for entry in entries.iter().filter(|e| !e.is_dir) {
                self.remove(&path.join(&entry.name));
            }
        }
        match self.vfs.remove_dir(path) {
            Ok(()) => true,
            Err(e) => e.kind() == io::ErrorKind::NotFound,
        }
    }

    pub fn list(&self, path: &Path) -> Result<Vec<Entry>> {
        self.vfs.list(path).map_err(|e| Error::io("list", path, &e))
    }

    pub fn map(&self, path: &Path) -> Result<Arc<dyn Mapping>> {
        self.vfs.map(path).map_err(|e| Error::io("map", path, &e))
    }

    /// A whole file, which must not be longer than `limit`.
    pub fn read(&self, path: &Path, limit: u64) -> Result<Vec<u8>> {
        let read = || -> io::Result<Result<Vec<u8>, u64>> {
            let file = self.vfs.open(path)?;
            let len = file.len()?;
            if len > limit {
                return Ok(Err(len));
            }
            let mut bytes = Vec::new();
            bytes
                .try_reserve_exact(len as usize)
                .map_err(|_| io::ErrorKind::OutOfMemory)?;
            bytes.resize(len as usize, 0);
            file.read_at(&mut bytes, 0)?;
            Ok(Ok(bytes))
        };
        match read() {
            Ok(Ok(bytes)) => Ok(bytes),
            Ok(Err(actual)) => Err(Error::LimitExceeded {
                what: format!("size of {}", path.display()),
                limit,
                actual,
            }),
            Err(e) => Err(Error::io("read", path, &e)),
        }
    }
}

/// An open file whose failed changes poison the store.
#[derive(Clone)]
pub(crate) struct DiskFile {
    disk: Arc<Disk>,
    file: Arc<dyn VfsFile>,
    path: PathBuf,
    /// Bytes that appends which succeeded have left in the file.
    len: Arc<AtomicU64>,
    poisons: bool,
}

impl DiskFile {
    fn change(&self, operation: &'static str, act: impl FnOnce() -> io::Result<()>) -> Result<()> {
        self.disk.check()?;
        act().map_err(|e| self.failed(Error::io(operation, &self.path, &e)))
    }

    fn failed(&self, error: Error) -> Error {
        if self.poisons {
            self.disk.poison(error)
        } else {
            error
        }
    }

    pub fn append(&self, bytes: &[u8]) -> Result<()> {
        self.disk.check()?;
        let (before, count) = (self.len.load(Ordering::Relaxed), bytes.len() as u64);
        self.file.append(bytes).map_err(|e| {
            let mut error = Error::io("write", &self.path, &e);
            if let Error::DiskFull { needed, .. } = &mut error {
                // Part of the bytes may have found room.
                let there = self.file.len().unwrap_or(before).saturating_sub(before);
                *needed = Some(count.saturating_sub(there).max(1));
            }
            self.failed(error)
        })?;
        self.len.fetch_add(count, Ordering::Relaxed);
        Ok(())
    }

    pub fn sync(&self) -> Result<()> {
        self.change("sync", || self.file.sync())
    }

    pub fn truncate(&self, len: u64) -> Result<()> {
        self.change("cut", || self.file.truncate(len))?;
        self.len.store(len, Ordering::Relaxed);
        Ok(())
    }

    /// A buffered writer that counts and checksums what passes.
    pub fn sealing(self) -> SealingWriter {
        SealingWriter {
            file: self,
            buffer: Vec::with_capacity(BUFFER_BYTES),
            bytes: 0,
            crc: 0,
            blocks: Vec::new(),
            block: 0,
            error: None,
        }
    }
}

/// Writes a file once from front to back, then seals it. Keeps length and CRC-32C for the manifest.
pub(crate) struct SealingWriter {
    file: DiskFile,
    buffer: Vec<u8>,
    bytes: u64,
    crc: u32,
    /// Checksums of whole blocks, and of the one that is being filled.
    blocks: Vec<u32>,
    block: u32,
    /// The typed error behind the `io::Error` that a writer on top of this one saw.
    error: Option<Error>,
}

impl SealingWriter {
    /// Bytes written so far.
    pub fn len(&self) -> u64 {
        self.bytes
    }

    pub fn put(&mut self, mut bytes: &[u8]) -> Result<()> {
        self.count(bytes);
        while !bytes.is_empty() {
            if self.buffer.is_empty() && bytes.len() >= BUFFER_BYTES {
                let (whole, rest) = bytes.split_at(bytes.len() - bytes.len() % BUFFER_BYTES);
                self.file.append(whole)?;
                bytes = rest;
                continue;
            }
            let (head, rest) = bytes.split_at(bytes.len().min(BUFFER_BYTES - self.buffer.len()));
            self.buffer.extend_from_slice(head);
            bytes = rest;
            if self.buffer.len() == BUFFER_BYTES {
                self.flush_buffer()?;
            }
        }
        Ok(())
    }

    fn count(&mut self, mut bytes: &[u8]) {
        self.crc = crc32c::crc32c_append(self.crc, bytes);
        while !bytes.is_empty() {
            let filled = (self.bytes % BLOCK as u64) as usize;
            let (head, rest) = bytes.split_at(bytes.len().min(BLOCK - filled));
            self.block = crc32c::crc32c_append(self.block, head);
            self.bytes += head.len() as u64;
            if filled + head.len() == BLOCK {
                self.blocks.push(std::mem::take(&mut self.block));
            }
            bytes = rest;
        }
    }

    fn flush_buffer(&mut self) -> Result<()> {
        if !self.buffer.is_empty() {
            self.file.append(&self.buffer)?;
            self.buffer.clear();
        }
        Ok(())
    }

    /// The typed error that made a `Write` call fail, if one did.
    pub fn take_error(&mut self) -> Option<Error> {
        self.error.take()
    }

    /// Hands everything to the system and syncs. Gives length and CRC-32C of the file.
    pub fn seal(self) -> Result<(u64, u32)> {
        let sums = self.seal_blocks()?;
        Ok((sums.bytes, sums.crc32c))
    }

    /// As `seal`, with the checksums of all blocks.
    pub fn seal_blocks(mut self) -> Result<Checksums> {
        self.flush_buffer()?;
        self.file.sync()?;
        if !self.bytes.is_multiple_of(BLOCK as u64) {
            self.blocks.push(self.block);
        }
        Ok(Checksums {
            bytes: self.bytes,
            crc32c: self.crc,
            blocks: self.blocks,
        })
    }
}

impl Write for SealingWriter {
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        match self.put(buf) {
            Ok(()) => Ok(buf.len()),
            Err(e) => {
                let text = e.to_string();
                self.error.get_or_insert(e);
                Err(io::Error::other(text))
            }
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
