//! `kill -9` of a real process on the real file system.
//!
//! A child works on a store and says what it does; it is killed with SIGKILL at a seeded moment; the store is opened
//! here and compared with what the child said. One store goes through several rounds, so that each begins on what the kills before
//! left. The page cache survives a kill: this shows what a crash of the program does, and says nothing about power loss.

pub(crate) mod copy;
pub(crate) mod ledger;
pub(crate) mod ops;
pub(crate) mod phase;
pub(crate) mod process;
pub(crate) mod script;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use omendb_store::{OpenOptions, Store};

use crate::part::{Budget, Outcome, Part};
use crate::rng::Rng;
use ledger::Ledger;
use phase::Phase;
use process::Process;

/// `torture kill`.
pub const PART: Part = Part {
    name: "kill",
    about: "kill -9 of a process that writes, imports, indexes, seals, opens, recovers (no power loss)",
    count: 5_000,
    run: |budget| match std::env::current_exe() {
        Ok(binary) => run(&binary, budget),
        Err(e) => Outcome::skipped(e.to_string()),
    },
};

/// Kills that one store goes through.
const ROUNDS_OF_A_STORE: u64 = 25;
/// Stores that are worked on at the same time.
const AT_ONCE: usize = 4;
/// Latest moment of a kill, counted from the process's first line.
const LATEST: Duration = Duration::from_millis(150);
/// As long as an open or a recovery may take.
const REOPEN: Duration = Duration::from_secs(2);

/// What was measured.
#[derive(Debug, Default)]
pub struct Figures {
    /// Kills by what they fell into.
    pub places: BTreeMap<&'static str, u64>,
    /// Kills altogether: a recovery that is killed is one more.
    pub kills: u64,
    /// Acknowledged operations.
    pub acknowledged: u64,
    /// The slowest open after a kill.
    pub slowest: Duration,
}

impl Figures {
    fn add(&mut self, other: Figures) {
        for (place, n) in other.places {
            *self.places.entry(place).or_default() += n;
        }
        self.kills += other.kills;
        self.acknowledged += other.acknowledged;
        self.slowest = self.slowest.max(other.slowest);
    }
}

/// Goes through the rounds with the binary `torture`.
pub fn run(binary: &Path, budget: &Budget) -> Outcome {
    let (mut outcome, figures) = measure(binary, budget);
    let places: Vec<String> = figures
        .places
        .iter()
        .map(|(place, n)| format!("{place} {n}"))
        .collect();
    outcome.figure = format!(
        "{} kills of a process (not of the power), {} acknowledged operations; reopened in {} ms at most; fell into: {}",
        figures.kills,
        figures.acknowledged,
        figures.slowest.as_millis(),
        places.join(", ")
    );
    outcome
}

/// As [`run`], with the figures as numbers. Several stores at once: most of the time is waiting, for the moment and for the disk.
pub fn measure(binary: &Path, budget: &Budget) -> (Outcome, Figures) {
    let result = Mutex::new((Outcome::default(), Figures::default()));
    let next = AtomicU64::new(0);
    thread::scope(|scope| {
        for _ in 0..AT_ONCE {
            scope.spawn(|| {
                loop {
                    let store = next.fetch_add(1, Ordering::Relaxed);
                    if !budget.allows(store * ROUNDS_OF_A_STORE) {
                        break;
                    }
                    rounds(binary, budget, store, &result);
                }
            });
        }
    });
    result.into_inner().unwrap_or_default()
}

