//! The process that is killed: `torture child FOLDER SEED ROUND PHASE [OPS]`. It opens the store, works until it dies or has done
//! so many operations, and prints a line before and after each one.

use std::io::{self, Write};
use std::path::Path;
use std::process::ExitCode;
use std::sync::atomic::{AtomicBool, Ordering};

use omendb_store::{Error, OpenOptions, Store};

use crate::kill::ledger::{Line, PRUNED};
use crate::kill::phase::Phase;
use crate::kill::script::Script;

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
                scope.spawn(move || play(&mut script, store, ops.unwrap_or(phase.ops()), stop));
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

fn play(script: &mut Script, store: &Store, ops: u64, stop: &AtomicBool) {
    let writer = script.writer;
    let mut errors = 0;
    for _ in 0..ops {
        let op = script.next(store);
        say(&Line::Begin {
            writer,
            op: op.clone(),
        });
        match op.run(store) {
            Ok(gave) => say(&Line::Done { writer, gave }),
            Err(error) => {
                failed(writer, &error);
                errors += u32::from(error.code() != PRUNED);
            }
        }
        // After an error one more write shows whether the store goes on or says that it does not.
        if errors == 2 || stop.load(Ordering::Relaxed) {
            stop.store(true, Ordering::Relaxed);
            return;
        }
    }
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
