//! `schedule`: explores schedules at length, or runs one again.

use std::io::{self, Write};
use std::process::ExitCode;
use std::time::Duration;

use omendb_schedule::explore;
use omendb_schedule::part::Budget;

const HELP: &str = "schedule [--seed S] [--count N | --minutes M]
schedule replay FILE|SCHEDULE

Says what it found as JSON; exit status 1 when a schedule did not hold.";

/// Schedules when nothing is said.
const COUNT: u64 = 10_000;

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let value = |flag: &str| {
        let at = args.iter().position(|arg| arg == flag)?;
        args.get(at + 1)
    };
    if args.iter().any(|arg| arg == "--help") {
        return say(HELP, true);
    }
    if args.first().is_some_and(|arg| arg == "replay") {
        let Some(schedule) = args.get(1) else {
            return say(HELP, false);
        };
        return match explore::replay(schedule) {
            Ok(()) => say("it held", true),
            Err(why) => say(&why, false),
        };
    }
    let seed = value("--seed").and_then(|v| v.parse().ok()).unwrap_or(1);
    let count = value("--count").and_then(|v| v.parse().ok());
    let minutes: Option<f64> = value("--minutes").and_then(|v| v.parse().ok());
    let budget = match minutes {
        Some(minutes) => Budget::time(seed, Duration::from_secs_f64(minutes.max(0.0) * 60.0)),
        None => Budget::trials(seed, count.unwrap_or(COUNT)),
    };
    let outcome = explore::run(&budget);
    let held = outcome.failures.is_empty();
    say(&serde_json::to_string(&outcome).unwrap_or_default(), held)
}

fn say(text: &str, good: bool) -> ExitCode {
    // Nobody may be reading any more.
    let _ = writeln!(io::stdout().lock(), "{text}");
    ExitCode::from(u8::from(!good))
}
