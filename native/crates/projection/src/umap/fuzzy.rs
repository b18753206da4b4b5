//! The fuzzy graph of UMAP (McInnes, Healy, Melville 2018): how much two rows belong together, out of their nearest neighbours.

use std::sync::atomic::{AtomicBool, Ordering};

use omendb_distance::ShapeError;
use rayon::prelude::*;

use super::force::exp2;
use crate::ProjectionError;

/// Where a row has fewer neighbours than others.
const NONE: u32 = u32::MAX;
/// The sum of memberships may be so far from what it should be.
const TOLERANCE: f32 = 1e-5;
/// The bandwidth is at least this part of the mean distance.
const MIN_SCALE: f32 = 1e-3;
const TURNS: usize = 64;
/// Rows that one task takes.
const CHUNK: usize = 512;

/// The nearest rows of each row.
#[derive(Clone, Copy, Debug)]
pub struct Neighbours<'a> {
    /// Neighbours a row, itself not among them.
    pub k: usize,
    /// `n * k` rows, nearest first; `u32::MAX` where there are fewer.
    pub ids: &'a [u32],
    /// Their distances; smaller is nearer. Below 0 for inner products alone.
    pub distances: &'a [f32],
}

/// A symmetric graph: the rows around each row, ascending, with weights above 0 and up to 1.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct FuzzyGraph {
    /// The edges of row `i` are `starts[i] .. starts[i + 1]`.
    pub starts: Vec<usize>,
    /// The rows at the other ends.
    pub ids: Vec<u32>,
    /// How much the two rows belong together; the same in both directions.
    pub weights: Vec<f32>,
}

impl FuzzyGraph {
    /// The graph of `neighbours`: memberships fall off from the nearest neighbour on, with a bandwidth such that they sum up to `log2(k + 1)`; `a` and
    /// `b` in both directions become `a + b - a b`.
    ///
    /// # Errors
    /// When the slices do not fit together, or after a cancel.
    pub fn new(
        neighbours: Neighbours<'_>,
        cancel: &AtomicBool,
    ) -> Result<FuzzyGraph, ProjectionError> {
        let Neighbours { k, ids, distances } = neighbours;
        let n = ids.len().checked_div(k).unwrap_or(0);
        if ids.len() != n * k || distances.len() != ids.len() || n >= NONE as usize {
            return Err(ShapeError::new(format!(
                "{} neighbours and {} distances are not {k} a row",
                ids.len(),
                distances.len()
            ))
            .into());
        }
        let weights = memberships(neighbours, n);
        stop_if(cancel)?;
        let back = Transpose::new(ids, n);
        stop_if(cancel)?;
        let pieces: Vec<Piece> = (0..n.div_ceil(CHUNK))
            .into_par_iter()
            .map(|chunk| {
                let rows = chunk * CHUNK..((chunk + 1) * CHUNK).min(n);
                let mut piece = Piece::default();
                let mut own: Vec<(u32, f32)> = Vec::new();
                for row in rows {
                    if cancel.load(Ordering::Relaxed) {
                        break;
                    }
                    own.clear();
                    let there = row * k..(row + 1) * k;
                    let edges = ids[there.clone()].iter().zip(&weights[there]);
                    own.extend(
                        edges
                            .map(|(id, weight)| (*id, *weight))
                            .filter(|(id, _)| (*id as usize) < n && *id as usize != row),
                    );
                    for at in back.of(row) {
                        let from = *at as usize / k;
                        if from != row {
                            own.push((from as u32, weights[*at as usize]));
                        }
                    }
                    // The two directions of a pair lie next to each other then; a neighbour that is named twice counts once.
                    own.sort_unstable_by(|a, b| a.0.cmp(&b.0).then(a.1.total_cmp(&b.1)));
                    let before = piece.ids.len();
                    for (id, weight) in &own {
                        if piece.ids.len() > before && piece.ids.last() == Some(id) {
                            if let Some(last) = piece.weights.last_mut() {
                                *last = *last + weight - *last * weight;
                            }
                        } else {
                            piece.ids.push(*id);
                            piece.weights.push(*weight);
                        }
                    }
                    piece.counts.push(piece.ids.len() - before);
                }
                piece
            })
            .collect();
        stop_if(cancel)?;
        let mut graph = FuzzyGraph {
            starts: Vec::with_capacity(n + 1),
            ids: Vec::with_capacity(pieces.iter().map(|piece| piece.ids.len()).sum()),
            weights: Vec::new(),
        };
        graph.weights.reserve_exact(graph.ids.capacity());
        graph.starts.push(0);
        for piece in pieces {
            graph.ids.extend(piece.ids);
            graph.weights.extend(piece.weights);
            for count in piece.counts {
                let start = graph.starts.last().copied().unwrap_or(0);
                graph.starts.push(start + count);
            }
        }
        Ok(graph)
    }

    /// Number of rows.
    pub fn len(&self) -> usize {
        self.starts.len().saturating_sub(1)
    }

    /// The rows around a row, ascending, and the weights.
    pub(super) fn edges(&self, row: usize) -> impl Iterator<Item = (u32, f32)> {
        let range = self.starts[row]..self.starts[row + 1];
        let ids = self.ids[range.clone()].iter().copied();
        ids.zip(self.weights[range].iter().copied())
    }

