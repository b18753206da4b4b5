//! Several vector columns of one file: read side by side, each with its own dimension, whatever the format.

use std::fmt::Write;
use std::sync::Arc;

use arrow_array::builder::{Float64Builder, ListBuilder};
use arrow_array::{ArrayRef, StringArray};
use omendb_formats::{
    ColumnPlan, ColumnType, OnError, Preview, ReadPlan, inspect, open, plan_from,
};

use crate::support::{Fixture, Table, batch, code, parquet, read};

const ROWS: usize = 5;

fn text(row: usize) -> Vec<f64> {
    vec![row as f64, 0.5, -1.0, 0.25]
}

fn image(row: usize) -> Vec<f64> {
    (0..6).map(|i| (row * 6 + i) as f64 / 8.0).collect()
}

fn list(values: &[f64]) -> String {
    serde_json::to_string(values).unwrap()
}

fn lists(of: impl Fn(usize) -> Option<Vec<f64>>) -> ArrayRef {
    let mut lists = ListBuilder::new(Float64Builder::new());
    for row in 0..ROWS {
        lists.append_option(of(row).map(|v| v.into_iter().map(Some)));
    }
    Arc::new(lists.finish())
}

/// The same rows in every format that has columns.
fn files() -> Vec<Fixture> {
    let mut csv = "id,text_embedding,image_embedding\n".to_owned();
    let mut bare = "id,text_embedding,f0,f1,f2,f3,f4,f5,f6,f7\n".to_owned();
    let mut lines = String::new();
    for row in 0..ROWS {
        let (t, i) = (list(&text(row)), list(&image(row)));
        writeln!(csv, "r{row},\"{t}\",\"{i}\"").unwrap();
        let wide = [image(row), vec![7.0, 8.0]].concat();
        let wide: Vec<String> = wide.iter().map(f64::to_string).collect();
        writeln!(bare, "r{row},\"{t}\",{}", wide.join(",")).unwrap();
        writeln!(
            lines,
            "{{\"id\":\"r{row}\",\"text_embedding\":{t},\"image_embedding\":{i}}}"
        )
        .unwrap();
    }
    let ids: ArrayRef = Arc::new(
        (0..ROWS)
            .map(|r| Some(format!("r{r}")))
            .collect::<StringArray>(),
    );
    let texts: ArrayRef = Arc::new(
        (0..ROWS)
            .map(|r| Some(list(&text(r))))
            .collect::<StringArray>(),
    );
    vec![
        Fixture::new("a.csv", csv),
        Fixture::new("groups.csv", bare),
        Fixture::new("a.jsonl", lines),
        parquet(batch(vec![
            ("id", ids.clone()),
            ("text_embedding", lists(|r| Some(text(r)))),
            ("image_embedding", lists(|r| Some(image(r)))),
        ])),
        parquet(batch(vec![
            ("id", ids),
            ("text_embedding", texts),
            ("image_embedding", lists(|r| Some(image(r)))),
        ])),
    ]
}

fn as_f32(of: impl Fn(usize) -> Vec<f64>) -> Vec<f32> {
    (0..ROWS).flat_map(of).map(|x| x as f32).collect()
}

/// A plan with this column first and that one as a further vector column, whose dimension the file tells.
fn plan(first: &str, further: &str) -> ReadPlan {
    ReadPlan {
        vector: first.to_owned(),
        id: Some("id".to_owned()),
        columns: vec![ColumnPlan {
            source: further.to_owned(),
            name: "more".to_owned(),
            ty: ColumnType::Vector,
            dimension: None,
        }],
        on_error: OnError::Skip,
        dimension: None,
        csv: None,
    }
}

#[test]
fn each_vector_column_comes_with_its_own_dimension_in_the_order_of_the_plan() {
    for fixture in files() {
        let p = inspect(&fixture.path).unwrap();
        let further = p
            .columns
            .iter()
            .find(|c| c.name != "text_embedding" && c.dimension.is_some());
        let further = further.unwrap().name.clone();
        let wide = further.starts_with("f0");
        let table = read(&fixture.path, &plan("text_embedding", &further)).unwrap();
        assert_eq!((table.rows, table.dimension), (ROWS, 4));
        assert_eq!(table.vectors, as_f32(text));
        let expected = if wide {
            as_f32(|row| [image(row), vec![7.0, 8.0]].concat())
        } else {
            as_f32(image)
        };
        assert_eq!(table.further, [expected]);
        assert_eq!(table.texts("id")[4].as_deref(), Some("r4"));
        assert_eq!(
            table.batches[0].num_columns(),
            1,
            "a vector is no column of the table"
        );
        let reader = open(&fixture.path, &plan(&further, "text_embedding")).unwrap();
        let names: Vec<_> = reader
            .vectors()
            .iter()
            .map(|v| (v.name.as_str(), v.dimension))
            .collect();
        assert_eq!(
            names,
            [(further.as_str(), if wide { 8 } else { 6 }), ("more", 4)]
        );
    }
}

fn planned(p: &Preview) -> Vec<(&str, bool, &str)> {
    let candidates = p.vector_candidates.iter();
    candidates
        .map(|c| (c.column.as_str(), c.planned, c.metric.metric))
        .collect()
}

