//! Arrow values of any type to JSON values and to the column types of a collection.

use std::fmt::Write;
use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::types::{Float64Type, Int64Type, UInt64Type};
use arrow_array::{Array, ArrayRef, StringArray};
use arrow_cast::{CastOptions, can_cast_types, cast_with_options};
use arrow_schema::{ArrowError, DataType, TimeUnit};
use serde_json::Value;

use crate::infer::float_cell;
use crate::plan::ColumnType;

/// What cannot be cast becomes null, for the caller to notice.
const SAFE: CastOptions<'static> = CastOptions {
    safe: true,
    format_options: arrow_cast::display::FormatOptions::new(),
};

/// Whether lists of this type can be vectors.
pub(crate) fn is_number(ty: &DataType) -> bool {
    ty.is_integer() || ty.is_floating()
}

/// The type of a list's items, for the three kinds of lists.
pub(crate) fn list_item(ty: &DataType) -> Option<&DataType> {
    match ty {
        DataType::List(f) | DataType::LargeList(f) | DataType::FixedSizeList(f, _) => {
            Some(f.data_type())
        }
        _ => None,
    }
}

/// The column type that an Arrow type is read as.
pub(crate) fn natural(ty: &DataType) -> ColumnType {
    match ty {
        DataType::Boolean => ColumnType::Bool,
        _ if ty.is_integer() => ColumnType::Int,
        _ if ty.is_floating() || ty.is_decimal() => ColumnType::Float,
        DataType::Date32 | DataType::Date64 | DataType::Timestamp(..) => ColumnType::Timestamp,
        DataType::Dictionary(_, values) => natural(values),
        _ if list_item(ty).is_some_and(is_number) => ColumnType::Vector,
        _ if ty.is_nested() => ColumnType::Json,
        _ => ColumnType::Text,
    }
}

/// The array in the type of a column; a value that does not fit becomes null.
pub(crate) fn convert(array: &ArrayRef, ty: ColumnType) -> Result<ArrayRef, ArrowError> {
    let target = ty.arrow();
    let from = array.data_type();
    let json = matches!(ty, ColumnType::Json | ColumnType::Vector);
    if *from == target && !json {
        return Ok(array.clone());
    }
    if json || from.is_nested() || is_binary(from) {
        let texts = values(array)?.into_iter().map(|value| match value {
            Value::Null => None,
            Value::String(text) if !json => Some(text),
            // Text that is JSON already stays as it is; other text becomes a JSON string.
            Value::String(text) if serde_json::from_str::<serde::de::IgnoredAny>(&text).is_ok() => {
                Some(text)
            }
            other => Some(other.to_string()),
        });
        let texts: ArrayRef = Arc::new(texts.collect::<StringArray>());
        return if target == DataType::Utf8 {
            Ok(texts)
        } else {
            cast_with_options(&texts, &target, &SAFE)
        };
    }
    match from {
        DataType::Dictionary(_, inner) => convert(&cast_with_options(array, inner, &SAFE)?, ty),
        DataType::Timestamp(unit, Some(_)) if target == DataType::Utf8 => {
            Ok(Arc::new(utc_texts(array, *unit)?))
        }
        DataType::Timestamp(unit, Some(_)) => {
            cast_with_options(&without_zone(array, *unit)?, &target, &SAFE)
        }
        _ => cast_with_options(array, &target, &SAFE),
    }
}

/// Without its zone the instant stays the same, in UTC. (With it the library would look the zone up in a table that it was built without.)
fn without_zone(array: &ArrayRef, unit: TimeUnit) -> Result<ArrayRef, ArrowError> {
    cast_with_options(array, &DataType::Timestamp(unit, None), &SAFE)
}

/// Instants as texts, in UTC: `2026-11-26T12:00:00Z`.
fn utc_texts(array: &ArrayRef, unit: TimeUnit) -> Result<StringArray, ArrowError> {
    let texts = cast_with_options(&without_zone(array, unit)?, &DataType::Utf8, &SAFE)?;
    let texts = texts.as_string::<i32>();
    Ok(texts.iter().map(|t| t.map(|t| format!("{t}Z"))).collect())
}

fn is_binary(ty: &DataType) -> bool {
    matches!(
        ty,
        DataType::Binary
            | DataType::LargeBinary
            | DataType::BinaryView
            | DataType::FixedSizeBinary(_)
    )
}

