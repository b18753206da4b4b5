//! Files that are damaged, lying, unusual or not files at all.

use std::io::Write;
use std::sync::Arc;

use arrow_array::builder::{Float32Builder, ListBuilder};
use arrow_array::{Array, ArrayRef};
use omendb_formats::limits::MAX_LINE_BYTES;
use omendb_formats::{OnError, ReadPlan, inspect, open, plan_from, sniff};
use proptest::prelude::*;

use crate::support::{Fixture, batch, code, fvecs, le, npy, parquet, read, vector_batch};

fn plan(vector: &str) -> ReadPlan {
    ReadPlan {
        vector: vector.into(),
        id: None,
        columns: Vec::new(),
        on_error: OnError::Skip,
        dimension: None,
        csv: None,
    }
}

// [I4]
#[test]
fn folders_devices_and_pipes_are_refused_before_anything_is_read() {
    let fixture = Fixture::empty("pipe");
    assert_eq!(code(inspect(fixture.folder())), "UNSUPPORTED_FORMAT");
    assert_eq!(code(inspect(&fixture.path)), "FILE_NOT_FOUND");
    #[cfg(unix)]
    {
        assert!(
            std::process::Command::new("mkfifo")
                .arg(&fixture.path)
                .status()
                .unwrap()
                .success()
        );
        assert_eq!(code(inspect(&fixture.path)), "UNSUPPORTED_FORMAT");
        assert_eq!(code(open(&fixture.path, &plan("v"))), "UNSUPPORTED_FORMAT");
        assert_eq!(code(sniff("/dev/zero")), "UNSUPPORTED_FORMAT");
        let link = fixture.folder().join("link.csv");
        std::os::unix::fs::symlink("/dev/zero", &link).unwrap();
        assert_eq!(code(inspect(&link)), "UNSUPPORTED_FORMAT");
    }
}

#[test]
fn empty_files_and_files_without_rows_say_so() {
    for (name, bytes) in [
        ("a.csv", &b""[..]),
        ("a.csv", b"\xEF\xBB\xBF"),
        ("a.csv", b" \n\n \r\n"),
        ("a.csv", b"id,v\n"),
        ("a.csv", b"id,v"),
        ("a.jsonl", b"\n\n"),
        ("a.npy", &npy("'<f4'", false, "(0, 4)", b"")),
        ("a.fvecs", b""),
    ] {
        let fixture = Fixture::new(name, bytes);
        assert_eq!(
            code(inspect(&fixture.path)),
            "EMPTY_INPUT",
            "{name} {bytes:?}"
        );
        assert_eq!(
            code(open(
                &fixture.path,
                &plan(if name == "a.csv" { "v" } else { "vector" })
            )),
            "EMPTY_INPUT",
            "{name} {bytes:?}"
        );
    }
    let fixture = parquet(vector_batch(&[1.0; 8], 4).slice(0, 0));
    assert_eq!(code(inspect(&fixture.path)), "EMPTY_INPUT");
    assert_eq!(code(open(&fixture.path, &plan("vector"))), "EMPTY_INPUT");
}

// [I4]
#[test]
fn formats_that_are_not_read_are_named() {
    for (name, bytes) in [
        ("a.npz", &b"PK\x03\x04rest"[..]),
        ("a.csv", b"\xFF\xFEa\0,\0b\0"),
        ("a.gz", b"\x1F\x8B\x08\0"),
        ("a.pkl", b"\x80\x04\x95"),
        ("a.json", b"[\n {\"a\": 1},\n {\"a\": 2}\n]\n"),
        ("a.json", b"{\n \"a\": 1\n}\n"),
        ("a.bin", b"\0\x01\x02\x03\x04"),
    ] {
        assert_eq!(
            code(inspect(&Fixture::new(name, bytes).path)),
            "UNSUPPORTED_FORMAT",
            "{name}"
        );
    }
    assert_eq!(
        code(inspect(&Fixture::new("a.parquet", "PAR").path)),
        "INVALID_FILE"
    );
}

