//! Lays out a neighbour graph from files, for choosing defaults and for `npm run bench -- umap`.
//!
//! `cargo run --release -p omendb-projection --example layout -- FOLDER K OUT [epochs=200] [seed=42] [threads=0] [min_dist=0.1] [vectors=FILE dimension=D metric=M]`, where
//! the folder has `knn.i32` and `knn.f32` (K neighbours a row, nearest first, and their distances) and, without vectors to make the start of, `start.f32` (two coordinates a
//! row). Writes the coordinates to OUT, and prints what it took.
#![allow(clippy::print_stdout, reason = "a program for the terminal")]

use std::error::Error;
use std::sync::atomic::AtomicBool;
use std::time::Instant;

use omendb_projection::umap::{FuzzyGraph, Layout, LayoutParams, Neighbours};
use omendb_projection::{Points, pca2};

type Outcome<T> = Result<T, Box<dyn Error + Send + Sync>>;

fn numbers<T>(path: &str, from: impl Fn([u8; 4]) -> T) -> Outcome<Vec<T>> {
    let bytes = std::fs::read(path)?;
    Ok(bytes
        .as_chunks()
        .0
        .iter()
        .map(|bytes| from(*bytes))
        .collect())
}

/// Scaled so that the farthest coordinate is 10, as the app does it.
fn scaled(mut xy: Vec<f32>) -> Vec<f32> {
    let extent = xy
        .iter()
        .fold(f32::MIN_POSITIVE, |most, x| most.max(x.abs()));
    xy.iter_mut().for_each(|x| *x *= 10.0 / extent);
    xy
}

fn main() -> Outcome<()> {
    let (mut params, mut threads, mut words) = (LayoutParams::default(), 0, Vec::new());
    let (mut vectors, mut dimension, mut normalize) = (None, 0, false);
    for argument in std::env::args().skip(1) {
        match argument.split_once('=') {
            Some(("epochs", value)) => params.epochs = value.parse()?,
            Some(("seed", value)) => params.seed = value.parse()?,
            Some(("threads", value)) => threads = value.parse()?,
            Some(("min_dist", value)) => params.min_dist = value.parse()?,
            Some(("vectors", value)) => vectors = Some(value.to_owned()),
            Some(("dimension", value)) => dimension = value.parse()?,
            Some(("metric", value)) => normalize = value == "cosine",
            _ => words.push(argument),
        }
    }
    let [folder, k, out] = words.as_slice() else {
        return Err("FOLDER K OUT".into());
    };
    let ids = numbers(&format!("{folder}/knn.i32"), u32::from_le_bytes)?;
    let distances = numbers(&format!("{folder}/knn.f32"), f32::from_le_bytes)?;
    let data = match &vectors {
        Some(path) => numbers(path, f32::from_le_bytes)?,
        None => numbers(&format!("{folder}/start.f32"), f32::from_le_bytes)?,
    };
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
        let cancel = AtomicBool::new(false);
        let start = match vectors {
            Some(_) => {
                let points = Points {
                    data: &data,
                    dimension,
                    n: data.len() / dimension,
                    normalize,
                };
                scaled(pca2(points, params.seed, &cancel)?)
            }
            None => data,
        };
        let started = begin.elapsed().as_secs_f64();
        let graph = FuzzyGraph::new(neighbours, &cancel)?;
        let edges = graph.ids.len();
        let mut layout = Layout::new(graph, &start, params);
        let ready = begin.elapsed().as_secs_f64();
        while !layout.is_done() {
            layout.step();
        }
        let seconds = begin.elapsed().as_secs_f64();
        let points = layout.points();
        let points = points.as_flattened();
        let bytes: Vec<u8> = points.iter().flat_map(|x| x.to_le_bytes()).collect();
        std::fs::write(out, bytes)?;
        println!(
            "{{\"seconds\":{seconds:.4},\"start\":{started:.4},\"graph\":{ready:.4},\"edges\":{edges},\"rows\":{}}}",
            layout.points().len()
        );
        Ok(())
    })
}
