//! Maps saved, replaced and removed, with writes between.

use omendb_store::Result;

use super::{Bench, Workload};

/// See the module.
pub struct Maps;

impl Workload for Maps {
    fn name(&self) -> &'static str {
        "maps"
    }

    fn run(&self, bench: &mut Bench) -> Result<()> {
        bench.open()?;
        bench.create("words")?;
        for round in 0..5u32 {
            let pairs = bench.pairs(5);
            bench.add("words", &pairs)?;
            let rows: Vec<u32> = (0..40 * (round + 1)).collect();
            bench.save_map("words", "flat", &rows)?;
            bench.save_map("words", &format!("m{round}"), &rows[..5])?;
            if bench.rng.one_in(2) {
                bench.checkpoint()?;
            }
            if round > 1 {
                bench.delete_map("words", &format!("m{}", round - 2))?;
            }
        }
        bench.close()
    }
}
