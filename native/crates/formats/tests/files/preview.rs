//! What a preview says of ordinary files.

use std::fmt::Write;
use std::sync::Arc;

use arrow_array::builder::{Float64Builder, ListBuilder};
use arrow_array::{ArrayRef, Float32Array, Int32Array, StringArray};
use omendb_formats::{ColumnType, Format, OnError, Preview, Role, inspect, open, plan_from, sniff};
use serde_json::json;

use crate::support::{Fixture, batch, code, fvecs, npy, parquet, read, vector_batch};

fn preview(name: &str, text: impl AsRef<[u8]>) -> Preview {
    inspect(&Fixture::new(name, text).path).unwrap()
}

fn names(preview: &Preview) -> Vec<(&str, ColumnType)> {
    preview
        .columns
        .iter()
        .map(|c| (c.name.as_str(), c.ty))
        .collect()
}

#[test]
fn a_csv_with_a_vector_cell_is_understood() {
    let text = "\u{FEFF}word;rank;emb;seen\r\nqueen;2;[0.6, 0.8];2024-01-01\r\nking;1;[1, 0];2024-01-02T03:04:05Z\r\n";
    let p = preview("words.csv", text);
    use ColumnType::{Int, Text, Timestamp, Vector};
    assert_eq!(
        names(&p),
        [
            ("word", Text),
            ("rank", Int),
            ("emb", Vector),
            ("seen", Timestamp)
        ]
    );
    assert_eq!(
        p.vector.as_ref().map(|v| (v.column.as_str(), v.dimension)),
        Some(("emb", 2))
    );
    assert_eq!(p.id.as_ref().map(|i| i.column.as_str()), Some("word"));
    assert_eq!(
        (p.metric.metric, p.rows, p.rows_estimate),
        ("cosine", Some(2), None)
    );
    assert_eq!(p.csv.map(|c| (c.delimiter, c.header)), Some((';', true)));
    assert_eq!(p.columns[2].role, Role::Vector);
    let first = json!(["queen", 2, {"vector": [0.6, 0.8], "dimension": 2, "norm": p.sample[0][2]["norm"]}, "2024-01-01"]);
    assert_eq!(json!(p.sample[0]), first);
    let shown = serde_json::to_value(&p).unwrap();
    assert_eq!(
        shown["columns"][1],
        json!({"name": "rank", "type": "int", "sourceType": "text", "role": "field", "sampleNulls": 0})
    );
    assert_eq!(shown["fileBytes"], json!(text.len()));
}

#[test]
fn numbered_columns_are_one_vector_in_the_order_of_their_numbers() {
    let mut text = String::from("id\tv2\tv1\tv0\tv3\tv4\tv5\tv6\tv7\tv9\tlabel\n");
    text.push_str("a\t2\t1\t0\t3\t4\t5\t6\t7\t9\tx\nb\t2\t1\t0\t3\t4\t5\t6\t7.5\t9\ty\n");
    let fixture = Fixture::new("t.tsv", text);
    let p = inspect(&fixture.path).unwrap();
    assert_eq!(
        p.columns
            .iter()
            .map(|c| c.name.as_str())
            .collect::<Vec<_>>(),
        ["id", "v0…v7", "v9", "label"]
    );
    let table = read(&fixture.path, &plan_from(&p).unwrap()).unwrap();
    assert_eq!(table.vectors[..8], [0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0]);
    assert_eq!(table.texts("v9"), [Some("9".into()), Some("9".into())]);
}

#[test]
fn the_words_and_numbers_of_a_glove_or_word2vec_file_are_read_without_a_header() {
    let rows = "the 0.1 0.2 0.3 0.4 0.5 0.6 0.7 0.8\n\" 1 2 3 4 5 6 7 -8e-1\n";
    for text in [rows.to_owned(), format!("2 8\n{rows}")] {
        let fixture = Fixture::new("glove.txt", text);
        let p = inspect(&fixture.path).unwrap();
        assert_eq!(
            p.vector.as_ref().map(|v| v.column.as_str()),
            Some("column_2…column_9")
        );
        let table = read(&fixture.path, &plan_from(&p).unwrap()).unwrap();
        assert_eq!(
            table.texts("column_1"),
            [Some("the".into()), Some("\"".into())]
        );
        assert_eq!(table.vectors[15], -0.8);
    }
}

#[test]
fn a_header_of_plain_numbers_is_told_from_data() {
    let with = "0,1,2,3,4,5,6,7\n.1,.2,.3,.4,.5,.6,.7,.8\n";
    let p = preview("a.csv", with);
    assert_eq!(
        (names(&p), p.rows),
        (vec![("0…7", ColumnType::Vector)], Some(1))
    );
    let without = ".1,.2,.3,.4,.5,.6,.7,.8\n.1,.2,.3,.4,.5,.6,.7,.9\n";
    let p = preview("a.csv", without);
    assert_eq!(
        (names(&p), p.rows),
        (vec![("column_1…column_8", ColumnType::Vector)], Some(2))
    );
}