    /// Whether there is no row.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

#[derive(Default)]
struct Piece {
    ids: Vec<u32>,
    weights: Vec<f32>,
    counts: Vec<usize>,
}

pub(crate) fn stop_if(cancel: &AtomicBool) -> Result<(), ProjectionError> {
    match cancel.load(Ordering::Relaxed) {
        true => Err(ProjectionError::Cancelled),
        false => Ok(()),
    }
}

/// Which places of the neighbours name a row.
pub(super) struct Transpose {
    starts: Vec<usize>,
    places: Vec<u32>,
}

impl Transpose {
    pub(super) fn new(ids: &[u32], n: usize) -> Transpose {
        let named = || ids.iter().zip(0u32..).filter(|(id, _)| (**id as usize) < n);
        let mut starts = vec![0usize; n + 1];
        named().for_each(|(id, _)| starts[*id as usize + 1] += 1);
        for i in 0..n {
            starts[i + 1] += starts[i];
        }
        let mut next = starts.clone();
        let mut places = vec![0u32; starts[n]];
        for (id, at) in named() {
            places[next[*id as usize]] = at;
            next[*id as usize] += 1;
        }
        Transpose { starts, places }
    }

    pub(super) fn of(&self, row: usize) -> &[u32] {
        &self.places[self.starts[row]..self.starts[row + 1]]
    }
}

/// How much each neighbour belongs to its row, 0 to 1: one of the same rows.
pub(super) fn memberships(neighbours: Neighbours<'_>, n: usize) -> Vec<f32> {
    weights(neighbours, n, true)
}

/// How much each row belongs to each of its neighbours, which are rows of a map of `count` and not of these: the nearest falls off like the others.
pub(super) fn weights_to(neighbours: Neighbours<'_>, count: usize) -> Vec<f32> {
    weights(neighbours, count, false)
}

/// Memberships in rows of which there are `count`. Where the rows are the same, the nearest one belongs wholly, and a row counts as a neighbour of its own.
fn weights(neighbours: Neighbours<'_>, count: usize, same: bool) -> Vec<f32> {
    let Neighbours { k, ids, distances } = neighbours;
    let n = ids.len() / k.max(1);
    let size = k + usize::from(same);
    let there = |at: usize| (ids[at] as usize) < count;
    let signed = distances.par_iter().any(|d| *d < 0.0);
    let sums: Vec<f64> = (0..n)
        .into_par_iter()
        .map(|row| {
            let places = (row * k..(row + 1) * k).filter(|at| there(*at));
            places.map(|at| f64::from(distances[at])).sum()
        })
        .collect();
    // The row itself counts, at distance 0.
    let mean_of_all = (sums.iter().sum::<f64>() / (n as f64 * size as f64)) as f32;
    let target = (size as f32).log2();
    let mut weights = vec![0.0f32; ids.len()];
    weights
        .par_chunks_mut(k.max(1))
        .enumerate()
        .for_each(|(row, weights)| {
            let first = row * k;
            let own = &distances[first..first + k];
            let present = (0..k).take_while(|j| there(first + j)).count();
            let own = &own[..present];
            let nearest = own
                .iter()
                .copied()
                .find(|d| signed && d.is_finite() || *d > 0.0);
            // Distances below 0 count from the nearest in any case.
            let nearest = nearest.filter(|_| same || signed).unwrap_or(0.0);
            let bandwidth = bandwidth(own, nearest, target);
            let sum: f32 = own.iter().sum();
            let mean = if !signed && nearest == 0.0 {
                mean_of_all
            } else if signed {
                (sum - present as f32 * nearest).abs() / (present + usize::from(same)).max(1) as f32
            } else {
                sum / (present + usize::from(same)).max(1) as f32
            };
            let bandwidth = bandwidth.max(MIN_SCALE * mean).max(f32::MIN_POSITIVE);
            for (weight, d) in weights.iter_mut().zip(own) {
                *weight = membership(d - nearest, bandwidth);
            }
        });
    weights
}

/// How much a row belongs to one that lies so much farther than the nearest.
#[inline]
fn membership(beyond: f32, bandwidth: f32) -> f32 {
    if beyond > 0.0 {
        exp2(-beyond / bandwidth * std::f32::consts::LOG2_E)
    } else {
        1.0
    }
}

/// The bandwidth with which memberships of `distances` sum up to `target`: by halving, as umap-learn's `smooth_knn_dist`.
fn bandwidth(distances: &[f32], nearest: f32, target: f32) -> f32 {
    let (mut low, mut high, mut middle) = (0.0f32, f32::INFINITY, 1.0f32);
    for _ in 0..TURNS {
        let sum: f32 = distances
            .iter()
            .map(|d| membership(d - nearest, middle))
            .sum();
        if (sum - target).abs() < TOLERANCE {
            break;
        }
        if sum > target {
            high = middle;
            middle = (low + high) / 2.0;
        } else {
            low = middle;
            middle = if high == f32::INFINITY {
                middle * 2.0
            } else {
                (low + high) / 2.0
            };
        }
        if !middle.is_normal() {
            break;
        }
    }
    middle
}
