use omendb_distance::Metric;
use proptest::prelude::*;

use super::*;
use crate::query::{Hit, Plan, SearchRequest};

const KINDS: [(&str, ColumnKind); 2] = [("n", ColumnKind::Int), ("even", ColumnKind::Bool)];

fn cells(first: usize, rows: usize) -> Vec<Vec<Value<'static>>> {
    (first..first + rows)
        .map(|i| vec![Value::Int(i as i64), Value::Bool(i % 2 == 0)])
        .collect()
}

/// Parts of these sizes (true: indexed) of random vectors, some of them zero, some repeated.
fn fixture(seed: u64, metric: Metric, dimension: usize, parts: &[(usize, bool)]) -> Fixture {
    let mut random = Random::new(seed);
    let mut fixture = Fixture::new(None, &KINDS, dimension, metric);
    let mut first = 0;
    for (rows, indexed) in parts {
        let mut vectors = Vec::new();
        for i in 0..*rows {
            match i % 50 {
                48 => vectors.extend(vec![0.0; dimension]),
                49 => vectors.extend(vec![0.5; dimension]),
                _ => vectors.extend(random.vector(dimension)),
            }
        }
        fixture.part(&cells(first, *rows), &vectors, 64, *indexed);
        first += rows;
    }
    fixture
}

/// Distances of the `k` nearest rows among those that `keep` takes.
fn truth(snapshot: &Snapshot, query: &[f32], k: usize, keep: impl Fn(u32) -> bool) -> Vec<f64> {
    let metric = snapshot.meta().vectors[0].metric;
    let mut all: Vec<f64> = live_vectors(snapshot)
        .iter()
        .filter(|(row, _)| keep(**row))
        .map(|(_, v)| true_distance(metric, query, v))
        .collect();
    all.sort_by(f64::total_cmp);
    all.truncate(k);
    all
}

fn assert_same(hits: &[Hit], truth: &[f64], what: &str) {
    assert_eq!(hits.len(), truth.len(), "{what}: number of hits");
    for (i, (hit, expected)) in hits.iter().zip(truth).enumerate() {
        let gap = (f64::from(hit.distance) - expected).abs();
        assert!(
            gap < 1e-3,
            "{what}: hit {i} is at {} and should be at {expected}",
            hit.distance
        );
    }
    assert!(
        hits.windows(2)
            .all(|w| (w[0].distance, w[0].row) < (w[1].distance, w[1].row)),
        "{what}: order"
    );
}

// [Q1]
#[test]
fn exact_search_agrees_with_the_definition_for_every_metric_over_several_parts_with_deletes() {
    for metric in Metric::ALL {
        for dimension in [1, 3, 24] {
            let mut fixture = fixture(
                7,
                metric,
                dimension,
                &[(300, false), (1, false), (150, true)],
            );
            fixture.deleted.extend([0, 5, 300, 350, 449]);
            let snapshot = fixture.snapshot();
            assert_eq!(snapshot.len(), 446);
            let mut random = Random::new(3);
            for query in [
                random.vector(dimension),
                vec![0.0; dimension],
                vec![0.5; dimension],
            ] {
                for k in [1, 10, 1_000] {
                    let request = SearchRequest {
                        exact: true,
                        ..SearchRequest::new(&query, k)
                    };
                    let result = snapshot.search(&request).unwrap();
                    assert_same(
                        &result.hits,
                        &truth(&snapshot, &query, k, |_| true),
                        metric.as_str(),
                    );
                    assert_eq!((result.plan, result.ef), (Plan::Exact, 0));
                    assert!(result.hits.iter().all(|h| !fixture.deleted.contains(h.row)));
                }
            }
        }
    }
}

// [Q1]
#[test]
fn equal_distances_come_by_row_number_across_parts() {
    let mut fixture = Fixture::new(None, &[], 2, Metric::L2);
    for _ in 0..3 {
        fixture.part(&[], &[1.0, 0.0, 1.0, 0.0], 1, false);
    }
    let hits = fixture
        .snapshot()
        .search(&SearchRequest::new(&[1.0, 0.0], 4))
        .unwrap()
        .hits;
    assert_eq!(hits.iter().map(|h| h.row).collect::<Vec<_>>(), [0, 1, 2, 3]);
}

// [Q3]
#[test]
fn an_indexed_and_a_fresh_part_are_searched_as_one() {
    for metric in [Metric::L2, Metric::Cosine] {
        let mut fixture = fixture(11, metric, 8, &[(6_000, true), (500, false)]);
        for row in (0..6_500).step_by(13) {
            fixture.deleted.insert(row);
        }
        let snapshot = fixture.snapshot();
        let mut random = Random::new(5);
        let (mut found, mut wanted) = (0, 0);
        for _ in 0..30 {
            let query = random.vector(8);
            let result = snapshot.search(&SearchRequest::new(&query, 10)).unwrap();
            assert_eq!(result.plan, Plan::Mixed);
            assert!(result.ef > 0 && result.visited > 0 && result.scanned == 500);
            assert!(result.hits.iter().all(|h| !fixture.deleted.contains(h.row)));
            let truth = truth(&snapshot, &query, 10, |_| true);
            wanted += 10;
            found += result
                .hits
                .iter()
                .filter(|h| f64::from(h.distance) <= truth[9] + 1e-5)
                .count();
        }
        assert!(
            found * 100 >= wanted * 95,
            "recall {found}/{wanted} under {metric}"
        );
    }
}

