//! Damage to the bytes of a store, all of it or by chance, and what the store must make of it: an exact prefix of the log or a report;
//! a report for each changed byte of a sealed file; never a panic, whatever the bytes say.
//!
//! A part is run by [`run`]; the tests run each with few random cases, the `torture` command with many.

mod log;
mod random;
mod report;
mod seal;
mod stores;

pub use log::Truth;
pub use random::Random;
pub use report::{Report, Verdict, caught};
pub use seal::reseal;
pub use stores::{open, root, whole};

/// The parts, in the order in which they are worth running.
pub const PARTS: [&str; 4] = ["log-bits", "log-cuts", "log-fields", "log-random"];

/// Runs a part. `count` is how many random cases there are, for parts that have such. `None` if there is no such part.
pub fn run(part: &str, count: u64, seed: u64) -> Option<Report> {
    let truth = Truth::new;
    Some(match part {
        "log-bits" => log::bits(&truth()),
        "log-cuts" => log::cuts(&truth()),
        "log-fields" => log::fields(&truth()),
        "log-random" => log::random(&truth(), count, seed),
        _ => return None,
    })
}
