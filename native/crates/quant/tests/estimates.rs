//! Estimates from codes against exact scores.

use omendb_distance::{Metric, Scorer, VectorsRef, inv_norm, inv_norms};
use omendb_quant::{CodeQuery, Codec, Codes, FitParams, Width};

/// Numbers that look random, about normal, the same each time.
struct Random(u64);

impl Random {
    fn next(&mut self) -> f32 {
        let mut uniform = || {
            self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
            let mut z = self.0;
            z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
            z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
            ((z ^ (z >> 31)) >> 40) as f32 / 16_777_216.0 - 0.5
        };
        (0..12).map(|_| uniform()).sum()
    }

    fn rows(&mut self, n: usize, dimension: usize) -> Vec<f32> {
        // Dimensions of different mean and spread, as embeddings have.
        let shape: Vec<(f32, f32)> = (0..dimension)
            .map(|_| (self.next() * 0.3, self.next().abs() + 0.1))
            .collect();
        (0..n * dimension)
            .map(|i| {
                let (mean, spread) = shape[i % dimension];
                mean + spread * self.next()
            })
            .collect()
    }
}

/// The root mean square error of estimated scores, relative to the spread of the scores.
fn relative_error(metric: Metric, width: Width, dimension: usize) -> f64 {
    let mut random = Random(7);
    let n = 2_000;
    let data = random.rows(n + 20, dimension);
    let (queries, rows) = data.split_at(20 * dimension);
    let mut norms = Vec::new();
    if metric == Metric::Cosine {
        inv_norms(rows, dimension, &mut norms);
    }
    let vectors = VectorsRef::new(rows, dimension, metric, &norms).unwrap();
    let codec = Codec::fit(vectors, &FitParams::new(width)).unwrap();
    let mut bytes = vec![0; n * codec.row_bytes()];
    let mut terms = vec![0.0; if metric == Metric::L2 { n } else { 0 }];
    let mut errors = vec![0.0; n];
    codec.encode(vectors, &mut bytes, &mut errors, &mut terms);
    let codes = Codes::new(&codec, &bytes, &errors, &terms).unwrap();
    let ids: Vec<u32> = (0..n as u32).rev().collect();
    let (mut error, mut spread) = (0f64, 0f64);
    let mut prepared = CodeQuery::default();
    for query in queries.chunks_exact(dimension) {
        let mut exact = vec![0.0; n];
        Scorer::new(metric, query).score_rows(vectors, &mut exact);
        prepared.set(&codec, query, inv_norm(query));
        let mut run = vec![0.0; n];
        prepared.get(&codec).score_run(&codes, 0, &mut run);
        let mut named = vec![0.0; n];
        prepared.get(&codec).score(&codes, &ids, &mut named);
        named.reverse();
        assert_eq!(run, named, "by number as in a run");
        let (mut bounds, mut by_id) = (vec![0.0; n], vec![0.0; n]);
        prepared.get(&codec).bound_run(&codes, 0, &mut bounds);
        prepared.get(&codec).bound(&codes, &ids, &mut by_id);
        by_id.reverse();
        for ((run, by_id), exact) in bounds.iter().zip(&by_id).zip(&exact) {
            assert!(run.max(*by_id) <= *exact, "{metric} {width:?} {dimension}");
        }
        let mean = exact.iter().map(|x| f64::from(*x)).sum::<f64>() / n as f64;
        for (exact, found) in exact.iter().zip(run) {
            error += f64::from(exact - found).powi(2);
            spread += (f64::from(*exact) - mean).powi(2);
        }
    }
    (error / spread).sqrt()
}

// [Q9]
#[test]
fn estimates_are_close_under_every_metric_width_and_dimension() {
    for metric in [Metric::L2, Metric::Cosine, Metric::Dot] {
        for dimension in [1, 7, 64, 100, 128, 200] {
            let four = relative_error(metric, Width::Four, dimension);
            let eight = relative_error(metric, Width::Eight, dimension);
            assert!(four < 0.2, "{metric} {dimension}: {four} with 4 bits");
            assert!(eight < 0.02, "{metric} {dimension}: {eight} with 8 bits");
        }
    }
}

#[test]
fn values_that_are_no_numbers_and_rows_that_are_all_the_same_break_nothing() {
    let rows = [
        1.0f32,
        f32::NAN,
        f32::INFINITY,
        1.0,
        2.0,
        f32::NEG_INFINITY,
        1.0,
        3.0,
        -0.0,
        1.0,
        1e38,
        0.0,
    ];
    let vectors = VectorsRef::new(&rows, 3, Metric::L2, &[]).unwrap();
    for width in [Width::Four, Width::Eight] {
        let codec = Codec::fit(vectors, &FitParams::new(width)).unwrap();
        let mut bytes = vec![0; 4 * codec.row_bytes()];
        let mut terms = [0.0; 4];
        let mut errors = [0.0; 4];
        codec.encode(vectors, &mut bytes, &mut errors, &mut terms);
        let mut decoded = [0.0; 3];
        codec.decode(&bytes[..codec.row_bytes()], &mut decoded);
        assert_eq!(decoded[0], 1.0, "the one value of a dimension comes back");
        let codes = Codes::new(&codec, &bytes, &errors, &terms).unwrap();
        let mut query = CodeQuery::default();
        query.set(&codec, &[f32::NAN, 1.0, 1e38], 0.0);
        query.get(&codec).score_run(&codes, 0, &mut [0.0; 4]);
    }
    let none = VectorsRef::new(&[], 3, Metric::L2, &[]).unwrap();
    assert_eq!(
        Codec::fit(none, &FitParams::new(Width::Four))
            .unwrap()
            .error(),
        0.0
    );
}
