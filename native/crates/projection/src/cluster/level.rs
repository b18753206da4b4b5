//! The graph at one level: its nodes are rows at first, then groups of them.

use std::borrow::Cow;

use omendb_distance::ShapeError;

use crate::linear::hash;
use crate::umap::FuzzyGraph;

/// Nodes that are put in random order together.
const STRETCH: usize = 4_096;

/// A symmetric weighted graph without loops; what lies within a node shows in its strength alone.
pub(super) struct Level<'a> {
    /// The edges of node `i` are `starts[i] .. starts[i + 1]`.
    starts: Cow<'a, [usize]>,
    ids: Cow<'a, [u32]>,
    weights: Cow<'a, [f32]>,
    /// The weights of all edges that end in a node, those within it twice.
    pub strengths: Vec<f64>,
    /// The sum of the strengths: twice the weight of all edges.
    pub total: f64,
}

impl<'a> Level<'a> {
    /// The rows of a graph as nodes.
    ///
    /// # Errors
    /// When it is none: its slices do not fit together, an edge leads to no row, or a weight is below 0 or no number.
    pub fn new(graph: &'a FuzzyGraph) -> Result<Level<'a>, ShapeError> {
        let n = graph.len();
        let edges = graph.ids.len();
        let fits = graph.weights.len() == edges
            && graph.starts.is_sorted()
            && graph.starts.first().is_none_or(|first| *first == 0)
            && graph.starts.last().copied().unwrap_or(0) == edges
            && graph.ids.iter().all(|id| (*id as usize) < n)
            && graph.weights.iter().all(|w| *w >= 0.0 && w.is_finite());
        if !fits || n > u32::MAX as usize {
            return Err(ShapeError::new(format!(
                "{edges} edges are no graph of {n} rows"
            )));
        }
        let strengths: Vec<f64> = graph
            .starts
            .windows(2)
            .map(|ends| graph.weights[ends[0]..ends[1]].iter())
            .map(|weights| weights.map(|weight| f64::from(*weight)).sum())
            .collect();
        Ok(Level {
            starts: Cow::Borrowed(&graph.starts),
            ids: Cow::Borrowed(&graph.ids),
            weights: Cow::Borrowed(&graph.weights),
            total: strengths.iter().sum(),
            strengths,
        })
    }

    pub fn len(&self) -> usize {
        self.strengths.len()
    }

    /// The nodes at the other ends of a node's edges, and their weights.
    #[inline]
    pub fn edges(&self, node: usize) -> impl Iterator<Item = (usize, f64)> {
        let range = self.starts[node]..self.starts[node + 1];
        let weights = self.weights[range.clone()].iter();
        let ids = self.ids[range].iter().map(|id| *id as usize);
        ids.zip(weights.map(|weight| f64::from(*weight)))
    }

    /// All nodes, in the order in which they are met on the way along edges, breadth first.
    pub fn walk(&self) -> Vec<u32> {
        let mut order = Vec::with_capacity(self.len());
        let mut met = vec![false; self.len()];
        for first in 0..self.len() {
            if met[first] {
                continue;
            }
            met[first] = true;
            let mut at = order.len();
            order.push(first as u32);
            while at < order.len() {
                for (other, _) in self.edges(order[at] as usize) {
                    if !met[other] {
                        met[other] = true;
                        order.push(other as u32);
                    }
                }
                at += 1;
            }
        }
        order
    }

    /// The same graph with its nodes in another order.
    pub fn in_order(&self, order: &[u32]) -> Level<'static> {
        let mut place = vec![0u32; order.len()];
        for (at, node) in order.iter().enumerate() {
            place[*node as usize] = at as u32;
        }
        let mut starts = Vec::with_capacity(order.len() + 1);
        let mut ids = Vec::with_capacity(self.ids.len());
        let mut weights = Vec::with_capacity(self.ids.len());
        starts.push(0);
        for node in order {
            let edges = self.starts[*node as usize]..self.starts[*node as usize + 1];
            ids.extend(self.ids[edges.clone()].iter().map(|id| place[*id as usize]));
            weights.extend_from_slice(&self.weights[edges]);
            starts.push(ids.len());
        }
        let strengths = order.iter().map(|node| self.strengths[*node as usize]);
        Level {
            starts: Cow::Owned(starts),
            ids: Cow::Owned(ids),
            weights: Cow::Owned(weights),
            strengths: strengths.collect(),
            total: self.total,
        }
    }

