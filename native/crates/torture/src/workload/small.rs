//! Small writes: upserts and deletes in two collections, checkpoints between.

use omendb_store::Result;

use super::{Bench, Workload};

/// See the module.
pub struct SmallWrites;

impl Workload for SmallWrites {
    fn name(&self) -> &'static str {
        "small"
    }

    fn run(&self, bench: &mut Bench) -> Result<()> {
        bench.open()?;
        bench.create("words")?;
        bench.create("pictures")?;
        for step in 0..48 {
            let name = if bench.rng.one_in(3) {
                "pictures"
            } else {
                "words"
            };
            match bench.rng.below(10) {
                0..6 => {
                    let pairs = bench.pairs(4);
                    bench.add(name, &pairs)?;
                }
                6..8 => {
                    let ids: Vec<u64> = bench.pairs(3).iter().map(|p| p.0).collect();
                    bench.delete(name, &ids)?;
                }
                // A write longer than a sector.
                8 => {
                    let pairs: Vec<(u64, i64)> = (0..40).map(|n| (n, step)).collect();
                    bench.add(name, &pairs)?;
                }
                _ => bench.checkpoint()?,
            }
        }
        bench.checkpoint()?;
        bench.close()
    }
}
