//! AVX-512 with VNNI: 64 products an instruction.

use std::arch::x86_64::*;

use super::{CodeKernels, WidthKernels};
use crate::Isa;

static KERNELS: CodeKernels = CodeKernels {
    isa: Isa::Avx512,
    four: WidthKernels {
        dot: dot::<true>,
        dot_run: dot_run::<true>,
    },
    eight: WidthKernels {
        dot: dot::<false>,
        dot_run: dot_run::<false>,
    },
};

/// The table, where the processor has AVX-512 with BW and VNNI.
pub(super) fn kernels() -> Option<&'static CodeKernels> {
    let all = is_x86_feature_detected!("avx512f")
        && is_x86_feature_detected!("avx512bw")
        && is_x86_feature_detected!("avx512vnni");
    all.then_some(&KERNELS)
}

/// # Safety
/// As `Dot` in the parent; the processor must have AVX-512 with BW and VNNI.
#[target_feature(enable = "avx512f,avx512bw,avx512vnni")]
unsafe fn dot<const FOUR: bool>(
    planes: &[i8],
    bytes: &[u8],
    row_bytes: usize,
    ids: &[u32],
    out: &mut [i32],
) {
    let start = bytes.as_ptr();
    let (id_blocks, id_tail) = ids.as_chunks::<4>();
    let (out_blocks, out_tail) = out.as_chunks_mut::<4>();
    for (ids, out) in id_blocks.iter().zip(out_blocks) {
        // SAFETY: each id is a row of `bytes`, and the planes are as long as a row each.
        *out = unsafe {
            let rows = ids.map(|id| start.add(id as usize * row_bytes));
            rows_4::<FOUR>(planes.as_ptr(), rows, row_bytes)
        };
    }
    for (id, out) in id_tail.iter().zip(out_tail) {
        // SAFETY: likewise.
        *out = unsafe {
            row::<FOUR>(
                planes.as_ptr(),
                start.add(*id as usize * row_bytes),
                row_bytes,
            )
        };
    }
}

/// # Safety
/// As `DotRun` in the parent; the processor must have AVX-512 with BW and VNNI.
#[target_feature(enable = "avx512f,avx512bw,avx512vnni")]
unsafe fn dot_run<const FOUR: bool>(
    planes: &[i8],
    bytes: &[u8],
    row_bytes: usize,
    out: &mut [i32],
) {
    let mut at = bytes.as_ptr();
    let (blocks, tail) = out.as_chunks_mut::<4>();
    for out in blocks {
        // SAFETY: there are as many rows as sums, and the planes are as long as a row each.
        unsafe {
            let rows = [0, 1, 2, 3].map(|n| at.add(n * row_bytes));
            *out = rows_4::<FOUR>(planes.as_ptr(), rows, row_bytes);
            at = at.add(4 * row_bytes);
        }
    }
    for out in tail {
        // SAFETY: likewise.
        unsafe {
            *out = row::<FOUR>(planes.as_ptr(), at, row_bytes);
            at = at.add(row_bytes);
        }
    }
}

/// # Safety
/// Four rows and the planes are `row_bytes` long each.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vnni")]
unsafe fn rows_4<const FOUR: bool>(
    planes: *const i8,
    rows: [*const u8; 4],
    row_bytes: usize,
) -> [i32; 4] {
    // SAFETY: passed on.
    let [a, b, c, d] = unsafe { sums::<4, FOUR>(planes, rows, row_bytes) };
    // Interleaves the four until each 128 bits hold one partial sum of each row.
    let ab = _mm512_add_epi32(_mm512_unpacklo_epi32(a, b), _mm512_unpackhi_epi32(a, b));
    let cd = _mm512_add_epi32(_mm512_unpacklo_epi32(c, d), _mm512_unpackhi_epi32(c, d));
    let all = _mm512_add_epi32(_mm512_unpacklo_epi64(ab, cd), _mm512_unpackhi_epi64(ab, cd));
    let half = _mm256_add_epi32(
        _mm512_castsi512_si256(all),
        _mm512_extracti64x4_epi64::<1>(all),
    );
    let sum = _mm_add_epi32(
        _mm256_castsi256_si128(half),
        _mm256_extracti128_si256::<1>(half),
    );
    let mut out = [0; 4];
    // SAFETY: `out` is 16 bytes; an unaligned store.
    unsafe { _mm_storeu_si128(out.as_mut_ptr().cast(), sum) };
    out
}

/// # Safety
/// The row and the planes are `row_bytes` long each.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vnni")]
unsafe fn row<const FOUR: bool>(planes: *const i8, row: *const u8, row_bytes: usize) -> i32 {
    // SAFETY: passed on.
    let [sum] = unsafe { sums::<1, FOUR>(planes, [row], row_bytes) };
    _mm512_reduce_add_epi32(sum)
}

/// Sums of each row in 16 lanes.
///
/// # Safety
/// Rows and planes are `row_bytes` long each.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vnni")]
unsafe fn sums<const N: usize, const FOUR: bool>(
    planes: *const i8,
    rows: [*const u8; N],
    row_bytes: usize,
) -> [__m512i; N] {
    let mut sums = [_mm512_setzero_si512(); N];
    let mut at = 0;
    while at < row_bytes {
        // Rows are whole blocks of 32 bytes, so the last step may be half of one.
        let mask = if at + 64 <= row_bytes {
            u64::MAX
        } else {
            u64::from(u32::MAX)
        };
        // SAFETY: the mask covers no more than what is left of rows and planes; masked lanes are not read and give 0.
        unsafe {
            let low = _mm512_maskz_loadu_epi8(mask, planes.add(at));
            if FOUR {
                let high = _mm512_maskz_loadu_epi8(mask, planes.add(row_bytes + at));
                let nibble = _mm512_set1_epi8(15);
                for n in 0..N {
                    let codes = _mm512_maskz_loadu_epi8(mask, rows[n].add(at).cast());
                    let upper = _mm512_and_si512(_mm512_srli_epi16::<4>(codes), nibble);
                    sums[n] = _mm512_dpbusd_epi32(sums[n], _mm512_and_si512(codes, nibble), low);
                    sums[n] = _mm512_dpbusd_epi32(sums[n], upper, high);
                }
            } else {
                for n in 0..N {
                    let codes = _mm512_maskz_loadu_epi8(mask, rows[n].add(at).cast());
                    sums[n] = _mm512_dpbusd_epi32(sums[n], codes, low);
                }
            }
        }
        at += 64;
    }
    sums
}
