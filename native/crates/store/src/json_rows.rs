//! Rows as JSON objects, from people: checked against the collection, made into Arrow columns and vectors. Whole or not at all.

use std::collections::HashMap;
use std::sync::Arc;

use arrow_array::builder::{
    BooleanBuilder, Float64Builder, Int64Builder, StringBuilder, TimestampMicrosecondBuilder,
};
use arrow_array::{ArrayRef, RecordBatch, RecordBatchOptions};
use arrow_schema::{Field, Schema};
use serde_json::{Map, Value as Json};

use crate::cells::parse_timestamp;
use crate::error::{Error, Result};
use crate::meta::{CollectionMeta, ColumnKind, ColumnMeta, IdKind, MAX_COLUMNS, MAX_NAME_BYTES};

/// Most rows in one call.
pub(crate) const MAX_JSON_ROWS: usize = 1_000_000;
/// The key that means the only vector column, whatever its name.
const VECTOR_KEY: &str = "vector";
/// The key that means the id column, whatever its name.
const ID_KEY: &str = "id";

/// Rows ready to be written.
#[derive(Debug)]
pub(crate) struct JsonBatch {
    /// Columns that the collection does not have yet and that must be added first, in this order; their types are inferred.
    pub new_columns: Vec<ColumnMeta>,
    /// All columns of the collection, then `new_columns`; null where a row says nothing.
    pub columns: RecordBatch,
    /// For each vector column its vectors, row-major.
    pub vectors: Vec<Vec<f32>>,
}

/// Where a key's values go.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Slot {
    Column(usize),
    Vector(usize),
}

/// Makes rows out of JSON objects `{id, vector, other fields}`.
///
/// The id goes by the name of the id column, or `id` unless a column has that name; each vector by the name of its column, or
/// `vector` if there is only one. A field that the collection lacks becomes a column: of type bool, int, float or text
/// if all its values are, else JSON; a field of nulls alone is left out.
///
/// # Errors
/// `INVALID_REQUEST` (not an object, no id, no vector, a value that does not fit its column), `NO_VECTOR_COLUMN` (no vector in one of several columns),
/// `DIMENSION_MISMATCH`,
/// `INVALID_VECTOR`, `INVALID_NAME`, `LIMIT_EXCEEDED`. Rows are counted from 0.
pub(crate) fn from_json(rows: &[Json], meta: &CollectionMeta) -> Result<JsonBatch> {
    limit("rows in one call", rows.len(), MAX_JSON_ROWS)?;
    let objects: Vec<&Map<String, Json>> = rows
        .iter()
        .enumerate()
        .map(|(i, row)| {
            row.as_object()
                .ok_or_else(|| Error::invalid(format!("row {i} is not an object")))
        })
        .collect::<Result<_>>()?;
    let known: HashMap<&str, Slot> = known_keys(meta);
    let new_columns = infer_new(&objects, &known, meta)?;
    let columns: Vec<&ColumnMeta> = meta.columns.iter().chain(&new_columns).collect();

    let mut keys: HashMap<&str, Slot> = known;
    for (i, column) in new_columns.iter().enumerate() {
        keys.insert(&column.name, Slot::Column(meta.columns.len() + i));
    }
    let mut cells: Vec<Vec<Option<&Json>>> = vec![vec![None; objects.len()]; columns.len()];
    let mut vectors: Vec<Vec<f32>> = meta
        .vectors
        .iter()
        .map(|v| Vec::with_capacity(v.dimension.min(4_096) * objects.len()))
        .collect();
    for (i, object) in objects.iter().enumerate() {
        let mut given: Vec<Option<&Json>> = vec![None; meta.vectors.len()];
        for (key, value) in *object {
            let (taken, place) = match keys.get(key.as_str()) {
                Some(Slot::Column(c)) => (cells[*c][i].is_some(), &mut cells[*c][i]),
                Some(Slot::Vector(v)) => (given[*v].is_some(), &mut given[*v]),
                None => continue, // null in every row
            };
            if taken {
                return Err(Error::invalid(format!(
                    "row {i} gives {key:?} under two names"
                )));
            }
            *place = Some(value);
        }
        for (v, value) in given.into_iter().enumerate() {
            read_vector(value, i, meta, v, &mut vectors[v])?;
        }
    }
    let arrays: Vec<ArrayRef> = columns
        .iter()
        .zip(&cells)
        .map(|(column, values)| build_column(column, values, meta))
        .collect::<Result<_>>()?;
    let fields: Vec<Field> = columns.iter().map(|c| c.kind.field(&c.name)).collect();
    let options = RecordBatchOptions::new().with_row_count(Some(objects.len()));
    let columns =
        RecordBatch::try_new_with_options(Arc::new(Schema::new(fields)), arrays, &options)
            .map_err(|e| Error::internal(e.to_string()))?;
    Ok(JsonBatch {
        new_columns,
        columns,
        vectors,
    })
}

