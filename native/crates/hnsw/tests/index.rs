//! Indexes: graphs that are built and walked over small codes, as good as over the vectors, or without codes where none are good enough.

mod common;

use std::sync::atomic::AtomicBool;

use common::{Random, Set, share, unreached};
use omendb_hnsw::{
    Accepted, BuildError, BuildParams, Index, IndexView, Metric, Neighbor, Scratch, default_ef,
    exact,
};

fn index(set: &Set) -> Index {
    Index::build(
        set.vectors(),
        &BuildParams::default(),
        None,
        &|_, _| (),
        &AtomicBool::new(false),
    )
    .unwrap()
}

fn hits(view: &IndexView<'_>, set: &Set, query: &[f32], k: usize) -> Vec<Neighbor> {
    let (mut scratch, mut found) = (Scratch::new(), Vec::new());
    let ef = default_ef(k, set.vectors().len());
    let (vectors, out) = (set.vectors(), &mut found);
    view.search(vectors, query, k, ef, None, &mut scratch, out)
        .unwrap();
    found
}

/// Recall@10 of queries like the rows.
fn recall(view: &IndexView<'_>, set: &Set) -> f64 {
    let mut random = Random(5);
    let mut truth = Vec::new();
    let mut sum = 0.0;
    for _ in 0..200 {
        let query = set.query(&mut random);
        let found = hits(view, set, &query, 10);
        assert!(found.is_sorted_by(|a, b| a.score <= b.score));
        exact::search(set.vectors(), &query, 10, None, &mut truth).unwrap();
        // What is found bears the score of a scan, to the bit.
        for hit in &found {
            let same = truth.iter().find(|known| known.id == hit.id);
            assert!(same.is_none_or(|known| known == hit));
        }
        sum += share(&found, &truth);
    }
    sum / 200.0
}

// [Q5]
#[test]
fn recall_at_10_is_at_least_0_95_over_codes_and_scores_are_exact() {
    for metric in Metric::ALL {
        for (dimension, bits) in [(48, 8), (96, 4)] {
            let set = Set::clustered(3, 8_000, dimension, metric, false);
            let index = index(&set);
            assert_eq!(unreached(&index.view().graph), 0);
            let codes = index.view().codes.unwrap();
            assert_eq!(codes.codec.width().bits(), bits, "{metric} {dimension}");
            let recall = recall(&index.view(), &set);
            assert!(recall >= 0.95, "{metric} {dimension}: {recall}");
        }
    }
}

// [Q5]
#[test]
fn a_few_stray_rows_do_not_spoil_the_codes_of_the_others() {
    let mut set = Set::clustered(4, 4_000, 24, Metric::L2, false);
    let mut random = Random(1);
    for _ in 0..5 {
        set.data.extend((0..24).map(|_| random.normal() * 1e6));
    }
    let index = index(&set);
    assert!(index.view().codes.is_some());
    let mut typical = set;
    let stray = typical.data.split_off(4_000 * 24);
    let queries: Vec<Vec<f32>> = (0..50).map(|_| typical.query(&mut random)).collect();
    typical.data.extend(&stray);
    let (set, mut truth, mut sum) = (typical, Vec::new(), 0.0);
    for query in &queries {
        exact::search(set.vectors(), query, 10, None, &mut truth).unwrap();
        sum += share(&hits(&index.view(), &set, query, 10), &truth);
    }
    assert!(sum / 50.0 >= 0.95, "{}", sum / 50.0);
}

// [Q5]
#[test]
fn where_no_codes_tell_near_rows_apart_the_vectors_are_walked() {
    // Each value of another order of magnitude.
    let mut random = Random(2);
    let data = (0..3_000 * 8).map(|_| random.normal() * (random.normal() * 12.0).exp());
    let set = Set::new(data.collect(), 8, Metric::L2);
    let index = index(&set);
    assert!(index.view().codes.is_none());
    let recall = recall(&index.view(), &set);
    assert!(recall >= 0.95, "{recall}");
}