#[test]
fn a_search_within_one_index_is_planned_as_indexed_and_leaves_the_excluded_row_out() {
    let fixture = fixture(13, Metric::Cosine, 8, &[(5_000, true)]);
    let snapshot = fixture.snapshot();
    let query = snapshot.vector(77, 0).unwrap().to_vec();
    let plain = snapshot.search(&SearchRequest::new(&query, 10)).unwrap();
    assert_eq!(
        (plain.plan, plain.hits[0].row, plain.scanned),
        (Plan::Indexed, 77, 0)
    );
    let request = SearchRequest {
        exclude: Some(77),
        ..SearchRequest::new(&query, 9)
    };
    let others = snapshot.search(&request).unwrap();
    assert_eq!(
        others.hits,
        plain.hits[1..],
        "the same hits without the row itself"
    );
    let request = SearchRequest {
        exclude: Some(77),
        exact: true,
        ..SearchRequest::new(&query, 9)
    };
    assert!(
        snapshot
            .search(&request)
            .unwrap()
            .hits
            .iter()
            .all(|h| h.row != 77)
    );
}

#[test]
fn filtered_search_agrees_with_the_definition_at_every_selectivity() {
    let mut fixture = fixture(17, Metric::L2, 6, &[(5_000, true), (700, false)]);
    fixture.deleted.insert_range(100..200);
    let snapshot = fixture.snapshot();
    let mut random = Random::new(23);
    for (filter, limit, even) in [
        ("n < 3", 3, false),
        ("n < 60", 60, false),
        ("n < 2000 AND even", 2_000, true),
        ("n < 5600", 5_600, false),
        ("n >= 0", 6_000, false),
        ("n < 0", 0, false),
    ] {
        let keep = |row: u32| row < limit && (!even || row.is_multiple_of(2));
        let (mut found, mut wanted) = (0, 0);
        for _ in 0..10 {
            let query = random.vector(6);
            let truth = truth(&snapshot, &query, 10, keep);
            let request = SearchRequest {
                filter: Some(filter),
                ..SearchRequest::new(&query, 10)
            };
            let hits = snapshot.search(&request).unwrap().hits;
            assert_eq!(hits.len(), truth.len(), "{filter}");
            assert!(
                hits.iter()
                    .all(|h| keep(h.row) && !fixture.deleted.contains(h.row)),
                "{filter}"
            );
            wanted += truth.len();
            found += hits
                .iter()
                .filter(|h| {
                    truth
                        .last()
                        .is_some_and(|t| f64::from(h.distance) <= t + 1e-5)
                })
                .count();
            let exact = snapshot
                .search(&SearchRequest {
                    exact: true,
                    ..request
                })
                .unwrap();
            assert_same(&exact.hits, &truth, filter);
        }
        assert!(
            found * 100 >= wanted * 95,
            "recall {found}/{wanted} for {filter}"
        );
    }
}

// [Q6]
#[test]
fn a_filter_whose_rows_lie_far_away_finds_them_through_the_index() {
    // 3,000 accepted rows in a far corner: none of the partitions near the query holds one.
    let mut fixture = Fixture::new(None, &KINDS, 4, Metric::L2);
    let mut random = Random::new(29);
    let mut vectors = Vec::new();
    for i in 0..12_000 {
        let far = if i < 3_000 { 100.0 } else { 0.0 };
        vectors.extend(random.vector(4).iter().map(|x| x + far));
    }
    fixture.part(&cells(0, 12_000), &vectors, 4_096, true);
    let snapshot = fixture.snapshot();
    let query = [0.0; 4];
    let request = SearchRequest {
        filter: Some("n < 3000"),
        ef: Some(16),
        ..SearchRequest::new(&query, 10)
    };
    let result = snapshot.search(&request).unwrap();
    assert_same(
        &result.hits,
        &truth(&snapshot, &query, 10, |row| row < 3_000),
        "far corner",
    );
    assert_eq!(result.plan, Plan::Indexed);
}

#[test]
fn a_large_collection_is_scanned_on_all_cores_with_the_same_result() {
    let mut fixture = Fixture::new(None, &[("n", ColumnKind::Int)], 2, Metric::L2);
    let mut random = Random::new(31);
    let rows = 210_000;
    let vectors: Vec<f32> = (0..rows * 2).map(|_| random.float()).collect();
    let cells: Vec<Vec<Value<'_>>> = (0..rows).map(|i| vec![Value::Int(i as i64)]).collect();
    fixture.part(&cells, &vectors, 8_192, false);
    fixture.deleted.insert_range(0..1_000);
    let snapshot = fixture.snapshot();
    let query = [0.25, -0.25];
    let result = snapshot.search(&SearchRequest::new(&query, 20)).unwrap();
    assert_same(
        &result.hits,
        &truth(&snapshot, &query, 20, |_| true),
        "parallel",
    );
    let request = SearchRequest {
        filter: Some("n % 2 = 0"),
        ..SearchRequest::new(&query, 20)
    };
    let result = snapshot.search(&request).unwrap();
    assert_same(
        &result.hits,
        &truth(&snapshot, &query, 20, |r| r.is_multiple_of(2)),
        "parallel, filtered",
    );
}