// [I3]
#[test]
fn bad_csv_rows_are_counted_with_line_and_reason() {
    let text = "id,v,n\r\na,\"[1, 2, 3, 4]\",1\r\n\r\nb,\"[1, 2]\",1\r\nc,\"[1, NaN, 3, 4]\",1\nd,\"[1, 2, 3, 4]\"\ne,,1\n\
        f,\"[1, 2, x, 4]\",1\n,\"[1, 2, 3, 4]\",1\nh,\"[1,\n2, 3, 4]\",\ni,\"[1, 2, 3, 1e99]\",1\nj,\"[1, 2, 3, 4]\",one\nk,\"[9, 9, 9, 9]\",3\n";
    let fixture = Fixture::new("a.csv", text);
    let mut plan = fixture.skip_plan();
    plan.id = Some("id".into());
    plan.columns
        .iter_mut()
        .filter(|c| c.name == "n")
        .for_each(|c| c.ty = omendb_formats::ColumnType::Int);
    let table = read(&fixture.path, &plan).unwrap();
    assert_eq!(
        table.texts("id"),
        ["a", "h", "k"].map(|t| Some(t.to_owned()))
    );
    assert_eq!(table.texts("n"), [Some("1".into()), None, Some("3".into())]);
    assert_eq!(
        table.vectors,
        [1., 2., 3., 4., 1., 2., 3., 4., 9., 9., 9., 9.]
    );
    let want = [
        (2, Some(4), "wrong dimension"),
        (3, Some(5), "NaN or infinite value"),
        (4, Some(6), "wrong number of cells"),
        (5, Some(7), "missing vector"),
        (6, Some(8), "unparsable cell"),
        (7, Some(9), "missing id"),
        (9, Some(12), "NaN or infinite value"),
        (10, Some(13), "unparsable cell"),
    ];
    assert_eq!(table.rejected(), want);
    assert_eq!(table.rejections.by_reason["unparsable cell"], 2);
    plan.on_error = OnError::Stop;
    let error = read(&fixture.path, &plan).unwrap_err();
    let text = error.to_string();
    assert_eq!(error.code(), "BAD_ROW");
    assert!(
        text.contains("row 2 (line 4), column \"v\": the vector has 2 values where 4 are expected"),
        "{text}"
    );
}

// [I3]
#[test]
fn bad_json_lines_are_counted_with_line_and_reason() {
    let deep = "[".repeat(200) + &"]".repeat(200);
    let lines = [
        "{\"id\": \"a\", \"v\": [1, 2, 3, 4], \"j\": {\"x\": [1]}}".to_owned(),
        String::new(),
        "{\"id\": \"b\", \"v\": [1, 2, 3]}".into(),
        "{\"id\": \"c\", \"v\": [1, NaN, 3, 4]}".into(),
        "{\"id\": \"d\", \"v\": [1, null, 3, 4]}".into(),
        "{\"id\": \"e\", \"v\": [1, 2, 3, 4]".into(),
        "{\"id\": \"f\", \"v\": null}".into(),
        "{\"id\": \"g\"}".into(),
        "{\"id\": null, \"v\": [1, 2, 3, 4]}".into(),
        format!("{{\"id\": \"i\", \"v\": [1, 2, 3, 4], \"j\": {deep}}}"),
        "{\"id\": \"j\", \"v\": [1, 2, 3, 1e400]}".into(),
        "{\"id\": \"k\", \"v\": [1, 2, 3, 4]} extra".into(),
        "[1, 2, 3, 4]".into(),
        "{\"id\": \"\\ud800\", \"v\": [1, 2, 3, 4]}".into(),
        "{\"id\": \"z\", \"v\": [5, 6, 7, 8], \"j\": null}".into(),
    ];
    let fixture = Fixture::new("a.jsonl", lines.join("\n"));
    let mut plan = fixture.skip_plan();
    plan.id = Some("id".into());
    let table = read(&fixture.path, &plan).unwrap();
    assert_eq!(table.texts("id"), ["a", "z"].map(|t| Some(t.to_owned())));
    assert_eq!(table.vectors, [1., 2., 3., 4., 5., 6., 7., 8.]);
    let want = [
        (2, Some(3), "wrong dimension"),
        (3, Some(4), "NaN or infinite value"),
        (4, Some(5), "unparsable cell"),
        (5, Some(6), "invalid JSON"),
        (6, Some(7), "missing vector"),
        (7, Some(8), "missing vector"),
        (8, Some(9), "missing id"),
        (9, Some(10), "invalid JSON"),
        (10, Some(11), "NaN or infinite value"),
        (11, Some(12), "invalid JSON"),
        (12, Some(13), "invalid JSON"),
        (13, Some(14), "unparsable cell"),
    ];
    assert_eq!(table.rejected(), want);
}

