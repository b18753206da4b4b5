//! NEON: 16 codes at a time, widened to 16 bits.

use std::arch::aarch64::*;

use super::{CodeKernels, WidthKernels};
use crate::Isa;

static KERNELS: CodeKernels = CodeKernels {
    isa: Isa::Neon,
    four: WidthKernels {
        dot: dot::<true>,
        dot_run: dot_run::<true>,
    },
    eight: WidthKernels {
        dot: dot::<false>,
        dot_run: dot_run::<false>,
    },
};

/// The table: every AArch64 processor has NEON.
pub(super) fn kernels() -> Option<&'static CodeKernels> {
    Some(&KERNELS)
}

/// # Safety
/// As `Dot` in the parent.
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
/// As `DotRun` in the parent.
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
/// The row and the planes are `row_bytes` long each, which is a multiple of 32.
#[inline]
unsafe fn sum<const FOUR: bool>(planes: *const i8, row: *const u8, row_bytes: usize) -> i32 {
    // SAFETY: 16 bytes at `at` lie in the row and in each plane; NEON is part of every AArch64 processor.
    unsafe {
        let mut sums = vdupq_n_s32(0);
        for at in (0..row_bytes).step_by(16) {
            let codes = vld1q_u8(row.add(at));
            let low = vld1q_s8(planes.add(at));
            if FOUR {
                let high = vld1q_s8(planes.add(row_bytes + at));
                sums = add(sums, vandq_u8(codes, vdupq_n_u8(15)), low);
                sums = add(sums, vshrq_n_u8::<4>(codes), high);
            } else {
                sums = add(sums, codes, low);
            }
        }
        vaddvq_s32(sums)
    }
}

/// # Safety
/// None but NEON.
#[inline]
unsafe fn add(sums: int32x4_t, codes: uint8x16_t, query: int8x16_t) -> int32x4_t {
    // SAFETY: arithmetic on registers; NEON is part of every AArch64 processor.
    unsafe {
        let c = vreinterpretq_s16_u16(vmovl_u8(vget_low_u8(codes)));
        let d = vreinterpretq_s16_u16(vmovl_u8(vget_high_u8(codes)));
        let q = vmovl_s8(vget_low_s8(query));
        let r = vmovl_s8(vget_high_s8(query));
        let sums = vmlal_s16(sums, vget_low_s16(c), vget_low_s16(q));
        let sums = vmlal_s16(sums, vget_high_s16(c), vget_high_s16(q));
        let sums = vmlal_s16(sums, vget_low_s16(d), vget_low_s16(r));
        vmlal_s16(sums, vget_high_s16(d), vget_high_s16(r))
    }
}