/// One row of new values for some columns, out of a JSON object. A column that the collection lacks gets the type of its value; a null for such a
/// column is left out.
///
/// # Errors
/// `INVALID_REQUEST` (the id column, a vector column, a value that does not fit its column).
pub(crate) fn cells_from_json(
    changes: &Map<String, Json>,
    meta: &CollectionMeta,
) -> Result<RecordBatch> {
    let mut fields = Vec::new();
    let mut arrays = Vec::new();
    for (name, value) in changes {
        if meta.vectors.iter().any(|v| v.name == *name) {
            return Err(Error::invalid(format!(
                "{name:?} is a vector column; add the row again to change its vector"
            )));
        }
        let column = match meta.column(name) {
            Some(column) => column.clone(),
            None if value.is_null() => continue,
            None => ColumnMeta {
                name: name.clone(),
                kind: kind_of(value),
            },
        };
        if meta.id_column.as_deref() == Some(name.as_str()) {
            return Err(Error::invalid(format!(
                "column {name:?} holds the ids, which stay as they are"
            )));
        }
        arrays.push(build_column(&column, &[Some(value)], meta)?);
        fields.push(column.kind.field(name));
    }
    let options = RecordBatchOptions::new().with_row_count(Some(1));
    RecordBatch::try_new_with_options(Arc::new(Schema::new(fields)), arrays, &options)
        .map_err(|e| Error::internal(format!("values: {e}")))
}

fn known_keys(meta: &CollectionMeta) -> HashMap<&str, Slot> {
    let mut keys = HashMap::new();
    if let [_] = meta.vectors.as_slice() {
        keys.insert(VECTOR_KEY, Slot::Vector(0));
    }
    if let Some(name) = &meta.id_column
        && let Some(at) = meta.columns.iter().position(|c| c.name == *name)
    {
        keys.insert(ID_KEY, Slot::Column(at));
    }
    // Real names win over the general ones.
    for (i, column) in meta.columns.iter().enumerate() {
        keys.insert(&column.name, Slot::Column(i));
    }
    for (i, vector) in meta.vectors.iter().enumerate() {
        keys.insert(&vector.name, Slot::Vector(i));
    }
    keys
}

/// The columns that the rows' unknown keys ask for, in the order of their first use.
fn infer_new(
    objects: &[&Map<String, Json>],
    known: &HashMap<&str, Slot>,
    meta: &CollectionMeta,
) -> Result<Vec<ColumnMeta>> {
    let mut order: Vec<&str> = Vec::new();
    let mut kinds: HashMap<&str, ColumnKind> = HashMap::new();
    for (i, object) in objects.iter().enumerate() {
        for (key, value) in *object {
            if known.contains_key(key.as_str()) || value.is_null() {
                continue;
            }
            if meta.vectors.len() > 1 && key == VECTOR_KEY {
                return Err(vector_columns(
                    meta,
                    format!("row {i} gives {VECTOR_KEY:?}"),
                ));
            }
            if meta.id_kind == IdKind::RowNumber && key == ID_KEY {
                return Err(Error::invalid(format!(
                    "row {i} has an id, but this collection numbers its rows itself"
                )));
            }
            let kind = kind_of(value);
            match kinds.get_mut(key.as_str()) {
                Some(seen) => *seen = common(*seen, kind),
                None => {
                    check_name(key)?;
                    order.push(key);
                    kinds.insert(key, kind);
                    limit(
                        "columns of a collection",
                        meta.columns.len() + order.len(),
                        MAX_COLUMNS,
                    )?;
                }
            }
        }
    }
    Ok(order
        .into_iter()
        .map(|name| ColumnMeta {
            name: name.to_owned(),
            kind: kinds[name],
        })
        .collect())
}

fn check_name(name: &str) -> Result<()> {
    let reason = if name.trim().is_empty() {
        "it is empty"
    } else if name.len() > MAX_NAME_BYTES {
        "it is longer than 255 bytes"
    } else if name.chars().any(char::is_control) {
        "it holds control characters"
    } else {
        return Ok(());
    };
    Err(Error::InvalidName {
        name: name.chars().take(64).collect(),
        reason: reason.to_owned(),
    })
}

fn kind_of(value: &Json) -> ColumnKind {
    match value {
        Json::Bool(_) => ColumnKind::Bool,
        Json::Number(n) if n.is_i64() => ColumnKind::Int,
        Json::Number(_) => ColumnKind::Float,
        Json::String(_) => ColumnKind::Text,
        Json::Null | Json::Array(_) | Json::Object(_) => ColumnKind::Json,
    }
}

/// The kind that holds values of both.
fn common(a: ColumnKind, b: ColumnKind) -> ColumnKind {
    use ColumnKind::{Float, Int, Json};
    match (a, b) {
        _ if a == b => a,
        (Int, Float) | (Float, Int) => Float,
        _ => Json,
    }
}

