//! The projection against data whose principal components are known.

use std::sync::atomic::AtomicBool;

use omendb_projection::{Points, ProjectionError, pca2};

struct Random(u64);

impl Random {
    fn unit(&mut self) -> f64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        ((z >> 11) as f64 + 1.0) / (1u64 << 53) as f64
    }

    fn normal(&mut self) -> f64 {
        (-2.0 * self.unit().ln()).sqrt() * (std::f64::consts::TAU * self.unit()).cos()
    }
}

fn project(data: &[f32], dimension: usize, normalize: bool) -> Vec<f32> {
    let n = data.len() / dimension;
    let points = Points {
        data,
        dimension,
        n,
        normalize,
    };
    pca2(points, 7, &AtomicBool::new(false)).unwrap()
}

fn deviation(out: &[f32], coordinate: usize) -> f64 {
    let values = || {
        out.iter()
            .skip(coordinate)
            .step_by(2)
            .map(|x| f64::from(*x))
    };
    let n = values().count() as f64;
    let mean = values().sum::<f64>() / n;
    (values().map(|x| (x - mean).powi(2)).sum::<f64>() / n).sqrt()
}

/// |correlation| of a coordinate with the values.
fn correlation(out: &[f32], coordinate: usize, values: &[f64]) -> f64 {
    let found: Vec<f64> = out
        .iter()
        .skip(coordinate)
        .step_by(2)
        .map(|x| f64::from(*x))
        .collect();
    let n = values.len() as f64;
    let (a, b) = (
        found.iter().sum::<f64>() / n,
        values.iter().sum::<f64>() / n,
    );
    let cross: f64 = found
        .iter()
        .zip(values)
        .map(|(x, y)| (x - a) * (y - b))
        .sum();
    let sizes = [(&found, a), (&values.to_vec(), b)]
        .map(|(v, m)| v.iter().map(|x| (x - m).powi(2)).sum::<f64>());
    cross / (sizes[0] * sizes[1]).sqrt()
}

/// Rows with deviation `first` along one hidden direction, `second` along another, `noise` along all, far from the origin.
fn hidden_plane(
    n: usize,
    dimension: usize,
    spreads: [f64; 3],
    offset: f64,
) -> (Vec<f32>, Vec<f64>, Vec<f64>) {
    let mut random = Random(11);
    let mut axis = |other: Option<&[f64]>| {
        let mut v: Vec<f64> = (0..dimension).map(|_| random.normal()).collect();
        if let Some(other) = other {
            let along: f64 = v.iter().zip(other).map(|(x, y)| x * y).sum();
            v.iter_mut().zip(other).for_each(|(x, y)| *x -= along * y);
        }
        let norm = v.iter().map(|x| x * x).sum::<f64>().sqrt();
        v.iter_mut().for_each(|x| *x /= norm);
        v
    };
    let u = axis(None);
    let v = axis(Some(&u));
    let (mut data, mut first, mut second) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..n {
        let (a, b) = (random.normal() * spreads[0], random.normal() * spreads[1]);
        for j in 0..dimension {
            data.push((offset + a * u[j] + b * v[j] + random.normal() * spreads[2]) as f32);
        }
        first.push(a);
        second.push(b);
    }
    (data, first, second)
}

#[test]
fn a_hidden_plane_is_found_in_order_and_scaled_to_a_deviation_of_10() {
    for (offset, scale) in [
        (0.0, 1.0),
        (50.0, 1.0),
        (0.0, 1e-20),
        (0.0, 1e18),
        (0.0, 1e30),
    ] {
        let (mut data, first, second) = hidden_plane(3_000, 40, [5.0, 2.0, 0.05], offset);
        data.iter_mut()
            .for_each(|x| *x = (f64::from(*x) * scale) as f32);
        let out = project(&data, 40, false);
        assert!(
            correlation(&out, 0, &first).abs() > 0.999,
            "{offset} {scale}"
        );
        assert!(
            correlation(&out, 1, &second).abs() > 0.99,
            "{offset} {scale}"
        );
        assert!((deviation(&out, 0) - 10.0).abs() < 1e-2);
        assert!((deviation(&out, 1) - 4.0).abs() < 0.3);
    }
}

