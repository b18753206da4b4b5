//! How well codes tell near rows apart.

use omendb_distance::{Metric, Scorer, VectorsRef};

use crate::{CodeQuery, Codec, Codes};

/// Rows that are compared, evenly spread over all.
const SAMPLE: usize = 2_000;
/// Rows of the sample that are queries.
const QUERIES: usize = 64;
/// Rows nearest to a query whose scores are looked at.
const NEAR: usize = 32;

/// The error of estimated scores between near rows, over how far these scores lie apart (both as root mean square): 0 is perfect, and at 1 the
/// order of near rows is as good as lost. Taken on a sample, where near rows lie farther apart than in the whole.
///
/// Panics when the codec is one of other vectors.
pub fn confusion(vectors: VectorsRef<'_>, codec: &Codec) -> f32 {
    let n = vectors.len();
    let count = n.min(SAMPLE);
    if count < 3 {
        return 0.0;
    }
    let (mut data, mut norms) = (Vec::new(), Vec::new());
    for i in (0..count).map(|i| i * n / count) {
        data.extend_from_slice(vectors.row(i));
        if vectors.metric == Metric::Cosine {
            norms.push(vectors.inv_norm(i));
        }
    }
    let sample = VectorsRef {
        data: &data,
        inv_norms: &norms,
        ..vectors
    };
    let mut bytes = vec![0; count * codec.row_bytes()];
    let l2 = vectors.metric == Metric::L2;
    let mut terms = vec![0.0; if l2 { count } else { 0 }];
    let mut errors = vec![0.0; count];
    codec.encode(sample, &mut bytes, &mut errors, &mut terms);
    let Some(codes) = Codes::new(codec, &bytes, &errors, &terms) else {
        return f32::INFINITY;
    };
    let (mut exact, mut estimated) = (vec![0.0; count], vec![0.0; count]);
    let mut order: Vec<usize> = Vec::new();
    let mut prepared = CodeQuery::default();
    let (mut error, mut spread) = (0f64, 0f64);
    for query in (0..QUERIES.min(count)).map(|i| i * count / QUERIES.min(count)) {
        let (row, inv_norm) = (sample.row(query), sample.inv_norm(query));
        Scorer::with_inv_norm(sample.metric, row, inv_norm).score_rows(sample, &mut exact);
        prepared.set(codec, row, inv_norm);
        prepared.get(codec).score_run(&codes, 0, &mut estimated);
        order.clear();
        order.extend((0..count).filter(|i| *i != query && exact[*i].is_finite()));
        order.sort_unstable_by(|a, b| exact[*a].total_cmp(&exact[*b]));
        order.truncate(NEAR);
        let mean = |of: &[f32]| {
            order.iter().map(|i| f64::from(of[*i])).sum::<f64>() / order.len().max(1) as f64
        };
        // What shifts all estimates alike changes no order.
        let (middle, shifted) = (mean(&exact), mean(&estimated));
        for i in &order {
            let (a, b) = (
                f64::from(exact[*i]) - middle,
                f64::from(estimated[*i]) - shifted,
            );
            error += (a - b) * (a - b);
            spread += a * a;
        }
    }
    if error == 0.0 {
        return 0.0;
    }
    let ratio = (error / spread).sqrt() as f32;
    if ratio.is_nan() { f32::INFINITY } else { ratio }
}
