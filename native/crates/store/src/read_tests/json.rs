use omendb_distance::Metric;
use proptest::prelude::*;
use serde_json::{Value as Json, json};

use super::*;
use crate::json_rows::from_json;

fn meta() -> CollectionMeta {
    Fixture::new(
        Some(("word", IdKind::Text)),
        &[
            ("word", ColumnKind::Text),
            ("rank", ColumnKind::Int),
            ("score", ColumnKind::Float),
            ("plural", ColumnKind::Bool),
            ("seen", ColumnKind::Timestamp),
            ("extra", ColumnKind::Json),
        ],
        2,
        Metric::L2,
    )
    .meta
}

/// Makes the rows a part and reads them back.
fn round_trip(rows: &[Json], mut meta: CollectionMeta) -> Vec<Json> {
    let made = from_json(rows, &meta).unwrap();
    meta.columns.extend(made.new_columns);
    let column = VectorColumn {
        data: made.vectors[0].clone().into(),
        inv_norms: Floats::empty(),
        index: None,
        reader: None,
    };
    let part = Part::new(
        crate::numbers::Numbers::dense(0, rows.len() as u32).unwrap(),
        vec![made.columns],
        vec![column],
        IdIndex::RowNumber,
    )
    .unwrap();
    let snapshot = Snapshot::new(Arc::new(meta), vec![Arc::new(part)], Arc::default(), 0, 0);
    let all: Vec<u32> = (0..rows.len() as u32).collect();
    snapshot
        .rows_json(&all, None)
        .unwrap()
        .into_iter()
        .map(Json::Object)
        .collect()
}

#[test]
fn rows_come_back_as_they_were_given() {
    let rows = [
        json!({ "word": "king", "rank": 5, "score": 0.25, "plural": false, "seen": "2024-02-29T12:34:56.789012", "extra": { "a": [1, null, "x"] }, "vector": [1, 2] }),
        json!({ "id": "kings", "rank": "9223372036854775807", "score": "NaN", "plural": true, "extra": "text", "embedding": [0.5, -1e-3] }),
        json!({ "word": "", "rank": 2.0, "score": 3, "seen": null, "extra": 0, "vector": [0, 0] }),
    ];
    assert_eq!(
        json!(round_trip(&rows, meta())),
        json!([
            { "word": "king", "rank": 5, "score": 0.25, "plural": false, "seen": "2024-02-29T12:34:56.789012", "extra": { "a": [1, null, "x"] } },
            { "word": "kings", "rank": "9223372036854775807", "score": "NaN", "plural": true, "seen": null, "extra": "text" },
            { "word": "", "rank": 2, "score": 3.0, "plural": null, "seen": null, "extra": 0 },
        ])
    );
    let made = from_json(&rows, &meta()).unwrap();
    assert_eq!(made.vectors, [[1.0, 2.0, 0.5, -1e-3, 0.0, 0.0]]);
    assert!(made.new_columns.is_empty());
    assert_eq!(made.columns.schema().fields().len(), 6);
}

#[test]
fn new_fields_become_columns_of_the_type_that_holds_all_their_values() {
    let rows = [
        json!({ "word": "a", "vector": [0, 0], "i": 1, "f": 1, "b": true, "t": "x", "j": [1], "mixed": 1, "nothing": null }),
        json!({ "word": "b", "vector": [0, 0], "i": -7, "f": 2.5, "t": null, "j": { "k": 1 }, "mixed": "one", "big": 18446744073709551615u64 }),
    ];
    let made = from_json(&rows, &meta()).unwrap();
    let mut kinds: Vec<(&str, ColumnKind)> = made
        .new_columns
        .iter()
        .map(|c| (c.name.as_str(), c.kind))
        .collect();
    kinds.sort_by_key(|k| k.0);
    assert_eq!(
        kinds,
        [
            ("b", ColumnKind::Bool),
            ("big", ColumnKind::Float),
            ("f", ColumnKind::Float),
            ("i", ColumnKind::Int),
            ("j", ColumnKind::Json),
            ("mixed", ColumnKind::Json),
            ("t", ColumnKind::Text),
        ]
    );
    let back = round_trip(&rows, meta());
    assert_eq!(
        (&back[0]["mixed"], &back[1]["mixed"]),
        (&json!(1), &json!("one"))
    );
    assert_eq!(
        (&back[0]["f"], &back[1]["b"], &back[1]["j"]),
        (&json!(1.0), &Json::Null, &json!({ "k": 1 }))
    );
}

