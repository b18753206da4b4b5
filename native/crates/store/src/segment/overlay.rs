//! `column.<c>.<k>.arrow`: all values of one column of a segment, after some of them were edited.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;

use arrow_array::{ArrayRef, RecordBatch, new_null_array};
use arrow_ipc::writer::FileWriter;
use arrow_schema::{ArrowError, Field, Schema};

use super::reader::read_arrow;
use crate::error::{Error, Result};
use crate::manifest::{ColumnFile, FileEntry, SegmentEntry};
use crate::memtable::widen;
use crate::meta::{CollectionMeta, ColumnKind};
use crate::part::Part;
use crate::vfs::Disk;

/// Puts the edited columns of a segment in the place of those that it was sealed with.
pub(super) fn apply(
    disk: &Disk,
    folder: &Path,
    entry: &SegmentEntry,
    meta: &CollectionMeta,
    mut batches: Vec<RecordBatch>,
) -> Result<Vec<RecordBatch>> {
    for overlay in &entry.columns {
        let path = folder.join(&overlay.file.name);
        let corrupt = |reason: &str| Error::corrupt(&path, reason);
        let at = meta.columns.iter().position(|c| c.name == overlay.column);
        let at =
            at.ok_or_else(|| corrupt("it is of a column that the collection does not have"))?;
        let edited = read_arrow(disk, folder, &overlay.file)?;
        if batches.is_empty() {
            batches = empty_batches(&edited)?;
        }
        let fits = edited.len() == batches.len()
            && edited.iter().zip(&batches).all(|(e, b)| {
                let fields = e.schema_ref().fields();
                e.num_rows() == b.num_rows()
                    && fields.len() == 1
                    && *fields[0].name() == overlay.column
                    && ColumnKind::of(&fields[0]) == Some(meta.columns[at].kind)
            });
        if !fits {
            return Err(corrupt("its values are not those of the segment's rows"));
        }
        batches = edited
            .iter()
            .zip(&batches)
            .map(|(e, b)| with_column(b, meta, at, e.column(0).clone()))
            .collect::<Result<_>>()?;
    }
    Ok(batches)
}

/// Batches without columns, for a segment that was sealed before the collection had any.
fn empty_batches(like: &[RecordBatch]) -> Result<Vec<RecordBatch>> {
    let schema = Arc::new(Schema::empty());
    like.iter()
        .map(|b| {
            let options = arrow_array::RecordBatchOptions::new().with_row_count(Some(b.num_rows()));
            RecordBatch::try_new_with_options(schema.clone(), Vec::new(), &options)
                .map_err(|e| Error::internal(format!("columns: {e}")))
        })
        .collect()
}

/// A batch with all columns of the collection, column `at` replaced.
pub(crate) fn with_column(
    batch: &RecordBatch,
    meta: &CollectionMeta,
    at: usize,
    values: ArrayRef,
) -> Result<RecordBatch> {
    let schema = meta.schema();
    let mut columns = widen(batch, &schema)?.columns().to_vec();
    columns[at] = values;
    RecordBatch::try_new(schema, columns).map_err(|e| Error::internal(format!("columns: {e}")))
}

/// Writes the columns `edited` of a segment's part into files of their own, durable on return.
pub(crate) fn write_overlays(
    disk: &Arc<Disk>,
    folder: &Path,
    part: &Part,
    meta: &CollectionMeta,
    edited: &BTreeSet<usize>,
) -> Result<Vec<ColumnFile>> {
    let taken: BTreeSet<String> = disk.list(folder)?.into_iter().map(|e| e.name).collect();
    let mut files = Vec::with_capacity(edited.len());
    for &at in edited {
        let column = &meta.columns[at];
        let name = (0u32..)
            .map(|k| format!("column.{at}.{k}.arrow"))
            .find(|name| !taken.contains(name))
            .ok_or_else(|| Error::internal("no name for a column's file"))?;
        let field = column.kind.field(&column.name);
        let file = write(disk, &folder.join(&name), name, &field, part, at)?;
        files.push(ColumnFile {
            column: column.name.clone(),
            file,
        });
    }
    if !files.is_empty() {
        disk.sync_dir(folder)?;
    }
    Ok(files)
}

fn write(
    disk: &Arc<Disk>,
    path: &Path,
    name: String,
    field: &Field,
    part: &Part,
    at: usize,
) -> Result<FileEntry> {
    let schema = Arc::new(Schema::new(vec![field.clone()]));
    let failed = |e: ArrowError| Error::internal(format!("the column cannot be written: {e}"));
    let out = disk.create(path)?.sealing();
    let mut writer = FileWriter::try_new(out, &schema).map_err(failed)?;
    let mut put = || -> Result<(), ArrowError> {
        for batch in &part.columns {
            let values = match batch.columns().get(at) {
                Some(values) => values.clone(),
                None => new_null_array(field.data_type(), batch.num_rows()),
            };
            writer.write(&RecordBatch::try_new(schema.clone(), vec![values])?)?;
        }
        writer.finish()
    };
    if let Err(e) = put() {
        let typed = writer.get_mut().take_error();
        return Err(typed.unwrap_or_else(|| failed(e)));
    }
    let (bytes, crc32c) = writer.into_inner().map_err(failed)?.seal()?;
    Ok(FileEntry {
        name,
        bytes,
        crc32c,
    })
}
