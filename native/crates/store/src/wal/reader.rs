//! Reading a log back: an exact prefix of what was written, or a report of damage.

use std::path::{Path, PathBuf};

use super::record::{FILE_HEADER, FileHeader, HeaderError, Record, VERSION, is_sound, peek};
use super::{Kind, MAX_FILE, mark_of};
use crate::error::{Error, Result};
use crate::vfs::Disk;

/// The search for valid records behind a bad one checksums at most so many bytes, so that a file made to look like records everywhere cannot
/// hang the open: a fifth of a second's work, but at least eight times the file.
pub(super) fn search_budget(file: usize) -> usize {
    file.saturating_mul(8).max(2 << 30)
}

/// A log file that was read and checked.
#[derive(Debug)]
pub(crate) struct Log {
    pub(super) path: PathBuf,
    pub(super) first_lsn: u64,
    pub(super) bytes: Vec<u8>,
    pub(super) records: Vec<(usize, Record)>,
    /// Salt of the file, and its first LSN; `None` for a file that was made but whose header was never synced.
    pub header: Option<FileHeader>,
    /// Where the valid records end; what lies behind is a torn tail.
    pub valid_len: u64,
}

/// One record of a log, as replay sees it.
pub(crate) struct Entry<'a> {
    pub kind: Kind,
    pub lsn: u64,
    pub offset: u64,
    pub payload: &'a [u8],
    /// Format version of the file.
    pub version: u32,
}

/// Reads the log file at `path`. In the newest file (`newest`) a torn tail is told by `valid_len`; in an older one it is damage.
pub(crate) fn read_log(disk: &Disk, path: &Path, first_lsn: u64, newest: bool) -> Result<Log> {
    let bytes = disk.read(path, MAX_FILE)?;
    parse(path, bytes, first_lsn, newest)
}

pub(crate) fn parse(path: &Path, bytes: Vec<u8>, first_lsn: u64, newest: bool) -> Result<Log> {
    let corrupt = |offset: usize, lsn: Option<u64>, reason: &str| Error::Corrupt {
        file: path.to_path_buf(),
        offset: Some(offset as u64),
        lsn,
        reason: reason.to_owned(),
    };
    let header = match FileHeader::parse(&bytes) {
        Ok(header) => header,
        // Records are only appended once the header is synced, so a file of no more than a header holds none.
        Err(HeaderError::Short | HeaderError::Damaged(_))
            if newest && bytes.len() <= FILE_HEADER =>
        {
            return Ok(Log {
                path: path.to_path_buf(),
                first_lsn,
                bytes,
                records: Vec::new(),
                header: None,
                valid_len: 0,
            });
        }
        Err(HeaderError::Short) => return Err(corrupt(0, None, "it is too short for a log file")),
        Err(HeaderError::Damaged(reason)) => return Err(corrupt(0, None, reason)),
        Err(HeaderError::Version(found)) => {
            return Err(Error::UnsupportedVersion {
                file: path.to_path_buf(),
                found,
                supported: VERSION,
            });
        }
    };
    if header.first_lsn != first_lsn {
        return Err(corrupt(
            24,
            None,
            "its header names another first LSN than its name",
        ));
    }

    let mut records = Vec::new();
    let mut at = FILE_HEADER;
    let mut lsn = first_lsn;
    while at < bytes.len() {
        let Some(record) = peek(&bytes, at).filter(|r| is_sound(&bytes, at, r, header.salt)) else {
            break;
        };
        if record.lsn != lsn || record.durable >= lsn {
            return Err(corrupt(at, Some(lsn), "a valid record is out of order"));
        }
        records.push((at, record));
        at = record.end;
        lsn = lsn
            .checked_add(1)
            .ok_or_else(|| corrupt(at, None, "the LSNs overflow"))?;
    }
    if at < bytes.len() {
        if !newest {
            return Err(corrupt(
                at,
                Some(lsn),
                "a record is damaged, and a later log file follows",
            ));
        }
        match knows_durable(&bytes, at + 8, lsn, header.salt) {
            Search::Nothing => {}
            Search::Found => {
                return Err(corrupt(
                    at,
                    Some(lsn),
                    "a record is damaged that a later one knows to have been synced",
                ));
            }
            Search::GaveUp => {
                return Err(corrupt(
                    at,
                    Some(lsn),
                    "a record is damaged, and what follows is too tangled to tell why",
                ));
            }
        }
    }
    Ok(Log {
        path: path.to_path_buf(),
        first_lsn,
        bytes,
        records,
        header: Some(header),
        valid_len: at as u64,
    })
}

enum Search {
    Found,
    Nothing,
    GaveUp,
}

/// Whether a valid record at or behind `from` says that `lsn` was durable.
fn knows_durable(bytes: &[u8], from: usize, lsn: u64, salt: u64) -> Search {
    let mut budget = search_budget(bytes.len());
    let mut at = from;
    while at < bytes.len() {
        // A record that does not claim to know is not worth a checksum.
        if let Some(record) = peek(bytes, at).filter(|r| r.durable >= lsn && r.lsn > r.durable) {
            let Some(left) = budget.checked_sub(record.end - at) else {
                return Search::GaveUp;
            };
            budget = left;
            if is_sound(bytes, at, &record, salt) {
                return Search::Found;
            }
        }
        at += 8;
    }
    Search::Nothing
}

impl Log {
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The first LSN that the file's name tells.
    pub fn first_lsn(&self) -> u64 {
        self.first_lsn
    }

    /// The file without its torn tail.
    pub fn valid_bytes(&self) -> &[u8] {
        &self.bytes[..self.valid_len as usize]
    }

    /// Bytes of the file, torn tail included.
    pub fn file_len(&self) -> u64 {
        self.bytes.len() as u64
    }

    /// LSN of the last record, or one less than the first LSN of the file if there is none.
    pub fn last_lsn(&self, first_lsn: u64) -> u64 {
        self.records
            .last()
            .map_or(first_lsn.saturating_sub(1), |(_, r)| r.lsn)
    }

    /// Generation that the last record tells, if it is a mark.
    pub fn marked(&self) -> Option<u64> {
        let last = self.records.last()?;
        mark_of(
            last.1.kind,
            &self.bytes[last.1.payload..last.1.payload + last.1.len],
        )
    }

    /// The newest generation that a mark in the file knows to be durable, with the mark's LSN.
    pub fn known_generation(&self) -> Option<(u64, u64)> {
        let marks = self.entries().filter(|e| e.kind == Kind::Mark);
        marks
            .filter_map(|e| Some((mark_of(e.kind, e.payload)?, e.lsn)))
            .max()
    }

    pub fn entries(&self) -> impl Iterator<Item = Entry<'_>> {
        self.records.iter().map(|(at, r)| Entry {
            kind: r.kind,
            lsn: r.lsn,
            offset: *at as u64,
            payload: &self.bytes[r.payload..r.payload + r.len],
            version: self.header.map_or(VERSION, |h| h.version),
        })
    }
}
