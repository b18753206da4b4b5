//! Building and searching.

mod common;

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};

use common::{Random, Set, graph, hits, no_progress, recall, share, unreached};
use omendb_hnsw::{
    Accepted, BuildError, BuildParams, KnnError, Metric, NONE, Scratch, build, default_ef, exact,
    knn_graph, search,
};
use proptest::prelude::*;

fn one_thread() -> BuildParams {
    BuildParams {
        threads: 1,
        ..BuildParams::default()
    }
}

// [Q5]
#[test]
fn recall_at_10_is_at_least_0_95_at_default_settings_under_every_metric() {
    for metric in Metric::ALL {
        let set = Set::clustered(3, 8_000, 48, metric, false);
        let graph = graph(&set, BuildParams::default());
        let recall = recall(&graph.view(), &set, 200, 10, default_ef(10, 8_000));
        assert!(recall >= 0.95, "{metric}: {recall}");
        assert_eq!(unreached(&graph.view()), 0);
    }
}

#[test]
fn rows_that_come_cluster_after_cluster_do_no_harm() {
    let set = Set::clustered(4, 6_000, 32, Metric::L2, true);
    let graph = graph(&set, BuildParams::default());
    let recall = recall(&graph.view(), &set, 200, 10, default_ef(10, 6_000));
    assert!(recall >= 0.95, "{recall}");
    assert_eq!(unreached(&graph.view()), 0);
}

// [Q7]
#[test]
fn one_thread_and_a_seed_give_the_same_bytes_and_another_seed_gives_others() {
    let set = Set::clustered(5, 1_500, 16, Metric::Cosine, false);
    let first = graph(&set, one_thread());
    assert!(first == graph(&set, one_thread()));
    assert!(
        first
            != graph(
                &set,
                BuildParams {
                    seed: 43,
                    ..one_thread()
                }
            )
    );
}

#[test]
fn many_threads_give_a_connected_graph_as_good_as_one() {
    let set = Set::clustered(6, 4_000, 24, Metric::L2, false);
    let graph = graph(
        &set,
        BuildParams {
            threads: 8,
            ..BuildParams::default()
        },
    );
    assert_eq!(unreached(&graph.view()), 0);
    let recall = recall(&graph.view(), &set, 100, 10, 64);
    assert!(recall >= 0.95, "{recall}");
}

#[test]
fn a_search_finds_each_row_by_itself() {
    let set = Set::clustered(7, 3_000, 24, Metric::L2, false);
    let graph = graph(&set, BuildParams::default());
    for id in 0..3_000 {
        let found = hits(&graph.view(), &set, set.vectors().row(id), 1, 64);
        assert_eq!((found[0].id, found[0].score), (id as u32, 0.0));
    }
}

#[test]
fn many_equal_rows_are_all_reached_and_hide_nothing() {
    for metric in Metric::ALL {
        let mut set = Set::clustered(8, 4_000, 16, metric, false);
        // Half of all rows are one point, a tenth are ten others, and some are zero.
        let points = set.data.clone();
        for i in 0..4_000 {
            let source = match i % 20 {
                0..10 => Some(0),
                10..12 => Some(16 * (1 + i / 20 % 10)),
                _ => None,
            };
            if let Some(source) = source {
                // Under cosine, parallel rows are one point as well.
                let scale = if metric == Metric::Cosine {
                    1.0 + (i % 5) as f32
                } else {
                    1.0
                };
                for j in 0..16 {
                    set.data[16 * i + j] = scale * points[source + j];
                }
            }
            if i % 100 == 99 {
                set.data[16 * i..16 * (i + 1)].fill(if i % 200 == 199 { 0.0 } else { -0.0 });
            }
        }
        let set = Set::new(set.data, 16, metric);
        for params in [
            BuildParams::default(),
            BuildParams {
                m: 4,
                ..one_thread()
            },
        ] {
            let graph = graph(&set, params);
            assert_eq!(unreached(&graph.view()), 0, "{metric}");
            let recall = recall(&graph.view(), &set, 200, 10, default_ef(10, 4_000));
            assert!(recall >= 0.95, "{metric} {params:?}: {recall}");
        }
    }
}

