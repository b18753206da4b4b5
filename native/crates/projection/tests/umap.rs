//! UMAP on rows whose map is known, and on odd ones.

use std::sync::atomic::AtomicBool;

use omendb_projection::umap::{FuzzyGraph, Layout, LayoutParams, Neighbours, place};
use omendb_projection::{Faithfulness, Points, ProjectionError, faithfulness, pca2};

const NONE: u32 = u32::MAX;

/// Uniform numbers in [-1, 1).
fn numbers(count: usize, seed: u32) -> Vec<f32> {
    let mut x = seed;
    let mut next = || {
        x = x.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (x >> 8) as f32 / (1 << 23) as f32 - 1.0
    };
    (0..count).map(|_| next()).collect()
}

/// Rows in clusters, one after another in turn.
fn clusters(n: usize, dimension: usize, count: usize) -> Vec<f32> {
    let centres = numbers(count * dimension, 7);
    let noise = numbers(n * dimension, 3);
    let rows = noise.chunks_exact(dimension).enumerate();
    rows.flat_map(|(row, noise)| {
        let centre = &centres[row % count * dimension..][..dimension];
        noise.iter().zip(centre).map(|(x, c)| 3.0 * c + 0.4 * x)
    })
    .collect()
}

fn squared(a: &[f32], b: &[f32]) -> f32 {
    a.iter().zip(b).map(|(x, y)| (x - y) * (x - y)).sum()
}

/// The exact neighbour graph under the Euclidean distance.
fn graph(data: &[f32], dimension: usize, k: usize) -> (Vec<u32>, Vec<f32>) {
    let row = |i: usize| &data[i * dimension..(i + 1) * dimension];
    let n = data.len() / dimension;
    let (mut ids, mut distances) = (vec![NONE; n * k], vec![f32::INFINITY; n * k]);
    for i in 0..n {
        let others = (0..n).filter(|j| *j != i);
        let mut all: Vec<(f32, u32)> = others
            .map(|j| (squared(row(i), row(j)), j as u32))
            .collect();
        all.sort_unstable_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
        for (at, (d, id)) in all.iter().take(k).enumerate() {
            (ids[i * k + at], distances[i * k + at]) = (*id, d.sqrt());
        }
    }
    (ids, distances)
}

fn fuzzy(ids: &[u32], distances: &[f32], k: usize) -> FuzzyGraph {
    let neighbours = Neighbours { k, ids, distances };
    FuzzyGraph::new(neighbours, &AtomicBool::new(false)).unwrap()
}

fn start(data: &[f32], dimension: usize) -> Vec<f32> {
    let points = Points {
        data,
        dimension,
        n: data.len() / dimension,
        normalize: false,
    };
    pca2(points, 1, &AtomicBool::new(false)).unwrap()
}

fn run(mut layout: Layout) -> Vec<f32> {
    while !layout.is_done() {
        layout.step();
    }
    layout.points().concat()
}

fn judge(data: &[f32], dimension: usize, xy: &[f32]) -> Faithfulness {
    let row = |i: usize| &data[i * dimension..(i + 1) * dimension];
    let n = xy.len() / 2;
    let scores = |rows: &[u32], out: &mut [f32]| {
        for (own, out) in rows.iter().zip(out.chunks_exact_mut(n)) {
            let own = row(*own as usize);
            out.iter_mut()
                .enumerate()
                .for_each(|(i, out)| *out = squared(own, row(i)));
        }
    };
    let all: Vec<u32> = (0..xy.len() as u32 / 2).collect();
    faithfulness(xy, 15, &all, &scores, &|_, _| {}, &AtomicBool::new(false)).unwrap()
}

#[test]
fn a_graph_is_symmetric_and_its_weights_are_memberships() {
    let data = clusters(300, 8, 4);
    let (ids, distances) = graph(&data, 8, 10);
    let graph = fuzzy(&ids, &distances, 10);
    assert_eq!(graph.len(), 300);
    let edge = |from: usize, to: u32| {
        let edges = graph.starts[from]..graph.starts[from + 1];
        let at = graph.ids[edges.clone()].binary_search(&to).ok()?;
        Some(graph.weights[edges.start + at])
    };
    for row in 0..300 {
        let edges = graph.starts[row]..graph.starts[row + 1];
        assert!(edges.len() >= 10);
        assert!(graph.ids[edges.clone()].is_sorted_by(|a, b| a < b));
        // The nearest belongs to it wholly.
        assert!(edge(row, ids[row * 10]).is_some_and(|weight| weight > 0.999_999));
        for at in edges {
            let weight = graph.weights[at];
            assert!(weight > 0.0 && weight <= 1.0 + 1e-6);
            assert_eq!(edge(graph.ids[at] as usize, row as u32), Some(weight));
        }
    }
}

