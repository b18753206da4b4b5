//! A saved map into a table file: id, x and y, and the collection's other columns.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use arrow_array::{
    ArrayRef, BooleanArray, Float32Array, Float64Array, Int64Array, RecordBatch, StringArray,
    UInt32Array,
};
use arrow_cast::cast;
use arrow_schema::{DataType, Field, Schema, SchemaRef};
use omendb_store::{Collection, ColumnKind, ColumnMeta, Error as StoreError, MapPoints, Snapshot};
use serde_json::Value;

use crate::{Error, Result};

/// Rows of one batch on the way to the file.
const BATCH_ROWS: usize = 8_192;

/// What was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Exported {
    /// Rows: those of the map that still live.
    pub rows: u64,
    /// Size of the file, bytes.
    pub bytes: u64,
}

/// Writes a saved map to `path`: Parquet if it ends in `.parquet`, otherwise CSV. Columns: the collection's, then `x` and `y` (with
/// underscores before them where the collection has columns of that name); a collection without ids gives `row`. Rows that were
/// deleted since the map was drawn are left out. A file at `path` is replaced at the end, or not at all.
///
/// # Errors
/// `UNKNOWN_MAP`, `CANCELLED`, those of the formats' writers.
pub fn export_map(
    collection: &Collection,
    name: &str,
    path: &Path,
    progress: &dyn Fn(u64, u64),
    cancel: &AtomicBool,
) -> Result<Exported> {
    let (_, MapPoints { rows, xy, .. }) = collection.map(name)?;
    let snapshot = collection.snapshot();
    let live: Vec<(u32, [f32; 2])> = rows
        .iter()
        .copied()
        .zip(xy.as_chunks::<2>().0.iter().copied())
        .filter(|(row, _)| snapshot.contains(*row))
        .collect();
    let table = Table::of(&snapshot);
    let total = live.len() as u64;
    let mut done = 0u64;
    let batches = live.chunks(BATCH_ROWS).map(|chunk| {
        progress(done, total);
        done += chunk.len() as u64;
        if cancel.load(Ordering::Relaxed) {
            return Err(Error::from(StoreError::Cancelled {
                what: "the export".to_owned(),
            }));
        }
        Ok(table.batch(&snapshot, chunk)?)
    });
    let schema = Arc::clone(&table.schema);
    let parquet = path
        .extension()
        .is_some_and(|e| e.eq_ignore_ascii_case("parquet"));
    let rows = if parquet {
        omendb_formats::write::parquet(path, schema, batches)?
    } else {
        omendb_formats::write::csv(path, schema, batches)?
    };
    Ok(Exported {
        rows,
        bytes: std::fs::metadata(path).map_or(0, |m| m.len()),
    })
}

/// The columns of the file.
struct Table {
    schema: SchemaRef,
    columns: Vec<ColumnMeta>,
    /// The collection has no ids, so the row numbers stand for them.
    numbered: bool,
}

impl Table {
    fn of(snapshot: &Snapshot) -> Table {
        let columns = snapshot.meta().columns.clone();
        let numbered = snapshot.meta().id_column.is_none();
        let free = |wanted: &str| {
            let mut name = wanted.to_owned();
            while columns.iter().any(|c| c.name == name) {
                name.insert(0, '_');
            }
            name
        };
        let mut fields = Vec::with_capacity(columns.len() + 3);
        if numbered {
            fields.push(Field::new(free("row"), DataType::UInt32, false));
        }
        fields.extend(columns.iter().map(|c| c.kind.field(&c.name)));
        fields.push(Field::new(free("x"), DataType::Float32, false));
        fields.push(Field::new(free("y"), DataType::Float32, false));
        Table {
            schema: Arc::new(Schema::new(fields)),
            columns,
            numbered,
        }
    }

    fn batch(
        &self,
        snapshot: &Snapshot,
        points: &[(u32, [f32; 2])],
    ) -> Result<RecordBatch, StoreError> {
        let rows: Vec<u32> = points.iter().map(|p| p.0).collect();
        let cells = snapshot.cells(&rows, None)?;
        let mut arrays: Vec<ArrayRef> = Vec::with_capacity(self.schema.fields().len());
        if self.numbered {
            arrays.push(Arc::new(UInt32Array::from(rows)));
        }
        for (at, column) in self.columns.iter().enumerate() {
            arrays.push(array(
                column.kind,
                cells.iter().map(|row| row.get(at).unwrap_or(&Value::Null)),
            )?);
        }
        for axis in 0..2 {
            arrays.push(Arc::new(
                points.iter().map(|p| p.1[axis]).collect::<Float32Array>(),
            ));
        }
        RecordBatch::try_new(Arc::clone(&self.schema), arrays).map_err(internal)
    }
}

/// JSON cells, as the store gives them, back in the column's own type.
fn array<'a>(
    kind: ColumnKind,
    cells: impl Iterator<Item = &'a Value>,
) -> Result<ArrayRef, StoreError> {
    Ok(match kind {
        ColumnKind::Bool => Arc::new(cells.map(Value::as_bool).collect::<BooleanArray>()),
        // Numbers that JSON cannot carry come as text.
        ColumnKind::Int => Arc::new(
            cells
                .map(|c| {
                    c.as_i64()
                        .or_else(|| c.as_str().and_then(|t| t.parse().ok()))
                })
                .collect::<Int64Array>(),
        ),
        ColumnKind::Float => Arc::new(
            cells
                .map(|c| {
                    c.as_f64()
                        .or_else(|| c.as_str().and_then(|t| t.parse().ok()))
                })
                .collect::<Float64Array>(),
        ),
        ColumnKind::Text => Arc::new(cells.map(Value::as_str).collect::<StringArray>()),
        ColumnKind::Json => {
            let texts = cells.map(|c| (!c.is_null()).then(|| c.to_string()));
            Arc::new(texts.collect::<StringArray>())
        }
        ColumnKind::Timestamp => {
            let texts: ArrayRef = Arc::new(cells.map(Value::as_str).collect::<StringArray>());
            cast(&texts, kind.field("").data_type()).map_err(internal)?
        }
    })
}

fn internal(e: arrow_schema::ArrowError) -> StoreError {
    StoreError::Internal {
        reason: e.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use arrow_array::Array;
    use serde_json::json;

    #[test]
    fn cells_go_back_into_their_types_nulls_and_large_numbers_included() {
        let ints = [json!(7), json!(null), json!("9007199254740993")];
        let ints = array(ColumnKind::Int, ints.iter()).expect("ints");
        assert_eq!(
            ints.as_any().downcast_ref::<Int64Array>().expect("Int64"),
            &Int64Array::from(vec![Some(7), None, Some(9_007_199_254_740_993)])
        );
        let times = [json!("1970-01-01T00:00:01.5Z"), json!(null)];
        let times = array(ColumnKind::Timestamp, times.iter()).expect("times");
        assert_eq!(times.null_count(), 1);
        let nested = [json!({"a": [1, 2]}), json!(null)];
        let nested = array(ColumnKind::Json, nested.iter()).expect("json");
        assert_eq!(
            nested.as_any().downcast_ref::<StringArray>().expect("Utf8"),
            &StringArray::from(vec![Some("{\"a\":[1,2]}"), None])
        );
    }
}
