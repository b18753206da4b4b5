//! A disk that is truly full: a tmpfs of a small size, mounted in a mount namespace of our own, which needs no rights but those that
//! the system gives a user namespace.
//!
//! A ballast file lies on it. The store works until the disk is full; the handle must say so, refuse writes and go on reading;
//! opened again, with the disk full and then without the ballast, it must have every acknowledged row and take new ones.

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};
use std::sync::Arc;
use std::time::{Duration, Instant};

use omendb_store::{Error, OpenOptions, Store};

use crate::kill::ledger::{Ledger, Line};
use crate::kill::ops::Op;
use crate::kill::phase::Phase;
use crate::kill::script::Script;
use crate::part::{Budget, Outcome, Part};
use crate::rng::Rng;

/// `torture full-disk`.
pub const PART: Part = Part {
    name: "full-disk",
    about: "a tmpfs that fills up, of another size each time",
    count: 2_000,
    run,
};

/// The smallest disk; each doubling above is as likely as the others.
const SMALLEST: u64 = 64 << 10;
const DOUBLINGS: u64 = 6;
/// A disk that takes more operations than this is not full for some other reason.
const OPS: u64 = 20_000;

fn run(budget: &Budget) -> Outcome {
    match in_namespace(budget) {
        Ok(outcome) => outcome,
        Err(why) => Outcome::skipped(why),
    }
}

/// Starts this program again in a mount namespace.
fn in_namespace(budget: &Budget) -> Result<Outcome, String> {
    let binary = std::env::current_exe().map_err(|e| e.to_string())?;
    // Root needs no user namespace, and some systems forbid that to everybody.
    let flags = ["-m", "-Urm"].into_iter().find(|flags| {
        let tried = Command::new("unshare").args([flags, "true"]).output();
        tried.is_ok_and(|out| out.status.success())
    });
    let flags =
        flags.ok_or("unshare -m and unshare -Urm are refused here, so no disk can be mounted")?;
    let seconds = budget
        .until
        .map_or(0.0, |until| (until - Instant::now()).as_secs_f64());
    let output = Command::new("unshare")
        .arg(flags)
        .arg(binary)
        .args(["full-disk-inside", &budget.seed.to_string()])
        .args([budget.count.to_string(), seconds.to_string()])
        .output()
        .map_err(|e| e.to_string())?;
    serde_json::from_slice(&output.stdout)
        .map_err(|_| String::from_utf8_lossy(&output.stderr).into_owned())
}

/// In the namespace: `SEED COUNT SECONDS` (0 for no end). Prints the outcome as JSON.
pub fn inside(args: &[String]) -> ExitCode {
    let seed = args.first().and_then(|text| text.parse().ok());
    let count = args.get(1).and_then(|text| text.parse().ok());
    let mut budget = Budget::trials(seed.unwrap_or(1), count.unwrap_or(1));
    let seconds = args.get(2).and_then(|text| text.parse().ok());
    if let Some(seconds) = seconds.filter(|seconds| *seconds > 0.0) {
        budget.until = Some(Instant::now() + Duration::from_secs_f64(seconds));
    }
    let mut outcome = Outcome::default();
    let mut seen = Seen::default();
    for n in 0.. {
        if !budget.allows(n) {
            break;
        }
        let seed = budget.seed.wrapping_add(n);
        outcome.count += 1;
        match Disk::mount(seed).and_then(|disk| disk.trial(&mut seen)) {
            Ok(()) => outcome.passed += 1,
            Err(error) => outcome.failures.push(format!(
                "full-disk: seed {seed}: {error}\n  again: torture full-disk --seed {seed} --count 1"
            )),
        }
    }
    outcome.figure = format!(
        "disks of {} to {} KiB, {} acknowledged operations, opened again while full {} times of {}; {} times the indexer found it full first",
        seen.smallest >> 10,
        seen.largest >> 10,
        seen.acknowledged,
        seen.opened_full,
        outcome.count,
        seen.by_indexer
    );
    let text = serde_json::to_string(&outcome).unwrap_or_default();
    // Nobody may be reading any more.
    let _ = writeln!(io::stdout().lock(), "{text}");
    ExitCode::SUCCESS
}

#[derive(Default)]
struct Seen {
    smallest: u64,
    largest: u64,
    acknowledged: u64,
    opened_full: u64,
    by_indexer: u64,
}

/// A mounted disk.
struct Disk {
    folder: tempfile::TempDir,
    seed: u64,
    size: u64,
}

impl Disk {
    fn mount(seed: u64) -> Result<Disk, String> {
        let mut rng = Rng::new(seed);
        let doubled = SMALLEST << rng.below(DOUBLINGS);
        let size = (doubled + rng.below(doubled)) & !4095;
        let folder = tempfile::tempdir().map_err(|e| e.to_string())?;
        let out = Command::new("mount")
            .args(["-t", "tmpfs", "-o", &format!("size={size}"), "none"])
            .arg(folder.path())
            .output()
            .map_err(|e| format!("mount: {e}"))?;
        if !out.status.success() {
            return Err(String::from_utf8_lossy(&out.stderr).into_owned());
        }
        Ok(Disk { folder, seed, size })
    }

