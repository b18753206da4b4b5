use omendb_distance::Metric;
use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::values::{CODE_NULL, CODE_OTHER, ColumnValues};
use crate::view::SortKey;

const COLUMNS: [(&str, ColumnKind); 6] = [
    ("word", ColumnKind::Text),
    ("rank", ColumnKind::Int),
    ("score", ColumnKind::Float),
    ("plural", ColumnKind::Bool),
    ("seen", ColumnKind::Timestamp),
    ("extra", ColumnKind::Json),
];

/// Five words in two parts; the second word of "apple" replaces the first, which is deleted; `late` came with the second part.
fn words() -> Fixture {
    use Value::{Bool, Float, Int, Null, Text, Timestamp};
    let mut fixture = Fixture::new(Some(("word", IdKind::Text)), &COLUMNS, 2, Metric::L2);
    let first = [
        vec![
            Text("pear"),
            Int(3),
            Float(0.5),
            Bool(false),
            Timestamp(1_500_000),
            Text("{\"a\":[1,2]}"),
        ],
        vec![
            Text("apple"),
            Int(1),
            Float(f64::NAN),
            Bool(true),
            Null,
            Null,
        ],
        vec![
            Text("fig"),
            Null,
            Float(-1.0),
            Null,
            Timestamp(-1),
            Text("null"),
        ],
    ];
    fixture.part(&first, &[0.0, 0.0, 1.0, 0.0, 2.0, 0.0], 2, false);
    fixture.skip(10);
    fixture.add_column("late", ColumnKind::Int);
    let second = [
        vec![
            Text("apple"),
            Int(i64::MAX),
            Null,
            Bool(true),
            Null,
            Null,
            Int(7),
        ],
        vec![
            Text("Zebra"),
            Int(-5),
            Float(f64::INFINITY),
            Bool(false),
            Null,
            Text("\"x\""),
            Null,
        ],
    ];
    fixture.part(&second, &[3.0, 0.0, 4.0, 0.0], 1, false);
    fixture.deleted.insert(1);
    fixture
}

fn by(column: &str, descending: bool) -> SortKey {
    SortKey {
        column: column.to_owned(),
        descending,
    }
}

// [Q2]
#[test]
fn ids_lead_to_the_newest_live_row_and_back() {
    let mut fixture = words();
    let snapshot = fixture.snapshot();
    assert_eq!(
        (
            snapshot.len(),
            snapshot.live_rows().iter().collect::<Vec<_>>()
        ),
        (4, vec![0, 2, 13, 14])
    );
    assert_eq!(snapshot.row_of(&"apple".into()), Some(13));
    assert_eq!(snapshot.row_of(&"fig".into()), Some(2));
    assert_eq!(snapshot.row_of(&"Zebra".into()), Some(14));
    assert_eq!(snapshot.row_of(&"kiwi".into()), None);
    assert_eq!(snapshot.row_of(&Id::Int(0)), None, "ids are text here");
    for row in [0, 2, 13, 14] {
        assert_eq!(snapshot.row_of(&snapshot.id_of(row).unwrap()), Some(row));
    }
    for row in [1, 3, 12, 15, u32::MAX] {
        assert_eq!(snapshot.id_of(row).unwrap_err().code(), "UNKNOWN_ROW");
        assert_eq!(snapshot.vector(row, 0).unwrap_err().code(), "UNKNOWN_ROW");
    }
    assert_eq!(snapshot.vector(13, 0).unwrap(), [3.0, 0.0]);
    assert_eq!(snapshot.vector(13, 1).unwrap_err().code(), "UNKNOWN_COLUMN");
    fixture.deleted.insert(13);
    assert_eq!(
        fixture.snapshot().row_of(&"apple".into()),
        None,
        "both are deleted"
    );
}

#[test]
fn without_an_id_column_the_row_number_is_the_id() {
    let mut fixture = Fixture::new(None, &[], 1, Metric::Dot);
    fixture.part(&[], &[1.0, 2.0], 1, false);
    fixture.skip(5);
    fixture.part(&[], &[3.0], 1, false);
    let snapshot = fixture.snapshot();
    assert_eq!(snapshot.id_of(7).unwrap(), Id::Int(7));
    assert_eq!(snapshot.row_of(&Id::Int(7)), Some(7));
    for id in [
        Id::Int(2),
        Id::Int(8),
        Id::Int(-1),
        Id::Int(i64::MAX),
        Id::Text("7".to_owned()),
    ] {
        assert_eq!(snapshot.row_of(&id), None, "{id}");
    }
}

