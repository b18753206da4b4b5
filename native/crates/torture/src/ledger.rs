//! What must be in the store, and what may be: the write in flight is there whole or not at all, everything else is exact.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::Arc;

use omendb_store::{Error, Id, MapPoints, Snapshot, Store};
use serde_json::{Map, Value};

/// A row without its id.
#[derive(Debug, Clone, PartialEq)]
pub struct Row {
    /// Cells that are not null, without the id.
    pub cells: Map<String, Value>,
    /// The vectors of all its vector columns, one after the other.
    pub vector: Vec<f32>,
}

/// A collection.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Table {
    /// By id.
    pub rows: BTreeMap<String, Arc<Row>>,
    /// Names of all columns, the id's included.
    pub columns: BTreeSet<String>,
    /// Row numbers and coordinates of each saved map, by name.
    pub maps: BTreeMap<String, (Vec<u32>, Vec<f32>)>,
}

/// All that a store holds.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct State {
    /// Collections by name.
    pub tables: BTreeMap<String, Arc<Table>>,
}

impl State {
    /// The collection of this name, to be changed; made if need be.
    pub fn table(&mut self, name: &str) -> &mut Table {
        Arc::make_mut(self.tables.entry(name.to_owned()).or_default())
    }

    /// Reads a store, with what must hold of any: each id finds its one row, no row is there twice.
    ///
    /// # Errors
    /// What is wrong, in words.
    pub fn of(store: &Store) -> Result<State, String> {
        State::read(store).map_err(|e| e.to_string())
    }

    /// The same, with the store's own errors; what is wrong is an `INTERNAL` one.
    ///
    /// # Errors
    /// Those.
    pub fn read(store: &Store) -> omendb_store::Result<State> {
        let wrong = |name: &str, reason: String| Error::Internal {
            reason: format!("{name}: {reason}"),
        };
        let mut state = State::default();
        for collection in store.collections() {
            let info = collection.info();
            let table = state.table(&info.name);
            table.columns = info.columns.iter().map(|c| c.name.clone()).collect();
            let snapshot = collection.snapshot();
            if snapshot.len() != info.rows {
                let told = format!("{} live rows, {} told", snapshot.len(), info.rows);
                return Err(wrong(&info.name, told));
            }
            table.rows = rows_of(&snapshot).map_err(|e| wrong(&info.name, e))?;
            for map in &info.maps {
                let (_, MapPoints { rows, xy, .. }) = collection.map(&map.name)?;
                table.maps.insert(map.name.clone(), (rows, xy));
            }
        }
        Ok(state)
    }

    /// The first few differences, for people.
    pub fn differences(&self, wanted: &State) -> String {
        let mut out = Vec::new();
        let names: BTreeSet<&String> = self.tables.keys().chain(wanted.tables.keys()).collect();
        for name in names {
            let (found, wanted) = match (self.tables.get(name), wanted.tables.get(name)) {
                (Some(found), Some(wanted)) => (found, wanted),
                (found, _) => {
                    let rows = found.map(|t| t.rows.len());
                    out.push(format!("collection {name}: found {rows:?}"));
                    continue;
                }
            };
            let ids: BTreeSet<&String> = found.rows.keys().chain(wanted.rows.keys()).collect();
            for id in ids {
                let (a, b) = (found.rows.get(id), wanted.rows.get(id));
                if a != b {
                    out.push(format!(
                        "{name}/{id}: found {}, wanted {}",
                        Shown(a),
                        Shown(b)
                    ));
                }
            }
            if found.columns != wanted.columns {
                out.push(format!(
                    "{name}: columns {:?}, wanted {:?}",
                    found.columns, wanted.columns
                ));
            }
            if found.maps != wanted.maps {
                out.push(format!(
                    "{name}: maps {:?}, wanted {:?}",
                    found.maps, wanted.maps
                ));
            }
        }
        let more = out.len().saturating_sub(4);
        out.truncate(4);
        format!(
            "{}{}",
            out.join("; "),
            if more > 0 {
                format!("; and {more} more")
            } else {
                String::new()
            }
        )
    }
}