    fn path(&self) -> PathBuf {
        self.folder.path().join("x.db")
    }

    fn trial(&self, seen: &mut Seen) -> Result<(), String> {
        seen.largest = seen.largest.max(self.size);
        seen.smallest = match seen.smallest {
            0 => self.size,
            least => least.min(self.size),
        };
        let ballast = self.folder.path().join("ballast");
        // Enough for a new log and a manifest, whatever the disk's size.
        let spare = (self.size / 4).max(32 << 10);
        fs::write(&ballast, vec![1; spare as usize]).map_err(|e| format!("ballast: {e}"))?;
        let mut ledger = Ledger::default();
        let mut script = Script::new(self.seed, Phase::All, 0);
        script.drops = false;

        self.fill(&mut script, &mut ledger, seen)?;
        match open(&self.path(), false) {
            Ok(store) => {
                seen.opened_full += 1;
                self.settle(&store, &mut ledger, "opened while full")?;
            }
            Err(Error::DiskFull { .. }) => {}
            Err(e) => return Err(format!("opened while full: {} {e}", e.code())),
        }
        fs::remove_file(&ballast).map_err(|e| e.to_string())?;
        let store = open(&self.path(), false).map_err(|e| format!("opened again: {e}"))?;
        self.settle(&store, &mut ledger, "opened again")?;
        script.begin(1);
        let put = Op::Put {
            to: "after".to_owned(),
            ids: vec![1, 2, 3],
            n: 1,
        };
        for op in [Op::Create { to: "after".into() }, put] {
            attempt(&store, &op, &mut ledger).map_err(|e| format!("with room again: {e}"))?;
        }
        drop(store);
        // And full once more, on what is there by now.
        self.fill(&mut script, &mut ledger, seen)?;
        let store = open(&self.path(), false);
        if let Ok(store) = &store {
            self.settle(store, &mut ledger, "full a second time")?;
        }
        seen.acknowledged += ledger.acknowledged;
        Ok(())
    }

    fn settle(&self, store: &Store, ledger: &mut Ledger, when: &str) -> Result<(), String> {
        ledger.settle(store).map_err(|e| format!("{when}: {e}"))?;
        let report = store.verify().map_err(|e| format!("{when}: {e}"))?;
        if report.problems.is_empty() {
            Ok(())
        } else {
            Err(format!("{when}: {:?}", report.problems))
        }
    }

    /// Works until the disk is full, and looks at the handle then.
    fn fill(
        &self,
        script: &mut Script,
        ledger: &mut Ledger,
        seen: &mut Seen,
    ) -> Result<(), String> {
        let store = match open(&self.path(), true) {
            Ok(store) => store,
            Err(Error::DiskFull { .. }) => return Ok(()),
            Err(e) => return Err(format!("a new store: {e}")),
        };
        for _ in 0..OPS {
            let op = script.next(&store);
            let Err(error) = attempt(&store, &op, ledger) else {
                continue;
            };
            match &error {
                Error::DiskFull {
                    operation: "write",
                    needed: None,
                    ..
                } => return Err(format!("it does not say what it needs: {error}")),
                Error::DiskFull { .. } => {}
                // It was the indexer that found the disk full.
                Error::Poisoned { cause } if cause.contains("disk is full") => seen.by_indexer += 1,
                _ => return Err(format!("{op:?}: {} {error}", error.code())),
            }
            ledger
                .shown(&store)
                .map_err(|e| format!("the handle after {error}: {e}"))?;
            return match store.checkpoint() {
                Err(Error::Poisoned { .. }) => Ok(()),
                other => Err(format!("after {error} a write gave {other:?}")),
            };
        }
        Err(format!("{OPS} operations did not fill {} bytes", self.size))
    }
}

fn open(path: &Path, background: bool) -> Result<Arc<Store>, Error> {
    Store::open(
        path,
        OpenOptions {
            create: true,
            background,
            ..OpenOptions::default()
        },
    )
}

fn attempt(store: &Store, op: &Op, ledger: &mut Ledger) -> Result<(), Error> {
    let mut hear = |line| {
        let heard = ledger.hear(line);
        heard.map_err(|reason| Error::Internal { reason })
    };
    hear(Line::Begin {
        writer: 0,
        op: op.clone(),
    })?;
    let result = op.run(store);
    hear(match &result {
        Ok(gave) => Line::Done {
            writer: 0,
            gave: *gave,
        },
        Err(e) => Line::Failed {
            writer: 0,
            code: e.code().to_owned(),
            message: e.to_string(),
        },
    })?;
    result.map(|_| ())
}

impl Drop for Disk {
    fn drop(&mut self) {
        // What stays mounted goes with the namespace.
        let _ = Command::new("umount").arg(self.folder.path()).output();
    }
}
