//! The handle of a collection: what it is, and the writes that go through the log.

use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use arrow_array::RecordBatch;
use arrow_schema::Field;
use roaring::RoaringBitmap;
use serde::Serialize;

use crate::error::{Error, Result};
use crate::history::{Change, Entry, now};
use crate::indexer::MIN_ROWS;
use crate::ingest::{Batch, count_rows, fit_columns, split_vectors};
use crate::json_rows::from_json;
use crate::maps::MapMeta;
use crate::meta::{CollectionMeta, ColumnMeta, Id};
use crate::part::Slab;
use crate::snapshot::Snapshot;
use crate::state::{Core, Shared, Written};
use crate::wal::{Delete, Kind, MAX_PAYLOAD, Stamp, Upsert};

/// A collection of an open store.
pub struct Collection {
    pub(crate) shared: Arc<Shared>,
    pub(crate) core: Arc<Core>,
}

impl std::fmt::Debug for Collection {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Collection({:?})", self.core.meta.load().name)
    }
}

/// What a collection is.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct CollectionInfo {
    /// Its name.
    pub name: String,
    /// Live rows.
    pub rows: u64,
    /// Deleted and replaced rows that still take space.
    pub deleted: u64,
    /// Where its ids come from.
    pub id_column: IdColumnInfo,
    /// All columns, the id column included.
    pub columns: Vec<ColumnMeta>,
    /// Its vector columns.
    pub vectors: Vec<VectorInfo>,
    /// Its saved maps.
    pub maps: Vec<MapMeta>,
    /// The change that undo would take back.
    pub undo: Option<Arc<Entry>>,
    /// The undo that redo would take back.
    pub redo: Option<Arc<Entry>>,
}

/// Where ids come from.
#[derive(Debug, Clone, Serialize)]
pub struct IdColumnInfo {
    /// The id column; `null` when ids are row numbers.
    pub name: Option<String>,
    /// `"int"`, `"text"` or `"rowNumber"`.
    #[serde(rename = "type")]
    pub kind: &'static str,
}

/// One vector column.
#[derive(Debug, Clone, Serialize)]
pub struct VectorInfo {
    /// Its name.
    pub name: String,
    /// Values in a vector.
    pub dimension: usize,
    /// `"l2"`, `"cosine"` or `"dot"`.
    pub metric: &'static str,
    /// Its index.
    pub index: IndexInfo,
}

/// How far the index of a vector column is.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct IndexInfo {
    /// Its state.
    pub state: IndexState,
    /// Rows that an index covers, deleted ones included.
    pub indexed_rows: u64,
    /// Rows that an index covers or is about to, as a share of all that should be covered; 1 when nothing is to be built.
    pub progress: f64,
    /// Why a build failed; the rows are scanned, and it is tried again after the next open.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub failure: Option<String>,
}

/// The state of an index.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum IndexState {
    /// There is none, and none is being built (too few rows, or no background builder).
    None,
    /// Some sealed rows wait for theirs.
    Building,
    /// All sealed rows that should have one have one.
    Ready,
}

impl Collection {
    pub(crate) fn new(shared: Arc<Shared>, core: Arc<Core>) -> Collection {
        Collection { shared, core }
    }

    /// What the collection is now. Takes no lock of the writers.
    pub fn info(&self) -> CollectionInfo {
        let snapshot = self.core.snapshot.load_full();
        let meta = self.core.meta.load_full();
        let all: u64 = snapshot.parts().iter().map(|p| u64::from(p.rows)).sum();
        let (undo, redo) = {
            let history = self.shared.history.read();
            (history.undo(self.core.id), history.redo(self.core.id))
        };
        CollectionInfo {
            undo,
            redo,
            name: meta.name.clone(),
            rows: snapshot.len(),
            deleted: all - snapshot.len(),
            id_column: IdColumnInfo {
                name: meta.id_column.clone(),
                kind: meta.id_kind.as_str(),
            },
            columns: meta.columns.clone(),
            vectors: meta
                .vectors
                .iter()
                .enumerate()
                .map(|(n, v)| VectorInfo {
                    name: v.name.clone(),
                    dimension: v.dimension,
                    metric: v.metric.as_str(),
                    index: self.index_info(&snapshot, n),
                })
                .collect(),
            maps: self
                .core
                .maps
                .load()
                .iter()
                .map(|m| m.meta.clone())
                .collect(),
        }
    }

