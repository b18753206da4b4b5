//! What a process does before it is killed. An operation says its name and arguments, so that whoever reads them knows the
//! rows that it wrote: a row is made of its id and a number alone.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use arrow_array::{ArrayRef, Int64Array, RecordBatch, StringArray};
use omendb_store::{
    CollectionSpec, ColumnKind, Error, HistoryRule, Id, IdKind, ImportTarget, Metric, Result,
    Snapshot, Store, VectorSpec,
};
use serde::{Deserialize, Serialize};
use serde_json::{Map, json};

use super::copy;

/// Values in a vector.
pub const DIMENSION: usize = 8;
/// Rows in one batch of an import: small, so that a kill falls between two of them.
const BATCH: u32 = 256;
/// The column of the edits, which the first of them makes.
const EDITED: &str = "edited";

/// One operation. A new kind is a variant here, an arm in [`Op::run`] and, if it changes rows, one in [`Op::apply`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Op {
    /// Makes an empty collection.
    Create { to: String },
    /// Removes a collection.
    Drop { from: String },
    /// Adds rows through the log, replacing those with the same id.
    Put { to: String, ids: Vec<u32>, n: i64 },
    /// Deletes rows.
    Delete { from: String, ids: Vec<u32> },
    /// Imports a range of ids, into a new collection or one there is.
    Import {
        to: String,
        new: bool,
        ids: Range<u32>,
        n: i64,
    },
    /// Gives a cell of rows, there or not, a value. Its number is its note in the history, as that of an import is.
    Edit { to: String, ids: Vec<u32>, n: i64 },
    /// Takes a collection back to before the change with this note.
    Revert { to: String, before: i64, n: i64 },
    /// Takes the dropping of a collection back.
    BringBack { to: String },
    /// Compacts, with the history or without.
    Compact { forget: bool },
    /// Keeps no more than so many entries of the history.
    Keep { entries: u32 },
    /// Copies the store and compares the copy; `alone` when nothing else is written meanwhile.
    Backup { n: i64, alone: bool },
    /// Seals the log.
    Checkpoint,
    /// Waits for the indexes, which are built meanwhile.
    Index,
}

/// A row without its id: its number, and the one that an edit gave it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Row {
    /// Given when it was written; the vector is made of it.
    pub n: i64,
    /// Given since.
    pub edited: Option<i64>,
}

/// Rows by id.
pub type Table = BTreeMap<u32, Row>;

/// Rows of each collection.
pub type Rows = BTreeMap<String, Arc<Table>>;

/// What there is, and what there was.
#[derive(Debug, Clone, Default)]
pub struct World {
    /// The present.
    pub rows: Rows,
    /// Collections before each change with a note.
    past: BTreeMap<i64, Arc<Table>>,
    /// Collections when they were dropped.
    dropped: BTreeMap<String, Arc<Table>>,
}

impl World {
    fn table(&mut self, name: &str) -> &mut Table {
        Arc::make_mut(self.rows.entry(name.to_owned()).or_default())
    }

    fn note(&mut self, n: i64, name: &str) {
        let now = self.rows.get(name).cloned().unwrap_or_default();
        self.past.insert(n, now);
    }
}

