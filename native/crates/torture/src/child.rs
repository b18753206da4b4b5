//! The process that is killed: `torture child FOLDER SEED ROUND PHASE [OPS]`. It opens the store, works until it dies or has done
//! so many operations, and prints a line before and after each one.

use std::io::{self, Write};
use std::path::Path;
use std::process::ExitCode;
use std::sync::atomic::{AtomicBool, Ordering};

use omendb_store::{Error, OpenOptions, Store};

use crate::kill::ledger::Line;
use crate::kill::ops::Op;
use crate::kill::phase::Phase;
use crate::rng::Rng;

/// Collections of imports that are kept; the oldest goes.
const KEPT: usize = 4;
/// Dead rows after which a collection is made anew, so that a store of many rounds stays small.
const DEAD: u64 = 12_000;
/// The collection of the small writes, of the first writer alone.
const SMALL: &str = "small";
/// The collection that imports go into again and again, of the last writer alone.
const BULK: &str = "bulk";

/// Runs it. `args` are those after `child`.
pub fn main(args: &[String]) -> ExitCode {
    say(&Line::Start);
    let [folder, seed, round, phase, rest @ ..] = args else {
        return ExitCode::from(2);
    };
    let (Ok(seed), Ok(round), Ok(phase)) = (seed.parse(), round.parse(), phase.parse()) else {
        return ExitCode::from(2);
    };
    let ops = rest.first().and_then(|n| n.parse().ok());
    match work(Path::new(folder), seed, round, phase, ops) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            failed(0, &error);
            ExitCode::FAILURE
        }
    }
}

fn work(folder: &Path, seed: u64, round: u64, phase: Phase, ops: Option<u64>) -> Result<(), Error> {
    let options = OpenOptions {
        create: true,
        background: true,
        ..OpenOptions::default()
    };
    for cycle in 0.. {
        say(&Line::Opening);
        let store = Store::open(folder, options.clone())?;
        say(&Line::Opened);
        let writers = phase.writers();
        let stop = AtomicBool::new(false);
        std::thread::scope(|scope| {
            for writer in 0..writers {
                let mut script = Script::new(seed, phase, writer);
                // No number is used twice in the life of a store.
                script.begin(round as i64 * 1000 + cycle);
                let (store, stop) = (&store, &stop);
                scope.spawn(move || script.play(store, ops.unwrap_or(phase.ops()), stop));
            }
        });
        say(&Line::Closing);
        store.close()?;
        say(&Line::Closed);
        if ops.is_some() || stop.into_inner() {
            break;
        }
    }
    Ok(())
}

/// The operations of one writer.
pub(crate) struct Script {
    seed: u64,
    n: i64,
    rng: Rng,
    writer: usize,
    phase: Phase,
    /// Whether collections are removed when there are many.
    pub drops: bool,
}

impl Script {
    pub fn new(seed: u64, phase: Phase, writer: usize) -> Script {
        Script {
            seed,
            n: 0,
            rng: Rng::new(seed),
            writer,
            phase,
            drops: true,
        }
    }

    /// Begins the operations of another handle of the store, with numbers and choices of their own.
    pub fn begin(&mut self, part: i64) {
        self.n = (part * 2 + self.writer as i64) * 100_000;
        self.rng = Rng::new(self.seed ^ (self.n as u64) << 8);
    }

    fn play(&mut self, store: &Store, ops: u64, stop: &AtomicBool) {
        let mut errors = 0;
        for _ in 0..ops {
            let op = self.next(store);
            say(&Line::Begin {
                writer: self.writer,
                op: op.clone(),
            });
            match op.run(store) {
                Ok(gave) => say(&Line::Done {
                    writer: self.writer,
                    gave,
                }),
                Err(error) => {
                    failed(self.writer, &error);
                    errors += 1;
                }
            }
            // After an error one more write shows whether the store goes on or says that it does not.
            if errors == 2 || stop.load(Ordering::Relaxed) {
                stop.store(true, Ordering::Relaxed);
                return;
            }
        }
    }

    pub fn next(&mut self, store: &Store) -> Op {
        self.n += 1;
        let alone = self.phase.writers() == 1;
        let small = alone || self.writer == 0;
        let bulk = alone || self.writer == 1;
        let missing = |name: &str| store.collection(name).is_err();
        if small && missing(SMALL) {
            return Op::Create { to: SMALL.into() };
        }
        if bulk && missing(BULK) {
            return Op::Create { to: BULK.into() };
        }
        if bulk
            && self.drops
            && let Some(from) = too_many(store)
        {
            return Op::Drop { from };
        }
        let [put, delete, new, existing, checkpoint, index] = self.phase.weights();
        let (put, delete) = if small { (put, delete) } else { (0, 0) };
        let (new, existing, index) = if bulk {
            (new, existing, index)
        } else {
            (0, 0, 0)
        };
        let mut at = self
            .rng
            .below(put + delete + new + existing + checkpoint + index);
        let mut pick = |weight: u64| {
            let hit = at < weight;
            at = at.wrapping_sub(weight);
            hit
        };
        if pick(put) {
            let most = if self.rng.one_in(10) { 300 } else { 8 };
            return Op::Put {
                to: SMALL.into(),
                ids: self.ids(most),
                n: self.n,
            };
        }
        if pick(delete) {
            return Op::Delete {
                from: SMALL.into(),
                ids: self.ids(6),
            };
        }
        if pick(new) {
            let count = self.rng.between(1, 1800) as u32;
            return Op::Import {
                to: format!("new-{:012}", self.n),
                new: true,
                ids: 0..count,
                n: self.n,
            };
        }
        if pick(existing) {
            let first = self.rng.below(1500) as u32;
            let count = self.rng.between(1, 1400) as u32;
            return Op::Import {
                to: BULK.into(),
                new: false,
                ids: first..first + count,
                n: self.n,
            };
        }
        if pick(checkpoint) {
            Op::Checkpoint
        } else {
            Op::Index
        }
    }

    /// Some different ids out of few, so that most are there already.
    fn ids(&mut self, most: u64) -> Vec<u32> {
        let count = self.rng.between(1, most + 1) as usize;
        let mut ids: Vec<u32> = (0..count).map(|_| self.rng.below(400) as u32).collect();
        ids.sort_unstable();
        ids.dedup();
        ids
    }
}

/// A collection to remove.
fn too_many(store: &Store) -> Option<String> {
    let all = store.collections();
    let mut new = all.iter().map(|c| c.meta().name.clone());
    let mut new: Vec<String> = new
        .by_ref()
        .filter(|name| name.starts_with("new-"))
        .collect();
    if new.len() > KEPT {
        return Some(new.swap_remove(0));
    }
    let bulk = store.collection(BULK).ok()?.info();
    (bulk.deleted > DEAD).then(|| BULK.to_owned())
}

fn failed(writer: usize, error: &Error) {
    say(&Line::Failed {
        writer,
        code: error.code().to_owned(),
        message: error.to_string(),
    });
}

/// One line in one write, so that a kill leaves it whole or out.
fn say(line: &Line) {
    let mut text = serde_json::to_string(line).unwrap_or_default();
    text.push('\n');
    let mut out = io::stdout().lock();
    if out
        .write_all(text.as_bytes())
        .and_then(|()| out.flush())
        .is_err()
    {
        // Nobody listens: the parent is gone.
        std::process::exit(3);
    }
}