#[test]
fn one_bad_row_refuses_them_all_and_says_which() {
    let good = json!({ "word": "a", "vector": [0, 0] });
    for (bad, code) in [
        (json!(5), "INVALID_REQUEST"),
        (json!({ "vector": [0, 0] }), "INVALID_REQUEST"),
        (json!({ "word": null, "vector": [0, 0] }), "INVALID_REQUEST"),
        (json!({ "word": 7, "vector": [0, 0] }), "INVALID_REQUEST"),
        (
            json!({ "word": "a", "id": "b", "vector": [0, 0] }),
            "INVALID_REQUEST",
        ),
        (
            json!({ "word": "a", "embedding": [0, 0], "vector": [0, 0] }),
            "INVALID_REQUEST",
        ),
        (json!({ "word": "a" }), "INVALID_REQUEST"),
        (json!({ "word": "a", "vector": null }), "INVALID_REQUEST"),
        (json!({ "word": "a", "vector": [0] }), "DIMENSION_MISMATCH"),
        (json!({ "word": "a", "vector": "0 0" }), "INVALID_VECTOR"),
        (json!({ "word": "a", "vector": [0, "0"] }), "INVALID_VECTOR"),
        (
            json!({ "word": "a", "vector": [0, null] }),
            "INVALID_VECTOR",
        ),
        (
            json!({ "word": "a", "vector": [0, 1e300] }),
            "INVALID_VECTOR",
        ),
        (
            json!({ "word": "a", "vector": [0, 0], "rank": 1.5 }),
            "INVALID_REQUEST",
        ),
        (
            json!({ "word": "a", "vector": [0, 0], "rank": 1e19 }),
            "INVALID_REQUEST",
        ),
        (
            json!({ "word": "a", "vector": [0, 0], "rank": "many" }),
            "INVALID_REQUEST",
        ),
        (
            json!({ "word": "a", "vector": [0, 0], "score": true }),
            "INVALID_REQUEST",
        ),
        (
            json!({ "word": "a", "vector": [0, 0], "plural": 1 }),
            "INVALID_REQUEST",
        ),
        (
            json!({ "word": "a", "vector": [0, 0], "seen": 0 }),
            "INVALID_REQUEST",
        ),
        (
            json!({ "word": "a", "vector": [0, 0], "seen": "soon" }),
            "INVALID_REQUEST",
        ),
        (
            json!({ "word": "a", "vector": [0, 0], "": 1 }),
            "INVALID_NAME",
        ),
        (
            json!({ "word": "a", "vector": [0, 0], "a\u{0}b": 1 }),
            "INVALID_NAME",
        ),
    ] {
        let error = from_json(&[good.clone(), bad.clone()], &meta()).unwrap_err();
        assert_eq!(error.code(), code, "{bad}: {error}");
        if code == "INVALID_REQUEST" {
            assert!(error.to_string().contains("row 1"), "{bad}: {error}");
        }
    }
}

#[test]
fn a_collection_that_numbers_its_rows_takes_no_ids_unless_a_column_has_that_name() {
    let mut fixture = Fixture::new(None, &[], 1, Metric::L2);
    let rows = [json!({ "id": 5, "vector": [1] })];
    assert_eq!(
        from_json(&rows, &fixture.meta).unwrap_err().code(),
        "INVALID_REQUEST"
    );
    fixture.add_column("id", ColumnKind::Int);
    assert_eq!(round_trip(&rows, fixture.meta), [json!({ "id": 5 })]);
}

#[test]
fn a_column_named_vector_or_id_keeps_its_own_meaning() {
    let mut fixture = Fixture::new(
        Some(("key", IdKind::Int)),
        &[("key", ColumnKind::Int)],
        1,
        Metric::L2,
    );
    fixture.add_column("id", ColumnKind::Text);
    fixture.add_column("vector", ColumnKind::Text);
    let rows = [json!({ "key": 1, "id": "x", "vector": "y", "embedding": [2] })];
    assert_eq!(
        round_trip(&rows, fixture.meta.clone()),
        [json!({ "key": 1, "id": "x", "vector": "y" })]
    );
    let rows = [json!({ "id": "x", "embedding": [2] })];
    assert_eq!(
        from_json(&rows, &fixture.meta).unwrap_err().code(),
        "INVALID_REQUEST",
        "no key"
    );
}

#[test]
fn no_rows_make_an_empty_batch() {
    let made = from_json(&[], &meta()).unwrap();
    assert_eq!((made.columns.num_rows(), made.vectors[0].len()), (0, 0));
}

fn any_json() -> impl Strategy<Value = Json> {
    let leaf = prop_oneof![
        Just(Json::Null),
        any::<bool>().prop_map(Json::from),
        any::<i64>().prop_map(Json::from),
        any::<f64>().prop_map(Json::from),
        "\\PC{0,8}".prop_map(Json::from),
    ];
    leaf.prop_recursive(2, 8, 3, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..3).prop_map(Json::from),
            prop::collection::btree_map("[a-z]{1,3}", inner, 0..3)
                .prop_map(|m| Json::Object(m.into_iter().collect())),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]
    #[test]
    fn any_values_of_new_fields_survive(values in prop::collection::vec(any_json(), 1..6)) {
        let fixture = Fixture::new(None, &[], 1, Metric::L2);
        let rows: Vec<Json> = values.iter().map(|v| json!({ "field": v, "vector": [0] })).collect();
        let back = round_trip(&rows, fixture.meta);
        for (given, told) in values.iter().zip(&back) {
            let told = told.get("field").unwrap_or(&Json::Null);
            // Integers past 2^53 are told as text, and become floats beside floats.
            let same = match (given, told) {
                (Json::Number(n), Json::String(text)) => text.parse().ok() == n.as_i64(),
                (Json::Number(a), Json::Number(b)) => a.as_f64() == b.as_f64(),
                (a, b) => a == b,
            };
            prop_assert!(same, "{} came back as {}", given, told);
        }
    }

    #[test]
    fn hostile_rows_never_panic(rows in prop::collection::vec(any_json(), 0..5)) {
        let _ = from_json(&rows, &meta());
    }
}
