//! The reference.

use super::{BlockKernels, LANES, LINE, Line, STEP};
use crate::Isa;

pub(super) static KERNELS: BlockKernels = BlockKernels {
    isa: Isa::Scalar,
    four: each::<true>,
    seven: each::<false>,
};

fn each<const FOUR: bool>(
    query: &[i8],
    bytes: &[u8],
    lines: usize,
    line: Line,
    terms: &[f32],
    out: &mut [f32],
) {
    let blocks = bytes.chunks_exact(lines * LINE);
    for (block, out) in blocks.zip(out.chunks_exact_mut(LANES)) {
        let sums = sums::<FOUR>(query, block);
        for (out, sum) in out.iter_mut().zip(sums) {
            *out = line.factor * sum as f32 + line.base;
        }
    }
    for (out, term) in out.iter_mut().zip(terms) {
        *out += term;
    }
}

fn sums<const FOUR: bool>(query: &[i8], block: &[u8]) -> [i32; LANES] {
    let step = if FOUR { 2 * STEP } else { STEP };
    let mut sums = [0i32; LANES];
    for (bytes, query) in block.chunks_exact(LINE).zip(query.chunks_exact(step)) {
        for (sum, codes) in sums.iter_mut().zip(bytes.chunks_exact(STEP)) {
            for (at, byte) in codes.iter().enumerate() {
                if FOUR {
                    *sum += i32::from(query[at]) * i32::from(byte & 15);
                    *sum += i32::from(query[STEP + at]) * i32::from(byte >> 4);
                } else {
                    *sum += i32::from(query[at]) * i32::from(*byte);
                }
            }
        }
    }
    sums
}
