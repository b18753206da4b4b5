//! What a map shows besides the vectors: the values of a column.

use std::collections::HashMap;

use omendb_projection::umap::{Target, UNKNOWN};

use crate::column::{ColumnReader, Value};
use crate::error::{Error, Result};
use crate::meta::ColumnKind;
use crate::snapshot::Snapshot;

/// An integer column with up to so many distinct values is a category, as it is for colours.
const CATEGORY_INTS: usize = 12;

impl Snapshot {
    /// The values of a column for some rows, as a map can follow them: text, bool and integers with up to 12 values are categories, other integers, floats and timestamps are
    /// numbers. Nulls, and rows that do not live, are not known.
    ///
    /// # Errors
    /// `UNKNOWN_COLUMN`, `INVALID_REQUEST` (a column of JSON).
    pub fn map_target(&self, column: &str, rows: &[u32]) -> Result<Target> {
        let mut reader = ColumnReader::new(self, self.column_index(column)?)?;
        let kind = reader.kind();
        if kind == ColumnKind::Json {
            return Err(Error::invalid(format!(
                "a map can follow text and numbers, and column {column:?} holds JSON"
            )));
        }
        let values: Vec<Value<'_>> = rows
            .iter()
            .map(|row| match self.contains(*row) {
                true => reader.get(*row),
                false => Value::Null,
            })
            .collect();
        let few = kind == ColumnKind::Int && few_distinct(&values);
        if few || matches!(kind, ColumnKind::Text | ColumnKind::Bool) {
            return Ok(Target::Categories(categories(&values)));
        }
        // Large integers are told apart by what they are more than the least.
        let whole = |value: &Value<'_>| match value {
            Value::Int(x) | Value::Timestamp(x) => Some(*x),
            _ => None,
        };
        let least = values.iter().filter_map(whole).min().unwrap_or(0);
        let number = |value: &Value<'_>| match value {
            Value::Float(x) => *x as f32,
            Value::Int(x) | Value::Timestamp(x) => (i128::from(*x) - i128::from(least)) as f32,
            _ => f32::NAN,
        };
        Ok(Target::Numbers(values.iter().map(number).collect()))
    }
}

fn few_distinct(values: &[Value<'_>]) -> bool {
    let mut seen: Vec<i64> = Vec::with_capacity(CATEGORY_INTS);
    for value in values {
        if let Value::Int(x) = value
            && !seen.contains(x)
        {
            if seen.len() == CATEGORY_INTS {
                return false;
            }
            seen.push(*x);
        }
    }
    true
}

fn categories<'a>(values: &[Value<'a>]) -> Vec<u32> {
    let mut texts: HashMap<&'a str, u32> = HashMap::new();
    let mut others: HashMap<i64, u32> = HashMap::new();
    let category = |value: &Value<'a>| match *value {
        Value::Text(text) => {
            let next = texts.len() as u32;
            *texts.entry(text).or_insert(next)
        }
        Value::Int(x) => {
            let next = others.len() as u32;
            *others.entry(x).or_insert(next)
        }
        Value::Bool(x) => u32::from(x),
        _ => UNKNOWN,
    };
    values.iter().map(category).collect()
}
