//! Reading sealed files through, each byte checked against what the manifest says of the file.

use std::io;
use std::path::Path;

use crate::error::{Error, Result};
use crate::manifest::FileEntry;
use crate::vfs::Disk;

/// Bytes read at once.
const PIECE: u64 = 1 << 20;

/// Reads a sealed file from front to back and hands each piece on. That all of it was what was written is known only once this
/// returns. Gives the length.
///
/// # Errors
/// `CORRUPT` when the file is missing or is not what was written; what `each` gives.
pub(crate) fn read_sealed(
    disk: &Disk,
    path: &Path,
    file: &FileEntry,
    each: &mut dyn FnMut(&[u8]) -> Result<()>,
) -> Result<u64> {
    let io = |e: &io::Error| Error::io("read", path, e);
    let handle = disk.vfs().open(path).map_err(|e| match e.kind() {
        io::ErrorKind::NotFound => Error::corrupt(path, "it is missing"),
        _ => io(&e),
    })?;
    let len = handle.len().map_err(|e| io(&e))?;
    if len != file.bytes {
        return Err(Error::corrupt(
            path,
            format!("it has {len} bytes instead of {}", file.bytes),
        ));
    }
    let mut buffer = vec![0; PIECE.min(len) as usize];
    let mut crc = 0;
    let mut at = 0;
    while at < len {
        let n = PIECE.min(len - at);
        let piece = &mut buffer[..n as usize];
        handle.read_at(piece, at).map_err(|e| io(&e))?;
        crc = crc32c::crc32c_append(crc, piece);
        each(piece)?;
        at += n;
    }
    if crc != file.crc32c {
        return Err(Error::corrupt(path, "the checksum does not match"));
    }
    Ok(len)
}
