//! Exact searches by small codes, against brute force.

mod common;

use common::Random;
use omendb_ivf::{Coded, CodedScratch, Metric, VectorsRef, exact};
use proptest::prelude::*;

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn a_search_by_codes_is_brute_force(
        seed in 0u64..1_000,
        n in 0usize..400,
        dimension in 1usize..70,
        metric in 0usize..3,
        k in 0usize..30,
        every in 1u32..4,
        scale in -8i32..9,
        far in -20.0f32..20.0,
    ) {
        let metric = Metric::ALL[metric];
        let mut random = Random(seed);
        let scale = 4f32.powi(scale);
        let mut data: Vec<f32> = (0..n * dimension)
            .map(|_| scale * (random.normal() + far))
            .collect();
        // Some zero, some the same.
        for row in (0..n).filter(|row| row % 17 > 14) {
            data[row * dimension..][..dimension].fill(if row % 2 == 0 { 0.0 } else { scale });
        }
        let mut norms = Vec::new();
        if metric == Metric::Cosine {
            omendb_distance::inv_norms(&data, dimension, &mut norms);
        }
        let vectors = VectorsRef::new(&data, dimension, metric, &norms).unwrap();
        let coded = Coded::of(vectors).unwrap();
        let accept = |row: u32| row.is_multiple_of(every);
        let (mut scratch, mut found, mut truth) =
            (CodedScratch::default(), Vec::new(), Vec::new());
        for at in 0..6 {
            let query: Vec<f32> = match at {
                0 => vec![0.0; dimension],
                1 if n > 0 => data[..dimension].to_vec(),
                _ => (0..dimension).map(|_| scale * (random.normal() + far)).collect(),
            };
            exact::search(vectors, &query, k, Some(&accept), &mut truth).unwrap();
            coded.search(vectors, &query, k, Some(&accept), &mut scratch, &mut found).unwrap();
            prop_assert_eq!(&found, &truth);
        }
    }
}

#[test]
fn numbers_out_of_range_bound_nothing_and_other_vectors_are_refused() {
    let data = [3e38, -3e38, 1.0, 2.0, -3e38, 3e38, 1.5, 2.0];
    let vectors = VectorsRef::new(&data, 2, Metric::L2, &[]).unwrap();
    let coded = Coded::of(vectors).unwrap();
    let (mut scratch, mut found, mut truth) = (CodedScratch::default(), Vec::new(), Vec::new());
    exact::search(vectors, &[1.0, 2.0], 2, None, &mut truth).unwrap();
    coded
        .search(vectors, &[1.0, 2.0], 2, None, &mut scratch, &mut found)
        .unwrap();
    assert_eq!(found, truth);
    let other = VectorsRef::new(&data[..4], 2, Metric::L2, &[]).unwrap();
    assert!(
        coded
            .search(other, &[1.0, 2.0], 2, None, &mut scratch, &mut found)
            .is_err()
    );
}
