//! Damage to the bytes of a store, all of it or by chance, and what the store must make of it: an exact prefix of the log or a report;
//! a report for each changed byte of a sealed file; never a panic, whatever the bytes say.
//!
//! A part is run by [`run`]; the tests run each with few random cases, the `torture` command with many.

mod exercise;
mod files;
mod forge;
mod log;
mod random;
mod report;
mod seal;
mod stores;
mod versions;

pub use exercise::exercise;
pub use files::Files;
pub use forge::replace;
pub use log::Truth;
pub use random::Random;
pub use report::{Report, Verdict, caught};
pub use seal::reseal;
pub use stores::{open, root, rows, whole};

/// The parts, in the order in which they are worth running.
pub const PARTS: [&str; 12] = [
    "log-bits",
    "log-cuts",
    "log-fields",
    "log-random",
    "edges",
    "flips",
    "whole",
    "versions",
    "forged-files",
    "forged-columns",
    "forged-index",
    "forged-manifest",
];

/// Runs a part. `count` is how many random cases there are, for parts that have such; `edges` takes all there are for 0.
/// `None` if there is no such part.
pub fn run(part: &str, count: u64, seed: u64) -> Option<Report> {
    let (truth, files) = (Truth::new, Files::new);
    Some(match part {
        "log-bits" => log::bits(&truth()),
        "log-cuts" => log::cuts(&truth()),
        "log-fields" => log::fields(&truth()),
        "log-random" => log::random(&truth(), count, seed),
        "edges" => files::edges(&files(), count, seed),
        "flips" => files::flips(&files(), count, seed),
        "whole" => files::whole(&files()),
        "versions" => versions::later(&files()),
        "forged-files" => forge::forged("forged-files", &files(), "", count, seed),
        "forged-columns" => forge::forged("forged-columns", &files(), ".arrow", count, seed),
        "forged-index" => forge::forged("forged-index", &files(), ".ivf", count, seed),
        "forged-manifest" => forge::forged("forged-manifest", &files(), "MANIFEST-", count, seed),
        _ => return None,
    })
}
