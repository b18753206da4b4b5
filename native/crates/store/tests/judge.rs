//! How much of a map is true, by rows that lie in several places.

mod support;

use std::sync::atomic::AtomicBool;

use omendb_store::vfs::MemVfs;
use omendb_store::{MapJudgement, MapPoints, NOT_JUDGED, Snapshot, Store};
use support::*;

const K: usize = 4;

fn squared(a: &[f32], b: &[f32]) -> f32 {
    a.iter().zip(b).map(|(x, y)| (x - y) * (x - y)).sum()
}

/// The `k` nearest others of each, by all pairs; equally far ones in their order.
fn nearest<'a>(points: &[impl AsRef<[f32]> + 'a], k: usize) -> Vec<Vec<usize>> {
    let near = |at: usize| {
        let mut others: Vec<usize> = (0..points.len()).filter(|other| *other != at).collect();
        others.sort_by(|a, b| {
            let far = |other: usize| squared(points[at].as_ref(), points[other].as_ref());
            far(*a).total_cmp(&far(*b)).then(a.cmp(b))
        });
        others.truncate(k);
        others
    };
    (0..points.len()).map(near).collect()
}

/// Rows in two segments and in the log, with gaps.
fn scattered(vfs: &MemVfs) -> std::sync::Arc<Store> {
    let store = open(vfs);
    store.create_collection(spec("words")).unwrap();
    let words = store.collection("words").unwrap();
    for range in [0..50, 50..90] {
        let (batch, vectors) = numbered(range);
        words.add(batch, &vectors).unwrap();
        store.checkpoint().unwrap();
    }
    let (batch, vectors) = numbered(90..120);
    words.add(batch, &vectors).unwrap();
    words.delete_rows(&[3, 51, 52, 100]).unwrap();
    store
}

fn picture(snapshot: &Snapshot) -> MapPoints {
    let rows: Vec<u32> = snapshot.live_rows().into_iter().collect();
    let xy = rows
        .iter()
        .flat_map(|row| [((row * 37) % 101) as f32, ((row * 53) % 89) as f32]);
    MapPoints::new(rows.clone(), xy.collect())
}

fn judge(snapshot: &Snapshot, points: &MapPoints, most: usize) -> MapJudgement {
    let never = AtomicBool::new(false);
    let judged = snapshot.judge_map(0, &points.rows, &points.xy, K, most, &never, &|_, _| {});
    judged.unwrap()
}

#[test]
fn every_row_is_compared_wherever_it_lies() {
    let vfs = MemVfs::new();
    let store = scattered(&vfs);
    let words = store.collection("words").unwrap();
    let snapshot = words.snapshot();
    let mut points = picture(&snapshot);
    let judged = judge(&snapshot, &points, usize::MAX);

    let vectors: Vec<&[f32]> = points
        .rows
        .iter()
        .map(|row| snapshot.vector(*row, 0).unwrap())
        .collect();
    let (true_near, drawn_near) = (
        nearest(&vectors, K),
        nearest(points.xy.as_chunks::<2>().0, K),
    );
    for (at, row) in points.rows.iter().enumerate() {
        let kept = true_near[at]
            .iter()
            .filter(|other| drawn_near[at].contains(other))
            .count();
        assert_eq!(usize::from(judged.kept[at]), kept, "row {row}");
        let told = snapshot
            .neighbours_on_map(0, &points.rows, &points.xy, *row, K)
            .unwrap();
        let wanted = true_near[at]
            .iter()
            .map(|other| (points.rows[*other], drawn_near[at].contains(other)));
        assert_eq!(told, wanted.collect::<Vec<_>>(), "row {row}");
    }
    assert_eq!(judged.score.sample as usize, points.rows.len());
    assert!(judged.score.trustworthiness < 1.0 && judged.score.trustworthiness > 0.0);

    // A sample looks at so many, and tells the same of them.
    let some = judge(&snapshot, &points, 20);
    assert_eq!(some.score.sample, 20);
    let looked: Vec<usize> = (0..points.rows.len())
        .filter(|at| some.kept[*at] != NOT_JUDGED)
        .collect();
    assert_eq!(looked.len(), 20);
    assert!(looked.iter().all(|at| some.kept[*at] == judged.kept[*at]));

    // It is saved with the map, and survives.
    let meta = omendb_store::MapMeta {
        score: Some(judged.score),
        ..map_meta("m")
    };
    points.kept = judged.kept;
    words.save_map(meta.clone(), &points).unwrap();
    for store in [&store, &open(&after_kill(&vfs))] {
        let (found, read) = store.collection("words").unwrap().map("m").unwrap();
        assert_eq!((found.score, &read), (meta.score, &points));
    }
}

#[test]
fn what_was_deleted_since_is_left_out() {
    let vfs = MemVfs::new();
    let store = scattered(&vfs);
    let words = store.collection("words").unwrap();
    let points = picture(&words.snapshot());
    words.delete_rows(&[points.rows[7]]).unwrap();
    let snapshot = words.snapshot();
    let judged = judge(&snapshot, &points, usize::MAX);
    assert_eq!(judged.kept[7], NOT_JUDGED);
    assert_eq!(
        judged
            .kept
            .iter()
            .filter(|kept| **kept == NOT_JUDGED)
            .count(),
        1
    );
    let ask = |row: u32| snapshot.neighbours_on_map(0, &points.rows, &points.xy, row, K);
    assert_eq!(ask(points.rows[7]).unwrap_err().code(), "UNKNOWN_ROW");
    assert!(
        ask(points.rows[8])
            .unwrap()
            .iter()
            .all(|(row, _)| *row != points.rows[7])
    );
}

#[test]
fn what_cannot_be_judged_is_refused() {
    let vfs = MemVfs::new();
    let store = scattered(&vfs);
    let words = store.collection("words").unwrap();
    let snapshot = words.snapshot();
    let points = picture(&snapshot);
    let ask = |rows: &[u32], xy: &[f32], k: usize, cancel: bool| {
        let cancel = AtomicBool::new(cancel);
        let judged = snapshot.judge_map(0, rows, xy, k, 10, &cancel, &|_, _| {});
        judged.unwrap_err().code()
    };
    let (rows, xy) = (&points.rows[..], &points.xy[..]);
    assert_eq!(ask(rows, xy, 0, false), "INVALID_REQUEST");
    assert_eq!(ask(&rows[..8], &xy[..16], 4, false), "INVALID_REQUEST");
    assert_eq!(ask(rows, &xy[1..], 4, false), "INVALID_REQUEST");
    assert_eq!(ask(&[5, 5, 6], &[0.0; 6], 1, false), "INVALID_REQUEST");
    assert_eq!(ask(rows, xy, 4, true), "CANCELLED");
    let score = snapshot
        .judge_map(0, rows, xy, 4, 10, &AtomicBool::new(false), &|_, _| {})
        .unwrap()
        .score;
    let meta = omendb_store::MapMeta {
        score: Some(score),
        ..map_meta("m")
    };
    // A score without what it is of.
    assert_eq!(
        words.save_map(meta, &points).unwrap_err().code(),
        "INVALID_REQUEST"
    );
}
