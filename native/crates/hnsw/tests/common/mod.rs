//! Seeded data and the measure of recall, for the tests of this crate.
#![allow(dead_code, reason = "each test program uses a part")]

use std::sync::atomic::AtomicBool;

use omendb_hnsw::{
    BuildParams, Graph, GraphView, Metric, NONE, Neighbor, Scratch, VectorsRef, build, exact,
    search,
};

/// Bytes that start at a multiple of 4 wherever the allocator put them.
pub struct Aligned {
    words: Vec<u32>,
    len: usize,
}

impl Aligned {
    pub fn new(bytes: &[u8]) -> Aligned {
        let mut words = vec![0u32; bytes.len().div_ceil(4) + 1];
        bytemuck::cast_slice_mut(&mut words)[..bytes.len()].copy_from_slice(bytes);
        Aligned {
            words,
            len: bytes.len(),
        }
    }

    pub fn bytes(&self) -> &[u8] {
        &bytemuck::cast_slice(&self.words)[..self.len]
    }
}

pub struct Random(pub u64);

impl Random {
    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    pub fn below(&mut self, n: usize) -> usize {
        (self.next() % n as u64) as usize
    }

    pub fn unit(&mut self) -> f32 {
        ((self.next() >> 40) as f32 + 1.0) / (1u64 << 24) as f32
    }

    pub fn normal(&mut self) -> f32 {
        (-2.0 * self.unit().ln()).sqrt() * (std::f32::consts::TAU * self.unit()).cos()
    }
}

/// Vectors with what a [`VectorsRef`] borrows.
pub struct Set {
    pub data: Vec<f32>,
    pub dimension: usize,
    pub metric: Metric,
    pub norms: Vec<f32>,
}

impl Set {
    pub fn new(data: Vec<f32>, dimension: usize, metric: Metric) -> Set {
        let mut norms = Vec::new();
        if metric == Metric::Cosine {
            omendb_distance::inv_norms(&data, dimension, &mut norms);
        }
        Set {
            data,
            dimension,
            metric,
            norms,
        }
    }

    /// `n` rows in clusters of unequal sizes and widths, one cluster after another when `sorted`.
    pub fn clustered(seed: u64, n: usize, dimension: usize, metric: Metric, sorted: bool) -> Set {
        let mut random = Random(seed);
        let clusters = (n / 100).max(2);
        let centres: Vec<f32> = (0..clusters * dimension).map(|_| random.normal()).collect();
        let mut data = Vec::with_capacity(n * dimension);
        for i in 0..n {
            let cluster = if sorted {
                i * clusters / n
            } else {
                // The product of two draws makes the first clusters larger.
                random.below(clusters) * random.below(clusters) / clusters
            };
            let width = 0.2 + 0.8 * (cluster % 7) as f32 / 7.0;
            for j in 0..dimension {
                data.push(centres[cluster * dimension + j] + width * random.normal());
            }
        }
        Set::new(data, dimension, metric)
    }

    pub fn vectors(&self) -> VectorsRef<'_> {
        VectorsRef::new(&self.data, self.dimension, self.metric, &self.norms).unwrap()
    }

    /// A row with some noise on it, as queries are.
    pub fn query(&self, random: &mut Random) -> Vec<f32> {
        let row = random.below(self.vectors().len());
        self.vectors()
            .row(row)
            .iter()
            .map(|x| x + 0.2 * random.normal())
            .collect()
    }
}

pub fn no_progress(_: usize, _: usize) {}

pub fn graph(set: &Set, params: BuildParams) -> Graph {
    build(
        set.vectors(),
        &params,
        &no_progress,
        &AtomicBool::new(false),
    )
    .unwrap()
}

pub fn hits(view: &GraphView<'_>, set: &Set, query: &[f32], k: usize, ef: usize) -> Vec<Neighbor> {
    let mut out = Vec::new();
    search(
        view,
        set.vectors(),
        query,
        k,
        ef,
        None,
        &mut Scratch::new(),
        &mut out,
    )
    .unwrap();
    out
}

/// The share of true neighbours that were found, by score: of rows that tie, any will do.
pub fn share(found: &[Neighbor], truth: &[Neighbor]) -> f64 {
    let Some(last) = truth.last() else {
        return 1.0;
    };
    let good = found.iter().filter(|hit| hit.score <= last.score).count();
    good.min(truth.len()) as f64 / truth.len() as f64
}

/// Recall@k of a pool size over `queries` noisy rows.
pub fn recall(view: &GraphView<'_>, set: &Set, queries: usize, k: usize, ef: usize) -> f64 {
    let mut random = Random(99);
    let (mut found, mut truth) = (Vec::new(), Vec::new());
    let mut scratch = Scratch::new();
    let mut sum = 0.0;
    for _ in 0..queries {
        let query = set.query(&mut random);
        search(
            view,
            set.vectors(),
            &query,
            k,
            ef,
            None,
            &mut scratch,
            &mut found,
        )
        .unwrap();
        exact::search(set.vectors(), &query, k, None, &mut truth).unwrap();
        sum += share(&found, &truth);
    }
    sum / queries as f64
}

/// Nodes that no path over layer 0 leads to from the entry.
pub fn unreached(view: &GraphView<'_>) -> usize {
    let mut seen = vec![false; view.len()];
    let mut queue: Vec<u32> = view.entry().into_iter().collect();
    queue.iter().for_each(|entry| seen[*entry as usize] = true);
    while let Some(node) = queue.pop() {
        for link in view.links(node, 0).iter().take_while(|link| **link != NONE) {
            if !std::mem::replace(&mut seen[*link as usize], true) {
                queue.push(*link);
            }
        }
    }
    seen.iter().filter(|seen| !**seen).count()
}
