//! The header that files of numbers share: magic, version u32, CRC-32C of all other bytes of it, count u64.

/// Bytes of it.
pub(super) const HEADER: usize = 24;
const VERSION: u32 = 1;

pub(super) fn header(magic: [u8; 8], count: u64) -> [u8; HEADER] {
    let mut out = [0; HEADER];
    out[0..8].copy_from_slice(&magic);
    out[8..12].copy_from_slice(&VERSION.to_le_bytes());
    out[16..24].copy_from_slice(&count.to_le_bytes());
    let crc = crc32c::crc32c_append(crc32c::crc32c(&out[0..12]), &out[16..24]);
    out[12..16].copy_from_slice(&crc.to_le_bytes());
    out
}
