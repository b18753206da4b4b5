//! What a part of the command is given, and what it says at its end.

use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};

/// How long a part goes on, and with which seed it begins.
#[derive(Debug, Clone, Copy)]
pub struct Budget {
    /// Seed of the first trial; the others follow from it.
    pub seed: u64,
    /// Trials at most.
    pub count: u64,
    /// No trial begins after this.
    pub until: Option<Instant>,
}

impl Budget {
    /// So many trials, however long they take.
    pub fn trials(seed: u64, count: u64) -> Budget {
        Budget {
            seed,
            count,
            until: None,
        }
    }

    /// As many trials as go into the time.
    pub fn time(seed: u64, time: Duration) -> Budget {
        Budget {
            seed,
            count: u64::MAX,
            until: Some(Instant::now() + time),
        }
    }

    /// Whether the trial with this 0-based number may begin.
    pub fn allows(&self, trial: u64) -> bool {
        trial < self.count && self.until.is_none_or(|until| Instant::now() < until)
    }
}

/// What a part found.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Outcome {
    /// Trials made.
    pub count: u64,
    /// Trials that held.
    pub passed: u64,
    /// What was measured, in words.
    pub figure: String,
    /// One line a trial that did not hold, with what reproduces it.
    pub failures: Vec<String>,
    /// Why the part could not run here.
    pub skipped: Option<String>,
}

impl Outcome {
    /// The part cannot run here.
    pub fn skipped(why: String) -> Outcome {
        Outcome {
            skipped: Some(why),
            ..Outcome::default()
        }
    }
}

/// A part of the command.
#[derive(Debug, Clone, Copy)]
pub struct Part {
    /// Its name on the command line.
    pub name: &'static str,
    /// What it does, in one line.
    pub about: &'static str,
    /// Trials when the command names neither a count nor a time.
    pub count: u64,
    /// Runs it.
    pub run: fn(&Budget) -> Outcome,
}
