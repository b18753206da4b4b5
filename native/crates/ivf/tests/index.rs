//! What is found through an index, against brute force.

mod common;

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use common::{Random, Set, recall, rows, slots};
use omendb_ivf::{BuildError, BuildParams, Index, Metric, NONE, Scratch, exact};
use proptest::prelude::*;

const METRICS: [Metric; 3] = [Metric::L2, Metric::Cosine, Metric::Dot];

/// Rows, and 100 queries that lie like them.
fn rows_and_queries(n: usize, dimension: usize, seed: u64, metric: Metric) -> (Set, Vec<f32>) {
    let mut data = rows(n + 100, dimension, 40, seed);
    let queries = data.split_off(n * dimension);
    (Set::new(data, dimension, metric), queries)
}

/// Mean recall of queries.
fn mean_recall(
    set: &Set,
    queries: &[f32],
    index: &Index,
    k: usize,
    ef: Option<usize>,
    every: u32,
) -> f64 {
    let (mut scratch, mut out) = (Scratch::new(), Vec::new());
    let view = index.view();
    let accepted = slots(&view, |row| row % every == 0);
    let accepted = (every > 1).then_some(&accepted);
    let mut sum = 0.0;
    for query in queries.chunks_exact(set.dimension) {
        view.search(set.view(), query, k, ef, accepted, &mut scratch, &mut out)
            .unwrap();
        assert!(out.iter().all(|hit| hit.id % every == 0));
        assert!(out.is_sorted_by(|a, b| (a.score, a.id) < (b.score, b.id)));
        sum += recall(&out, &set.truth(query, k, &|row| row % every == 0));
    }
    sum / (queries.len() / set.dimension) as f64
}

#[test]
fn an_index_made_out_of_an_older_one_is_as_good_as_a_fresh_one() {
    for (metric, dimension) in [(Metric::Cosine, 24), (Metric::L2, 210)] {
        let (set, queries) = rows_and_queries(12_000, dimension, 7, metric);
        // Of the older rows a third died; two thirds as many are new, and lie elsewhere in the vectors.
        let old_rows: Vec<u32> = (0..10_000).collect();
        let older_set = Set::new(set.data[..10_000 * dimension].to_vec(), dimension, metric);
        let older = older_set.index(Some(&old_rows), 0);
        let now: Vec<u32> = (0..12_000)
            .filter(|row| row % 3 > 0 || *row >= 10_000)
            .collect();
        let older_rows: Vec<u32> = now
            .iter()
            .map(|row| if *row < 10_000 { *row } else { NONE })
            .collect();
        let params = BuildParams::default();
        let cancel = AtomicBool::new(false);
        let anew = Index::rebuild(
            &older.view(),
            set.view(),
            &now,
            &older_rows,
            &params,
            &|_, _| {},
            &cancel,
        )
        .unwrap();
        let fresh = set.index(Some(&now), 0);
        assert!(anew != fresh, "it must not have been built from nothing");
        let view = anew.view();
        assert_eq!((view.len(), view.indexed()), (12_000, now.len()));
        for row in 0..12_000 {
            assert_eq!(view.slot(row).is_some(), now.binary_search(&row).is_ok());
        }
        let found = |index: &Index, ef| {
            let (mut scratch, mut out, mut sum) = (Scratch::new(), Vec::new(), 0.0);
            for query in queries.chunks_exact(dimension) {
                index
                    .view()
                    .search(set.view(), query, 10, ef, None, &mut scratch, &mut out)
                    .unwrap();
                let live = |row: u32| !row.is_multiple_of(3) || row >= 10_000;
                sum += recall(&out, &set.truth(query, 10, &live));
            }
            sum / 100.0
        };
        for ef in [Some(8), None] {
            let (anew, fresh) = (found(&anew, ef), found(&fresh, ef));
            assert!(
                anew >= fresh - 0.02,
                "{metric} {ef:?}: {anew}, fresh {fresh}"
            );
        }
    }
}

