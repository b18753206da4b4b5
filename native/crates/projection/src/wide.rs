//! The same arithmetic on wider registers, where the processor has them.

use crate::faithful::{self, Row};
use crate::umap::{self, Placing, Step};

/// How wide.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Wide {
    Plain,
    #[cfg(target_arch = "x86_64")]
    Avx2,
    #[cfg(target_arch = "x86_64")]
    Avx512,
}

/// A function that is compiled once for each width, and its door.
macro_rules! widened {
    ($(#[$doc:meta])* $name:ident, $plain:path, ($($argument:ident: $kind:ty),*) $(-> $out:ty)?) => {
        impl Wide {
            $(#[$doc])*
            pub fn $name(self, $($argument: $kind),*) $(-> $out)? {
                #[cfg(target_arch = "x86_64")]
                #[target_feature(enable = "avx2")]
                fn avx2($($argument: $kind),*) $(-> $out)? {
                    $plain($($argument),*)
                }
                #[cfg(target_arch = "x86_64")]
                #[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl")]
                fn avx512($($argument: $kind),*) $(-> $out)? {
                    $plain($($argument),*)
                }
                match self {
                    Wide::Plain => $plain($($argument),*),
                    // SAFETY: `all` gives this only where the processor has it.
                    #[cfg(target_arch = "x86_64")]
                    Wide::Avx2 => unsafe { avx2($($argument),*) },
                    // SAFETY: likewise.
                    #[cfg(target_arch = "x86_64")]
                    Wide::Avx512 => unsafe { avx512($($argument),*) },
                }
            }
        }
    };
}

widened!(
    /// See [`umap::move_block`].
    block, umap::move_block, (step: Step<'_>, first: usize, points: &mut [[f32; 2]])
);
widened!(
    /// See [`umap::place_block`].
    place, umap::place_block, (placing: Placing<'_>, first: usize, points: &mut [[f32; 2]])
);
widened!(
    /// See [`faithful::compare`].
    compare,
    faithful::compare,
    (far: &[f32], points: &[[f32; 2]], at: usize, flat: &mut [f32], k: usize) -> Row
);

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
}
