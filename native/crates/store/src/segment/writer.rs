//! Writing a segment front to back, in bounded memory but for the ids.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow_array::RecordBatch;
use arrow_ipc::writer::FileWriter;
use arrow_schema::{ArrowError, SchemaRef};
use arrow_select::concat::concat_batches;

use super::ids::{self, IdCollector};
use super::seal::{BatchAt, Seal, SealedFile};
use super::vectors::VectorWriter;
use super::{COLUMNS_FILE, IDS_FILE, ROWS_FILE, rows, vectors_file};
use crate::compact::contiguous;
use crate::error::{Error, Result};
use crate::manifest::{FileEntry, SegmentEntry, segment_folder};
use crate::meta::CollectionMeta;
use crate::vfs::{Checksums, Disk, SealingWriter};

/// Rows that are gathered into one Arrow batch.
const BATCH_ROWS: usize = 8192;

/// A segment in the making. Dropped without [`SegmentWriter::finish`], its files stay until [`SegmentWriter::remove`].
pub(crate) struct SegmentWriter {
    disk: Arc<Disk>,
    root: PathBuf,
    id: u64,
    schema: SchemaRef,
    columns: Option<FileWriter<SealingWriter>>,
    vectors: Vec<VectorWriter>,
    ids: IdCollector,
    pending: Vec<RecordBatch>,
    pending_rows: usize,
    rows: u32,
    meta: CollectionMeta,
    batches: Vec<BatchAt>,
    collection: Option<u32>,
    first_row: Option<u32>,
}

/// A finished segment: all its files are durable, its folder too; its row numbers are still to be given.
pub(crate) struct Sealed {
    pub entry: SegmentEntry,
    /// Positions of rows whose id stands again further on: they are dead.
    pub replaced: Vec<u32>,
}

impl SegmentWriter {
    pub fn create(
        disk: &Arc<Disk>,
        root: &Path,
        id: u64,
        meta: &CollectionMeta,
    ) -> Result<SegmentWriter> {
        let folder = segment_folder(root, id);
        // What lies there is a leftover that could not be removed at the opening: no generation has named this id yet.
        disk.remove_tree(&folder);
        disk.create_dir(&folder)?;
        let schema = meta.schema();
        let columns = if schema.fields().is_empty() {
            None
        } else {
            let out = disk.create(&folder.join(COLUMNS_FILE))?.sealing();
            Some(FileWriter::try_new(out, &schema).map_err(arrow_error)?)
        };
        let vectors = meta
            .vectors
            .iter()
            .enumerate()
            .map(|(n, spec)| VectorWriter::new(disk.create(&folder.join(vectors_file(n)))?, spec))
            .collect::<Result<_>>()?;
        Ok(SegmentWriter {
            disk: disk.clone(),
            root: root.to_path_buf(),
            id,
            schema,
            columns,
            vectors,
            ids: IdCollector::new(meta.id_kind),
            pending: Vec::new(),
            pending_rows: 0,
            rows: 0,
            meta: meta.clone(),
            batches: Vec::new(),
            collection: None,
            first_row: None,
        })
    }

    /// Lets the seal tell what is known of the segment's place.
    pub fn place(&mut self, collection: u32, first_row: Option<u32>) {
        self.collection = Some(collection);
        self.first_row = first_row;
    }

    /// Rows so far.
    pub fn rows(&self) -> u32 {
        self.rows
    }

    /// Appends rows: columns of exactly the segment's schema (`None` when it has no column), and for each vector column
    /// its values, row-major.
    pub fn append(
        &mut self,
        rows: u32,
        columns: Option<&RecordBatch>,
        vectors: &[&[f32]],
    ) -> Result<()> {
        let total = self
            .rows
            .checked_add(rows)
            .filter(|&n| n < u32::MAX)
            .ok_or(Error::LimitExceeded {
                what: "rows in a segment".to_owned(),
                limit: u64::from(u32::MAX - 1),
                actual: u64::from(self.rows) + u64::from(rows),
            })?;
        for (writer, values) in self.vectors.iter_mut().zip(vectors) {
            writer.append(values)?;
        }
        if let Some(batch) = columns {
            if let Some(ids) = batch.columns().first() {
                self.ids.append(ids)?;
            }
            self.pending_rows += batch.num_rows();
            self.pending.push(batch.clone());
            if self.pending_rows >= BATCH_ROWS {
                self.write_columns()?;
            }
        }
        self.rows = total;
        Ok(())
    }

