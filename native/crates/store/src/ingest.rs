//! From what a caller hands over to rows that fit a collection: nothing is written before all of it is checked.

use std::collections::HashMap;
use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::types::Int64Type;
use arrow_array::{Array, ArrayRef, RecordBatch, new_null_array};
use arrow_cast::{CastOptions, cast_with_options};
use arrow_schema::SchemaRef;
use omendb_distance::{Metric, inv_norms};

use crate::error::{Error, Result};
use crate::meta::{CollectionMeta, ColumnKind, Id, IdKind};
use crate::numbers::Numbers;
use crate::part::{IdIndex, IdMap, Part, VectorColumn};

/// Longest text id, in bytes.
pub(crate) const MAX_ID_BYTES: usize = 64 << 10;

/// The batch with exactly the collection's columns, in its order and types: numbers are widened, missing columns are null.
/// `None` when the collection has no column.
pub(crate) fn fit_columns(
    meta: &CollectionMeta,
    schema: &SchemaRef,
    batch: &RecordBatch,
    rows: usize,
) -> Result<Option<RecordBatch>> {
    let given = batch.schema_ref();
    for field in given.fields() {
        if meta.column(field.name()).is_none() {
            return Err(Error::UnknownColumn {
                collection: meta.name.clone(),
                column: field.name().clone(),
                known: meta.columns.iter().map(|c| c.name.clone()).collect(),
            });
        }
    }
    if schema.fields().is_empty() {
        return Ok(None);
    }
    let strict = CastOptions {
        safe: false,
        ..CastOptions::default()
    };
    let mut columns: Vec<ArrayRef> = Vec::with_capacity(schema.fields().len());
    for (field, column) in schema.fields().iter().zip(&meta.columns) {
        let Some(array) = batch.column_by_name(field.name()) else {
            columns.push(new_null_array(field.data_type(), rows));
            continue;
        };
        if array.data_type() == field.data_type() {
            columns.push(array.clone());
            continue;
        }
        let cast = may_cast(array.data_type(), column.kind)
            .then(|| cast_with_options(array, field.data_type(), &strict))
            .transpose()
            .map_err(|e| Error::invalid(format!("column {:?}: {e}", column.name)))?;
        columns.push(cast.ok_or_else(|| {
            Error::invalid(format!(
                "column {:?} holds {}, and {} was given",
                column.name,
                column.kind.as_str(),
                array.data_type()
            ))
        })?);
    }
    let batch =
        RecordBatch::try_new(schema.clone(), columns).map_err(|e| Error::invalid(e.to_string()))?;
    if meta.id_kind != IdKind::RowNumber {
        check_ids(meta, &batch.columns()[0])?;
    }
    Ok(Some(batch))
}

/// Which types are taken for a kind: those that say the same in another width, and null.
fn may_cast(given: &arrow_schema::DataType, kind: ColumnKind) -> bool {
    use arrow_schema::DataType as T;
    let text = matches!(given, T::Utf8 | T::LargeUtf8 | T::Utf8View);
    given == &T::Null
        || match kind {
            ColumnKind::Bool => false,
            ColumnKind::Int => given.is_integer(),
            ColumnKind::Float => {
                given.is_numeric() && !matches!(given, T::Decimal128(..) | T::Decimal256(..))
            }
            ColumnKind::Text | ColumnKind::Json => text,
            ColumnKind::Timestamp => matches!(given, T::Timestamp(..) | T::Date32 | T::Date64),
        }
}

fn check_ids(meta: &CollectionMeta, ids: &ArrayRef) -> Result<()> {
    let column = meta.id_column.as_deref().unwrap_or_default();
    if ids.null_count() > 0 {
        let row = (0..ids.len()).find(|&i| ids.is_null(i)).unwrap_or_default();
        return Err(Error::invalid(format!(
            "row {row} of the batch has no id (column {column:?})"
        )));
    }
    if let Some(texts) = ids.as_string_opt::<i32>()
        && let Some(long) = texts.iter().flatten().find(|t| t.len() > MAX_ID_BYTES)
    {
        return Err(Error::LimitExceeded {
            what: format!("bytes of an id (column {column:?})"),
            limit: MAX_ID_BYTES as u64,
            actual: long.len() as u64,
        });
    }
    Ok(())
}

/// How many rows a batch and its vectors make. The vectors of each vector column stand one after the other, row-major each.
pub(crate) fn count_rows(
    meta: &CollectionMeta,
    batch: &RecordBatch,
    vectors: &[f32],
) -> Result<u32> {
    let floats = meta.row_floats();
    let rows = if batch.num_columns() == 0 && batch.num_rows() == 0 {
        vectors.len() / floats
    } else {
        batch.num_rows()
    };
    if vectors.len() != rows.saturating_mul(floats) {
        let names: Vec<&str> = meta.vectors.iter().map(|v| v.name.as_str()).collect();
        let expected = rows.saturating_mul(floats);
        return Err(mismatch(names.join(", "), rows, expected, vectors.len()));
    }
    as_rows(rows)
}