#[test]
fn deeply_nested_json_neither_overflows_the_stack_nor_stops_the_read() {
    let deep = "[".repeat(1_000_000);
    let text =
        format!("{{\"v\": [1, 2]}}\n{{\"v\": {deep}}}\n{{\"x\": {deep}\n{{\"v\": [3, 4]}}\n");
    let fixture = Fixture::new("a.jsonl", text);
    let table = read(&fixture.path, &fixture.skip_plan()).unwrap();
    assert_eq!(table.vectors, [1., 2., 3., 4.]);
    assert_eq!(table.rejections.count, 2);
}

#[test]
fn text_that_is_not_utf8_rejects_its_row_only() {
    let fixture = Fixture::new("a.csv", b"name,v\ncaf\xE9,1 2 3\ncaf\xC3\xA9,4 5 6\n");
    let table = read(&fixture.path, &fixture.skip_plan()).unwrap();
    assert_eq!(table.rejected(), [(1, Some(2), "not UTF-8")]);
    assert_eq!(table.texts("name"), [Some("café".into())]);
    let fixture = Fixture::new(
        "a.jsonl",
        b"{\"v\": [1, 2], \"a\": \"\xE9\"}\n{\"v\": [1, 2]}\n",
    );
    assert_eq!(
        read(&fixture.path, &fixture.skip_plan())
            .unwrap()
            .rejected(),
        [(1, Some(1), "not UTF-8")]
    );
    assert_eq!(
        code(inspect(
            &Fixture::new("a.csv", b"caf\xE9,v\nx,1 2 3\n").path
        )),
        "INVALID_FILE"
    );
}

#[test]
fn a_quote_that_never_closes_costs_its_own_line_only() {
    let fixture = Fixture::new("a.csv", "name,v\na,1 2 3\n\"b,4 5 6\nc,7 8 9\n");
    let table = read(&fixture.path, &fixture.skip_plan()).unwrap();
    assert_eq!(table.rejected(), [(2, Some(3), "unclosed quote")]);
    assert_eq!(table.texts("name"), ["a", "c"].map(|t| Some(t.to_owned())));
}

#[test]
fn a_line_over_the_limit_is_rejected_without_being_held() {
    let long = "x".repeat(MAX_LINE_BYTES + 10);
    let csv = Fixture::new("a.csv", format!("name,v\na,1 2 3\n{long},1 2 3\nb,4 5 6\n"));
    let jsonl = Fixture::new(
        "a.jsonl",
        format!("{{\"v\": [1, 2, 3]}}\n{{\"v\": \"{long}\"}}\n{{\"v\": [4, 5, 6]}}\n"),
    );
    for (fixture, line) in [(csv, 3), (jsonl, 2)] {
        let table = read(&fixture.path, &fixture.skip_plan()).unwrap();
        assert_eq!(table.rejected(), [(2, Some(line), "line too long")]);
        assert_eq!(table.vectors, [1., 2., 3., 4., 5., 6.]);
    }
    let quoted = Fixture::new(
        "a.csv",
        format!(
            "name,v\na,1 2 3\n\"{}\nb,4 5 6\n",
            "x,\n".repeat(MAX_LINE_BYTES / 3 + 9)
        ),
    );
    let table = read(&quoted.path, &quoted.skip_plan()).unwrap();
    assert_eq!(table.rejected()[0], (2, Some(3), "unclosed quote"));
    assert_eq!(table.vectors, [1., 2., 3., 4., 5., 6.]);
    assert_eq!(
        code(inspect(&Fixture::new("a.csv", &long).path)),
        "LIMIT_EXCEEDED"
    );
}

