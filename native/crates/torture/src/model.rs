//! Random histories against a plain map and brute force. A history that fails is made shorter before it is told.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use omendb_store::{Hit, Id, Plan, SearchRequest, Snapshot};
use proptest::prelude::*;
use proptest::test_runner::{Config, RngAlgorithm, TestCaseError, TestRng, TestRunner};

use crate::ledger::{Expected, Ledger};
use crate::part::{Budget, Outcome, Part};
use crate::power::inspect;
use crate::rng::Rng;
use crate::tally::{Tally, guarded, on_all_cores};
use crate::vfs::{CrashVfs, Damage};
use crate::workload::{Bench, vector};

/// The part of the command.
pub const PART: Part = Part {
    name: "model",
    about: "random histories of 100 steps against a plain map and brute force",
    count: 2_000,
    run,
};

/// Steps of a history.
pub const STEPS: usize = 100;
/// Rows that some histories begin with, so that there is an index.
const INDEXED_ROWS: u64 = 2_000;
/// Ids that the steps draw from: few, so that they collide.
const IDS: u64 = 24;
const K: usize = 10;
const MIN_RECALL: f64 = 0.95;
/// Histories of one job.
const CASES: u64 = 8;

#[derive(Debug, Clone)]
enum Step {
    Add(Vec<(u64, i64)>),
    Import(Vec<(u64, i64)>),
    CancelledImport(Vec<(u64, i64)>),
    Delete(Vec<u64>),
    DeleteRows(Vec<u32>),
    /// Makes the second collection, or drops it.
    Toggle(Vec<(u64, i64)>),
    AddColumn(u8),
    Checkpoint,
    Reopen,
    Kill,
    PowerCut(usize, u64),
    Exact(u64),
    Filtered(u64, i64, i64),
    Search(u64),
}

fn pairs(max: usize) -> impl Strategy<Value = Vec<(u64, i64)>> {
    prop::collection::vec((0..IDS, -50i64..50), 1..max)
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        10 => pairs(6).prop_map(Step::Add),
        4 => pairs(30).prop_map(Step::Import),
        2 => pairs(30).prop_map(Step::CancelledImport),
        4 => prop::collection::vec(0..IDS, 1..4).prop_map(Step::Delete),
        2 => prop::collection::vec(0u32..200, 1..4).prop_map(Step::DeleteRows),
        1 => pairs(6).prop_map(Step::Toggle),
        1 => (0u8..4).prop_map(Step::AddColumn),
        3 => Just(Step::Checkpoint),
        2 => Just(Step::Reopen),
        2 => Just(Step::Kill),
        2 => (0..Damage::ALL.len(), any::<u64>()).prop_map(|(n, seed)| Step::PowerCut(n, seed)),
        3 => any::<u64>().prop_map(Step::Exact),
        3 => (any::<u64>(), -60i64..50, 0i64..60).prop_map(|(q, n, m)| Step::Filtered(q, n, n + m)),
        3 => any::<u64>().prop_map(Step::Search),
    ]
}

/// Histories until the budget is spent.
pub fn run(budget: &Budget) -> Outcome {
    let tally = Tally::default();
    on_all_cores(|n| {
        let seed = budget.seed.wrapping_add(n);
        let cases = budget.count.saturating_sub(n * CASES).min(CASES);
        if cases == 0 || !tally.goes_on(budget) {
            return false;
        }
        histories(seed, cases, &tally);
        true
    });
    tally.outcome(|count| format!("{} steps", count * STEPS as u64))
}

fn histories(seed: u64, cases: u64, tally: &Tally) {
    let mut rng = Rng::new(seed);
    let bytes: Vec<u8> = (0..32).map(|_| rng.any() as u8).collect();
    let config = Config {
        cases: cases as u32,
        failure_persistence: None,
        max_shrink_time: 60_000,
        ..Config::default()
    };
    let rng = TestRng::from_seed(RngAlgorithm::ChaCha, &bytes);
    let mut runner = TestRunner::new_with_rng(config, rng);
    let indexed = prop_oneof![7 => Just(false), 1 => Just(true)];
    let history = (indexed, prop::collection::vec(step(), STEPS));
    let result = runner.run(&history, |(indexed, steps)| {
        guarded(|| play(indexed, &steps)).map_err(TestCaseError::fail)
    });
    (0..cases).for_each(|_| tally.tried());
    if let Err(e) = result {
        tally.fail(format!("model: seed {seed}: {e}"));
    }
}

