//! Graphs that are built and walked over small codes.

mod common;

use std::sync::atomic::AtomicBool;

use common::{Random, Set, unreached};
use omendb_hnsw::{
    BuildError, BuildParams, Metric, Neighbor, Scratch, build_coded, default_ef, exact,
    search_coded,
};
use omendb_quant::{CodeTable, FitParams, Width};

fn table(set: &Set, width: Width) -> CodeTable {
    CodeTable::new(set.vectors(), &FitParams::new(width), 2).unwrap()
}

// [Q5]
#[test]
fn recall_at_10_is_at_least_0_95_over_codes_and_scores_are_exact() {
    for metric in Metric::ALL {
        let set = Set::clustered(3, 8_000, 48, metric, false);
        let graph = build_coded(
            set.vectors(),
            &BuildParams::default(),
            &|_, _| (),
            &AtomicBool::new(false),
        )
        .unwrap();
        assert_eq!(unreached(&graph.view()), 0);
        for width in [Width::Four, Width::Eight] {
            let table = table(&set, width);
            let (mut scratch, mut found, mut truth) = (Scratch::new(), Vec::new(), Vec::new());
            let mut hits = 0;
            let mut random = Random(5);
            for _ in 0..200 {
                let query = set.query(&mut random);
                let (view, codes, ef) = (graph.view(), table.view(), default_ef(10, 8_000));
                let out = &mut found;
                search_coded(
                    &view,
                    set.vectors(),
                    codes,
                    &query,
                    10,
                    ef,
                    None,
                    &mut scratch,
                    out,
                )
                .unwrap();
                exact::search(set.vectors(), &query, 10, None, &mut truth).unwrap();
                assert!(found.is_sorted_by(|a, b| a.score <= b.score));
                // What is found bears the score of a scan, to the bit.
                let known = |n: &&Neighbor| truth.contains(n);
                hits += found.iter().filter(known).count();
            }
            assert!(hits >= 1_900, "{metric} {width:?}: {hits} of 2000");
        }
    }
}

// [Q5]
#[test]
fn a_filter_is_kept_over_codes() {
    let set = Set::clustered(8, 3_000, 20, Metric::L2, false);
    let build = |cancel| {
        let cancel = AtomicBool::new(cancel);
        build_coded(set.vectors(), &BuildParams::default(), &|_, _| (), &cancel)
    };
    assert_eq!(build(true).unwrap_err(), BuildError::Cancelled);
    let graph = build(false).unwrap();
    let table = table(&set, Width::Four);
    let accept = |id: u32| id.is_multiple_of(3);
    let (mut scratch, mut found) = (Scratch::new(), Vec::new());
    let query = &set.data[..20];
    let (view, codes) = (graph.view(), table.view());
    let stats = search_coded(
        &view,
        set.vectors(),
        codes,
        query,
        10,
        100,
        Some(&accept),
        &mut scratch,
        &mut found,
    )
    .unwrap();
    assert!(stats.exhausted);
    assert_eq!(found.len(), 10);
    assert!(found.iter().all(|n| accept(n.id)));
    assert_eq!(found[0].id, 0);
}

#[test]
fn codes_of_other_rows_are_an_error() {
    let set = Set::clustered(9, 300, 8, Metric::Dot, false);
    let graph = build_coded(
        set.vectors(),
        &BuildParams::default(),
        &|_, _| (),
        &AtomicBool::new(false),
    )
    .unwrap();
    let other = table(&Set::clustered(9, 299, 8, Metric::Dot, false), Width::Eight);
    let (mut scratch, mut found) = (Scratch::new(), Vec::new());
    let view = graph.view();
    let done = search_coded(
        &view,
        set.vectors(),
        other.view(),
        &[0.0; 8],
        3,
        9,
        None,
        &mut scratch,
        &mut found,
    );
    assert!(done.is_err());
}
