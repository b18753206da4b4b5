//! Fixtures, and the tests of each theme in a file of its own.

mod errors;
mod hostile;
mod logic;
mod operators;
mod random;

use std::collections::HashMap;
use std::sync::Arc;

use arrow_array::builder::{FixedSizeListBuilder, Float32Builder};
use arrow_array::{
    ArrayRef, BooleanArray, Date32Array, Float64Array, Int32Array, Int64Array, RecordBatch,
    StringArray, TimestampMicrosecondArray,
};
use arrow_schema::{DataType, Field, Schema, TimeUnit};

use crate::{FilterError, parse};

/// Five rows; in each nullable column the last is NULL.
pub(super) fn batch() -> RecordBatch {
    let json = HashMap::from([("omendb.type".to_owned(), "json".to_owned())]);
    let mut vectors = FixedSizeListBuilder::new(Float32Builder::new(), 2);
    for row in 0..5u8 {
        vectors.values().append_value(f32::from(row));
        vectors.values().append_value(1.0);
        vectors.append(row != 4);
    }
    let vectors = vectors.finish();
    let micros = |day: i64| Some(1_704_067_200_000_000 + day * 86_400_000_000); // from 2024-01-01
    let columns: Vec<(Field, ArrayRef)> = vec![
        (
            Field::new("word", DataType::Utf8, true),
            Arc::new(StringArray::from(vec![
                Some("king"),
                Some("Queen"),
                Some("été"),
                Some("50%_off"),
                None,
            ])),
        ),
        (
            Field::new("rank", DataType::Int64, true),
            Arc::new(Int64Array::from(vec![
                Some(1),
                Some(2),
                Some(-3),
                Some(9_007_199_254_740_993),
                None,
            ])),
        ),
        (
            Field::new("score", DataType::Float64, true),
            Arc::new(Float64Array::from(vec![
                Some(0.5),
                Some(-0.0),
                Some(f64::NAN),
                Some(1e300),
                None,
            ])),
        ),
        (
            Field::new("good", DataType::Boolean, true),
            Arc::new(BooleanArray::from(vec![
                Some(true),
                Some(false),
                Some(true),
                Some(false),
                None,
            ])),
        ),
        (
            Field::new(
                "created",
                DataType::Timestamp(TimeUnit::Microsecond, None),
                true,
            ),
            Arc::new(TimestampMicrosecondArray::from(vec![
                micros(0),
                micros(1),
                micros(30),
                micros(-1),
                None,
            ])),
        ),
        (
            Field::new("day", DataType::Date32, true),
            Arc::new(Date32Array::from(vec![
                Some(19_723),
                Some(19_724),
                Some(19_753),
                Some(i32::MAX),
                None,
            ])),
        ),
        (
            Field::new("meta", DataType::Utf8, true).with_metadata(json),
            Arc::new(StringArray::from(vec![
                Some(r#"{"a":"cat"}"#),
                Some("[]"),
                Some("1"),
                Some("{}"),
                None,
            ])),
        ),
        (
            Field::new("First Letter", DataType::Utf8, false),
            Arc::new(StringArray::from(vec!["k", "q", "other", "5", "z"])),
        ),
        (
            Field::new("meta.author", DataType::Utf8, false),
            Arc::new(StringArray::from(vec!["ann", "bob", "ann", "cid", "ann"])),
        ),
        (
            Field::new("date", DataType::Int32, false),
            Arc::new(Int32Array::from(vec![1, 2, 3, 4, 5])),
        ),
        (
            Field::new("interval", DataType::Int64, false),
            Arc::new(Int64Array::from(vec![1, 2, 3, 4, 5])),
        ),
        (
            Field::new("length", DataType::Int64, false),
            Arc::new(Int64Array::from(vec![4, 5, 3, 7, 0])),
        ),
        (
            Field::new("Size", DataType::Int64, false),
            Arc::new(Int64Array::from(vec![1, 2, 3, 4, 5])),
        ),
        (
            Field::new("size", DataType::Int64, false),
            Arc::new(Int64Array::from(vec![5, 4, 3, 2, 1])),
        ),
        (
            Field::new("vector", vectors_type(), true),
            Arc::new(vectors),
        ),
    ];
    let (fields, arrays): (Vec<Field>, Vec<ArrayRef>) = columns.into_iter().unzip();
    RecordBatch::try_new(Arc::new(Schema::new(fields)), arrays).expect("the fixture is consistent")
}

fn vectors_type() -> DataType {
    DataType::FixedSizeList(Arc::new(Field::new("item", DataType::Float32, true)), 2)
}

/// The rows of [`batch`] that match.
#[track_caller]
pub(super) fn rows(expression: &str) -> Vec<usize> {
    let batch = batch();
    let filter = match parse(expression, batch.schema_ref()) {
        Ok(filter) => filter,
        Err(error) => panic!("{expression}: {error}"),
    };
    let result = filter.evaluate(&batch).expect("it evaluates");
    assert_eq!(result.len(), batch.num_rows());
    assert_eq!(arrow_array::Array::null_count(&result), 0, "never null");
    result
        .iter()
        .enumerate()
        .filter(|(_, m)| *m == Some(true))
        .map(|(row, _)| row)
        .collect()
}

/// The refusal of a filter.
#[track_caller]
pub(super) fn refusal(expression: &str) -> FilterError {
    match parse(expression, batch().schema_ref()) {
        Err(error) => error,
        Ok(filter) => panic!("{expression} was accepted as {filter:?}"),
    }
}
