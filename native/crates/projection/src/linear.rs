//! The little linear algebra that the projections need, on bases of a few vectors.

use omendb_distance::kernels;

/// Makes the vectors orthonormal, in order (Gram-Schmidt, each twice). A vector of which less than `floor` of its length is left becomes
/// zero: its direction would be rounding error.
pub(crate) fn orthonormalize(basis: &mut [Vec<f32>], floor: f32) {
    for i in 0..basis.len() {
        let (before, rest) = basis.split_at_mut(i);
        let vector = &mut rest[0];
        let length = norm(vector);
        for _ in 0..2 {
            for other in before.iter() {
                let along = (kernels().dot)(other, vector);
                (kernels().add_scaled)(vector, -along, other);
            }
        }
        let left = norm(vector);
        let scale = if left > length * floor && left > 0.0 {
            1.0 / left
        } else {
            0.0
        };
        vector.iter_mut().for_each(|x| *x *= scale);
    }
}

fn norm(vector: &[f32]) -> f32 {
    (kernels().dot)(vector, vector).sqrt()
}

/// The eigenvectors of a small symmetric matrix, the largest eigenvalue first.
pub(crate) struct Eigen {
    pub(crate) values: Vec<f64>,
    /// One after another, each as long as the matrix is wide.
    pub(crate) vectors: Vec<Vec<f64>>,
}

/// Jacobi's method on a symmetric matrix of `size` rows.
pub(crate) fn eigenvectors(matrix: &[f64], size: usize) -> Eigen {
    const SWEEPS: usize = 30;
    let mut a = matrix.to_vec();
    let mut v: Vec<f64> = (0..size * size)
        .map(|i| f64::from(u8::from(i / size == i % size)))
        .collect();
    for _ in 0..SWEEPS {
        let off: f64 = (0..size * size)
            .filter(|i| i / size != i % size)
            .map(|i| a[i] * a[i])
            .sum();
        let diagonal: f64 = (0..size).map(|i| a[i * size + i].powi(2)).sum();
        if off <= diagonal * 1e-24 {
            break;
        }
        for p in 0..size {
            for q in p + 1..size {
                rotate_plane(&mut a, &mut v, size, p, q);
            }
        }
    }
    let mut order: Vec<usize> = (0..size).collect();
    order.sort_by(|i, j| a[j * size + j].total_cmp(&a[i * size + i]));
    Eigen {
        values: order.iter().map(|i| a[i * size + i]).collect(),
        vectors: order
            .iter()
            .map(|i| (0..size).map(|row| v[row * size + i]).collect())
            .collect(),
    }
}

/// One Jacobi rotation, which makes the element (p, q) zero.
fn rotate_plane(a: &mut [f64], v: &mut [f64], size: usize, p: usize, q: usize) {
    let off = a[p * size + q];
    if off == 0.0 {
        return;
    }
    let theta = (a[q * size + q] - a[p * size + p]) / (2.0 * off);
    let t = theta.signum() / (theta.abs() + theta.hypot(1.0));
    let c = 1.0 / t.hypot(1.0);
    let s = t * c;
    for i in 0..size {
        let (x, y) = (a[i * size + p], a[i * size + q]);
        a[i * size + p] = c * x - s * y;
        a[i * size + q] = s * x + c * y;
    }
    for i in 0..size {
        let (x, y) = (a[p * size + i], a[q * size + i]);
        a[p * size + i] = c * x - s * y;
        a[q * size + i] = s * x + c * y;
        let (x, y) = (v[i * size + p], v[i * size + q]);
        v[i * size + p] = c * x - s * y;
        v[i * size + q] = s * x + c * y;
    }
}

/// The combinations of `basis` that the rows of `by` name.
pub(crate) fn combine(basis: &[Vec<f32>], by: &[Vec<f64>]) -> Vec<Vec<f32>> {
    by.iter()
        .map(|factors| {
            let mut sum = vec![0.0f32; basis.first().map_or(0, Vec::len)];
            for (vector, factor) in basis.iter().zip(factors) {
                (kernels().add_scaled)(&mut sum, *factor as f32, vector);
            }
            sum
        })
        .collect()
}

/// SplitMix64's output function over a seed and an index.
pub(crate) fn hash(seed: u64, index: u64) -> u64 {
    let mut z = seed ^ index.wrapping_add(1).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}

/// A number in [-1, 1), uniform.
pub(crate) fn signed_unit(hash: u64) -> f32 {
    ((hash >> 40) as f32 / (1u64 << 23) as f32) - 1.0
}
