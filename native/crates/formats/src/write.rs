//! Tables to files. A file is written under a temporary name beside its own, synced, and renamed: the old one stays whole until then.

use std::fs::{self, File, OpenOptions};
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use arrow_array::RecordBatch;
use arrow_array::cast::AsArray;
use arrow_array::types::{Float32Type, Float64Type};
use arrow_array::{Array, ArrayRef};
use arrow_schema::{DataType, SchemaRef};
use parquet::arrow::ArrowWriter;
use parquet::basic::{Compression, ZstdLevel};
use parquet::file::properties::WriterProperties;
use serde_json::Value;

use crate::arrow_cells::{list_item, natural, values};
use crate::plan::ColumnType;
use crate::{Error, Result};

/// A file under a temporary name; removed again unless [`Draft::finish`] is reached.
struct Draft {
    target: PathBuf,
    temporary: PathBuf,
    done: bool,
}

static COUNTER: AtomicU64 = AtomicU64::new(0);

impl Draft {
    fn create(target: &Path) -> Result<(Self, File)> {
        let name = target.file_name().ok_or_else(|| {
            Error::unsupported(
                target,
                "this is a folder, not a file name",
                "Name a file to write.",
            )
        })?;
        if fs::metadata(target).is_ok_and(|m| !m.is_file()) {
            return Err(Error::unsupported(
                target,
                "something that is not a regular file is in the way",
                "Choose another name.",
            ));
        }
        let mut hidden = std::ffi::OsString::from(".");
        hidden.push(name);
        hidden.push(format!(
            ".{}-{}.tmp",
            std::process::id(),
            COUNTER.fetch_add(1, Ordering::Relaxed)
        ));
        let temporary = target.with_file_name(hidden);
        let file = OpenOptions::new()
            .write(true)
            .create_new(true)
            .open(&temporary)
            .map_err(|e| Error::io(target, e))?;
        Ok((
            Self {
                target: target.into(),
                temporary,
                done: false,
            },
            file,
        ))
    }

    fn finish(mut self, file: File) -> Result<()> {
        file.sync_all().map_err(|e| Error::io(&self.target, e))?;
        drop(file);
        fs::rename(&self.temporary, &self.target).map_err(|e| Error::io(&self.target, e))?;
        self.done = true;
        Ok(())
    }
}

impl Drop for Draft {
    fn drop(&mut self) {
        if !self.done {
            // Nothing more can be done about a left-over than trying.
            let _ = fs::remove_file(&self.temporary);
        }
    }
}

fn foreign(path: &Path, error: impl std::fmt::Display) -> Error {
    Error::Io {
        path: path.into(),
        source: std::io::Error::other(error.to_string()),
    }
}

/// Writes batches as Parquet (Zstandard), all of the given schema. Returns the number of rows.
///
/// # Errors
/// The first error of `batches` ends the write and is returned; `PERMISSION_DENIED`, `UNSUPPORTED_FORMAT` (the path is no file), `IO`.
/// After any error the target is as it was before.
pub fn parquet<E: From<Error>>(
    path: impl AsRef<Path>,
    schema: SchemaRef,
    batches: impl IntoIterator<Item = Result<RecordBatch, E>>,
) -> Result<u64, E> {
    let path = path.as_ref();
    let (draft, file) = Draft::create(path)?;
    let properties = WriterProperties::builder()
        .set_compression(Compression::ZSTD(ZstdLevel::default()))
        .build();
    let mut writer =
        ArrowWriter::try_new(file, schema, Some(properties)).map_err(|e| foreign(path, e))?;
    let mut rows = 0;
    for batch in batches {
        let batch = batch?;
        writer.write(&batch).map_err(|e| foreign(path, e))?;
        rows += batch.num_rows() as u64;
    }
    let file = writer.into_inner().map_err(|e| foreign(path, e))?;
    draft.finish(file)?;
    Ok(rows)
}

