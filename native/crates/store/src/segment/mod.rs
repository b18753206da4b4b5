//! Sealed segments: `segments/<id, 16 hex digits>/`. Written once, synced, named by a manifest, then mapped and never changed.
//!
//! All numbers little-endian.
//!
//! `vectors.<n>.f32`, one for each vector column:
//!
//! | bytes | field |
//! | --- | --- |
//! | 0..8 | magic `OMENVEC1` |
//! | 8..12 | format version, 1 |
//! | 12..16 | metric: 0 l2, 1 cosine, 2 dot |
//! | 16..20 | dimension |
//! | 20..24 | CRC-32C of bytes 0..20 |
//! | 24..4096 | zeros |
//! | 4096.. | rows x dimension f32, row-major |
//! | .. | under cosine: rows x f32, the inverse norm of each row (0 for the zero vector) |
//! | last 32 | magic `OMENVECF`, rows u64, offset of the inverse norms u64 (0 if none), CRC-32C of these 24 bytes, zeros |
//!
//! `columns.arrow`: an Arrow IPC file with all columns of the collection at that time, the id column included. Not there when the
//! collection had no column.
//!
//! `ids.idx`, when the collection has an id column: `OMENIDS1`, version u32 (1), CRC-32C of bytes 0..12 and 16..24, rows u64, then for each row
//! its position as u32, sorted by (id, position). Text compares by bytes. Where an id stands twice, the last position is the live row.
//!
//! `rows.idx`, in a segment that was compacted: `OMENROWS`, version u32 (1), CRC-32C of bytes 0..12 and 16..24, rows u64, then the row number of
//! each row as u32, ascending. Without it the row numbers are contiguous.
//!
//! `column.<c>.<k>.arrow`, once values of column c were edited: an Arrow IPC file with that one column, in batches of the same lengths as those of
//! `columns.arrow`. It takes the place of the column there.
//!
//! `segment.seal`: what all this is, and checksums of blocks of it: see `seal`.
//!
//! `index.<n>.ivf` (or `index.<n>.<k>.ivf` once it was built again): the index of vector column n; its format is `omendb_ivf::format`'s.

mod header;
mod ids;
mod overlay;
mod reader;
mod rows;
mod salvage;
mod seal;
mod vectors;
mod writer;

use std::panic::{AssertUnwindSafe, catch_unwind};

use arrow_schema::ArrowError;

pub(crate) use overlay::write_overlays;
pub(crate) use reader::{open_file, open_part};
pub(crate) use salvage::{Salvage, runs};
pub(crate) use seal::Seal;
pub(crate) use writer::SegmentWriter;

pub(crate) const COLUMNS_FILE: &str = "columns.arrow";
pub(crate) const IDS_FILE: &str = "ids.idx";
pub(crate) const ROWS_FILE: &str = "rows.idx";
pub(crate) const SEAL_FILE: &str = "segment.seal";

/// The file of a vector column.
pub(crate) fn vectors_file(column: usize) -> String {
    format!("vectors.{column}.f32")
}

/// Name of the `attempt`-th index file of a vector column.
fn index_file(column: usize, attempt: u32) -> String {
    if attempt == 0 {
        format!("index.{column}.ivf")
    } else {
        format!("index.{column}.{attempt}.ivf")
    }
}

/// A name for another index of a vector column beside files with these names. It comes after all of them, so that no name is ever that of another index for
/// one who reads an older generation.
pub(crate) fn next_index_file(column: usize, taken: &[String]) -> String {
    let prefix = format!("index.{column}.");
    let attempts = taken.iter().filter_map(|name| {
        let rest = name.strip_prefix(&prefix)?;
        match rest.strip_suffix(".ivf") {
            Some(attempt) => attempt.parse::<u32>().ok(),
            None => (rest == "ivf").then_some(0),
        }
    });
    index_file(
        column,
        attempts.max().map_or(0, |last| last.saturating_add(1)),
    )
}

/// Runs a foreign decoder on bytes from disk: a panic in it is one more way for the bytes to be bad.
pub(crate) fn guard<T>(decode: impl FnOnce() -> Result<T, ArrowError>) -> Result<T, String> {
    match catch_unwind(AssertUnwindSafe(decode)) {
        Ok(result) => result.map_err(|e| e.to_string()),
        Err(_) => Err("the Arrow data cannot be decoded".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_index_never_gets_a_name_that_another_had() {
        let next = |taken: &[&str]| {
            let taken: Vec<String> = taken.iter().map(|name| (*name).to_owned()).collect();
            next_index_file(1, &taken)
        };
        assert_eq!(next(&[]), "index.1.ivf");
        assert_eq!(
            next(&["index.0.ivf", "index.11.3.ivf", "ids.idx"]),
            "index.1.ivf"
        );
        assert_eq!(next(&["index.1.ivf"]), "index.1.1.ivf");
        assert_eq!(next(&["index.1.3.ivf"]), "index.1.4.ivf");
        assert_eq!(
            next(&["index.1.ivf", "index.1.12.ivf", "index.1.x.ivf"]),
            "index.1.13.ivf"
        );
    }
}
