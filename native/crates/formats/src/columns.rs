//! Columns under construction from text or JSON cells. Unlike Arrow's builders they can be cut back to the row before,
//! so that a row is taken whole or not at all.

use std::sync::Arc;

use arrow_array::{
    ArrayRef, BooleanArray, Float64Array, Int64Array, StringArray, TimestampMicrosecondArray,
};
use arrow_buffer::{BooleanBuffer, Buffer, NullBuffer, OffsetBuffer, ScalarBuffer};

use crate::parse;
use crate::plan::ColumnType;
use crate::reject::{Fault, RejectKind};

enum Values {
    Bool(Vec<bool>),
    Int(Vec<i64>),
    Float(Vec<f64>),
    Timestamp(Vec<i64>),
    /// Text and JSON: bytes that are UTF-8, and the end of each cell.
    Text {
        bytes: Vec<u8>,
        ends: Vec<usize>,
    },
}

/// One growing column.
pub(crate) struct ColumnBuf {
    ty: ColumnType,
    values: Values,
    valid: Vec<bool>,
}

impl ColumnBuf {
    pub fn new(ty: ColumnType) -> Self {
        let values = match ty {
            ColumnType::Bool => Values::Bool(Vec::new()),
            ColumnType::Int => Values::Int(Vec::new()),
            ColumnType::Float => Values::Float(Vec::new()),
            ColumnType::Timestamp => Values::Timestamp(Vec::new()),
            ColumnType::Text | ColumnType::Json | ColumnType::Vector => Values::Text {
                bytes: Vec::new(),
                ends: Vec::new(),
            },
        };
        Self {
            ty,
            values,
            valid: Vec::new(),
        }
    }

    /// Whether the cell pushed last is null.
    pub fn last_is_null(&self) -> bool {
        self.valid.last() == Some(&false)
    }

    /// Bytes of text held.
    pub fn text_bytes(&self) -> usize {
        match &self.values {
            Values::Text { bytes, .. } => bytes.len(),
            _ => 0,
        }
    }

    pub fn push_null(&mut self) {
        match &mut self.values {
            Values::Bool(v) => v.push(false),
            Values::Int(v) | Values::Timestamp(v) => v.push(0),
            Values::Float(v) => v.push(0.0),
            Values::Text { bytes, ends } => ends.push(bytes.len()),
        }
        self.valid.push(false);
    }

    /// Appends a CSV cell. An empty cell is null, also in a text column.
    pub fn push_text(&mut self, cell: &[u8]) -> Result<(), Fault> {
        let trimmed = parse::trim(cell);
        if cell.is_empty() || (trimmed.is_empty() && self.ty != ColumnType::Text) {
            self.push_null();
            return Ok(());
        }
        let unparsable = |wanted| Fault::unparsable(cell, wanted);
        match &mut self.values {
            Values::Bool(v) => {
                v.push(parse::bool(trimmed).ok_or_else(|| unparsable("true or false"))?)
            }
            Values::Int(v) => {
                v.push(parse::int(trimmed).ok_or_else(|| unparsable("a 64-bit integer"))?)
            }
            Values::Float(v) => {
                v.push(parse::float(trimmed).ok_or_else(|| unparsable("a number"))?)
            }
            Values::Timestamp(v) => {
                v.push(parse::timestamp(trimmed).ok_or_else(|| unparsable("a date or time"))?)
            }
            Values::Text { bytes, ends } => {
                let text = std::str::from_utf8(cell).map_err(|_| not_utf8(cell))?;
                if self.ty != ColumnType::Text {
                    if serde_json::from_str::<serde::de::IgnoredAny>(text).is_err() {
                        // Numbers without brackets, as some write lists.
                        let mut numbers = Vec::new();
                        parse::push_vector(cell, &mut numbers).map_err(|_| unparsable("JSON"))?;
                        serde_json::to_writer(&mut *bytes, &numbers)
                            .map_err(|_| unparsable("JSON"))?;
                        ends.push(bytes.len());
                        self.valid.push(true);
                        return Ok(());
                    }
                    check_depth(cell)?;
                }
                bytes.extend_from_slice(cell);
                ends.push(bytes.len());
            }
        }
        self.valid.push(true);
        Ok(())
    }

