//! An index: whatever passes its checks can be searched.

use std::sync::atomic::AtomicBool;

use omendb_damage::{Random, reseal};
use omendb_ivf::{Accepted, BuildParams, Index, IndexHeader, Metric, Scratch, VectorsRef};

/// Most numbers in the vectors that are searched.
const MOST: usize = 1 << 16;

/// An even first byte: the checksums are put right first.
pub fn index(bytes: &[u8]) -> String {
    let Some((flag, bytes)) = bytes.split_first() else {
        return String::new();
    };
    let mut words = vec![0u32; bytes.len().div_ceil(4) + 1];
    let aligned: &mut [u8] = &mut bytemuck::cast_slice_mut(&mut words)[..bytes.len()];
    aligned.copy_from_slice(bytes);
    if flag.is_multiple_of(2) {
        reseal("x.ivf".as_ref(), aligned);
    }
    let header = match IndexHeader::parse(aligned) {
        Ok(header) => header,
        Err(e) => return e.to_string(),
    };
    let sound = header.verify(aligned).is_ok();
    let view = match header.view(aligned) {
        Ok(view) => view,
        Err(e) => return e.to_string(),
    };
    let (n, dimension, metric) = header.shape();
    if n.saturating_mul(dimension) > MOST {
        return "large".to_owned();
    }
    let mut random = Random::new(1, 0);
    let data: Vec<f32> = (0..n * dimension).map(|_| random.float()).collect();
    let norms = vec![1.0; if metric == Metric::Cosine { n } else { 0 }];
    let Ok(vectors) = VectorsRef::new(&data, dimension, metric, &norms) else {
        return "no such vectors".to_owned();
    };
    let (mut scratch, mut out) = (Scratch::new(), Vec::new());
    let query = vec![0.5; dimension];
    let odd = view.accept(Accepted::by(view.slots(), |slot| slot % 2 == 1));
    let in_order = |out: &[omendb_ivf::Neighbor]| out.is_sorted_by(|a, b| a.score <= b.score);
    for accepted in [None, Some(&odd)] {
        let stats = view.search(vectors, &query, 5, None, accepted, &mut scratch, &mut out);
        assert!(stats.is_ok(), "{stats:?}");
        assert!(out.len() <= 5 && in_order(&out));
        let looked = view.search_exactly(vectors, &query, 5, accepted, &mut scratch, &mut out);
        assert!(looked.is_ok(), "{looked:?}");
        assert!(out.len() <= 5 && in_order(&out));
    }
    format!("searched, {sound}, {}", view.partitions() > 1)
}

pub fn seeds() -> Vec<Vec<u8>> {
    let index = |n: usize, dimension: usize, metric, every: usize| {
        let mut random = Random::new(n as u64, 0);
        let data: Vec<f32> = (0..n * dimension).map(|_| random.float()).collect();
        let norms = vec![1.0; if metric == Metric::Cosine { n } else { 0 }];
        let vectors = VectorsRef::new(&data, dimension, metric, &norms).expect("they fit");
        let rows: Vec<u32> = (0..n as u32).step_by(every).collect();
        let params = BuildParams {
            threads: 1,
            ..BuildParams::default()
        };
        let go_on = AtomicBool::new(false);
        let index = Index::build(vectors, Some(&rows), &params, &|_, _| {}, &go_on);
        [vec![0], index.expect("an index").to_bytes()].concat()
    };
    vec![
        index(0, 3, Metric::L2, 1),
        index(1, 3, Metric::Dot, 1),
        index(24, 3, Metric::Cosine, 1),
        index(200, 3, Metric::L2, 2),
    ]
}