fn play(indexed: bool, steps: &[Step]) -> Result<(), String> {
    let mut world = World::new(indexed).map_err(|e| format!("the beginning: {e}"))?;
    if indexed {
        world.is_indexed()?;
    }
    for (n, step) in steps.iter().enumerate() {
        let done = world.step(step).map_err(|e| e.to_string());
        let checked = done.and_then(|()| world.queries(step));
        // Reading all of a large store takes long.
        let checked = checked.and_then(|()| match !indexed || n % 10 == 9 {
            true => world.check(),
            false => Ok(()),
        });
        checked.map_err(|e| format!("step {n}, {step:?}: {e}"))?;
    }
    world.check()?;
    if world.found < MIN_RECALL * world.wanted {
        return Err(format!(
            "found {} of {} neighbours",
            world.found, world.wanted
        ));
    }
    Ok(())
}

struct World {
    disk: CrashVfs,
    bench: Bench,
    /// Id to (row number, n).
    rows: BTreeMap<u64, (u32, i64)>,
    next_row: u32,
    /// Neighbours that searches found, and that they should have found.
    found: f64,
    wanted: f64,
}

impl World {
    fn new(indexed: bool) -> omendb_store::Result<World> {
        let disk = CrashVfs::new(1);
        let mut world = World {
            bench: Bench::new(Arc::new(disk.clone()), indexed, 1, Ledger::new(|| 0)),
            disk,
            rows: BTreeMap::new(),
            next_row: 0,
            found: 0.0,
            wanted: 0.0,
        };
        world.bench.open()?;
        world.bench.create("words")?;
        if indexed {
            let many: Vec<(u64, i64)> = (0..INDEXED_ROWS).map(|id| (id, id as i64 % 97)).collect();
            world.bench.import("words", &many)?;
            world.put(&many);
            world.bench.wait_for_index()?;
        }
        Ok(world)
    }

    fn put(&mut self, pairs: &[(u64, i64)]) {
        for &(id, n) in pairs {
            self.rows.insert(id, (self.next_row, n));
            self.next_row += 1;
        }
    }

    fn step(&mut self, step: &Step) -> omendb_store::Result<()> {
        let bench = &mut self.bench;
        match step {
            Step::Add(pairs) => {
                bench.add("words", pairs)?;
                self.put(pairs);
            }
            Step::Import(pairs) => {
                bench.import("words", pairs)?;
                self.put(pairs);
            }
            Step::CancelledImport(pairs) => bench.cancelled_import("words", pairs)?,
            Step::Delete(ids) => {
                bench.delete("words", ids)?;
                self.rows.retain(|id, _| !ids.contains(id));
            }
            Step::DeleteRows(numbers) => {
                let gone = |row: u32| numbers.contains(&row);
                let ids = self.rows.iter().filter(|(_, (row, _))| gone(*row));
                let ids: Vec<u64> = ids.map(|(id, _)| *id).collect();
                bench.delete_rows("words", numbers, &ids)?;
                self.rows.retain(|_, (row, _)| !gone(*row));
            }
            Step::Toggle(pairs) => {
                if bench.collection("other").is_ok() {
                    bench.drop_collection("other")?;
                } else {
                    bench.create("other")?;
                    bench.add("other", pairs)?;
                }
            }
            Step::AddColumn(n) => bench.add_column("words", &format!("c{n}"))?,
            Step::Checkpoint => bench.checkpoint()?,
            Step::Reopen => {
                bench.close()?;
                bench.open()?;
            }
            Step::Kill => {
                bench.kill();
                bench.open()?;
            }
            Step::PowerCut(damage, seed) => {
                bench.kill();
                let image = self
                    .disk
                    .medium()
                    .image(Damage::ALL[*damage], &mut Rng::new(*seed));
                self.disk = CrashVfs::over(image, *seed);
                bench.move_to(Arc::new(self.disk.clone()));
                bench.open()?;
            }
            Step::Exact(_) | Step::Filtered(..) | Step::Search(_) => {}
        }
        Ok(())
    }

