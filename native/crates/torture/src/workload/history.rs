//! Edits, and ways back to any state before: undo, redo, revert, a dropped collection that comes back.

use omendb_store::Result;

use super::{Bench, Workload};

/// See the module.
pub struct History;

impl Workload for History {
    fn name(&self) -> &'static str {
        "history"
    }

    fn run(&self, bench: &mut Bench) -> Result<()> {
        bench.open()?;
        bench.create("words")?;
        bench.add_column("words", "tag")?;
        for step in 0..44 {
            match bench.rng.below(12) {
                0..3 => {
                    let pairs = bench.pairs(4);
                    bench.add("words", &pairs)?;
                }
                3..6 => {
                    let ids: Vec<u64> = bench.pairs(5).iter().map(|p| p.0).collect();
                    bench.edit("words", &ids, step)?;
                }
                6 => {
                    let ids: Vec<u64> = bench.pairs(3).iter().map(|p| p.0).collect();
                    bench.delete("words", &ids)?;
                }
                7 => {
                    let pairs = bench.pairs(6);
                    bench.import("words", &pairs)?;
                }
                8..10 => bench.revert("words")?,
                10 => bench.drop_and_bring_back("words")?,
                _ => bench.checkpoint()?,
            }
        }
        bench.close()
    }
}