#[test]
fn an_index_is_built_from_nothing_where_more_than_a_quarter_is_new() {
    let set = Set::new(rows(4_000, 16, 9, 1), 16, Metric::L2);
    let older = Set::new(set.data[..2_900 * 16].to_vec(), 16, Metric::L2).index(None, 0);
    let all: Vec<u32> = (0..4_000).collect();
    let older_rows: Vec<u32> = all
        .iter()
        .map(|row| if *row < 2_900 { *row } else { NONE })
        .collect();
    let (params, cancel) = (BuildParams::default(), AtomicBool::new(false));
    let view = older.view();
    let anew = Index::rebuild(
        &view,
        set.view(),
        &all,
        &older_rows,
        &params,
        &|_, _| {},
        &cancel,
    );
    assert!(anew.unwrap() == set.index(None, 0));
}

#[test]
fn an_index_of_other_vectors_is_no_older_one() {
    let set = Set::new(rows(2_000, 8, 5, 1), 8, Metric::L2);
    let other = Set::new(rows(2_000, 9, 5, 1), 9, Metric::L2).index(None, 1);
    let all: Vec<u32> = (0..2_000).collect();
    let none = vec![NONE; 2_000];
    let rebuild = |older: &Index, rows: &[u32]| {
        let (params, cancel) = (BuildParams::default(), AtomicBool::new(false));
        let view = older.view();
        Index::rebuild(&view, set.view(), &all, rows, &params, &|_, _| {}, &cancel).unwrap()
    };
    let fresh = set.index(None, 0);
    assert_eq!(rebuild(&other, &all), fresh);
    assert_eq!(
        rebuild(&fresh, &none),
        fresh,
        "nothing is known of the rows"
    );
    assert_eq!(rebuild(&fresh, &all[..5]), fresh, "the rows do not fit");
}

// [Q5]
#[test]
fn the_defaults_find_95_of_100_true_neighbours_under_every_metric() {
    for metric in METRICS {
        for dimension in [3, 16, 100, 260] {
            let (set, queries) = rows_and_queries(6_000, dimension, 1, metric);
            let index = set.index(None, 0);
            for k in [1, 10, 100] {
                let found = mean_recall(&set, &queries, &index, k, None, 1);
                assert!(found >= 0.95, "{metric} {dimension} k {k}: {found}");
            }
        }
    }
}

// Once the query's 8 bits could not tell the rows of a partition apart where these lie close together beside what all rows span.
#[test]
fn neighbours_are_found_where_rows_are_close_together_and_far_from_the_mean() {
    let lines = |n: u32| -> Vec<f32> {
        let hash = n.wrapping_mul(0x9E37_79B1) / 16;
        let step = (n % 10) as f32;
        let place = n / 10 * 10;
        let hash = hash - hash % 10;
        let far = [(hash % 1_000) as f32 + step, (hash / 1_000 % 1_000) as f32];
        vec![(place as f32) + step, far[0], far[1], 4.0]
    };
    let mut random = Random(5);
    let groups: Vec<f32> = (0..100 * 48).map(|_| 20.0 * random.normal()).collect();
    let mut near = |n: u32| -> Vec<f32> {
        let group = &groups[n as usize % 100 * 48..][..48];
        group.iter().map(|x| x + random.normal()).collect()
    };
    for (dimension, data) in [
        (4, (0..6_000).flat_map(lines).collect::<Vec<f32>>()),
        (48, (0..6_000).flat_map(&mut near).collect()),
    ] {
        let set = Set::new(data, dimension, Metric::L2);
        let index = set.index(None, 0);
        let (mut scratch, mut out, mut sum) = (Scratch::new(), Vec::new(), 0.0);
        let mut missed = 0;
        for row in (0..6_000).step_by(30) {
            let query = &set.data[row * dimension..(row + 1) * dimension];
            let view = index.view();
            view.search(set.view(), query, 1, None, None, &mut scratch, &mut out)
                .unwrap();
            missed += usize::from(out[0].score > 0.0);
            view.search(set.view(), query, 10, None, None, &mut scratch, &mut out)
                .unwrap();
            sum += recall(&out, &set.truth(query, 10, &|_| true));
        }
        assert!(
            sum / 200.0 >= 0.97 && missed <= 2,
            "{dimension}: {} and {missed} missed",
            sum / 200.0
        );
    }
}

#[test]
fn queries_from_elsewhere_are_looked_for_longer() {
    for metric in METRICS {
        let (set, queries) = rows_and_queries(6_000, 24, 1, metric);
        let index = set.index(None, 0);
        let elsewhere = rows(100, 24, 40, 99);
        let near = mean_recall(&set, &queries, &index, 10, None, 1);
        let far = mean_recall(&set, &elsewhere, &index, 10, None, 1);
        assert!(near >= 0.95 && far >= 0.9, "{metric}: {near} {far}");
    }
}

