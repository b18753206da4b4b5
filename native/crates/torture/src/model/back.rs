//! The steps through the history, and the one who reads beside the writer.

use std::path::Path;
use std::sync::Arc;

use omendb_store::{HistoryRule, OpenOptions, Result as Done, Store};

use super::past::Moment;
use super::world::{OTHER, WORDS, World, text};
use crate::ledger::State;
use crate::workload::ROOT;

impl World {
    pub(super) fn undo(&mut self) -> Result<(), String> {
        let act = |store: &Store| store.undo(WORDS).map(drop);
        match self.past.undo() {
            Some(seq) => self.go_back(seq, true, act),
            None => self.nothing(act),
        }
    }

    pub(super) fn redo(&mut self) -> Result<(), String> {
        let act = |store: &Store| store.redo(WORDS).map(drop);
        let info = self.bench.collection(WORDS).map_err(text)?.info();
        match self.past.redo(info.redo.map(|e| e.seq)) {
            Some(seq) => self.go_back(seq, true, act),
            None => self.nothing(act),
        }
    }

    fn nothing(&self, act: impl FnOnce(&Store) -> Done<()>) -> Result<(), String> {
        match act(self.bench.store().map_err(text)?) {
            Err(e) if e.code() == "NOTHING_TO_UNDO" => Ok(()),
            other => Err(format!("there is nothing to go back to: {other:?}")),
        }
    }

    /// Goes back before an entry; where the collection was not there, forth again.
    pub(super) fn go_back(
        &mut self,
        seq: u64,
        is_step: bool,
        act: impl FnOnce(&Store) -> Done<()>,
    ) -> Result<(), String> {
        let before = self.moment();
        let then = self.past.before(seq).cloned();
        let back = |state: &mut State| match &then {
            Some(then) => state.table(WORDS).rows = then.table.rows.clone(),
            None => drop(state.tables.remove(WORDS)),
        };
        self.bench.write(back, act).map_err(text)?;
        let now = before.clone();
        let entry = self
            .note(before, is_step)?
            .ok_or("it is not in the history")?;
        match then {
            Some(then) => self.rows = then.rows,
            None => self.forth(now, false, |store| store.revert(entry, None).map(drop))?,
        }
        Ok(())
    }

    /// Brings the collection back that was just taken away.
    fn forth(
        &mut self,
        as_it_was: Option<Moment>,
        is_step: bool,
        act: impl FnOnce(&Store) -> Done<()>,
    ) -> Result<(), String> {
        let table = as_it_was.ok_or("it was not there")?.table;
        let back = |state: &mut State| drop(state.tables.insert(WORDS.to_owned(), table));
        self.bench.write(back, act).map_err(text)?;
        self.note(None, is_step)?
            .ok_or("it is not in the history")?;
        Ok(())
    }

    /// Brings the other collection back if it can be, or drops this one and brings it back.
    pub(super) fn bring_back(&mut self) -> Result<(), String> {
        if let Some(table) = self.dropped.take() {
            let back = |state: &mut State| drop(state.tables.insert(OTHER.to_owned(), table));
            let undo = |store: &Store| store.undo(OTHER).map(drop);
            return self.bench.write(back, undo).map_err(text);
        }
        let now = self.moment();
        self.bench.drop_collection(WORDS).map_err(text)?;
        self.note(now.clone(), false)?
            .ok_or("it is not in the history")?;
        self.forth(now, true, |store| store.undo(WORDS).map(drop))
    }

    pub(super) fn look(&self, back: usize) -> Result<(), String> {
        let store = self.bench.store().map_err(text)?;
        let seq = self.past.entry(back);
        seq.map_or(Ok(()), |seq| self.past.look(store, seq))
    }

    /// Prunes the history.
    pub(super) fn keep(&mut self, entries: u32) -> Result<(), String> {
        let store = self.bench.store().map_err(text)?;
        let rule = HistoryRule {
            max_entries: entries,
            ..HistoryRule::default()
        };
        store.set_history_rule(rule).map_err(text)?;
        store
            .set_history_rule(HistoryRule::default())
            .map_err(text)?;
        let listed = store.history(usize::MAX);
        let own = |name: &str| {
            let all = listed.iter().map(|e| &*e.entry);
            all.filter(|e| e.collection == name).collect::<Vec<_>>()
        };
        let kept: Vec<u64> = own(WORDS).iter().map(|e| e.seq).collect();
        self.past.prune(&kept);
        if own(OTHER).is_empty() {
            self.dropped = None;
        }
        match listed.len() <= entries as usize {
            true => Ok(()),
            false => Err("more of the history was kept".to_owned()),
        }
    }

    /// Lets one read who has had the store open for a while, or opens it.
    pub(super) fn read(&mut self) -> Result<(), String> {
        let store = match self.reader.take() {
            Some((store, seen)) => {
                if State::of(&store)? != seen {
                    return Err("what a reader shows changed by itself".to_owned());
                }
                store.refresh().map_err(|e| format!("refresh: {e}"))?;
                store
            }
            None => {
                let options = OpenOptions {
                    read_only: true,
                    ..OpenOptions::default()
                };
                Store::open_with(Arc::new(self.disk.clone()), Path::new(ROOT), options)
                    .map_err(|e| format!("opened for reading: {e}"))?
            }
        };
        let found = State::of(&store)?;
        let acked = self.acked();
        acked
            .check(&found)
            .map_err(|e| format!("a reader shows: {e}"))?;
        let listed = |store: &Store| -> Vec<u64> {
            let all = store.history(usize::MAX);
            all.iter().map(|e| e.entry.seq).collect()
        };
        if listed(&store) != listed(self.bench.store().map_err(text)?) {
            return Err("a reader lists another history".to_owned());
        }
        if let Some(seq) = self.past.entry(0) {
            self.past
                .look(&store, seq)
                .map_err(|e| format!("a reader: {e}"))?;
        }
        self.reader = Some((store, found));
        Ok(())
    }
}
