//! NEON: 16 codes at a time, a quarter of a line a register.

use std::arch::aarch64::*;

use super::{BlockKernels, LANES, LINE, Line, STEP};
use crate::Isa;

static KERNELS: BlockKernels = BlockKernels {
    isa: Isa::Neon,
    four: estimate::<true>,
    seven: estimate::<false>,
};

/// The table: every AArch64 processor has NEON.
pub(super) fn kernels() -> Option<&'static BlockKernels> {
    Some(&KERNELS)
}

/// # Safety
/// As `Estimate` in the parent.
unsafe fn estimate<const FOUR: bool>(
    query: &[i8],
    bytes: &[u8],
    lines: usize,
    line: Line,
    terms: &[f32],
    out: &mut [f32],
) {
    let step = if FOUR { 2 * STEP } else { STEP };
    for (block, out) in bytes
        .chunks_exact(lines * LINE)
        .zip(out.chunks_exact_mut(LANES))
    {
        // SAFETY: a quarter of a line is 16 bytes, the values of a line are `step` long, and `out` is 16 floats; NEON is part of every AArch64
        // processor.
        unsafe {
            let mut sums = [vdupq_n_s32(0); 4];
            for (codes, values) in block.chunks_exact(LINE).zip(query.chunks_exact(step)) {
                let spread = |at: usize| {
                    let four = values.as_ptr().add(at).cast::<i32>().read_unaligned();
                    vreinterpretq_s8_s32(vdupq_n_s32(four))
                };
                for (quarter, sum) in sums.iter_mut().enumerate() {
                    let codes = vld1q_u8(codes.as_ptr().add(quarter * 16));
                    if FOUR {
                        *sum = add(*sum, vandq_u8(codes, vdupq_n_u8(15)), spread(0));
                        *sum = add(*sum, vshrq_n_u8::<4>(codes), spread(STEP));
                    } else {
                        *sum = add(*sum, codes, spread(0));
                    }
                }
            }
            for (quarter, sum) in sums.into_iter().enumerate() {
                let product = vmulq_n_f32(vcvtq_f32_s32(sum), line.factor);
                let estimate = vaddq_f32(product, vdupq_n_f32(line.base));
                vst1q_f32(out.as_mut_ptr().add(quarter * 4), estimate);
            }
        }
    }
    for (out, term) in out.iter_mut().zip(terms) {
        *out += term;
    }
}

/// Adds four products to each of four sums. Codes are below 128, so they are signed bytes as well.
///
/// # Safety
/// None but NEON.
#[inline]
unsafe fn add(sums: int32x4_t, codes: uint8x16_t, query: int8x16_t) -> int32x4_t {
    // SAFETY: arithmetic on registers; NEON is part of every AArch64 processor.
    unsafe {
        let codes = vreinterpretq_s8_u8(codes);
        let low = vmull_s8(vget_low_s8(codes), vget_low_s8(query));
        let high = vmull_high_s8(codes, query);
        // Pairs of pairs: 8 products of 16 bits to 4 sums of 32.
        vaddq_s32(sums, vpaddq_s32(vpaddlq_s16(low), vpaddlq_s16(high)))
    }
}
