//! Columns as a filter reads them: one Arrow type per [`Type`], NaN as NULL, one zero.

use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::types::{Date32Type, Float64Type, Int64Type, TimestampMicrosecondType};
use arrow_array::{Array, ArrayRef, Float64Array, RecordBatch, TimestampMicrosecondArray};
use arrow_cast::{CastOptions, cast_with_options};
use arrow_schema::{ArrowError, DataType, TimeUnit};

use crate::error::FilterError;
use crate::node::Type;

const MICROS_PER_DAY: i64 = 86_400_000_000;

/// The batch's column of this name, in the canonical Arrow type of `ty`.
pub(crate) fn load(batch: &RecordBatch, name: &str, ty: Type) -> Result<ArrayRef, FilterError> {
    let missing = || {
        FilterError::new(format!(
            "The data has no column {name}, which the filter reads"
        ))
    };
    let position = batch.schema_ref().index_of(name).map_err(|_| missing())?;
    let found = Type::of(batch.schema_ref().field(position));
    let text = |ty: Type| matches!(ty, Type::Text | Type::Json);
    if found != ty && !(text(found) && text(ty)) {
        return Err(FilterError::new(format!(
            "The column {name} is {found} here, but the filter was checked for {ty}"
        )));
    }
    let array = batch.columns().get(position).ok_or_else(missing)?;
    canonical(array, ty).map_err(|error| {
        FilterError::new(format!("The column {name} cannot be read as {ty}: {error}"))
    })
}

fn canonical(array: &ArrayRef, ty: Type) -> Result<ArrayRef, ArrowError> {
    match ty {
        Type::Bool | Type::Opaque | Type::Null => Ok(Arc::clone(array)),
        Type::Int => to(array, &DataType::Int64),
        Type::Float => {
            let floats = to(array, &DataType::Float64)?;
            Ok(Arc::new(canonical_floats(
                floats.as_primitive::<Float64Type>(),
            )))
        }
        Type::Text | Type::Json => to(array, &DataType::Utf8),
        Type::Timestamp => micros(array),
    }
}

fn to(array: &ArrayRef, target: &DataType) -> Result<ArrayRef, ArrowError> {
    if array.data_type() == target {
        return Ok(Arc::clone(array));
    }
    cast_with_options(
        array,
        target,
        &CastOptions {
            safe: false,
            ..CastOptions::default()
        },
    )
}

/// A time zone only says how to show an instant; a filter compares instants.
fn micros(array: &ArrayRef) -> Result<ArrayRef, ArrowError> {
    match array.data_type() {
        DataType::Date32 => {
            let days = array.as_primitive::<Date32Type>();
            let out: TimestampMicrosecondArray =
                days.unary_opt(|day| i64::from(day).checked_mul(MICROS_PER_DAY));
            Ok(Arc::new(out))
        }
        DataType::Timestamp(_, zone) => {
            let cast = to(
                array,
                &DataType::Timestamp(TimeUnit::Microsecond, zone.clone()),
            )?;
            let out = cast.as_primitive::<TimestampMicrosecondType>().clone();
            Ok(Arc::new(out.with_timezone_opt::<Arc<str>>(None)))
        }
        other => Err(ArrowError::CastError(format!("{other} is not a timestamp"))),
    }
}

/// NaN to NULL, -0.0 to 0.0: afterwards Arrow's total order is the order of numbers.
pub(crate) fn canonical_floats(floats: &Float64Array) -> Float64Array {
    if !floats
        .values()
        .iter()
        .any(|x| x.is_nan() || (*x == 0.0 && x.is_sign_negative()))
    {
        return floats.clone();
    }
    floats.unary_opt(|x| (!x.is_nan()).then_some(x + 0.0))
}

/// Ints as floats, rounded to the nearest beyond 2^53.
pub(crate) fn ints_to_floats(ints: &dyn Array) -> ArrayRef {
    let out: Float64Array = ints.as_primitive::<Int64Type>().unary(|x| x as f64);
    Arc::new(out)
}
