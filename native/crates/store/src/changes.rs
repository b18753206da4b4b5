//! The way back: undo, redo, and any state that the history knows.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use roaring::RoaringBitmap;

use crate::durable::Commit;
use crate::edit::read_cells;
use crate::error::{Error, Result};
use crate::history::{
    Cells, Change, ChangeKind, Entry, Inverse, Listed, ListedEntry, MAX_NOTE_BYTES, Past, Rule,
    changed_rows, now,
};
use crate::manifest::{CollectionEntry, SegmentEntry};
use crate::recovery::open_collection;
use crate::segment::open_part;
use crate::snapshot::Snapshot;
use crate::state::{Shared, State, Written};
use crate::store::{Store, add_collection};
use crate::wal::{Kind, MAX_PAYLOAD, Revert};

/// Whether words for an entry are short enough.
pub(crate) fn check_note(note: Option<&str>) -> Result<()> {
    match note {
        Some(note) if note.len() > MAX_NOTE_BYTES => Err(Error::LimitExceeded {
            what: "bytes of a note".to_owned(),
            limit: MAX_NOTE_BYTES as u64,
            actual: note.len() as u64,
        }),
        _ => Ok(()),
    }
}

impl Store {
    /// The newest `limit` entries of the history, newest first.
    pub fn history(&self, limit: usize) -> Vec<ListedEntry> {
        self.shared.history.read().newest(limit)
    }

    /// Takes a collection back to its state before entry `seq`: one more entry, which can be reverted too. Of the columns that came later the values go, the
    /// columns stay.
    ///
    /// # Errors
    /// `HISTORY_PRUNED`, `COLLECTION_EXISTS` (a dropped one's name is taken), `CORRUPT`, and those of any write.
    pub fn revert(&self, seq: u64, note: Option<&str>) -> Result<Arc<Entry>> {
        check_note(note)?;
        self.shared.revert(seq, note, false)
    }

    /// A collection as it was before entry `seq` of the history, to be read.
    ///
    /// # Errors
    /// `HISTORY_PRUNED`, `UNKNOWN_COLLECTION` (it was not there yet), `CORRUPT`; for a reader `FILE_NOT_FOUND` when the writer has
    /// forgotten it since the last refresh.
    pub fn before(&self, seq: u64) -> Result<Arc<Snapshot>> {
        let shared = &self.shared;
        let id = shared.entry(seq)?.collection_id;
        shared.before(seq, id).map_err(|e| shared.out_of_date(e))
    }

    /// As [`Store::before`], of the collection that has this name now or had it last, whichever collection the entry is of.
    ///
    /// # Errors
    /// Those of [`Store::before`].
    pub fn collection_before(&self, name: &str, seq: u64) -> Result<Arc<Snapshot>> {
        let live = self.collection(name).ok().map(|c| c.core.id);
        let id = live.or_else(|| self.shared.history.read().last_named(name));
        let id = id.ok_or_else(|| Error::UnknownCollection {
            name: name.to_owned(),
        })?;
        let shared = &self.shared;
        shared.before(seq, id).map_err(|e| shared.out_of_date(e))
    }

    /// Sets how long changes are kept, and takes out what is not kept any more.
    pub fn set_history_rule(&self, rule: Rule) -> Result<()> {
        let (commit, mut state) = self.shared.publishing()?;
        self.shared.seal(&commit, &mut state, |manifest| {
            manifest.history.rule = rule;
            Ok(())
        })?;
        self.shared
            .revision
            .change(|| self.shared.list_history(&state));
        Ok(())
    }

    /// Takes all entries out of the history. Gives how many there were.
    pub fn forget_history(&self) -> Result<u64> {
        let (commit, mut state) = self.shared.publishing()?;
        let mut count = 0;
        self.shared.seal(&commit, &mut state, |manifest| {
            count = manifest.history.entries.len();
            manifest.history.forget(count, now());
            Ok(())
        })?;
        self.shared
            .revision
            .change(|| self.shared.list_history(&state));
        Ok(count as u64)
    }
}

impl Shared {
    /// Makes a change of rows and cells of a collection durable and visible: through the log, or if it is too large for a record by sealing it.
    /// `change.inverse` says which rows die and are revived.
    pub fn carry_out(
        &self,
        commit: &Commit,
        state: &mut State,
        change: Change,
        kind: Kind,
        payload: &[u8],
        cells: &[Cells],
    ) -> Result<()> {
        let id = change.entry.collection_id;
        let written = state
            .collections
            .get(&id)
            .ok_or_else(|| Error::internal("a collection is gone"))?;
        let staged = written.stage_cells(cells)?;
        let logged = payload.len() <= MAX_PAYLOAD;
        if !logged {
            // What others wrote is shown without this change, which nothing holds before the manifest.
            self.sync(commit, state)?;
        }
        if logged {
            state.wal.append(kind, self.durable(), payload)?;
        }
        if let Some(written) = state.collections.get_mut(&id) {
            written.turn(&change.inverse);
            written.apply_cells(staged);
        }
        state.ledger.push(change);
        if logged {
            self.sync(commit, state)?;
            self.wal_bytes.store(state.wal.bytes(), Ordering::Relaxed);
            if self.wants_checkpoint(state) {
                // The change is acknowledged whatever comes of this; a failure poisons the handle.
                let _ = self.checkpoint(commit, state);
            }
            return Ok(());
        }
        self.seal(commit, state, |_| Ok(()))
            .map_err(|e| self.disk.poison(e))?;
        let unseen = self.unseen(state);
        self.show(unseen);
        Ok(())
    }