// [Q6]
#[test]
fn a_filter_costs_no_recall() {
    for metric in METRICS {
        let (set, queries) = rows_and_queries(8_000, 24, 2, metric);
        let index = set.index(None, 0);
        for every in [2, 10, 100, 1000] {
            let found = mean_recall(&set, &queries, &index, 10, None, every);
            assert!(found >= 0.95, "{metric} 1 in {every}: {found}");
        }
    }
}

#[test]
fn more_partitions_find_more_until_everything_is_found() {
    let (set, queries) = rows_and_queries(6_000, 32, 3, Metric::L2);
    let index = set.index(None, 0);
    let few = mean_recall(&set, &queries, &index, 10, Some(1), 1);
    let all = mean_recall(&set, &queries, &index, 10, Some(100_000), 1);
    assert!(few < 0.9 && all > 0.99, "{few} {all}");
}

// [Q5]
#[test]
fn an_index_knows_its_recall() {
    let (set, queries) = rows_and_queries(8_000, 48, 4, Metric::Cosine);
    let index = set.index(None, 0);
    let view = index.view();
    for ef in [2, 8, 32] {
        let (told, found) = (
            f64::from(view.recall(ef)),
            mean_recall(&set, &queries, &index, 10, Some(ef), 1),
        );
        assert!((told - found).abs() < 0.1, "{ef}: {told} {found}");
    }
    assert!(view.recall(view.ef_for(0.9)) >= 0.9);
}

// [Q7]
#[test]
fn threads_do_not_change_the_index() {
    for (dimension, metric) in [(20, Metric::Cosine), (224, Metric::L2)] {
        let set = Set::new(rows(4_000, dimension, 20, 5), dimension, metric);
        let one = set.index(None, 1);
        assert_eq!(one.to_bytes(), set.index(None, 1).to_bytes());
        assert_eq!(one.to_bytes(), set.index(None, 3).to_bytes());
    }
}

#[test]
fn long_rows_are_coded_along_few_axes() {
    // 256 dimensions, of which 12 are used.
    let (n, dimension) = (4_000, 256);
    let (mut random, few) = (Random(6), rows(4_000, 12, 20, 6));
    let axes: Vec<f32> = (0..12 * dimension).map(|_| random.normal()).collect();
    let mut data = vec![0.0; n * dimension];
    for (row, few) in data.chunks_exact_mut(dimension).zip(few.chunks_exact(12)) {
        for (x, axis) in few.iter().zip(axes.chunks_exact(dimension)) {
            row.iter_mut().zip(axis).for_each(|(to, a)| *to += x * a);
        }
    }
    for metric in METRICS {
        let set = Set::new(data.clone(), dimension, metric);
        let index = set.index(None, 0);
        // 128 bytes a row without axes.
        let bytes = index.to_bytes().len() / n;
        assert!(bytes < 90, "{metric}: {bytes} bytes a row");
        let (mut scratch, mut out, mut sum) = (Scratch::new(), Vec::new(), 0.0);
        for query in data.chunks_exact(dimension).step_by(40) {
            let view = index.view();
            view.search(set.view(), query, 10, None, None, &mut scratch, &mut out)
                .unwrap();
            let truth = set.truth(query, 10, &|_| true);
            sum += recall(&out, &truth);
            view.search_exactly(set.view(), query, 10, None, &mut scratch, &mut out)
                .unwrap();
            assert_eq!(out, truth, "{metric}");
        }
        assert!(sum / 100.0 > 0.95, "{metric}: {}", sum / 100.0);
    }
}

