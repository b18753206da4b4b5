//! NEON: 4 floats an instruction.
//!
//! Each row has four running sums of 4 lanes; blocks of 16 floats feed all, blocks of 4 the first, and single floats a scalar of
//! their own. The one-row and four-row forms share this order, so they give the same bits.

use std::arch::aarch64::*;
use std::arch::is_aarch64_feature_detected;

use crate::dispatch::each_row;
use crate::{Isa, Kernels, scalar};

static KERNELS: Kernels = Kernels {
    isa: Isa::Neon,
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
    dot_block: |query, rows, out| {
        each_row(KERNELS.dot, KERNELS.dot_4, query, rows, out);
    },
    l2_squared_block: |query, rows, out| {
        each_row(KERNELS.l2_squared, KERNELS.l2_squared_4, query, rows, out);
    },
    add_scaled,
    // Plain loops have these registers already.
    largest: scalar::largest,
    round: scalar::round,
};

/// The table, where the processor has NEON. Nothing else hands these functions out.
pub(crate) fn kernels() -> Option<&'static Kernels> {
    is_aarch64_feature_detected!("neon").then_some(&KERNELS)
}

fn checked<const N: usize, const L2: bool>(query: &[f32], rows: [&[f32]; N]) -> [f32; N] {
    for row in rows {
        assert_eq!(query.len(), row.len(), "vectors of different lengths");
    }
    // SAFETY: `kernels` hands this function out only where NEON was detected, and all lengths are equal.
    unsafe { rows_kernel::<N, L2>(query, rows) }
}

/// Inner products (or squared distances) of the query with each row.
///
/// # Safety
/// Every row must be as long as the query; the processor must have NEON.
#[target_feature(enable = "neon")]
unsafe fn rows_kernel<const N: usize, const L2: bool>(
    query: &[f32],
    rows: [&[f32]; N],
) -> [f32; N] {
    let len = query.len();
    let q = query.as_ptr();
    let mut sums = [[vdupq_n_f32(0.0); 4]; N];
    let mut i = 0;
    while i + 16 <= len {
        for part in 0..4 {
            // SAFETY: i + 16 <= len, the length of the query and of every row, and part < 4.
            unsafe {
                let at = i + 4 * part;
                let block = vld1q_f32(q.add(at));
                for n in 0..N {
                    sums[n][part] =
                        step::<L2>(sums[n][part], block, vld1q_f32(rows[n].as_ptr().add(at)));
                }
            }
        }
        i += 16;
    }
    while i + 4 <= len {
        // SAFETY: i + 4 <= len, the length of the query and of every row.
        unsafe {
            let block = vld1q_f32(q.add(i));
            for n in 0..N {
                sums[n][0] = step::<L2>(sums[n][0], block, vld1q_f32(rows[n].as_ptr().add(i)));
            }
        }
        i += 4;
    }
    let mut out = [0.0; N];
    for n in 0..N {
        let [a, b, c, d] = sums[n];
        let mut sum = vaddvq_f32(vaddq_f32(vaddq_f32(a, b), vaddq_f32(c, d)));
        for (x, y) in query[i..].iter().zip(&rows[n][i..]) {
            sum += if L2 { (x - y) * (x - y) } else { x * y };
        }
        out[n] = sum;
    }
    out
}

#[inline]
#[target_feature(enable = "neon")]
fn step<const L2: bool>(sum: float32x4_t, a: float32x4_t, b: float32x4_t) -> float32x4_t {
    if L2 {
        let difference = vsubq_f32(a, b);
        vfmaq_f32(sum, difference, difference)
    } else {
        vfmaq_f32(sum, a, b)
    }
}

fn add_scaled(out: &mut [f32], factor: f32, row: &[f32]) {
    assert_eq!(out.len(), row.len(), "vectors of different lengths");
    // SAFETY: `kernels` hands this function out only where NEON was detected, and the lengths are equal.
    unsafe { add_scaled_kernel(out, factor, row) }
}

/// # Safety
/// `row` must be as long as `out`; the processor must have NEON.
#[target_feature(enable = "neon")]
unsafe fn add_scaled_kernel(out: &mut [f32], factor: f32, row: &[f32]) {
    let len = out.len();
    let factors = vdupq_n_f32(factor);
    let (to, from) = (out.as_mut_ptr(), row.as_ptr());
    let mut i = 0;
    while i + 4 <= len {
        // SAFETY: i + 4 <= len, the length of both.
        unsafe {
            vst1q_f32(
                to.add(i),
                vfmaq_f32(vld1q_f32(to.add(i)), factors, vld1q_f32(from.add(i))),
            )
        };
        i += 4;
    }
    for (sum, x) in out[i..].iter_mut().zip(&row[i..]) {
        *sum += factor * x;
    }
}