#[test]
fn rows_that_are_all_equal_and_sets_of_no_or_few_rows_are_searched() {
    for metric in Metric::ALL {
        for n in [0, 1, 2, 3, 40, 2_000] {
            let set = Set::new(vec![0.5; n * 3], 3, metric);
            let graph = graph(
                &set,
                BuildParams {
                    m: 2,
                    ..BuildParams::default()
                },
            );
            assert_eq!(unreached(&graph.view()), 0);
            let found = hits(&graph.view(), &set, &[0.5; 3], 10, 10);
            assert_eq!(found.len(), n.min(10), "{metric} {n}");
            assert!(
                found
                    .windows(2)
                    .all(|pair| (pair[0].score, pair[0].id) < (pair[1].score, pair[1].id))
            );
            assert!(hits(&graph.view(), &set, &[0.5; 3], 0, 10).is_empty());
        }
    }
}

#[test]
fn asking_for_more_than_there_is_gives_all_in_order() {
    let set = Set::clustered(9, 300, 8, Metric::Dot, false);
    let graph = graph(&set, BuildParams::default());
    let query = set.query(&mut Random(1));
    let found = hits(&graph.view(), &set, &query, 1_000, 1);
    let mut truth = Vec::new();
    exact::search(set.vectors(), &query, 1_000, None, &mut truth).unwrap();
    assert_eq!(found, truth);
}

// [Q6]
#[test]
fn a_filtered_search_returns_accepted_rows_only_and_most_of_the_best() {
    let set = Set::clustered(10, 6_000, 32, Metric::Cosine, false);
    let graph = graph(&set, BuildParams::default());
    let (mut found, mut truth, mut scratch) = (Vec::new(), Vec::new(), Scratch::new());
    for keep in [2u32, 10, 50, 1_000] {
        let accept = |id: u32| id % keep == 1;
        let accepted = Accepted::by(6_000, accept);
        let mut random = Random(2);
        let mut sum = 0.0;
        for _ in 0..50 {
            let query = set.query(&mut random);
            let stats = search(
                &graph.view(),
                set.vectors(),
                &query,
                10,
                100,
                Some(&accepted),
                &mut scratch,
                &mut found,
            );
            let stats = stats.unwrap();
            assert!(found.iter().all(|hit| accept(hit.id)));
            assert!(found.windows(2).all(|pair| pair[0].score <= pair[1].score));
            assert!(stats.distances <= 6_000 + 200);
            exact::search(set.vectors(), &query, 10, Some(&accept), &mut truth).unwrap();
            // A walk that found too few says so; the caller then searches exactly.
            sum += if stats.enough {
                share(&found, &truth)
            } else {
                1.0
            };
            let mut ids = (0..6_000).filter(|id| accept(*id));
            let mut by_ids = Vec::new();
            exact::search_ids(set.vectors(), &query, 10, &mut ids, &mut by_ids).unwrap();
            assert_eq!(by_ids, truth);
        }
        assert!(sum / 50.0 >= 0.95, "one in {keep}: {}", sum / 50.0);
    }
    let nobody = Accepted::none(6_000);
    let query = set.query(&mut Random(3));
    search(
        &graph.view(),
        set.vectors(),
        &query,
        10,
        100,
        Some(&nobody),
        &mut scratch,
        &mut found,
    )
    .unwrap();
    assert!(found.is_empty());
}

