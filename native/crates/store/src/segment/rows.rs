//! `rows.idx`: the row numbers of a segment that was compacted, ascending.

use std::path::Path;
use std::sync::Arc;

use crate::error::{Error, Result};
use crate::numbers::Numbers;
use crate::part::Positions;
use crate::vfs::{Checksums, DiskFile, Mapping};

const MAGIC: [u8; 8] = *b"OMENROWS";
const VERSION: u32 = 1;
const HEADER: usize = 24;

fn header(rows: u64) -> [u8; HEADER] {
    let mut out = [0; HEADER];
    out[0..8].copy_from_slice(&MAGIC);
    out[8..12].copy_from_slice(&VERSION.to_le_bytes());
    out[16..24].copy_from_slice(&rows.to_le_bytes());
    let crc = crc32c::crc32c_append(crc32c::crc32c(&out[0..12]), &out[16..24]);
    out[12..16].copy_from_slice(&crc.to_le_bytes());
    out
}

/// Writes the file; gives its checksums.
pub(super) fn write(file: DiskFile, rows: &[u32]) -> Result<Checksums> {
    let mut out = file.sealing();
    out.put(&header(rows.len() as u64))?;
    if cfg!(target_endian = "little") {
        out.put(bytemuck::cast_slice(rows))?;
    } else {
        for row in rows {
            out.put(&row.to_le_bytes())?;
        }
    }
    out.seal_blocks()
}

/// The numbers in a mapped file, which must ascend from `first` to `last`.
pub(super) fn open(
    path: &Path,
    map: Arc<dyn Mapping>,
    rows: u32,
    first: u32,
    last: u32,
) -> Result<Numbers> {
    let corrupt = |reason: &str| Error::corrupt(path, reason);
    let bytes = map.bytes();
    if bytes.len() != HEADER + rows as usize * 4 || bytes[..HEADER] != header(u64::from(rows)) {
        return Err(corrupt("its header does not fit the segment's rows"));
    }
    Positions::mapped(map, HEADER, rows as usize)
        .and_then(Numbers::sparse)
        .filter(|n| n.range() == (first..last.saturating_add(1)))
        .ok_or_else(|| corrupt("its row numbers do not ascend, or are not those of the manifest"))
}
