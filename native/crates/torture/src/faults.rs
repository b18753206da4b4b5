//! The disk refuses: operation 1 fails, then operation 2, and so on until the workload passes; once, and for good from there on.
//!
//! Each time the error must be typed, a handle whose change failed refuses all later ones and shows nothing that it did not acknowledge,
//! and opening the store again (as it is, after a power cut, and after a second one) gives what was acknowledged. The same while a
//! crashed store is opened.

use std::sync::Arc;

use omendb_store::Error;
use omendb_store::vfs::MemVfs;

use crate::ledger::{Expected, Ledger, State};
use crate::part::{Budget, Outcome, Part};
use crate::power::{check_image, inspect, opens, writes};
use crate::rng::Rng;
use crate::tally::{Tally, guarded, on_all_cores};
use crate::vfs::{Class, CrashVfs, Damage, FaultKind, FaultVfs, Hit, Plan};
use crate::workload::{ALL, Bench, ROOT, Workload, spec};

/// The part of the command.
pub const PART: Part = Part {
    name: "faults",
    about: "fails each operation of the file system in turn, with 7 errors, once and for good",
    count: 200_000,
    run,
};

/// Errors besides the two that a medium gives most.
const OTHERS: [FaultKind; 5] = [
    FaultKind::Quota,
    FaultKind::TooManyFiles,
    FaultKind::Denied,
    FaultKind::Interrupted,
    FaultKind::ShortWrite,
];
/// The others are had by each so-manieth operation.
const EACH: u64 = 4;
/// Crashed stores of each workload whose opening is made to fail.
const CRASHES: u64 = 6;

/// One way through the operations.
#[derive(Debug, Clone, Copy)]
enum Pass {
    /// Each fails with this error, once and for good.
    All(FaultKind),
    /// Each fails with this error, by turns once and for good.
    Turns(FaultKind),
    /// Some fail with one of the other errors.
    Others,
}

impl Pass {
    /// How the operation is to fail, the first or the second time.
    fn plan(self, at: u64, again: bool) -> Plan {
        let (kind, sticky) = match self {
            Pass::All(kind) => (kind, again),
            Pass::Turns(FaultKind::Io) => (FaultKind::Io, !at.is_multiple_of(2)),
            Pass::Turns(kind) => (kind, at.is_multiple_of(2)),
            Pass::Others => {
                let kind = OTHERS[(at / EACH) as usize % OTHERS.len()];
                (kind, !(at / EACH).is_multiple_of(2))
            }
        };
        Plan {
            at,
            sticky,
            kind,
            class: Class::Everything,
        }
    }

    /// The operations that fail: those of this class by number.
    fn operations(self) -> impl Iterator<Item = u64> {
        let each = match self {
            Pass::Others => EACH,
            Pass::All(_) | Pass::Turns(_) => 1,
        };
        (1..).step_by(each as usize)
    }

    /// Whether to spend time on it: the command does, the tests look at one thing after each failure.
    fn is_thorough(self) -> bool {
        matches!(self, Pass::All(_))
    }
}

/// What the tests do: each operation fails with EIO, with ENOSPC and with one of the other errors.
pub fn short(seed: u64) -> Outcome {
    let two = [FaultKind::Io, FaultKind::NoSpace].map(Pass::Turns);
    let budget = Budget::trials(seed, u64::MAX);
    passes(&[two[0], two[1], Pass::Others], &budget, 1)
}

/// All errors on all operations, with one seed after the other.
pub fn run(budget: &Budget) -> Outcome {
    passes(&FaultKind::ALL.map(Pass::All), budget, u64::MAX)
}

fn passes(passes: &[Pass], budget: &Budget, seeds: u64) -> Outcome {
    let tally = Tally::default();
    let jobs = (ALL.len() * passes.len()) as u64;
    on_all_cores(|n| {
        let workload = ALL[n as usize % ALL.len()];
        let pass = passes[n as usize / ALL.len() % passes.len()];
        let seed = budget.seed.wrapping_add(n / jobs);
        if n / jobs >= seeds || !tally.goes_on(budget) {
            return false;
        }
        working(workload, pass, false, seed, budget, &tally);
        if pass.is_thorough() {
            working(workload, pass, true, seed, budget, &tally);
        }
        if !matches!(pass, Pass::Turns(_)) {
            opening(workload, pass, seed, budget, &tally);
        }
        true
    });
    tally.outcome(|count| format!("{count} failing operations"))
}