#[test]
fn a_file_in_which_no_row_is_good_says_what_is_wrong_with_the_first() {
    let fixture = Fixture::new("a.csv", "id,v\n1,x\n2,y\n");
    assert!(inspect(&fixture.path).unwrap().vector.is_none());
    assert!(plan_from(&inspect(&fixture.path).unwrap()).is_none());
    let error = open(&fixture.path, &plan("v")).err().unwrap();
    assert_eq!(error.code(), "EMPTY_INPUT");
    assert!(error.to_string().contains("row 1 (line 2)"), "{error}");
}

// [I4]
#[test]
fn npy_headers_that_lie_are_refused_before_anything_is_allocated() {
    let data = le(&[1.0; 8]);
    for (descr, shape, data, want) in [
        (
            "'<f4'",
            "(18446744073709551615, 18446744073709551615)",
            &data[..],
            "INVALID_FILE",
        ),
        ("'<f4'", "(4611686018427387904, 2)", &data, "INVALID_FILE"),
        (
            "'<f4'",
            "(99999999999999999999999, 2)",
            &data,
            "UNSUPPORTED_FORMAT",
        ),
        ("'<f4'", "(1000000000, 4)", &data, "INVALID_FILE"),
        ("'<f4'", "(1, 4)", &data, "INVALID_FILE"),
        ("'<f4'", "(2, 4)", &data[..31], "INVALID_FILE"),
        ("'<f4'", "(5, 0)", &[], "NO_VECTOR_COLUMN"),
        ("'<f4'", "(8,)", &data, "NO_VECTOR_COLUMN"),
        ("'<f4'", "()", &data[..4], "NO_VECTOR_COLUMN"),
        ("'<f4'", "(2, 2, 2)", &data, "NO_VECTOR_COLUMN"),
        ("'|O'", "(2, 4)", &data, "UNSUPPORTED_FORMAT"),
        ("'<U8'", "(2, 4)", &data, "UNSUPPORTED_FORMAT"),
        ("[('a', '<f4')]", "(2, 4)", &data, "UNSUPPORTED_FORMAT"),
        ("''", "(2, 4)", &data, "UNSUPPORTED_FORMAT"),
        ("'é4'", "(2, 4)", &data, "UNSUPPORTED_FORMAT"),
    ] {
        let fixture = Fixture::new("a.npy", npy(descr, false, shape, data));
        assert_eq!(code(inspect(&fixture.path)), want, "{descr} {shape}");
    }
    let wide = vec![0; 70_000];
    assert_eq!(
        code(inspect(
            &Fixture::new("a.npy", npy("'|u1'", false, "(1, 70000)", &wide)).path
        )),
        "LIMIT_EXCEEDED"
    );
    assert_eq!(
        code(inspect(
            &Fixture::new("a.npy", b"\x93NUMPY\x02\0\xFF\xFF\xFF\xFF{}").path
        )),
        "LIMIT_EXCEEDED"
    );
    assert_eq!(
        code(inspect(
            &Fixture::new("a.npy", b"\x93NUMPY\x01\0\xFF\0{}").path
        )),
        "INVALID_FILE"
    );
    assert_eq!(
        code(inspect(
            &Fixture::new("a.npy", b"\x93NUMPY\x09\0\xFF\0{}").path
        )),
        "INVALID_FILE"
    );
    assert_eq!(
        code(inspect(&Fixture::new("a.npy", b"\x93NUMPY").path)),
        "INVALID_FILE"
    );
}

