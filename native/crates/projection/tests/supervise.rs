//! Graphs that follow a target besides the vectors, beside what umap-learn makes of the same.

use std::sync::atomic::AtomicBool;

use omendb_projection::umap::{FuzzyGraph, Neighbours, Target, UNKNOWN, supervise};

// Made with umap-learn 0.5.12: `fuzzy_simplicial_set` of ten random rows (seed 7, three dimensions, rounded to two digits) with n_neighbors 4, then
// `discrete_metric_simplicial_set_intersection` with far_dist 2.5 / (1 - weight), or `general_simplicial_set_intersection` with the graph of the numbers and
// `reset_local_connectivity`.
const K: usize = 3;
const IDS: [u32; 30] = [
    3, 4, 1, 3, 4, 8, 6, 1, 8, 1, 4, 8, 3, 1, 0, 9, 4, 1, 2, 7, 1, 6, 2, 1, 1, 3, 4, 5, 4, 1,
];
const DISTANCES: [f32; 30] = [
    1.119688, 1.228576, 1.319735, 0.300998, 0.590339, 0.90294, 0.719861, 1.459486, 1.461985,
    0.300998, 0.387169, 1.073546, 0.387169, 0.590339, 1.228576, 1.116781, 2.151116, 2.295561,
    0.719861, 1.207642, 1.813753, 1.207642, 1.700647, 2.085306, 0.90294, 1.073546, 1.326122,
    1.116781, 3.09653, 3.294238,
];
const LABELS: [u32; 10] = [0, 1, 0, 1, 2, 0, UNKNOWN, 2, 1, 0];
const NUMBERS: [f32; 10] = [6.92, 2.83, 5.15, 2.31, 4.08, 3.42, 5.92, 1.2, 4.63, 7.9];
const PLAIN: &[(u32, u32, f32)] = &[
    (0, 1, 0.39602),
    (0, 3, 1.0),
    (0, 4, 0.71117),
    (1, 2, 0.50058),
    (1, 3, 1.0),
    (1, 4, 0.89837),
    (1, 5, 0.47736),
    (1, 6, 0.36332),
    (1, 7, 0.40126),
    (1, 8, 1.0),
    (1, 9, 0.48351),
    (2, 6, 1.0),
    (2, 7, 0.59874),
    (2, 8, 0.49941),
    (3, 4, 1.0),
    (3, 8, 0.71395),
    (4, 5, 0.52264),
    (4, 8, 0.3472),
    (4, 9, 0.51649),
    (5, 9, 1.0),
    (6, 7, 1.0),
];
const BY_LABEL_50: &[(u32, u32, f32)] = &[
    (0, 1, 0.39763),
    (0, 3, 1.0),
    (0, 4, 0.91657),
    (1, 2, 0.01251),
    (1, 3, 1.0),
    (1, 4, 0.89899),
    (1, 5, 0.00642),
    (1, 6, 0.44842),
    (1, 7, 0.01003),
    (1, 8, 1.0),
    (1, 9, 0.00651),
    (2, 6, 1.0),
    (2, 7, 0.02181),
    (2, 8, 0.01248),
    (3, 4, 1.0),
    (3, 8, 0.91817),
    (4, 5, 0.52432),
    (4, 8, 0.34873),
    (4, 9, 0.51817),
    (5, 9, 1.0),
    (6, 7, 1.0),
];
const BY_LABEL_80: &[(u32, u32, f32)] = &[
    (0, 1, 0.39602),
    (0, 3, 1.0),
    (0, 4, 0.91657),
    (1, 2, 1e-05),
    (1, 3, 1.0),
    (1, 4, 0.89837),
    (1, 5, 0.0),
    (1, 6, 0.44842),
    (1, 7, 1e-05),
    (1, 8, 1.0),
    (1, 9, 0.0),
    (2, 6, 1.0),
    (2, 7, 1e-05),
    (2, 8, 1e-05),
    (3, 4, 1.0),
    (3, 8, 0.91817),
    (4, 5, 0.52264),
    (4, 8, 0.3472),
    (4, 9, 0.51649),
    (5, 9, 1.0),
    (6, 7, 1.0),
];
const BY_NUMBER_30: &[(u32, u32, f32)] = &[
    (0, 1, 0.05135),
    (0, 2, 0.31268),
    (0, 3, 0.12837),
    (0, 4, 0.1065),
    (0, 6, 0.97515),
    (0, 9, 1.0),
    (1, 2, 0.0213),
    (1, 3, 1.0),
    (1, 4, 0.43261),
    (1, 5, 1.0),
    (1, 6, 0.01398),
    (1, 7, 1.0),
    (1, 8, 0.05722),
    (1, 9, 0.06261),
    (2, 4, 0.31728),
    (2, 6, 1.0),
    (2, 7, 0.04871),
    (2, 8, 1.0),
    (2, 9, 0.67684),
    (3, 4, 0.06035),
    (3, 5, 0.28675),
    (3, 7, 0.58875),
    (3, 8, 0.041),
    (4, 5, 1.0),
    (4, 8, 0.91727),
    (4, 9, 0.07782),
    (5, 7, 0.34523),
    (5, 8, 0.12768),
    (5, 9, 0.14716),
    (6, 7, 0.07688),
    (6, 8, 0.11231),
    (6, 9, 0.8021),
];
const BY_NUMBER_50: &[(u32, u32, f32)] = &[
    (0, 1, 0.00027),
    (0, 2, 0.06636),
    (0, 3, 0.00068),
    (0, 4, 0.00059),
    (0, 6, 0.94098),
    (0, 9, 1.0),
    (1, 2, 0.00013),
    (1, 3, 1.0),
    (1, 4, 0.14462),
    (1, 5, 1.0),
    (1, 6, 7e-05),
    (1, 7, 1.0),
    (1, 8, 0.0003),
    (1, 9, 0.00033),
    (2, 4, 0.20137),
    (2, 6, 1.0),
    (2, 7, 0.00033),
    (2, 8, 1.0),
    (2, 9, 0.40223),
    (3, 4, 0.00036),
    (3, 5, 0.1521),
    (3, 7, 0.71523),
    (3, 8, 0.00021),
    (4, 5, 1.0),
    (4, 8, 0.95864),
    (4, 9, 0.00043),
    (5, 7, 0.25552),
    (5, 8, 0.03359),
    (5, 9, 0.00079),
    (6, 7, 0.0005),
    (6, 8, 0.06284),
    (6, 9, 0.59778),
];
const BY_NUMBER_80: &[(u32, u32, f32)] = &[
    (0, 1, 0.0002),
    (0, 2, 0.06636),
    (0, 3, 0.00025),
    (0, 4, 0.00026),
    (0, 6, 0.96096),
    (0, 9, 1.0),
    (1, 2, 0.00018),
    (1, 3, 1.0),
    (1, 4, 0.15662),
    (1, 5, 1.0),
    (1, 6, 0.00016),
    (1, 7, 0.7752),
    (1, 8, 0.00022),
    (1, 9, 0.00021),
    (2, 4, 0.43398),
    (2, 6, 1.0),
    (2, 7, 0.00024),
    (2, 8, 1.0),
    (2, 9, 0.40223),
    (3, 4, 0.00023),
    (3, 5, 0.42616),
    (3, 7, 1.0),
    (3, 8, 0.0002),
    (4, 5, 0.96933),
    (4, 8, 1.0),
    (4, 9, 0.00024),
    (5, 7, 0.37131),
    (5, 8, 0.07419),
    (5, 9, 0.00028),
    (6, 7, 0.00025),
    (6, 8, 0.23367),
    (6, 9, 0.59778),
];