fn read_vector(
    value: Option<&Json>,
    row: usize,
    meta: &CollectionMeta,
    column: usize,
    out: &mut Vec<f32>,
) -> Result<()> {
    let spec = &meta.vectors[column];
    let invalid = |reason: String| Error::InvalidVector {
        row,
        reason: format!("in column {:?} {reason}", spec.name),
    };
    let values = match value {
        None | Some(Json::Null) if meta.vectors.len() > 1 => {
            return Err(vector_columns(
                meta,
                format!("row {row} has no vector in {:?}", spec.name),
            ));
        }
        None | Some(Json::Null) => {
            return Err(Error::invalid(format!(
                "row {row} has no vector in {:?}",
                spec.name
            )));
        }
        Some(Json::Array(values)) => values,
        Some(other) => {
            return Err(invalid(format!(
                "it has {}, not a list of numbers",
                describe(other)
            )));
        }
    };
    if values.len() != spec.dimension {
        return Err(Error::DimensionMismatch {
            column: spec.name.clone(),
            expected: spec.dimension,
            actual: values.len(),
        });
    }
    for (i, v) in values.iter().enumerate() {
        let x = v
            .as_f64()
            .ok_or_else(|| invalid(format!("value {i} is {}, not a number", describe(v))))?
            as f32;
        if !x.is_finite() {
            return Err(invalid(format!(
                "value {i} is too large for a 32-bit float"
            )));
        }
        out.push(x);
    }
    Ok(())
}

fn vector_columns(meta: &CollectionMeta, reason: String) -> Error {
    Error::VectorColumns {
        collection: meta.name.clone(),
        reason,
        known: meta.vectors.iter().map(|v| v.name.clone()).collect(),
    }
}

/// What a value is, without its contents.
fn describe(value: &Json) -> &'static str {
    match value {
        Json::Null => "null",
        Json::Bool(_) => "a boolean",
        Json::Number(_) => "a number",
        Json::String(_) => "text",
        Json::Array(_) => "a list",
        Json::Object(_) => "an object",
    }
}

fn build_column(
    column: &ColumnMeta,
    values: &[Option<&Json>],
    meta: &CollectionMeta,
) -> Result<ArrayRef> {
    let is_id = meta.id_column.as_deref() == Some(column.name.as_str());
    let misfit = |row: usize, value: &Json| {
        Error::invalid(format!(
            "row {row}: column {:?} is {}, and the value given is {}{}",
            column.name,
            column.kind.as_str(),
            describe(value),
            match (column.kind, value) {
                (ColumnKind::Int, Json::Number(_)) => " that is no 64-bit integer",
                (ColumnKind::Timestamp, Json::String(_)) => " that is no ISO 8601 date or time",
                (ColumnKind::Timestamp, Json::Number(_)) => " (write a time as ISO 8601 text)",
                (ColumnKind::Int | ColumnKind::Float, Json::String(_)) => " that is no such number",
                _ => "",
            }
        ))
    };
    let mut present: Vec<Option<&Json>> = Vec::with_capacity(values.len());
    for (row, value) in values.iter().enumerate() {
        let value = value.filter(|v| !v.is_null());
        if is_id && value.is_none() {
            return Err(Error::invalid(format!(
                "row {row} has no id in {:?}",
                column.name
            )));
        }
        present.push(value);
    }
    macro_rules! build {
        ($builder:expr, $read:expr) => {{
            let mut builder = $builder;
            for (row, value) in present.iter().enumerate() {
                match value {
                    None => builder.append_null(),
                    Some(value) => {
                        builder.append_value($read(*value).ok_or_else(|| misfit(row, value))?)
                    }
                }
            }
            Ok(Arc::new(builder.finish()))
        }};
    }
    match column.kind {
        ColumnKind::Bool => build!(BooleanBuilder::new(), Json::as_bool),
        ColumnKind::Int => build!(Int64Builder::new(), read_int),
        ColumnKind::Float => build!(Float64Builder::new(), read_float),
        ColumnKind::Text => build!(StringBuilder::new(), Json::as_str),
        ColumnKind::Json => build!(StringBuilder::new(), |v: &Json| Some(v.to_string())),
        ColumnKind::Timestamp => {
            build!(TimestampMicrosecondBuilder::new(), |v: &Json| v
                .as_str()
                .and_then(parse_timestamp))
        }
    }
}

/// An integer, a float without fraction, or an integer as text (as cells give large ones).
fn read_int(value: &Json) -> Option<i64> {
    match value {
        Json::Number(n) => n.as_i64().or_else(|| {
            let f = n.as_f64()?;
            // 2^63 itself does not fit, and every float below it that has no fraction does.
            (f.fract() == 0.0 && (i64::MIN as f64..-(i64::MIN as f64)).contains(&f))
                .then_some(f as i64)
        }),
        Json::String(s) => s.parse().ok(),
        _ => None,
    }
}

/// A number, or the text that cells give for what JSON cannot write.
fn read_float(value: &Json) -> Option<f64> {
    match value {
        Json::Number(n) => n.as_f64(),
        Json::String(s) => match s.as_str() {
            "NaN" => Some(f64::NAN),
            "Infinity" => Some(f64::INFINITY),
            "-Infinity" => Some(f64::NEG_INFINITY),
            _ => None,
        },
        _ => None,
    }
}

fn limit(what: &str, actual: usize, limit: usize) -> Result<()> {
    if actual > limit {
        return Err(Error::LimitExceeded {
            what: what.to_owned(),
            limit: limit as u64,
            actual: actual as u64,
        });
    }
    Ok(())
}