#[test]
fn infinite_values_in_matrices_reject_their_rows() {
    let values = [
        1.0,
        2.0,
        f32::NAN,
        4.0,
        5.0,
        6.0,
        7.0,
        f32::INFINITY,
        9.0,
        10.0,
    ];
    let rows: Vec<&[f32]> = values.chunks(2).collect();
    for fixture in [
        Fixture::new("a.npy", npy("'<f4'", false, "(5, 2)", &le(&values))),
        Fixture::new("a.fvecs", fvecs(&rows)),
    ] {
        let table = read(&fixture.path, &fixture.skip_plan()).unwrap();
        assert_eq!(
            table.rejected(),
            [
                (2, None, "NaN or infinite value"),
                (4, None, "NaN or infinite value")
            ]
        );
        assert_eq!(table.vectors, [1., 2., 5., 6., 9., 10.]);
        let mut stop = fixture.skip_plan();
        stop.on_error = OnError::Stop;
        assert_eq!(code(read(&fixture.path, &stop)), "BAD_ROW");
    }
}

#[test]
fn fvecs_with_other_lengths_are_rejected_until_nothing_can_be_found() {
    let mixed = fvecs(&[&[1.0, 2.0], &[3.0], &[], &[4.0, 5.0, 6.0], &[7.0, 8.0]]);
    let fixture = Fixture::new("a.fvecs", &mixed);
    let table = read(&fixture.path, &fixture.skip_plan()).unwrap();
    assert_eq!(table.vectors, [1., 2., 7., 8.]);
    assert_eq!(
        table.rejected().iter().map(|r| r.0).collect::<Vec<_>>(),
        [2, 3, 4]
    );
    let truncated = Fixture::new("a.fvecs", &mixed[..mixed.len() - 3]);
    let table = read(&truncated.path, &truncated.skip_plan()).unwrap();
    assert_eq!(
        table.rejected().last().unwrap(),
        &(5, None, "file ends inside the row")
    );
    let lost = Fixture::new(
        "a.fvecs",
        [
            fvecs(&[&[1.0, 2.0]]),
            (-7i32).to_le_bytes().to_vec(),
            vec![0; 8],
        ]
        .concat(),
    );
    assert_eq!(code(inspect(&lost.path)), "INVALID_FILE");
    assert_eq!(code(read(&lost.path, &plan("vector"))), "INVALID_FILE");
    for (bytes, want) in [
        (&i32::MAX.to_le_bytes()[..], "LIMIT_EXCEEDED"),
        (&0i32.to_le_bytes(), "NO_VECTOR_COLUMN"),
        (&(-1i32).to_le_bytes(), "INVALID_FILE"),
        (&5i32.to_le_bytes(), "INVALID_FILE"),
        (&[1, 0], "INVALID_FILE"),
    ] {
        assert_eq!(
            code(inspect(&Fixture::new("a.fvecs", bytes).path)),
            want,
            "{bytes:?}"
        );
    }
}

#[test]
fn parquet_lists_that_are_short_null_or_infinite_reject_their_rows() {
    let mut lists = ListBuilder::new(Float32Builder::new());
    lists.append_null();
    lists.append_value([Some(1.0), Some(2.0), Some(3.0), Some(4.0)]);
    lists.append_value([Some(1.0)]);
    lists.append_value([Some(1.0), None, Some(3.0), Some(4.0)]);
    lists.append_value([Some(1.0), Some(f32::NAN), Some(3.0), Some(4.0)]);
    lists.append_value([]);
    lists.append_value([Some(5.0), Some(6.0), Some(7.0), Some(8.0)]);
    let lists: ArrayRef = Arc::new(lists.finish());
    let n: ArrayRef = Arc::new(arrow_array::Int64Array::from_iter_values(
        0..lists.len() as i64,
    ));
    let fixture = parquet(batch(vec![("n", n), ("v", lists)]));
    for dimension in [None, Some(4)] {
        let plan = ReadPlan {
            dimension,
            ..fixture.skip_plan()
        };
        let table = read(&fixture.path, &plan).unwrap();
        assert_eq!(table.vectors, [1., 2., 3., 4., 5., 6., 7., 8.]);
        assert_eq!(table.texts("n"), [Some("1".into()), Some("6".into())]);
        let kinds: Vec<_> = table.rejected().iter().map(|r| (r.0, r.2)).collect();
        let missing = "missing vector";
        let want = [
            (1, missing),
            (3, "wrong dimension"),
            (4, "unparsable cell"),
            (5, "NaN or infinite value"),
            (6, missing),
        ];
        assert_eq!(kinds, want);
    }
}