    /// The graph whose nodes are `count` groups of these: `groups[i]` is that of node `i`.
    pub fn grouped(&self, groups: &[u32], count: usize) -> Level<'static> {
        let mut strengths = vec![0.0; count];
        let mut members = vec![0usize; count + 1];
        for (group, strength) in groups.iter().zip(&self.strengths) {
            strengths[*group as usize] += strength;
            members[*group as usize + 1] += 1;
        }
        for group in 0..count {
            members[group + 1] += members[group];
        }
        let mut next = members.clone();
        let mut order = vec![0u32; groups.len()];
        for (node, group) in groups.iter().enumerate() {
            order[next[*group as usize]] = node as u32;
            next[*group as usize] += 1;
        }
        let mut starts = Vec::with_capacity(count + 1);
        let (mut ids, mut weights) = (Vec::new(), Vec::new());
        let mut near = Near::new(count);
        starts.push(0);
        for group in 0..count {
            for node in &order[members[group]..members[group + 1]] {
                for (other, weight) in self.edges(*node as usize) {
                    let other = groups[other] as usize;
                    if other != group {
                        near.add(other, weight);
                    }
                }
            }
            for (other, weight) in near.drain() {
                ids.push(other as u32);
                weights.push(weight as f32);
            }
            starts.push(ids.len());
        }
        Level {
            starts: Cow::Owned(starts),
            ids: Cow::Owned(ids),
            weights: Cow::Owned(weights),
            total: self.total,
            strengths,
        }
    }
}

/// Weights summed up by what they lead to, which is found again in the order in which it was first met.
pub(super) struct Near {
    weights: Vec<f64>,
    met: Vec<u32>,
}

impl Near {
    pub fn new(count: usize) -> Near {
        Near {
            weights: vec![f64::NAN; count],
            met: Vec::new(),
        }
    }

    #[inline]
    pub fn add(&mut self, at: usize, weight: f64) {
        let sum = &mut self.weights[at];
        if sum.is_nan() {
            *sum = weight;
            self.met.push(at as u32);
        } else {
            *sum += weight;
        }
    }

    /// What was met, with its weight; nothing is left.
    #[inline]
    pub fn drain(&mut self) -> impl Iterator<Item = (usize, f64)> {
        let weights = &mut self.weights;
        self.met.drain(..).map(|at| {
            let at = at as usize;
            (at, std::mem::replace(&mut weights[at], f64::NAN))
        })
    }
}

/// Chance, decided by a seed.
pub(super) struct Chance {
    seed: u64,
    drawn: u64,
}

impl Chance {
    pub fn new(seed: u64) -> Chance {
        Chance { seed, drawn: 0 }
    }

    fn next(&mut self) -> u64 {
        self.drawn += 1;
        hash(self.seed, self.drawn)
    }

    /// From 0 up to and without 1.
    pub fn unit(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1u64 << 53) as f64
    }

    /// The numbers from 0 to `n`, each stretch of them in random order (Fisher, Yates): what is near in memory stays near.
    pub fn order(&mut self, n: usize) -> Vec<u32> {
        let mut order: Vec<u32> = (0..n as u32).collect();
        for stretch in order.chunks_mut(STRETCH) {
            for at in (1..stretch.len()).rev() {
                let other = ((u128::from(self.next()) * (at as u128 + 1)) >> 64) as usize;
                stretch.swap(at, other);
            }
        }
        order
    }
}