/// The live rows of a snapshot, by id. Each id finds its one row.
///
/// # Errors
/// What is wrong, in words.
pub fn rows_of(snapshot: &Snapshot) -> Result<BTreeMap<String, Arc<Row>>, String> {
    let numbers: Vec<u32> = snapshot.live_rows().iter().collect();
    if numbers.len() as u64 != snapshot.len() {
        return Err(format!(
            "{} live rows, {} told",
            numbers.len(),
            snapshot.len()
        ));
    }
    let cells = snapshot
        .rows_json(&numbers, None)
        .map_err(|e| e.to_string())?;
    let mut rows = BTreeMap::new();
    for (&row, mut cells) in numbers.iter().zip(cells) {
        let id = match cells.remove("id") {
            Some(Value::String(id)) => id,
            other => return Err(format!("row {row} has the id {other:?}")),
        };
        if snapshot.row_of(&Id::Text(id.clone())) != Some(row) {
            return Err(format!("the id {id} does not find its row {row}"));
        }
        cells.retain(|_, cell| !cell.is_null());
        let columns = 0..snapshot.meta().vectors.len();
        let vectors = columns.map(|column| snapshot.vector(row, column));
        let vectors = vectors.collect::<Result<Vec<_>, _>>();
        let vector = vectors.map_err(|e| e.to_string())?.concat();
        let row = Arc::new(Row { cells, vector });
        if rows.insert(id.clone(), row).is_some() {
            return Err(format!("the id {id} is there twice"));
        }
    }
    Ok(rows)
}

struct Shown<'a>(Option<&'a Arc<Row>>);

impl fmt::Display for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Some(row) => write!(f, "{}", Value::Object(row.cells.clone())),
            None => f.write_str("nothing"),
        }
    }
}

/// What must be there at some moment, and the other thing that may be there instead.
#[derive(Debug, Clone, Default)]
pub struct Expected {
    /// All that was acknowledged.
    pub acked: Arc<State>,
    /// The same with the write in flight.
    pub pending: Option<Arc<State>>,
}

impl Expected {
    /// Exactly this.
    pub fn exactly(state: State) -> Expected {
        Expected {
            acked: Arc::new(state),
            pending: None,
        }
    }

    /// Whether a store may hold this.
    ///
    /// # Errors
    /// How it differs from what was acknowledged.
    pub fn check(&self, found: &State) -> Result<(), String> {
        if *found == *self.acked || self.pending.as_deref() == Some(found) {
            return Ok(());
        }
        let pending = match &self.pending {
            Some(pending) => format!(
                " (with the write in flight: {})",
                found.differences(pending)
            ),
            None => String::new(),
        };
        Err(format!("{}{pending}", found.differences(&self.acked)))
    }
}

/// Writes down what a workload was promised, and when.
pub struct Ledger {
    clock: Box<dyn Fn() -> usize + Send>,
    now: Expected,
    past: Vec<(usize, Expected)>,
}

impl Ledger {
    /// An empty store's. `clock` counts the changes of the medium.
    pub fn new(clock: impl Fn() -> usize + Send + 'static) -> Ledger {
        Ledger {
            clock: Box::new(clock),
            now: Expected::default(),
            past: vec![(0, Expected::default())],
        }
    }

    /// Goes on from what a store was found to hold.
    pub fn set(&mut self, state: State) {
        self.now = Expected::exactly(state);
        self.note();
    }

    /// A write begins that will change the state so.
    pub fn begin(&mut self, change: impl FnOnce(&mut State)) {
        let mut next = State::clone(&self.now.acked);
        change(&mut next);
        self.now.pending = Some(Arc::new(next));
        self.note();
    }

    /// The write was acknowledged.
    pub fn ack(&mut self) {
        if let Some(next) = self.now.pending.take() {
            self.now.acked = next;
        }
        self.note();
    }

    /// The write was refused in a way that leaves nothing of it.
    pub fn refused(&mut self) {
        self.now.pending = None;
        self.note();
    }

    fn note(&mut self) {
        self.past.push(((self.clock)(), self.now.clone()));
    }

    /// What holds now.
    pub fn now(&self) -> &Expected {
        &self.now
    }

    /// Which of the moments in the ledger it was after so many changes of the medium.
    pub fn moment(&self, count: usize) -> usize {
        let end = self.past.partition_point(|(at, _)| *at <= count);
        end.saturating_sub(1)
    }

    /// What held then.
    pub fn at(&self, count: usize) -> &Expected {
        &self.past[self.moment(count)].1
    }

    /// What held at any time from `from` to `to`.
    pub fn during(&self, from: usize, to: usize) -> impl Iterator<Item = &Expected> {
        self.past[self.moment(from)..=self.moment(to)]
            .iter()
            .map(|(_, then)| then)
    }
}