fn graph() -> FuzzyGraph {
    let neighbours = Neighbours {
        k: K,
        ids: &IDS,
        distances: &DISTANCES,
    };
    FuzzyGraph::new(neighbours, &AtomicBool::new(false)).unwrap()
}

fn supervised(target: Target, weight: f32) -> FuzzyGraph {
    supervise(&graph(), &target, K, weight, &AtomicBool::new(false)).unwrap()
}

/// The weight between two rows; 0 where there is no edge.
fn weight(graph: &FuzzyGraph, a: u32, b: u32) -> f32 {
    let edges = graph.starts[a as usize]..graph.starts[a as usize + 1];
    let found = graph.ids[edges.clone()].iter().position(|id| *id == b);
    found.map_or(0.0, |at| graph.weights[edges][at])
}

fn assert_like(graph: &FuzzyGraph, expected: &[(u32, u32, f32)]) {
    for a in 0..10 {
        for b in 0..10 {
            let found = expected.iter().find(|e| (e.0, e.1) == (a.min(b), a.max(b)));
            let expected = found.map_or(0.0, |edge| edge.2);
            let given = weight(graph, a, b);
            assert!(
                (given - expected).abs() < 1e-4,
                "{a} {b}: {given}, not {expected}"
            );
        }
    }
}

