//! Reading a damaged log: every record that checks out, also those behind a damaged one.

use std::path::Path;

use super::MAX_FILE;
use super::reader::{Log, search_budget};
use super::record::{FILE_HEADER, FileHeader, VERSION, is_sound, peek};
use crate::error::Result;
use crate::vfs::Disk;

/// Where in the file the salt stands.
const SALT: usize = 16;

/// Bytes of a log that are no record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Gap {
    /// Where, and how many bytes.
    pub offset: u64,
    pub bytes: u64,
    /// LSN of the first record that is missing, and of the record that follows; none follows a torn tail.
    pub first: u64,
    pub next: Option<u64>,
}

/// The sound records of the log file at `path`, in ascending order of their LSNs, and what lies between them.
///
/// # Errors
/// Failures to read.
pub(crate) fn salvage_log(disk: &Disk, path: &Path, first_lsn: u64) -> Result<(Log, Vec<Gap>)> {
    let bytes = disk.read(path, MAX_FILE)?;
    Ok(salvage(path, bytes, first_lsn))
}

fn salvage(path: &Path, bytes: Vec<u8>, first_lsn: u64) -> (Log, Vec<Gap>) {
    // A damaged header may still hold the right salt; if it does not, no record checks out.
    let salt = bytes.get(SALT..).and_then(|b| b.first_chunk());
    let salt = u64::from_le_bytes(salt.copied().unwrap_or_default());
    let old = bytes.get(8..12) == Some(1u32.to_le_bytes().as_slice());
    let mut records = Vec::new();
    let mut gaps = Vec::new();
    let mut budget = search_budget(bytes.len());
    let mut next = first_lsn;
    let mut at = FILE_HEADER;
    let mut gap_from = None;
    while at < bytes.len() {
        let sound = peek(&bytes, at).filter(|r| {
            // The search behind damage must end, whatever the bytes look like.
            let cost = if gap_from.is_some() { r.end - at } else { 0 };
            match budget.checked_sub(cost) {
                Some(left) if r.lsn >= next && r.lsn < u64::MAX => {
                    budget = left;
                    is_sound(&bytes, at, r, salt)
                }
                _ => false,
            }
        });
        let Some(record) = sound else {
            gap_from.get_or_insert(at);
            at += 8;
            continue;
        };
        if record.lsn > next || gap_from.is_some() {
            let from = gap_from.take().unwrap_or(at);
            gaps.push(Gap {
                offset: from as u64,
                bytes: (at - from) as u64,
                first: next,
                next: Some(record.lsn),
            });
        }
        next = record.lsn + 1;
        records.push((at, record));
        at = record.end;
    }
    if let Some(from) = gap_from {
        gaps.push(Gap {
            offset: from as u64,
            bytes: (bytes.len() - from) as u64,
            first: next,
            next: None,
        });
    }
    let valid_len = records.last().map_or(FILE_HEADER, |(_, r)| r.end) as u64;
    let log = Log {
        path: path.to_path_buf(),
        first_lsn,
        records,
        header: Some(FileHeader {
            version: if old { 1 } else { VERSION },
            salt,
            first_lsn,
        }),
        valid_len,
        bytes,
    };
    (log, gaps)
}