    /// A collection that was dropped.
    fn open(&self, entry: &CollectionEntry, generation: u64) -> Result<Written> {
        let mut open = |entry: &CollectionEntry, segment: &SegmentEntry| {
            open_part(&self.disk, &self.root, segment, &entry.meta).map(Arc::new)
        };
        open_collection(entry, generation, &mut open)
    }

    /// Reverts the entry of a collection that `pick` chooses. No other change can come in between.
    pub fn take_back(
        &self,
        name: &str,
        what: &'static str,
        pick: impl FnOnce(&Listed, u32) -> Option<Arc<Entry>>,
    ) -> Result<Arc<Entry>> {
        let (commit, mut state) = self.publishing()?;
        // So that the history shows everything that was written.
        self.sync(&commit, &mut state)?;
        let known = state.collections.iter().find(|(_, w)| w.meta.name == name);
        let known = known.map(|(id, _)| *id);
        let target = {
            let history = self.history.read();
            let id = known.or_else(|| history.last_named(name));
            id.and_then(|id| pick(&history, id))
        };
        let target = target.ok_or(Error::NothingToUndo { what })?;
        self.revert_to(&commit, &mut state, &target, None, true)
    }

    fn entry(&self, seq: u64) -> Result<Arc<Entry>> {
        let listed = self.history.read();
        let found = listed.find(seq).cloned();
        found.ok_or(Error::HistoryPruned { seq })
    }

    /// The state of a collection that is there, before one of its entries.
    fn past(&self, state: &State, written: &Written, seq: u64) -> Result<Past> {
        let mut past = Past::new(written.next_row, &written.deleted, true);
        let (kept, pending) = (&state.manifest.history, &state.ledger.pending);
        past.go_back(&self.disk, &self.root, kept, pending, written.core.id, seq)?;
        Ok(past)
    }

    /// `step`: whether undo or redo does it.
    pub fn revert(&self, seq: u64, note: Option<&str>, step: bool) -> Result<Arc<Entry>> {
        let (commit, mut state) = self.publishing()?;
        let target = self.entry(seq)?;
        self.revert_to(&commit, &mut state, &target, note, step)
    }

    fn revert_to(
        &self,
        commit: &Commit,
        state: &mut State,
        target: &Entry,
        note: Option<&str>,
        step: bool,
    ) -> Result<Arc<Entry>> {
        let (seq, id) = (target.seq, target.collection_id);
        let at = now();
        if !state.collections.contains_key(&id) {
            let back = self.bring_back(commit, state, target, at, note, step)?;
            if back.target == Some(seq) {
                return Ok(back);
            }
        }
        let written = state
            .collections
            .get(&id)
            .ok_or_else(|| Error::internal("a collection is gone"))?;
        let past = self.past(state, written, seq)?;
        let mut entry = Entry::new(
            state.ledger.next_seq,
            at,
            ChangeKind::Revert,
            id,
            &written.meta.name,
            written.next_row,
        );
        entry.target = Some(seq);
        entry.step = step;
        entry.note = note.map(str::to_owned);
        if !past.there {
            return self.take_away(commit, state, entry);
        }

        let mut later = RoaringBitmap::new();
        later.insert_range(past.next_row..written.next_row);
        let died = (&past.deleted | &later) - &*written.deleted;
        let revived = &*written.deleted - &past.deleted - &later;
        let meta = written.meta.clone();
        let mut cells = past.cells;
        // Only of rows that are live afterwards: what went before may be compacted away, or be needed with the values that it has.
        let mut live = RoaringBitmap::new();
        live.insert_range(0..past.next_row);
        live -= &past.deleted;
        for layer in &mut cells {
            layer.keep(&live).map_err(Error::internal)?;
        }
        cells.retain(|layer| !layer.rows.is_empty());
        let before = cells.iter().map(|cells| {
            let columns = cells.positions(&meta).map_err(Error::internal)?;
            read_cells(written.parts(), &meta, &cells.rows, &columns)
        });
        let before = before.collect::<Result<Vec<_>>>()?;
        entry.removed = died.len();
        entry.revived = revived.len();
        entry.changed = changed_rows(&cells);
        let revert = Revert {
            stamp: state.ledger.stamp(id, at),
            target: seq,
            step,
            note: entry.note.clone(),
            died: died.clone(),
            revived: revived.clone(),
            cells,
        };
        let change = Change {
            entry: entry.clone(),
            inverse: Inverse {
                died,
                revived,
                cells: before,
            },
        };
        let payload = revert.encode()?;
        self.carry_out(commit, state, change, Kind::Revert, &payload, &revert.cells)?;
        // Rows that came back may lie beside their index.
        self.indexer.wake();
        Ok(Arc::new(entry))
    }