/// Whether [`convert`] can do it.
pub(crate) fn convertible(from: &DataType, ty: ColumnType) -> bool {
    let text = from.is_nested() || is_binary(from);
    matches!(ty, ColumnType::Json | ColumnType::Vector | ColumnType::Text)
        || (!text && can_cast_types(from, &ty.arrow()))
}

/// Every value as JSON. Bytes are hexadecimal text.
pub(crate) fn values(array: &ArrayRef) -> Result<Vec<Value>, ArrowError> {
    let ty = array.data_type();
    let cast = |to: &DataType| cast_with_options(array, to, &SAFE);
    Ok(match ty {
        DataType::Null => vec![Value::Null; array.len()],
        DataType::Boolean => array.as_boolean().iter().map(Value::from).collect(),
        DataType::UInt64 => array
            .as_primitive::<UInt64Type>()
            .iter()
            .map(Value::from)
            .collect(),
        _ if ty.is_integer() => cast(&DataType::Int64)?
            .as_primitive::<Int64Type>()
            .iter()
            .map(Value::from)
            .collect(),
        DataType::Float16 | DataType::Float32 => {
            // Through text, so that 0.1 stays 0.1.
            let text = cast(&DataType::Utf8)?;
            let number = |t: &str| t.parse().map_or(Value::Null, float_cell);
            text.as_string::<i32>()
                .iter()
                .map(|t| t.map_or(Value::Null, number))
                .collect()
        }
        _ if ty.is_floating() || ty.is_decimal() => {
            let floats = cast(&DataType::Float64)?;
            floats
                .as_primitive::<Float64Type>()
                .iter()
                .map(|x| x.map_or(Value::Null, float_cell))
                .collect()
        }
        _ if is_binary(ty) => {
            let bytes = cast(&DataType::LargeBinary)?;
            bytes
                .as_binary::<i64>()
                .iter()
                .map(|b| b.map_or(Value::Null, hex))
                .collect()
        }
        DataType::List(_) => {
            let lists = array.as_list::<i32>();
            lists.iter().map(list_value).collect::<Result<_, _>>()?
        }
        DataType::LargeList(_) => array
            .as_list::<i64>()
            .iter()
            .map(list_value)
            .collect::<Result<_, _>>()?,
        DataType::FixedSizeList(..) => array
            .as_fixed_size_list()
            .iter()
            .map(list_value)
            .collect::<Result<_, _>>()?,
        DataType::Struct(fields) => {
            let columns: Vec<Vec<Value>> = array
                .as_struct()
                .columns()
                .iter()
                .map(values)
                .collect::<Result<_, _>>()?;
            let mut columns: Vec<_> = columns.into_iter().map(Vec::into_iter).collect();
            let mut out = Vec::with_capacity(array.len());
            for row in 0..array.len() {
                let members = fields.iter().zip(&mut columns);
                let object = members
                    .map(|(f, c)| (f.name().clone(), c.next().unwrap_or_default()))
                    .collect();
                out.push(if array.is_null(row) {
                    Value::Null
                } else {
                    Value::Object(object)
                });
            }
            out
        }
        DataType::Map(..) => array
            .as_map()
            .iter()
            .map(|m| list_value(m.map(|m| Arc::new(m) as ArrayRef)))
            .collect::<Result<_, _>>()?,
        DataType::Dictionary(_, inner) => values(&cast(inner)?)?,
        DataType::Timestamp(unit, Some(_)) => {
            let texts = utc_texts(array, *unit)?;
            texts.iter().map(Value::from).collect()
        }
        _ if can_cast_types(ty, &DataType::Utf8) => {
            let text = cast(&DataType::Utf8)?;
            text.as_string::<i32>().iter().map(Value::from).collect()
        }
        _ => {
            return Err(ArrowError::NotYetImplemented(format!(
                "values of type {ty}"
            )));
        }
    })
}

fn list_value(list: Option<ArrayRef>) -> Result<Value, ArrowError> {
    list.map_or(Ok(Value::Null), |items| values(&items).map(Value::Array))
}

fn hex(bytes: &[u8]) -> Value {
    let mut text = String::with_capacity(bytes.len() * 2);
    for byte in bytes {
        // Writing to a string cannot fail.
        let _ = write!(text, "{byte:02x}");
    }
    Value::String(text)
}
