//! Bytes of file headers and records: writing them, and checking them.

use super::MAX_PAYLOAD;

pub(crate) const MAGIC: [u8; 8] = *b"OMENWAL1";
/// The version that is written; 1 is read too.
pub(crate) const VERSION: u32 = 2;
pub(crate) const FILE_HEADER: usize = 32;
pub(crate) const RECORD_HEADER: usize = 24;
const CRC: usize = 4;

/// What a record tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Rows written.
    Upsert = 1,
    /// Rows deleted.
    Delete = 2,
    /// Nothing but that the records before are durable.
    Mark = 3,
    /// Cells given new values.
    Edit = 4,
    /// A collection gone back to an earlier state.
    Revert = 5,
}

impl Kind {
    fn from_byte(byte: u8) -> Option<Kind> {
        Some(match byte {
            1 => Kind::Upsert,
            2 => Kind::Delete,
            3 => Kind::Mark,
            4 => Kind::Edit,
            5 => Kind::Revert,
            _ => return None,
        })
    }
}

/// The header of a log file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct FileHeader {
    pub version: u32,
    pub salt: u64,
    pub first_lsn: u64,
}

impl FileHeader {
    pub fn to_bytes(self) -> [u8; FILE_HEADER] {
        let mut out = [0; FILE_HEADER];
        out[0..8].copy_from_slice(&MAGIC);
        out[8..12].copy_from_slice(&self.version.to_le_bytes());
        out[16..24].copy_from_slice(&self.salt.to_le_bytes());
        out[24..32].copy_from_slice(&self.first_lsn.to_le_bytes());
        let crc = Self::crc(&out);
        out[12..16].copy_from_slice(&crc.to_le_bytes());
        out
    }

    fn crc(bytes: &[u8; FILE_HEADER]) -> u32 {
        crc32c::crc32c_append(crc32c::crc32c(&bytes[0..12]), &bytes[16..32])
    }

    /// The header at the start of `bytes`.
    pub fn parse(bytes: &[u8]) -> Result<FileHeader, HeaderError> {
        let header: &[u8; FILE_HEADER] = bytes.first_chunk().ok_or(HeaderError::Short)?;
        if header[0..8] != MAGIC {
            return Err(HeaderError::Damaged(
                "it does not begin with the log's magic",
            ));
        }
        if Self::crc(header) != u32_at(header, 12) {
            return Err(HeaderError::Damaged(
                "the checksum of the file header does not match",
            ));
        }
        let version = u32_at(header, 8);
        if !(1..=VERSION).contains(&version) {
            return Err(HeaderError::Version(version));
        }
        Ok(FileHeader {
            version,
            salt: u64_at(header, 16),
            first_lsn: u64_at(header, 24),
        })
    }
}

/// Why a file header is not usable.
#[derive(Debug)]
pub(crate) enum HeaderError {
    Short,
    Damaged(&'static str),
    Version(u32),
}

/// A checked record: where it lies, what it says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Record {
    pub kind: Kind,
    pub lsn: u64,
    pub durable: u64,
    /// Where the payload starts, and its length.
    pub payload: usize,
    pub len: usize,
    /// Where the next record starts.
    pub end: usize,
}

/// Bytes that a record with a payload of `len` takes.
pub(crate) fn padded(len: usize) -> usize {
    (RECORD_HEADER + len + CRC).next_multiple_of(8)
}

/// Appends a record to `out`. `payload` is at most [`MAX_PAYLOAD`].
pub(crate) fn encode(
    out: &mut Vec<u8>,
    salt: u64,
    kind: Kind,
    lsn: u64,
    durable: u64,
    payload: &[u8],
) {
    debug_assert!(payload.len() <= MAX_PAYLOAD);
    let start = out.len();
    out.reserve(padded(payload.len()));
    out.extend_from_slice(&(payload.len() as u32).to_le_bytes());
    out.extend_from_slice(&[kind as u8, 0, 0, 0]);
    out.extend_from_slice(&lsn.to_le_bytes());
    out.extend_from_slice(&durable.to_le_bytes());
    out.extend_from_slice(payload);
    let crc = checksum(salt, &out[start..]);
    out.extend_from_slice(&crc.to_le_bytes());
    out.resize(start + padded(payload.len()), 0);
}

fn checksum(salt: u64, header_and_payload: &[u8]) -> u32 {
    crc32c::crc32c_append(crc32c::crc32c(&salt.to_le_bytes()), header_and_payload)
}

/// The fields of what may be a record at `at`, before its checksum is looked at. `None` when it cannot be one.
pub(crate) fn peek(file: &[u8], at: usize) -> Option<Record> {
    let header: &[u8; RECORD_HEADER] = file.get(at..)?.first_chunk()?;
    let len = u32_at(header, 0) as usize;
    if len > MAX_PAYLOAD || header[5..8] != [0, 0, 0] {
        return None;
    }
    let kind = Kind::from_byte(header[4])?;
    let end = at.checked_add(padded(len))?;
    if end > file.len() {
        return None;
    }
    Some(Record {
        kind,
        lsn: u64_at(header, 8),
        durable: u64_at(header, 16),
        payload: at + RECORD_HEADER,
        len,
        end,
    })
}

/// Whether checksum and padding of a peeked record hold.
pub(crate) fn is_sound(file: &[u8], at: usize, record: &Record, salt: u64) -> bool {
    let crc_at = record.payload + record.len;
    u32_at(file, crc_at) == checksum(salt, &file[at..crc_at])
        && file[crc_at + CRC..record.end].iter().all(|&b| b == 0)
}

/// The four bytes at `at`, which the caller knows to be there.
fn u32_at(bytes: &[u8], at: usize) -> u32 {
    u32::from_le_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]])
}

/// The eight bytes at `at`, which the caller knows to be there.
fn u64_at(bytes: &[u8], at: usize) -> u64 {
    u64::from(u32_at(bytes, at)) | u64::from(u32_at(bytes, at + 4)) << 32
}