    fn index_info(&self, snapshot: &Snapshot, column: usize) -> IndexInfo {
        let (mut wanted, mut indexed) = (0u64, 0u64);
        for part in snapshot.parts() {
            let Some(vectors) = part.vectors.get(column) else {
                continue;
            };
            let sealed = matches!(vectors.data, Slab::Mapped(_));
            if sealed && (part.rows >= MIN_ROWS || vectors.index.is_some()) {
                wanted += u64::from(part.rows);
                indexed += if vectors.index.is_some() {
                    u64::from(part.rows)
                } else {
                    0
                };
            }
        }
        let indexer = &self.shared.indexer;
        let failure = if indexed < wanted {
            indexer.failure(self.core.id, column)
        } else {
            None
        };
        let running = indexer
            .progress()
            .filter(|(key, ..)| key.collection == self.core.id && key.vector == column);
        let state = match (wanted, indexed) {
            (0, _) => IndexState::None,
            _ if indexed == wanted => IndexState::Ready,
            _ if failure.is_some() || !indexer.is_on() => IndexState::None,
            _ => IndexState::Building,
        };
        let done = indexed + running.map_or(0, |(_, done, _)| done as u64);
        let progress = if wanted == 0 {
            1.0
        } else {
            (done as f64 / wanted as f64).min(1.0)
        };
        IndexInfo {
            state,
            indexed_rows: indexed,
            progress,
            failure,
        }
    }

    /// The collection as it is now; stays as it is while writes go on.
    pub fn snapshot(&self) -> Arc<Snapshot> {
        self.core.snapshot.load_full()
    }

    /// What the collection is made of.
    pub fn meta(&self) -> Arc<CollectionMeta> {
        self.core.meta.load_full()
    }

    pub(crate) fn gone(&self) -> Error {
        Error::UnknownCollection {
            name: self.core.meta.load().name.clone(),
        }
    }

    pub(crate) fn check(&self) -> Result<()> {
        self.shared.check()?;
        if self.core.dropped.load(Ordering::Acquire) {
            Err(self.gone())
        } else {
            Ok(())
        }
    }

    /// Adds rows, replacing those with the same id; on return they are durable and visible. Gives their row numbers.
    ///
    /// `columns` holds the id column (unless ids are row numbers) and any of the others; what is missing is null. A collection without columns takes
    /// an empty batch. `vectors` holds the values of the first vector column, row-major, then those of the next one. Where an id stands twice,
    /// the last row is the live one.
    ///
    /// # Errors
    /// `UNKNOWN_COLUMN`, `INVALID_REQUEST` (wrong type, no id), `DIMENSION_MISMATCH`, `INVALID_VECTOR`, `LIMIT_EXCEEDED` (more than
    /// 64 MiB in one call), `STORE_CLOSED`, `STORE_POISONED`, `DISK_FULL`, `IO`. After the last three the rows may or may not be there when the store is opened again.
    pub fn add(&self, columns: RecordBatch, vectors: &[f32]) -> Result<Range<u32>> {
        self.check()?;
        let meta = self.core.meta.load_full();
        let rows = count_rows(&meta, &columns, vectors)?;
        let schema = meta.schema();
        let columns = fit_columns(&meta, &schema, &columns, rows as usize)?;
        let split = split_vectors(&meta, rows, vectors)?;
        if size_of_val(vectors) > MAX_PAYLOAD {
            return Err(Error::LimitExceeded {
                what: "bytes in one write".to_owned(),
                limit: MAX_PAYLOAD as u64,
                actual: size_of_val(vectors) as u64,
            });
        }
        let at = now();
        let upsert = Upsert {
            stamp: Stamp {
                seq: 0,
                at,
                collection: self.core.id,
            },
            first_row: 0,
            rows,
            columns,
            vectors: split.into_iter().map(<[f32]>::to_vec).collect(),
        };
        let mut payload = upsert
            .encode()
            .map_err(|e| Error::internal(format!("log record: {e}")))?;
        let batch = Batch::new(&meta, rows, upsert.columns, upsert.vectors)?;
        let numbers;
        let lsn = {
            let mut state = self.shared.write()?;
            let state = &mut *state;
            let written = state
                .collections
                .get_mut(&self.core.id)
                .ok_or_else(|| self.gone())?;
            if rows == 0 {
                return Ok(written.next_row..written.next_row);
            }
            let staged = written.stage(batch)?;
            numbers = staged.rows.clone();
            let stamp = state.ledger.stamp_rows(self.core.id, at);
            Upsert::set_stamp(&mut payload, stamp, numbers.start);
            let lsn = state
                .wal
                .append(Kind::Upsert, self.shared.durable(), &payload)?;
            let dead = staged.dead.iter().copied();
            let name = &written.meta.name;
            state.ledger.add_rows(stamp, name, &numbers, dead);
            written.apply(staged);
            lsn
        };
        self.finish(lsn)?;
        Ok(numbers)
    }