/// Writes batches as CSV (UTF-8, comma, `\n`) with a header, all of the given schema. Returns the number of rows.
///
/// Null is an empty cell, a list is a JSON array, a float has the fewest digits that read back as the same value,
/// a timestamp is ISO 8601.
///
/// # Errors
/// As [`parquet`](fn@parquet).
pub fn csv<E: From<Error>>(
    path: impl AsRef<Path>,
    schema: SchemaRef,
    batches: impl IntoIterator<Item = Result<RecordBatch, E>>,
) -> Result<u64, E> {
    let path = path.as_ref();
    let (draft, file) = Draft::create(path)?;
    let mut writer = csv::Writer::from_writer(BufWriter::with_capacity(1 << 18, file));
    writer
        .write_record(schema.fields().iter().map(|f| f.name()))
        .map_err(|e| foreign(path, e))?;
    let mut rows = 0;
    let mut text = String::new();
    for batch in batches {
        let batch = batch?;
        let columns: Vec<Cells> = batch
            .columns()
            .iter()
            .map(Cells::new)
            .collect::<Result<_, _>>()
            .map_err(|e| foreign(path, e))?;
        for row in 0..batch.num_rows() {
            for column in &columns {
                text.clear();
                column.write(row, &mut text);
                writer.write_field(&text).map_err(|e| foreign(path, e))?;
            }
            writer
                .write_record(None::<&[u8]>)
                .map_err(|e| foreign(path, e))?;
        }
        rows += batch.num_rows() as u64;
    }
    let mut buffer = writer.into_inner().map_err(|e| foreign(path, e.error()))?;
    buffer.flush().map_err(|e| Error::io(path, e))?;
    let file = buffer.into_inner().map_err(|e| foreign(path, e.error()))?;
    draft.finish(file)?;
    Ok(rows)
}

/// A column that can write its cells as text.
enum Cells {
    F32(ArrayRef),
    F64(ArrayRef),
    /// Lists of 32-bit floats: the common case of vectors, written without going through JSON values.
    Vectors(ArrayRef, ArrayRef),
    Values(Vec<Value>),
    Text(ArrayRef),
}

impl Cells {
    fn new(array: &ArrayRef) -> Result<Self, arrow_schema::ArrowError> {
        Ok(match array.data_type() {
            DataType::Float32 => Self::F32(array.clone()),
            DataType::Float64 => Self::F64(array.clone()),
            DataType::FixedSizeList(..)
                if list_item(array.data_type()) == Some(&DataType::Float32) =>
            {
                Self::Vectors(array.clone(), array.as_fixed_size_list().values().clone())
            }
            DataType::Utf8 => Self::Text(array.clone()),
            ty if natural(ty) == ColumnType::Timestamp => {
                Self::Text(arrow_cast::cast(array, &DataType::Utf8)?)
            }
            _ => Self::Values(values(array)?),
        })
    }

    fn write(&self, row: usize, out: &mut String) {
        use std::fmt::Write;
        // Writing to a string cannot fail. `{:?}` is the shortest text that reads back as the same float.
        match self {
            Self::F32(a) if a.is_valid(row) => drop(write!(
                out,
                "{:?}",
                a.as_primitive::<Float32Type>().value(row)
            )),
            Self::F64(a) if a.is_valid(row) => drop(write!(
                out,
                "{:?}",
                a.as_primitive::<Float64Type>().value(row)
            )),
            Self::Text(a) if a.is_valid(row) => out.push_str(a.as_string::<i32>().value(row)),
            Self::Vectors(a, child) if a.is_valid(row) => {
                let list = a.as_fixed_size_list();
                let (size, floats) = (
                    list.value_length().unsigned_abs() as usize,
                    child.as_primitive::<Float32Type>(),
                );
                out.push('[');
                for (index, value) in floats
                    .values()
                    .iter()
                    .skip(row * size)
                    .take(size)
                    .enumerate()
                {
                    let separator = if index == 0 { "" } else { "," };
                    let _ = write!(out, "{separator}{value:?}");
                }
                out.push(']');
            }
            Self::Values(cells) => match cells.get(row) {
                None | Some(Value::Null) => {}
                Some(Value::String(text)) => out.push_str(text),
                Some(other) => drop(write!(out, "{other}")),
            },
            _ => {}
        }
    }
}