/// Two rows with each other as first neighbour and one more: weights by hand after umap-learn's formulas.
#[test]
fn both_directions_of_a_pair_become_one_weight() {
    // Row 0: 1 at 1, 2 at 3; row 1: 0 at 1, 2 at 2; row 2: 1 at 2, 0 at 3.
    let ids = [1, 2, 0, 2, 1, 0];
    let distances = [1.0, 3.0, 1.0, 2.0, 2.0, 3.0];
    let graph = fuzzy(&ids, &distances, 2);
    // A second neighbour has what is missing to log2(3): 0.585.
    let second = 3.0f32.log2() - 1.0;
    let union = |a: f32, b: f32| a + b - a * b;
    let expected = [
        1.0,
        union(second, second),
        1.0,
        union(second, 1.0),
        union(second, second),
        union(second, 1.0),
    ];
    assert_eq!(graph.ids, [1, 2, 0, 2, 0, 1]);
    for (found, expected) in graph.weights.iter().zip(expected) {
        assert!((found - expected).abs() < 1e-4, "{:?}", graph.weights);
    }
}

#[test]
fn a_map_keeps_neighbourhoods_that_its_start_does_not() {
    let data = clusters(600, 12, 10);
    let (ids, distances) = graph(&data, 12, 14);
    let begin = start(&data, 12);
    let layout = Layout::new(fuzzy(&ids, &distances, 14), &begin, LayoutParams::default());
    let (before, after) = (judge(&data, 12, &begin), judge(&data, 12, &run(layout)));
    let kept = |found: &Faithfulness| found.kept.iter().sum::<f32>() / 600.0;
    let (few, more) = (kept(&before), kept(&after));
    assert!(more > few + 0.08, "{few} {more}");
    assert!(after.trustworthiness > before.trustworthiness + 0.005);
    assert!(after.trustworthiness > 0.97, "{}", after.trustworthiness);
    assert!(after.continuity > 0.97, "{}", after.continuity);
}

#[test]
fn a_seed_gives_the_same_map_on_any_number_of_threads() {
    let data = clusters(3_000, 6, 5);
    let (ids, distances) = graph(&data, 6, 8);
    let begin = start(&data, 6);
    let on = |threads: usize, seed: u64| {
        let params = LayoutParams {
            epochs: 30,
            seed,
            ..LayoutParams::default()
        };
        let pool = rayon::ThreadPoolBuilder::new()
            .num_threads(threads)
            .build()
            .unwrap();
        pool.install(|| run(Layout::new(fuzzy(&ids, &distances, 8), &begin, params)))
    };
    let one = on(1, 1);
    assert!(on(4, 1) == one && on(3, 1) == one);
    assert!(on(1, 2) != one);
}

#[test]
fn odd_rows_give_a_sensible_picture() {
    let params = LayoutParams {
        epochs: 50,
        ..LayoutParams::default()
    };
    let map = |ids: &[u32], distances: &[f32], k: usize, start: &[f32]| {
        let xy = run(Layout::new(fuzzy(ids, distances, k), start, params));
        assert!(xy.iter().all(|x| x.is_finite() && x.abs() < 1e4), "{xy:?}");
        xy
    };
    assert!(map(&[], &[], 3, &[]).is_empty());
    // One row, without neighbours; two; and what is not finite at the start.
    map(&[NONE], &[f32::INFINITY], 1, &[0.0, 0.0]);
    let two = map(
        &[1, 0],
        &[2.0, 2.0],
        1,
        &[f32::NAN, 0.0, f32::INFINITY, 0.0],
    );
    assert_ne!(two[..2], two[2..]);
    // All in one place.
    let n = 40u32;
    let ids: Vec<u32> = (0..n)
        .flat_map(|i| [(i + 1) % n, (i + 2) % n, (i + 3) % n])
        .collect();
    let same = map(&ids, &vec![0.0; ids.len()], 3, &vec![0.0; 2 * n as usize]);
    let spread = same.iter().fold(0.0f32, |most, x| most.max(x.abs()));
    assert!(spread > 0.1, "they part");
    // Two parts that do not know of each other, and rows that lack neighbours.
    let (data, dimension) = (clusters(60, 3, 2), 3);
    let (mut ids, mut distances) = graph(&data, dimension, 5);
    ids[4] = NONE;
    distances[4] = f32::INFINITY;
    map(&ids, &distances, 5, &start(&data, dimension));
    // Inner products are below 0.
    let signed: Vec<f32> = distances.iter().map(|d| d - 9.0).collect();
    map(&ids, &signed, 5, &start(&data, dimension));
}

