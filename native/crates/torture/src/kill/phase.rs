//! What a process mostly does, so that kills fall into everything often enough.

use std::fmt;
use std::str::FromStr;

use crate::rng::Rng;

/// Odds of each kind of operation.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Weights {
    pub put: u64,
    pub delete: u64,
    pub new: u64,
    pub existing: u64,
    pub checkpoint: u64,
    pub index: u64,
    pub edit: u64,
    pub revert: u64,
    pub compact: u64,
    pub backup: u64,
}

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
    /// Edits, ways back, compacting, copies.
    Compact,
    /// Two writers at once: small writes, and all the rest.
    Both,
    /// Opening and closing.
    Open,
    /// All of it by one writer.
    All,
}

const ALL: [(Phase, &str); 8] = [
    (Phase::Import, "import"),
    (Phase::Small, "small"),
    (Phase::Index, "index"),
    (Phase::Checkpoint, "checkpoint"),
    (Phase::Compact, "compact"),
    (Phase::Both, "both"),
    (Phase::Open, "open"),
    (Phase::All, "all"),
];

impl Phase {
    /// One that writes.
    pub fn pick(rng: &mut Rng) -> Phase {
        ALL[rng.below(6) as usize].0
    }

    /// Odds of each operation.
    pub(crate) fn weights(self) -> Weights {
        let none = Weights::default();
        match self {
            Phase::Import | Phase::Open => Weights {
                put: 10,
                new: 40,
                existing: 40,
                checkpoint: 5,
                revert: 15,
                ..none
            },
            Phase::Small => Weights {
                put: 50,
                delete: 20,
                checkpoint: 5,
                edit: 20,
                revert: 15,
                ..none
            },
            Phase::Index => Weights {
                put: 5,
                new: 35,
                existing: 10,
                index: 50,
                ..none
            },
            Phase::Checkpoint => Weights {
                put: 35,
                delete: 5,
                checkpoint: 45,
                edit: 10,
                revert: 15,
                ..none
            },
            Phase::Compact => Weights {
                put: 15,
                delete: 10,
                existing: 15,
                edit: 10,
                revert: 30,
                compact: 30,
                backup: 10,
                ..none
            },
            Phase::Both => Weights {
                backup: 5,
                ..Phase::All.weights()
            },
            Phase::All => Weights {
                put: 60,
                delete: 20,
                new: 25,
                existing: 30,
                checkpoint: 10,
                index: 20,
                edit: 20,
                revert: 30,
                compact: 10,
                backup: 0,
            },
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
