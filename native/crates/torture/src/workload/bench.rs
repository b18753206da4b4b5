//! Where a workload works: a store on some file system, and the ledger of what the store promised.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use arrow_array::{ArrayRef, Int64Array, RecordBatch, StringArray};
use omendb_store::vfs::Vfs;
use omendb_store::{
    Collection, CollectionSpec, ColumnKind, Error, Id, IdKind, ImportTarget, MapMeta, MapPoints,
    Metric, OpenOptions, Result, Store, VectorSpec,
};
use serde_json::{Map, Value, json};

use crate::ledger::{Ledger, Row, State, Table};
use crate::rng::Rng;
use crate::vfs::Gate;

/// The folder of each store.
pub const ROOT: &str = "/x.db";
const DIMENSION: usize = 4;
const PATIENCE: Duration = Duration::from_secs(60);

/// A store at work.
pub struct Bench {
    vfs: Arc<dyn Vfs>,
    background: bool,
    open: Option<(Gate, Arc<Store>)>,
    /// Entries of the history, and the rows of their collection before them.
    pub(super) past: Vec<(u64, BTreeMap<String, Arc<Row>>)>,
    /// What the store promised.
    pub ledger: Ledger,
    /// For whatever the workload draws.
    pub rng: Rng,
}

impl Bench {
    /// On a file system; `background` as in [`OpenOptions`].
    pub fn new(vfs: Arc<dyn Vfs>, background: bool, seed: u64, ledger: Ledger) -> Bench {
        Bench {
            vfs,
            background,
            open: None,
            past: Vec::new(),
            ledger,
            rng: Rng::new(seed),
        }
    }

    /// Opens the store, making it if need be.
    pub fn open(&mut self) -> Result<()> {
        let gate = Gate::new(self.vfs.clone());
        let options = OpenOptions {
            create: true,
            background: self.background,
            ..OpenOptions::default()
        };
        let store = Store::open_with(Arc::new(gate.clone()), Path::new(ROOT), options)?;
        self.open = Some((gate, store));
        Ok(())
    }

    /// The file system.
    pub(super) fn vfs(&self) -> Arc<dyn Vfs> {
        self.vfs.clone()
    }

    /// The open store.
    pub fn store(&self) -> Result<&Arc<Store>> {
        self.open
            .as_ref()
            .map(|(_, store)| store)
            .ok_or(Error::Closed)
    }

    /// A collection of the open store.
    pub fn collection(&self, name: &str) -> Result<Arc<Collection>> {
        self.store()?.collection(name)
    }

    /// Closes the store as a person does.
    pub fn close(&mut self) -> Result<()> {
        match self.open.take() {
            Some((_, store)) => store.close(),
            None => Ok(()),
        }
    }

    /// Ends the process that has the store open: nothing that it still does reaches the disk.
    pub fn kill(&mut self) {
        if let Some((gate, store)) = self.open.take() {
            gate.shut();
            // Ends its threads and gives the lock back, as the system does for a dead process.
            let _ = store.close();
        }
    }

    /// Goes on with another disk; the store must be closed.
    pub fn move_to(&mut self, vfs: Arc<dyn Vfs>) {
        self.kill();
        self.vfs = vfs;
    }

    /// A write: what it changes in the ledger, and how it is done.
    pub fn write<T>(
        &mut self,
        change: impl FnOnce(&mut State),
        act: impl FnOnce(&Store) -> Result<T>,
    ) -> Result<T> {
        let store = self.store()?.clone();
        self.ledger.begin(change);
        let done = act(&store)?;
        self.ledger.ack();
        Ok(done)
    }

    /// Makes an empty collection.
    pub fn create(&mut self, name: &str) -> Result<()> {
        self.write(
            |state| *state.table(name) = empty(),
            |store| store.create_collection(spec(name)).map(drop),
        )
    }

