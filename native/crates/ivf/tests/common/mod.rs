//! Made-up rows, and what is true of them.
#![allow(dead_code, reason = "not every test uses everything")]

use std::sync::atomic::AtomicBool;

use omendb_ivf::{
    Accepted, AcceptedSlots, BuildParams, Index, IndexView, Metric, Neighbor, VectorsRef, exact,
};

/// Numbers that look random, about normal, the same each time.
pub struct Random(pub u64);

impl Random {
    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    pub fn uniform(&mut self) -> f32 {
        (self.next() >> 40) as f32 / 16_777_216.0
    }

    pub fn normal(&mut self) -> f32 {
        (0..12).map(|_| self.uniform() - 0.5).sum()
    }
}

/// Rows around `groups` centres, with a spectrum that falls off as that of embeddings does.
pub fn rows(n: usize, dimension: usize, groups: usize, seed: u64) -> Vec<f32> {
    let mut random = Random(seed);
    let centres: Vec<f32> = (0..groups * dimension).map(|_| random.normal()).collect();
    let mut rows = Vec::with_capacity(n * dimension);
    for _ in 0..n {
        let group = (random.next() % groups as u64) as usize;
        for j in 0..dimension {
            let spread = 1.5 / (1.0 + j as f32).sqrt();
            rows.push(centres[group * dimension + j] + spread * random.normal());
        }
    }
    rows
}

/// Rows with all that a search wants of them.
pub struct Set {
    pub data: Vec<f32>,
    pub norms: Vec<f32>,
    pub dimension: usize,
    pub metric: Metric,
}

impl Set {
    pub fn new(data: Vec<f32>, dimension: usize, metric: Metric) -> Set {
        let mut norms = Vec::new();
        if metric == Metric::Cosine {
            omendb_distance::inv_norms(&data, dimension, &mut norms);
        }
        Set {
            data,
            norms,
            dimension,
            metric,
        }
    }

    pub fn view(&self) -> VectorsRef<'_> {
        VectorsRef::new(&self.data, self.dimension, self.metric, &self.norms).unwrap()
    }

    pub fn index(&self, rows: Option<&[u32]>, threads: usize) -> Index {
        let params = BuildParams {
            threads,
            ..BuildParams::default()
        };
        Index::build(
            self.view(),
            rows,
            &params,
            &|_, _| {},
            &AtomicBool::new(false),
        )
        .unwrap()
    }

    /// The true neighbours among the rows that `accept` takes.
    pub fn truth(&self, query: &[f32], k: usize, accept: &dyn Fn(u32) -> bool) -> Vec<Neighbor> {
        let mut out = Vec::new();
        exact::search(self.view(), query, k, Some(accept), &mut out).unwrap();
        out
    }
}

/// The rows that `accept` takes, for a search.
pub fn slots(view: &IndexView<'_>, accept: impl Fn(u32) -> bool) -> AcceptedSlots {
    let mut slots = Accepted::none(view.slots());
    let rows = (0..view.len() as u32).filter(|row| accept(*row));
    rows.filter_map(|row| view.slot(row))
        .for_each(|slot| slots.insert(slot));
    view.accept(slots)
}

/// The share of `truth` that was found; rows that are as near as the last stand for each other.
pub fn recall(found: &[Neighbor], truth: &[Neighbor]) -> f64 {
    let Some(last) = truth.last() else {
        return 1.0;
    };
    let good = found.iter().filter(|hit| hit.score <= last.score).count();
    good.min(truth.len()) as f64 / truth.len() as f64
}
