//! Prints build time, recall and speed on a set of `npm run bench`, for choosing defaults.
//!
//! `cargo run --release -p omendb-ivf --example measure -- FOLDER DIMENSION l2|cosine|dot [threads=0] [ef=2,4,8] [rounds=4] [new=0] [grown=0]`, where the folder has `base.f32`, `query.f32`
//! and `truth.i32` (10 a query). With `new=30` the index is built anew out of one that lacks 30% of the rows;
//! with `grown=20` out of one of the first 20% of the rows, which grows by a quarter again and again.
#![allow(clippy::print_stdout, reason = "a program for the terminal")]

use std::error::Error;
use std::sync::atomic::AtomicBool;
use std::time::Instant;

use omendb_ivf::{BuildParams, Index, Metric, Scratch, VectorsRef};

fn main() -> Result<(), Box<dyn Error>> {
    let (mut params, mut words) = (BuildParams::default(), Vec::new());
    let (mut efs, mut rounds) = (
        vec![
            0, 2, 4, 6, 8, 12, 16, 24, 32, 48, 64, 96, 128, 192, 256, 384, 512, 768, 1024,
        ],
        4,
    );
    let (mut new, mut grown) = (0, 100);
    for argument in std::env::args().skip(1) {
        match argument.split_once('=') {
            Some(("threads", value)) => params.threads = value.parse()?,
            Some(("ef", value)) => {
                efs = value.split(',').map(str::parse).collect::<Result<_, _>>()?
            }
            Some(("rounds", value)) => rounds = value.parse()?,
            Some(("new", value)) => new = value.parse()?,
            Some(("grown", value)) => grown = value.parse()?,
            _ => words.push(argument),
        }
    }
    let [folder, dimension, metric] = words.as_slice() else {
        return Err("FOLDER DIMENSION METRIC".into());
    };
    let (dimension, metric): (usize, Metric) = (dimension.parse()?, metric.parse()?);
    let read = |name: &str| std::fs::read(format!("{folder}/{name}"));
    let floats = |bytes: Vec<u8>| -> Vec<f32> {
        bytes
            .as_chunks()
            .0
            .iter()
            .map(|x| f32::from_le_bytes(*x))
            .collect()
    };
    let (data, queries) = (floats(read("base.f32")?), floats(read("query.f32")?));
    let truth: Vec<u32> = read("truth.i32")?
        .as_chunks()
        .0
        .iter()
        .map(|x| u32::from_le_bytes(*x))
        .collect();
    let mut norms = Vec::new();
    if metric == Metric::Cosine {
        omendb_distance::inv_norms(&data, dimension, &mut norms);
    }
    let vectors = VectorsRef::new(&data, dimension, metric, &norms)?;
    let n = vectors.len();
    let cancel = AtomicBool::new(false);
    let all: Vec<u32> = (0..n as u32).collect();
    let old: Vec<u32> = all.iter().copied().filter(|row| row % 100 >= new).collect();
    let build = |rows: &[u32]| Index::build(vectors, Some(rows), &params, &|_, _| {}, &cancel);
    let mut older = match new {
        0 => None,
        _ => Some(build(&old)?),
    };
    if grown < 100 {
        let mut count = n * grown / 100;
        let mut index = build(&all[..count])?;
        while count * 5 / 4 < n {
            count = count * 5 / 4;
            let rows = &all[..count];
            let view = index.view();
            index = Index::rebuild(&view, vectors, rows, rows, &params, &|_, _| {}, &cancel)?;
        }
        older = Some(index);
    }
    let start = Instant::now();
    let last = std::sync::Mutex::new(start);
    let stage = |done: usize, _: usize| {
        let mut last = last.lock().unwrap();
        print!("{done} {:.2} s, ", last.elapsed().as_secs_f64());
        *last = Instant::now();
    };
    let index = match &older {
        Some(older) => {
            Index::rebuild(&older.view(), vectors, &all, &all, &params, &stage, &cancel)?
        }
        None => Index::build(vectors, None, &params, &stage, &cancel)?,
    };
    let took = start.elapsed().as_secs_f64();
    let view = index.view();
    println!(
        "\n{n} x {dimension} {metric}: {took:.2} s, {:.0} rows/s, {} partitions, {} slots, {}",
        n as f64 / took,
        view.partitions(),
        view.slots(),
        view.tuning()
    );
    let (mut scratch, mut out) = (Scratch::new(), Vec::new());
    let count = queries.len() / dimension;
    for ef in efs {
        let (mut good, mut times, mut stats) = (0, Vec::new(), [0; 3]);
        for round in 0..rounds {
            for (query, truth) in queries.chunks_exact(dimension).zip(truth.chunks_exact(10)) {
                let start = Instant::now();
                let found = view.search(
                    vectors,
                    query,
                    10,
                    (ef > 0).then_some(ef),
                    None,
                    &mut scratch,
                    &mut out,
                )?;
                if round > 0 {
                    times.push(start.elapsed().as_nanos());
                    continue;
                }
                good += out.iter().filter(|hit| truth.contains(&hit.id)).count();
                stats[0] += found.partitions;
                stats[1] += found.estimates;
                stats[2] += found.distances;
            }
        }
        times.sort_unstable();
        let recall = good as f64 / (count * 10) as f64;
        println!(
            "ef {ef:4} recall {recall:.4} ({:.3}) p50 {:.1} us mean {:.1} p99 {:.1}, {} partitions, {} estimates, {} exact",
            view.recall(ef),
            times[times.len() / 2] as f64 / 1e3,
            times.iter().sum::<u128>() as f64 / times.len() as f64 / 1e3,
            times[times.len() * 99 / 100] as f64 / 1e3,
            stats[0] / count,
            stats[1] / count,
            stats[2] / count
        );
        if recall > 0.997 {
            break;
        }
    }
    Ok(())
}
