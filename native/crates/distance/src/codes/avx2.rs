//! AVX2: 32 products an instruction for 4-bit codes, 16 for 8-bit ones.

use std::arch::x86_64::*;

use super::{BLOCK, CodeKernels, WidthKernels};
use crate::Isa;

static KERNELS: CodeKernels = CodeKernels {
    isa: Isa::Avx2,
    four: WidthKernels {
        dot: dot::<true>,
        dot_run: dot_run::<true>,
    },
    eight: WidthKernels {
        dot: dot::<false>,
        dot_run: dot_run::<false>,
    },
};

/// The table, where the processor has AVX2.
pub(super) fn kernels() -> Option<&'static CodeKernels> {
    is_x86_feature_detected!("avx2").then_some(&KERNELS)
}

/// # Safety
/// As `Dot` in the parent; the processor must have AVX2.
#[target_feature(enable = "avx2")]
unsafe fn dot<const FOUR: bool>(
    planes: &[i8],
    bytes: &[u8],
    row_bytes: usize,
    ids: &[u32],
    out: &mut [i32],
) {
    for (id, out) in ids.iter().zip(out) {
        // SAFETY: the id is a row of `bytes`, and the planes are as long as a row each.
        *out = unsafe {
            let row = bytes.as_ptr().add(*id as usize * row_bytes);
            sum::<FOUR>(planes.as_ptr(), row, row_bytes)
        };
    }
}

/// # Safety
/// As `DotRun` in the parent; the processor must have AVX2.
#[target_feature(enable = "avx2")]
unsafe fn dot_run<const FOUR: bool>(
    planes: &[i8],
    bytes: &[u8],
    row_bytes: usize,
    out: &mut [i32],
) {
    for (n, out) in out.iter_mut().enumerate() {
        // SAFETY: there are as many rows as sums, and the planes are as long as a row each.
        *out = unsafe {
            sum::<FOUR>(
                planes.as_ptr(),
                bytes.as_ptr().add(n * row_bytes),
                row_bytes,
            )
        };
    }
}

/// # Safety
/// The row and the planes are `row_bytes` long each, which is whole blocks.
#[inline]
#[target_feature(enable = "avx2")]
unsafe fn sum<const FOUR: bool>(planes: *const i8, row: *const u8, row_bytes: usize) -> i32 {
    let mut sums = [_mm256_setzero_si256(); 2];
    let ones = _mm256_set1_epi16(1);
    for at in (0..row_bytes).step_by(BLOCK) {
        // SAFETY: a block at `at` lies in the row and in each plane; unaligned loads.
        unsafe {
            let codes = _mm256_loadu_si256(row.add(at).cast());
            let low = _mm256_loadu_si256(planes.add(at).cast());
            if FOUR {
                let high = _mm256_loadu_si256(planes.add(row_bytes + at).cast());
                let nibble = _mm256_set1_epi8(15);
                let upper = _mm256_and_si256(_mm256_srli_epi16::<4>(codes), nibble);
                // At most 2 * 15 * 128 in 16 bits: it never saturates, nor does the sum of two.
                let pairs = _mm256_add_epi16(
                    _mm256_maddubs_epi16(_mm256_and_si256(codes, nibble), low),
                    _mm256_maddubs_epi16(upper, high),
                );
                sums[0] = _mm256_add_epi32(sums[0], _mm256_madd_epi16(pairs, ones));
            } else {
                // `maddubs` would saturate, so both are widened.
                let c = [
                    _mm256_castsi256_si128(codes),
                    _mm256_extracti128_si256::<1>(codes),
                ];
                let q = [
                    _mm256_castsi256_si128(low),
                    _mm256_extracti128_si256::<1>(low),
                ];
                for n in 0..2 {
                    let products =
                        _mm256_madd_epi16(_mm256_cvtepu8_epi16(c[n]), _mm256_cvtepi8_epi16(q[n]));
                    sums[n] = _mm256_add_epi32(sums[n], products);
                }
            }
        }
    }
    let sum = _mm256_add_epi32(sums[0], sums[1]);
    let sum = _mm_add_epi32(
        _mm256_castsi256_si128(sum),
        _mm256_extracti128_si256::<1>(sum),
    );
    let sum = _mm_add_epi32(sum, _mm_shuffle_epi32::<0b01_00_11_10>(sum));
    let sum = _mm_add_epi32(sum, _mm_shuffle_epi32::<0b10_11_00_01>(sum));
    _mm_cvtsi128_si32(sum)
}
