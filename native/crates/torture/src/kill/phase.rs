//! What a process mostly does, so that kills fall into everything often enough.

use std::fmt;
use std::str::FromStr;

use crate::rng::Rng;

/// A mix of operations.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    /// Imports, into new collections and one there is.
    Import,
    /// Small writes and deletes.
    Small,
    /// Imports large enough for an index, and waiting for it.
    Index,
    /// Small writes and checkpoints.
    Checkpoint,
    /// Two writers at once: small writes, and all the rest.
    Both,
    /// Opening and closing.
    Open,
    /// All of it by one writer.
    All,
}

const ALL: [(Phase, &str); 7] = [
    (Phase::Import, "import"),
    (Phase::Small, "small"),
    (Phase::Index, "index"),
    (Phase::Checkpoint, "checkpoint"),
    (Phase::Both, "both"),
    (Phase::Open, "open"),
    (Phase::All, "all"),
];

impl Phase {
    /// One that writes.
    pub fn pick(rng: &mut Rng) -> Phase {
        ALL[rng.below(5) as usize].0
    }

    /// Odds of put, delete, import into a new collection, import into one there is, checkpoint, index build.
    pub(crate) fn weights(self) -> [u64; 6] {
        match self {
            Phase::Import | Phase::Open => [10, 0, 45, 40, 5, 0],
            Phase::Small => [70, 25, 0, 0, 5, 0],
            Phase::Index => [5, 0, 35, 10, 0, 50],
            Phase::Checkpoint => [50, 5, 0, 0, 45, 0],
            Phase::Both | Phase::All => [60, 20, 25, 30, 10, 20],
        }
    }

    /// Writers at once.
    pub(crate) fn writers(self) -> usize {
        if self == Phase::Both { 2 } else { 1 }
    }

    /// Operations between an opening and a closing.
    pub(crate) fn ops(self) -> u64 {
        if self == Phase::Open { 0 } else { 40 }
    }
}

impl fmt::Display for Phase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = ALL.iter().find(|(phase, _)| phase == self).map(|(_, n)| n);
        f.write_str(name.unwrap_or(&""))
    }
}

impl FromStr for Phase {
    type Err = ();

    fn from_str(text: &str) -> Result<Phase, ()> {
        let found = ALL.iter().find(|(_, name)| *name == text);
        found.map(|(phase, _)| *phase).ok_or(())
    }
}
