//! AVX2: 32 products an instruction, half a line of codes a register.

use std::arch::x86_64::*;

use super::{BlockKernels, LANES, LINE, Line, STEP};
use crate::Isa;

static KERNELS: BlockKernels = BlockKernels {
    isa: Isa::Avx2,
    four: estimate::<true>,
    seven: estimate::<false>,
};

/// Two products of a 4-bit code and a value are at most 3,840 either way: so many pairs fit 16 bits.
const PAIRS: usize = 8;

/// The table, where the processor has AVX2.
pub(super) fn kernels() -> Option<&'static BlockKernels> {
    is_x86_feature_detected!("avx2").then_some(&KERNELS)
}

/// # Safety
/// As `Estimate` in the parent; the processor must have AVX2.
#[target_feature(enable = "avx2")]
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
        let mut sums = [_mm256_setzero_si256(); 2];
        let groups = if FOUR { PAIRS / 2 } else { 1 };
        let mut values = query.as_ptr();
        for codes in block.chunks(groups * LINE) {
            let mut pairs = [_mm256_setzero_si256(); 2];
            for codes in codes.chunks_exact(LINE) {
                for (half, pairs) in pairs.iter_mut().enumerate() {
                    // SAFETY: half a line of codes is 32 bytes, and its values follow.
                    unsafe {
                        let codes = _mm256_loadu_si256(codes.as_ptr().add(half * 32).cast());
                        *pairs = add::<FOUR>(*pairs, codes, values);
                    }
                }
                // SAFETY: up to the end of the query at most.
                values = unsafe { values.add(step) };
            }
            let ones = _mm256_set1_epi16(1);
            for (sum, pairs) in sums.iter_mut().zip(pairs) {
                *sum = _mm256_add_epi32(*sum, _mm256_madd_epi16(pairs, ones));
            }
        }
        for (half, sum) in sums.into_iter().enumerate() {
            let product = _mm256_mul_ps(_mm256_cvtepi32_ps(sum), _mm256_set1_ps(line.factor));
            let estimate = _mm256_add_ps(product, _mm256_set1_ps(line.base));
            // SAFETY: `out` is 16 floats.
            unsafe { _mm256_storeu_ps(out.as_mut_ptr().add(half * 8), estimate) };
        }
    }
    for (out, term) in out.iter_mut().zip(terms) {
        *out += term;
    }
}

/// Adds the products of half a line to sums of 16 bits, two products each.
///
/// # Safety
/// A line's values at `values`; AVX2.
#[inline]
#[target_feature(enable = "avx2")]
unsafe fn add<const FOUR: bool>(pairs: __m256i, codes: __m256i, values: *const i8) -> __m256i {
    // SAFETY: passed on; unaligned reads.
    let spread =
        |at: usize| unsafe { _mm256_set1_epi32(values.add(at).cast::<i32>().read_unaligned()) };
    if !FOUR {
        return _mm256_add_epi16(pairs, _mm256_maddubs_epi16(codes, spread(0)));
    }
    let nibble = _mm256_set1_epi8(15);
    let low = _mm256_maddubs_epi16(_mm256_and_si256(codes, nibble), spread(0));
    let upper = _mm256_and_si256(_mm256_srli_epi16::<4>(codes), nibble);
    let high = _mm256_maddubs_epi16(upper, spread(STEP));
    _mm256_add_epi16(pairs, _mm256_add_epi16(low, high))
}
