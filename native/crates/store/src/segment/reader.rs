//! Opening a sealed segment as a [`Part`]: nothing in its files is believed before it is checked.

use std::panic::RefUnwindSafe;
use std::path::Path;
use std::ptr::NonNull;
use std::sync::Arc;

use arrow_array::{Array, RecordBatch};
use arrow_buffer::Buffer;
use arrow_ipc::convert::try_fb_to_schema;
use arrow_ipc::reader::{FileDecoder, read_footer_length};
use arrow_schema::{ArrowError, Schema};

use super::{COLUMNS_FILE, IDS_FILE, ROWS_FILE, guard, ids, overlay, rows, vectors, vectors_file};
use crate::error::{Error, Result};
use crate::manifest::{FileEntry, SegmentEntry, segment_folder};
use crate::memory::Memory;
use crate::meta::{CollectionMeta, ColumnKind, IdKind};
use crate::numbers::Numbers;
use crate::part::{IdIndex, IndexFile, Part};
use crate::vfs::{Disk, Mapping};

/// Files up to this length are checksummed at each open; larger ones by `verify`.
const CHECKED_AT_OPEN: u64 = 4 << 20;
/// Bytes behind the footer of an Arrow file: its length and the magic.
const ARROW_TRAILER: usize = 10;

/// Opens the files that `entry` names. An index that is damaged is left out, because it can be built again; any other damage is an error.
pub(crate) fn open_part(
    disk: &Disk,
    root: &Path,
    entry: &SegmentEntry,
    meta: &CollectionMeta,
) -> Result<Part> {
    let folder = segment_folder(root, entry.id);
    let find = |name: &str| entry.files.iter().find(|f| f.name == name);
    let need = |name: &str| {
        let path = folder.join(name);
        find(name).ok_or_else(|| Error::corrupt(&path, "the manifest does not name it"))
    };

    let mut columns = Vec::with_capacity(meta.vectors.len());
    for (n, spec) in meta.vectors.iter().enumerate() {
        let file = need(&vectors_file(n))?;
        let map = open_file(disk, &folder, file)?;
        let path = folder.join(&file.name);
        let mut column = vectors::open(&path, map, spec, entry.rows)?;
        if disk.memory() == Memory::Compact {
            column.reader = Some(vectors::reader(disk, &path)?);
        }
        column.index = entry
            .indexes
            .iter()
            .find(|i| i.vector == n)
            .and_then(|i| open_file(disk, &folder, &i.file).ok())
            .and_then(|map| IndexFile::open(map).ok())
            .filter(|index| {
                index
                    .view()
                    .is_ok_and(|view| view.len() == entry.rows as usize)
            })
            .map(Arc::new);
        columns.push(column);
    }

    let batches = match find(COLUMNS_FILE) {
        Some(file) => {
            let path = folder.join(&file.name);
            let batches = read_arrow(disk, &folder, file)?;
            check_columns(&batches, meta).map_err(|e| Error::corrupt(&path, e))?;
            batches
        }
        None => Vec::new(),
    };
    let batches = overlay::apply(disk, &folder, entry, meta, batches)?;

    let ids = match meta.id_kind {
        IdKind::RowNumber => IdIndex::RowNumber,
        IdKind::Int | IdKind::Text => {
            let file = need(IDS_FILE)?;
            let path = folder.join(&file.name);
            if batches.is_empty() {
                return Err(Error::corrupt(
                    &path,
                    "there are no columns that hold the ids",
                ));
            }
            ids::open(&path, open_file(disk, &folder, file)?, entry.rows, 0)?
        }
    };
    let numbers = numbers(disk, &folder, entry)?;
    Part::new(numbers, batches, columns, ids).ok_or_else(|| {
        Error::corrupt(
            &folder.join(COLUMNS_FILE),
            "its rows are not those of the segment",
        )
    })
}

/// The row numbers of a segment.
pub(super) fn numbers(disk: &Disk, folder: &Path, entry: &SegmentEntry) -> Result<Numbers> {
    let path = folder.join(ROWS_FILE);
    let file = entry.files.iter().find(|f| f.name == ROWS_FILE);
    match (entry.last_row, file) {
        (None, None) => Numbers::dense(entry.first_row, entry.rows)
            .ok_or_else(|| Error::corrupt(&path, "too many rows")),
        (Some(last), Some(file)) => rows::open(
            &path,
            open_file(disk, folder, file)?,
            entry.rows,
            entry.first_row,
            last,
        ),
        _ => Err(Error::corrupt(
            &path,
            "the manifest does not say which rows these are",
        )),
    }
}