fn working(
    workload: &dyn Workload,
    pass: Pass,
    again: bool,
    seed: u64,
    budget: &Budget,
    tally: &Tally,
) {
    for at in pass.operations() {
        if !tally.goes_on(budget) {
            return;
        }
        let plan = pass.plan(at, again);
        match guarded(|| trial(workload, pass, plan, seed)) {
            Ok(true) => tally.tried(),
            Ok(false) => return,
            Err(e) => {
                tally.tried();
                tally.fail(format!(
                    "faults: workload {}, seed {seed}, {plan:?}: {e}",
                    workload.name()
                ));
            }
        }
    }
}

/// Whether the operation was reached.
fn trial(workload: &dyn Workload, pass: Pass, plan: Plan, seed: u64) -> Result<bool, String> {
    let disk = CrashVfs::new(seed);
    let vfs = FaultVfs::new(Arc::new(disk.clone()), plan);
    let mut bench = Bench::new(
        Arc::new(vfs.clone()),
        workload.background(),
        seed,
        Ledger::new(|| 0),
    );
    let result = workload.run(&mut bench);
    let Some(hit) = vfs.hit() else {
        return result
            .map(|()| false)
            .map_err(|e| format!("without any fault: {e}"));
    };
    if let Err(e) = &result {
        typed(e, plan)?;
        handle(&mut bench, hit, plan).map_err(|e| format!("{hit:?}, the same handle: {e}"))?;
    }
    let mut rng = Rng::new(seed ^ (plan.at << 20));
    if rng.one_in(2) {
        bench.kill();
    }
    // Closing may fail or not: nothing is lost by it.
    let _ = bench.close();
    let expected = bench.ledger.now();
    left(&disk, pass, hit, expected, &mut rng).map_err(|e| format!("{hit:?}, {result:?}: {e}"))?;
    Ok(true)
}

/// What is on the disk must do, as it is and after a power cut.
fn left(
    disk: &CrashVfs,
    pass: Pass,
    hit: &Hit,
    expected: &Expected,
    rng: &mut Rng,
) -> Result<(), String> {
    let damage = Damage::ALL[rng.below(Damage::ALL.len() as u64) as usize];
    let all = [None, Some(Damage::Dropped), Some(damage)];
    let one = rng.below(all.len() as u64) as usize;
    let some = match pass.is_thorough() {
        true => &all[..],
        false => &all[one..=one],
    };
    for damage in some {
        let image = match damage {
            None => disk.files(),
            Some(damage) => disk.medium().image(*damage, rng),
        };
        // A read that failed leaves nothing that a second cut could show.
        let checked = match pass.is_thorough() || hit.change && rng.one_in(2) {
            true => check_image(image, expected, rng),
            false => opens(image, expected),
        };
        checked.map_err(|e| format!("opened again, {damage:?}: {e}"))?;
    }
    Ok(())
}

/// The error says what happened; a full disk also how much was needed.
fn typed(error: &Error, plan: Plan) -> Result<(), String> {
    let code = error.code();
    if code != plan.kind.code() && code != "STORE_POISONED" {
        return Err(format!("the code {code}: {error}"));
    }
    match error {
        Error::DiskFull {
            operation: "write",
            needed,
            ..
        } if !needed.is_some_and(|n| (1..1 << 20).contains(&n)) => Err(format!(
            "a write without the bytes that it needed: {error:?}"
        )),
        _ => Ok(()),
    }
}