#[test]
fn a_layout_goes_on_with_other_parameters() {
    let data = clusters(400, 6, 4);
    let (ids, distances) = graph(&data, 6, 8);
    let params = LayoutParams {
        epochs: 60,
        ..LayoutParams::default()
    };
    let mut layout = Layout::new(fuzzy(&ids, &distances, 8), &start(&data, 6), params);
    while !layout.is_done() {
        layout.step();
    }
    let narrow = layout.points();
    layout.set_params(
        LayoutParams {
            min_dist: 0.9,
            ..params
        },
        30,
    );
    assert!(!layout.is_done());
    while !layout.is_done() {
        layout.step();
    }
    // With more room about each point the nearest ones lie farther off.
    let gap = |points: &[[f32; 2]]| {
        let own = points.iter().enumerate().map(|(i, point)| {
            let others = points.iter().enumerate().filter(|(j, _)| *j != i);
            others
                .map(|(_, other)| squared(point, other))
                .fold(f32::INFINITY, f32::min)
                .sqrt()
        });
        own.sum::<f32>() / points.len() as f32
    };
    assert!(gap(&layout.points()) > 1.5 * gap(&narrow));
}

#[test]
fn later_rows_are_placed_among_their_neighbours() {
    let (dimension, k) = (8, 10);
    let data = clusters(800, dimension, 8);
    let (old, new) = data.split_at(600 * dimension);
    let (ids, distances) = graph(old, dimension, k);
    let params = LayoutParams::default();
    let layout = Layout::new(fuzzy(&ids, &distances, k), &start(old, dimension), params);
    let map = run(layout);
    let (points, _) = map.as_chunks::<2>();
    let (mut ids, mut distances) = (Vec::new(), Vec::new());
    for row in new.chunks_exact(dimension) {
        let others = old
            .chunks_exact(dimension)
            .map(|other| squared(row, other).sqrt());
        let mut all: Vec<(f32, u32)> = others.zip(0..).collect();
        all.sort_unstable_by(|a, b| a.0.total_cmp(&b.0));
        ids.extend(all.iter().take(k).map(|(_, id)| *id));
        distances.extend(all.iter().take(k).map(|(d, _)| *d));
    }
    let neighbours = |ids| Neighbours {
        k,
        ids,
        distances: &distances,
    };
    let placed = place(points, neighbours(&ids), params).unwrap();
    let all = [map.clone(), placed.concat()].concat();
    let found = judge(&data, dimension, &all);
    assert!(found.trustworthiness > 0.95, "{}", found.trustworthiness);
    assert!(found.continuity > 0.95, "{}", found.continuity);
    assert_eq!(place(points, neighbours(&ids), params).unwrap(), placed);
    // Without neighbours a row has no place of its own; and what does not fit is refused.
    let none = vec![NONE; ids.len()];
    let nowhere = place(points, neighbours(&none), params).unwrap();
    assert!(nowhere.iter().all(|point| *point == [0.0; 2]));
    assert!(place(points, neighbours(&ids[1..]), params).is_err());
}

#[test]
fn what_does_not_fit_or_is_cancelled_gives_no_graph() {
    let none = AtomicBool::new(false);
    let new = |k: usize, ids: &[u32], distances: &[f32], cancel: &AtomicBool| {
        FuzzyGraph::new(Neighbours { k, ids, distances }, cancel)
    };
    assert!(matches!(
        new(2, &[0, 1, 2], &[1.0; 3], &none),
        Err(ProjectionError::Shape(_))
    ));
    assert!(matches!(
        new(3, &[0, 1, 2], &[1.0; 2], &none),
        Err(ProjectionError::Shape(_))
    ));
    let cancelled = AtomicBool::new(true);
    assert_eq!(
        new(1, &[1, 0], &[1.0; 2], &cancelled),
        Err(ProjectionError::Cancelled)
    );
}
