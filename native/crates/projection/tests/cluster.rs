//! Clusters of graphs whose parts are known, and of odd ones.

use std::collections::HashMap;
use std::sync::atomic::AtomicBool;

use omendb_projection::ProjectionError;
use omendb_projection::cluster::{ClusterParams, Clusters, keywords, leiden};
use omendb_projection::umap::{FuzzyGraph, Neighbours};

/// Uniform numbers in [0, 1).
struct Numbers(u32);

impl Numbers {
    fn next(&mut self) -> f64 {
        self.0 = self.0.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        f64::from(self.0 >> 8) / f64::from(1 << 24)
    }
}

fn graph(n: usize, edges: &[(u32, u32, f32)]) -> FuzzyGraph {
    let mut near: Vec<Vec<(u32, f32)>> = vec![Vec::new(); n];
    for (a, b, weight) in edges {
        near[*a as usize].push((*b, *weight));
        near[*b as usize].push((*a, *weight));
    }
    let mut graph = FuzzyGraph {
        starts: vec![0],
        ..FuzzyGraph::default()
    };
    for mut near in near {
        near.sort_unstable_by_key(|(id, _)| *id);
        near.dedup_by_key(|(id, _)| *id);
        graph.ids.extend(near.iter().map(|(id, _)| *id));
        graph.weights.extend(near.iter().map(|(_, weight)| *weight));
        graph.starts.push(graph.ids.len());
    }
    graph
}

/// `n` rows in `parts` parts, row by row in turn; each row has about `inside` edges in its part and `outside` others.
fn planted(n: usize, parts: usize, inside: f64, outside: f64, seed: u32) -> FuzzyGraph {
    let mut numbers = Numbers(seed);
    let mut edges = Vec::new();
    let size = n as f64 / parts as f64;
    for a in 0..n {
        for b in a + 1..n {
            let chance = if a % parts == b % parts {
                inside / size
            } else {
                outside / (n as f64 - size)
            };
            if numbers.next() < chance {
                edges.push((a as u32, b as u32, 0.2 + 0.8 * numbers.next() as f32));
            }
        }
    }
    graph(n, &edges)
}

fn with(graph: &FuzzyGraph, resolution: f64, seed: u64) -> Clusters {
    let params = ClusterParams { resolution, seed };
    let found = leiden(graph, params, &AtomicBool::new(false)).unwrap();
    assert_sound(graph, &found);
    found
}

fn clusters(graph: &FuzzyGraph) -> Clusters {
    with(graph, 1.0, 42)
}

/// What holds of all clusters: they are numbered by falling size, and each is connected.
fn assert_sound(graph: &FuzzyGraph, found: &Clusters) {
    assert_eq!(found.of.len(), graph.len());
    assert!(found.sizes.is_sorted_by(|a, b| a >= b) && !found.sizes.contains(&0));
    let mut sizes = vec![0; found.sizes.len()];
    found.of.iter().for_each(|c| sizes[*c as usize] += 1);
    assert_eq!(sizes, found.sizes);
    let mut reached = vec![false; graph.len()];
    let mut seen = vec![false; sizes.len()];
    for first in 0..graph.len() {
        if reached[first] {
            continue;
        }
        let cluster = found.of[first];
        assert!(!seen[cluster as usize], "cluster {cluster} has two parts");
        seen[cluster as usize] = true;
        reached[first] = true;
        let mut open = vec![first];
        while let Some(row) = open.pop() {
            for id in &graph.ids[graph.starts[row]..graph.starts[row + 1]] {
                let id = *id as usize;
                if found.of[id] == cluster && !reached[id] {
                    reached[id] = true;
                    open.push(id);
                }
            }
        }
    }
}

/// The adjusted Rand index (Hubert, Arabie 1985).
fn agreement(a: &[u32], b: impl Fn(usize) -> u32) -> f64 {
    let pairs = |n: f64| n * (n - 1.0) / 2.0;
    let (mut both, mut one, mut other) = (HashMap::new(), HashMap::new(), HashMap::new());
    for (row, a) in a.iter().enumerate() {
        *both.entry((*a, b(row))).or_insert(0.0) += 1.0;
        *one.entry(*a).or_insert(0.0) += 1.0;
        *other.entry(b(row)).or_insert(0.0) += 1.0;
    }
    let together: f64 = both.values().map(|n| pairs(*n)).sum();
    let one: f64 = one.values().map(|n| pairs(*n)).sum();
    let other: f64 = other.values().map(|n| pairs(*n)).sum();
    let by_chance = one * other / pairs(a.len() as f64);
    (together - by_chance) / ((one + other) / 2.0 - by_chance)
}

