//! AVX2 with FMA: 8 floats an instruction.
//!
//! Each row has two running sums, 8 lanes each; whole blocks of 16 floats feed both, a block of 8 feeds the first, the tail (under 8)
//! is read through a mask and feeds the second; the sums' lanes are added as [`total`] does. All forms share this order, so they give the same
//! bits.

use std::arch::x86_64::*;

use crate::{Isa, Kernels, scalar};

static KERNELS: Kernels = Kernels {
    isa: Isa::Avx2,
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

/// The table, where the processor has AVX2 and FMA. Nothing else hands these functions out.
pub(crate) fn kernels() -> Option<&'static Kernels> {
    (is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma")).then_some(&KERNELS)
}

fn checked<const N: usize, const L2: bool>(query: &[f32], rows: [&[f32]; N]) -> [f32; N] {
    for row in rows {
        assert_eq!(query.len(), row.len(), "vectors of different lengths");
    }
    // SAFETY: `kernels` hands this function out only where AVX2 and FMA were detected, and all lengths are equal.
    unsafe { rows_kernel::<N, L2>(query, rows) }
}

fn block<const L2: bool>(query: &[f32], rows: &[f32], out: &mut [f32]) {
    assert_eq!(
        Some(rows.len()),
        out.len().checked_mul(query.len()),
        "one float of `out` a row"
    );
    // SAFETY: `kernels` hands this function out only where AVX2 and FMA were detected, and `rows` has a row for each of `out`.
    unsafe { block_kernel::<L2>(query, rows, out) }
}

/// Mask for the first `n` of 8 lanes is `&MASKS[8 - n..16 - n]`.
static MASKS: [i32; 16] = [-1, -1, -1, -1, -1, -1, -1, -1, 0, 0, 0, 0, 0, 0, 0, 0];

/// Mask of the first `tail` lanes; `tail` must be at most 8.
#[inline]
#[target_feature(enable = "avx2,fma")]
fn mask_of(tail: usize) -> __m256i {
    let lanes = &MASKS[8 - tail..16 - tail];
    // SAFETY: `lanes` is 8 ints long, and the load has no alignment requirement.
    unsafe { _mm256_loadu_si256(lanes.as_ptr().cast()) }
}

/// Inner products (or squared distances) of the query with each row.
///
/// # Safety
/// Every row must be as long as the query; the processor must have AVX2 and FMA.
#[target_feature(enable = "avx2,fma")]
unsafe fn rows_kernel<const N: usize, const L2: bool>(
    query: &[f32],
    rows: [&[f32]; N],
) -> [f32; N] {
    // SAFETY: the caller's promise.
    let sums = unsafe { row_sums::<N, L2>(query, rows) };
    let mut out = [0.0; N];
    for (out, sums) in out.chunks_mut(4).zip(sums.chunks(4)) {
        let sum = |n: usize| sums.get(n).copied().unwrap_or(_mm256_setzero_ps());
        out.copy_from_slice(&total([sum(0), sum(1), sum(2), sum(3)])[..out.len()]);
    }
    out
}

/// The running sums of each row, added.
///
/// # Safety
/// As for [`rows_kernel`].
#[inline]
#[target_feature(enable = "avx2,fma")]
unsafe fn row_sums<const N: usize, const L2: bool>(
    query: &[f32],
    rows: [&[f32]; N],
) -> [__m256; N] {
    let len = query.len();
    let q = query.as_ptr();
    let mut sums = [[_mm256_setzero_ps(); 2]; N];
    let mut i = 0;
    while i + 16 <= len {
        // SAFETY: i + 16 <= len, the length of the query and of every row; unaligned loads.
        unsafe {
            let q0 = _mm256_loadu_ps(q.add(i));
            let q1 = _mm256_loadu_ps(q.add(i + 8));
            for n in 0..N {
                let row = rows[n].as_ptr();
                sums[n][0] = step::<L2>(sums[n][0], q0, _mm256_loadu_ps(row.add(i)));
                sums[n][1] = step::<L2>(sums[n][1], q1, _mm256_loadu_ps(row.add(i + 8)));
            }
        }
        i += 16;
    }
    if i + 8 <= len {
        // SAFETY: i + 8 <= len, the length of the query and of every row; unaligned loads.
        unsafe {
            let q0 = _mm256_loadu_ps(q.add(i));
            for n in 0..N {
                sums[n][0] = step::<L2>(sums[n][0], q0, _mm256_loadu_ps(rows[n].as_ptr().add(i)));
            }
        }
        i += 8;
    }
    if i < len {
        let mask = mask_of(len - i);
        // SAFETY: the mask covers the len - i < 8 floats that are left; masked lanes are not read and give 0.
        unsafe {
            let q0 = _mm256_maskload_ps(q.add(i), mask);
            for n in 0..N {
                let row = _mm256_maskload_ps(rows[n].as_ptr().add(i), mask);
                sums[n][1] = step::<L2>(sums[n][1], q0, row);
            }
        }
    }
    sums.map(|[a, b]| _mm256_add_ps(a, b))
}

/// As [`rows_kernel`] for the rows of a matrix, one after another: in the order in which they lie memory delivers them fastest.
///
/// # Safety
/// `rows` must be `out.len()` times as long as the query; the processor must have AVX2 and FMA.
#[target_feature(enable = "avx2,fma")]
unsafe fn block_kernel<const L2: bool>(query: &[f32], rows: &[f32], out: &mut [f32]) {
    let len = query.len();
    let mut rows = rows.chunks_exact(len.max(1));
    for out in out.chunks_mut(4) {
        let mut sums = [_mm256_setzero_ps(); 4];
        for sum in &mut sums[..out.len()] {
            if let Some(row) = rows.next() {
                // SAFETY: the row is as long as the query.
                [*sum] = unsafe { row_sums::<1, L2>(query, [row]) };
            }
        }
        out.copy_from_slice(&total(sums)[..out.len()]);
    }
}

#[inline]
#[target_feature(enable = "avx2,fma")]
fn step<const L2: bool>(sum: __m256, a: __m256, b: __m256) -> __m256 {
    if L2 {
        let difference = _mm256_sub_ps(a, b);
        _mm256_fmadd_ps(difference, difference, sum)
    } else {
        _mm256_fmadd_ps(a, b, sum)
    }
}

/// The sum of each vector's lanes: neighbours to neighbours twice, then the halves.
#[inline]
#[target_feature(enable = "avx2,fma")]
fn total([a, b, c, d]: [__m256; 4]) -> [f32; 4] {
    let all = _mm256_hadd_ps(_mm256_hadd_ps(a, b), _mm256_hadd_ps(c, d));
    let total = _mm_add_ps(_mm256_castps256_ps128(all), _mm256_extractf128_ps::<1>(all));
    let mut out = [0.0; 4];
    // SAFETY: `out` has room for four floats; unaligned store.
    unsafe { _mm_storeu_ps(out.as_mut_ptr(), total) };
    out
}

fn largest(numbers: &[f32]) -> f32 {
    // SAFETY: `kernels` hands this function out only where the feature was detected.
    unsafe { largest_wide(numbers) }
}

/// The plain loop, on wider registers.
#[target_feature(enable = "avx2")]
fn largest_wide(numbers: &[f32]) -> f32 {
    scalar::largest(numbers)
}

fn round(numbers: &[f32], factor: f32, out: &mut [i8]) -> i32 {
    // SAFETY: as above.
    unsafe { round_wide(numbers, factor, out) }
}

/// The plain loop, on wider registers.
#[target_feature(enable = "avx2")]
fn round_wide(numbers: &[f32], factor: f32, out: &mut [i8]) -> i32 {
    scalar::round(numbers, factor, out)
}

fn add_scaled(out: &mut [f32], factor: f32, row: &[f32]) {
    assert_eq!(out.len(), row.len(), "vectors of different lengths");
    // SAFETY: `kernels` hands this function out only where AVX2 and FMA were detected, and the lengths are equal.
    unsafe { add_scaled_kernel(out, factor, row) }
}

/// # Safety
/// `row` must be as long as `out`; the processor must have AVX2 and FMA.
#[target_feature(enable = "avx2,fma")]
unsafe fn add_scaled_kernel(out: &mut [f32], factor: f32, row: &[f32]) {
    let len = out.len();
    let factors = _mm256_set1_ps(factor);
    let (to, from) = (out.as_mut_ptr(), row.as_ptr());
    let mut i = 0;
    while i + 8 <= len {
        // SAFETY: i + 8 <= len, the length of both; unaligned access.
        unsafe {
            let sum = _mm256_fmadd_ps(
                factors,
                _mm256_loadu_ps(from.add(i)),
                _mm256_loadu_ps(to.add(i)),
            );
            _mm256_storeu_ps(to.add(i), sum);
        }
        i += 8;
    }
    if i < len {
        let mask = mask_of(len - i);
        // SAFETY: the mask covers the len - i < 8 floats that are left; masked lanes are neither read nor written.
        unsafe {
            let sum = _mm256_fmadd_ps(
                factors,
                _mm256_maskload_ps(from.add(i), mask),
                _mm256_maskload_ps(to.add(i), mask),
            );
            _mm256_maskstore_ps(to.add(i), mask, sum);
        }
    }
}
