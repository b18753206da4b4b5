//! A disk that is truly full.

use std::process::ExitCode;

use crate::part::{Outcome, Part};

/// `torture full-disk`.
pub const PART: Part = Part {
    name: "full-disk",
    about: "a tmpfs that fills up, of another size each time",
    count: 2_000,
    run: |_| Outcome::skipped("not yet".to_owned()),
};

/// In the namespace.
pub fn inside(_: &[String]) -> ExitCode {
    ExitCode::SUCCESS
}