/// Modularity by its definition: over all pairs.
fn modularity(graph: &FuzzyGraph, of: &[u32]) -> f64 {
    let weights = |row: usize| &graph.weights[graph.starts[row]..graph.starts[row + 1]];
    let strength = |row: usize| weights(row).iter().map(|w| f64::from(*w)).sum::<f64>();
    let strengths: Vec<f64> = (0..graph.len()).map(strength).collect();
    let total: f64 = strengths.iter().sum();
    let mut sum = 0.0;
    for a in 0..graph.len() {
        let ids = &graph.ids[graph.starts[a]..graph.starts[a + 1]];
        for (id, weight) in ids.iter().zip(weights(a)) {
            if of[*id as usize] == of[a] {
                sum += f64::from(*weight);
            }
        }
        for b in (0..graph.len()).filter(|b| of[*b] == of[a]) {
            sum -= strengths[a] * strengths[b] / total;
        }
    }
    sum / total
}

/// The first level of Louvain: rows go where modularity grows most, one after another, until none wants to.
fn louvain(graph: &FuzzyGraph) -> Vec<u32> {
    let mut of: Vec<u32> = (0..graph.len() as u32).collect();
    loop {
        let mut moved = false;
        for row in 0..graph.len() {
            let mut best = (modularity(graph, &of), of[row]);
            let near = &graph.ids[graph.starts[row]..graph.starts[row + 1]];
            let mut tried: Vec<u32> = near.iter().map(|id| of[*id as usize]).collect();
            tried.sort_unstable();
            tried.dedup();
            let own = of[row];
            for community in tried {
                of[row] = community;
                let now = modularity(graph, &of);
                if now > best.0 + 1e-12 {
                    best = (now, community);
                }
            }
            of[row] = best.1;
            moved |= best.1 != own;
        }
        if !moved {
            return of;
        }
    }
}

#[test]
fn planted_parts_are_found() {
    for seed in 0..5 {
        let graph = planted(600, 6, 10.0, 2.0, seed);
        let found = clusters(&graph);
        let ari = agreement(&found.of, |row| (row % 6) as u32);
        assert!(ari > 0.95, "seed {seed}: {ari}");
        assert!((found.modularity - modularity(&graph, &found.of)).abs() < 1e-9);
    }
}

#[test]
fn modularity_is_not_below_a_pass_of_louvain() {
    for seed in 0..6 {
        // Parts that are hard to tell apart.
        let graph = planted(120, 5, 5.0, 3.0, seed);
        let found = clusters(&graph);
        let plain = modularity(&graph, &louvain(&graph));
        assert!(
            found.modularity >= plain,
            "seed {seed}: {} and {plain}",
            found.modularity
        );
    }
}

#[test]
fn parts_that_hang_together_with_nothing_are_never_one() {
    // Rings of eight: few edges, and every cluster must stay in its ring whatever the resolution.
    let ring = |r: u32| (0..8).map(move |i| (8 * r + i, 8 * r + (i + 1) % 8, 0.5));
    let edges: Vec<_> = (0..40).flat_map(ring).collect();
    let graph = graph(320, &edges);
    for resolution in [0.0, 0.01, 1.0, 5.0] {
        let found = with(&graph, resolution, 1);
        assert!(found.sizes.len() >= 40);
    }
    assert_eq!(with(&graph, 0.0, 1).sizes, [8; 40]);
}

#[test]
fn more_resolution_makes_more_clusters() {
    let graph = planted(800, 16, 8.0, 3.0, 3);
    let counts = [0.2, 1.0, 3.0, 10.0].map(|resolution| with(&graph, resolution, 9).sizes.len());
    assert!(counts.is_sorted(), "{counts:?}");
    assert!(counts[0] < counts[3] / 4, "{counts:?}");
}

#[test]
fn the_seed_alone_decides() {
    let graph = planted(500, 5, 6.0, 3.0, 11);
    let here = with(&graph, 1.0, 7);
    for threads in [1, 4] {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads);
        let there = pool.build().unwrap().install(|| with(&graph, 1.0, 7));
        assert_eq!(here, there);
    }
    // Hard parts: another order finds others.
    assert!((0..8).any(|seed| with(&graph, 1.0, seed).of != here.of));
}

#[test]
fn odd_graphs() {
    let nothing = clusters(&FuzzyGraph::default());
    assert_eq!((nothing.of, nothing.sizes), (vec![], vec![]));
    let alone = clusters(&graph(1, &[]));
    assert_eq!(
        (alone.of, alone.sizes, alone.modularity),
        (vec![0], vec![1], 0.0)
    );
    let apart = clusters(&graph(3, &[]));
    assert_eq!((apart.of, apart.sizes), (vec![0, 1, 2], vec![1, 1, 1]));
    let weightless = clusters(&graph(2, &[(0, 1, 0.0)]));
    assert_eq!(weightless.of, [0, 1]);
    // A pair, a triangle, and a row alone: by falling size.
    let edges = [(0, 5, 1.0), (1, 2, 1.0), (2, 3, 1.0), (1, 3, 1.0)];
    let found = clusters(&graph(6, &edges));
    assert_eq!(
        (found.of, found.sizes),
        (vec![1, 0, 0, 0, 2, 1], vec![3, 2, 1])
    );
}