// [Q8]
#[test]
fn values_at_the_ends_of_what_f32_holds_make_an_index_that_is_searched() {
    for metric in Metric::ALL {
        let mut random = Random(3);
        let ends = [f32::MAX, f32::MIN, 1e38, -1e38, 0.0, f32::MIN_POSITIVE];
        let data = (0..400 * 4).map(|_| ends[random.below(ends.len())]);
        let set = Set::new(data.collect(), 4, metric);
        let index = index(&set);
        let words = index.to_bytes();
        let mut aligned = vec![0u32; words.len() / 4];
        bytemuck::cast_slice_mut(&mut aligned).copy_from_slice(&words);
        omendb_hnsw::IndexHeader::parse(bytemuck::cast_slice(&aligned)).unwrap();
        for query in [&set.data[..4], &[0.0; 4], &[f32::MAX; 4]] {
            assert_eq!(hits(&index.view(), &set, query, 10).len(), 10, "{metric}");
        }
    }
}

// [Q5]
#[test]
fn a_filter_is_kept_over_codes() {
    let set = Set::clustered(8, 3_000, 20, Metric::L2, false);
    let cancel = AtomicBool::new(true);
    let cancelled = Index::build(
        set.vectors(),
        &BuildParams::default(),
        None,
        &|_, _| (),
        &cancel,
    );
    assert_eq!(cancelled.unwrap_err(), BuildError::Cancelled);
    let index = index(&set);
    let accepted = Accepted::by(3_000, |id| id.is_multiple_of(3));
    let (mut scratch, mut found) = (Scratch::new(), Vec::new());
    let stats = index.view().search(
        set.vectors(),
        &set.data[..20],
        10,
        100,
        Some(&accepted),
        &mut scratch,
        &mut found,
    );
    assert!(stats.unwrap().enough);
    assert_eq!(found.len(), 10);
    assert!(found.iter().all(|n| accepted.contains(n.id)));
    assert_eq!(found[0].id, 0);
}

// [Q1]
#[test]
fn an_exact_search_over_codes_gives_what_one_over_the_vectors_gives() {
    for metric in Metric::ALL {
        for dimension in [3, 40, 100] {
            let mut set = Set::clustered(6, 3_000, dimension, metric, false);
            // Rows that tie, and a row of zeros.
            let first = set.data[..dimension].to_vec();
            (0..30).for_each(|_| set.data.extend(&first));
            set.data.extend(vec![0.0; dimension]);
            let set = Set::new(set.data, dimension, metric);
            let index = index(&set);
            let codes = index.view().codes.unwrap();
            let (mut scratch, mut random) = (Scratch::new(), Random(9));
            let (mut found, mut truth) = (Vec::new(), Vec::new());
            let mut queries: Vec<Vec<f32>> = (0..30).map(|_| set.query(&mut random)).collect();
            queries.extend([first, vec![0.0; dimension], vec![1e20; dimension]]);
            let some = |id: u32| id % 3 == 1;
            for (i, query) in queries.iter().enumerate() {
                let k = [1, 10, 200, 5_000][i % 4];
                let vectors = set.vectors();
                for accept in [None, Some(&some as &dyn Fn(u32) -> bool)] {
                    exact::search(vectors, query, k, accept, &mut truth).unwrap();
                    exact::search_coded(vectors, codes, query, k, accept, &mut scratch, &mut found)
                        .unwrap();
                    assert_eq!(found, truth, "{metric} {dimension} k {k}");
                }
                let (out, scratch) = (&mut found, &mut scratch);
                let mut ids = (0..3_031).filter(|id| some(*id));
                exact::search_ids_coded(vectors, codes, query, k, &mut ids, scratch, out).unwrap();
                assert_eq!(found, truth, "{metric} {dimension} k {k} by number");
            }
        }
    }
}

#[test]
fn codes_of_other_rows_are_an_error() {
    let set = Set::clustered(9, 300, 8, Metric::Dot, false);
    let other = index(&Set::clustered(9, 299, 8, Metric::Dot, false));
    let own = index(&set);
    let mixed = IndexView {
        graph: own.view().graph,
        codes: other.view().codes,
    };
    let (mut scratch, mut found) = (Scratch::new(), Vec::new());
    let vectors = set.vectors();
    for view in [mixed, other.view()] {
        let done = view.search(vectors, &[0.0; 8], 3, 9, None, &mut scratch, &mut found);
        assert!(done.is_err());
    }
}
