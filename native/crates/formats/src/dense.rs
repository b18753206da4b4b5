//! Rows of a dense matrix: finding the ones with NaN or infinities fast, and leaving them out.

use crate::reject::{Fault, RejectKind};

/// All exponent bits of a 32-bit float: set in NaN and the infinities, and in nothing else.
const EXPONENT: u32 = 0x7F80_0000;

/// Whether every value is finite. Branch-free, so that it vectorises.
pub(crate) fn all_finite(values: &[f32]) -> bool {
    values.chunks(4096).all(|chunk| {
        !chunk.iter().fold(false, |bad, value| {
            bad | (value.to_bits() & EXPONENT == EXPONENT)
        })
    })
}

/// What is wrong with a vector that is not all finite; None if it is.
pub(crate) fn finite_fault(vector: &[f32]) -> Option<Fault> {
    if all_finite(vector) {
        return None;
    }
    let (index, value) = vector
        .iter()
        .enumerate()
        .find(|(_, value)| !value.is_finite())?;
    Some(Fault::new(
        RejectKind::NotFinite,
        format!(
            "value {} of the vector is {value} as a 32-bit number",
            index + 1
        ),
    ))
}

/// Keeps the rows for which `keep` is true; `keep` has one entry a row.
pub(crate) fn retain_rows(vectors: &mut Vec<f32>, dimension: usize, keep: &[bool]) {
    let mut to = 0;
    for (row, keep) in keep.iter().enumerate() {
        if *keep {
            let from = row * dimension;
            vectors.copy_within(from..from + dimension, to);
            to += dimension;
        }
    }
    vectors.truncate(to);
}