#[test]
fn wrong_requests_are_refused_by_name() {
    let fixture = fixture(1, Metric::L2, 3, &[(10, false)]);
    let snapshot = fixture.snapshot();
    let code = |request: SearchRequest<'_>| snapshot.search(&request).unwrap_err().code();
    let q = [0.0; 3];
    assert_eq!(
        code(SearchRequest {
            vector: 1,
            ..SearchRequest::new(&q, 1)
        }),
        "UNKNOWN_COLUMN"
    );
    assert_eq!(code(SearchRequest::new(&[0.0; 2], 1)), "DIMENSION_MISMATCH");
    assert_eq!(
        code(SearchRequest::new(&[0.0, f32::NAN, 0.0], 1)),
        "INVALID_VECTOR"
    );
    assert_eq!(code(SearchRequest::new(&q, 0)), "INVALID_REQUEST");
    assert_eq!(code(SearchRequest::new(&q, usize::MAX)), "LIMIT_EXCEEDED");
    assert_eq!(
        code(SearchRequest {
            ef: Some(0),
            ..SearchRequest::new(&q, 1)
        }),
        "INVALID_REQUEST"
    );
    assert_eq!(
        code(SearchRequest {
            filter: Some("n <"),
            ..SearchRequest::new(&q, 1)
        }),
        "INVALID_FILTER"
    );
    assert_eq!(
        code(SearchRequest {
            filter: Some("m = 1"),
            ..SearchRequest::new(&q, 1)
        }),
        "INVALID_FILTER"
    );
    let blank = SearchRequest {
        filter: Some("  "),
        ..SearchRequest::new(&q, 1)
    };
    assert_eq!(snapshot.search(&blank).unwrap().hits.len(), 1);
}

#[test]
fn a_vector_that_overflows_is_far_rather_than_first() {
    let mut fixture = Fixture::new(None, &[], 2, Metric::L2);
    fixture.part(&[], &[3e38, 3e38, 1.0, 1.0], 1, false);
    let hits = fixture
        .snapshot()
        .search(&SearchRequest::new(&[0.0, 0.0], 2))
        .unwrap()
        .hits;
    assert_eq!(hits.iter().map(|h| h.row).collect::<Vec<_>>(), [1, 0]);
}

#[test]
fn an_empty_collection_has_no_hits() {
    let fixture = Fixture::new(None, &[], 2, Metric::Cosine);
    let result = fixture
        .snapshot()
        .search(&SearchRequest::new(&[0.0, 0.0], 2))
        .unwrap();
    assert!(result.hits.is_empty());
    assert_eq!(result.plan, Plan::Exact);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]
    #[test]
    fn exact_search_agrees_with_the_definition_whatever_the_parts_and_deletes(
        seed in any::<u64>(),
        metric in prop::sample::select(Metric::ALL.to_vec()),
        parts in prop::collection::vec((1usize..120, any::<bool>()), 0..5),
        deleted in prop::collection::btree_set(0u32..400, 0..80),
        k in 1usize..40,
        limit in prop::option::of(0u32..400),
        exclude in prop::option::of(0u32..400),
    ) {
        let mut fixture = fixture(seed, metric, 5, &parts);
        fixture.deleted.extend(deleted.iter().copied());
        let snapshot = fixture.snapshot();
        let query = Random::new(seed ^ 1).vector(5);
        let filter = limit.map(|l| format!("n < {l}"));
        let request = SearchRequest {
            exact: true,
            filter: filter.as_deref(),
            exclude,
            ..SearchRequest::new(&query, k)
        };
        let result = snapshot.search(&request).unwrap();
        let keep = |row: u32| Some(row) != exclude && limit.is_none_or(|l| row < l);
        assert_same(&result.hits, &truth(&snapshot, &query, k, keep), "random parts");
        // Parts this small have few rows, so that with or without an index all are found.
        let indexed = snapshot.search(&SearchRequest { exact: false, ..request }).unwrap();
        prop_assert_eq!(indexed.hits, result.hits);
    }
}

#[test]
fn an_index_of_other_vectors_is_left_alone() {
    let mut fixture = Fixture::new(None, &[], 2, Metric::L2);
    let mut random = Random::new(2);
    let vectors: Vec<f32> = (0..6_000).map(|_| random.float()).collect();
    fixture.part_with_index_of(&vectors, &vectors[..4_000]);
    let snapshot = fixture.snapshot();
    let query = [0.0, 0.0];
    let result = snapshot.search(&SearchRequest::new(&query, 5)).unwrap();
    assert_eq!(result.plan, Plan::Exact);
    assert_same(
        &result.hits,
        &truth(&snapshot, &query, 5, |_| true),
        "scanned",
    );
}
