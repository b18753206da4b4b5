//! `rows.idx`: the row numbers of a segment that was compacted, ascending.

use std::path::Path;
use std::sync::Arc;

use super::header::{HEADER, header};
use crate::error::{Error, Result};
use crate::numbers::Numbers;
use crate::part::Positions;
use crate::vfs::{Checksums, DiskFile, Mapping};

const MAGIC: [u8; 8] = *b"OMENROWS";

/// Writes the file; gives its checksums.
pub(super) fn write(file: DiskFile, rows: &[u32]) -> Result<Checksums> {
    let mut out = file.sealing();
    out.put(&header(MAGIC, rows.len() as u64))?;
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
    if bytes.len() != HEADER + rows as usize * 4
        || bytes[..HEADER] != header(MAGIC, u64::from(rows))
    {
        return Err(corrupt("its header does not fit the segment's rows"));
    }
    Positions::mapped(map, HEADER, rows as usize)
        .and_then(Numbers::sparse)
        .filter(|n| n.range() == (first..last.saturating_add(1)))
        .ok_or_else(|| corrupt("its row numbers do not ascend, or are not those of the manifest"))
}
