//! What the history should hold of the collection `words`, and where undo and redo should lead.

use std::collections::BTreeMap;
use std::sync::Arc;

use omendb_store::{HistoryEntry, Id, Store};

use super::world::Rows;
use crate::ledger::{Table, rows_of};
use crate::workload::id;

/// The collection at one moment.
#[derive(Debug, Clone)]
pub struct Moment {
    /// Its rows, with their numbers.
    pub rows: Rows,
    /// All cells and vectors.
    pub table: Arc<Table>,
}

/// What was before an entry.
#[derive(Debug)]
struct Before {
    /// None when there was no such collection.
    moment: Option<Moment>,
    undo: Option<u64>,
    redo: Option<u64>,
    is_step: bool,
}

/// The entries by number.
#[derive(Debug, Default)]
pub struct Past {
    entries: BTreeMap<u64, Before>,
    undo: Option<u64>,
    redo: Option<u64>,
    /// Whether some entries were taken out: the store then cannot tell everywhere whether a step was an undo.
    pruned: bool,
}

impl Past {
    /// Takes in what the store lists now, which may be one entry more than before, a step of undo or redo or not. Gives its number.
    pub fn note(
        &mut self,
        store: &Store,
        name: &str,
        before: Option<Moment>,
        is_step: bool,
    ) -> Result<Option<u64>, String> {
        let listed = store.history(usize::MAX);
        let own = listed.iter().map(|e| &*e.entry);
        let own: Vec<&HistoryEntry> = own.filter(|e| e.collection == name).collect();
        let new: Vec<&&HistoryEntry> = own
            .iter()
            .filter(|e| !self.entries.contains_key(&e.seq))
            .collect();
        if own.len() != self.entries.len() + new.len() || new.len() > 1 {
            return Err(format!(
                "{} entries of the history, {} of them new, {} were known",
                own.len(),
                new.len(),
                self.entries.len()
            ));
        }
        let Some(entry) = new.first() else {
            return Ok(None);
        };
        if entry.step != is_step {
            return Err(format!("a step of undo or redo: {}", entry.step));
        }
        let now = Before {
            moment: before,
            undo: self.undo,
            redo: self.redo,
            is_step,
        };
        self.entries.insert(entry.seq, now);
        (self.undo, self.redo) = match entry.target.filter(|_| is_step) {
            None => (Some(entry.seq), None),
            Some(target) => {
                let target = self.entries.get(&target).ok_or("a target of no entry")?;
                // A step back over a step was a redo.
                let redo = if target.is_step {
                    target.redo
                } else {
                    Some(entry.seq)
                };
                (target.undo, redo)
            }
        };
        Ok(Some(entry.seq))
    }

    /// The history was forgotten.
    pub fn forget(&mut self) {
        *self = Past::default();
    }

    /// The oldest entries were taken out; these are left.
    pub fn prune(&mut self, left: &[u64]) {
        let count = self.entries.len();
        let oldest = left.iter().min().copied().unwrap_or(u64::MAX);
        self.entries.retain(|seq, _| *seq >= oldest);
        self.pruned |= self.entries.len() < count;
    }

    fn kept(&self, seq: Option<u64>) -> Option<u64> {
        seq.filter(|seq| self.entries.contains_key(seq))
    }

    /// The entry that undo goes back before.
    pub fn undo(&self) -> Option<u64> {
        self.kept(self.undo)
    }

    /// The entry that redo goes back before, where the store says `told`.
    pub fn redo(&self, told: Option<u64>) -> Option<u64> {
        let redo = self.kept(self.redo);
        redo.filter(|_| told.is_some() || !self.pruned)
    }

    /// An entry, counted from the newest, round and round.
    pub fn entry(&self, back: usize) -> Option<u64> {
        let count = self.entries.len();
        let at = back.checked_rem(count)?;
        self.entries.keys().rev().nth(at).copied()
    }

    /// The collection before an entry.
    pub fn before(&self, seq: u64) -> Option<&Moment> {
        self.entries.get(&seq)?.moment.as_ref()
    }

    /// Whether the store shows that moment.
    pub fn look(&self, store: &Store, seq: u64) -> Result<(), String> {
        let found = store.before(seq);
        let Some(moment) = self.before(seq) else {
            return match found {
                Err(e) if e.code() == "UNKNOWN_COLLECTION" => Ok(()),
                other => Err(format!("before it was made: {other:?}")),
            };
        };
        let snapshot = found.map_err(|e| format!("before {seq}: {e}"))?;
        if rows_of(&snapshot)? != moment.table.rows {
            return Err(format!("before {seq} it was something else"));
        }
        for (number, row) in &*moment.rows {
            let found = snapshot.row_of(&Id::Text(id(*number)));
            if found != Some(row.number) {
                return Err(format!("before {seq} the id {number} has row {found:?}"));
            }
        }
        Ok(())
    }
}
