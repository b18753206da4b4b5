//! Brute force: for few rows, for narrow filters, and as the truth that the graph is measured against.

use std::collections::BinaryHeap;
use std::sync::atomic::AtomicBool;

use omendb_distance::{ShapeError, VectorsRef, inv_norm, prefetch};
use omendb_quant::Codes;

use crate::knn::{KnnError, KnnOutput};
use crate::pool::{Key, id_of, key, score_of};
use crate::space::{F32Scorer, RowScorer};
use crate::{Neighbor, Scratch, parallel};

/// Rows scored at once.
const BLOCK: usize = 256;
/// Rows named by number that are scored at once, while the next ones are fetched.
const PIECE: usize = 32;

/// Keeps the least `k` keys.
struct Nearest {
    k: usize,
    heap: BinaryHeap<Key>,
}

impl Nearest {
    fn new(k: usize, n: usize) -> Nearest {
        Nearest {
            k,
            heap: BinaryHeap::with_capacity(k.min(n) + 1),
        }
    }

    #[inline]
    fn offer(&mut self, key: Key, accept: impl FnOnce() -> bool) {
        if self.heap.len() < self.k {
            if accept() {
                self.heap.push(key);
            }
        } else if self.heap.peek().is_some_and(|worst| key < *worst) && accept() {
            self.heap.pop();
            self.heap.push(key);
        }
    }

    /// No row with a greater score is among the nearest.
    fn bar(&self) -> f32 {
        match self.heap.peek() {
            Some(worst) if self.heap.len() >= self.k => score_of(*worst),
            _ => f32::INFINITY,
        }
    }

    fn into_neighbors(self, out: &mut Vec<Neighbor>) {
        out.extend(self.heap.into_sorted_vec().into_iter().map(|key| Neighbor {
            id: id_of(key),
            score: score_of(key),
        }));
    }
}

/// The `k` nearest rows to a query among those that `accept` takes, ascending by score, then by id, into `out` (emptied first).
/// Gives the number of rows scored. Ids count from the first row of `vectors`, which must be at most [`crate::MAX_NODES`] rows.
pub fn search(
    vectors: VectorsRef<'_>,
    query: &[f32],
    k: usize,
    accept: Option<&dyn Fn(u32) -> bool>,
    out: &mut Vec<Neighbor>,
) -> Result<usize, ShapeError> {
    out.clear();
    check(vectors, query)?;
    let n = vectors.len();
    if k == 0 {
        return Ok(0);
    }
    let scorer = vectors.scorer(query);
    let mut nearest = Nearest::new(k, n);
    let mut scores = [0.0f32; BLOCK];
    for start in (0..n).step_by(BLOCK) {
        let end = (start + BLOCK).min(n);
        let scores = &mut scores[..end - start];
        scorer.score_rows(vectors.slice(start..end), scores);
        for (i, score) in scores.iter().enumerate() {
            let id = (start + i) as u32;
            nearest.offer(key(*score, id), || accept.is_none_or(|accept| accept(id)));
        }
    }
    nearest.into_neighbors(out);
    Ok(n)
}

/// As [`search`], but scores only the rows `ids` (each below `vectors.len()`; others are passed over; one named twice is found twice).
/// For filters that accept few rows.
pub fn search_ids(
    vectors: VectorsRef<'_>,
    query: &[f32],
    k: usize,
    ids: &mut dyn Iterator<Item = u32>,
    out: &mut Vec<Neighbor>,
) -> Result<usize, ShapeError> {
    out.clear();
    check(vectors, query)?;
    let n = vectors.len();
    if k == 0 {
        return Ok(0);
    }
    let scorer = vectors.scorer(query);
    let mut nearest = Nearest::new(k, n);
    let mut scored = 0;
    let mut ids = ids.filter(|id| (*id as usize) < n);
    let mut block = [0u32; 4];
    loop {
        let mut count = 0;
        for id in ids.by_ref().take(4) {
            omendb_distance::prefetch(vectors.row(id as usize));
            block[count] = id;
            count += 1;
        }
        // The rest of a short last block holds older ids; their scores are not read.
        if count == 0 {
            break;
        }
        let scores = scorer.score_4(
            block.map(|id| vectors.row(id as usize)),
            block.map(|id| vectors.inv_norm(id as usize)),
        );
        scored += count;
        for (id, score) in block.iter().zip(scores).take(count) {
            nearest.offer(key(score, *id), || true);
        }
    }
    nearest.into_neighbors(out);
    Ok(scored)
}

