//! AVX-512F: 16 floats an instruction, the tail through a mask register.
//!
//! Each row has two running sums of 16 lanes; blocks of 32 floats feed both, a block of 16 the first, the tail the second; the sums' lanes are
//! added as [`total`] does. All forms share this order, so they give the same bits.

use std::arch::x86_64::*;

use crate::{Isa, Kernels, scalar};

static KERNELS: Kernels = Kernels {
    isa: Isa::Avx512,
    dot: |a, b| {
        let [sum] = checked::<1, false>(a, [b]);
        sum
    },
    l2_squared: |a, b| {
        let [sum] = checked::<1, true>(a, [b]);
        sum
    },
    dot_4: checked::<4, false>,
    l2_squared_4: checked::<4, true>,
    dot_block: block::<false>,
    l2_squared_block: block::<true>,
    add_scaled,
    largest,
    round,
};

/// The table, where the processor has AVX-512F and BW. Nothing else hands these functions out.
pub(crate) fn kernels() -> Option<&'static Kernels> {
    (is_x86_feature_detected!("avx512f") && is_x86_feature_detected!("avx512bw"))
        .then_some(&KERNELS)
}

fn checked<const N: usize, const L2: bool>(query: &[f32], rows: [&[f32]; N]) -> [f32; N] {
    for row in rows {
        assert_eq!(query.len(), row.len(), "vectors of different lengths");
    }
    // SAFETY: `kernels` hands this function out only where AVX-512F was detected, and all lengths are equal.
    unsafe { rows_kernel::<N, L2>(query, rows) }
}

fn block<const L2: bool>(query: &[f32], rows: &[f32], out: &mut [f32]) {
    assert_eq!(
        Some(rows.len()),
        out.len().checked_mul(query.len()),
        "one float of `out` a row"
    );
    // SAFETY: `kernels` hands this function out only where AVX-512F was detected, and `rows` has a row for each of `out`.
    unsafe { block_kernel::<L2>(query, rows, out) }
}

/// Mask of the first `tail` lanes; `tail` must be under 16.
#[inline(always)]
fn mask_of(tail: usize) -> __mmask16 {
    debug_assert!(tail < 16);
    (1u16 << tail) - 1
}

/// Inner products (or squared distances) of the query with each row.
///
/// # Safety
/// Every row must be as long as the query; the processor must have AVX-512F.
#[target_feature(enable = "avx512f")]
unsafe fn rows_kernel<const N: usize, const L2: bool>(
    query: &[f32],
    rows: [&[f32]; N],
) -> [f32; N] {
    // SAFETY: the caller's promise.
    let sums = unsafe { row_sums::<N, L2>(query, rows) };
    let mut out = [0.0; N];
    for (out, sums) in out.chunks_mut(4).zip(sums.chunks(4)) {
        let sum = |n: usize| sums.get(n).copied().unwrap_or(_mm512_setzero_ps());
        out.copy_from_slice(&total([sum(0), sum(1), sum(2), sum(3)])[..out.len()]);
    }
    out
}

/// The running sums of each row, added.
///
/// # Safety
/// As for [`rows_kernel`].
#[inline]
#[target_feature(enable = "avx512f")]
unsafe fn row_sums<const N: usize, const L2: bool>(
    query: &[f32],
    rows: [&[f32]; N],
) -> [__m512; N] {
    let len = query.len();
    let q = query.as_ptr();
    let mut sums = [[_mm512_setzero_ps(); 2]; N];
    let mut i = 0;
    while i + 32 <= len {
        // SAFETY: i + 32 <= len, the length of the query and of every row; unaligned loads.
        unsafe {
            let q0 = _mm512_loadu_ps(q.add(i));
            let q1 = _mm512_loadu_ps(q.add(i + 16));
            for n in 0..N {
                let row = rows[n].as_ptr();
                sums[n][0] = step::<L2>(sums[n][0], q0, _mm512_loadu_ps(row.add(i)));
                sums[n][1] = step::<L2>(sums[n][1], q1, _mm512_loadu_ps(row.add(i + 16)));
            }
        }
        i += 32;
    }
    if i + 16 <= len {
        // SAFETY: i + 16 <= len, the length of the query and of every row; unaligned loads.
        unsafe {
            let q0 = _mm512_loadu_ps(q.add(i));
            for n in 0..N {
                sums[n][0] = step::<L2>(sums[n][0], q0, _mm512_loadu_ps(rows[n].as_ptr().add(i)));
            }
        }
        i += 16;
    }
    if i < len {
        let mask = mask_of(len - i);
        // SAFETY: the mask covers the len - i < 16 floats that are left; masked lanes are not read and give 0.
        unsafe {
            let q0 = _mm512_maskz_loadu_ps(mask, q.add(i));
            for n in 0..N {
                let row = _mm512_maskz_loadu_ps(mask, rows[n].as_ptr().add(i));
                sums[n][1] = step::<L2>(sums[n][1], q0, row);
            }
        }
    }
    sums.map(|[a, b]| _mm512_add_ps(a, b))
}

