use std::sync::atomic::Ordering;

use omendb_distance::Metric;

use super::*;
use crate::graph::KnnGraph;

fn no_progress(_: usize, _: usize) {}

fn graph_of(snapshot: &Snapshot, k: usize) -> KnnGraph {
    let graph = snapshot
        .knn_graph(0, None, k, &AtomicBool::new(false), &no_progress)
        .unwrap();
    assert_eq!(graph.rows, snapshot.live_rows().iter().collect::<Vec<_>>());
    assert_eq!(
        (graph.ids.len(), graph.distances.len(), graph.k),
        (graph.rows.len() * k, graph.rows.len() * k, k)
    );
    for i in 0..graph.rows.len() {
        let (ids, distances) = (&graph.ids[i * k..][..k], &graph.distances[i * k..][..k]);
        assert!(!ids.contains(&(i as u32)), "row {i} is its own neighbour");
        assert!(
            distances.windows(2).all(|w| w[0] <= w[1]),
            "order of row {i}"
        );
        let found = ids.iter().filter(|id| **id != u32::MAX).count();
        assert_eq!(found, k.min(graph.rows.len() - 1), "neighbours of row {i}");
        assert!(
            ids[..found]
                .iter()
                .all(|id| (*id as usize) < graph.rows.len())
        );
        assert!(distances[found..].iter().all(|d| *d == f32::INFINITY));
    }
    graph
}

/// Share of neighbours that are truly among the `k` nearest, over every `step`th row.
fn recall(snapshot: &Snapshot, graph: &KnnGraph, step: usize) -> f64 {
    let metric = snapshot.meta().vectors[0].metric;
    let vectors: Vec<Vec<f32>> = live_vectors(snapshot).into_values().collect();
    let (mut found, mut wanted) = (0, 0);
    for i in (0..vectors.len()).step_by(step) {
        let mut truth: Vec<f64> = (0..vectors.len())
            .filter(|j| *j != i)
            .map(|j| true_distance(metric, &vectors[i], &vectors[j]))
            .collect();
        truth.sort_by(f64::total_cmp);
        let Some(worst) = truth.get(graph.k.min(truth.len()).wrapping_sub(1)) else {
            continue;
        };
        wanted += graph.k.min(truth.len());
        for (id, distance) in graph.ids[i * graph.k..]
            .iter()
            .zip(&graph.distances[i * graph.k..])
            .take(graph.k)
        {
            if *id == u32::MAX {
                continue;
            }
            let real = true_distance(metric, &vectors[i], &vectors[*id as usize]);
            assert!(
                (real - f64::from(*distance)).abs() < 1e-3,
                "{real} told as {distance}"
            );
            found += usize::from(real <= worst + 1e-4);
        }
    }
    if wanted == 0 {
        1.0
    } else {
        found as f64 / wanted as f64
    }
}

fn fixture(metric: Metric, parts: &[(usize, bool)]) -> Fixture {
    let mut random = Random::new(41);
    let mut fixture = Fixture::new(None, &[], 8, metric);
    for (rows, indexed) in parts {
        let vectors: Vec<f32> = (0..rows * 8).map(|_| random.float()).collect();
        fixture.part(&[], &vectors, 100, *indexed);
        fixture.skip(3);
    }
    fixture
}

#[test]
fn a_neighbour_graph_of_few_rows_is_exact_for_every_metric_and_any_parts() {
    for metric in Metric::ALL {
        for parts in [
            &[(300, false)][..],
            &[(300, true)],
            &[(100, true), (1, false), (150, false)],
            &[(1, false)],
            &[],
        ] {
            let mut fixture = fixture(metric, parts);
            let graph = graph_of(&fixture.snapshot(), 7);
            assert_eq!(
                recall(&fixture.snapshot(), &graph, 1),
                1.0,
                "{metric} {parts:?}"
            );
            fixture.deleted.extend([0, 17, 104, 105]);
            let snapshot = fixture.snapshot();
            assert_eq!(
                recall(&snapshot, &graph_of(&snapshot, 7), 1),
                1.0,
                "{metric} {parts:?}, some deleted"
            );
        }
    }
}

#[test]
fn a_neighbour_graph_of_many_rows_finds_nearly_all_with_an_index_or_without() {
    for parts in [
        &[(5_000, true)][..],
        &[(5_000, false)],
        &[(4_500, true), (600, false)],
        &[(4_500, false), (600, true)],
        // Without an index and too many to be compared with each other.
        &[(51_000, false)],
    ] {
        let mut fixture = fixture(Metric::Cosine, parts);
        let (step, deletions): (usize, &[u32]) = match parts[0].0 {
            51_000 => (500, &[0]),
            _ => (50, &[0, 400]),
        };
        for deleted in deletions.iter().copied() {
            fixture.deleted.insert_range(0..deleted);
            let snapshot = fixture.snapshot();
            let graph = graph_of(&snapshot, 10);
            let recall = recall(&snapshot, &graph, step);
            assert!(recall > 0.95, "{recall} for {parts:?}, {deleted} deleted");
        }
    }
}

#[test]
fn fewer_rows_than_neighbours_leave_gaps() {
    let fixture = fixture(Metric::L2, &[(2, false), (1, false)]);
    let graph = graph_of(&fixture.snapshot(), 5);
    assert_eq!(graph.ids[2..5], [u32::MAX; 3]);
}

