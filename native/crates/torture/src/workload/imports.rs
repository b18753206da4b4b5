//! Bulk imports into new and existing collections, some given up, with small writes between.

use omendb_store::Result;

use super::{Bench, Workload};

/// See the module.
pub struct Imports;

impl Workload for Imports {
    fn name(&self) -> &'static str {
        "imports"
    }

    fn run(&self, bench: &mut Bench) -> Result<()> {
        bench.open()?;
        for round in 0..4 {
            let name = if round % 3 == 2 { "later" } else { "words" };
            let from = bench.rng.below(20);
            let many: Vec<(u64, i64)> = (from..from + 150).map(|n| (n, round)).collect();
            bench.import(name, &many)?;
            let few = bench.pairs(4);
            bench.add("words", &few)?;
            if bench.rng.one_in(2) {
                bench.cancelled_import("words", &many)?;
            } else {
                bench.cancelled_import("never", &many)?;
            }
            if bench.rng.one_in(2) {
                bench.checkpoint()?;
            }
            let mut twice = bench.pairs(6);
            twice.extend_from_within(..);
            bench.import("words", &twice)?;
            let gone: Vec<u64> = bench.pairs(4).iter().map(|p| p.0).collect();
            bench.delete("words", &gone)?;
        }
        bench.close()
    }
}
