//! A graph that follows a target besides the vectors: supervised UMAP, as umap-learn's `y` with `target_metric` "categorical" or "l2".

use std::sync::atomic::AtomicBool;

use omendb_distance::ShapeError;
use rayon::prelude::*;

use super::fuzzy::{FuzzyGraph, Neighbours, memberships, stop_if};
use crate::ProjectionError;
use crate::linear::hash;

/// A category that is not known.
pub const UNKNOWN: u32 = u32::MAX;
/// How far a row whose target is not known is from all others.
const UNKNOWN_DISTANCE: f32 = 1.0;
/// How far rows of two categories are from each other, at weight 0.
const FAR: f32 = 2.5;
/// Where a graph has no edge it has one of half its least weight, which is at least this...
const LEAST: f32 = 1e-8;
/// ...and in the target's graph at most this.
const LEAST_OF_TARGET: f32 = 1e-4;
const CHUNK: usize = 512;

/// What a map shall show besides the vectors: a value for each row.
#[derive(Clone, Debug, PartialEq)]
pub enum Target {
    /// Categories; [`UNKNOWN`] where there is none.
    Categories(Vec<u32>),
    /// Numbers; NaN where there is none.
    Numbers(Vec<f32>),
}

/// The graph of rows that belong together by their vectors and by a target.
///
/// - `k`: neighbours of a row among numbers, itself not counted.
/// - `weight`: 0 to 1, how much the target counts; 0.5 for both alike.
///
/// Categories weaken the edges between two of them by `exp(-2.5 / (1 - weight))`, and those of rows without one by `1 / e`; numbers are a graph of their own, whose edges are
/// multiplied with those of the vectors (McInnes 2018, umap-learn 0.5). Rows whose number is not known keep their edges as those without a category do. Every row belongs wholly
/// to its nearest then.
///
/// # Errors
/// When the target has not a value for each row, or after a cancel.
pub fn supervise(
    graph: &FuzzyGraph,
    target: &Target,
    k: usize,
    weight: f32,
    cancel: &AtomicBool,
) -> Result<FuzzyGraph, ProjectionError> {
    let n = graph.len();
    let given = match target {
        Target::Categories(categories) => categories.len(),
        Target::Numbers(numbers) => numbers.len(),
    };
    if given != n {
        return Err(
            ShapeError::new(format!("{given} values are not one for each of {n} rows")).into(),
        );
    }
    let weight = weight.clamp(0.0, 1.0);
    let both = match target {
        Target::Categories(categories) => by_category(graph, categories, weight),
        Target::Numbers(numbers) => {
            let other = of_numbers(numbers, k.max(1), cancel)?;
            by_graph(graph, &other, numbers, weight)
        }
    };
    stop_if(cancel)?;
    let reset = connected(&both);
    stop_if(cancel)?;
    Ok(reset)
}

fn by_category(graph: &FuzzyGraph, categories: &[u32], weight: f32) -> FuzzyGraph {
    let apart = (-FAR / (1.0 - weight)).exp();
    let unknown = (-UNKNOWN_DISTANCE).exp();
    rows(graph.len(), |row, edges| {
        for (id, value) in graph.edges(row) {
            let factor = match (categories[row], categories[id as usize]) {
                (UNKNOWN, _) | (_, UNKNOWN) => unknown,
                (a, b) if a == b => 1.0,
                _ => apart,
            };
            edges.push((id, value * factor));
        }
    })
}

/// How much each number belongs to its `k` nearest, one direction alone. Of equal ones chance decides, not the order of the rows.
fn of_numbers(
    numbers: &[f32],
    k: usize,
    cancel: &AtomicBool,
) -> Result<FuzzyGraph, ProjectionError> {
    let known = (0..numbers.len() as u32).filter(|row| numbers[*row as usize].is_finite());
    let mut order: Vec<u32> = known.collect();
    let key = |row: &u32| (numbers[*row as usize], hash(0, u64::from(*row)));
    order.par_sort_unstable_by(|a, b| {
        let (a, b) = (key(a), key(b));
        a.0.total_cmp(&b.0).then(a.1.cmp(&b.1))
    });
    stop_if(cancel)?;
    let near: Vec<Vec<(u32, f32)>> = (0..order.len())
        .into_par_iter()
        .map(|at| {
            let own = numbers[order[at] as usize];
            let far = |at: usize| (numbers[order[at] as usize] - own).abs();
            let (mut low, mut high) = (at, at + 1);
            let mut near = Vec::with_capacity(k);
            while near.len() < k && (low > 0 || high < order.len()) {
                let below = if low > 0 { far(low - 1) } else { f32::INFINITY };
                let above = if high < order.len() {
                    far(high)
                } else {
                    f32::INFINITY
                };
                if low > 0 && (below <= above || high == order.len()) {
                    low -= 1;
                    near.push((order[low], below));
                } else {
                    near.push((order[high], above));
                    high += 1;
                }
            }
            near
        })
        .collect();
    let mut ids = vec![u32::MAX; numbers.len() * k];
    let mut distances = vec![f32::INFINITY; numbers.len() * k];
    for (row, near) in order.iter().zip(near) {
        for (at, (id, distance)) in near.into_iter().enumerate() {
            ids[*row as usize * k + at] = id;
            distances[*row as usize * k + at] = distance;
        }
    }
    let neighbours = Neighbours {
        k,
        ids: &ids,
        distances: &distances,
    };
    let weights = memberships(neighbours, numbers.len());
    Ok(rows(numbers.len(), |row, edges| {
        let there = row * k..(row + 1) * k;
        let own = ids[there.clone()].iter().zip(&weights[there]);
        edges.extend(
            own.map(|(id, weight)| (*id, *weight))
                .filter(|edge| edge.1 > 0.0),
        );
    }))
}