// [Q6]
#[test]
fn a_walk_says_when_too_few_of_the_rows_near_the_query_are_accepted() {
    // Clusters lie one after another, so that a range of rows is a few of them, far from most queries.
    let set = Set::clustered(12, 6_000, 16, Metric::L2, true);
    let graph = graph(&set, BuildParams::default());
    let (mut found, mut truth, mut scratch) = (Vec::new(), Vec::new(), Scratch::new());
    for rows in [0..600, 2_000..2_300, 5_000..6_000] {
        let accepted = Accepted::by(6_000, |id| rows.contains(&id));
        let mut random = Random(4);
        let (mut sum, mut walks) = (0.0, 0);
        for _ in 0..50 {
            let query = set.query(&mut random);
            let stats = search(
                &graph.view(),
                set.vectors(),
                &query,
                10,
                64,
                Some(&accepted),
                &mut scratch,
                &mut found,
            );
            if !stats.unwrap().enough {
                continue;
            }
            let accept = |id: u32| rows.contains(&id);
            exact::search(set.vectors(), &query, 10, Some(&accept), &mut truth).unwrap();
            sum += share(&found, &truth);
            walks += 1;
        }
        assert!(
            walks >= 25,
            "{rows:?}: {walks} walks of 50 came to their end"
        );
        let recall = sum / walks as f64;
        assert!(recall >= 0.95, "{rows:?}: {recall}");
    }
}

#[test]
fn the_neighbour_graph_agrees_with_brute_force_and_does_not_depend_on_threads() {
    let set = Set::clustered(11, 3_000, 24, Metric::Cosine, false);
    let graph = graph(&set, BuildParams::default());
    let (n, k) = (3_000, 15);
    let cancel = AtomicBool::new(false);
    let run = |threads: usize| {
        let (mut ids, mut scores) = (vec![0; n * k], vec![0.0; n * k]);
        let view = graph.view();
        knn_graph(
            &view,
            set.vectors(),
            k,
            0,
            threads,
            &no_progress,
            &cancel,
            &mut ids,
            &mut scores,
        )
        .unwrap();
        (ids, scores)
    };
    let (ids, scores) = run(1);
    assert!((ids.clone(), scores.clone()) == run(3));
    let (mut true_ids, mut true_scores) = (vec![0; n * k], vec![0.0; n * k]);
    exact::knn_graph(
        set.vectors(),
        k,
        2,
        &no_progress,
        &cancel,
        &mut true_ids,
        &mut true_scores,
    )
    .unwrap();
    let mut good = 0;
    for row in 0..n {
        let range = row * k..(row + 1) * k;
        assert!(
            ids[range.clone()]
                .iter()
                .chain(&true_ids[range.clone()])
                .all(|id| *id != row as u32)
        );
        assert!(scores[range.clone()].is_sorted() && true_scores[range.clone()].is_sorted());
        let worst = true_scores[range.end - 1];
        good += scores[range]
            .iter()
            .filter(|score| **score <= worst)
            .count();
    }
    assert!(
        good as f64 >= 0.97 * (n * k) as f64,
        "{}",
        good as f64 / (n * k) as f64
    );
}

#[test]
fn missing_neighbours_are_marked() {
    let set = Set::clustered(12, 4, 5, Metric::L2, false);
    let graph = graph(&set, BuildParams::default());
    let (mut ids, mut scores) = (vec![7; 4 * 6], vec![7.0; 4 * 6]);
    let cancel = AtomicBool::new(false);
    knn_graph(
        &graph.view(),
        set.vectors(),
        6,
        0,
        1,
        &no_progress,
        &cancel,
        &mut ids,
        &mut scores,
    )
    .unwrap();
    let approximate = (ids.clone(), scores.clone());
    exact::knn_graph(
        set.vectors(),
        6,
        1,
        &no_progress,
        &cancel,
        &mut ids,
        &mut scores,
    )
    .unwrap();
    assert_eq!(approximate, (ids.clone(), scores.clone()));
    for row in 0..4 {
        assert!(
            ids[row * 6..row * 6 + 3]
                .iter()
                .all(|id| *id < 4 && *id != row as u32)
        );
        assert_eq!(ids[row * 6 + 3..row * 6 + 6], [NONE; 3]);
        assert_eq!(scores[row * 6 + 3..row * 6 + 6], [f32::INFINITY; 3]);
    }
}