#[test]
fn a_file_that_changes_while_it_is_read_ends_the_read() {
    let mut text = String::from("id,v\n");
    (0..50_000).for_each(|i| text.push_str(&format!("{i},1 2 3\n")));
    let fixture = Fixture::new("a.csv", text);
    let mut reader = open(&fixture.path, &fixture.skip_plan()).unwrap();
    assert!(reader.next_batch().unwrap().is_some());
    std::fs::OpenOptions::new()
        .append(true)
        .open(&fixture.path)
        .unwrap()
        .write_all(b"x,1 2 3\n")
        .unwrap();
    let error = loop {
        match reader.next_batch() {
            Ok(Some(_)) => {}
            Ok(None) => panic!("the change went unseen"),
            Err(error) => break error,
        }
    };
    assert_eq!(error.code(), "INVALID_FILE");
    assert!(error.to_string().contains("changed"), "{error}");
}

#[test]
fn rejections_are_all_counted_and_a_thousand_are_kept() {
    let text = "id,v\n".to_owned() + &"a,1 2 3\n".repeat(3000) + &"b,1 2\n".repeat(2500);
    let fixture = Fixture::new("a.csv", text);
    let table = read(
        &fixture.path,
        &ReadPlan {
            dimension: Some(3),
            ..plan("v")
        },
    )
    .unwrap();
    assert_eq!(
        (
            table.rejections.count,
            table.rejections.first.len(),
            table.rows
        ),
        (2500, 1000, 3000)
    );
}

#[test]
fn more_columns_than_the_limit_are_refused() {
    let text = vec!["a"; 10_001].join(",") + "\n";
    assert_eq!(
        code(inspect(&Fixture::new("a.csv", &text).path)),
        "LIMIT_EXCEEDED"
    );
}

/// Reads whatever can be read; only a panic or a hang is a failure.
fn survive(fixture: &Fixture) {
    let Ok(preview) = inspect(&fixture.path) else {
        return;
    };
    if let Some(mut plan) = plan_from(&preview) {
        plan.on_error = OnError::Skip;
        let _ = read(&fixture.path, &plan);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(150))]

    #[test]
    fn no_damage_to_a_file_panics(kind in 0usize..5, damage in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..6), cut in any::<prop::sample::Index>(), cuts: bool) {
        let vectors: Vec<f32> = (0..64).map(|i| i as f32 / 3.0).collect();
        let rows: Vec<&[f32]> = vectors.chunks(8).collect();
        let (name, mut bytes) = match kind {
            0 => ("a.parquet", std::fs::read(&parquet(vector_batch(&vectors, 8)).path).unwrap()),
            1 => ("a.npy", npy("'<f4'", false, "(8, 8)", &le(&vectors))),
            2 => ("a.fvecs", fvecs(&rows)),
            3 => ("a.csv", rows.iter().map(|r| format!("\"{r:?}\",x\n")).collect::<String>().into_bytes()),
            _ => ("a.jsonl", rows.iter().map(|r| format!("{{\"v\": {r:?}, \"t\": \"x\"}}\n")).collect::<String>().into_bytes()),
        };
        for (at, byte) in damage {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        if cuts {
            let at = cut.index(bytes.len());
            bytes.truncate(at);
        }
        survive(&Fixture::new(name, bytes));
    }

    #[test]
    fn no_text_panics(text in "[\\[\\]{}\":,; \n\r\ta0-9.eN-]{0,80}", jsonl: bool) {
        survive(&Fixture::new(if jsonl { "a.jsonl" } else { "a.csv" }, text));
    }
}
