//! Appending to the newest log file. Syncing is the caller's: many appends may share one sync.

use std::path::Path;
use std::sync::Arc;

use super::record::{FILE_HEADER, FileHeader, Kind, VERSION, encode, padded};
use super::{Log, MAX_PAYLOAD, file_name, folder, mark_of};
use crate::error::{Error, Result};
use crate::vfs::{Disk, DiskFile};

/// The log that is written to.
pub(crate) struct Wal {
    file: DiskFile,
    salt: u64,
    first_lsn: u64,
    last_lsn: u64,
    bytes: u64,
    /// Generation that the last record tells, if it is a mark.
    marked: Option<u64>,
    buffer: Vec<u8>,
}

impl Wal {
    /// Makes a log file whose first record will have the LSN `first_lsn`. It and its name are durable on return.
    pub fn create(disk: &Arc<Disk>, root: &Path, first_lsn: u64) -> Result<Wal> {
        let folder = folder(root);
        let file = disk.create(&folder.join(file_name(first_lsn)))?;
        let salt = disk.vfs().random();
        let header = FileHeader {
            version: VERSION,
            salt,
            first_lsn,
        };
        file.append(&header.to_bytes())?;
        file.sync()?;
        disk.sync_dir(&folder)?;
        Ok(Wal {
            file,
            salt,
            first_lsn,
            last_lsn: first_lsn - 1,
            bytes: FILE_HEADER as u64,
            marked: None,
            buffer: Vec::new(),
        })
    }

    /// Goes on with a log that was read: cuts off the torn tail and makes what was read durable (after a mere crash of the process it
    /// may still be in the system's cache only).
    pub fn resume(disk: &Arc<Disk>, log: &Log) -> Result<Option<Wal>> {
        let Some(header) = log.header else {
            return Ok(None);
        };
        let file = disk.open_append(log.path())?;
        if log.valid_len < log.file_len() {
            file.truncate(log.valid_len)?;
        }
        file.sync()?;
        if header.version != VERSION {
            // Records of this version go into a file that says so.
            let root = log.path().parent().and_then(Path::parent);
            let root = root.ok_or_else(|| Error::internal("a log lies in no store"))?;
            let last = log.last_lsn(header.first_lsn);
            let mut old = Wal {
                file,
                salt: header.salt,
                first_lsn: header.first_lsn,
                last_lsn: last,
                bytes: log.valid_len,
                marked: log.marked(),
                buffer: Vec::new(),
            };
            if old.is_empty() {
                // Else the new file would have the same name.
                old.append(Kind::Mark, last, &[])?;
                old.file.sync()?;
            }
            return Wal::create(disk, root, old.last_lsn + 1).map(Some);
        }
        Ok(Some(Wal {
            file,
            salt: header.salt,
            first_lsn: header.first_lsn,
            last_lsn: log.last_lsn(header.first_lsn),
            bytes: log.valid_len,
            marked: log.marked(),
            buffer: Vec::new(),
        }))
    }

    /// The log that another process writes, as far as it was read; nothing can be appended.
    pub fn follow(disk: &Arc<Disk>, log: &Log) -> Result<Option<Wal>> {
        let Some(header) = log.header else {
            return Ok(None);
        };
        Ok(Some(Wal {
            file: disk.open(log.path())?,
            salt: header.salt,
            first_lsn: header.first_lsn,
            last_lsn: log.last_lsn(header.first_lsn),
            bytes: log.valid_len,
            marked: log.marked(),
            buffer: Vec::new(),
        }))
    }

    /// Appends a record and gives its LSN. It is durable once a sync of [`Wal::file`] that began afterwards returned.
    pub fn append(&mut self, kind: Kind, durable: u64, payload: &[u8]) -> Result<u64> {
        if payload.len() > MAX_PAYLOAD {
            return Err(Error::LimitExceeded {
                what: "bytes in one write".to_owned(),
                limit: MAX_PAYLOAD as u64,
                actual: payload.len() as u64,
            });
        }
        let lsn = self
            .last_lsn
            .checked_add(1)
            .ok_or_else(|| Error::internal("out of LSNs"))?;
        self.buffer.clear();
        encode(&mut self.buffer, self.salt, kind, lsn, durable, payload);
        self.file.append(&self.buffer)?;
        if self.buffer.capacity() > 4 << 20 {
            self.buffer = Vec::new();
        }
        self.bytes += padded(payload.len()) as u64;
        self.last_lsn = lsn;
        self.marked = mark_of(kind, payload);
        Ok(lsn)
    }

    pub fn file(&self) -> &DiskFile {
        &self.file
    }

    pub fn first_lsn(&self) -> u64 {
        self.first_lsn
    }

    pub fn last_lsn(&self) -> u64 {
        self.last_lsn
    }

    /// The generation that the last record tells, if it is a mark.
    pub fn marked(&self) -> Option<u64> {
        self.marked
    }

    /// Says that all records before are durable, and so is this generation. It is durable itself on return.
    pub fn mark(&mut self, generation: u64) -> Result<()> {
        self.append(Kind::Mark, self.last_lsn, &generation.to_le_bytes())?;
        self.file.sync()
    }

    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Whether the file holds no record.
    pub fn is_empty(&self) -> bool {
        self.last_lsn < self.first_lsn
    }
}
