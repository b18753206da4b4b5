//! Compacting while the history holds rows, and once it is forgotten; copies of the whole store.

use omendb_store::Result;

use super::{Bench, Workload};

/// See the module.
pub struct Compaction;

impl Workload for Compaction {
    fn name(&self) -> &'static str {
        "compaction"
    }

    fn run(&self, bench: &mut Bench) -> Result<()> {
        bench.open()?;
        bench.create("words")?;
        bench.add_column("words", "tag")?;
        for round in 0..3 {
            for step in 0..3 {
                let pairs: Vec<(u64, i64)> = (0..12).map(|n| (n + step * 5, round)).collect();
                bench.import("words", &pairs)?;
            }
            bench.delete("words", &[1, 2, 3, 11])?;
            bench.edit("words", &[5, 6, 20], round)?;
            let forget = bench.rng.one_in(2);
            bench.compact(forget)?;
            let pairs = bench.pairs(4);
            bench.add("words", &pairs)?;
            bench.revert("words")?;
            bench.compact(round == 1)?;
            if round == 1 {
                bench.backup()?;
                bench.kill();
                bench.open()?;
            }
        }
        bench.close()
    }
}