    /// Waits for the sync, and seals the log if it has grown enough.
    fn finish(&self, lsn: u64) -> Result<()> {
        self.shared.acknowledge(lsn)?;
        let wants = {
            let Ok(state) = self.shared.write() else {
                return Ok(());
            };
            let written = state.collections.get(&self.core.id);
            if written.is_some_and(|written| written.memtable.rows() >= MIN_ROWS) {
                // To be sealed, when there is time.
                self.shared.indexer.wake();
            }
            self.shared
                .wal_bytes
                .store(state.wal.bytes(), Ordering::Relaxed);
            self.shared.wants_checkpoint(&state)
        };
        if wants && let Ok((commit, mut state)) = self.shared.publishing() {
            // The rows are acknowledged whatever comes of this; a failure poisons the handle, so that the next write tells of it.
            if self.shared.wants_checkpoint(&state) {
                let _ = self.shared.checkpoint(&commit, &mut state);
            }
        }
        Ok(())
    }

    /// Adds rows given as JSON objects `{id, vector, other fields}`; see [`Collection::add`]. Fields that the collection does not have become
    /// columns. The id goes by its column's name or `id`, the vector by its column's name or `vector`.
    ///
    /// # Errors
    /// Those of [`Collection::add`], and `INVALID_REQUEST` for an object that does not fit.
    pub fn add_json(&self, rows: &[serde_json::Value]) -> Result<Range<u32>> {
        self.check()?;
        let batch = from_json(rows, &self.core.meta.load())?;
        if !batch.new_columns.is_empty() {
            let fields: Vec<Field> = batch
                .new_columns
                .iter()
                .map(|c| c.kind.field(&c.name))
                .collect();
            self.add_columns(&fields)?;
        }
        self.add(batch.columns, &batch.vectors.concat())
    }

    /// Adds columns; the rows there are have nulls in them. Columns that are there already, of the same type, are passed over.
    ///
    /// # Errors
    /// `INVALID_REQUEST`, `INVALID_NAME`, `LIMIT_EXCEEDED`, and those of any write.
    pub fn add_columns(&self, fields: &[Field]) -> Result<()> {
        self.check()?;
        let shared = &self.shared;
        let (commit, mut state) = shared.publishing()?;
        let written = state
            .collections
            .get(&self.core.id)
            .ok_or_else(|| self.gone())?;
        let meta = Arc::new(written.meta.with_columns(fields)?);
        if meta.columns.len() == written.meta.columns.len() {
            return Ok(());
        }
        shared.sync(&commit, &mut state)?;
        shared.publish(&commit, &mut state, |manifest| {
            manifest.collection_mut(self.core.id)?.meta = meta.clone();
            Ok(())
        })?;
        let written = state
            .collections
            .get_mut(&self.core.id)
            .ok_or_else(|| self.gone())?;
        written.schema = meta.schema();
        written.meta = meta.clone();
        written.dirty = true;
        self.core.meta.store(meta);
        let snapshots = shared.unseen(&mut state);
        shared.show(snapshots);
        Ok(())
    }

    /// Deletes the rows with these ids; ids that no row has are passed over. Gives how many rows were deleted, durably.
    pub fn delete_ids(&self, ids: &[Id]) -> Result<usize> {
        self.delete(|written| ids.iter().filter_map(|id| written.find(id)).collect())
    }

    /// Deletes the rows with these numbers; numbers of no live row are passed over. Gives how many rows were deleted, durably.
    pub fn delete_rows(&self, rows: &[u32]) -> Result<usize> {
        self.delete(|written| {
            rows.iter()
                .copied()
                .filter(|&row| written.is_live(row))
                .collect()
        })
    }

    fn delete(&self, pick: impl FnOnce(&Written) -> RoaringBitmap) -> Result<usize> {
        self.check()?;
        let count;
        let lsn = {
            let mut state = self.shared.write()?;
            let state = &mut *state;
            let written = state
                .collections
                .get_mut(&self.core.id)
                .ok_or_else(|| self.gone())?;
            let rows = pick(written);
            count = rows.len() as usize;
            if count == 0 {
                return Ok(0);
            }
            let stamp = state.ledger.stamp(self.core.id, now());
            let delete = Delete { stamp, rows };
            let lsn = state
                .wal
                .append(Kind::Delete, self.shared.durable(), &delete.encode())?;
            let change = Change::delete(stamp, &written.meta.name, written.next_row, delete.rows);
            written.turn(&change.inverse);
            state.ledger.push(change);
            lsn
        };
        self.finish(lsn)?;
        if count >= MIN_ROWS as usize {
            // An index with that many dead rows may be worth another.
            self.shared.indexer.wake();
        }
        Ok(count)
    }
}
