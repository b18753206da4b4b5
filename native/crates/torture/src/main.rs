//! `torture`: runs the suites at length.

use std::io::{self, Write};
use std::process::ExitCode;
use std::time::{Duration, Instant};

use omendb_torture::part::{Budget, Outcome, Part};
use omendb_torture::{child, damage, faults, full_disk, kill, limits, model, power, readers};

const PARTS: &[Part] = &[
    power::PART,
    faults::PART,
    model::PART,
    readers::PART,
    kill::PART,
    full_disk::PART,
    limits::PART,
    damage::LOG,
    damage::FILES,
];

const HELP: &str = "torture list | PART [--seed S] [--count N | --minutes M] [--json]

Each PART prints what it found; exit status 1 when a trial did not hold.";

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    match args.first().map(String::as_str) {
        Some("list") => list(),
        // Started by the parts, not by people.
        Some("child") => child::main(&args[1..]),
        Some("full-disk-inside") => full_disk::inside(&args[1..]),
        Some(name) => match PARTS.iter().find(|part| part.name == name) {
            Some(part) => run(part, &args[1..]),
            None => say(HELP, ExitCode::from(2)),
        },
        None => say(HELP, ExitCode::from(2)),
    }
}

fn list() -> ExitCode {
    let lines: Vec<String> = PARTS
        .iter()
        .map(|part| format!("{:<12} {}", part.name, part.about))
        .collect();
    say(&lines.join("\n"), ExitCode::SUCCESS)
}

fn run(part: &Part, args: &[String]) -> ExitCode {
    let value = |flag: &str| {
        let at = args.iter().position(|arg| arg == flag)?;
        args.get(at + 1)
    };
    let seed = value("--seed").and_then(|v| v.parse().ok()).unwrap_or(1);
    let count = value("--count").and_then(|v| v.parse().ok());
    let minutes: Option<f64> = value("--minutes").and_then(|v| v.parse().ok());
    let budget = match minutes {
        Some(minutes) => Budget::time(seed, Duration::from_secs_f64(minutes.max(0.0) * 60.0)),
        None => Budget::trials(seed, count.unwrap_or(part.count)),
    };
    let since = Instant::now();
    let outcome = (part.run)(&budget);
    let held = outcome.failures.is_empty();
    let text = if args.iter().any(|arg| arg == "--json") {
        serde_json::to_string(&outcome).unwrap_or_default()
    } else {
        report(part, &outcome, since.elapsed())
    };
    say(&text, ExitCode::from(u8::from(!held)))
}

fn report(part: &Part, outcome: &Outcome, took: Duration) -> String {
    let mut lines = outcome.failures.clone();
    if let Some(why) = &outcome.skipped {
        lines.push(format!("{}: skipped: {why}", part.name));
    }
    lines.push(format!(
        "{}: {} of {} held in {:.1} s; {}",
        part.name,
        outcome.passed,
        outcome.count,
        took.as_secs_f64(),
        outcome.figure
    ));
    lines.join("\n")
}

fn say(text: &str, code: ExitCode) -> ExitCode {
    // Nobody may be reading any more.
    let _ = writeln!(io::stdout().lock(), "{text}");
    code
}
