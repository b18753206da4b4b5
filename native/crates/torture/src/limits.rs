//! Limits that the system sets on a process: open files (`ulimit -n`), and the length of a file (`ulimit -f`), which stops a
//! write at an exact byte where a disk that is truly full cannot be had.
//!
//! A child works under the limit until it has had two errors; then the store is opened without it.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

use omendb_store::{OpenOptions, Store};

use crate::kill::ledger::Ledger;
use crate::kill::process::Process;
use crate::part::{Budget, Outcome, Part};
use crate::rng::Rng;

/// `torture limits`.
pub const PART: Part = Part {
    name: "limits",
    about: "a process that runs out of file handles, or whose files may not grow (ulimit -n, -f)",
    count: 1_000,
    run: |budget| match std::env::current_exe() {
        Ok(binary) => run(&binary, budget),
        Err(e) => Outcome::skipped(e.to_string()),
    },
};

/// Sets the limit, then becomes the child. A write past the length of a file is an error then, not the end of the process.
const SHELL: &str = r#"trap '' XFSZ; ulimit -"$1" "$2" || exit 9; shift 2; exec "$@""#;
/// Operations of a child that no limit stops.
const OPS: u64 = 40;
/// What a child under such a limit may be told.
const EXPECTED: [&str; 2] = ["IO", "STORE_POISONED"];

/// Goes through the trials with the binary `torture`.
pub fn run(binary: &Path, budget: &Budget) -> Outcome {
    let mut outcome = Outcome::default();
    let mut codes: BTreeMap<String, u64> = BTreeMap::new();
    for n in 0.. {
        if !budget.allows(n) {
            break;
        }
        let seed = budget.seed.wrapping_add(n);
        outcome.count += 1;
        match trial(binary, seed) {
            Ok(seen) => {
                outcome.passed += 1;
                for code in seen {
                    *codes.entry(code).or_default() += 1;
                }
            }
            Err(error) => outcome.failures.push(format!(
                "limits: seed {seed}: {error}\n  again: torture limits --seed {seed} --count 1"
            )),
        }
    }
    let stopped: Vec<String> = codes
        .iter()
        .map(|(code, n)| format!("{code} {n}"))
        .collect();
    outcome.figure = format!("children stopped with: {}", stopped.join(", "));
    outcome
}

fn trial(binary: &Path, seed: u64) -> Result<Vec<String>, String> {
    // In memory where that is possible: neither limit has to do with the medium, and syncs take most of the time.
    let memory = Path::new("/dev/shm");
    let folder = if memory.is_dir() {
        tempfile::tempdir_in(memory)
    } else {
        tempfile::tempdir()
    };
    let folder = folder.map_err(|e| e.to_string())?;
    let path = folder.path().join("x.db");
    let mut rng = Rng::new(seed);
    let mut ledger = Ledger::default();
    let mut codes = Vec::new();
    // The second child goes on with what the first left.
    for round in 0..2 {
        let (limit, value) = if rng.one_in(3) {
            ("f", rng.between(1, 200))
        } else {
            ("n", rng.between(4, 10))
        };
        let mut command = Command::new("sh");
        command
            .args(["-c", SHELL, "sh", limit, &value.to_string()])
            .arg(binary)
            .arg("child")
            .arg(&path)
            .args([
                &seed.to_string(),
                &round.to_string(),
                "all",
                &OPS.to_string(),
            ]);
        Process::start(&mut command)?.end(&mut ledger)?;
        for (code, message) in std::mem::take(&mut ledger.codes) {
            if !EXPECTED.contains(&code.as_str()) {
                return Err(format!("ulimit -{limit} {value}: {code} {message}"));
            }
            codes.push(code);
        }
        let store = Store::open(
            &path,
            OpenOptions {
                create: true,
                background: false,
                ..OpenOptions::default()
            },
        )
        .map_err(|e| format!("after ulimit -{limit} {value} it does not open: {e}"))?;
        ledger
            .settle(&store)
            .map_err(|e| format!("after ulimit -{limit} {value}: {e}"))?;
        let report = store.verify().map_err(|e| e.to_string())?;
        if !report.problems.is_empty() {
            return Err(format!("verify: {:?}", report.problems));
        }
    }
    Ok(codes)
}
