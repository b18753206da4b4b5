//! What is written comes back, bit for bit where the format allows.

use std::fmt::Write;
use std::sync::Arc;

use arrow_array::{
    Array, ArrayRef, BooleanArray, Float64Array, Int64Array, StringArray, StructArray,
    TimestampMicrosecondArray,
};
use arrow_schema::{DataType, Field};
use omendb_formats::{ColumnType, Error, inspect, plan_from, write};
use proptest::prelude::*;

use crate::support::{Fixture, fvecs, le, npy, parquet, read, vector_batch};

fn matrix() -> impl Strategy<Value = (usize, Vec<f32>)> {
    let finite = any::<u32>()
        .prop_map(f32::from_bits)
        .prop_filter("finite", |x| x.is_finite());
    (4usize..20, 1usize..12).prop_flat_map(move |(dimension, rows)| {
        (
            Just(dimension),
            prop::collection::vec(finite.clone(), dimension * rows),
        )
    })
}

fn bits(values: &[f32]) -> Vec<u32> {
    values.iter().map(|x| x.to_bits()).collect()
}

fn check(fixture: &Fixture, dimension: usize, vectors: &[f32]) {
    let preview = inspect(&fixture.path).unwrap();
    assert_eq!(
        preview.vector.as_ref().map(|v| v.dimension),
        Some(dimension),
        "{preview:?}"
    );
    let table = read(&fixture.path, &plan_from(&preview).unwrap()).unwrap();
    assert_eq!(bits(&table.vectors), bits(vectors));
    assert_eq!(table.rejections.count, 0);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]

    #[test]
    fn parquet_vectors_come_back_bit_for_bit((dimension, vectors) in matrix()) {
        check(&parquet(vector_batch(&vectors, dimension)), dimension, &vectors);
    }

    #[test]
    fn csv_vectors_come_back_bit_for_bit((dimension, vectors) in matrix()) {
        let fixture = Fixture::empty("table.csv");
        let batch = vector_batch(&vectors, dimension);
        write::csv::<Error>(&fixture.path, batch.schema(), [Ok(batch)]).unwrap();
        check(&fixture, dimension, &vectors);
    }

    #[test]
    fn csv_vectors_in_a_column_a_dimension_come_back_bit_for_bit((dimension, vectors) in matrix()) {
        prop_assume!(dimension >= 8);
        let mut text = String::from("name");
        (0..dimension).for_each(|i| write!(text, ",v{i}").unwrap());
        for (row, vector) in vectors.chunks(dimension).enumerate() {
            write!(text, "\r\n\"row, {row}\"").unwrap();
            vector.iter().for_each(|x| write!(text, ",{x:e}").unwrap());
        }
        check(&Fixture::new("table.csv", text), dimension, &vectors);
    }

    #[test]
    fn json_lines_vectors_come_back_bit_for_bit((dimension, vectors) in matrix()) {
        let mut text = String::new();
        for (row, vector) in vectors.chunks(dimension).enumerate() {
            writeln!(text, "{{\"id\": {row}, \"embedding\": {}}}", serde_json::to_string(vector).unwrap()).unwrap();
        }
        check(&Fixture::new("table.jsonl", text), dimension, &vectors);
    }

    #[test]
    fn npy_vectors_come_back_bit_for_bit_in_every_order((dimension, vectors) in matrix(), fortran: bool, big: bool) {
        let rows = vectors.len() / dimension;
        let stored: Vec<f32> = match fortran {
            false => vectors.clone(),
            true => (0..vectors.len()).map(|i| vectors[(i % rows) * dimension + i / rows]).collect(),
        };
        let data: Vec<u8> = match big {
            false => le(&stored),
            true => stored.iter().flat_map(|x| x.to_be_bytes()).collect(),
        };
        let descr = if big { "'>f4'" } else { "'<f4'" };
        let file = npy(descr, fortran, &format!("({rows}, {dimension})"), &data);
        check(&Fixture::new("a.npy", file), dimension, &vectors);
    }

    #[test]
    fn fvecs_vectors_come_back_bit_for_bit((dimension, vectors) in matrix()) {
        let rows: Vec<&[f32]> = vectors.chunks(dimension).collect();
        check(&Fixture::new("a.fvecs", fvecs(&rows)), dimension, &vectors);
    }

    #[test]
    fn text_cells_survive_csv(texts in prop::collection::vec("[a-z\",;\n\r\té ]{1,12}", 1..8)) {
        // One letter in front keeps a cell from being empty, which in CSV is null, or a number.
        let texts: Vec<String> = texts.into_iter().map(|t| format!("x{t}")).collect();
        let vectors = vec![0.5; texts.len() * 4];
        let table = vector_batch(&vectors, 4);
        let column: ArrayRef = Arc::new(StringArray::from(texts.clone()));
        let table = crate::support::batch(vec![("vector", table.column(1).clone()), ("words", column)]);
        let fixture = Fixture::empty("table.csv");
        write::csv::<Error>(&fixture.path, table.schema(), [Ok(table)]).unwrap();
        let plan = plan_from(&inspect(&fixture.path).unwrap()).unwrap();
        let got = read(&fixture.path, &plan).unwrap().texts("words");
        prop_assert_eq!(got, texts.into_iter().map(Some).collect::<Vec<_>>());
    }
}