/// What both graphs say, in one direction: `left^(1 - weight) right^weight`, with powers such that the larger is 1.
fn by_graph(left: &FuzzyGraph, right: &FuzzyGraph, numbers: &[f32], weight: f32) -> FuzzyGraph {
    let least = |graph: &FuzzyGraph| {
        let least = graph.weights.iter().copied().fold(f32::INFINITY, f32::min);
        (least / 2.0).max(LEAST)
    };
    let (left_least, right_least) = (least(left), least(right).min(LEAST_OF_TARGET));
    let mixed = |l: f32, r: f32| {
        if weight < 0.5 {
            l * r.powf(weight / (1.0 - weight))
        } else {
            l.powf((1.0 - weight) / weight) * r
        }
    };
    let unknown = (-UNKNOWN_DISTANCE).exp();
    rows(left.len(), |row, edges| {
        let (mut ours, mut theirs) = (left.edges(row).peekable(), right.edges(row).peekable());
        loop {
            let next = match (ours.peek(), theirs.peek()) {
                (Some(a), Some(b)) => a.0.min(b.0),
                (Some(a), None) => a.0,
                (None, Some(b)) => b.0,
                (None, None) => break,
            };
            let l = ours.next_if(|edge| edge.0 == next).map(|edge| edge.1);
            let r = theirs.next_if(|edge| edge.0 == next).map(|edge| edge.1);
            let known = !numbers[row].is_nan() && !numbers[next as usize].is_nan();
            let value = match (l, r) {
                (Some(l), _) if !known => l * unknown,
                // As umap-learn leaves it.
                (None, Some(r)) if r <= right_least => r,
                _ => mixed(l.unwrap_or(left_least), r.unwrap_or(right_least)),
            };
            edges.push((next, value));
        }
    })
}

/// The symmetric graph in which each row belongs wholly to the one that it belongs to most: weights as parts of the greatest, both directions joined.
fn connected(graph: &FuzzyGraph) -> FuzzyGraph {
    let n = graph.len();
    let most: Vec<f32> = (0..n)
        .into_par_iter()
        .map(|row| graph.edges(row).map(|edge| edge.1).fold(0.0, f32::max))
        .collect();
    let part = |row: usize, (id, value): (u32, f32)| (value > 0.0).then(|| (id, value / most[row]));
    let mut starts = vec![0usize; n + 1];
    graph
        .ids
        .iter()
        .for_each(|id| starts[*id as usize + 1] += 1);
    for row in 0..n {
        starts[row + 1] += starts[row];
    }
    let mut next = starts.clone();
    let mut back = vec![(0u32, 0.0f32); graph.ids.len()];
    for row in 0..n {
        for (id, value) in graph.edges(row) {
            back[next[id as usize]] = (row as u32, part(row, (id, value)).map_or(0.0, |p| p.1));
            next[id as usize] += 1;
        }
    }
    rows(n, |row, edges| {
        edges.extend(graph.edges(row).filter_map(|edge| part(row, edge)));
        edges.extend(
            back[starts[row]..starts[row + 1]]
                .iter()
                .filter(|edge| edge.1 > 0.0),
        );
    })
}

/// Edges of some rows, one row after another, and where each row's end.
type Piece = (Vec<(u32, f32)>, Vec<usize>);

/// A graph of `n` rows, each with the edges that `fill` gives it in any order; `a` and `b` to one row become `a + b - a b`.
fn rows(n: usize, fill: impl Fn(usize, &mut Vec<(u32, f32)>) + Sync) -> FuzzyGraph {
    let pieces: Vec<Piece> = (0..n.div_ceil(CHUNK))
        .into_par_iter()
        .map(|chunk| {
            let (mut edges, mut ends) = (Vec::new(), Vec::new());
            let mut own: Vec<(u32, f32)> = Vec::new();
            for row in chunk * CHUNK..((chunk + 1) * CHUNK).min(n) {
                own.clear();
                fill(row, &mut own);
                own.sort_unstable_by(|a, b| a.0.cmp(&b.0).then(a.1.total_cmp(&b.1)));
                own.dedup_by(|next, kept| {
                    let same = next.0 == kept.0;
                    if same {
                        kept.1 = kept.1 + next.1 - kept.1 * next.1;
                    }
                    same
                });
                edges.extend_from_slice(&own);
                ends.push(edges.len());
            }
            (edges, ends)
        })
        .collect();
    let all = pieces.iter().map(|piece| piece.0.len()).sum();
    let mut graph = FuzzyGraph {
        starts: Vec::with_capacity(n + 1),
        ids: Vec::with_capacity(all),
        weights: Vec::with_capacity(all),
    };
    graph.starts.push(0);
    for (edges, ends) in pieces {
        let before = graph.ids.len();
        graph.ids.extend(edges.iter().map(|edge| edge.0));
        graph.weights.extend(edges.iter().map(|edge| edge.1));
        graph.starts.extend(ends.iter().map(|end| before + end));
    }
    graph
}
