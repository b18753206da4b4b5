//! Reads a file by the suggested plan and tells how long that took: `cargo run --release -p omendb-formats --example read FILE`.
#![allow(clippy::print_stdout)]

use std::time::Instant;

use omendb_formats::{OnError, inspect, open, plan_from};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    for path in std::env::args().skip(1) {
        let start = Instant::now();
        let preview = inspect(&path)?;
        let inspected = start.elapsed();
        println!(
            "{path}: {:?}, id {:?}, {:?}",
            preview.vector, preview.id, preview.metric
        );
        for column in &preview.columns {
            println!(
                "  {} {} ({})",
                column.name,
                column.ty.as_str(),
                column.source_type
            );
        }
        let Some(mut plan) = plan_from(&preview) else {
            continue;
        };
        plan.on_error = OnError::Skip;
        let start = Instant::now();
        let mut reader = open(&path, &plan)?;
        let mut rows = 0;
        while let Some(batch) = reader.next_batch()? {
            rows += batch.rows;
        }
        let took = start.elapsed();
        println!(
            "  {rows} rows in {took:?} (preview {inspected:?}), {:?}",
            reader.rejections().by_reason
        );
    }
    Ok(())
}
