//! An index, its graph and its codes: whatever passes its checks can be searched.

use std::sync::atomic::AtomicBool;

use omendb_damage::{Random, reseal};
use omendb_hnsw::{
    Accepted, BuildParams, Former, Index, IndexHeader, Metric, NONE, Scratch, VectorsRef, build,
};

/// Most numbers in the vectors that are searched.
const MOST: usize = 1 << 16;
/// Rows of which another graph is made.
const FEW: usize = 200;

/// An even first byte: the checksums are put right first.
pub fn links(bytes: &[u8]) -> String {
    let Some((flag, bytes)) = bytes.split_first() else {
        return String::new();
    };
    let mut words = vec![0u32; bytes.len().div_ceil(4) + 1];
    let aligned: &mut [u8] = &mut bytemuck::cast_slice_mut(&mut words)[..bytes.len()];
    aligned.copy_from_slice(bytes);
    if flag.is_multiple_of(2) {
        reseal("x.hnsw".as_ref(), aligned);
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
    let header = *header.graph();
    let (n, dimension) = (view.graph.len(), header.dimension as usize);
    if n.saturating_mul(dimension) > MOST {
        return "large".to_owned();
    }
    let mut random = Random::new(1, 0);
    let data: Vec<f32> = (0..n * dimension).map(|_| random.float()).collect();
    let norms = vec![
        1.0;
        if header.metric == Metric::Cosine {
            n
        } else {
            0
        }
    ];
    let Ok(vectors) = VectorsRef::new(&data, dimension, header.metric, &norms) else {
        return "no such vectors".to_owned();
    };
    let (mut scratch, mut out) = (Scratch::new(), Vec::new());
    let query = vec![0.5; dimension];
    let odd = Accepted::by(n, |row| row % 2 == 1);
    for accepted in [None, Some(&odd)] {
        let stats = view.search(vectors, &query, 5, 30, accepted, &mut scratch, &mut out);
        assert!(stats.is_ok(), "{stats:?}");
        assert!(out.len() <= 5 && out.is_sorted_by(|a, b| a.score <= b.score || a.id != b.id));
    }
    if (1..=FEW).contains(&n) {
        // A graph made from it is sound in any case.
        let nodes: Vec<u32> = (0..n as u32)
            .map(|row| if row % 7 == 3 { NONE } else { row })
            .collect();
        let params = BuildParams {
            m: header.m as usize,
            ef_construction: 16,
            threads: 1,
            ..BuildParams::default()
        };
        let (former, go_on) = (Former::new(view.graph, &nodes), AtomicBool::new(false));
        if let Ok(index) = Index::build(vectors, &params, Some(former), &|_, _| {}, &go_on) {
            let bytes = index.to_bytes();
            let mut words = vec![0u32; bytes.len().div_ceil(4)];
            let aligned: &mut [u8] = &mut bytemuck::cast_slice_mut(&mut words)[..bytes.len()];
            aligned.copy_from_slice(&bytes);
            let header = IndexHeader::parse(aligned).expect("an index");
            header.verify(aligned).expect("a sound index");
        }
    }
    format!("searched, {sound}, {}", view.codes.is_some())
}

pub fn seeds() -> Vec<Vec<u8>> {
    let index = |n: usize, metric, m, coded| {
        let mut random = Random::new(n as u64, 0);
        let data: Vec<f32> = (0..n * 3).map(|_| random.float()).collect();
        let norms = vec![1.0; if metric == Metric::Cosine { n } else { 0 }];
        let vectors = VectorsRef::new(&data, 3, metric, &norms).expect("they fit");
        let params = BuildParams {
            m,
            threads: 1,
            ..BuildParams::default()
        };
        let go_on = AtomicBool::new(false);
        let index = if coded {
            Index::build(vectors, &params, None, &|_, _| {}, &go_on).expect("an index")
        } else {
            Index::without_codes(build(vectors, &params, &|_, _| {}, &go_on).expect("a graph"))
        };
        [vec![0], index.to_bytes()].concat()
    };
    vec![
        index(0, Metric::L2, 2, true),
        index(1, Metric::Dot, 2, true),
        index(24, Metric::Cosine, 2, true),
        index(60, Metric::L2, 3, true),
        index(60, Metric::L2, 3, false),
    ]
}