#[test]
fn json_lines_give_their_columns_in_order_of_appearance() {
    let text = r#"{"z": 1, "vec": [1, 2, 3, 4], "tags": ["a"], "ok": true, "big": 9007199254740993}
{"vec": [5, 6, 7, 8.0], "z": 2.5, "name": "x\u00e9", "tags": {"n": [1]}, "when": "2024-01-01", "ok": null}
"#;
    let fixture = Fixture::new("a.json", text);
    let p = inspect(&fixture.path).unwrap();
    use ColumnType::{Bool, Float, Int, Json, Text, Timestamp, Vector};
    let want = [
        ("z", Float),
        ("vec", Vector),
        ("tags", Json),
        ("ok", Bool),
        ("big", Int),
        ("name", Text),
        ("when", Timestamp),
    ];
    assert_eq!(names(&p), want);
    assert_eq!(p.sample[0][4], json!("9007199254740993"));
    let table = read(&fixture.path, &plan_from(&p).unwrap()).unwrap();
    assert_eq!(
        table.texts("tags"),
        [Some(r#"["a"]"#.into()), Some(r#"{"n": [1]}"#.into())]
    );
    assert_eq!(table.texts("name"), [None, Some("xé".into())]);
    assert_eq!(table.vectors, [1., 2., 3., 4., 5., 6., 7., 8.]);
}

#[test]
fn lines_that_are_arrays_are_vectors() {
    let fixture = Fixture::new("a.jsonl", "[1,2,3]\n[4,5,6]\n");
    let table = read(&fixture.path, &fixture.skip_plan()).unwrap();
    assert_eq!(
        (table.vectors, table.dimension),
        (vec![1., 2., 3., 4., 5., 6.], 3)
    );
}

#[test]
fn parquet_lists_of_doubles_text_and_numbered_columns_are_vectors() {
    let mut lists = ListBuilder::new(Float64Builder::new());
    for row in [[0.5, 1.5, 2.5, 3.5], [4.5, 5.5, 6.5, 7.5]] {
        lists.append_value(row.map(Some));
    }
    let text: ArrayRef = Arc::new(StringArray::from(vec![
        "[1, 2, 3, 4, 5]",
        "[6, 7, 8, 9, 10]",
    ]));
    let mut columns: Vec<(String, ArrayRef)> = vec![
        ("word".into(), Arc::new(StringArray::from(vec!["a", "b"]))),
        ("list".into(), Arc::new(lists.finish())),
        ("text".into(), text),
    ];
    for i in 0..9 {
        columns.push((
            format!("d{i:02}"),
            Arc::new(Float32Array::from(vec![i as f32, 10.0 + i as f32])),
        ));
    }
    let fixture = parquet(batch(
        columns
            .iter()
            .map(|(n, a)| (n.as_str(), a.clone()))
            .collect(),
    ));
    let p = inspect(&fixture.path).unwrap();
    let candidates: Vec<_> = p
        .vector_candidates
        .iter()
        .map(|c| (c.column.as_str(), c.dimension))
        .collect();
    assert_eq!(candidates, [("d00…d08", 9), ("text", 5), ("list", 4)]);
    let mut plan = plan_from(&p).unwrap();
    assert_eq!(
        plan.columns
            .iter()
            .map(|c| c.source.as_str())
            .collect::<Vec<_>>(),
        ["word", "list", "text"]
    );
    let table = read(&fixture.path, &plan).unwrap();
    assert_eq!(
        table.vectors[9..],
        [10., 11., 12., 13., 14., 15., 16., 17., 18.]
    );
    assert_eq!(table.texts("list")[0].as_deref(), Some("[0.5,1.5,2.5,3.5]"));
    plan.columns.clear();
    for (name, dimension, first) in [("text", 5, 1.0), ("list", 4, 0.5)] {
        plan.vector = name.into();
        plan.dimension = None;
        let table = read(&fixture.path, &plan).unwrap();
        assert_eq!(
            (table.dimension, table.vectors[0], table.rows),
            (dimension, first, 2)
        );
        assert_eq!(table.texts("word"), [Some("a".into()), Some("b".into())]);
    }
}

#[test]
fn the_metric_follows_from_the_sampled_lengths_and_values() {
    let metric = |rows: &[&[f32]]| preview("a.fvecs", fvecs(rows)).metric.metric;
    assert_eq!(metric(&[&[0.6, 0.8], &[1.0, 0.0]]), "cosine");
    assert_eq!(metric(&[&[0.3, -0.8], &[1.5, 0.25]]), "cosine");
    assert_eq!(metric(&[&[3.0, 255.0], &[0.0, 12.0]]), "l2");
    assert_eq!(metric(&[&[3.5, 25.0], &[0.0, 12.0]]), "l2");
}

#[test]
fn an_id_is_taken_by_name_then_by_being_unique() {
    let id = |text: &str| preview("a.csv", text).id.map(|i| i.column);
    assert_eq!(
        id("n,uuid,v\n1,a,1 2 3\n2,b,1 2 3\n").as_deref(),
        Some("uuid")
    );
    assert_eq!(id("n,uuid,v\n1,a,1 2 3\n2,a,1 2 3\n").as_deref(), Some("n"));
    assert_eq!(id("n,uuid,v\n1,a,1 2 3\n1,a,1 2 3\n"), None);
    assert_eq!(id("n,uuid,v\n,a,1 2 3\n1,a,1 2 3\n"), None);
}

#[test]
fn content_decides_the_format_before_the_extension() {
    let table = parquet(vector_batch(&[1.0; 8], 4));
    let bytes = std::fs::read(&table.path).unwrap();
    for (name, bytes, want) in [
        ("a.csv", bytes.as_slice(), Format::Parquet),
        (
            "a.bin",
            &npy("'<f4'", false, "(1, 1)", &[0; 4]),
            Format::Npy,
        ),
        ("a.bin", &fvecs(&[&[1.0, 2.0], &[3.0, 4.0]]), Format::Fvecs),
        ("a", b"{\"a\": 1}\n{\"a\": 2}\n", Format::JsonLines),
        ("a", b"a,b\n1,2\n", Format::Csv),
    ] {
        assert_eq!(
            sniff(&Fixture::new(name, bytes).path).unwrap(),
            want,
            "{name}"
        );
    }
}

#[test]
fn a_person_may_change_types_names_and_columns() {
    let fixture = Fixture::new("a.csv", "id,n,v\n01,7,1 2 3\n02,8,4 5 6\n");
    let mut plan = fixture.skip_plan();
    assert_eq!(plan.id.as_deref(), Some("id"));
    plan.columns.retain(|c| c.source == "n");
    plan.columns[0].name = "number".into();
    plan.columns[0].ty = ColumnType::Text;
    let mut reader = open(&fixture.path, &plan).unwrap();
    assert_eq!(
        reader
            .schema()
            .fields()
            .iter()
            .map(|f| f.name().as_str())
            .collect::<Vec<_>>(),
        ["id", "number"]
    );
    assert_eq!(reader.id_column(), Some(0));
    assert_eq!(reader.next_batch().unwrap().unwrap().rows, 2);
    assert!(reader.next_batch().unwrap().is_none());
    plan.columns.push(plan.columns[0].clone());
    assert_eq!(code(open(&fixture.path, &plan)), "UNKNOWN_COLUMN");
    plan.columns.pop();
    plan.vector = "nope".into();
    assert_eq!(code(open(&fixture.path, &plan)), "UNKNOWN_COLUMN");
    let json = serde_json::to_string(&plan).unwrap();
    assert_eq!(
        serde_json::from_str::<omendb_formats::ReadPlan>(&json).unwrap(),
        plan
    );
}

#[test]
fn parquet_values_that_do_not_fit_their_planned_type_reject_their_row() {
    let table = vector_batch(&[0.5; 12], 4);
    let words: ArrayRef = Arc::new(StringArray::from(vec![Some("1"), Some("x"), None]));
    let small: ArrayRef = Arc::new(Int32Array::from(vec![1, 2, 3]));
    let fixture = parquet(batch(vec![
        ("word", words),
        ("vector", table.column(1).clone()),
        ("n", small),
    ]));
    let mut plan = fixture.skip_plan();
    plan.columns[0].ty = ColumnType::Int;
    plan.id = None;
    let got = read(&fixture.path, &plan).unwrap();
    assert_eq!(got.rejected(), [(2, None, "unparsable cell")]);
    assert_eq!(got.texts("word"), [Some("1".into()), None]);
    plan.id = Some("word".into());
    let got = read(&fixture.path, &plan).unwrap();
    assert_eq!(
        got.rejected(),
        [(2, None, "unparsable cell"), (3, None, "missing id")]
    );
    plan.on_error = OnError::Stop;
    let error = open(&fixture.path, &plan).err().unwrap();
    assert_eq!(
        (
            error.code(),
            error.to_string().contains("row 2, column \"word\"")
        ),
        ("BAD_ROW", true),
        "{error}"
    );
}

#[test]
fn twenty_thousand_rows_of_parquet_take_well_under_half_a_second() {
    let vectors: Vec<f32> = (0..2_000_000u32)
        .map(|i| (i.wrapping_mul(2_654_435_761) as f32) / 4.3e9)
        .collect();
    let fixture = parquet(vector_batch(&vectors, 100));
    let start = std::time::Instant::now();
    let table = read(&fixture.path, &fixture.skip_plan()).unwrap();
    let took = start.elapsed();
    assert_eq!(table.vectors, vectors);
    assert!(took.as_millis() < 500, "{took:?}");
}

#[test]
fn an_estimate_of_the_rows_stands_in_for_a_count() {
    let mut text = String::from("id,v\n");
    (0..200_000).for_each(|i| writeln!(text, "{i:06},0.25 0.5 0.125 {i:06}").unwrap());
    let p = preview("a.csv", text);
    assert_eq!(p.rows, None);
    assert!(
        p.rows_estimate
            .is_some_and(|n| (195_000..205_000).contains(&n)),
        "{:?}",
        p.rows_estimate
    );
}