#[test]
fn rows_that_were_left_out_are_not_found() {
    let set = Set::new(rows(3_000, 16, 20, 7), 16, Metric::L2);
    let some: Vec<u32> = (0..3_000).filter(|row| row % 3 != 1).collect();
    let index = set.index(Some(&some), 0);
    let view = index.view();
    assert_eq!((view.len(), view.indexed()), (3_000, 2_000));
    assert_eq!(
        (view.slot(1), view.slot(2).is_some(), view.slot(9_999)),
        (None, true, None)
    );
    let (mut scratch, mut out) = (Scratch::new(), Vec::new());
    for row in 0..50 {
        let query = set.view().row(row);
        view.search(
            set.view(),
            query,
            10,
            Some(1_000),
            None,
            &mut scratch,
            &mut out,
        )
        .unwrap();
        let truth = set.truth(query, 10, &|row| row % 3 != 1);
        assert!(recall(&out, &truth) > 0.8);
        assert!(out.iter().all(|hit| hit.id % 3 != 1));
        view.search_exactly(set.view(), query, 10, None, &mut scratch, &mut out)
            .unwrap();
        assert_eq!(out, truth);
    }
    // Every slot holds a row once.
    let mut rows: Vec<u32> = (0..3_000).filter_map(|row| view.slot(row)).collect();
    rows.sort_unstable();
    rows.dedup();
    assert_eq!(rows.len(), 2_000);
}

#[test]
fn rows_that_are_the_same_are_all_found() {
    let mut data = vec![0.0f32; 0];
    for _ in 0..900 {
        data.extend([1.0, 2.0, 3.0]);
    }
    data.extend(rows(100, 3, 5, 8));
    for metric in METRICS {
        let set = Set::new(data.clone(), 3, metric);
        let index = set.index(None, 0);
        let (mut scratch, mut out) = (Scratch::new(), Vec::new());
        let view = index.view();
        view.search(
            set.view(),
            &[1.0, 2.0, 3.0],
            10,
            None,
            None,
            &mut scratch,
            &mut out,
        )
        .unwrap();
        let truth = set.truth(&[1.0, 2.0, 3.0], 10, &|_| true);
        assert_eq!(recall(&out, &truth), 1.0, "{metric}");
        let sizes = view.partitions();
        assert!(
            sizes >= 7,
            "{metric}: 900 equal rows lie in {sizes} partitions"
        );
    }
}

#[test]
fn few_rows_odd_rows_and_none_at_all() {
    let odd = [0.0, -0.0, f32::MIN_POSITIVE, 1e-40, 1e15, -1e15, 1.0];
    let huge = [f32::MAX, f32::MIN, 1e30];
    for metric in METRICS {
        for n in [0usize, 1, 2, 15, 16, 17, 100, 700] {
            let mut random = Random(n as u64);
            let mut data: Vec<f32> = (0..n * 5)
                .map(|_| match random.next() % 4 {
                    0 => odd[(random.next() % odd.len() as u64) as usize],
                    _ => random.normal(),
                })
                .collect();
            let set = Set::new(data.clone(), 5, metric);
            let index = set.index(None, 0);
            let (mut scratch, mut out) = (Scratch::new(), Vec::new());
            for query in [[0.0; 5], [1.0, -1.0, 0.5, 0.0, 2.0], [1e15; 5]] {
                for k in [0, 1, 10, 1_000] {
                    let view = index.view();
                    view.search(
                        set.view(),
                        &query,
                        k,
                        Some(10_000),
                        None,
                        &mut scratch,
                        &mut out,
                    )
                    .unwrap();
                    assert!(out.len() <= k.min(n));
                    view.search_exactly(set.view(), &query, k, None, &mut scratch, &mut out)
                        .unwrap();
                    assert_eq!(
                        out,
                        set.truth(&query, k, &|_| true),
                        "{metric} {n} {k} {query:?}"
                    );
                }
            }
            // Where sums overflow nothing is right, but nothing breaks either.
            data.iter_mut()
                .zip(huge.iter().cycle())
                .step_by(7)
                .for_each(|(x, huge)| *x = *huge);
            let set = Set::new(data, 5, metric);
            let index = set.index(None, 0);
            for query in [[f32::MAX; 5], [1e30; 5]] {
                let view = index.view();
                view.search(set.view(), &query, 10, None, None, &mut scratch, &mut out)
                    .unwrap();
                view.search_exactly(set.view(), &query, 10, None, &mut scratch, &mut out)
                    .unwrap();
                assert_eq!(out.len(), 10.min(n));
            }
        }
    }
}