    /// Appends a JSON value, given as its valid JSON text. `null` is null.
    pub fn push_json(&mut self, raw: &str) -> Result<(), Fault> {
        if raw == "null" {
            self.push_null();
            return Ok(());
        }
        let string = match raw.starts_with('"') {
            true => Some(
                parse::json_string(raw)
                    .ok_or_else(|| Fault::unparsable(raw.as_bytes(), "Unicode text"))?,
            ),
            false => None,
        };
        let scalar = string.as_deref().unwrap_or(raw);
        match &mut self.values {
            Values::Text { bytes, ends } => {
                let text = if self.ty == ColumnType::Text {
                    scalar
                } else {
                    raw
                };
                if self.ty != ColumnType::Text {
                    check_depth(raw.as_bytes())?;
                }
                bytes.extend_from_slice(text.as_bytes());
                ends.push(bytes.len());
                self.valid.push(true);
                Ok(())
            }
            _ => self.push_text(scalar.as_bytes()),
        }
    }

    /// Cuts the column back to `rows`.
    pub fn truncate(&mut self, rows: usize) {
        match &mut self.values {
            Values::Bool(v) => v.truncate(rows),
            Values::Int(v) | Values::Timestamp(v) => v.truncate(rows),
            Values::Float(v) => v.truncate(rows),
            Values::Text { bytes, ends } => {
                ends.truncate(rows);
                bytes.truncate(ends.last().copied().unwrap_or(0));
            }
        }
        self.valid.truncate(rows);
    }

    /// The Arrow array of what was pushed; the column is empty afterwards.
    pub fn finish(&mut self) -> Result<ArrayRef, arrow_schema::ArrowError> {
        let valid = std::mem::take(&mut self.valid);
        let nulls = valid.contains(&false).then(|| NullBuffer::from(valid));
        Ok(match &mut self.values {
            Values::Bool(v) => Arc::new(BooleanArray::new(
                BooleanBuffer::from(std::mem::take(v)),
                nulls,
            )),
            Values::Int(v) => Arc::new(Int64Array::new(
                ScalarBuffer::from(std::mem::take(v)),
                nulls,
            )),
            Values::Float(v) => Arc::new(Float64Array::new(
                ScalarBuffer::from(std::mem::take(v)),
                nulls,
            )),
            Values::Timestamp(v) => Arc::new(TimestampMicrosecondArray::new(
                ScalarBuffer::from(std::mem::take(v)),
                nulls,
            )),
            Values::Text { bytes, ends } => {
                let mut offsets = Vec::with_capacity(ends.len() + 1);
                offsets.push(0i32);
                for end in std::mem::take(ends) {
                    offsets.push(
                        i32::try_from(end)
                            .map_err(|_| arrow_schema::ArrowError::OffsetOverflowError(end))?,
                    );
                }
                let bytes = Buffer::from_vec(std::mem::take(bytes));
                Arc::new(StringArray::try_new(
                    OffsetBuffer::new(ScalarBuffer::from(offsets)),
                    bytes,
                    nulls,
                )?)
            }
        })
    }
}

pub(crate) fn not_utf8(cell: &[u8]) -> Fault {
    let at = std::str::from_utf8(cell)
        .err()
        .map_or(0, |e| e.valid_up_to());
    let byte = cell.get(at).copied().unwrap_or_default();
    Fault::new(
        RejectKind::NotUtf8,
        format!(
            "byte 0x{byte:02X} in {} is not UTF-8",
            crate::reject::quoted(cell)
        ),
    )
}

fn check_depth(raw: &[u8]) -> Result<(), Fault> {
    if parse::too_deep(raw) {
        let limit = crate::limits::MAX_JSON_DEPTH;
        return Err(Fault::new(
            RejectKind::InvalidJson,
            format!("JSON nested deeper than {limit} levels"),
        ));
    }
    Ok(())
}
