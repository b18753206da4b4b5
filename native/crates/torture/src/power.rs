//! The power fails: between any two changes of the medium, with each kind of damage to what was not synced.
//!
//! Every image is opened, compared with what the store promised, verified and written to; then the power fails once more, anywhere in
//! that recovery or those writes, and what is left is opened and compared again.

use std::collections::HashSet;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use omendb_store::vfs::MemVfs;
use omendb_store::{SearchRequest, Store};

use crate::ledger::{Expected, Ledger, State};
use crate::part::{Budget, Outcome, Part};
use crate::rng::Rng;
use crate::tally::{Tally, guarded, on_all_cores};
use crate::vfs::{CrashVfs, Damage};
use crate::workload::{ALL, Bench, Workload, vector};

/// The part of the command.
pub const PART: Part = Part {
    name: "power",
    about: "cuts the power between any two changes of the disk, with 8 kinds of damage",
    count: 1_000_000,
    run,
};

/// How far it went, besides the images.
#[derive(Default)]
struct Progress {
    boundaries: AtomicU64,
    cuts: AtomicU64,
}

/// Images until the budget is spent.
pub fn run(budget: &Budget) -> Outcome {
    let (tally, progress) = (Tally::default(), Progress::default());
    on_all_cores(|n| {
        let workload = ALL[n as usize % ALL.len()];
        let seed = budget.seed.wrapping_add(n / ALL.len() as u64);
        images(workload, seed, budget, &tally, &progress);
        tally.goes_on(budget)
    });
    let (boundaries, cuts) = (progress.boundaries.into_inner(), progress.cuts.into_inner());
    tally.outcome(|images| {
        format!("{boundaries} boundaries, {cuts} cuts, {images} different images, each cut a second time")
    })
}

/// Every image of one run of a workload.
fn images(workload: &dyn Workload, seed: u64, budget: &Budget, tally: &Tally, progress: &Progress) {
    let what = format!("power: workload {}, seed {seed}", workload.name());
    let vfs = CrashVfs::new(seed);
    let clock = vfs.clone();
    let ledger = Ledger::new(move || clock.count());
    let mut bench = Bench::new(Arc::new(vfs.clone()), workload.background(), seed, ledger);
    if let Err(e) = workload.run(&mut bench) {
        return tally.fail(format!("{what}: without any fault: {e}"));
    }
    for breach in vfs.breaches() {
        tally.fail(format!("{what}: {breach}"));
    }
    let (mut medium, ops) = vfs.record();
    let mut seen = HashSet::new();
    for boundary in 0..=ops.len() {
        let moment = bench.ledger.moment(boundary);
        for (n, damage) in Damage::ALL.into_iter().enumerate() {
            if !tally.goes_on(budget) {
                return;
            }
            progress.cuts.fetch_add(1, Ordering::Relaxed);
            let mut rng = Rng::new(seed ^ ((boundary as u64) << 24) ^ ((n as u64) << 20));
            let image = medium.image(damage, &mut rng);
            // Where all is synced the damages leave the same.
            if !seen.insert((hash(&image), moment)) {
                continue;
            }
            tally.tried();
            let expected = bench.ledger.at(boundary);
            let checked = guarded(|| check_image(image, expected, &mut rng));
            if let Err(e) = checked {
                tally.fail(format!("{what}, boundary {boundary}, {damage:?}: {e}"));
            }
        }
        progress.boundaries.fetch_add(1, Ordering::Relaxed);
        if let Some(op) = ops.get(boundary) {
            medium.apply(op);
        }
    }
}

fn hash(image: &MemVfs) -> u64 {
    let mut hasher = DefaultHasher::new();
    for path in image.files() {
        path.hash(&mut hasher);
        image.read(&path).unwrap_or_default().hash(&mut hasher);
    }
    hasher.finish()
}

/// Opens an image, compares, writes, cuts the power again and compares again.
pub fn check_image(image: MemVfs, expected: &Expected, rng: &mut Rng) -> Result<(), String> {
    let vfs = CrashVfs::over(image, rng.any());
    let clock = vfs.clone();
    let ledger = Ledger::new(move || clock.count());
    let mut bench = Bench::new(Arc::new(vfs.clone()), false, rng.any(), ledger);
    bench.open().map_err(|e| format!("it does not open: {e}"))?;
    let found = inspect(&bench, expected)?;
    let opened = vfs.count();
    // From here on the store has shown it, so it must stay.
    bench.ledger.set(found);
    writes(&mut bench).map_err(|e| format!("a write after the recovery: {e}"))?;
    if rng.one_in(2) {
        bench
            .close()
            .map_err(|e| format!("the close after the recovery: {e}"))?;
    } else {
        bench.kill();
    }
    if let Some(breach) = vfs.breaches().first() {
        return Err(format!("after the recovery: {breach}"));
    }

    let (mut medium, ops) = vfs.record();
    let boundary = rng.below(ops.len() as u64 + 1) as usize;
    ops[..boundary].iter().for_each(|op| medium.apply(op));
    let damage = Damage::ALL[rng.below(Damage::ALL.len() as u64) as usize];
    let second = medium.image(damage, rng);
    let expected = if boundary < opened {
        expected
    } else {
        bench.ledger.at(boundary)
    };
    opens(second, expected).map_err(|e| {
        format!(
            "second cut at {boundary} of {} (opened at {opened}), {damage:?}: {e}",
            ops.len()
        )
    })
}

/// Opens an image and compares.
pub fn opens(image: MemVfs, expected: &Expected) -> Result<(), String> {
    let mut bench = Bench::new(Arc::new(image), false, 0, Ledger::new(|| 0));
    bench.open().map_err(|e| format!("it does not open: {e}"))?;
    inspect(&bench, expected).map(drop)
}

/// What a store holds, which must be what is expected; and it is sound.
pub fn inspect(bench: &Bench, expected: &Expected) -> Result<State, String> {
    let store = bench.store().map_err(|e| e.to_string())?;
    let found = State::of(store)?;
    expected.check(&found)?;
    let report = store.verify().map_err(|e| format!("verify: {e}"))?;
    if !report.problems.is_empty() {
        return Err(format!("verify: {:?}", report.problems));
    }
    search(store)?;
    Ok(found)
}

/// Hits are live, unique and in order.
fn search(store: &Store) -> Result<(), String> {
    for collection in store.collections() {
        let snapshot = collection.snapshot();
        let query = vector(1, 1);
        let found = snapshot
            .search(&SearchRequest::new(&query, 5))
            .map_err(|e| format!("search: {e}"))?;
        let rows: HashSet<u32> = found.hits.iter().map(|h| h.row).collect();
        let live = rows.iter().all(|&row| snapshot.contains(row));
        let sorted = found.hits.is_sorted_by(|a, b| a.distance <= b.distance);
        let wanted = snapshot.len().min(5) as usize;
        if !live || !sorted || rows.len() != found.hits.len() || rows.len() != wanted {
            return Err(format!(
                "search: {:?} of {} rows",
                found.hits,
                snapshot.len()
            ));
        }
    }
    Ok(())
}

/// A few writes.
pub fn writes(bench: &mut Bench) -> omendb_store::Result<()> {
    if !bench.ledger.now().acked.tables.contains_key("words") {
        bench.create("words")?;
    }
    for _ in 0..=bench.rng.below(3) {
        let pairs = bench.pairs(3);
        bench.add("words", &pairs)?;
    }
    match bench.rng.below(6) {
        0 => bench.checkpoint(),
        1 => bench.import("words", &[(1, 1), (2, 2)]),
        _ => Ok(()),
    }
}
