//! Bulk imports: rows go straight into a segment, which one new generation makes visible as a whole.

use std::sync::Arc;

use arrow_array::RecordBatch;
use arrow_schema::{Field, SchemaRef};
use roaring::RoaringBitmap;
use serde::Serialize;

use crate::error::{Error, Result};
use crate::history::{Change, ChangeKind, Entry, Inverse, MAX_NOTE_BYTES, now};
use crate::ingest::{count_rows, count_rows_of, fit_columns, ids_of, split_vectors};
use crate::meta::{CollectionMeta, CollectionSpec, IdKind};
use crate::part::Part;
use crate::recovery::new_collection;
use crate::segment::{SegmentWriter, open_part};
use crate::state::{Shared, Written};
use crate::store::{add_collection, new_entry};

/// Where an import goes.
#[derive(Debug, Clone)]
pub enum ImportTarget {
    /// A new collection, which is there once the import is committed.
    New(CollectionSpec),
    /// A collection there is; rows with an id that it has replace the old ones.
    Existing(String),
}

/// What a committed import did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Committed {
    /// Rows that were appended.
    pub rows: u64,
    /// Rows that a later row with the same id replaced: older ones of the collection, or earlier ones of the import.
    pub replaced: u64,
    /// The generation that made the import visible.
    pub generation: u64,
}

/// An import in the making. Nothing of it is visible before [`BulkWriter::commit`]; dropped, it leaves nothing behind.
pub struct BulkWriter {
    shared: Arc<Shared>,
    /// The collection, or `None` for a new one.
    collection: Option<u32>,
    meta: Arc<CollectionMeta>,
    schema: SchemaRef,
    /// Columns that it brings.
    fields: Vec<Field>,
    note: Option<String>,
    segment: u64,
    writer: Option<SegmentWriter>,
    failed: bool,
}

impl std::fmt::Debug for BulkWriter {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "BulkWriter({:?}, {} rows)", self.meta.name, self.rows())
    }
}

impl BulkWriter {
    pub(crate) fn begin(
        shared: &Arc<Shared>,
        target: ImportTarget,
        fields: &[Field],
        note: Option<&str>,
    ) -> Result<BulkWriter> {
        let mut state = shared.write()?;
        let (collection, meta) = match target {
            ImportTarget::New(spec) => {
                let meta = CollectionMeta::from_spec(spec)?.with_columns(fields)?;
                let meta = Arc::new(meta);
                new_entry(&state, meta.clone())?;
                (None, meta)
            }
            ImportTarget::Existing(name) => {
                let found = state.collections.iter().find(|(_, w)| w.meta.name == name);
                let (id, written) = found.ok_or(Error::UnknownCollection { name })?;
                (Some(*id), Arc::new(written.meta.with_columns(fields)?))
            }
        };
        let segment = shared.begin_import_segment(&mut state);
        drop(state);
        let schema = meta.schema();
        let mut bulk = BulkWriter {
            shared: shared.clone(),
            collection,
            meta,
            schema,
            fields: fields.to_vec(),
            note: note.map(|text| text.chars().take(MAX_NOTE_BYTES / 4).collect()),
            segment,
            writer: None,
            failed: false,
        };
        // From here on a failure drops `bulk`, which removes what was made.
        let mut writer = SegmentWriter::create(&shared.disk, &shared.root, segment, &bulk.meta)?;
        if let Some(collection) = collection {
            writer.place(collection, None);
        }
        bulk.writer = Some(writer);
        Ok(bulk)
    }

    /// Rows appended so far.
    pub fn rows(&self) -> u64 {
        self.writer.as_ref().map_or(0, |w| u64::from(w.rows()))
    }

    /// What the import's collection is, or will be.
    pub fn meta(&self) -> &CollectionMeta {
        &self.meta
    }

