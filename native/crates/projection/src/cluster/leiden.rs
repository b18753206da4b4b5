//! The Leiden algorithm (Traag, Waltman, van Eck 2019) for modularity with a resolution (Reichardt, Bornholdt 2006).

use std::sync::atomic::AtomicBool;

use super::level::{Chance, Level};
use super::moving::{move_nodes, renumber};
use super::refine::refine;
use crate::ProjectionError;
use crate::umap::{FuzzyGraph, stop_if};

/// Most times that all levels are gone through...
const PASSES: usize = 10;
/// ...which ends when modularity grows by less than this.
const SETTLED: f64 = 1e-3;

/// What clusters are wanted.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ClusterParams {
    /// More gives more and smaller clusters; above 0. At 1 modularity is as Newman and Girvan (2004) have it.
    pub resolution: f64,
    /// Decides the order in which nodes are looked at, and their choices.
    pub seed: u64,
}

impl Clusters {
    /// How much each row is in the middle of its cluster: the weight of its edges to other rows of it.
    ///
    /// # Panics
    /// When `graph` is of other rows.
    pub fn central(&self, graph: &FuzzyGraph) -> Vec<f32> {
        let of_row = |row: usize| {
            let edges = graph.starts[row]..graph.starts[row + 1];
            let ends = graph.ids[edges.clone()].iter().zip(&graph.weights[edges]);
            let inside = ends.filter(|(id, _)| self.of[**id as usize] == self.of[row]);
            inside.map(|(_, weight)| weight).sum()
        };
        (0..self.of.len()).map(of_row).collect()
    }
}

impl Default for ClusterParams {
    fn default() -> Self {
        ClusterParams {
            resolution: 1.0,
            seed: 42,
        }
    }
}

/// Rows divided into clusters.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Clusters {
    /// The cluster of each row; the largest is 0, and of two of one size that with the first row comes first.
    pub of: Vec<u32>,
    /// Rows in each cluster, falling.
    pub sizes: Vec<u32>,
    /// Modularity at resolution 1, from -0.5 to 1: how much more of the edges' weight lies within clusters than chance would put there. 0 without edges.
    pub modularity: f64,
}

/// What chance would do, times the resolution.
pub(super) struct Asked {
    resolution: f64,
}

impl Asked {
    /// The weight that would lie between two disjoint sets of nodes of these strengths.
    #[inline]
    pub fn expected(&self, one: f64, other: f64, total: f64) -> f64 {
        self.resolution * one * other / total
    }
}

/// Divides the rows of a graph into clusters, each of them connected. The seed alone decides, and it takes one thread. Rows without edges are clusters of their own.
///
/// # Errors
/// After a cancel, which is looked at every few thousand rows; when the graph's slices do not fit together.
pub fn leiden(
    graph: &FuzzyGraph,
    params: ClusterParams,
    cancel: &AtomicBool,
) -> Result<Clusters, ProjectionError> {
    let base = Level::new(graph)?;
    // Neighbours lie next to each other in memory then.
    let order = base.walk();
    let base = base.in_order(&order);
    let n = base.len();
    let mut best: Vec<u32> = (0..n as u32).collect();
    if base.total > 0.0 {
        let asked = Asked {
            resolution: params.resolution.max(0.0),
        };
        let mut chance = Chance::new(params.seed);
        let mut quality = modularity(&base, &best, asked.resolution);
        for _ in 0..PASSES {
            let found = pass(&base, best.clone(), &asked, &mut chance, cancel)?;
            let now = modularity(&base, &found, asked.resolution);
            let gained = now - quality;
            if gained > 0.0 {
                (best, quality) = (found, now);
            }
            if gained < SETTLED {
                break;
            }
        }
        // What moved last may have left two halves; apart they are no worse.
        best = connected(&base, &best);
        stop_if(cancel)?;
    }
    let mut of = vec![0; n];
    for (row, cluster) in order.iter().zip(&best) {
        of[*row as usize] = *cluster;
    }
    Ok(Clusters {
        modularity: modularity(&base, &best, 1.0),
        sizes: by_size(&mut of),
        of,
    })
}

/// Goes through all levels, from the communities `of` on: nodes move, communities are refined, their parts become the nodes of the next level.
fn pass(
    base: &Level<'_>,
    mut of: Vec<u32>,
    asked: &Asked,
    chance: &mut Chance,
    cancel: &AtomicBool,
) -> Result<Vec<u32>, ProjectionError> {
    let mut grouped: Option<Level<'static>> = None;
    // The node that each row is in.
    let mut nodes: Vec<u32> = (0..base.len() as u32).collect();
    loop {
        let level = grouped.as_ref().unwrap_or(base);
        let count = move_nodes(level, &mut of, asked, chance, cancel)?;
        if count == level.len() {
            break;
        }
        let (mut parts, mut parted) = refine(level, &of, asked, chance, cancel)?;
        if parted == level.len() {
            // Nothing holds together well enough: the communities themselves, or it would never end.
            (parts, parted) = (of.clone(), count);
        }
        let mut communities = vec![0; parted];
        for (part, community) in parts.iter().zip(&of) {
            communities[*part as usize] = *community;
        }
        grouped = Some(level.grouped(&parts, parted));
        nodes
            .iter_mut()
            .for_each(|node| *node = parts[*node as usize]);
        of = communities;
    }
    Ok(nodes.iter().map(|node| of[*node as usize]).collect())
}

/// The communities, those that do not hang together divided into the parts that do.
fn connected(level: &Level<'_>, of: &[u32]) -> Vec<u32> {
    let mut parts = vec![u32::MAX; of.len()];
    let mut open: Vec<u32> = Vec::new();
    for first in 0..of.len() {
        if parts[first] != u32::MAX {
            continue;
        }
        parts[first] = first as u32;
        open.push(first as u32);
        while let Some(node) = open.pop() {
            for (other, _) in level.edges(node as usize) {
                if parts[other] == u32::MAX && of[other] == of[first] {
                    parts[other] = first as u32;
                    open.push(other as u32);
                }
            }
        }
    }
    parts
}

/// Modularity: the share of the weight within communities less what chance would put there, times the resolution.
fn modularity(level: &Level<'_>, of: &[u32], resolution: f64) -> f64 {
    if level.total == 0.0 {
        return 0.0;
    }
    let mut strengths = vec![0.0; of.len()];
    let mut within = 0.0;
    for (node, strength) in level.strengths.iter().enumerate() {
        strengths[of[node] as usize] += strength;
        let inside = level
            .edges(node)
            .filter(|(other, _)| of[*other] == of[node]);
        within += inside.map(|(_, weight)| weight).sum::<f64>();
    }
    let by_chance: f64 = strengths.iter().map(|k| (k / level.total).powi(2)).sum();
    within / level.total - resolution * by_chance
}

/// Numbers clusters by falling size; gives the sizes.
fn by_size(of: &mut [u32]) -> Vec<u32> {
    let count = renumber(of, of.len());
    let mut sizes = vec![0u32; count];
    of.iter().for_each(|cluster| sizes[*cluster as usize] += 1);
    let mut order: Vec<u32> = (0..count as u32).collect();
    // Clusters come in the order of their first rows.
    order.sort_by_key(|cluster| std::cmp::Reverse(sizes[*cluster as usize]));
    let mut names = vec![0; count];
    for (name, cluster) in order.iter().enumerate() {
        names[*cluster as usize] = name as u32;
    }
    of.iter_mut()
        .for_each(|cluster| *cluster = names[*cluster as usize]);
    order
        .iter()
        .map(|cluster| sizes[*cluster as usize])
        .collect()
}
