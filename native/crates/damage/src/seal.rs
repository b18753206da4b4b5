//! Putting checksums right, as an enemy would, so that what lies behind them is tested too.

use std::ops::Range;
use std::path::Path;

/// Puts right the checksums that a file keeps of itself, by its name. Files of unknown kinds, and fields that lie outside, stay.
pub fn reseal(path: &Path, bytes: &mut [u8]) {
    let name = path.file_name().map(|n| n.to_string_lossy().into_owned());
    let name = name.unwrap_or_default();
    match path.extension().and_then(|e| e.to_str()) {
        Some("wal") => log(bytes),
        Some("ivf") => index(bytes),
        Some("map" | "hist") => around(bytes),
        Some("idx") => header(bytes, 12, [0..12, 16..24]),
        Some("f32") => vectors(bytes),
        _ if name.starts_with("MANIFEST-") || name == "segment.seal" => {
            let body = bytes.len().saturating_sub(24) as u64;
            put(bytes, 16, &body.to_le_bytes());
            around(bytes);
        }
        _ => {}
    }
}

fn put(bytes: &mut [u8], at: usize, value: &[u8]) {
    if let Some(place) = bytes.get_mut(at..at + value.len()) {
        place.copy_from_slice(value);
    }
}

/// Puts the checksum of two ranges, one after the other, at `at`.
fn header(bytes: &mut [u8], at: usize, of: [Range<usize>; 2]) {
    let mut crc = 0;
    for range in of {
        let Some(covered) = bytes.get(range) else {
            return;
        };
        crc = crc32c::crc32c_append(crc, covered);
    }
    put(bytes, at, &crc.to_le_bytes());
}

/// Manifests, seals, maps and files of the history: all bytes but the checksum's own.
fn around(bytes: &mut [u8]) {
    let end = bytes.len();
    if end >= 16 {
        header(bytes, 12, [0..12, 16..end]);
    }
}

fn vectors(bytes: &mut [u8]) {
    header(bytes, 20, [0..20, 0..0]);
    if let Some(footer) = bytes.len().checked_sub(32) {
        header(bytes, footer + 24, [footer..footer + 24, 0..0]);
    }
}

fn index(bytes: &mut [u8]) {
    let word = |bytes: &[u8], at: usize| {
        let field = bytes.get(at..at + 8).and_then(|b| b.first_chunk());
        field.map_or(0, |b| usize::try_from(u64::from_le_bytes(*b)).unwrap_or(0))
    };
    for section in 0..18 {
        let range = word(bytes, 176 + 8 * section)..word(bytes, 184 + 8 * section);
        header(bytes, 328 + 4 * section, [range, 0..0]);
    }
    header(bytes, 508, [0..508, 0..0]);
}

/// The header, and every record that can be reached by the lengths.
fn log(bytes: &mut [u8]) {
    header(bytes, 12, [0..12, 16..32]);
    let mut at = 32;
    while let Some((end, crc_at)) = record_end(bytes, at) {
        header(bytes, crc_at, [16..24, at..crc_at]);
        at = end;
    }
}

/// Where the record at `at` ends, and where its checksum lies; `None` if that is outside of the file.
pub(crate) fn record_end(bytes: &[u8], at: usize) -> Option<(usize, usize)> {
    let len = u32::from_le_bytes(*bytes.get(at..)?.first_chunk()?) as usize;
    let crc_at = at.checked_add(24)?.checked_add(len)?;
    let end = crc_at.checked_add(4)?.checked_next_multiple_of(8)?;
    (end <= bytes.len()).then_some((end, crc_at))
}
