//! Collections made and dropped, columns added, with rows in the log and in segments.

use omendb_store::Result;

use super::{Bench, Workload};

/// See the module.
pub struct Schema;

impl Workload for Schema {
    fn name(&self) -> &'static str {
        "schema"
    }

    fn run(&self, bench: &mut Bench) -> Result<()> {
        bench.open()?;
        bench.create("words")?;
        for round in 0..5 {
            let pairs = bench.pairs(5);
            bench.add("words", &pairs)?;
            bench.add_column("words", &format!("c{round}"))?;
            bench.create("other")?;
            let pairs = bench.pairs(5);
            bench.add("other", &pairs)?;
            if bench.rng.one_in(2) {
                bench.checkpoint()?;
            }
            let pairs = bench.pairs(5);
            bench.import("other", &pairs)?;
            bench.add("words", &pairs)?;
            // Its rows are in the log still.
            bench.add("other", &pairs)?;
            bench.drop_collection("other")?;
        }
        bench.close()
    }
}