#[test]
fn equal_rows_and_equal_weights() {
    // Rows that are all the same: each row's neighbours are others at distance 0.
    let (n, k) = (400u32, 15u32);
    let ids: Vec<u32> = (0..n)
        .flat_map(|i| (1..=k).map(move |j| (i + j) % n))
        .collect();
    let distances = vec![0.0; ids.len()];
    let neighbours = Neighbours {
        k: k as usize,
        ids: &ids,
        distances: &distances,
    };
    let same = FuzzyGraph::new(neighbours, &AtomicBool::new(false)).unwrap();
    let found = clusters(&same);
    assert!(found.sizes.len() < 40, "{:?}", found.sizes);
    // Two cliques of equal weights with one edge between them.
    let clique =
        |from: u32| (0..10).flat_map(move |i| (i + 1..10).map(move |j| (from + i, from + j, 1.0)));
    let mut edges: Vec<_> = clique(0).chain(clique(10)).collect();
    edges.push((9, 10, 1.0));
    let found = clusters(&graph(20, &edges));
    assert_eq!(found.sizes, [10, 10]);
    assert_eq!(agreement(&found.of, |row| u32::from(row >= 10)), 1.0);
}

#[test]
fn random_graphs_fall_into_connected_clusters() {
    for seed in 0..60 {
        let mut numbers = Numbers(seed);
        let n = 2 + (numbers.next() * 90.0) as usize;
        let count = (numbers.next() * 3.0 * n as f64) as usize;
        let mut row = || (numbers.next() * n as f64) as u32;
        let ends: Vec<(u32, u32)> = (0..count).map(|_| (row(), row())).collect();
        let edges: Vec<_> = ends
            .into_iter()
            .filter(|(a, b)| a < b)
            .map(|(a, b)| (a, b, numbers.next() as f32))
            .collect();
        with(&graph(n, &edges), 0.3 + f64::from(seed % 7) * 0.5, 5);
    }
}

#[test]
fn wrong_graphs_and_cancels() {
    let go_on = AtomicBool::new(false);
    let mut wrong = graph(3, &[(0, 1, 1.0), (1, 2, 1.0)]);
    wrong.ids[0] = 3;
    let refused = leiden(&wrong, ClusterParams::default(), &go_on);
    assert!(matches!(refused, Err(ProjectionError::Shape(_))));
    let sound = graph(3, &[(0, 1, 1.0), (1, 2, 1.0)]);
    let cancelled = leiden(&sound, ClusterParams::default(), &AtomicBool::new(true));
    assert_eq!(cancelled, Err(ProjectionError::Cancelled));
}

fn in_clusters(of: &[u32]) -> Clusters {
    let count = of.iter().max().map_or(0, |most| most + 1);
    let size = |cluster: u32| of.iter().filter(|c| **c == cluster).count() as u32;
    Clusters {
        of: of.to_vec(),
        sizes: (0..count).map(size).collect(),
        modularity: 0.0,
    }
}

#[test]
fn keywords_are_words_of_the_cluster_alone() {
    let texts = [
        "The team won the game in the last minute of play",
        "A goal in the first half, and the team won the match",
        "The goal of the match was the best of the games",
        "The chip has eight cores and the memory is fast",
        "Memory and cores of the new chip, and of the old",
        "The chip in the computer is new, the memory is old",
    ];
    let cells: Vec<Option<&str>> = texts.iter().copied().map(Some).collect();
    let found = keywords(&in_clusters(&[0, 0, 0, 1, 1, 1]), &cells, &[1.0; 6], 3);
    assert_eq!(found.len(), 2);
    for stop in ["the", "of", "in", "and", "is"] {
        assert!(!found.concat().iter().any(|word| word == stop), "{found:?}");
    }
    assert!(found[1].contains(&"chip".to_owned()) && found[1].contains(&"memory".to_owned()));
    assert!(found[0].contains(&"team".to_owned()) || found[0].contains(&"goal".to_owned()));
}

#[test]
fn a_name_is_a_keyword_and_central_rows_come_first() {
    let cells = [
        "king", "queen", "kings", "New York", "London", "1999", "Paris",
    ]
    .map(Some);
    let central = [5.0, 2.0, 4.0, 1.0, 3.0, 9.0, 2.0];
    let found = keywords(&in_clusters(&[0, 0, 0, 1, 1, 1, 1]), &cells, &central, 3);
    assert_eq!(
        found,
        [vec!["king", "queen"], vec!["London", "Paris", "New York"]]
    );
}

#[test]
fn cells_that_say_nothing_make_no_keywords() {
    let clusters = in_clusters(&[0, 0, 1]);
    let none: [Vec<String>; 2] = [vec![], vec![]];
    assert_eq!(keywords(&clusters, &[None; 3], &[1.0; 3], 3), none);
    let numbers = [Some("12 000 55"), Some("…"), Some("")];
    assert_eq!(keywords(&clusters, &numbers, &[0.0; 3], 3), none);
    // One cluster of everything: nothing is commoner in it than elsewhere, and it still gets words.
    let all = keywords(
        &in_clusters(&[0, 0]),
        &[Some("red wine"), Some("red beet")],
        &[1.0; 2],
        1,
    );
    assert_eq!(all, [["red beet"]]);
}