#[test]
fn integer_ids_are_found_in_both_kinds_of_index() {
    let mut fixture = Fixture::new(
        Some(("id", IdKind::Int)),
        &[("id", ColumnKind::Int)],
        1,
        Metric::L2,
    );
    for start in [0i64, 1_000] {
        let rows: Vec<Vec<Value<'_>>> = (0..100)
            .map(|i| vec![Value::Int((start + i * 37) % 1_009 - 500)])
            .collect();
        fixture.part(&rows, &[0.0; 100], 7, false);
    }
    let snapshot = fixture.snapshot();
    for row in 0..200 {
        let id = snapshot.id_of(row).unwrap();
        let found = snapshot.row_of(&id).unwrap();
        assert!(found >= row && snapshot.id_of(found).unwrap() == id);
    }
    assert_eq!(snapshot.row_of(&Id::Int(5_000)), None);
    assert_eq!(snapshot.row_of(&"5".into()), None);
}

#[test]
fn cells_tell_each_type_as_people_read_it_and_null_for_columns_that_came_later() {
    let snapshot = words().snapshot();
    let rows = snapshot.rows_json(&[14, 0, 2, 13], None).unwrap();
    assert_eq!(
        json!(rows),
        json!([
            { "word": "Zebra", "rank": -5, "score": "Infinity", "plural": false, "seen": null, "extra": "x", "late": null },
            { "word": "pear", "rank": 3, "score": 0.5, "plural": false, "seen": "1970-01-01T00:00:01.500", "extra": { "a": [1, 2] }, "late": null },
            { "word": "fig", "rank": null, "score": -1.0, "plural": null, "seen": "1969-12-31T23:59:59.999999", "extra": null, "late": null },
            { "word": "apple", "rank": "9223372036854775807", "score": null, "plural": true, "seen": null, "extra": null, "late": 7 },
        ])
    );
    let columns = ["late".to_owned(), "word".to_owned()];
    assert_eq!(
        json!(snapshot.cells(&[13, 0], Some(&columns)).unwrap()),
        json!([[7, "apple"], [null, "pear"]])
    );
    assert_eq!(
        snapshot.cells(&[1], None).unwrap_err().code(),
        "UNKNOWN_ROW"
    );
    assert_eq!(
        snapshot
            .cells(&[0], Some(&["Word".to_owned()]))
            .unwrap_err()
            .code(),
        "UNKNOWN_COLUMN"
    );
}

#[test]
fn filters_see_live_rows_of_all_parts_and_nulls_where_a_column_is_missing() {
    let snapshot = words().snapshot();
    let rows = |filter: &str| snapshot.filter(filter).unwrap().iter().collect::<Vec<_>>();
    assert_eq!(rows("word = 'apple'"), [13]);
    assert_eq!(rows("late = 7"), [13]);
    assert_eq!(rows("late IS NULL"), [0, 2, 14]);
    assert_eq!(rows("rank < 10 OR late > 0"), [0, 13, 14]);
    assert_eq!(rows("NOT plural"), [0, 14]);
    assert_eq!(rows("TRUE"), [0, 2, 13, 14]);
    assert_eq!(rows(" "), [0, 2, 13, 14]);
    assert_eq!(rows("FALSE"), Vec::<u32>::new());
    assert!(snapshot.check_filter("rank < 3").is_ok() && snapshot.check_filter("").is_ok());
    assert_eq!(
        snapshot.check_filter("rnk < 3").unwrap_err().code(),
        "INVALID_FILTER"
    );
    assert!(
        Arc::ptr_eq(
            &snapshot.filter("TRUE").unwrap(),
            &snapshot.filter(" TRUE ").unwrap()
        ),
        "kept"
    );
}

#[test]
fn a_collection_without_columns_can_be_filtered_by_constants() {
    let mut fixture = Fixture::new(None, &[], 1, Metric::L2);
    fixture.part(&[], &[1.0, 2.0, 3.0], 1, false);
    fixture.deleted.insert(1);
    assert_eq!(
        fixture
            .snapshot()
            .filter("1 = 1")
            .unwrap()
            .iter()
            .collect::<Vec<_>>(),
        [0, 2]
    );
}

