//! Divides a neighbour graph from files into clusters, for measuring and for choosing defaults.
//!
//! `cargo run --release -p omendb-projection --example cluster -- FOLDER K [resolution=1] [seed=42] [cells=FILE] [out=FILE]`, where the folder has `knn.i32` and `knn.f32` (K
//! neighbours a row, nearest first, and their distances), and FILE has a line of text for each row. Prints what was found and what it took, and writes the cluster of each row
//! to `out`, as 32-bit integers.
#![allow(clippy::print_stdout, reason = "a program for the terminal")]

use std::error::Error;
use std::sync::atomic::AtomicBool;
use std::time::Instant;

use omendb_projection::cluster::{ClusterParams, keywords, leiden};
use omendb_projection::umap::{FuzzyGraph, Neighbours};

type Outcome<T> = Result<T, Box<dyn Error + Send + Sync>>;

fn numbers<T>(path: &str, from: impl Fn([u8; 4]) -> T) -> Outcome<Vec<T>> {
    let bytes = std::fs::read(path)?;
    let (numbers, _) = bytes.as_chunks();
    Ok(numbers.iter().map(|bytes| from(*bytes)).collect())
}

fn main() -> Outcome<()> {
    let (mut params, mut words) = (ClusterParams::default(), Vec::new());
    let (mut cells, mut out) = (None, None);
    for argument in std::env::args().skip(1) {
        match argument.split_once('=') {
            Some(("resolution", value)) => params.resolution = value.parse()?,
            Some(("seed", value)) => params.seed = value.parse()?,
            Some(("cells", value)) => cells = Some(std::fs::read_to_string(value)?),
            Some(("out", value)) => out = Some(value.to_owned()),
            _ => words.push(argument),
        }
    }
    let [folder, k] = words.as_slice() else {
        return Err("FOLDER K".into());
    };
    let neighbours = Neighbours {
        k: k.parse()?,
        ids: &numbers(&format!("{folder}/knn.i32"), u32::from_le_bytes)?,
        distances: &numbers(&format!("{folder}/knn.f32"), f32::from_le_bytes)?,
    };
    let go_on = AtomicBool::new(false);
    let start = Instant::now();
    let graph = FuzzyGraph::new(neighbours, &go_on)?;
    let fuzzy = start.elapsed().as_secs_f64();
    let start = Instant::now();
    let found = leiden(&graph, params, &go_on)?;
    println!(
        "{} rows, {} edges: graph {fuzzy:.2} s, clusters {:.2} s; {} clusters, modularity {:.4}, largest {:?}",
        graph.len(),
        graph.ids.len() / 2,
        start.elapsed().as_secs_f64(),
        found.sizes.len(),
        found.modularity,
        &found.sizes[..found.sizes.len().min(12)],
    );
    if let Some(cells) = cells {
        let start = Instant::now();
        let cells: Vec<Option<&str>> = cells.lines().map(Some).collect();
        let names = keywords(&found, &cells, &found.central(&graph), 3);
        println!("keywords {:.2} s", start.elapsed().as_secs_f64());
        for (name, size) in names.iter().zip(&found.sizes) {
            println!("{size:>7}  {}", name.join(", "));
        }
    }
    if let Some(out) = out {
        let bytes: Vec<u8> = found.of.iter().flat_map(|x| x.to_le_bytes()).collect();
        std::fs::write(out, bytes)?;
    }
    Ok(())
}