#[test]
fn every_npy_number_type_becomes_floats() {
    let halves: Vec<u8> = [0x3C00u16, 0xC000, 0x3800, 0x0001]
        .iter()
        .flat_map(|x| x.to_le_bytes())
        .collect();
    let doubles: Vec<u8> = [1.0f64, -2.0, 0.5, 1e-10]
        .iter()
        .flat_map(|x| x.to_be_bytes())
        .collect();
    for (descr, data, want) in [
        ("'<f2'", halves, [1.0, -2.0, 0.5, 5.960_464_5e-8]),
        ("'>f8'", doubles, [1.0, -2.0, 0.5, 1e-10]),
        ("'|i1'", vec![1, 0xFF, 0, 127], [1.0, -1.0, 0.0, 127.0]),
        ("'|u1'", vec![1, 0xFF, 0, 127], [1.0, 255.0, 0.0, 127.0]),
        (
            "'>i2'",
            vec![0, 1, 255, 255, 0, 0, 1, 0],
            [1.0, -1.0, 0.0, 256.0],
        ),
    ] {
        let fixture = Fixture::new("a.npy", npy(descr, false, "(2, 2)", &data));
        let table = read(&fixture.path, &fixture.skip_plan()).unwrap();
        assert_eq!(
            (table.vectors.as_slice(), table.dimension),
            (&want[..], 2),
            "{descr}"
        );
    }
}

#[test]
fn all_column_types_survive_parquet_and_csv() {
    let table = vector_batch(&[0.25; 8], 4);
    let columns: Vec<(&str, ArrayRef)> = vec![
        ("id", Arc::new(Int64Array::from(vec![i64::MIN, i64::MAX]))),
        ("vector", table.column(1).clone()),
        ("flag", Arc::new(BooleanArray::from(vec![Some(true), None]))),
        (
            "score",
            Arc::new(Float64Array::from(vec![Some(0.1), Some(-1e300)])),
        ),
        (
            "when",
            Arc::new(TimestampMicrosecondArray::from(vec![
                Some(1),
                Some(-1_000_001),
            ])),
        ),
        (
            "text",
            Arc::new(StringArray::from(vec![Some("a,\"b\"\nc"), None])),
        ),
    ];
    let table = crate::support::batch(columns);
    let fixture = Fixture::empty("table.csv");
    write::csv::<Error>(&fixture.path, table.schema(), [Ok(table.clone())]).unwrap();
    for fixture in [parquet(table.clone()), fixture] {
        let preview = inspect(&fixture.path).unwrap();
        let types: Vec<ColumnType> = preview.columns.iter().map(|c| c.ty).collect();
        use ColumnType::{Bool, Float, Int, Text, Timestamp, Vector};
        assert_eq!(
            types,
            [Int, Vector, Bool, Float, Timestamp, Text],
            "{:?}",
            fixture.path
        );
        let got = read(&fixture.path, &plan_from(&preview).unwrap()).unwrap();
        for name in ["id", "flag", "score", "when", "text"] {
            assert_eq!(
                &got.column(name),
                table.column_by_name(name).unwrap(),
                "{name}"
            );
        }
    }
}

