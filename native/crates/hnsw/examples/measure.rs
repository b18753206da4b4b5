//! Prints build time, recall, speed and the time of the neighbour graph, for choosing defaults.
//!
//! `cargo run --release -p omendb-hnsw --example measure -- [FILE.f32 DIMENSION] [m=16] [efc=120] [threads=0]`; without a file
//! on 20,000 x 100 made-up vectors with a falling spectrum. Cosine.
#![allow(clippy::print_stdout, reason = "a program for the terminal")]

use std::error::Error;
use std::sync::atomic::AtomicBool;
use std::time::Instant;

use omendb_hnsw::{
    BuildParams, Metric, Scratch, VectorsRef, build, default_ef, exact, knn_graph, search,
};

fn main() -> Result<(), Box<dyn Error>> {
    let (mut params, mut files) = (BuildParams::default(), Vec::new());
    for argument in std::env::args().skip(1) {
        match argument.split_once('=') {
            Some(("m", value)) => params.m = value.parse()?,
            Some(("efc", value)) => params.ef_construction = value.parse()?,
            Some(("threads", value)) => params.threads = value.parse()?,
            _ => files.push(argument),
        }
    }
    let (data, dimension) = match files.as_slice() {
        [file, dimension] => (floats(&std::fs::read(file)?), dimension.parse()?),
        _ => (made_up(20_000, 100), 100),
    };
    let mut norms = Vec::new();
    omendb_distance::inv_norms(&data, dimension, &mut norms);
    let vectors = VectorsRef::new(&data, dimension, Metric::Cosine, &norms)?;
    let n = vectors.len();
    let cancel = AtomicBool::new(false);
    println!(
        "{n} x {dimension}, {:?}, {params:?}",
        omendb_distance::isa()
    );

    let start = Instant::now();
    let graph = build(vectors, &params, &|_, _| {}, &cancel)?;
    println!("build {:.3} s", start.elapsed().as_secs_f64());
    let view = graph.view();
    let links: usize = (0..n as u32)
        .map(|id| {
            view.links(id, 0)
                .iter()
                .filter(|id| **id != u32::MAX)
                .count()
        })
        .sum();
    println!("links a node {:.1}", links as f64 / n as f64);

    let queries: Vec<usize> = (0..500).map(|i| i * n / 500).collect();
    let (mut truth, mut found, mut scratch) = (Vec::new(), Vec::new(), Scratch::new());
    let truths: Vec<Vec<u32>> = queries
        .iter()
        .map(|row| {
            exact::search(vectors, vectors.row(*row), 11, None, &mut truth)?;
            Ok(truth
                .iter()
                .map(|hit| hit.id)
                .filter(|id| *id != *row as u32)
                .take(10)
                .collect())
        })
        .collect::<Result<_, omendb_hnsw::ShapeError>>()?;
    for ef in [20, 32, 50, 64, 80, 100, 128, 200, default_ef(10, n)] {
        let (mut good, mut distances, mut seconds) = (0, 0, f64::MAX);
        for round in 0..3 {
            let start = Instant::now();
            for (row, truth) in queries.iter().zip(&truths) {
                let query = vectors.row(*row);
                let stats = search(
                    &view,
                    vectors,
                    query,
                    11,
                    ef,
                    None,
                    &mut scratch,
                    &mut found,
                )?;
                if round == 0 {
                    distances += stats.distances;
                    good += found.iter().filter(|hit| truth.contains(&hit.id)).count();
                }
            }
            seconds = start.elapsed().as_secs_f64().min(seconds);
        }
        let count = queries.len() as f64;
        println!(
            "ef {ef}: recall@10 {:.4}, {:.1} us a query, {:.0} distances",
            good as f64 / (10.0 * count),
            seconds / count * 1e6,
            distances as f64 / count
        );
    }

    let k = 15;
    let (mut ids, mut scores) = (vec![0; n * k], vec![0.0; n * k]);
    let start = Instant::now();
    knn_graph(
        &view,
        vectors,
        k,
        0,
        params.threads,
        &|_, _| {},
        &cancel,
        &mut ids,
        &mut scores,
    )?;
    let seconds = start.elapsed().as_secs_f64();
    let mut good = 0;
    for row in queries.iter().copied() {
        exact::search(vectors, vectors.row(row), k + 1, None, &mut truth)?;
        let found = &ids[row * k..(row + 1) * k];
        good += truth.iter().filter(|hit| found.contains(&hit.id)).count();
    }
    println!(
        "neighbour graph of {k}: {seconds:.3} s, recall {:.4}",
        good as f64 / (k * queries.len()) as f64
    );
    Ok(())
}

/// Normal vectors whose spread falls along the dimensions, in the manner of word vectors.
fn made_up(n: usize, dimension: usize) -> Vec<f32> {
    let mut state = 1u64;
    let mut unit = || {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        ((state >> 40) as f32 + 1.0) / (1u64 << 24) as f32
    };
    let mut data = Vec::with_capacity(n * dimension);
    for _ in 0..n {
        for j in 0..dimension {
            let normal = (-2.0 * unit().ln()).sqrt() * (std::f32::consts::TAU * unit()).cos();
            data.push(normal * (1.0 + j as f32 / 4.0).powf(-0.6));
        }
    }
    data
}

fn floats(bytes: &[u8]) -> Vec<f32> {
    bytes
        .as_chunks::<4>()
        .0
        .iter()
        .map(|float| f32::from_le_bytes(*float))
        .collect()
}