#[test]
fn cancelling_stops_a_build_and_a_neighbour_graph() {
    let set = Set::clustered(13, 3_000, 16, Metric::L2, false);
    for threads in [1, 2] {
        let cancel = AtomicBool::new(false);
        let stop = |_: usize, _: usize| cancel.store(true, Ordering::Relaxed);
        let params = BuildParams {
            threads,
            ..BuildParams::default()
        };
        assert_eq!(
            build(set.vectors(), &params, &stop, &cancel),
            Err(BuildError::Cancelled)
        );
    }
    let graph = graph(&set, BuildParams::default());
    let (mut ids, mut scores) = (vec![0; 3_000], vec![0.0; 3_000]);
    let cancel = AtomicBool::new(true);
    let result = knn_graph(
        &graph.view(),
        set.vectors(),
        1,
        0,
        2,
        &no_progress,
        &cancel,
        &mut ids,
        &mut scores,
    );
    assert_eq!(result, Err(KnnError::Cancelled));
}

#[test]
fn progress_counts_up_and_ends_at_all_rows() {
    let set = Set::clustered(14, 2_000, 8, Metric::L2, false);
    let seen = Mutex::new(Vec::new());
    let note = |done: usize, total: usize| seen.lock().unwrap().push((done, total));
    let params = one_thread();
    build(set.vectors(), &params, &note, &AtomicBool::new(false)).unwrap();
    let seen = seen.into_inner().unwrap();
    assert!(seen.len() > 3 && seen.is_sorted());
    assert_eq!(seen.last(), Some(&(2_000, 2_000)));
}

#[test]
fn what_does_not_fit_together_is_an_error() {
    let set = Set::clustered(15, 100, 8, Metric::L2, false);
    let built = graph(&set, BuildParams::default());
    let (mut scratch, mut out) = (Scratch::new(), Vec::new());
    for other in [
        Set::clustered(15, 99, 8, Metric::L2, false),
        Set::clustered(15, 100, 9, Metric::L2, false),
        Set::clustered(15, 100, 8, Metric::Dot, false),
    ] {
        let query = vec![0.0; other.dimension];
        let result = search(
            &built.view(),
            other.vectors(),
            &query,
            3,
            9,
            None,
            &mut scratch,
            &mut out,
        );
        assert!(
            result
                .unwrap_err()
                .to_string()
                .contains("the index is of 100 rows")
        );
    }
    let result = search(
        &built.view(),
        set.vectors(),
        &[0.0; 7],
        3,
        9,
        None,
        &mut scratch,
        &mut out,
    );
    assert!(result.unwrap_err().to_string().contains("dimension 7"));
    for params in [
        BuildParams {
            m: 1,
            ..BuildParams::default()
        },
        BuildParams {
            m: 257,
            ..BuildParams::default()
        },
        BuildParams {
            ef_construction: 0,
            ..BuildParams::default()
        },
    ] {
        let result = build(
            set.vectors(),
            &params,
            &no_progress,
            &AtomicBool::new(false),
        );
        assert!(matches!(result, Err(BuildError::Params(_))));
    }
    let cancel = AtomicBool::new(false);
    let result = exact::knn_graph(
        set.vectors(),
        2,
        1,
        &no_progress,
        &cancel,
        &mut [0; 199],
        &mut [0.0; 199],
    );
    assert!(matches!(result, Err(KnnError::Shape(_))));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn any_floats_can_be_indexed_and_every_row_is_reached(
        dimension in 1usize..5,
        m in 2usize..6,
        pick in prop::collection::vec(0usize..9, 0..400),
        metric in prop::sample::select(Metric::ALL.to_vec()),
    ) {
        let odd = [0.0, -0.0, 1.0, -1.0, 0.3, f32::MAX, -f32::MAX, 1e-45, f32::INFINITY];
        let mut data: Vec<f32> = pick.iter().map(|i| odd[*i]).collect();
        data.truncate(data.len() / dimension * dimension);
        let set = Set::new(data, dimension, metric);
        let n = set.vectors().len();
        let graph = graph(&set, BuildParams { m, ..BuildParams::default() });
        prop_assert_eq!(unreached(&graph.view()), 0);
        prop_assert_eq!(hits(&graph.view(), &set, &vec![1.0; dimension], n, n).len(), n);
    }
}