    /// Removes a collection.
    pub fn drop_collection(&mut self, name: &str) -> Result<()> {
        self.write(
            |state| drop(state.tables.remove(name)),
            |store| store.drop_collection(name),
        )
    }

    /// Adds or replaces rows `(id, n)`.
    pub fn add(&mut self, name: &str, pairs: &[(u64, i64)]) -> Result<()> {
        self.write(
            |state| put(name, state.table(name), pairs),
            |store| {
                let (columns, vectors) = rows_of(name, pairs);
                store.collection(name)?.add(columns, &vectors).map(drop)
            },
        )
    }

    /// Deletes ids, there or not.
    pub fn delete(&mut self, name: &str, ids: &[u64]) -> Result<()> {
        self.write(
            |state| {
                let rows = &mut state.table(name).rows;
                ids.iter().for_each(|n| drop(rows.remove(&id(*n))));
            },
            |store| {
                let ids: Vec<Id> = ids.iter().map(|n| Id::Text(id(*n))).collect();
                store.collection(name)?.delete_ids(&ids).map(drop)
            },
        )
    }

    /// Deletes row numbers, there or not; of the rows there these are the ids.
    pub fn delete_rows(&mut self, name: &str, rows: &[u32], ids: &[u64]) -> Result<()> {
        self.write(
            |state| {
                let rows = &mut state.table(name).rows;
                ids.iter().for_each(|n| drop(rows.remove(&id(*n))));
            },
            |store| store.collection(name)?.delete_rows(rows).map(drop),
        )
    }

    /// Imports rows in batches of a third, into a collection that is there or into a new one.
    pub fn import(&mut self, name: &str, pairs: &[(u64, i64)]) -> Result<()> {
        let target = self.target(name);
        self.write(
            |state| {
                if !state.tables.contains_key(name) {
                    *state.table(name) = empty();
                }
                put(name, state.table(name), pairs);
            },
            |store| {
                let mut import = store.begin_import(target)?;
                for batch in pairs.chunks(pairs.len().div_ceil(3)) {
                    let (columns, vectors) = rows_of(name, batch);
                    import.append(&columns, &vectors)?;
                }
                import.commit().map(drop)
            },
        )
    }

    /// The same, given up before it is committed.
    pub fn cancelled_import(&mut self, name: &str, pairs: &[(u64, i64)]) -> Result<()> {
        let mut import = self.store()?.begin_import(self.target(name))?;
        let (columns, vectors) = rows_of(name, pairs);
        import.append(&columns, &vectors)
    }

    fn target(&self, name: &str) -> ImportTarget {
        if self.ledger.now().acked.tables.contains_key(name) {
            ImportTarget::Existing(name.to_owned())
        } else {
            ImportTarget::New(spec(name))
        }
    }

    /// Seals the log.
    pub fn checkpoint(&mut self) -> Result<()> {
        self.store()?.checkpoint()
    }

    /// Adds a text column.
    pub fn add_column(&mut self, name: &str, column: &str) -> Result<()> {
        self.write(
            |state| {
                state.table(name).columns.insert(column.to_owned());
            },
            |store| {
                let fields = [ColumnKind::Text.field(column)];
                store.collection(name)?.add_columns(&fields)
            },
        )
    }

    /// Saves a map of some row numbers.
    pub fn save_map(&mut self, name: &str, map: &str, rows: &[u32]) -> Result<()> {
        let xy: Vec<f32> = rows.iter().flat_map(|&r| [r as f32, 0.5]).collect();
        let meta = MapMeta {
            name: map.to_owned(),
            params: json!({ "rows": rows.len() }),
            seed: 1,
            rows: 0,
            generation: 0,
            created: 0,
            score: None,
        };
        let points = MapPoints::new(rows.to_vec(), xy.clone());
        self.write(
            |state| {
                let maps = &mut state.table(name).maps;
                maps.insert(map.to_owned(), (rows.to_vec(), xy.clone()));
            },
            |store| store.collection(name)?.save_map(meta, &points),
        )
    }