/// Arrow and pandas write the zone with the column; the instants beside it are in UTC.
#[test]
fn times_with_a_zone_are_read_as_instants() {
    let times = TimestampMicrosecondArray::from(vec![Some(1_500_000), None]);
    for zone in ["UTC", "Europe/Berlin", "+02:00", "Nowhere/Else"] {
        let zoned: ArrayRef = Arc::new(times.clone().with_timezone(zone));
        let names: ArrayRef = Arc::new(StringArray::from(vec!["Ada", "Ada"]));
        let dictionary = DataType::Dictionary(Box::new(DataType::Int32), Box::new(DataType::Utf8));
        let names = arrow_cast::cast(&names, &dictionary).unwrap();
        let nested = StructArray::from(vec![
            (field("at", zoned.data_type()), zoned.clone()),
            (field("by", names.data_type()), names),
        ]);
        let table = crate::support::batch(vec![
            ("vector", vector_batch(&[0.25; 8], 4).column(1).clone()),
            ("when", zoned),
            ("nested", Arc::new(nested)),
        ]);
        let fixture = parquet(table);
        let preview = inspect(&fixture.path).unwrap();
        let mut plan = plan_from(&preview).unwrap();
        let got = read(&fixture.path, &plan).unwrap();
        let want: &ArrayRef = &(Arc::new(times.clone()) as ArrayRef);
        assert_eq!(&got.column("when"), want, "{zone}");
        assert_eq!(
            got.texts("nested"),
            [
                Some(r#"{"at":"1970-01-01T00:00:01.500Z","by":"Ada"}"#.into()),
                Some(r#"{"at":null,"by":"Ada"}"#.into())
            ]
        );
        let when = plan.columns.iter_mut().find(|c| c.name == "when").unwrap();
        when.ty = ColumnType::Text;
        let got = read(&fixture.path, &plan).unwrap();
        let want = Some("1970-01-01T00:00:01.500Z".to_owned());
        assert_eq!(got.texts("when"), [want, None], "{zone}");
    }
}

fn field(name: &str, ty: &DataType) -> Arc<Field> {
    Arc::new(Field::new(name, ty.clone(), true))
}

#[test]
fn a_failed_write_leaves_the_old_file_and_nothing_else() {
    let fixture = Fixture::new("out.csv", "old");
    let batch = vector_batch(&[1.0; 4], 4);
    let bad = Error::EmptyInput {
        path: fixture.path.clone(),
        what: "stop".into(),
    };
    let result = write::csv::<Error>(&fixture.path, batch.schema(), [Ok(batch.clone()), Err(bad)]);
    assert_eq!(crate::support::code(result), "EMPTY_INPUT");
    assert_eq!(std::fs::read(&fixture.path).unwrap(), b"old");
    assert_eq!(std::fs::read_dir(fixture.folder()).unwrap().count(), 1);
    let folder = write::parquet::<Error>(fixture.folder(), batch.schema(), [Ok(batch.clone())]);
    assert_eq!(crate::support::code(folder), "UNSUPPORTED_FORMAT");
    let nowhere = write::parquet::<Error>(
        fixture.folder().join("no/where"),
        batch.schema(),
        [Ok(batch)],
    );
    assert_eq!(crate::support::code(nowhere), "FILE_NOT_FOUND");
}

#[test]
fn many_batches_keep_their_order_and_their_bounds() {
    let (rows, dimension) = (20_000, 600);
    let vectors: Vec<f32> = (0..rows * dimension).map(|i| (i % 9973) as f32).collect();
    let fixture = Fixture::new(
        "a.npy",
        npy(
            "'<f4'",
            false,
            &format!("({rows}, {dimension})"),
            &le(&vectors),
        ),
    );
    let table = read(&fixture.path, &fixture.skip_plan()).unwrap();
    assert!(
        table
            .batches
            .iter()
            .all(|b| b.num_rows() * dimension * 4 <= 16 << 20)
    );
    assert_eq!(table.vectors, vectors);
}