#[test]
fn views_sort_with_nulls_last_and_equal_rows_by_number() {
    let snapshot = words().snapshot();
    let rows = |sort: &[SortKey]| snapshot.view(None, sort).unwrap().rows.clone();
    assert_eq!(rows(&[]), [0, 2, 13, 14]);
    assert_eq!(rows(&[by("word", false)]), [14, 13, 2, 0]);
    assert_eq!(rows(&[by("word", true)]), [0, 2, 13, 14]);
    assert_eq!(rows(&[by("rank", false)]), [14, 0, 13, 2]);
    assert_eq!(rows(&[by("rank", true)]), [13, 0, 14, 2]);
    assert_eq!(rows(&[by("score", true)]), [14, 0, 2, 13]);
    assert_eq!(rows(&[by("plural", false)]), [0, 14, 13, 2]);
    assert_eq!(rows(&[by("late", false)]), [13, 0, 2, 14]);
    assert_eq!(
        rows(&[by("plural", false), by("word", false)]),
        [14, 0, 13, 2]
    );
    assert_eq!(rows(&[by("seen", false), by("rank", true)]), [2, 0, 13, 14]);
    assert_eq!(
        snapshot
            .view(None, &[by("nothing", false)])
            .unwrap_err()
            .code(),
        "UNKNOWN_COLUMN"
    );
    let nine = vec![by("rank", false); 9];
    assert_eq!(
        snapshot.view(None, &nine).unwrap_err().code(),
        "LIMIT_EXCEEDED"
    );
}

#[test]
fn views_give_pages_and_positions_and_are_kept() {
    let snapshot = words().snapshot();
    let sort = [by("rank", true)];
    let view = snapshot.view(Some("rank IS NOT NULL"), &sort).unwrap();
    assert_eq!(view.rows, [13, 0, 14]);
    assert_eq!(
        (view.page(1, 5), view.page(0, 1), view.page(9, 9)),
        (&[0, 14][..], &[13][..], &[][..])
    );
    assert_eq!(view.page(1, usize::MAX), [0, 14]);
    assert_eq!(
        [13, 0, 14, 2, 99].map(|row| view.position_of(row)),
        [Some(0), Some(1), Some(2), None, None]
    );
    assert!(Arc::ptr_eq(
        &view,
        &snapshot.view(Some(" rank IS NOT NULL"), &sort).unwrap()
    ));
    let plain = snapshot.view(None, &[]).unwrap();
    assert_eq!(
        [0, 1, 2, 13].map(|row| plain.position_of(row)),
        [Some(0), None, Some(1), Some(2)]
    );
}

#[test]
fn text_few_integers_and_bools_colour_as_categories() {
    let snapshot = words().snapshot();
    let ColumnValues::Category {
        codes,
        labels,
        others,
        nulls,
    } = snapshot
        .column_values("plural", &[14, 13, 2, 0, 0, 1])
        .unwrap()
    else {
        panic!("a bool is a category")
    };
    assert_eq!(
        codes,
        [0, 1, CODE_NULL, 0, 0, CODE_NULL],
        "row 1 is deleted"
    );
    assert_eq!(
        labels
            .iter()
            .map(|l| (l.label.as_str(), l.count))
            .collect::<Vec<_>>(),
        [("false", 3), ("true", 1)]
    );
    assert_eq!((others, nulls), (0, 2));
    assert_eq!(
        snapshot.column_values("nothing", &[]).unwrap_err().code(),
        "UNKNOWN_COLUMN"
    );
}

#[test]
fn the_ten_most_frequent_values_get_codes_and_the_rest_is_other() {
    let mut fixture = Fixture::new(
        None,
        &[("t", ColumnKind::Text), ("i", ColumnKind::Int)],
        1,
        Metric::L2,
    );
    let texts: Vec<String> = (0..15).map(|i| format!("t{i:02}")).collect();
    // Value v stands 20 - v times.
    let rows: Vec<Vec<Value<'_>>> = (0..15usize)
        .flat_map(|v| (0..20 - v).map(move |_| v))
        .map(|v| vec![Value::Text(&texts[v]), Value::Int(v as i64)])
        .collect();
    fixture.part(&rows, &vec![0.0; rows.len()], 50, false);
    let snapshot = fixture.snapshot();
    let all: Vec<u32> = (0..rows.len() as u32).collect();
    let ColumnValues::Category {
        codes,
        labels,
        others,
        nulls,
    } = snapshot.column_values("t", &all).unwrap()
    else {
        panic!("text is a category")
    };
    assert_eq!(
        labels.iter().map(|l| l.label.as_str()).collect::<Vec<_>>(),
        &texts[..10]
    );
    assert_eq!(labels[9].count, 11);
    assert_eq!((others, nulls), (10 + 9 + 8 + 7 + 6, 0));
    assert_eq!(
        codes.iter().filter(|c| **c == CODE_OTHER).count() as u64,
        others
    );
    assert!(
        matches!(
            snapshot.column_values("i", &all).unwrap(),
            ColumnValues::Number { .. }
        ),
        "15 distinct"
    );
    assert!(
        matches!(
            snapshot.column_values("i", &all[..150]).unwrap(),
            ColumnValues::Category { .. }
        ),
        "9 distinct"
    );
}

