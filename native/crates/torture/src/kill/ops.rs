//! What a process does before it is killed. An operation says its name and arguments, so that whoever reads them knows the
//! rows that it wrote: a row is made of its id and a number alone.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use arrow_array::{ArrayRef, Int64Array, RecordBatch, StringArray};
use omendb_store::{
    CollectionSpec, ColumnKind, Error, Id, IdKind, ImportTarget, Metric, Result, Snapshot, Store,
    VectorSpec,
};
use serde::{Deserialize, Serialize};

/// Values in a vector.
pub const DIMENSION: usize = 8;
/// Rows in one batch of an import: small, so that a kill falls between two of them.
const BATCH: u32 = 256;

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
    /// Seals the log.
    Checkpoint,
    /// Waits for the indexes, which are built meanwhile.
    Index,
}

/// Rows of each collection: id and number.
pub type Rows = BTreeMap<String, BTreeMap<u32, i64>>;

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
                let mut import = store.begin_import(target)?;
                let mut from = ids.start;
                while from < ids.end {
                    let end = ids.end.min(from + BATCH);
                    let (columns, vectors) = batch(from..end, *n)?;
                    import.append(&columns, &vectors)?;
                    from = end;
                }
                Ok(import.commit()?.replaced)
            }
            Op::Checkpoint => store.checkpoint().map(|()| 0),
            Op::Index => {
                store.wait_for_index(Duration::from_secs(10));
                Ok(0)
            }
        }
    }

    /// What it makes of the rows. Gives what [`Op::run`] gives.
    pub fn apply(&self, rows: &mut Rows) -> u64 {
        match self {
            Op::Create { to } => {
                rows.insert(to.clone(), BTreeMap::new());
                0
            }
            Op::Drop { from } => {
                rows.remove(from);
                0
            }
            Op::Put { to, ids, n } => {
                let all = rows.entry(to.clone()).or_default();
                all.extend(ids.iter().map(|id| (*id, *n)));
                ids.len() as u64
            }
            Op::Delete { from, ids } => {
                let all = rows.entry(from.clone()).or_default();
                ids.iter().filter(|id| all.remove(id).is_some()).count() as u64
            }
            Op::Import { to, ids, n, .. } => {
                let all = rows.entry(to.clone()).or_default();
                let put = ids.clone().map(|id| all.insert(id, *n));
                put.flatten().count() as u64
            }
            Op::Checkpoint | Op::Index => 0,
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
        out.insert(name, rows);
    }
    Ok(out)
}

fn read_rows(snapshot: &Snapshot) -> Result<BTreeMap<u32, i64>, String> {
    let numbers: Vec<u32> = snapshot.live_rows().iter().collect();
    let cells = snapshot
        .rows_json(&numbers, None)
        .map_err(|e| e.to_string())?;
    let mut out = BTreeMap::new();
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
        if out.insert(number, n).is_some() {
            return Err(format!("the id {id} is there twice"));
        }
    }
    Ok(out)
}
