//! Reading single columns of a snapshot across its parts.

use arrow_array::cast::AsArray;
use arrow_array::types::{Float64Type, Int64Type, TimestampMicrosecondType};
use arrow_array::{
    Array, ArrayRef, BooleanArray, Float64Array, Int64Array, RecordBatch, StringArray,
    TimestampMicrosecondArray,
};

use crate::error::{Error, Result};
use crate::meta::ColumnKind;
use crate::numbers::Numbers;
use crate::snapshot::Snapshot;

/// One batch of a column, by type.
#[derive(Clone, Copy)]
pub(crate) enum Typed<'a> {
    Bool(&'a BooleanArray),
    Int(&'a Int64Array),
    Float(&'a Float64Array),
    Text(&'a StringArray),
    Timestamp(&'a TimestampMicrosecondArray),
    /// The part was written before the column was added.
    Missing,
}

/// One value of a column.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Value<'a> {
    Null,
    Bool(bool),
    Int(i64),
    Float(f64),
    Text(&'a str),
    /// Microseconds since 1970.
    Timestamp(i64),
}

impl<'a> Typed<'a> {
    /// `offset` must be below the batch's rows.
    pub fn value(self, offset: usize) -> Value<'a> {
        match self {
            Typed::Bool(a) if a.is_valid(offset) => Value::Bool(a.value(offset)),
            Typed::Int(a) if a.is_valid(offset) => Value::Int(a.value(offset)),
            Typed::Float(a) if a.is_valid(offset) => Value::Float(a.value(offset)),
            Typed::Text(a) if a.is_valid(offset) => Value::Text(a.value(offset)),
            Typed::Timestamp(a) if a.is_valid(offset) => Value::Timestamp(a.value(offset)),
            _ => Value::Null,
        }
    }
}

/// The array of column `index` (of the collection's columns) in a batch; `None` where the batch is older than the column.
pub(crate) fn array_in<'a>(
    batch: &'a RecordBatch,
    index: usize,
    name: &str,
) -> Option<&'a ArrayRef> {
    // Columns are only ever appended, so an older batch is a prefix; look by name where it is not.
    let fields = batch.schema_ref().fields();
    if fields.get(index).is_some_and(|f| f.name() == name) {
        return batch.columns().get(index);
    }
    let at = fields.iter().position(|f| f.name() == name)?;
    batch.columns().get(at)
}

/// One batch of a part.
struct Chunk<'a> {
    /// Smallest range that holds its row numbers.
    start: u32,
    end: u32,
    numbers: &'a Numbers,
    /// Position in the part of the batch's first row.
    position: u32,
    values: Typed<'a>,
}

/// Looks values of one column up by row number; fast for rows that ascend.
pub(crate) struct ColumnReader<'a> {
    chunks: Vec<Chunk<'a>>,
    last: usize,
    kind: ColumnKind,
}

impl<'a> ColumnReader<'a> {
    /// A reader of column `index` of the collection.
    pub fn new(snapshot: &'a Snapshot, index: usize) -> Result<ColumnReader<'a>> {
        let column = snapshot
            .meta()
            .columns
            .get(index)
            .ok_or_else(|| Error::internal(format!("there is no column {index}")))?;
        let mut chunks = Vec::new();
        for part in snapshot.parts() {
            let chunk = |position: u32, rows: u32, values| Chunk {
                start: part.numbers.row(position),
                end: part.numbers.row(position + rows - 1) + 1,
                numbers: &part.numbers,
                position,
                values,
            };
            if part.columns.is_empty() {
                chunks.push(chunk(0, part.rows, Typed::Missing));
            }
            for (i, batch) in part.columns.iter().enumerate() {
                let start = part.batch_start(i);
                if batch.num_rows() == 0 {
                    continue;
                }
                let values = match array_in(batch, index, &column.name) {
                    None => Typed::Missing,
                    Some(array) => typed(array, column.kind).ok_or_else(|| {
                        Error::internal(format!(
                            "column {:?} is {} but rows from position {start} hold {}",
                            column.name,
                            column.kind.as_str(),
                            array.data_type()
                        ))
                    })?,
                };
                chunks.push(chunk(start, batch.num_rows() as u32, values));
            }
        }
        Ok(ColumnReader {
            chunks,
            last: 0,
            kind: column.kind,
        })
    }

    pub fn kind(&self) -> ColumnKind {
        self.kind
    }

    /// The value of a row; null for a row that does not exist (deletes are not looked at).
    pub fn get(&mut self, row: u32) -> Value<'a> {
        let holds = |c: &Chunk<'_>| c.start <= row && row < c.end;
        if !self.chunks.get(self.last).is_some_and(holds) {
            let after = self.chunks.partition_point(|c| c.start <= row);
            match after.checked_sub(1) {
                Some(at) if holds(&self.chunks[at]) => self.last = at,
                _ => return Value::Null,
            }
        }
        let chunk = &self.chunks[self.last];
        match chunk.numbers.position(row) {
            Some(position) => chunk.values.value((position - chunk.position) as usize),
            None => Value::Null,
        }
    }
}

fn typed(array: &ArrayRef, kind: ColumnKind) -> Option<Typed<'_>> {
    Some(match kind {
        ColumnKind::Bool => Typed::Bool(array.as_boolean_opt()?),
        ColumnKind::Int => Typed::Int(array.as_primitive_opt::<Int64Type>()?),
        ColumnKind::Float => Typed::Float(array.as_primitive_opt::<Float64Type>()?),
        ColumnKind::Text | ColumnKind::Json => Typed::Text(array.as_string_opt::<i32>()?),
        ColumnKind::Timestamp => {
            Typed::Timestamp(array.as_primitive_opt::<TimestampMicrosecondType>()?)
        }
    })
}