#[test]
fn numbers_keep_their_differences_in_f32() {
    let base = 1_700_000_000_000_000i64;
    let mut fixture = Fixture::new(
        None,
        &[("at", ColumnKind::Timestamp), ("x", ColumnKind::Float)],
        1,
        Metric::L2,
    );
    let rows: Vec<Vec<Value<'_>>> = (0..20)
        .map(|i| match i {
            3 => vec![Value::Null, Value::Null],
            4 => vec![Value::Timestamp(base + 4), Value::Float(f64::NEG_INFINITY)],
            _ => vec![Value::Timestamp(base + i), Value::Float(i as f64 / 2.0)],
        })
        .collect();
    fixture.part(&rows, &[0.0; 20], 6, false);
    let snapshot = fixture.snapshot();
    let all: Vec<u32> = (0..20).collect();
    let ColumnValues::Number {
        values,
        min,
        max,
        offset,
        nulls,
    } = snapshot.column_values("at", &all).unwrap()
    else {
        panic!("a timestamp is a number")
    };
    assert_eq!((offset, min, max, nulls), (base as f64, 0.0, 19.0, 1));
    assert!(values[3].is_nan() && values[7] == 7.0);
    let ColumnValues::Number {
        values,
        min,
        max,
        offset,
        nulls,
    } = snapshot.column_values("x", &all).unwrap()
    else {
        panic!("a float is a number")
    };
    assert_eq!((offset, min, max, nulls), (0.0, 0.0, 9.5, 1));
    assert!(values[3].is_nan() && values[4] == f32::NEG_INFINITY && values[5] == 2.5);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn sorting_by_two_columns_agrees_with_a_plain_sort(
        rows in prop::collection::vec((prop::option::of(-3i64..3), prop::option::of("[ab]{0,10}")), 1..80),
        descending in any::<[bool; 2]>(),
        batch in 1usize..20,
        cut in 0usize..80,
    ) {
        let mut fixture = Fixture::new(None, &[("n", ColumnKind::Int), ("t", ColumnKind::Text)], 1, Metric::L2);
        let cells: Vec<Vec<Value<'_>>> = rows
            .iter()
            .map(|(n, t)| vec![n.map_or(Value::Null, Value::Int), t.as_deref().map_or(Value::Null, Value::Text)])
            .collect();
        let cut = cut.min(rows.len());
        for part in [&cells[..cut], &cells[cut..]] {
            if !part.is_empty() {
                fixture.part(part, &vec![0.0; part.len()], batch, false);
            }
        }
        let snapshot = fixture.snapshot();
        let view = snapshot.view(None, &[by("n", descending[0]), by("t", descending[1])]).unwrap();
        let mut expected: Vec<u32> = (0..rows.len() as u32).collect();
        fn order<T: Ord>(a: &Option<T>, b: &Option<T>, descending: bool) -> std::cmp::Ordering {
            match (a, b) {
                (Some(a), Some(b)) if descending => b.cmp(a),
                (Some(a), Some(b)) => a.cmp(b),
                _ => a.is_none().cmp(&b.is_none()),
            }
        }
        expected.sort_by(|a, b| {
            let (a, b) = (&rows[*a as usize], &rows[*b as usize]);
            order(&a.0, &b.0, descending[0]).then_with(|| order(&a.1, &b.1, descending[1]))
        });
        prop_assert_eq!(&view.rows, &expected);
        for (at, row) in expected.iter().enumerate() {
            prop_assert_eq!(view.position_of(*row), Some(at));
        }
    }
}