impl Op {
    /// Carries it out. Gives how many rows it wrote, deleted or (an import) replaced.
    ///
    /// # Errors
    /// Whatever the store says.
    pub fn run(&self, store: &Store) -> Result<u64> {
        match self {
            Op::Create { to } => store.create_collection(spec(to)).map(|_| 0),
            Op::Drop { from } => store.drop_collection(from).map(|()| 0),
            Op::Put { to, ids, n } => {
                let (columns, vectors) = batch(ids.iter().copied(), *n)?;
                let rows = store.collection(to)?.add(columns, &vectors)?;
                Ok(rows.len() as u64)
            }
            Op::Delete { from, ids } => {
                let ids: Vec<Id> = ids.iter().map(|id| Id::Text(name(*id))).collect();
                Ok(store.collection(from)?.delete_ids(&ids)? as u64)
            }
            Op::Import { to, new, ids, n } => {
                let target = if *new {
                    ImportTarget::New(spec(to))
                } else {
                    ImportTarget::Existing(to.clone())
                };
                let mut import = store.begin_import_with(target, &[], Some(&n.to_string()))?;
                let mut from = ids.start;
                while from < ids.end {
                    let end = ids.end.min(from + BATCH);
                    let (columns, vectors) = batch(from..end, *n)?;
                    import.append(&columns, &vectors)?;
                    from = end;
                }
                Ok(import.commit()?.replaced)
            }
            Op::Edit { to, ids, n } => {
                let collection = store.collection(to)?;
                let snapshot = collection.snapshot();
                let rows = ids
                    .iter()
                    .filter_map(|id| snapshot.row_of(&Id::Text(name(*id))));
                let rows: Vec<u32> = rows.collect();
                let changes = Map::from_iter([(EDITED.to_owned(), json!(n))]);
                let entry = collection.edit_json(&rows, &changes, Some(&n.to_string()))?;
                Ok(entry.map_or(0, |e| e.changed))
            }
            Op::Revert { to, before, n } => {
                let note = Some(before.to_string());
                let history = store.history(usize::MAX);
                let mut own = history.iter().filter(|e| e.entry.collection == *to);
                let target = own.find(|e| e.entry.note == note);
                let target = target.ok_or(Error::NothingToUndo { what: "revert" })?;
                let seq = target.entry.seq;
                match store.revert(seq, Some(&n.to_string())) {
                    // A checkpoint in the background may just have pruned it; then it is listed no more.
                    Err(Error::HistoryPruned { .. })
                        if store.history(usize::MAX).iter().any(|e| e.entry.seq == seq) =>
                    {
                        Err(Error::NothingToUndo {
                            what: "revert to what is listed",
                        })
                    }
                    done => done.map(|_| 0),
                }
            }
            Op::BringBack { to } => store.undo(to).map(|_| 0),
            Op::Compact { forget } => {
                let go_on = AtomicBool::new(false);
                store.compact(*forget, &|_, _| (), &go_on).map(|_| 0)
            }
            Op::Keep { entries } => {
                let rule = HistoryRule {
                    max_entries: *entries,
                    ..HistoryRule::default()
                };
                store.set_history_rule(rule).map(|()| 0)
            }
            Op::Backup { n, alone } => copy::make(store, *n, *alone).map(|()| 0),
            Op::Checkpoint => store.checkpoint().map(|()| 0),
            Op::Index => {
                store.wait_for_index(Duration::from_secs(10));
                Ok(0)
            }
        }
    }

    /// What it makes of the rows. Gives what [`Op::run`] gives.
    pub fn apply(&self, world: &mut World) -> u64 {
        match self {
            Op::Create { to } => {
                world.rows.insert(to.clone(), Arc::default());
                0
            }
            Op::Drop { from } => {
                let gone = world.rows.remove(from);
                world.dropped.extend(gone.map(|rows| (from.clone(), rows)));
                0
            }
            Op::BringBack { to } => {
                let back = world.dropped.remove(to);
                world.rows.extend(back.map(|rows| (to.clone(), rows)));
                0
            }
            Op::Put { to, ids, n } => {
                let row = Row {
                    n: *n,
                    edited: None,
                };
                let put = ids.iter().map(|id| (*id, row));
                world.table(to).extend(put);
                ids.len() as u64
            }
            Op::Delete { from, ids } => {
                let all = world.table(from);
                ids.iter().filter(|id| all.remove(id).is_some()).count() as u64
            }
            Op::Import { to, ids, n, .. } => {
                world.note(*n, to);
                let all = world.table(to);
                let row = Row {
                    n: *n,
                    edited: None,
                };
                let put = ids.clone().map(|id| all.insert(id, row));
                put.flatten().count() as u64
            }
            Op::Edit { to, ids, n } => {
                world.note(*n, to);
                let all = world.table(to);
                let rows = ids.iter().filter(|id| {
                    let row = all.get_mut(id);
                    row.map(|row| row.edited = Some(*n)).is_some()
                });
                rows.count() as u64
            }
            Op::Revert { to, before, n } => {
                world.note(*n, to);
                let then = world.past.get(before).cloned();
                world.rows.insert(to.clone(), then.unwrap_or_default());
                0
            }
            Op::Compact { .. }
            | Op::Keep { .. }
            | Op::Backup { .. }
            | Op::Checkpoint
            | Op::Index => 0,
        }
    }

