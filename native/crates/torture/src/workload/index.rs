//! Segments large enough for an index, which the background builder makes.

use omendb_store::Result;

use super::{Bench, Workload};

/// See the module.
pub struct IndexBuild;

impl Workload for IndexBuild {
    fn name(&self) -> &'static str {
        "index"
    }

    fn background(&self) -> bool {
        true
    }

    fn run(&self, bench: &mut Bench) -> Result<()> {
        bench.open()?;
        let many: Vec<(u64, i64)> = (0..1010).map(|n| (n, 1)).collect();
        bench.import("words", &many)?;
        bench.wait_for_index()?;
        let few = bench.pairs(4);
        bench.add("words", &few)?;
        bench.delete("words", &[0, 500, 1009])?;
        bench.checkpoint()?;
        let few = bench.pairs(4);
        bench.add("words", &few)?;
        bench.kill();
        bench.open()?;
        bench.wait_for_index()?;
        bench.add("words", &[(3, 3)])?;
        bench.close()
    }
}