/// All rounds of the store with this number.
fn rounds(binary: &Path, budget: &Budget, store: u64, result: &Mutex<(Outcome, Figures)>) {
    // The seed of a store gives all its rounds, so that a failure needs no more than this store again.
    let seed = budget.seed.wrapping_add(store);
    let mut trial = Trial::new(binary, seed);
    for round in 0..ROUNDS_OF_A_STORE {
        if !budget.allows(store * ROUNDS_OF_A_STORE + round) {
            break;
        }
        let mut seen = Figures::default();
        let held = match &mut trial {
            Ok(trial) => trial.round(round, &mut seen),
            Err(e) => Err(e.clone()),
        };
        let Ok(mut result) = result.lock() else {
            break;
        };
        let (outcome, figures) = &mut *result;
        figures.add(seen);
        outcome.count += 1;
        if let Err(error) = held {
            outcome.failures.push(format!(
                "kill: round {round} of the store with seed {seed}: {error}\n  again: torture kill --seed {seed} --count {ROUNDS_OF_A_STORE} (the moment of a kill differs from run to run)"
            ));
            break;
        }
        outcome.passed += 1;
    }
}

/// A store and what is known of it.
struct Trial {
    binary: PathBuf,
    folder: tempfile::TempDir,
    seed: u64,
    ledger: Ledger,
    /// Opened before cleanly: an open of a child is timed by it.
    open: Duration,
}

impl Trial {
    fn new(binary: &Path, seed: u64) -> Result<Trial, String> {
        Ok(Trial {
            binary: binary.to_path_buf(),
            folder: tempfile::tempdir().map_err(|e| e.to_string())?,
            seed,
            ledger: Ledger::default(),
            open: Duration::from_millis(4),
        })
    }

    fn path(&self) -> PathBuf {
        self.folder.path().join("x.db")
    }

    fn round(&mut self, round: u64, figures: &mut Figures) -> Result<(), String> {
        let mut rng = Rng::new(self.seed ^ (round + 1) << 32);
        let plan = rng.below(10);
        let phase = match plan {
            0 => Phase::Open,
            _ => Phase::pick(&mut rng),
        };
        let before = self.ledger.acknowledged;
        self.kill(round, phase, &mut rng, figures)?;
        if plan == 1 {
            // Recovery after that kill is killed too, more than once.
            for _ in 0..rng.between(1, 4) {
                self.kill(round, Phase::Open, &mut rng, figures)?;
            }
        }
        figures.acknowledged += self.ledger.acknowledged - before;

        let since = Instant::now();
        let store = Store::open(
            &self.path(),
            OpenOptions {
                create: true,
                background: false,
                ..OpenOptions::default()
            },
        )
        .map_err(|e| format!("it does not open: {} {e}", e.code()))?;
        let took = since.elapsed();
        self.open = took;
        figures.slowest = figures.slowest.max(took);
        if took > REOPEN {
            return Err(format!("opening took {} ms", took.as_millis()));
        }
        self.ledger.settle(&store)?;
        let report = store.verify().map_err(|e| e.to_string())?;
        if !report.problems.is_empty() {
            return Err(format!("verify: {:?}", report.problems));
        }
        copy::left(&self.path(), self.ledger.rows(), phase.writers() == 1)?;
        if rng.one_in(2) {
            store.close().map_err(|e| e.to_string())?;
        }
        Ok(())
    }

    /// Starts a process and kills it. What it said is in the ledger then.
    fn kill(
        &mut self,
        round: u64,
        phase: Phase,
        rng: &mut Rng,
        figures: &mut Figures,
    ) -> Result<(), String> {
        let mut command = Command::new(&self.binary);
        command.arg("child").arg(self.path()).args([
            self.seed.to_string(),
            round.to_string(),
            phase.to_string(),
        ]);
        let process = Process::start(&mut command)?;
        let latest = match phase {
            Phase::Open => self.open * 2,
            _ => LATEST,
        };
        let micros = rng.below(latest.as_micros() as u64 + 1);
        thread::sleep(Duration::from_micros(micros));
        process.kill(&mut self.ledger)?;
        figures.kills += 1;
        *figures.places.entry(self.ledger.place()).or_default() += 1;
        match self.ledger.codes.pop_first() {
            Some((code, message)) => Err(format!("an operation failed: {code} {message}")),
            None => Ok(()),
        }
    }
}