    /// Removes a map.
    pub fn delete_map(&mut self, name: &str, map: &str) -> Result<()> {
        self.write(
            |state| drop(state.table(name).maps.remove(map)),
            |store| store.collection(name)?.delete_map(map),
        )
    }

    /// Waits until the background work is done, or failed.
    pub fn wait_for_index(&mut self) -> Result<()> {
        self.store()?.wait_for_index(PATIENCE);
        Ok(())
    }

    /// Some pairs of colliding ids, at least one.
    pub fn pairs(&mut self, most: u64) -> Vec<(u64, i64)> {
        let count = 1 + self.rng.below(most);
        (0..count)
            .map(|_| (self.rng.below(16), self.rng.below(100) as i64))
            .collect()
    }
}

/// The collection that has a second vector column.
const WITH_SECOND: &str = "other";
const SECOND_DIMENSION: usize = 3;

/// A collection with text ids, one integer column and one vector column; one of this name has a second one.
pub fn spec(name: &str) -> CollectionSpec {
    let second = VectorSpec {
        name: "w".to_owned(),
        dimension: SECOND_DIMENSION,
        metric: Metric::Cosine,
    };
    let mut spec = CollectionSpec {
        name: name.to_owned(),
        id_kind: IdKind::Text,
        id_column: Some("id".to_owned()),
        columns: vec![ColumnKind::Int.field("n")],
        vectors: vec![VectorSpec {
            name: "v".to_owned(),
            dimension: DIMENSION,
            metric: Metric::L2,
        }],
    };
    if name == WITH_SECOND {
        spec.vectors.push(second);
    }
    spec
}

fn empty() -> Table {
    Table {
        columns: ["id", "n"].map(str::to_owned).into(),
        ..Table::default()
    }
}

fn put(name: &str, table: &mut Table, pairs: &[(u64, i64)]) {
    for &(number, n) in pairs {
        let mut vector = vector(number, n).to_vec();
        if name == WITH_SECOND {
            vector.extend(second_vector(number, n));
        }
        let row = Row {
            cells: Map::from_iter([("n".to_owned(), Value::from(n))]),
            vector,
        };
        table.rows.insert(id(number), Arc::new(row));
    }
}

/// The id of a row.
pub fn id(number: u64) -> String {
    format!("k{number}")
}

/// Rows `(id, n)` of such a collection; the vector is made of both.
pub fn rows(pairs: &[(u64, i64)]) -> (RecordBatch, Vec<f32>) {
    let ids: ArrayRef = Arc::new(pairs.iter().map(|p| Some(id(p.0))).collect::<StringArray>());
    let numbers: ArrayRef = Arc::new(pairs.iter().map(|p| p.1).collect::<Int64Array>());
    let batch = RecordBatch::try_from_iter([("id", ids), ("n", numbers)])
        .unwrap_or_else(|e| panic!("two columns of one length: {e}"));
    (batch, pairs.iter().flat_map(|p| vector(p.0, p.1)).collect())
}

/// The same for a collection of this name.
fn rows_of(name: &str, pairs: &[(u64, i64)]) -> (RecordBatch, Vec<f32>) {
    let (columns, mut vectors) = rows(pairs);
    if name == WITH_SECOND {
        vectors.extend(pairs.iter().flat_map(|p| second_vector(p.0, p.1)));
    }
    (columns, vectors)
}

/// The second vector of a row, which says nothing of its first.
fn second_vector(id: u64, n: i64) -> [f32; SECOND_DIMENSION] {
    let mut rng = Rng::new(!(id << 32 ^ n as u64));
    std::array::from_fn(|_| rng.below(2000) as f32 / 10.0 - 100.0)
}

/// The vector of a row.
pub fn vector(id: u64, n: i64) -> [f32; DIMENSION] {
    let mut rng = Rng::new(id << 32 ^ n as u64);
    std::array::from_fn(|_| rng.below(2000) as f32 / 10.0 - 100.0)
}
