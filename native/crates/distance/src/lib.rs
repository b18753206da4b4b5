//! Distance kernels over `f32` vectors: a scalar reference, AVX2+FMA, AVX-512 and NEON, chosen once for the process.
//!
//! Pure compute: no I/O (but for one environment variable, read once), no state, no allocation.
//!
//! - [`kernels`] gives the kernels of the chosen instruction set ([`isa`]); `OMENDB_ISA=scalar|avx2|avx512|neon` overrides it.
//! - [`Scorer`] binds a metric and a query, and scores rows one at a time, four at a time or a whole block.
//! - [`VectorsRef`] is a borrowed matrix of rows with its metric, the shape in which every crate hands vectors around.
//!
//! Within one instruction set a row scores the same bits whether it is scored alone, among four or in a block: equal rows tie
//! exactly, and an exact scan agrees with a walk over an index.
//!
//! *Scores* are internal and cheap; smaller is closer. [`to_distance`] turns a score into the distance that people see.
//!
//! | metric | score | distance |
//! |---|---|---|
//! | `l2` | squared Euclidean distance | its square root |
//! | `cosine` | 1 - cosine similarity; 1 when either vector is zero | the same, never below 0 |
//! | `dot` | negative inner product | the same |

#[cfg(target_arch = "aarch64")]
mod aarch64;
pub mod blocks;
mod dispatch;
mod metric;
mod scalar;
mod scorer;
mod vectors;
#[cfg(target_arch = "x86_64")]
mod x86_64;

pub use dispatch::{Isa, Kernels, isa, isa_note, kernels, kernels_for, prefetch, prefetch_all};
pub use metric::{Metric, UnknownMetric, to_distance};
pub use scorer::{Scorer, inv_norm, inv_norms};
pub use vectors::{ShapeError, VectorsRef};
