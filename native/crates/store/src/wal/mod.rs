//! The write-ahead log: `wal/<first lsn, 20 digits>.wal`.
//!
//! All numbers little-endian. A file begins with a header of 32 bytes:
//!
//! | bytes | field |
//! | --- | --- |
//! | 0..8 | magic `OMENWAL1` |
//! | 8..12 | format version, 2 (1 is read, and gone on with in a new file) |
//! | 12..16 | CRC-32C of the other 28 bytes of the header, in order |
//! | 16..24 | salt: a random number of this file |
//! | 24..32 | LSN of its first record |
//!
//! Then records, each starting at a multiple of 8:
//!
//! | bytes | field |
//! | --- | --- |
//! | 0..4 | length of the payload, at most 64 MiB |
//! | 4 | kind: 1 upsert, 2 delete, 3 mark, 4 edit, 5 revert (0 is never written, so zeros are no record) |
//! | 5..8 | flags and reserved, 0 |
//! | 8..16 | LSN: one more than the record before |
//! | 16..24 | durable LSN: all records up to it were synced when this one was written |
//! | 24..24+n | payload |
//! | +4 | CRC-32C of salt, the 24 header bytes and the payload |
//! | .. | zeros up to a multiple of 8 |
//!
//! A record is *bad* when any of that does not hold. What follows from a bad record with the LSN `x`:
//!
//! - a later valid record in the file says that `x` was durable, or a later file exists: acknowledged bytes are damaged.
//!   The store is not opened: [`crate::Error::Corrupt`] with LSN and offset.
//! - otherwise the record was never acknowledged, as far as the log can tell: a *torn tail*. It and what follows is cut off. (Without
//!   the durable LSN a power cut that loses the first of two unsynced records but keeps the second would look like damage.)
//!
//! The honest limit: damage to the last synced batch, after a crash, looks like a torn tail. A clean close writes a mark, so damage
//! to the last rows of a store that was closed is found.

mod payload;
mod reader;
mod record;
mod salvage;
#[cfg(test)]
mod tests;
mod writer;

pub(crate) use payload::{Delete, Edit, Revert, Stamp, Upsert};
pub(crate) use reader::{Entry as Record, Log, parse, read_log};
pub(crate) use record::{FILE_HEADER, Kind};
pub(crate) use salvage::{Gap, salvage_log};
pub(crate) use writer::Wal;

use std::path::{Path, PathBuf};

/// Largest payload of one record.
pub(crate) const MAX_PAYLOAD: usize = 64 << 20;
/// Largest log file that is read at open. Ordinary ones end far below: see the checkpoint rule.
pub(crate) const MAX_FILE: u64 = 1 << 30;

/// The name of the log file whose first record has this LSN.
pub(crate) fn file_name(first_lsn: u64) -> String {
    format!("{first_lsn:020}.wal")
}

/// The first LSN that a log file's name tells.
pub(crate) fn parse_name(name: &str) -> Option<u64> {
    let digits = name.strip_suffix(".wal")?;
    (digits.len() == 20 && digits.bytes().all(|b| b.is_ascii_digit()))
        .then(|| digits.parse().ok())?
}

/// The generation that a record tells: a mark's payload is the newest one that was durable then (or empty).
fn mark_of(kind: Kind, payload: &[u8]) -> Option<u64> {
    match kind {
        Kind::Mark => Some(u64::from_le_bytes(payload.try_into().ok()?)),
        _ => None,
    }
}

/// The folder of the logs in a store.
pub(crate) fn folder(root: &Path) -> PathBuf {
    root.join("wal")
}