/// As [`search`], but reads the vectors of those rows alone that may be among the nearest by what their codes say; gives the same.
#[allow(clippy::too_many_arguments)]
pub fn search_coded(
    vectors: VectorsRef<'_>,
    codes: Codes<'_>,
    query: &[f32],
    k: usize,
    accept: Option<&dyn Fn(u32) -> bool>,
    scratch: &mut Scratch,
    out: &mut Vec<Neighbor>,
) -> Result<usize, ShapeError> {
    out.clear();
    check_coded(vectors, codes, query)?;
    let n = vectors.len();
    if k == 0 {
        return Ok(0);
    }
    let Scratch {
        query: prepared,
        scores: bounds,
        ..
    } = scratch;
    prepared.set(codes.codec, query, inv_norm(query));
    let coded = prepared.get(codes.codec);
    let accepts = |id: u32| accept.is_none_or(|accept| accept(id));
    // Those that may be the nearest give a bar that the others have to pass.
    let mut likely = Nearest::new(k, n);
    bounds.resize(n, 0.0);
    for (block, bounds) in bounds.chunks_mut(BLOCK).enumerate() {
        let start = block * BLOCK;
        coded.bound_run(&codes, start, bounds);
        let bar = likely.bar();
        for (i, bound) in bounds.iter().enumerate() {
            if *bound <= bar {
                let id = (start + i) as u32;
                likely.offer(key(*bound, id), || accepts(id));
            }
        }
    }
    let exact = F32Scorer::new(vectors, query);
    let mut bar = Nearest::new(k, n);
    for likely in likely.heap {
        let id = id_of(likely);
        bar.offer(key(exact.score_one(id), id), || true);
    }
    let bar = bar.bar();
    let may = bounds
        .iter()
        .enumerate()
        .filter(|(_, bound)| may_count(**bound, bar));
    let ids = may.map(|(i, _)| i as u32).filter(|id| accepts(*id));
    nearest_of(&exact, k, ids, out);
    Ok(n)
}

/// As [`search_ids`], but reads the vectors of those rows alone that may be among the nearest by what their codes say; gives the same.
#[allow(clippy::too_many_arguments)]
pub fn search_ids_coded(
    vectors: VectorsRef<'_>,
    codes: Codes<'_>,
    query: &[f32],
    k: usize,
    ids: &mut dyn Iterator<Item = u32>,
    scratch: &mut Scratch,
    out: &mut Vec<Neighbor>,
) -> Result<usize, ShapeError> {
    out.clear();
    check_coded(vectors, codes, query)?;
    if k == 0 {
        return Ok(0);
    }
    let Scratch {
        query: prepared,
        scores: bounds,
        batch,
        ..
    } = scratch;
    prepared.set(codes.codec, query, inv_norm(query));
    let coded = prepared.get(codes.codec);
    batch.clear();
    batch.extend(ids.filter(|id| (*id as usize) < vectors.len()));
    bounds.resize(batch.len(), 0.0);
    let mut likely = Nearest::new(k, batch.len());
    let mut pieces = batch.chunks(PIECE).peekable();
    for (piece, bounds) in batch.chunks(PIECE).zip(bounds.chunks_mut(PIECE)) {
        pieces.next();
        for id in pieces.peek().copied().unwrap_or_default() {
            prefetch(codes.rows.row(*id));
        }
        coded.bound(&codes, piece, bounds);
        for (id, bound) in piece.iter().zip(bounds) {
            likely.offer(key(*bound, *id), || true);
        }
    }
    let exact = F32Scorer::new(vectors, query);
    let mut bar = Nearest::new(k, batch.len());
    for likely in likely.heap {
        let id = id_of(likely);
        bar.offer(key(exact.score_one(id), id), || true);
    }
    let bar = bar.bar();
    let may = batch
        .iter()
        .zip(bounds)
        .filter(|(_, bound)| may_count(**bound, bar));
    nearest_of(&exact, k, may.map(|(id, _)| *id), out);
    Ok(batch.len())
}

