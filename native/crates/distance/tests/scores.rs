//! Metrics, scores and matrices.

use omendb_distance::{Metric, Scorer, VectorsRef, inv_norm, inv_norms, to_distance};
use proptest::prelude::*;

fn score(metric: Metric, query: &[f32], row: &[f32]) -> f32 {
    Scorer::new(metric, query).score(row, inv_norm(row))
}

#[test]
fn metric_names_are_read_as_written_and_others_are_refused() {
    for metric in Metric::ALL {
        assert_eq!(Metric::parse(metric.as_str()), Ok(metric));
        assert_eq!(metric.to_string().parse(), Ok(metric));
    }
    for name in ["", "L2", "euclidean", "cosine "] {
        let error = Metric::parse(name).unwrap_err();
        assert!(error.to_string().contains(name));
    }
}

#[test]
fn distances_are_what_people_expect() {
    let (a, b) = ([3.0, 4.0], [0.0, 0.0]);
    assert_eq!(to_distance(Metric::L2, score(Metric::L2, &a, &b)), 5.0);
    assert_eq!(
        to_distance(Metric::Dot, score(Metric::Dot, &a, &[2.0, 1.0])),
        -10.0
    );
    let opposite = to_distance(Metric::Cosine, score(Metric::Cosine, &a, &[-6.0, -8.0]));
    assert!((opposite - 2.0).abs() < 1e-6);
    let same = to_distance(Metric::Cosine, score(Metric::Cosine, &a, &[30.0, 40.0]));
    assert!((0.0..1e-6).contains(&same));
}

#[test]
fn a_zero_vector_has_cosine_distance_1_to_everything_itself_included() {
    let zero = [0.0; 5];
    let other = [1.0, -2.0, 0.5, 0.0, 9.0];
    for (a, b) in [(&zero, &other), (&other, &zero), (&zero, &zero)] {
        assert_eq!(
            to_distance(Metric::Cosine, score(Metric::Cosine, a, b)),
            1.0
        );
    }
}

#[test]
fn norms_hold_where_squares_leave_the_range_of_f32() {
    for size in [1e-30f32, 1e-20, 1.0, 1e20, 1e30] {
        let norm = 5.0 * f64::from(size);
        let inverse = f64::from(inv_norm(&[3.0 * size, 4.0 * size]));
        assert!((inverse * norm - 1.0).abs() < 1e-6, "{size}: {inverse}");
    }
    assert_eq!(inv_norm(&[1e-42, 1e-42]), 0.0);
    assert_eq!(inv_norm(&[f32::MAX; 9]), 0.0);
    assert_eq!(inv_norm(&[]), 0.0);
}

#[test]
fn scores_are_never_nan_even_when_products_overflow() {
    let (huge, mixed) = ([f32::MAX, f32::MAX], [f32::MAX, -f32::MAX]);
    for metric in Metric::ALL {
        for (a, b) in [(&huge, &mixed), (&huge, &huge), (&mixed, &huge)] {
            assert!(!score(metric, a, b).is_nan());
        }
    }
}

#[test]
fn a_matrix_names_what_does_not_fit() {
    let data = [0.0; 12];
    let bad = |dimension, metric, norms: &[f32]| {
        VectorsRef::new(&data, dimension, metric, norms)
            .map(|_| ())
            .unwrap_err()
            .to_string()
    };
    assert!(bad(0, Metric::L2, &[]).contains("dimension is 0"));
    assert!(bad(5, Metric::L2, &[]).contains("12 floats"));
    assert!(bad(4, Metric::Cosine, &[]).contains("0 inverse norms for 3 rows"));
    assert!(bad(4, Metric::Dot, &[1.0; 3]).contains("expected 0"));
    let vectors = VectorsRef::new(&data, 4, Metric::L2, &[]).unwrap();
    assert_eq!((vectors.len(), vectors.slice(1..3).len()), (3, 2));
    assert!(vectors.check_query(&[0.0; 3]).is_err());
}

fn matrix() -> impl Strategy<Value = (usize, Vec<f32>)> {
    (1usize..40, 1usize..12).prop_flat_map(|(dimension, rows)| {
        let floats = prop::collection::vec(-100.0f32..100.0, dimension * (rows + 1));
        floats.prop_map(move |floats| (dimension, floats))
    })
}

proptest! {
    #[test]
    fn rows_score_the_same_alone_among_four_and_in_a_block((dimension, floats) in matrix()) {
        let (query, data) = floats.split_at(dimension);
        for metric in Metric::ALL {
            let mut norms = Vec::new();
            if metric == Metric::Cosine {
                inv_norms(data, dimension, &mut norms);
            }
            let vectors = VectorsRef::new(data, dimension, metric, &norms).unwrap();
            let scorer = vectors.scorer(query);
            let mut block = vec![0.0; vectors.len()];
            scorer.score_rows(vectors, &mut block);
            for (i, found) in block.iter().enumerate() {
                let (row, inv) = (vectors.row(i), vectors.inv_norm(i));
                prop_assert_eq!(scorer.score(row, inv).to_bits(), found.to_bits());
                prop_assert_eq!(scorer.score_4([row; 4], [inv; 4])[i % 4].to_bits(), found.to_bits());
            }
        }
    }

    #[test]
    fn a_smaller_score_never_becomes_a_larger_distance(a in -10.0f32..10.0, b in -10.0f32..10.0) {
        for metric in Metric::ALL {
            prop_assert!(to_distance(metric, a.min(b)) <= to_distance(metric, a.max(b)));
        }
    }
}