    /// Appends rows: as for [`crate::Collection::add`]. A batch that is refused for its content changes nothing.
    ///
    /// # Errors
    /// `UNKNOWN_COLUMN`, `INVALID_REQUEST`, `DIMENSION_MISMATCH`, `INVALID_VECTOR`, `LIMIT_EXCEEDED`, `STORE_CLOSED`, `DISK_FULL`, `IO`.
    pub fn append(&mut self, columns: &RecordBatch, vectors: &[f32]) -> Result<()> {
        self.shared.check()?;
        let rows = count_rows(&self.meta, columns, vectors)?;
        let meta = self.meta.clone();
        self.put(rows, columns, &split_vectors(&meta, rows, vectors)?)
    }

    /// The same with the values of each vector column apart, in the collection's order.
    ///
    /// # Errors
    /// As [`BulkWriter::append`].
    pub fn append_each(&mut self, columns: &RecordBatch, vectors: &[&[f32]]) -> Result<()> {
        self.shared.check()?;
        let rows = count_rows_of(&self.meta, columns, vectors)?;
        self.put(rows, columns, vectors)
    }

    fn put(&mut self, rows: u32, columns: &RecordBatch, vectors: &[&[f32]]) -> Result<()> {
        if self.failed {
            return Err(Error::invalid("the import failed before; begin it again"));
        }
        let columns = fit_columns(&self.meta, &self.schema, columns, rows as usize)?;
        let writer = self
            .writer
            .as_mut()
            .ok_or_else(|| Error::internal("the import has no segment"))?;
        writer
            .append(rows, columns.as_ref(), vectors)
            .inspect_err(|_| self.failed = true)
    }

    /// Makes the import durable and visible, as a whole. On an error nothing of it is.
    ///
    /// # Errors
    /// `COLLECTION_EXISTS` (made meanwhile), `UNKNOWN_COLLECTION` (dropped meanwhile), `LIMIT_EXCEEDED` (row numbers), and those of any write.
    pub fn commit(mut self) -> Result<Committed> {
        self.shared.check()?;
        if self.failed {
            return Err(Error::invalid("the import failed before; begin it again"));
        }
        let writer = self
            .writer
            .take()
            .ok_or_else(|| Error::internal("the import has no segment"))?;
        if writer.rows() == 0 {
            drop(writer);
            return self.commit_empty();
        }
        let sealed = writer.finish()?;
        let shared = self.shared.clone();
        let (commit, mut state) = shared.publishing()?;

        let new = match self.collection {
            None => Some(new_entry(&state, self.meta.clone())?),
            Some(_) => None,
        };
        let id = self
            .collection
            .or(new.as_ref().map(|e| e.id))
            .unwrap_or_default();
        let gone = || Error::UnknownCollection {
            name: self.meta.name.clone(),
        };
        let (first_row, meta) = match (&new, state.collections.get(&id)) {
            (Some(_), _) => (0, self.meta.clone()),
            (None, Some(written)) => (written.next_row, self.meta_now(&written.meta)?),
            (None, None) => return Err(gone()),
        };
        let mut entry = sealed.entry;
        entry.first_row = first_row;
        let end = first_row
            .checked_add(entry.rows)
            .ok_or_else(|| Error::LimitExceeded {
                what: "row numbers of a collection".to_owned(),
                limit: u64::from(u32::MAX),
                actual: u64::from(first_row) + u64::from(entry.rows),
            })?;
        let part = open_part(&shared.disk, &shared.root, &entry, &meta)?;
        let mut dead: RoaringBitmap = sealed.replaced.iter().map(|p| first_row + p).collect();
        if let Some(written) = state.collections.get(&id) {
            dead |= replaced_by(&part, written)?;
        }
        let mut deleted = state
            .collections
            .get(&id)
            .map(|w| w.deleted.clone())
            .unwrap_or_default();
        if !dead.is_empty() {
            *Arc::make_mut(&mut deleted) |= &dead;
        }

        // What others wrote is shown without this import, which nothing holds before the manifest.
        shared.sync(&commit, &mut state)?;
        let seq = state.ledger.next_seq;
        let mut note = Entry::new(seq, now(), ChangeKind::Import, id, &meta.name, first_row);
        note.was_there = new.is_none();
        note.added = u64::from(entry.rows);
        note.removed = dead.range_cardinality(..first_row);
        note.end_row = end;
        note.note = self.note.take();
        state.ledger.push(Change {
            entry: note,
            inverse: Inverse {
                died: dead.iter().take_while(|row| *row < first_row).collect(),
                ..Inverse::default()
            },
        });
        let added = new.clone();
        let sealed = shared.seal(&commit, &mut state, |manifest| {
            if let Some(added) = added {
                manifest.add(added)?;
            }
            let collection = manifest.collection_mut(id)?;
            collection.meta = meta.clone();
            collection.segments.push(entry);
            collection.next_row = end;
            collection.deleted = deleted.clone();
            Ok(())
        });
        if let Err(e) = sealed {
            state.ledger.cancel(seq);
            return Err(e);
        }
        // The generation that names the segment is durable: its files are no longer the import's to remove.
        state.imports.retain(|&i| i != self.segment);
        let rows = u64::from(part.rows);
        let adopt = |written: &mut Written| {
            written.sealed.push(Arc::new(part));
            written.next_row = end;
            written.deleted = deleted;
            if written.meta.columns.len() < meta.columns.len() {
                written.schema = meta.schema();
                written.core.meta.store(meta.clone());
                written.meta = meta;
            }
            written.dirty = true;
        };
        match new {
            Some(entry) => {
                let mut written = new_collection(&entry, Vec::new(), state.manifest.generation);
                adopt(&mut written);
                add_collection(&shared, &mut state, written);
            }
            None => adopt(state.collections.get_mut(&id).ok_or_else(gone)?),
        }
        let snapshots = shared.unseen(&mut state);
        shared.show(snapshots);
        shared.indexer.wake();
        Ok(Committed {
            rows,
            replaced: dead.len(),
            generation: state.manifest.generation,
        })
    }

