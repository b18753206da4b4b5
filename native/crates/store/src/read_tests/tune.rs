//! What a measurement of precision says, against what is true.

use std::sync::atomic::AtomicBool;

use omendb_distance::Metric;

use super::*;
use crate::sync::Mutex;

/// Rows of two parts, the first with an index, on a sphere if `unit`.
fn fixture(metric: Metric, unit: bool) -> Fixture {
    let mut random = Random::new(9);
    let mut fixture = Fixture::new(None, &[], 12, metric);
    for (rows, index) in [(3_000, true), (60, false)] {
        let mut vectors = Vec::new();
        for _ in 0..rows {
            let vector = random.vector(12);
            let norm = vector.iter().map(|x| x * x).sum::<f32>().sqrt();
            let scale = if unit { 1.0 / norm } else { 1.0 };
            vectors.extend(vector.iter().map(|x| x * scale));
        }
        fixture.part(&[], &vectors, 64, index);
    }
    fixture.deleted.extend([0, 7, 3_001]);
    fixture
}

fn tune(fixture: Fixture) -> crate::TuneReport {
    let snapshot = fixture.snapshot();
    let steps = Mutex::new(Vec::new());
    let progress = |done: usize, total: usize| steps.lock().push((done, total));
    let report = snapshot.tune(0, 100, &AtomicBool::new(false), &progress);
    let steps = std::mem::take(&mut *steps.lock());
    assert!(steps.iter().all(|(done, total)| done <= total));
    assert_eq!(steps.last().map(|(done, total)| done == total), Some(true));
    report.unwrap()
}

#[test]
fn the_choices_go_from_the_default_over_more_and_more_partitions_to_every_row() {
    let report = tune(fixture(Metric::Cosine, false));
    assert_eq!((report.rows, report.queries, report.k), (3_057, 100, 10));
    assert_eq!(report.indexed_rows, 2_998);
    assert!(report.index_bytes > 0 && report.vector_bytes == 3_057 * 12 * 4);
    let (usual, exact) = (&report.choices[0], report.choices.last().unwrap());
    assert_eq!((usual.ef, usual.exact), (None, false));
    assert_eq!((exact.ef, exact.exact, exact.recall), (None, true, 1.0));
    let tried = &report.choices[1..report.choices.len() - 1];
    let efs: Vec<usize> = tried.iter().filter_map(|choice| choice.ef).collect();
    assert!(efs.len() > 2 && efs.is_sorted() && efs.len() == tried.len());
    assert!(tried[0].recall < tried[tried.len() - 1].recall);
    for choice in &report.choices {
        assert!((0.0..=1.0).contains(&choice.recall), "{choice:?}");
        assert!(choice.p50_us > 0.0 && choice.p50_us <= choice.p99_us);
    }
    assert!(tried[tried.len() - 1].recall >= 0.95 && usual.recall >= 0.9);
    assert!(tried[0].distances < exact.distances);
}

#[test]
fn vectors_of_one_length_have_the_same_neighbours_under_every_metric_and_others_have_not() {
    let shared = |report: &crate::TuneReport| -> Vec<(Metric, f64)> {
        let metrics = report.metrics.iter();
        metrics.map(|one| (one.metric, one.shared)).collect()
    };
    let same = tune(fixture(Metric::L2, true));
    assert!(same.norms[1] - same.norms[0] < 1e-5);
    for (metric, share) in shared(&same) {
        assert!(share > 0.99, "{metric}: {share}");
    }
    let other = tune(fixture(Metric::L2, false));
    assert!(other.norms[1] > 1.5 * other.norms[0]);
    for (metric, share) in shared(&other) {
        assert_eq!(share == 1.0, metric == Metric::L2, "{metric}: {share}");
        assert!(share > 0.0, "{metric}");
    }
}

#[test]
fn without_an_index_there_is_nothing_but_every_row_and_too_few_rows_are_refused() {
    let mut random = Random::new(1);
    let mut small = Fixture::new(None, &[], 4, Metric::L2);
    small.part(&[], &random.vector(4 * 40), 64, false);
    let report = tune(small);
    assert_eq!((report.queries, report.indexed_rows), (40, 0));
    assert_eq!((report.choices.len(), report.choices[0].exact), (1, true));

    let mut one = Fixture::new(None, &[], 4, Metric::L2);
    one.part(&[], &random.vector(4), 64, false);
    let snapshot = one.snapshot();
    let ask = |queries, stop| snapshot.tune(0, queries, &AtomicBool::new(stop), &|_, _| {});
    assert_eq!(ask(10, false).unwrap_err().code(), "INVALID_REQUEST");
    let snapshot = fixture(Metric::Dot, false).snapshot();
    let ask = |queries, stop| snapshot.tune(0, queries, &AtomicBool::new(stop), &|_, _| {});
    assert_eq!(ask(0, false).unwrap_err().code(), "INVALID_REQUEST");
    assert_eq!(ask(5_000, false).unwrap_err().code(), "LIMIT_EXCEEDED");
    assert_eq!(ask(10, true).unwrap_err().code(), "CANCELLED");
}
