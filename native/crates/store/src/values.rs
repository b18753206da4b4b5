//! A column's values as colours need them: a category code or a number for each row.

use std::collections::HashMap;
use std::hash::Hash;

use serde::Serialize;

use crate::column::{ColumnReader, Value};
use crate::error::Result;
use crate::meta::ColumnKind;
use crate::snapshot::Snapshot;

/// Categories that get a colour of their own.
pub const TOP_CATEGORIES: usize = 10;
/// Code of all other values.
pub const CODE_OTHER: u8 = 10;
/// Code of null.
pub const CODE_NULL: u8 = 11;
/// An integer column with up to this many distinct values is a category.
const CATEGORY_INTS: usize = 12;
/// Longest label, in characters.
const LABEL_CHARS: usize = 80;

/// A category and how many of the rows are in it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct CategoryLabel {
    /// Its value as text, cut to 80 characters.
    pub label: String,
    /// Rows in it.
    pub count: u64,
}

/// Values of a column for some rows, in their order.
#[derive(Debug, Clone, PartialEq)]
pub enum ColumnValues {
    /// Of a text, bool or JSON column, or an integer column with few distinct values.
    Category {
        /// One a row: 0 to 9 is `labels[code]`, 10 any other value, 11 null.
        codes: Vec<u8>,
        /// The most frequent values, by falling count, then by value; at most [`TOP_CATEGORIES`].
        labels: Vec<CategoryLabel>,
        /// Rows with another value.
        others: u64,
        /// Rows with null.
        nulls: u64,
    },
    /// Of a numeric or timestamp column.
    Number {
        /// One a row: the value less `offset`; NaN for null.
        values: Vec<f32>,
        /// Least finite value less `offset`; 0 when there is none.
        min: f64,
        /// Largest finite value less `offset`; 0 when there is none.
        max: f64,
        /// What to add for the true value: not 0 only where f32 could not tell the values apart (timestamps, in microseconds
        /// since 1970; large integers).
        offset: f64,
        /// Rows with null.
        nulls: u64,
    },
}

impl Snapshot {
    /// The values of a column for `rows`, which may be in any order and repeat; a row that does not live counts as null.
    ///
    /// # Errors
    /// `UNKNOWN_COLUMN`.
    pub fn column_values(&self, column: &str, rows: &[u32]) -> Result<ColumnValues> {
        let mut reader = ColumnReader::new(self, self.column_index(column)?)?;
        let kind = reader.kind();
        let mut get = |row: &u32| {
            if self.contains(*row) {
                reader.get(*row)
            } else {
                Value::Null
            }
        };
        Ok(match kind {
            ColumnKind::Text | ColumnKind::Json => {
                let values: Vec<Option<&str>> = rows
                    .iter()
                    .map(|row| match get(row) {
                        Value::Text(v) => Some(v),
                        _ => None,
                    })
                    .collect();
                categories(&values, |v| v.chars().take(LABEL_CHARS).collect())
            }
            ColumnKind::Bool => {
                let values: Vec<Option<bool>> = rows
                    .iter()
                    .map(|row| match get(row) {
                        Value::Bool(v) => Some(v),
                        _ => None,
                    })
                    .collect();
                categories(&values, bool::to_string)
            }
            ColumnKind::Int => {
                let values: Vec<Option<i64>> = rows
                    .iter()
                    .map(|row| match get(row) {
                        Value::Int(v) => Some(v),
                        _ => None,
                    })
                    .collect();
                if few_distinct(&values) {
                    categories(&values, i64::to_string)
                } else {
                    integers(&values)
                }
            }
            ColumnKind::Timestamp => {
                let values: Vec<Option<i64>> = rows
                    .iter()
                    .map(|row| match get(row) {
                        Value::Timestamp(v) => Some(v),
                        _ => None,
                    })
                    .collect();
                integers(&values)
            }
            ColumnKind::Float => {
                let values: Vec<Option<f64>> = rows
                    .iter()
                    .map(|row| match get(row) {
                        Value::Float(v) => Some(v),
                        _ => None,
                    })
                    .collect();
                floats(&values)
            }
        })
    }
}

fn few_distinct(values: &[Option<i64>]) -> bool {
    let mut seen: Vec<i64> = Vec::with_capacity(CATEGORY_INTS);
    for v in values.iter().flatten() {
        if !seen.contains(v) {
            if seen.len() == CATEGORY_INTS {
                return false;
            }
            seen.push(*v);
        }
    }
    true
}

fn categories<T: Eq + Hash + Ord + Copy>(
    values: &[Option<T>],
    label: impl Fn(&T) -> String,
) -> ColumnValues {
    let mut counts: HashMap<T, u64> = HashMap::new();
    let mut nulls = 0;
    for v in values {
        match v {
            Some(v) => *counts.entry(*v).or_default() += 1,
            None => nulls += 1,
        }
    }
    let distinct = counts.len();
    let mut top: Vec<(T, u64)> = counts.into_iter().collect();
    let order = |a: &(T, u64), b: &(T, u64)| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0));
    if distinct > TOP_CATEGORIES {
        top.select_nth_unstable_by(TOP_CATEGORIES - 1, order);
        top.truncate(TOP_CATEGORIES);
    }
    top.sort_unstable_by(order);
    let code_of: HashMap<T, u8> = top
        .iter()
        .enumerate()
        .map(|(code, (v, _))| (*v, code as u8))
        .collect();
    let codes = values
        .iter()
        .map(|v| match v {
            Some(v) => code_of.get(v).copied().unwrap_or(CODE_OTHER),
            None => CODE_NULL,
        })
        .collect();
    let named: u64 = top.iter().map(|t| t.1).sum();
    ColumnValues::Category {
        codes,
        labels: top
            .iter()
            .map(|(v, count)| CategoryLabel {
                label: label(v),
                count: *count,
            })
            .collect(),
        others: values.len() as u64 - nulls - named,
        nulls,
    }
}

fn integers(values: &[Option<i64>]) -> ColumnValues {
    let least = values.iter().flatten().min().copied().unwrap_or(0);
    let most = values.iter().flatten().max().copied().unwrap_or(0);
    // Up to here f32 holds every integer.
    let exact = -(1 << 24)..=1 << 24;
    let offset = if exact.contains(&least) && exact.contains(&most) {
        0
    } else {
        least
    };
    let relative = |v: i64| (i128::from(v) - i128::from(offset)) as f64;
    ColumnValues::Number {
        values: values
            .iter()
            .map(|v| v.map_or(f32::NAN, |v| relative(v) as f32))
            .collect(),
        min: relative(least),
        max: relative(most),
        offset: offset as f64,
        nulls: values.iter().filter(|v| v.is_none()).count() as u64,
    }
}

fn floats(values: &[Option<f64>]) -> ColumnValues {
    let finite = || values.iter().flatten().copied().filter(|v| v.is_finite());
    let min = finite().reduce(f64::min).unwrap_or(0.0);
    let max = finite().reduce(f64::max).unwrap_or(0.0);
    ColumnValues::Number {
        values: values
            .iter()
            .map(|v| v.map_or(f32::NAN, |v| v as f32))
            .collect(),
        min,
        max,
        offset: 0.0,
        nulls: values.iter().filter(|v| v.is_none()).count() as u64,
    }
}