    /// The collection's columns with those that the import brings.
    fn meta_now(&self, now: &CollectionMeta) -> Result<Arc<CollectionMeta>> {
        let meta = Arc::new(now.with_columns(&self.fields)?);
        if meta.columns.starts_with(&self.meta.columns) {
            return Ok(meta);
        }
        // The segment was written with the columns in another order.
        Err(Error::invalid(
            "other columns were added to the collection meanwhile; begin the import again",
        ))
    }

    /// An import without rows: makes the new collection, if it was to be one.
    fn commit_empty(self) -> Result<Committed> {
        let shared = self.shared.clone();
        let (commit, mut state) = shared.publishing()?;
        shared.sync(&commit, &mut state)?;
        if self.collection.is_none() {
            let entry = new_entry(&state, self.meta.clone())?;
            shared.publish_new(&commit, &mut state, &entry)?;
            let written = new_collection(&entry, Vec::new(), state.manifest.generation);
            add_collection(&shared, &mut state, written);
        }
        Ok(Committed {
            rows: 0,
            replaced: 0,
            generation: state.manifest.generation,
        })
    }
}

/// Live rows of a collection whose id is in `part`.
fn replaced_by(part: &Part, written: &Written) -> Result<RoaringBitmap> {
    let mut dead = RoaringBitmap::new();
    if written.meta.id_kind == IdKind::RowNumber || written.parts().next().is_none() {
        return Ok(dead);
    }
    for batch in &part.columns {
        let ids = batch
            .columns()
            .first()
            .ok_or_else(|| Error::internal("no id column"))?;
        dead.extend(ids_of(ids)?.iter().filter_map(|id| written.find(id)));
    }
    Ok(dead)
}

impl Drop for BulkWriter {
    fn drop(&mut self) {
        // Close the files first: some systems do not remove open ones.
        self.writer.take();
        self.shared.end_import(self.segment);
    }
}