    /// Its name, for the count of what kills fell into.
    pub fn kind(&self) -> &'static str {
        match self {
            Op::Create { .. } => "create",
            Op::Drop { .. } => "drop",
            Op::Put { .. } => "put",
            Op::Delete { .. } => "delete",
            Op::Import { new: true, .. } => "import, new",
            Op::Import { new: false, .. } => "import, existing",
            Op::Edit { .. } => "edit",
            Op::Revert { .. } => "revert",
            Op::BringBack { .. } => "bring back",
            Op::Compact { forget: false } => "compaction",
            Op::Compact { forget: true } => "compaction, all",
            Op::Keep { .. } => "pruning",
            Op::Backup { .. } => "backup",
            Op::Checkpoint => "checkpoint",
            Op::Index => "index build",
        }
    }
}

fn spec(name: &str) -> CollectionSpec {
    CollectionSpec {
        name: name.to_owned(),
        id_kind: IdKind::Text,
        id_column: Some("id".to_owned()),
        columns: vec![ColumnKind::Int.field("n")],
        vectors: vec![VectorSpec {
            name: "v".to_owned(),
            dimension: DIMENSION,
            metric: Metric::L2,
        }],
    }
}

fn name(id: u32) -> String {
    format!("r{id}")
}

fn batch(ids: impl Iterator<Item = u32>, n: i64) -> Result<(RecordBatch, Vec<f32>)> {
    let ids: Vec<u32> = ids.collect();
    let names: ArrayRef = Arc::new(
        ids.iter()
            .map(|id| Some(name(*id)))
            .collect::<StringArray>(),
    );
    let numbers: ArrayRef = Arc::new(Int64Array::from(vec![n; ids.len()]));
    let columns = RecordBatch::try_from_iter([("id", names), ("n", numbers)]).map_err(|e| {
        Error::Internal {
            reason: e.to_string(),
        }
    })?;
    Ok((columns, ids.iter().flat_map(|id| vector(*id, n)).collect()))
}

/// The vector of a row, of whole numbers, so that it comes back to the bit.
pub fn vector(id: u32, n: i64) -> [f32; DIMENSION] {
    std::array::from_fn(|i| {
        let mixed = (u64::from(id) << 32 ^ n as u64 ^ (i as u64) << 60)
            .wrapping_mul(0x9e37_79b9_7f4a_7c15)
            >> 44;
        mixed as f32
    })
}

/// All rows of a store.
///
/// # Errors
/// What is wrong, in words: a row that is not as it was written, an id that stands twice, an error of the store.
pub fn read(store: &Store) -> Result<Rows, String> {
    let mut out = Rows::new();
    for collection in store.collections() {
        let name = collection.meta().name.clone();
        let rows = read_rows(&collection.snapshot()).map_err(|e| format!("{name}: {e}"))?;
        out.insert(name, Arc::new(rows));
    }
    Ok(out)
}

fn read_rows(snapshot: &Snapshot) -> Result<Table, String> {
    let numbers: Vec<u32> = snapshot.live_rows().iter().collect();
    let cells = snapshot
        .rows_json(&numbers, None)
        .map_err(|e| e.to_string())?;
    let mut out = Table::new();
    for (&row, cells) in numbers.iter().zip(&cells) {
        let id = cells["id"].as_str().unwrap_or_default();
        let number = id.strip_prefix('r').and_then(|digits| digits.parse().ok());
        let (Some(number), Some(n)) = (number, cells["n"].as_i64()) else {
            return Err(format!("row {row} is {cells:?}"));
        };
        let found = snapshot.vector(row, 0).map_err(|e| e.to_string())?;
        if found != vector(number, n) {
            return Err(format!("row {row}, {id}: its vector is {found:?}"));
        }
        if snapshot.row_of(&Id::Text(id.to_owned())) != Some(row) {
            return Err(format!("row {row}: its id {id} finds another row"));
        }
        let edited = cells.get(EDITED).and_then(|cell| cell.as_i64());
        if out.insert(number, Row { n, edited }).is_some() {
            return Err(format!("the id {id} is there twice"));
        }
    }
    Ok(out)
}