/// As [`rows_kernel`] for the rows of a matrix, one after another: in the order in which they lie memory delivers them fastest.
///
/// # Safety
/// `rows` must be `out.len()` times as long as the query; the processor must have AVX-512F.
#[target_feature(enable = "avx512f")]
unsafe fn block_kernel<const L2: bool>(query: &[f32], rows: &[f32], out: &mut [f32]) {
    let len = query.len();
    let mut rows = rows.chunks_exact(len.max(1));
    for out in out.chunks_mut(4) {
        let mut sums = [_mm512_setzero_ps(); 4];
        for sum in &mut sums[..out.len()] {
            if let Some(row) = rows.next() {
                // SAFETY: the row is as long as the query.
                [*sum] = unsafe { row_sums::<1, L2>(query, [row]) };
            }
        }
        out.copy_from_slice(&total(sums)[..out.len()]);
    }
}

/// The sum of each vector's lanes: lane `i` to lane `i + 8`, then neighbours to neighbours twice, then the halves.
#[inline]
#[target_feature(enable = "avx512f")]
fn total(sums: [__m512; 4]) -> [f32; 4] {
    let [a, b, c, d] = sums.map(|sum| {
        let high = _mm512_extractf64x4_pd::<1>(_mm512_castps_pd(sum));
        _mm256_add_ps(_mm512_castps512_ps256(sum), _mm256_castpd_ps(high))
    });
    let all = _mm256_hadd_ps(_mm256_hadd_ps(a, b), _mm256_hadd_ps(c, d));
    let total = _mm_add_ps(_mm256_castps256_ps128(all), _mm256_extractf128_ps::<1>(all));
    let mut out = [0.0; 4];
    // SAFETY: `out` has room for four floats; unaligned store.
    unsafe { _mm_storeu_ps(out.as_mut_ptr(), total) };
    out
}

#[inline]
#[target_feature(enable = "avx512f")]
fn step<const L2: bool>(sum: __m512, a: __m512, b: __m512) -> __m512 {
    if L2 {
        let difference = _mm512_sub_ps(a, b);
        _mm512_fmadd_ps(difference, difference, sum)
    } else {
        _mm512_fmadd_ps(a, b, sum)
    }
}

fn largest(numbers: &[f32]) -> f32 {
    // SAFETY: `kernels` hands this function out only where the feature was detected.
    unsafe { largest_wide(numbers) }
}

/// The plain loop, on wider registers.
#[target_feature(enable = "avx512f,avx512bw")]
fn largest_wide(numbers: &[f32]) -> f32 {
    scalar::largest(numbers)
}

fn round(numbers: &[f32], factor: f32, out: &mut [i8]) -> i32 {
    // SAFETY: as above.
    unsafe { round_wide(numbers, factor, out) }
}

/// The plain loop, on wider registers.
#[target_feature(enable = "avx512f,avx512bw")]
fn round_wide(numbers: &[f32], factor: f32, out: &mut [i8]) -> i32 {
    scalar::round(numbers, factor, out)
}

fn add_scaled(out: &mut [f32], factor: f32, row: &[f32]) {
    assert_eq!(out.len(), row.len(), "vectors of different lengths");
    // SAFETY: `kernels` hands this function out only where AVX-512F was detected, and the lengths are equal.
    unsafe { add_scaled_kernel(out, factor, row) }
}

/// # Safety
/// `row` must be as long as `out`; the processor must have AVX-512F.
#[target_feature(enable = "avx512f")]
unsafe fn add_scaled_kernel(out: &mut [f32], factor: f32, row: &[f32]) {
    let len = out.len();
    let factors = _mm512_set1_ps(factor);
    let (to, from) = (out.as_mut_ptr(), row.as_ptr());
    let mut i = 0;
    while i + 16 <= len {
        // SAFETY: i + 16 <= len, the length of both; unaligned access.
        unsafe {
            let sum = _mm512_fmadd_ps(
                factors,
                _mm512_loadu_ps(from.add(i)),
                _mm512_loadu_ps(to.add(i)),
            );
            _mm512_storeu_ps(to.add(i), sum);
        }
        i += 16;
    }
    if i < len {
        let mask = mask_of(len - i);
        // SAFETY: the mask covers the len - i < 16 floats that are left; masked lanes are neither read nor written.
        unsafe {
            let sum = _mm512_fmadd_ps(
                factors,
                _mm512_maskz_loadu_ps(mask, from.add(i)),
                _mm512_maskz_loadu_ps(mask, to.add(i)),
            );
            _mm512_mask_storeu_ps(to.add(i), mask, sum);
        }
    }
}