    fn snapshot(&self) -> Result<Arc<Snapshot>, String> {
        let words = self.bench.collection("words").map_err(|e| e.to_string())?;
        Ok(words.snapshot())
    }

    /// Searches at default settings must walk the index, or they would prove nothing about it.
    fn is_indexed(&self) -> Result<(), String> {
        let found = self
            .snapshot()?
            .search(&SearchRequest::new(&vector(1, 1), K));
        match found.map_err(|e| e.to_string())?.plan {
            Plan::Exact => Err("there is no index, or it is not used".to_owned()),
            _ => Ok(()),
        }
    }

    fn check(&self) -> Result<(), String> {
        let acked = Expected {
            pending: None,
            ..self.bench.ledger.now().clone()
        };
        inspect(&self.bench, &acked)?;
        let snapshot = self.snapshot()?;
        for (id, (row, _)) in &self.rows {
            let found = snapshot.row_of(&Id::Text(format!("k{id}")));
            if found != Some(*row) {
                return Err(format!("the id k{id} has row {found:?} and not {row}"));
            }
        }
        Ok(())
    }

    /// Asks, and compares with brute force.
    fn queries(&mut self, step: &Step) -> Result<(), String> {
        let (seed, from, to, exact) = match *step {
            Step::Exact(seed) => (seed, i64::MIN, i64::MAX, true),
            Step::Filtered(seed, from, to) => (seed, from, to, true),
            Step::Search(seed) => (seed, i64::MIN, i64::MAX, false),
            _ => return Ok(()),
        };
        let query = vector(seed >> 32, i64::from(seed as u32));
        let filter = format!("n >= {from} AND n < {to}");
        let mut request = SearchRequest::new(&query, K);
        request.exact = exact;
        if matches!(step, Step::Filtered(..)) {
            request.filter = Some(&filter);
        }
        let snapshot = self.snapshot()?;
        let found = snapshot.search(&request).map_err(|e| e.to_string())?.hits;

        let distance = |id: u64, n: i64| -> f64 {
            let pairs = vector(id, n).into_iter().zip(query);
            pairs
                .map(|(a, b)| f64::from(a - b).powi(2))
                .sum::<f64>()
                .sqrt()
        };
        let matching = self
            .rows
            .iter()
            .filter(|(_, (_, n))| (from..to).contains(n));
        let all: BTreeMap<u32, f64> = matching
            .map(|(id, (row, n))| (*row, distance(*id, *n)))
            .collect();
        let mut wanted: Vec<f64> = all.values().copied().collect();
        wanted.sort_by(f64::total_cmp);
        wanted.truncate(K);

        let close = |a: f64, b: f64| (a - b).abs() <= 1e-3 * (1.0 + b);
        let mut unique = BTreeSet::new();
        for hit in &found {
            let right = all
                .get(&hit.row)
                .is_some_and(|&d| close(f64::from(hit.distance), d));
            if !right || !unique.insert(hit.row) {
                return Err(format!(
                    "{hit:?} is not live, not matching, there twice or not so far away"
                ));
            }
        }
        if found.len() != wanted.len() || !found.is_sorted_by(|a, b| a.distance <= b.distance) {
            return Err(format!("{found:?}, wanted {wanted:?}"));
        }
        let hit = |(hit, d): (&Hit, &f64)| close(f64::from(hit.distance), *d);
        if exact {
            return match found.iter().zip(&wanted).all(hit) {
                true => Ok(()),
                false => Err(format!("{found:?}, wanted {wanted:?}")),
            };
        }
        let last = wanted.last().copied().unwrap_or_default();
        let good = found
            .iter()
            .filter(|h| f64::from(h.distance) <= last * 1.001 + 1e-3);
        self.found += good.count() as f64;
        self.wanted += wanted.len() as f64;
        Ok(())
    }
}
