//! Random histories against a plain map and brute force. A history that fails is made shorter before it is told.

mod ask;
mod back;
mod past;
mod step;
mod world;

use proptest::prelude::*;
use proptest::test_runner::{Config, RngAlgorithm, TestCaseError, TestRng, TestRunner};

use crate::part::{Budget, Outcome, Part};
use crate::rng::Rng;
use crate::tally::{Tally, guarded, on_all_cores};
use step::{Step, step};
use world::World;

/// The part of the command.
pub const PART: Part = Part {
    name: "model",
    about: "random histories of 100 steps against a plain map and brute force",
    count: 2_000,
    run,
};

/// Steps of a history.
pub const STEPS: usize = 100;
const MIN_RECALL: f64 = 0.95;
/// Histories of one job.
const CASES: u64 = 8;

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
        let done = world.step(step);
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