#[test]
fn a_preview_plans_further_vectors_whose_dimension_is_clear_each_with_a_metric_of_its_own() {
    let pixels = |row: usize| {
        (0..40)
            .map(|i| ((row * 40 + i) % 256) as f64)
            .collect::<Vec<_>>()
    };
    let fixture = parquet(batch(vec![
        ("text_embedding", lists(|r| Some(text(r)))),
        ("pixels", lists(|r| Some(pixels(r)))),
        ("sometimes_a_vector", lists(|r| (r > 0).then(|| image(r)))),
        ("position", lists(|_| Some(vec![1.5, 2.5]))),
    ]));
    let p = inspect(&fixture.path).unwrap();
    assert_eq!(
        planned(&p),
        [
            ("sometimes_a_vector", true, "cosine"),
            ("text_embedding", true, "cosine"),
            ("pixels", true, "l2"),
            ("position", false, "cosine"),
        ],
        "the first is the chosen one, whatever it lacks"
    );
    let mut plan = plan_from(&p).unwrap();
    plan.on_error = OnError::Skip;
    let kinds: Vec<_> = plan
        .columns
        .iter()
        .map(|c| (c.name.as_str(), c.ty, c.dimension))
        .collect();
    assert_eq!(
        kinds,
        [
            ("text_embedding", ColumnType::Vector, Some(4)),
            ("pixels", ColumnType::Vector, Some(40)),
            ("position", ColumnType::Json, None),
        ]
    );
    let table = read(&fixture.path, &plan).unwrap();
    assert_eq!((table.rows, table.further.len()), (ROWS - 1, 2));
    assert_eq!(table.texts("position")[0].as_deref(), Some("[1.5,2.5]"));
}

#[test]
fn a_bad_vector_in_any_column_makes_a_bad_row_that_names_it() {
    let rows = [
        r#"{"id":1,"a":[1,2],"b":[1,2,3]}"#,
        r#"{"id":2,"a":[1,2],"b":[1,2]}"#,
        r#"{"id":3,"a":[1,2],"b":[1,1e300,3]}"#,
        r#"{"id":4,"a":[1,2]}"#,
        r#"{"id":5,"a":[1],"b":[1,2,3]}"#,
        r#"{"id":6,"a":[3,4],"b":[4,5,6]}"#,
    ];
    let bad = |table: &Table| -> Vec<_> {
        let first = table.rejections.first.iter();
        first
            .map(|r| (r.row, r.column.clone().unwrap(), r.kind.as_str()))
            .collect()
    };
    let expected = [
        (2, "b".to_owned(), "wrong dimension"),
        (3, "b".to_owned(), "NaN or infinite value"),
        (4, "b".to_owned(), "missing vector"),
        (5, "a".to_owned(), "wrong dimension"),
    ];
    let lines = Fixture::new("a.jsonl", rows.join("\n"));
    let table = read(&lines.path, &plan("a", "b")).unwrap();
    assert_eq!(bad(&table), expected);
    assert_eq!(table.vectors, [1.0, 2.0, 3.0, 4.0]);
    assert_eq!(table.further, [[1.0, 2.0, 3.0, 4.0, 5.0, 6.0]]);

    let of = |row: usize| -> (Vec<f64>, Option<Vec<f64>>) {
        match row {
            0 => (vec![1.0, 2.0], Some(vec![1.0, 2.0, 3.0])),
            1 => (vec![1.0, 2.0], Some(vec![1.0, 2.0])),
            2 => (vec![1.0, 2.0], Some(vec![1.0, f64::NAN, 3.0])),
            3 => (vec![1.0, 2.0], None),
            _ => (vec![1.0], Some(vec![1.0, 2.0, 3.0])),
        }
    };
    let ids: ArrayRef = Arc::new(
        (0..ROWS)
            .map(|r| Some(r.to_string()))
            .collect::<StringArray>(),
    );
    let columns = parquet(batch(vec![
        ("id", ids),
        ("a", lists(|r| Some(of(r).0))),
        ("b", lists(|r| of(r).1)),
    ]));
    let table = read(&columns.path, &plan("a", "b")).unwrap();
    assert_eq!(bad(&table), expected);
    assert_eq!(table.further, [[1.0, 2.0, 3.0]]);

    let mut stopping = plan("a", "b");
    stopping.on_error = OnError::Stop;
    assert_eq!(code(read(&lines.path, &stopping)), "BAD_ROW");
}

#[test]
fn plans_with_vectors_that_cannot_be_are_refused() {
    let file = Fixture::new("a.jsonl", r#"{"id":1,"a":[1,2],"b":[1,2,3],"c":"x"}"#);
    let mut twice = plan("a", "b");
    twice.columns.push(ColumnPlan {
        source: "c".to_owned(),
        name: "more".to_owned(),
        ty: ColumnType::Text,
        dimension: None,
    });
    assert_eq!(code(open(&file.path, &twice)), "UNKNOWN_COLUMN");
    let mut many = plan("a", "b");
    many.columns = (0..16)
        .map(|i| ColumnPlan {
            name: format!("v{i}"),
            ..many.columns[0].clone()
        })
        .collect();
    assert_eq!(code(open(&file.path, &many)), "LIMIT_EXCEEDED");
    many.columns.pop();
    assert_eq!(open(&file.path, &many).unwrap().vectors().len(), 16);
    let mut wide = plan("a", "b");
    wide.columns[0].dimension = Some(1 << 20);
    assert_eq!(code(open(&file.path, &wide)), "LIMIT_EXCEEDED");
}