    /// Takes a collection away; the history can bring it back.
    pub fn take_away(
        &self,
        commit: &Commit,
        state: &mut State,
        entry: Entry,
    ) -> Result<Arc<Entry>> {
        let id = entry.collection_id;
        let mut entry = entry;
        entry.is_there = false;
        let written = state
            .collections
            .get(&id)
            .ok_or_else(|| Error::internal("a collection is gone"))?;
        let (core, name) = (written.core.clone(), written.meta.name.clone());
        entry.removed = core.snapshot.load().len();
        let noted = entry.clone();
        self.seal(commit, state, |manifest| {
            let at = manifest.collections.iter().position(|c| c.id == id);
            let at = at.ok_or_else(|| Error::internal("a collection is gone"))?;
            let gone = manifest.collections.remove(at);
            manifest.dropped.push(gone);
            manifest.history.entries.push(Arc::new(noted.clone()));
            manifest.history.next_seq = manifest.history.next_seq.max(noted.seq + 1);
            Ok(())
        })?;
        state.ledger.next_seq = state.manifest.history.next_seq;
        state.collections.remove(&id);
        self.revision.change(|| {
            core.dropped.store(true, Ordering::Release);
            self.cores.write().remove(&name);
            self.list_history(state);
        });
        Ok(Arc::new(entry))
    }

    /// Brings the dropped collection of an entry back, as it was when it was dropped.
    fn bring_back(
        &self,
        commit: &Commit,
        state: &mut State,
        target: &Entry,
        at: u64,
        note: Option<&str>,
        step: bool,
    ) -> Result<Arc<Entry>> {
        let (id, seq) = (target.collection_id, target.seq);
        let dropped = state.manifest.dropped.iter().find(|c| c.id == id);
        let dropped = dropped.ok_or(Error::HistoryPruned { seq })?.clone();
        let name = &dropped.meta.name;
        if state
            .manifest
            .collections
            .iter()
            .any(|c| c.meta.name == *name)
        {
            return Err(Error::CollectionExists { name: name.clone() });
        }
        let entries = &state.manifest.history.entries;
        let last = entries.iter().rev().find(|e| e.collection_id == id);
        let last = last.ok_or(Error::HistoryPruned { seq })?.seq;
        let written = self.open(&dropped, state.manifest.generation)?;
        self.sync(commit, state)?;
        let mut entry = Entry::new(
            state.ledger.next_seq,
            at,
            ChangeKind::Revert,
            id,
            name,
            dropped.next_row,
        );
        entry.was_there = false;
        entry.target = Some(last);
        entry.step = step;
        entry.note = note.map(str::to_owned);
        let rows: u64 = dropped.segments.iter().map(|s| u64::from(s.rows)).sum();
        entry.revived = rows.saturating_sub(dropped.deleted.len());
        let noted = Arc::new(entry);
        self.publish(commit, state, |manifest| {
            manifest.dropped.retain(|c| c.id != id);
            manifest.collections.push(dropped.clone());
            manifest.note(noted.clone());
            Ok(())
        })?;
        add_collection(self, state, written);
        self.list_history(state);
        self.indexer.wake();
        Ok(noted)
    }

    /// `id`: the collection that is looked at; whose entry it is does not matter.
    pub fn before(&self, seq: u64, id: u32) -> Result<Arc<Snapshot>> {
        let entry = self.entry(seq)?;
        if let Some(known) = self.past.lock().get(&(seq, id)) {
            return Ok(known);
        }
        let (_commit, state) = self.both();
        let opened;
        let written = match state.collections.get(&id) {
            Some(written) => written,
            None => {
                let dropped = &state.manifest.dropped;
                let found = dropped.iter().find(|c| c.id == id);
                let found = found.ok_or(Error::HistoryPruned { seq })?;
                opened = self.open(found, state.manifest.generation)?;
                &opened
            }
        };
        let mut past = self.past(&state, written, seq)?;
        if !past.there {
            return Err(Error::UnknownCollection {
                name: entry.collection.clone(),
            });
        }
        let parts = past.parts(&written.meta, written.parts())?;
        let snapshot = Arc::new(Snapshot::new(
            written.meta.clone(),
            parts,
            Arc::new(past.deleted),
            state.manifest.generation,
            self.revision.now(),
        ));
        self.past.lock().put((seq, id), snapshot.clone());
        Ok(snapshot)
    }
}
