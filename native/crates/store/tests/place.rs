//! Rows that came after a map: their places on it, by rows that lie in several places.

mod support;

use std::sync::atomic::AtomicBool;

use omendb_store::vfs::MemVfs;
use omendb_store::{LayoutParams, MapPoints, Snapshot};
use support::*;

fn place(snapshot: &Snapshot, map: &MapPoints, new: &[u32]) -> Vec<f32> {
    let never = AtomicBool::new(false);
    let params = LayoutParams::default();
    let MapPoints { rows, xy, .. } = map;
    snapshot
        .place_on_map(0, rows, xy, new, 5, params, &never, &|_, _| {})
        .unwrap()
}

/// A row that is the same as one of the map comes to lie beside it: rows of one segment, of another, of the log, and a map with gaps.
#[test]
fn a_row_lies_beside_its_like() {
    let vfs = MemVfs::new();
    let store = open(&vfs);
    store.create_collection(spec("words")).unwrap();
    let words = store.collection("words").unwrap();
    let (_, vectors) = numbered(0..300);
    for range in [0..150, 150..300] {
        let (batch, vectors) = numbered(range);
        words.add(batch, &vectors).unwrap();
        store.checkpoint().unwrap();
    }
    words.delete_rows(&[3, 170, 200]).unwrap();
    let snapshot = words.snapshot();
    // Rows in groups of twenty, a place each; vectors that lie in one group are near each other by the first numbers.
    let live: Vec<u32> = snapshot.live_rows().into_iter().collect();
    let xy = live.iter().flat_map(|row| {
        let vector = snapshot.vector(*row, 0).unwrap();
        [vector[0] * 3.0, vector[1] * 3.0]
    });
    let mut map = MapPoints::new(live.clone(), xy.collect());

    // The same vectors again, in the log and in a segment of their own.
    let dimension = vectors.len() / 300;
    let (batch, _) = numbered(300..340);
    let again = &vectors[20 * dimension..60 * dimension];
    words.add(batch, again).unwrap();
    for checkpoint in [false, true] {
        if checkpoint {
            store.checkpoint().unwrap();
        }
        let snapshot = words.snapshot();
        let new: Vec<u32> = (300..340).collect();
        let placed = place(&snapshot, &map, &new);
        assert!(placed.iter().all(|x| x.is_finite()));
        // Each lies among those of the map that its like lies among.
        let (points, _) = map.xy.as_chunks::<2>();
        let (found, _) = placed.as_chunks::<2>();
        let far = |a: &[f32; 2], b: &[f32; 2]| (a[0] - b[0]).hypot(a[1] - b[1]);
        let near = found.iter().zip(20u32..).filter(|(place, like)| {
            let own = map.rows.binary_search(like).unwrap();
            let nearer = points
                .iter()
                .filter(|point| far(point, place) < far(&points[own], place));
            nearer.count() < points.len() / 4
        });
        assert!(near.count() >= 36);
        // A place depends on the row alone, not on what else is placed.
        assert_eq!(place(&snapshot, &map, &new[3..4]).len(), 2);
    }

    // Marks are saved with the map, with and without a score.
    let snapshot = words.snapshot();
    let placed = place(&snapshot, &map, &[300, 301]);
    map.rows.extend([300, 301]);
    map.xy.extend(placed);
    map.placed = vec![0; live.len()];
    map.placed.extend([1, 1]);
    words.save_map(map_meta("m"), &map).unwrap();
    let never = AtomicBool::new(false);
    let judged = snapshot
        .judge_map(0, &map.rows, &map.xy, 5, 100, &never, &|_, _| {})
        .unwrap();
    let mut scored = map.clone();
    scored.kept = judged.kept;
    let meta = omendb_store::MapMeta {
        score: Some(judged.score),
        ..map_meta("scored")
    };
    words.save_map(meta, &scored).unwrap();
    for store in [&store, &open(&after_kill(&vfs))] {
        let words = store.collection("words").unwrap();
        assert_eq!(words.map("m").unwrap().1, map);
        assert_eq!(words.map("scored").unwrap().1, scored);
    }
    let wrong = MapPoints {
        placed: vec![1],
        ..map.clone()
    };
    let refused = words.save_map(map_meta("m"), &wrong).unwrap_err();
    assert_eq!(refused.code(), "INVALID_REQUEST");
}

#[test]
fn what_cannot_be_placed_is_refused() {
    let vfs = MemVfs::new();
    let store = open(&vfs);
    store.create_collection(spec("words")).unwrap();
    let words = store.collection("words").unwrap();
    let (batch, vectors) = numbered(0..40);
    words.add(batch, &vectors).unwrap();
    words.delete_rows(&[7, 8]).unwrap();
    let snapshot = words.snapshot();
    let ask = |rows: &[u32], xy: &[f32], new: &[u32], k: usize, cancel: bool| {
        let cancel = AtomicBool::new(cancel);
        let params = LayoutParams::default();
        let placed = snapshot.place_on_map(0, rows, xy, new, k, params, &cancel, &|_, _| {});
        placed.map_err(|e| e.code())
    };
    let (rows, xy) = ([1u32, 2, 3], [0.0f32, 0.0, 1.0, 0.0, 0.0, 1.0]);
    assert_eq!(ask(&rows, &xy, &[7], 3, false), Err("UNKNOWN_ROW"));
    assert_eq!(ask(&rows, &xy, &[9], 0, false), Err("INVALID_REQUEST"));
    assert_eq!(ask(&rows, &xy[1..], &[9], 3, false), Err("INVALID_REQUEST"));
    assert_eq!(
        ask(&[7, 8], &xy[..4], &[9], 3, false),
        Err("INVALID_REQUEST")
    );
    assert_eq!(ask(&rows, &xy, &[9], 300, false), Err("LIMIT_EXCEEDED"));
    assert_eq!(ask(&rows, &xy, &[9], 3, true), Err("CANCELLED"));
    assert_eq!(ask(&rows, &xy, &[], 3, false), Ok(Vec::new()));
    // Fewer rows than neighbours.
    assert_eq!(ask(&rows, &xy, &[9, 10], 15, false).unwrap().len(), 4);
}
