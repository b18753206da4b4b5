//! Lays out a neighbour graph from files, for choosing defaults and for `npm run bench -- umap`.
//!
//! `cargo run --release -p omendb-projection --example layout -- FOLDER K OUT [epochs=200] [seed=42] [threads=0]`, where the folder has `knn.i32` and `knn.f32`
//! (K neighbours a row, nearest first, and their distances) and `start.f32` (two coordinates a row). Writes the coordinates to OUT, and prints what it took.
#![allow(clippy::print_stdout, reason = "a program for the terminal")]

use std::error::Error;
use std::sync::atomic::AtomicBool;
use std::time::Instant;

use omendb_projection::umap::{FuzzyGraph, Layout, LayoutParams, Neighbours};

fn main() -> Result<(), Box<dyn Error + Send + Sync>> {
    let (mut params, mut threads, mut words) = (LayoutParams::default(), 0, Vec::new());
    for argument in std::env::args().skip(1) {
        match argument.split_once('=') {
            Some(("epochs", value)) => params.epochs = value.parse()?,
            Some(("seed", value)) => params.seed = value.parse()?,
            Some(("threads", value)) => threads = value.parse()?,
            Some(("min_dist", value)) => params.min_dist = value.parse()?,
            _ => words.push(argument),
        }
    }
    let [folder, k, out] = words.as_slice() else {
        return Err("FOLDER K OUT".into());
    };
    let words = |name: &str| -> Result<Vec<[u8; 4]>, Box<dyn Error + Send + Sync>> {
        Ok(std::fs::read(format!("{folder}/{name}"))?
            .as_chunks()
            .0
            .to_vec())
    };
    let ids: Vec<u32> = words("knn.i32")?
        .into_iter()
        .map(u32::from_le_bytes)
        .collect();
    let floats = |name| -> Result<Vec<f32>, Box<dyn Error + Send + Sync>> {
        Ok(words(name)?.into_iter().map(f32::from_le_bytes).collect())
    };
    let (distances, start) = (floats("knn.f32")?, floats("start.f32")?);
    let pool = rayon::ThreadPoolBuilder::new()
        .num_threads(threads)
        .build()?;
    pool.install(|| {
        let begin = Instant::now();
        let neighbours = Neighbours {
            k: k.parse()?,
            ids: &ids,
            distances: &distances,
        };
        let graph = FuzzyGraph::new(neighbours, &AtomicBool::new(false))?;
        let edges = graph.ids.len();
        let mut layout = Layout::new(graph, &start, params);
        let ready = begin.elapsed().as_secs_f64();
        while !layout.is_done() {
            layout.step();
        }
        let seconds = begin.elapsed().as_secs_f64();
        let points = layout.points().as_flattened();
        let bytes: Vec<u8> = points.iter().flat_map(|x| x.to_le_bytes()).collect();
        std::fs::write(out, bytes)?;
        println!(
            "{{\"seconds\":{seconds:.4},\"graph\":{ready:.4},\"edges\":{edges},\"rows\":{}}}",
            layout.points().len()
        );
        Ok(())
    })
}