#[test]
fn the_same_input_gives_the_same_bits_and_the_seed_hardly_matters() {
    let (data, ..) = hidden_plane(5_000, 30, [5.0, 2.0, 0.3], 1.0);
    let out = project(&data, 30, false);
    assert_eq!(out, project(&data, 30, false));
    let points = Points {
        data: &data,
        dimension: 30,
        n: 5_000,
        normalize: false,
    };
    let other = pca2(points, 12_345, &AtomicBool::new(false)).unwrap();
    // The sign rule makes even the directions agree.
    assert!(out.iter().zip(&other).all(|(a, b)| (a - b).abs() < 0.1));
}

#[test]
fn the_largest_loading_is_positive() {
    // Rows on a line against the first axis: larger first components must come out larger.
    let data: Vec<f32> = (0..50)
        .flat_map(|i| [-(i as f32), i as f32 * 0.5])
        .collect();
    let out = project(&data, 2, false);
    assert!(out[0] > out[2 * 49]);
}

#[test]
fn degenerate_input_gives_zeros_instead_of_noise() {
    assert!(project(&[], 3, false).is_empty());
    assert_eq!(project(&[1.0, 2.0, 3.0], 3, false), [0.0, 0.0]);
    let constant = [0.1f32, -7.3, 1e6].repeat(100);
    for normalize in [false, true] {
        assert!(project(&constant, 3, normalize).iter().all(|x| *x == 0.0));
        assert!(project(&[0.0; 30], 3, normalize).iter().all(|x| *x == 0.0));
    }
    // Two rows, and rows on a line: nothing across it.
    for data in [
        vec![0.0, 0.0, 3.0, 4.0],
        (0..40).map(|i| i as f32).collect(),
    ] {
        let out = project(&data, 2, false);
        assert!((deviation(&out, 0) - 10.0).abs() < 1e-3);
        assert!(
            out.iter().skip(1).step_by(2).all(|y| y.abs() < 1e-2),
            "{out:?}"
        );
    }
    let out = project(&[1.0, 5.0, 9.0], 1, false);
    assert!(out[0] < out[2] && out[2] < out[4]);
    assert!(out.iter().skip(1).step_by(2).all(|y| *y == 0.0));
}

#[test]
fn normalizing_ignores_lengths() {
    let (data, ..) = hidden_plane(500, 8, [5.0, 2.0, 0.3], 3.0);
    let mut stretched = data.clone();
    for (i, row) in stretched.chunks_exact_mut(8).enumerate() {
        row.iter_mut().for_each(|x| *x *= 1.0 + i as f32);
    }
    let (a, b) = (project(&data, 8, true), project(&stretched, 8, true));
    assert!(a.iter().zip(&b).all(|(a, b)| (a - b).abs() < 0.05));
}

#[test]
fn whatever_the_rows_hold_the_result_is_finite() {
    let odd = [
        f32::NAN,
        f32::INFINITY,
        f32::NEG_INFINITY,
        f32::MAX,
        -f32::MAX,
        1e-45,
        0.0,
        1.0,
        -2.0,
    ];
    let mut random = Random(5);
    for round in 0..100 {
        let dimension = 1 + round % 5;
        let data: Vec<f32> = (0..dimension * 37)
            .map(|_| odd[(random.unit() * 8.999) as usize])
            .collect();
        for normalize in [false, true] {
            assert!(
                project(&data, dimension, normalize)
                    .iter()
                    .all(|x| x.is_finite())
            );
        }
    }
}

#[test]
fn a_large_input_is_sampled_and_still_projected_whole() {
    let (data, first, _) = hidden_plane(120_000, 6, [5.0, 2.0, 0.1], 0.0);
    let out = project(&data, 6, false);
    assert_eq!(out.len(), 240_000);
    assert!(correlation(&out, 0, &first).abs() > 0.999);
}

#[test]
fn cancelling_and_wrong_shapes_are_errors() {
    let data = [1.0f32; 12];
    let points = Points {
        data: &data,
        dimension: 4,
        n: 3,
        normalize: false,
    };
    assert_eq!(
        pca2(points, 1, &AtomicBool::new(true)),
        Err(ProjectionError::Cancelled)
    );
    for (dimension, n) in [(0, 3), (4, 2), (5, 3), (usize::MAX, 3)] {
        let points = Points {
            data: &data,
            dimension,
            n,
            normalize: false,
        };
        assert!(matches!(
            pca2(points, 1, &AtomicBool::new(false)),
            Err(ProjectionError::Shape(_))
        ));
    }
}