/// Maps a sealed file whose length, and if it is small whose checksum, is what the manifest says.
pub(crate) fn open_file(disk: &Disk, folder: &Path, file: &FileEntry) -> Result<Arc<dyn Mapping>> {
    let path = folder.join(&file.name);
    let map = match disk.map(&path) {
        Err(Error::FileNotFound { path }) => return Err(Error::corrupt(&path, "it is missing")),
        other => other?,
    };
    let len = map.bytes().len() as u64;
    if len != file.bytes {
        return Err(Error::corrupt(
            &path,
            format!("it has {len} bytes instead of {}", file.bytes),
        ));
    }
    if len <= CHECKED_AT_OPEN && crc32c::crc32c(map.bytes()) != file.crc32c {
        return Err(Error::corrupt(&path, "the checksum does not match"));
    }
    Ok(map)
}

/// Keeps a mapping alive for Arrow buffers that point into it.
struct Owner(#[expect(dead_code, reason = "held for its lifetime only")] Arc<dyn Mapping>);

/// A mapping is read-only, so a panic elsewhere cannot leave it half changed.
impl RefUnwindSafe for Owner {}

fn buffer_of(map: Arc<dyn Mapping>) -> Buffer {
    let bytes = map.bytes();
    let Some(start) = NonNull::new(bytes.as_ptr().cast_mut()) else {
        return Buffer::default();
    };
    let len = bytes.len();
    // SAFETY: a `Mapping` keeps its bytes in place and unchanged as long as it lives (its safety contract), and
    // `Owner` keeps it alive as long as the buffer or any slice of it. Nothing writes through the pointer: buffers are immutable,
    // and Arrow does not turn a custom allocation back into a mutable one.
    unsafe { Buffer::from_custom_allocation(start, len, Arc::new(Owner(map))) }
}

/// The batches of a sealed Arrow file that the manifest names.
pub(super) fn read_arrow(disk: &Disk, folder: &Path, file: &FileEntry) -> Result<Vec<RecordBatch>> {
    let map = open_file(disk, folder, file)?;
    guard(|| read_columns(map)).map_err(|e| Error::corrupt(&folder.join(&file.name), e))
}

/// The batches of an Arrow IPC file, their buffers pointing into the mapping. Arrow validates what it decodes.
pub(super) fn read_columns(map: Arc<dyn Mapping>) -> Result<Vec<RecordBatch>, ArrowError> {
    let bad = |what: &str| ArrowError::IpcError(what.to_owned());
    let bytes = map.bytes();
    let trailer: [u8; ARROW_TRAILER] = *bytes.last_chunk().ok_or_else(|| bad("too short"))?;
    let end = bytes.len() - ARROW_TRAILER;
    let start = end
        .checked_sub(read_footer_length(trailer)?)
        .ok_or_else(|| bad("the footer is too long"))?;
    let footer = arrow_ipc::root_as_footer(&bytes[start..end]).map_err(|e| bad(&e.to_string()))?;
    let schema = try_fb_to_schema(footer.schema().ok_or_else(|| bad("no schema"))?)?;
    if footer.dictionaries().is_some_and(|d| !d.is_empty()) {
        return Err(bad("dictionaries, which are never written"));
    }
    let decoder = FileDecoder::new(Arc::new(schema), footer.version());
    let buffer = buffer_of(map.clone());
    let mut batches = Vec::new();
    for block in footer.recordBatches().iter().flatten() {
        let size = |n: i64| usize::try_from(n).map_err(|_| bad("a negative length"));
        let offset = size(block.offset())?;
        let len = size(block.bodyLength())?
            .checked_add(size(i64::from(block.metaDataLength()))?)
            .filter(|len| offset.checked_add(*len).is_some_and(|end| end <= start))
            .ok_or_else(|| bad("a batch lies outside the file"))?;
        let data = buffer.slice_with_length(offset, len);
        let batch = decoder
            .read_record_batch(block, &data)?
            .ok_or_else(|| bad("an empty message"))?;
        batches.push(batch);
    }
    Ok(batches)
}

/// Whether the columns are the collection's first ones, in its order and types, and no id is null.
pub(super) fn check_columns(batches: &[RecordBatch], meta: &CollectionMeta) -> Result<(), String> {
    for batch in batches {
        let schema: &Schema = batch.schema_ref();
        let fits = schema.fields().len() <= meta.columns.len()
            && schema
                .fields()
                .iter()
                .zip(&meta.columns)
                .all(|(f, c)| *f.name() == c.name && ColumnKind::of(f) == Some(c.kind));
        if !fits {
            return Err("its columns are not those of the collection".to_owned());
        }
        let has_ids = meta.id_kind != IdKind::RowNumber;
        if has_ids
            && batch
                .columns()
                .first()
                .is_none_or(|ids| ids.null_count() > 0)
        {
            return Err("a row has no id".to_owned());
        }
    }
    Ok(())
}
