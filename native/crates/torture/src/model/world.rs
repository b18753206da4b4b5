//! The store, and the plain map that it must equal.

use std::collections::BTreeMap;
use std::sync::Arc;

use omendb_store::{Id, Result as Done, Store};

use super::past::{Moment, Past};
use super::step::Step;
use crate::ledger::{Expected, Ledger, State, Table};
use crate::power::inspect;
use crate::rng::Rng;
use crate::vfs::{CrashVfs, Damage};
use crate::workload::{Bench, id};

/// Rows that some histories begin with, so that there is an index.
const INDEXED_ROWS: u64 = 2_000;
/// The collection of most steps.
pub const WORDS: &str = "words";
/// One that is made and dropped.
pub const OTHER: &str = "other";

/// A row without its id.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Row {
    /// Its number.
    pub number: u32,
    /// Its cell.
    pub n: i64,
    /// What the cell was when the row was written: the vector is made of it.
    pub written: i64,
}

/// Rows by id.
pub type Rows = Arc<BTreeMap<u64, Row>>;

/// The store, and what is known of it.
pub struct World {
    pub disk: CrashVfs,
    pub bench: Bench,
    pub rows: Rows,
    next_row: u32,
    pub past: Past,
    /// The other collection, when it was dropped.
    pub dropped: Option<Arc<Table>>,
    /// One who has the store open for reading, and what it showed last.
    pub reader: Option<(Arc<Store>, State)>,
    /// Neighbours that searches found, and that they should have found.
    pub found: f64,
    pub wanted: f64,
}

/// In words.
pub fn text(error: impl ToString) -> String {
    error.to_string()
}

impl World {
    pub fn new(indexed: bool) -> Result<World, String> {
        let disk = CrashVfs::new(1);
        let mut world = World {
            bench: Bench::new(Arc::new(disk.clone()), indexed, 1, Ledger::new(|| 0)),
            disk,
            rows: Rows::default(),
            next_row: 0,
            past: Past::default(),
            dropped: None,
            reader: None,
            found: 0.0,
            wanted: 0.0,
        };
        world.begin(indexed).map_err(text)?;
        Ok(world)
    }

    fn begin(&mut self, indexed: bool) -> Done<()> {
        self.bench.open()?;
        self.bench.create(WORDS)?;
        self.bench.add_column(WORDS, "tag")?;
        self.note(None, false)
            .map_err(|reason| omendb_store::Error::Internal { reason })?;
        if indexed {
            let many: Vec<(u64, i64)> = (0..INDEXED_ROWS).map(|id| (id, id as i64 % 97)).collect();
            let before = self.moment();
            self.bench.import(WORDS, &many)?;
            self.put(&many);
            self.note(before, false)
                .map_err(|reason| omendb_store::Error::Internal { reason })?;
            self.bench.wait_for_index()?;
        }
        Ok(())
    }

    fn put(&mut self, pairs: &[(u64, i64)]) {
        let rows = Arc::make_mut(&mut self.rows);
        for &(id, n) in pairs {
            let number = self.next_row;
            self.next_row += 1;
            let row = Row {
                number,
                n,
                written: n,
            };
            rows.insert(id, row);
        }
    }

    fn retain(&mut self, keep: impl Fn(u64, &Row) -> bool) {
        Arc::make_mut(&mut self.rows).retain(|id, row| keep(*id, row));
    }

    fn table(&self, name: &str) -> Option<Arc<Table>> {
        self.bench.ledger.now().acked.tables.get(name).cloned()
    }

    pub fn moment(&self) -> Option<Moment> {
        let rows = self.rows.clone();
        self.table(WORDS).map(|table| Moment { rows, table })
    }

    pub fn note(&mut self, before: Option<Moment>, is_step: bool) -> Result<Option<u64>, String> {
        let store = self.bench.store().map_err(text)?;
        self.past.note(store, WORDS, before, is_step)
    }