/// How many rows these make; `vectors` are the values of each vector column, row-major, all finite.
pub(crate) fn count_rows_of(
    meta: &CollectionMeta,
    batch: &RecordBatch,
    vectors: &[&[f32]],
) -> Result<u32> {
    if vectors.len() != meta.vectors.len() {
        return Err(Error::invalid(format!(
            "collection {:?} has {} vector columns, and vectors for {} were given",
            meta.name,
            meta.vectors.len(),
            vectors.len()
        )));
    }
    let rows = match (meta.vectors.as_slice(), vectors) {
        ([spec, ..], [values, ..]) if batch.num_columns() == 0 && batch.num_rows() == 0 => {
            values.len() / spec.dimension
        }
        _ => batch.num_rows(),
    };
    for (spec, values) in meta.vectors.iter().zip(vectors) {
        let expected = rows.saturating_mul(spec.dimension);
        if values.len() != expected {
            let column = spec.name.clone();
            return Err(mismatch(column, rows, expected, values.len()));
        }
        check_finite(&spec.name, spec.dimension, values)?;
    }
    as_rows(rows)
}

/// Numbers of one row, if the rows divide them: then it is simply another dimension.
fn mismatch(column: String, rows: usize, expected: usize, actual: usize) -> Error {
    let share = if rows > 0 && actual.is_multiple_of(rows) {
        rows
    } else {
        1
    };
    Error::DimensionMismatch {
        column,
        expected: expected / share,
        actual: actual / share,
    }
}

fn as_rows(rows: usize) -> Result<u32> {
    u32::try_from(rows).map_err(|_| Error::LimitExceeded {
        what: "rows in one write".to_owned(),
        limit: u64::from(u32::MAX),
        actual: rows as u64,
    })
}

/// The values of each vector column, all finite.
pub(crate) fn split_vectors<'a>(
    meta: &CollectionMeta,
    rows: u32,
    vectors: &'a [f32],
) -> Result<Vec<&'a [f32]>> {
    let mut rest = vectors;
    meta.vectors
        .iter()
        .map(|spec| {
            let (values, tail) = rest
                .split_at_checked(rows as usize * spec.dimension)
                .ok_or_else(|| Error::internal("too few vector values"))?;
            rest = tail;
            check_finite(&spec.name, spec.dimension, values)?;
            Ok(values)
        })
        .collect()
}

fn check_finite(column: &str, dimension: usize, values: &[f32]) -> Result<()> {
    // An exponent of all ones is NaN or infinite; this form is turned into SIMD.
    const EXPONENT: u32 = 0x7f80_0000;
    let bad = |chunk: &[f32]| {
        chunk
            .iter()
            .fold(false, |bad, v| bad | (v.to_bits() & EXPONENT == EXPONENT))
    };
    if !bad(values) {
        return Ok(());
    }
    let at = values
        .iter()
        .position(|v| !v.is_finite())
        .unwrap_or_default();
    let what = if values[at].is_nan() {
        "not a number"
    } else {
        "infinite"
    };
    Err(Error::InvalidVector {
        row: at / dimension,
        reason: format!("value {} of column {column:?} is {what}", at % dimension),
    })
}

/// Rows ready to become a part of the memtable, but for their numbers.
pub(crate) struct Batch {
    pub rows: u32,
    pub columns: Option<RecordBatch>,
    pub vectors: Vec<Vec<f32>>,
    /// Last position of each id; empty for row numbers.
    pub ids: HashMap<Id, u32>,
    /// Positions whose id stands again further on.
    pub replaced: Vec<u32>,
}

impl Batch {
    pub fn new(
        meta: &CollectionMeta,
        rows: u32,
        columns: Option<RecordBatch>,
        vectors: Vec<Vec<f32>>,
    ) -> Result<Batch> {
        let mut ids = HashMap::new();
        let mut replaced = Vec::new();
        if meta.id_kind != IdKind::RowNumber {
            let array = columns.as_ref().and_then(|b| b.columns().first());
            let array = array.ok_or_else(|| Error::internal("no id column"))?;
            ids.reserve(rows as usize);
            for (position, id) in (0u32..).zip(ids_of(array)?) {
                replaced.extend(ids.insert(id, position));
            }
        }
        Ok(Batch {
            rows,
            columns,
            vectors,
            ids,
            replaced,
        })
    }

    pub fn into_part(self, meta: &CollectionMeta, first_row: u32) -> Result<Part> {
        let vectors = meta
            .vectors
            .iter()
            .zip(self.vectors)
            .map(|(spec, data)| {
                let mut norms = Vec::new();
                if spec.metric == Metric::Cosine {
                    inv_norms(&data, spec.dimension, &mut norms);
                }
                VectorColumn {
                    data: data.into(),
                    inv_norms: norms.into(),
                    index: None,
                    reader: None,
                }
            })
            .collect();
        let ids = if meta.id_kind == IdKind::RowNumber {
            IdIndex::RowNumber
        } else {
            IdIndex::Hash(Arc::new(IdMap::new(self.ids)))
        };
        let columns = self.columns.into_iter().collect();
        Numbers::dense(first_row, self.rows)
            .and_then(|numbers| Part::new(numbers, columns, vectors, ids))
            .ok_or_else(|| Error::internal("rows do not fit together"))
    }
}

/// The ids in an array of an id column.
pub(crate) fn ids_of(array: &ArrayRef) -> Result<Vec<Id>> {
    if let Some(ints) = array.as_primitive_opt::<Int64Type>() {
        return Ok(ints.values().iter().map(|&v| Id::Int(v)).collect());
    }
    match array.as_string_opt::<i32>() {
        Some(texts) => Ok(texts
            .iter()
            .flatten()
            .map(|t| Id::Text(t.to_owned()))
            .collect()),
        None => Err(Error::internal("the id column does not hold ids")),
    }
}
