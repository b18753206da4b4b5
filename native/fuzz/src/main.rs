//! Feeds mutated files to every parser of the product: `omendb-fuzz TARGET|all --seconds N [--seed S] [--keep]`, `omendb-fuzz corpus`.
//!
//! Each target runs in a process of its own, so that an input that kills the process is found like any other.

mod corpus;
mod coverage;
mod memory;
mod mutate;
mod targets;
mod worker;

use std::path::PathBuf;
use std::process::{Command, ExitCode};
use std::time::Instant;

use targets::{TARGETS, Target};

#[global_allocator]
static ALLOCATOR: memory::Counting = memory::Counting;

const USAGE: &str = "omendb-fuzz TARGET|all [--seconds N] [--seed S] [--keep]
omendb-fuzz corpus [TARGET]   feeds the kept inputs once
omendb-fuzz seeds             puts inputs made by the code as it is into the corpus
targets: ";
/// Times that a target's process may die before it is given up.
const DEATHS: usize = 5;

#[expect(clippy::print_stdout, reason = "it is a command")]
fn say(text: &str) {
    println!("{text}");
}

struct Options {
    seconds: u64,
    seed: u64,
    keep: bool,
    /// Set for the process of one target: where it writes down the input in hand.
    file: Option<PathBuf>,
}

fn options(arguments: &[String]) -> Option<Options> {
    let mut options = Options {
        seconds: 60,
        seed: 1,
        keep: false,
        file: None,
    };
    let mut rest = arguments.iter();
    while let Some(name) = rest.next() {
        match name.as_str() {
            "--seconds" => options.seconds = rest.next()?.parse().ok()?,
            "--seed" => options.seed = rest.next()?.parse().ok()?,
            "--keep" => options.keep = true,
            "--file" => options.file = Some(rest.next()?.into()),
            _ => return None,
        }
    }
    Some(options)
}

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let passed = match arguments.split_first() {
        Some((first, rest)) if first == "corpus" => Some(replay(rest)),
        Some((first, [])) if first == "seeds" => Some(write_seeds()),
        Some((first, rest)) => options(rest).and_then(|options| fuzz(first, &options)),
        None => None,
    };
    targets::clean_up();
    match passed {
        Some(true) => ExitCode::SUCCESS,
        Some(false) => ExitCode::FAILURE,
        None => {
            let names: Vec<&str> = TARGETS.iter().map(|t| t.name).collect();
            say(&format!("{USAGE}{}", names.join(" ")));
            ExitCode::from(2)
        }
    }
}

fn replay(names: &[String]) -> bool {
    let mut passed = true;
    let wanted = |t: &&Target| names.is_empty() || names.iter().any(|n| n == t.name);
    for target in TARGETS.iter().filter(wanted) {
        let start = Instant::now();
        let (count, failed) = worker::replay(target);
        say(&format!(
            "{:9} {count} inputs, {} failures, {:.1} s",
            target.name,
            failed.len(),
            start.elapsed().as_secs_f64()
        ));
        failed.iter().for_each(|f| say(f));
        passed &= failed.is_empty();
    }
    passed
}

fn write_seeds() -> bool {
    for target in &TARGETS {
        for (n, seed) in (target.seeds)().iter().enumerate() {
            let folder = corpus::folder(target);
            let written = std::fs::create_dir_all(&folder)
                .and_then(|()| std::fs::write(folder.join(format!("seed-{n}")), seed));
            if let Err(e) = written {
                say(&format!("{}: {e}", folder.display()));
                return false;
            }
        }
    }
    true
}

/// `None` when there is no such target.
fn fuzz(name: &str, options: &Options) -> Option<bool> {
    if let Some(file) = &options.file {
        let target = targets::find(name)?;
        return Some(worker::run(
            target,
            options.seconds,
            options.seed,
            file,
            options.keep,
        ));
    }
    if name != "all" {
        targets::find(name)?;
    }
    let mut passed = true;
    for target in TARGETS.iter().filter(|t| name == "all" || t.name == name) {
        passed &= supervise(target, options);
    }
    Some(passed)
}

/// Runs a target in its own process, and again with another seed if that died.
fn supervise(target: &Target, options: &Options) -> bool {
    let file = targets::scratch(target.name);
    let start = Instant::now();
    let mut passed = true;
    for death in 0..DEATHS {
        let left = options.seconds.saturating_sub(start.elapsed().as_secs());
        if death > 0 && left == 0 {
            break;
        }
        let seed = options.seed.wrapping_add(death as u64);
        let mut command = Command::new(std::env::current_exe().expect("it runs"));
        command.args([
            target.name,
            "--seconds",
            &left.to_string(),
            "--seed",
            &seed.to_string(),
        ]);
        command.arg("--file").arg(&file);
        if options.keep {
            command.arg("--keep");
        }
        let status = command.status().expect("the program can be started again");
        passed &= status.success();
        if matches!(status.code(), Some(0 | 1)) {
            break;
        }
        let input = worker::noted(&file);
        let path = corpus::keep(&corpus::found(), &format!("{}-", target.name), &input);
        say(&format!(
            "{}: the process died ({status})\n  {}",
            target.name,
            path.display()
        ));
    }
    passed
}