#[test]
fn a_cancelled_neighbour_graph_says_so_and_progress_reaches_the_end() {
    for parts in [
        &[(5_000, true)][..],
        &[(5_000, false)],
        &[(3_000, true), (600, false)],
    ] {
        let snapshot = fixture(Metric::L2, parts).snapshot();
        let cancel = AtomicBool::new(true);
        let error = snapshot
            .knn_graph(0, None, 5, &cancel, &no_progress)
            .unwrap_err();
        assert_eq!(error.code(), "CANCELLED", "{parts:?}");
        assert_eq!(
            snapshot.pca(0, None, &cancel).unwrap_err().code(),
            "CANCELLED"
        );
        let most = std::sync::atomic::AtomicUsize::new(0);
        let watch = |done: usize, total: usize| {
            assert!(done <= total);
            most.fetch_max(done, Ordering::Relaxed);
        };
        snapshot
            .knn_graph(0, None, 5, &AtomicBool::new(false), &watch)
            .unwrap();
        assert_eq!(most.into_inner() as u64, snapshot.len(), "{parts:?}");
    }
}

#[test]
fn wrong_requests_for_a_graph_are_refused() {
    let snapshot = fixture(Metric::L2, &[(5, false)]).snapshot();
    let code = |column, k| {
        snapshot
            .knn_graph(column, None, k, &AtomicBool::new(false), &no_progress)
            .unwrap_err()
            .code()
    };
    assert_eq!(
        (code(1, 5), code(0, 0), code(0, 257)),
        ("UNKNOWN_COLUMN", "INVALID_REQUEST", "LIMIT_EXCEEDED")
    );
    assert_eq!(
        snapshot
            .pca(1, None, &AtomicBool::new(false))
            .unwrap_err()
            .code(),
        "UNKNOWN_COLUMN"
    );
}

#[test]
fn components_do_not_depend_on_how_rows_lie_in_parts() {
    let mut random = Random::new(43);
    // Stretched along two axes, so that the components are plain to see.
    let vectors: Vec<f32> = (0..900)
        .flat_map(|_| {
            let v = random.vector(4);
            [v[0] * 10.0, v[1] * 3.0, v[2] * 0.1, v[3] * 0.1]
        })
        .collect();
    let mut whole = Fixture::new(None, &[], 4, Metric::L2);
    whole.part(&[], &vectors[..600 * 4], 100, false);
    let mut split = Fixture::new(None, &[], 4, Metric::L2);
    split.part(&[], &vectors[..250 * 4], 100, false);
    split.part(&[], &vectors[600 * 4..700 * 4], 100, false);
    split.part(&[], &vectors[250 * 4..600 * 4], 100, true);
    split.deleted.insert_range(250..350);
    let (rows, a) = whole
        .snapshot()
        .pca(0, None, &AtomicBool::new(false))
        .unwrap();
    let (split_rows, b) = split
        .snapshot()
        .pca(0, None, &AtomicBool::new(false))
        .unwrap();
    assert_eq!(
        (rows.len(), split_rows.len(), split_rows[250]),
        (600, 600, 350)
    );
    assert_eq!(a, b);
    let along = |axis: usize| a.iter().skip(axis).step_by(2).map(|x| x * x).sum::<f32>() / 600.0;
    assert!(
        (along(0).sqrt() - 10.0).abs() < 0.1,
        "the wider axis has a deviation of 10"
    );
    assert!(along(0) > 4.0 * along(1));
}

#[test]
fn components_of_nothing_and_of_one_row_exist() {
    assert_eq!(
        fixture(Metric::Cosine, &[])
            .snapshot()
            .pca(0, None, &AtomicBool::new(false))
            .unwrap(),
        (vec![], vec![])
    );
    let (rows, xy) = fixture(Metric::Cosine, &[(1, false)])
        .snapshot()
        .pca(0, None, &AtomicBool::new(false))
        .unwrap();
    assert_eq!((rows, xy), (vec![0], vec![0.0, 0.0]));
}

/// Some rows among themselves: as if nothing else were there.
#[test]
fn chosen_rows_know_only_each_other() {
    let never = AtomicBool::new(false);
    for (parts, metric) in [
        (&[(200, false), (100, true)], Metric::Cosine),
        (&[(4_000, true), (2_000, false)], Metric::L2),
    ] {
        let snapshot = fixture(metric, parts).snapshot();
        let among: Vec<u32> = snapshot
            .live_rows()
            .iter()
            .filter(|row| row % 3 != 1)
            .collect();
        let graph = snapshot
            .knn_graph(0, Some(&among), 5, &never, &no_progress)
            .unwrap();
        assert_eq!(graph.rows, among);
        let vectors: Vec<&[f32]> = among
            .iter()
            .map(|row| snapshot.vector(*row, 0).unwrap())
            .collect();
        let (mut found, mut looked) = (0, 0);
        for i in (0..among.len()).step_by(37) {
            let mut others: Vec<usize> = (0..among.len()).filter(|j| *j != i).collect();
            others.sort_by(|a, b| {
                let far = |j: &usize| true_distance(metric, vectors[i], vectors[*j]);
                far(a).total_cmp(&far(b))
            });
            let own = &graph.ids[i * 5..][..5];
            found += others[..5]
                .iter()
                .filter(|j| own.contains(&(**j as u32)))
                .count();
            looked += 5;
        }
        assert!(found * 100 >= looked * 97, "{found} of {looked}");
        let (rows, xy) = snapshot.pca(0, Some(&among), &never).unwrap();
        assert_eq!((rows.len(), xy.len()), (among.len(), 2 * among.len()));
        assert!(xy.iter().all(|x| x.is_finite()));
    }
    let snapshot = fixture(Metric::L2, &[(20, false)]).snapshot();
    let ask = |rows: &[u32]| {
        snapshot
            .knn_graph(0, Some(rows), 3, &never, &no_progress)
            .unwrap_err()
            .code()
    };
    assert_eq!(ask(&[3, 2]), "INVALID_REQUEST");
    assert_eq!(ask(&[2, 99]), "UNKNOWN_ROW");
}