    /// Does a step. Only some of them are to be seen in the history.
    pub fn step(&mut self, step: &Step) -> Result<(), String> {
        let before = self.moment();
        let seen = match step {
            Step::BringBack => self.bring_back(),
            Step::Undo => self.undo(),
            Step::Redo => self.redo(),
            Step::Keep(entries) => self.keep(*entries),
            Step::Revert(back) => match self.past.entry(*back) {
                Some(seq) => self.go_back(seq, false, |store| store.revert(seq, None).map(drop)),
                None => Ok(()),
            },
            _ => {
                let changes = self.act(step).map_err(text)?;
                let new = self.note(before, false)?;
                match step {
                    Step::Past(back) => self.look(*back)?,
                    Step::Read => self.read()?,
                    _ => {}
                }
                match new {
                    Some(_) if !changes => Err("it is in the history".to_owned()),
                    _ => Ok(()),
                }
            }
        };
        seen?;
        let info = self.bench.collection(WORDS).map_err(text)?.info();
        let told = (info.undo.map(|e| e.seq), info.redo.map(|e| e.seq));
        let wanted = (self.past.undo(), self.past.redo(told.1));
        if told != wanted {
            return Err(format!("undo and redo lead to {told:?}, not {wanted:?}"));
        }
        Ok(())
    }

    /// Whether it may have changed the collection `words`.
    fn act(&mut self, step: &Step) -> Done<bool> {
        let bench = &mut self.bench;
        match step {
            Step::Add(pairs) => {
                bench.add(WORDS, pairs)?;
                self.put(pairs);
            }
            Step::Import(pairs) => {
                bench.import(WORDS, pairs)?;
                self.put(pairs);
            }
            Step::Delete(ids) => {
                bench.delete(WORDS, ids)?;
                self.retain(|id, _| !ids.contains(&id));
            }
            Step::DeleteRows(numbers) => {
                let gone = |row: &Row| numbers.contains(&row.number);
                let ids = self.rows.iter().filter(|(_, row)| gone(row));
                let ids: Vec<u64> = ids.map(|(id, _)| *id).collect();
                bench.delete_rows(WORDS, numbers, &ids)?;
                self.retain(|_, row| !gone(row));
            }
            Step::Edit(ids, n) => {
                bench.edit(WORDS, ids, *n)?;
                let rows = Arc::make_mut(&mut self.rows);
                for id in ids {
                    rows.entry(*id).and_modify(|row| row.n = *n);
                }
            }
            _ => {
                self.act_otherwise(step)?;
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// What changes nothing of the collection `words`.
    fn act_otherwise(&mut self, step: &Step) -> Done<()> {
        let there = self.table(OTHER);
        let bench = &mut self.bench;
        match step {
            Step::CancelledImport(pairs) => bench.cancelled_import(WORDS, pairs)?,
            Step::Toggle(pairs) => {
                if there.is_some() {
                    bench.drop_collection(OTHER)?;
                } else {
                    bench.create(OTHER)?;
                    bench.add(OTHER, pairs)?;
                }
                self.dropped = there;
            }
            Step::AddColumn(n) => bench.add_column(WORDS, &format!("c{n}"))?,
            Step::Checkpoint => bench.checkpoint()?,
            Step::Compact(forget) => {
                bench.compact(*forget)?;
                if *forget {
                    self.past.forget();
                    self.dropped = None;
                }
            }
            Step::Backup => bench.backup()?,
            Step::Reopen => {
                bench.close()?;
                bench.open()?;
            }
            Step::Kill => {
                bench.kill();
                bench.open()?;
            }
            Step::PowerCut(damage, seed) => {
                self.reader = None;
                bench.kill();
                let image = self
                    .disk
                    .medium()
                    .image(Damage::ALL[*damage], &mut Rng::new(*seed));
                self.disk = CrashVfs::over(image, *seed);
                bench.move_to(Arc::new(self.disk.clone()));
                bench.open()?;
            }
            _ => {}
        }
        Ok(())
    }

    pub fn acked(&self) -> Expected {
        Expected {
            pending: None,
            ..self.bench.ledger.now().clone()
        }
    }

    pub fn check(&self) -> Result<(), String> {
        inspect(&self.bench, &self.acked())?;
        let snapshot = self.snapshot()?;
        for (number, row) in &*self.rows {
            let found = snapshot.row_of(&Id::Text(id(*number)));
            if found != Some(row.number) {
                return Err(format!(
                    "the id k{number} has row {found:?} and not {}",
                    row.number
                ));
            }
        }
        Ok(())
    }
}