#[test]
fn categories_give_what_umap_learn_gives() {
    assert_like(&graph(), PLAIN);
    assert_like(
        &supervised(Target::Categories(LABELS.to_vec()), 0.5),
        BY_LABEL_50,
    );
    assert_like(
        &supervised(Target::Categories(LABELS.to_vec()), 0.8),
        BY_LABEL_80,
    );
}

#[test]
fn numbers_give_what_umap_learn_gives() {
    for (weight, expected) in [
        (0.3, BY_NUMBER_30),
        (0.5, BY_NUMBER_50),
        (0.8, BY_NUMBER_80),
    ] {
        assert_like(
            &supervised(Target::Numbers(NUMBERS.to_vec()), weight),
            expected,
        );
    }
}

#[test]
fn at_full_weight_categories_share_no_edge() {
    let found = supervised(Target::Categories(LABELS.to_vec()), 1.0);
    for a in 0..10u32 {
        for b in 0..10u32 {
            let (one, other) = (LABELS[a as usize], LABELS[b as usize]);
            if one != other && one != UNKNOWN && other != UNKNOWN {
                assert_eq!(weight(&found, a, b), 0.0, "{a} {b}");
            }
        }
    }
    assert!(found.weights.iter().all(|w| *w > 0.0 && *w <= 1.0 + 1e-6));
}

#[test]
fn one_category_or_none_known_changes_no_neighbour() {
    for target in [
        Target::Categories(vec![3; 10]),
        Target::Categories(vec![UNKNOWN; 10]),
        Target::Numbers(vec![f32::NAN; 10]),
    ] {
        let found = supervised(target, 0.5);
        assert_eq!(found.ids, graph().ids);
        // Weights are parts of the greatest, which was 1 before in each row.
        assert!(
            found
                .weights
                .iter()
                .zip(&graph().weights)
                .all(|(a, b)| *a >= b - 1e-6)
        );
    }
}

#[test]
fn odd_numbers_and_shapes() {
    let some = [
        1.0,
        1.0,
        f32::NAN,
        1.0,
        f32::INFINITY,
        1.0,
        -1e30,
        1e30,
        1.0,
        1.0,
    ];
    for weight in [0.0, 0.5, 1.0] {
        let found = supervised(Target::Numbers(some.to_vec()), weight);
        assert!(found.weights.iter().all(|w| w.is_finite() && *w > 0.0));
        assert_eq!(found.starts.len(), 11);
    }
    let go_on = AtomicBool::new(false);
    assert!(supervise(&graph(), &Target::Numbers(vec![1.0; 9]), K, 0.5, &go_on).is_err());
    let all = Target::Categories(vec![0; 10]);
    assert!(supervise(&graph(), &all, K, 0.5, &AtomicBool::new(true)).is_err());
    let nothing = supervise(
        &FuzzyGraph::default(),
        &Target::Numbers(vec![]),
        K,
        0.5,
        &go_on,
    );
    assert!(nothing.unwrap().is_empty());
}
