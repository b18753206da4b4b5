//! The reference.

use super::{BLOCK, CodeKernels, WidthKernels};
use crate::Isa;

pub(super) static KERNELS: CodeKernels = CodeKernels {
    isa: Isa::Scalar,
    four: WidthKernels {
        dot: |planes, bytes, row_bytes, ids, out| {
            let rows = ids
                .iter()
                .map(|id| &bytes[*id as usize * row_bytes..][..row_bytes]);
            each(rows, out, |row| four(planes, row));
        },
        dot_run: |planes, bytes, row_bytes, out| {
            each(bytes.chunks_exact(row_bytes), out, |row| four(planes, row));
        },
    },
    eight: WidthKernels {
        dot: |planes, bytes, row_bytes, ids, out| {
            let rows = ids
                .iter()
                .map(|id| &bytes[*id as usize * row_bytes..][..row_bytes]);
            each(rows, out, |row| eight(planes, row));
        },
        dot_run: |planes, bytes, row_bytes, out| {
            each(bytes.chunks_exact(row_bytes), out, |row| eight(planes, row));
        },
    },
};

fn each<'a>(rows: impl Iterator<Item = &'a [u8]>, out: &mut [i32], dot: impl Fn(&[u8]) -> i32) {
    for (row, out) in rows.zip(out) {
        *out = dot(row);
    }
}

fn eight(plane: &[i8], row: &[u8]) -> i32 {
    let products = plane
        .iter()
        .zip(row)
        .map(|(q, c)| i32::from(*q) * i32::from(*c));
    products.sum()
}

fn four(planes: &[i8], row: &[u8]) -> i32 {
    debug_assert!(row.len().is_multiple_of(BLOCK));
    let (low, high) = planes.split_at(row.len());
    let products = low.iter().zip(high).zip(row).map(|((low, high), byte)| {
        i32::from(*low) * i32::from(byte & 15) + i32::from(*high) * i32::from(byte >> 4)
    });
    products.sum()
}