/// After a failed write the handle shows what was acknowledged, and refuses or does what comes next.
fn handle(bench: &mut Bench, hit: &Hit, plan: Plan) -> Result<(), String> {
    let Ok(store) = bench.store().cloned() else {
        return Ok(());
    };
    match State::of(&store) {
        Ok(shown) => {
            let acked = Expected {
                pending: None,
                ..bench.ledger.now().clone()
            };
            acked.check(&shown).map_err(|e| format!("it shows {e}"))?;
        }
        // Maps are read from the disk each time.
        Err(_) if plan.sticky && plan.class == Class::Everything => {}
        Err(e) => return Err(e),
    }
    if poisons(hit) {
        let next = store.create_collection(spec("probe")).map(drop);
        return match next {
            Err(e) if e.code() == "STORE_POISONED" => Ok(()),
            other => Err(format!("the next write answers {other:?}")),
        };
    }
    if !plan.sticky {
        bench.ledger.refused();
        if let Err(e) = writes(bench) {
            typed(&e, plan)?;
        }
    }
    Ok(())
}

/// Whether the failure of this operation poisons the handle: a change that the store relies on. A copy is none of it.
fn poisons(hit: &Hit) -> bool {
    let derived = hit.path.extension().is_some_and(|e| e == "ivf");
    let own = hit.path.starts_with(ROOT);
    hit.change && own && !derived && !["remove", "remove_dir"].contains(&hit.operation)
}

/// The same while a crashed store is opened.
fn opening(workload: &dyn Workload, pass: Pass, seed: u64, budget: &Budget, tally: &Tally) {
    let disk = CrashVfs::new(seed);
    let clock = disk.clone();
    let ledger = Ledger::new(move || clock.count());
    let mut bench = Bench::new(Arc::new(disk.clone()), workload.background(), seed, ledger);
    if let Err(e) = workload.run(&mut bench) {
        return tally.fail(format!(
            "faults: {}: without any fault: {e}",
            workload.name()
        ));
    }
    let (medium, ops) = disk.record();
    let mut rng = Rng::new(seed);
    for crash in 0..CRASHES {
        let boundary = rng.between(ops.len() as u64 / 3, ops.len() as u64 + 1) as usize;
        let mut then = medium.clone();
        ops[..boundary].iter().for_each(|op| then.apply(op));
        let damage = Damage::ALL[(seed + crash) as usize % Damage::ALL.len()];
        let image = then.image(damage, &mut rng);
        let expected = bench.ledger.at(boundary);
        for at in pass.operations() {
            if !tally.goes_on(budget) {
                return;
            }
            let plan = pass.plan(at, crash % 2 == 1);
            match guarded(|| reopen(&image, expected, pass, plan, seed)) {
                Ok(true) => tally.tried(),
                Ok(false) => break,
                Err(e) => {
                    tally.tried();
                    tally.fail(format!(
                        "faults: workload {}, seed {seed}, boundary {boundary}, {damage:?}, {plan:?} while opening: {e}",
                        workload.name()
                    ));
                }
            }
        }
    }
}

fn reopen(
    image: &MemVfs,
    expected: &Expected,
    pass: Pass,
    plan: Plan,
    seed: u64,
) -> Result<bool, String> {
    let disk = CrashVfs::over(image.fork(), seed);
    let vfs = FaultVfs::new(Arc::new(disk.clone()), plan);
    let mut bench = Bench::new(Arc::new(vfs.clone()), false, seed, Ledger::new(|| 0));
    let mut expected = expected.clone();
    let opened = bench.open();
    let Some(hit) = vfs.hit().cloned() else {
        return opened
            .map(|()| false)
            .map_err(|e| format!("without any fault: {e}"));
    };
    match &opened {
        Err(e) => typed(e, plan).map_err(|e| format!("{hit:?}: {e}"))?,
        Ok(()) if !plan.sticky => {
            let found = inspect(&bench, &expected).map_err(|e| format!("{hit:?}, opened: {e}"))?;
            bench.ledger.set(found);
            let written = writes(&mut bench);
            written.map_err(|e| format!("{hit:?}, opened, then a write: {e}"))?;
            expected = bench.ledger.now().clone();
        }
        Ok(()) => {}
    }
    let mut rng = Rng::new(seed ^ (plan.at << 20));
    if rng.one_in(2) {
        bench.kill();
    }
    let _ = bench.close();
    left(&disk, pass, &hit, &expected, &mut rng)
        .map_err(|e| format!("{hit:?}, {opened:?}: {e}"))?;
    Ok(true)
}
