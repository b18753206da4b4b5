//! AVX-512 with VNNI: 64 products an instruction, a line of codes a register.

use std::arch::x86_64::*;

use super::{BlockKernels, LANES, LINE, Line, STEP};
use crate::Isa;

static KERNELS: BlockKernels = BlockKernels {
    isa: Isa::Avx512,
    four,
    seven,
};

/// The table, where the processor has AVX-512 with BW and VNNI.
pub(super) fn kernels() -> Option<&'static BlockKernels> {
    let all = is_x86_feature_detected!("avx512f")
        && is_x86_feature_detected!("avx512bw")
        && is_x86_feature_detected!("avx512vnni");
    all.then_some(&KERNELS)
}

/// Four values of the query in every lane.
///
/// # Safety
/// Four bytes at `query`; AVX-512F.
#[inline]
#[target_feature(enable = "avx512f")]
unsafe fn spread(query: *const i8) -> __m512i {
    // SAFETY: passed on; an unaligned read.
    _mm512_set1_epi32(unsafe { query.cast::<i32>().read_unaligned() })
}

/// Adds the block's terms, if there are any.
///
/// # Safety
/// 16 floats at `out`; AVX-512F.
#[inline]
#[target_feature(enable = "avx512f")]
unsafe fn put(sums: __m512i, line: Line, terms: &[f32], out: *mut f32) {
    let product = _mm512_mul_ps(_mm512_cvtepi32_ps(sums), _mm512_set1_ps(line.factor));
    let mut estimate = _mm512_add_ps(product, _mm512_set1_ps(line.base));
    if let Some(terms) = terms.first_chunk::<LANES>() {
        // SAFETY: 16 floats; an unaligned read.
        estimate = _mm512_add_ps(estimate, unsafe { _mm512_loadu_ps(terms.as_ptr()) });
    }
    // SAFETY: passed on; an unaligned write.
    unsafe { _mm512_storeu_ps(out, estimate) };
}

/// # Safety
/// As `Estimate` in the parent; the processor must have AVX-512 with BW and VNNI.
#[target_feature(enable = "avx512f,avx512bw,avx512vnni")]
unsafe fn four(
    query: &[i8],
    bytes: &[u8],
    lines: usize,
    line: Line,
    mut terms: &[f32],
    out: &mut [f32],
) {
    let nibble = _mm512_set1_epi8(15);
    let mut at = bytes.as_ptr();
    for out in out.chunks_exact_mut(LANES) {
        let mut low = [_mm512_setzero_si512(); 2];
        let mut high = low;
        let mut values = query.as_ptr();
        // Two lines at a time, in sums of their own, so that no product waits for the one before.
        for _ in 0..lines / 2 {
            for n in 0..2 {
                // SAFETY: a line of codes and its values follow.
                unsafe {
                    let codes = _mm512_loadu_si512(at.cast());
                    low[n] = _mm512_dpbusd_epi32(
                        low[n],
                        _mm512_and_si512(codes, nibble),
                        spread(values),
                    );
                    // The high halves stay where they are, 16 times too large.
                    let upper = _mm512_andnot_si512(nibble, codes);
                    high[n] = _mm512_dpbusd_epi32(high[n], upper, spread(values.add(STEP)));
                    at = at.add(LINE);
                    values = values.add(2 * STEP);
                }
            }
        }
        if lines % 2 == 1 {
            // SAFETY: likewise.
            unsafe {
                let codes = _mm512_loadu_si512(at.cast());
                low[0] =
                    _mm512_dpbusd_epi32(low[0], _mm512_and_si512(codes, nibble), spread(values));
                let upper = _mm512_andnot_si512(nibble, codes);
                high[0] = _mm512_dpbusd_epi32(high[0], upper, spread(values.add(STEP)));
                at = at.add(LINE);
            }
        }
        let high = _mm512_srai_epi32::<4>(_mm512_add_epi32(high[0], high[1]));
        let sums = _mm512_add_epi32(_mm512_add_epi32(low[0], low[1]), high);
        // SAFETY: `out` is 16 floats.
        unsafe { put(sums, line, terms, out.as_mut_ptr()) };
        terms = terms.get(LANES..).unwrap_or(&[]);
    }
}

/// # Safety
/// As `Estimate` in the parent; the processor must have AVX-512 with BW and VNNI.
#[target_feature(enable = "avx512f,avx512bw,avx512vnni")]
unsafe fn seven(
    query: &[i8],
    bytes: &[u8],
    lines: usize,
    line: Line,
    mut terms: &[f32],
    out: &mut [f32],
) {
    let mut at = bytes.as_ptr();
    for out in out.chunks_exact_mut(LANES) {
        let mut sums = [_mm512_setzero_si512(); 4];
        let mut values = query.as_ptr();
        for _ in 0..lines / 4 {
            for sum in &mut sums {
                // SAFETY: a line of codes and its values follow.
                unsafe {
                    *sum = _mm512_dpbusd_epi32(*sum, _mm512_loadu_si512(at.cast()), spread(values));
                    at = at.add(LINE);
                    values = values.add(STEP);
                }
            }
        }
        for sum in sums.iter_mut().take(lines % 4) {
            // SAFETY: likewise.
            unsafe {
                *sum = _mm512_dpbusd_epi32(*sum, _mm512_loadu_si512(at.cast()), spread(values));
                at = at.add(LINE);
                values = values.add(STEP);
            }
        }
        let [a, b, c, d] = sums;
        let sums = _mm512_add_epi32(_mm512_add_epi32(a, b), _mm512_add_epi32(c, d));
        // SAFETY: `out` is 16 floats.
        unsafe { put(sums, line, terms, out.as_mut_ptr()) };
        terms = terms.get(LANES..).unwrap_or(&[]);
    }
}
