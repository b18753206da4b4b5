//! What a workload does to the history: edits, ways back, compacting, copies.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use omendb_store::vfs::Vfs;
use omendb_store::{Error, Id, OpenOptions, Result, Store};
use serde_json::{Map, Value, json};

use super::bench::id;
use super::{Bench, ROOT};
use crate::ledger::{Row, State};

/// The folder of a copy.
const COPY: &str = "/copy.db";

impl Bench {
    /// Gives the columns `n` and `tag` of some ids, there or not, new values.
    pub fn edit(&mut self, name: &str, ids: &[u64], n: i64) -> Result<()> {
        let rows = self.ledger.now().acked.tables[name].rows.clone();
        let tag = format!("t{n}");
        let changes: Map<String, Value> =
            Map::from_iter([("n".to_owned(), json!(n)), ("tag".to_owned(), json!(tag))]);
        let entry = self.write(
            |state| {
                let rows = &mut state.table(name).rows;
                for number in ids {
                    if let Some(row) = rows.get_mut(&id(*number)) {
                        let mut cells = row.cells.clone();
                        cells.extend(changes.clone());
                        let vector = row.vector.clone();
                        *row = Arc::new(Row { cells, vector });
                    }
                }
            },
            |store| {
                let collection = store.collection(name)?;
                let snapshot = collection.snapshot();
                let numbers = ids
                    .iter()
                    .filter_map(|n| snapshot.row_of(&Id::Text(id(*n))));
                let numbers: Vec<u32> = numbers.collect();
                collection.edit_json(&numbers, &changes, Some("an edit"))
            },
        )?;
        // None where none of the rows was there.
        self.past.extend(entry.map(|e| (e.seq, rows)));
        Ok(())
    }

    /// Goes back before one of the edits, if the history still has it.
    pub fn revert(&mut self, name: &str) -> Result<()> {
        let kept: Vec<u64> = self
            .store()?
            .history(10_000)
            .iter()
            .map(|e| e.entry.seq)
            .collect();
        self.past.retain(|(seq, _)| kept.contains(seq));
        if self.past.is_empty() {
            return Ok(());
        }
        let at = self.rng.below(self.past.len() as u64) as usize;
        let (seq, rows) = self.past[at].clone();
        let before = self.ledger.now().acked.tables[name].rows.clone();
        let entry = self.write(
            |state| state.table(name).rows = rows,
            |store| store.revert(seq, None),
        )?;
        self.past.push((entry.seq, before));
        Ok(())
    }

    /// Removes a collection, and takes that back.
    pub fn drop_and_bring_back(&mut self, name: &str) -> Result<()> {
        let table = self.ledger.now().acked.tables[name].clone();
        self.drop_collection(name)?;
        self.write(
            |state| drop(state.tables.insert(name.to_owned(), table)),
            |store| store.undo(name),
        )?;
        Ok(())
    }

    /// Compacts; nothing that anybody sees changes.
    pub fn compact(&mut self, forget: bool) -> Result<()> {
        let cancel = AtomicBool::new(false);
        self.store()?.compact(forget, &|_, _| (), &cancel).map(drop)
    }

    /// Copies the store, and compares the copy with what the store promised.
    pub fn backup(&mut self) -> Result<()> {
        let cancel = AtomicBool::new(false);
        // The one before, if there is one.
        if self.vfs().list(Path::new(COPY)).is_ok() {
            remove(&*self.vfs(), Path::new(COPY))?;
        }
        self.store()?.backup(Path::new(COPY), &|_, _| (), &cancel)?;
        let options = OpenOptions {
            read_only: true,
            ..OpenOptions::default()
        };
        assert_ne!(ROOT, COPY);
        let copy = Store::open_with(self.vfs(), Path::new(COPY), options)?;
        let found = State::of(&copy).unwrap_or_else(|e| panic!("the copy: {e}"));
        self.ledger
            .now()
            .check(&found)
            .unwrap_or_else(|e| panic!("the copy: {e}"));
        Ok(())
    }
}

/// Removes a folder with all that is in it.
fn remove(vfs: &dyn Vfs, folder: &Path) -> Result<()> {
    let failed = |e: std::io::Error| Error::Internal {
        reason: format!("the old copy: {e}"),
    };
    for entry in vfs.list(folder).map_err(failed)? {
        let path = folder.join(&entry.name);
        if entry.is_dir {
            remove(vfs, &path)?;
        } else {
            vfs.remove(&path).map_err(failed)?;
        }
    }
    vfs.remove_dir(folder).map_err(failed)
}
