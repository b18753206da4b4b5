//! What a map can follow: the values of a column, by its type.

mod support;

use std::sync::atomic::AtomicBool;

use omendb_store::vfs::MemVfs;
use omendb_store::{LayoutParams, Target};
use serde_json::json;
use support::*;

/// A category that is not known.
const UNKNOWN: u32 = u32::MAX;

#[test]
fn types_decide_what_is_followed() {
    let vfs = MemVfs::new();
    let store = open(&vfs);
    store.create_collection(spec("words")).unwrap();
    let words = store.collection("words").unwrap();
    let many = i64::from(i32::MAX);
    let rows: Vec<_> = (0..14)
        .map(|i| {
            json!({
                "id": format!("r{i}"), "vector": [i, 1, 2, 3], "n": many * 1_000 + i,
                "kind": if i == 3 { json!(null) } else { json!(["a", "b"][i as usize % 2]) },
                "few": i % 3, "yes": i % 2 == 0, "size": i as f64 / 2.0, "tags": [i],
            })
        })
        .collect();
    words.add_json(&rows).unwrap();
    words.delete_rows(&[5]).unwrap();
    let snapshot = words.snapshot();
    let of = |column: &str| snapshot.map_target(column, &[0, 1, 2, 3, 4, 5]).unwrap();
    let categories = |of: [u32; 6]| Target::Categories(of.to_vec());
    assert_eq!(of("kind"), categories([0, 1, 0, UNKNOWN, 0, UNKNOWN]));
    assert_eq!(of("few"), categories([0, 1, 2, 0, 1, UNKNOWN]));
    assert_eq!(of("yes"), categories([1, 0, 1, 0, 1, UNKNOWN]));
    assert_eq!(of("id"), categories([0, 1, 2, 3, 4, UNKNOWN]));
    let Target::Numbers(sizes) = of("size") else {
        panic!("sizes are numbers");
    };
    assert_eq!(sizes[..5], [0.0, 0.5, 1.0, 1.5, 2.0]);
    assert!(sizes[5].is_nan());
    // Many integers are numbers, which large ones stay.
    let all: Vec<u32> = (0..14).collect();
    let Target::Numbers(numbers) = snapshot.map_target("n", &all).unwrap() else {
        panic!("many integers are numbers");
    };
    assert_eq!(numbers[..5], [0.0, 1.0, 2.0, 3.0, 4.0]);
    let code = |column: &str| snapshot.map_target(column, &all).unwrap_err().code();
    assert_eq!(
        (code("tags"), code("none")),
        ("INVALID_REQUEST", "UNKNOWN_COLUMN")
    );

    let never = AtomicBool::new(false);
    let graph = snapshot.knn_graph(0, None, 4, &never, &|_, _| {}).unwrap();
    let start = vec![0.5; 26];
    let short = Target::Numbers(vec![1.0; 12]);
    let layout = |target| graph.layout(&start, LayoutParams::default(), target, &never);
    let refused = layout(Some((&short, 0.5))).err().unwrap();
    assert_eq!(refused.code(), "INVALID_REQUEST");
    let kinds = snapshot.map_target("kind", &graph.rows).unwrap();
    assert!(layout(Some((&kinds, 0.5))).is_ok());
}