    /// Writes the gathered batches as one.
    fn write_columns(&mut self) -> Result<()> {
        let batches = std::mem::take(&mut self.pending);
        self.pending_rows = 0;
        let (Some(writer), false) = (&mut self.columns, batches.is_empty()) else {
            return Ok(());
        };
        let batch = match <[RecordBatch; 1]>::try_from(batches) {
            Ok([batch]) => batch,
            Err(batches) => concat_batches(&self.schema, &batches).map_err(arrow_error)?,
        };
        let mut at = 0;
        while at < batch.num_rows() {
            let n = (batch.num_rows() - at).min(2 * BATCH_ROWS);
            let start = writer.get_ref().len();
            if let Err(e) = writer.write(&batch.slice(at, n)) {
                return Err(writer
                    .get_mut()
                    .take_error()
                    .unwrap_or_else(|| arrow_error(e)));
            }
            self.batches.push(BatchAt {
                start,
                end: writer.get_ref().len(),
                rows: n as u32,
            });
            at += n;
        }
        Ok(())
    }

    /// As [`SegmentWriter::finish`], for rows that have their numbers: one for each, ascending.
    pub fn finish_numbered(mut self, numbers: &[u32]) -> Result<SegmentEntry> {
        let (Some(&first), Some(&last)) = (numbers.first(), numbers.last()) else {
            return Err(Error::internal("a segment without rows"));
        };
        self.first_row = Some(first);
        let listed = (!contiguous(numbers)).then_some(numbers);
        let mut entry = self.complete(listed)?.entry;
        entry.first_row = first;
        entry.last_row = listed.map(|_| last);
        Ok(entry)
    }

    /// Completes and syncs all files; the row numbers are given later, and contiguous. On an error the files are still there: see [`SegmentWriter::remove`].
    pub fn finish(self) -> Result<Sealed> {
        self.complete(None)
    }

    fn complete(mut self, numbers: Option<&[u32]>) -> Result<Sealed> {
        self.write_columns()?;
        let mut files = Vec::new();
        let mut add = |name: String, sums: Checksums| files.push(SealedFile::new(name, sums));
        for (n, writer) in self.vectors.into_iter().enumerate() {
            add(vectors_file(n), writer.finish()?);
        }
        if let Some(mut writer) = self.columns {
            if let Err(e) = writer.finish() {
                return Err(writer
                    .get_mut()
                    .take_error()
                    .unwrap_or_else(|| arrow_error(e)));
            }
            let out = writer.into_inner().map_err(arrow_error)?;
            add(COLUMNS_FILE.to_owned(), out.seal_blocks()?);
        }
        let folder = segment_folder(&self.root, self.id);
        let mut replaced = Vec::new();
        if let Some((order, dead)) = self.ids.sort() {
            add(
                IDS_FILE.to_owned(),
                ids::write(self.disk.create(&folder.join(IDS_FILE))?, &order)?,
            );
            replaced = dead;
        }
        if let Some(numbers) = numbers {
            let out = self.disk.create(&folder.join(ROWS_FILE))?;
            add(ROWS_FILE.to_owned(), rows::write(out, numbers)?);
        }
        let seal = Seal {
            collection: self.collection,
            meta: self.meta,
            first_row: self.first_row,
            last_row: numbers.and_then(|n| n.last().copied()),
            rows: self.rows,
            files,
            batches: self.batches,
        };
        let written = seal.write(&self.disk, &folder)?;
        let mut files: Vec<FileEntry> = seal.files.into_iter().map(|f| f.file).collect();
        files.push(written);
        self.disk.sync_dir(&folder)?;
        self.disk.sync_dir(&self.root.join("segments"))?;
        let entry = SegmentEntry {
            id: self.id,
            first_row: 0,
            rows: self.rows,
            files,
            indexes: Vec::new(),
            last_row: None,
            columns: Vec::new(),
        };
        Ok(Sealed { entry, replaced })
    }

    /// Removes the files of a segment that no manifest names.
    pub fn remove(disk: &Disk, root: &Path, id: u64) {
        disk.remove_tree(&segment_folder(root, id));
    }
}

fn arrow_error(e: ArrowError) -> Error {
    Error::internal(format!("the columns cannot be written: {e}"))
}