/// Whether a row with this bound may be among the nearest. NaN says nothing.
fn may_count(bound: f32, bar: f32) -> bool {
    bound <= bar || bound.is_nan() || bar.is_nan()
}

/// The `k` nearest of these rows by exact score.
fn nearest_of(
    exact: &F32Scorer<'_>,
    k: usize,
    ids: impl Iterator<Item = u32>,
    out: &mut Vec<Neighbor>,
) {
    let mut nearest = Nearest::new(k, k);
    let mut ids = ids.peekable();
    while let Some(id) = ids.next() {
        if let Some(next) = ids.peek() {
            exact.prefetch(*next);
        }
        nearest.offer(key(exact.score_one(id), id), || true);
    }
    nearest.into_neighbors(out);
}

fn check_coded(vectors: VectorsRef<'_>, codes: Codes<'_>, query: &[f32]) -> Result<(), ShapeError> {
    check(vectors, query)?;
    codes.check(vectors)
}

fn check(vectors: VectorsRef<'_>, query: &[f32]) -> Result<(), ShapeError> {
    vectors.check()?;
    vectors.check_query(query)?;
    if vectors.len() > crate::MAX_NODES {
        return Err(ShapeError::new(format!(
            "{} rows are more than {}",
            vectors.len(),
            crate::MAX_NODES
        )));
    }
    Ok(())
}

/// The exact `k` nearest other rows of every row; takes `n²` scores, so it is for small `n`. Parameters and output as in
/// [`crate::knn_graph`].
#[allow(clippy::too_many_arguments)]
pub fn knn_graph(
    vectors: VectorsRef<'_>,
    k: usize,
    threads: usize,
    progress: &(dyn Fn(usize, usize) + Sync),
    cancel: &AtomicBool,
    out_ids: &mut [u32],
    out_scores: &mut [f32],
) -> Result<(), KnnError> {
    /// Queries that share a pass over a block of rows, so that the block is read from the nearest cache.
    const QUERIES: usize = 32;
    vectors.check()?;
    let n = vectors.len();
    let output = KnnOutput::new(n, k, QUERIES, out_ids, out_scores, progress)?;
    parallel::for_chunks(
        parallel::thread_count(threads),
        0..n,
        QUERIES,
        cancel,
        Vec::new,
        |found: &mut Vec<Neighbor>, range| {
            let mut nearest: Vec<Nearest> = range.clone().map(|_| Nearest::new(k, n)).collect();
            let mut scores = [0.0f32; BLOCK];
            for start in (0..n).step_by(BLOCK) {
                let block = vectors.slice(start..(start + BLOCK).min(n));
                let scores = &mut scores[..block.len()];
                for (query, nearest) in range.clone().zip(&mut nearest) {
                    vectors.scorer(vectors.row(query)).score_rows(block, scores);
                    for (i, score) in scores.iter().enumerate() {
                        let id = start + i;
                        nearest.offer(key(*score, id as u32), || id != query);
                    }
                }
            }
            for (row, nearest) in range.zip(nearest) {
                found.clear();
                nearest.into_neighbors(found);
                output.put(row, found);
            }
        },
    );
    output.finish(cancel)
}
