//! Closed and killed again and again, at any point of its life.

use omendb_store::Result;

use super::{Bench, Workload};

/// See the module.
pub struct Recovery;

impl Workload for Recovery {
    fn name(&self) -> &'static str {
        "recovery"
    }

    fn run(&self, bench: &mut Bench) -> Result<()> {
        bench.open()?;
        bench.create("words")?;
        for _ in 0..14 {
            let pairs = bench.pairs(4);
            bench.add("words", &pairs)?;
            match bench.rng.below(5) {
                0 => bench.checkpoint()?,
                1 => bench.import("words", &pairs)?,
                2 => bench.delete("words", &[pairs[0].0])?,
                _ => {}
            }
            if bench.rng.one_in(2) {
                bench.kill();
            } else {
                bench.close()?;
            }
            bench.open()?;
            // Killed before anything else was done.
            if bench.rng.one_in(4) {
                bench.kill();
                bench.open()?;
            }
        }
        bench.close()
    }
}
