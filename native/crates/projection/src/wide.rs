//! The same arithmetic on wider registers, where the processor has them.

use crate::faithful::{Row, compare};
use crate::umap::{Placing, Step, move_block, place_block};

/// How wide.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Wide {
    Plain,
    #[cfg(target_arch = "x86_64")]
    Avx2,
    #[cfg(target_arch = "x86_64")]
    Avx512,
}

impl Wide {
    /// The widest of this processor.
    pub fn best() -> Wide {
        Wide::all().next().unwrap_or(Wide::Plain)
    }

    /// All that this processor has, the widest first.
    pub fn all() -> impl Iterator<Item = Wide> {
        #[cfg(target_arch = "x86_64")]
        let wider = {
            let avx512 = is_x86_feature_detected!("avx512f")
                && is_x86_feature_detected!("avx512bw")
                && is_x86_feature_detected!("avx512dq")
                && is_x86_feature_detected!("avx512vl");
            let avx2 = is_x86_feature_detected!("avx2");
            [avx512.then_some(Wide::Avx512), avx2.then_some(Wide::Avx2)]
        };
        #[cfg(not(target_arch = "x86_64"))]
        let wider = [None; 2];
        wider.into_iter().flatten().chain([Wide::Plain])
    }

    /// See [`move_block`].
    pub fn block(self, step: Step<'_>, first: usize, points: &mut [[f32; 2]]) {
        match self {
            Wide::Plain => move_block(step, first, points),
            // SAFETY: `best` gives this only where the processor has it.
            #[cfg(target_arch = "x86_64")]
            Wide::Avx2 => unsafe { block_avx2(step, first, points) },
            // SAFETY: likewise.
            #[cfg(target_arch = "x86_64")]
            Wide::Avx512 => unsafe { block_avx512(step, first, points) },
        }
    }

    /// See [`place_block`].
    pub fn place(self, placing: Placing<'_>, first: usize, points: &mut [[f32; 2]]) {
        match self {
            Wide::Plain => place_block(placing, first, points),
            // SAFETY: as above.
            #[cfg(target_arch = "x86_64")]
            Wide::Avx2 => unsafe { place_avx2(placing, first, points) },
            // SAFETY: as above.
            #[cfg(target_arch = "x86_64")]
            Wide::Avx512 => unsafe { place_avx512(placing, first, points) },
        }
    }

    /// See [`compare`].
    pub fn compare(
        self,
        far: &[f32],
        points: &[[f32; 2]],
        at: usize,
        flat: &mut [f32],
        k: usize,
    ) -> Row {
        match self {
            Wide::Plain => compare(far, points, at, flat, k),
            // SAFETY: as above.
            #[cfg(target_arch = "x86_64")]
            Wide::Avx2 => unsafe { compare_avx2(far, points, at, flat, k) },
            // SAFETY: as above.
            #[cfg(target_arch = "x86_64")]
            Wide::Avx512 => unsafe { compare_avx512(far, points, at, flat, k) },
        }
    }
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2")]
fn compare_avx2(far: &[f32], points: &[[f32; 2]], at: usize, flat: &mut [f32], k: usize) -> Row {
    compare(far, points, at, flat, k)
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl")]
fn compare_avx512(far: &[f32], points: &[[f32; 2]], at: usize, flat: &mut [f32], k: usize) -> Row {
    compare(far, points, at, flat, k)
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2")]
fn place_avx2(placing: Placing<'_>, first: usize, points: &mut [[f32; 2]]) {
    place_block(placing, first, points);
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl")]
fn place_avx512(placing: Placing<'_>, first: usize, points: &mut [[f32; 2]]) {
    place_block(placing, first, points);
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2")]
fn block_avx2(step: Step<'_>, first: usize, points: &mut [[f32; 2]]) {
    move_block(step, first, points);
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl")]
fn block_avx512(step: Step<'_>, first: usize, points: &mut [[f32; 2]]) {
    move_block(step, first, points);
}
