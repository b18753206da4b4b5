//! File systems under the store that misbehave as real ones do.

mod crash;
mod damage;
mod fault;
mod gate;
mod medium;
mod order;
mod turns;

pub use crash::CrashVfs;
pub use damage::Damage;
pub use fault::{Class, FaultKind, FaultVfs, Hit, Plan};
pub use gate::Gate;
pub use medium::{Medium, Node, Op};
pub use turns::{Turn, TurnVfs, Turns};