#[test]
fn what_does_not_fit_is_refused() {
    let set = Set::new(rows(100, 4, 3, 9), 4, Metric::L2);
    let index = set.index(None, 0);
    let (mut scratch, mut out) = (Scratch::new(), Vec::new());
    let other = Set::new(rows(99, 4, 3, 9), 4, Metric::L2);
    let view = index.view();
    assert!(
        view.search(
            other.view(),
            &[0.0; 4],
            1,
            None,
            None,
            &mut scratch,
            &mut out
        )
        .is_err()
    );
    assert!(
        view.search(set.view(), &[0.0; 3], 1, None, None, &mut scratch, &mut out)
            .is_err()
    );
    assert!(
        view.search_exactly(set.view(), &[0.0; 3], 1, None, &mut scratch, &mut out)
            .is_err()
    );
    let build = |rows: &[u32]| {
        let go_on = AtomicBool::new(false);
        Index::build(
            set.view(),
            Some(rows),
            &BuildParams::default(),
            &|_, _| {},
            &go_on,
        )
    };
    assert!(build(&[3, 2]).is_err());
    assert!(build(&[2, 2]).is_err());
    assert!(build(&[100]).is_err());
}

#[test]
fn a_build_ends_soon_after_a_cancel_and_tells_how_far_it_is() {
    let set = Set::new(rows(20_000, 32, 40, 10), 32, Metric::L2);
    let (cancel, last) = (AtomicBool::new(false), AtomicUsize::new(0));
    let progress = |done: usize, total: usize| {
        assert!(done <= total && total == 20_000);
        assert!(
            last.fetch_max(done, Ordering::Relaxed) <= done,
            "it does not go back"
        );
        cancel.store(true, Ordering::Relaxed);
    };
    let result = Index::build(
        set.view(),
        None,
        &BuildParams::default(),
        &progress,
        &cancel,
    );
    assert_eq!(result.unwrap_err(), BuildError::Cancelled);
    cancel.store(false, Ordering::Relaxed);
    let done = AtomicUsize::new(0);
    let progress = |now: usize, _: usize| {
        done.fetch_max(now, Ordering::Relaxed);
    };
    Index::build(
        set.view(),
        None,
        &BuildParams::default(),
        &progress,
        &cancel,
    )
    .unwrap();
    assert_eq!(done.into_inner(), 20_000);
}

#[test]
fn the_neighbour_graph_is_that_of_brute_force_but_for_a_few() {
    let set = Set::new(rows(3_000, 24, 20, 11), 24, Metric::Cosine);
    let index = set.index(None, 0);
    let (n, k) = (3_000, 12);
    let go_on = AtomicBool::new(false);
    let mut found = (vec![0; n * k], vec![0.0; n * k]);
    index
        .view()
        .knn_graph(
            set.view(),
            k,
            0,
            0,
            &|_, _| {},
            &go_on,
            &mut found.0,
            &mut found.1,
        )
        .unwrap();
    let mut truth = (vec![0; n * k], vec![0.0; n * k]);
    exact::knn_graph(
        set.view(),
        k,
        0,
        &|_, _| {},
        &go_on,
        &mut truth.0,
        &mut truth.1,
    )
    .unwrap();
    let mut good = 0;
    for row in 0..n {
        let (found, truth) = (&found.0[row * k..][..k], &truth.0[row * k..][..k]);
        assert!(!found.contains(&(row as u32)) && !found.contains(&NONE));
        good += found.iter().filter(|id| truth.contains(id)).count();
    }
    let share = good as f64 / (n * k) as f64;
    assert!(share > 0.95, "{share}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]

    // [Q1]
    #[test]
    fn an_exact_search_by_codes_is_brute_force(
        seed in 0u64..1_000,
        n in 0usize..500,
        dimension in 1usize..40,
        metric in 0usize..3,
        k in 1usize..30,
        every in 1u32..9,
    ) {
        let set = Set::new(rows(n, dimension, 1 + n / 50, seed), dimension, METRICS[metric]);
        let index = set.index(None, 1);
        let view = index.view();
        let accepted = slots(&view, |row| row % every == 0);
        let (mut scratch, mut out) = (Scratch::new(), Vec::new());
        for query in rows(5, dimension, 2, seed + 1).chunks_exact(dimension) {
            view.search_exactly(set.view(), query, k, Some(&accepted), &mut scratch, &mut out).unwrap();
            prop_assert_eq!(&out, &set.truth(query, k, &|row| row % every == 0));
        }
    }
}
