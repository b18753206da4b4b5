//! New generations: checkpoints, and everything else that changes the manifest.

use std::sync::Arc;

use crate::durable::Commit;
use crate::error::{Error, Result};
use crate::history::{self, Change, Entry, HistoryFile, MAX_PENDING};
use crate::manifest::{ColumnFile, Manifest, SegmentEntry, file_name, segment_folder};
use crate::memtable::{Memtable, columns_of};
use crate::part::Part;
use crate::segment::{SegmentWriter, open_part, write_overlays};
use crate::state::{Shared, State, Written};
use crate::wal::{self, Wal};

/// The memtables are sealed once they hold this much together …
const CHECKPOINT_BYTES: u64 = 64 << 20;
/// … or this many rows …
const CHECKPOINT_ROWS: u32 = 100_000;
/// … or the log has become this long (many deletes).
const CHECKPOINT_LOG: u64 = 128 << 20;
/// At close memtables of more rows than this are sealed; fewer are quicker to read from the log.
const CHECKPOINT_AT_CLOSE: u32 = 10_000;

impl Shared {
    /// Publishes the manifest that `change` makes of the present one, and removes what is no longer kept.
    /// The log must be synced before ([`Shared::sync`]).
    pub fn publish(
        &self,
        commit: &Commit,
        state: &mut State,
        change: impl FnOnce(&mut Manifest) -> Result<()>,
    ) -> Result<()> {
        self.publish_as(commit, state, false, change)
    }

    /// As [`Shared::publish`]; `derived` as in [`Manifest::publish`].
    pub fn publish_as(
        &self,
        _: &Commit,
        state: &mut State,
        derived: bool,
        change: impl FnOnce(&mut Manifest) -> Result<()>,
    ) -> Result<()> {
        let mut next = state.manifest.clone();
        next.generation += 1;
        next.next_segment = state.next_segment;
        next.next_map = state.next_map;
        next.history.next_seq = state.ledger.next_seq;
        change(&mut next)?;
        next.prune(history::now());
        state.ledger.next_seq = next.history.next_seq;
        state.manifest_bytes = next.publish(&self.disk, &self.root, derived)?;
        let current = std::mem::replace(&mut state.manifest, next);
        if let Some(oldest) = state.previous.replace(current) {
            self.retire(state, &oldest);
        }
        self.count_bytes(state);
        self.list_history(state);
        Ok(())
    }

    /// Removes what only a generation named that is not kept any more.
    fn retire(&self, state: &mut State, oldest: &Manifest) {
        self.disk
            .remove(&self.root.join(file_name(oldest.generation)));
        let mut unnamed = oldest.paths();
        for kept in std::iter::once(&state.manifest).chain(&state.previous) {
            for (path, _) in kept.files() {
                unnamed.remove(&path);
            }
        }
        state.garbage.extend(unnamed);
        self.sweep(state);
    }

    /// Removes sealed files that nothing names, but for those that are being copied.
    pub fn sweep(&self, state: &mut State) {
        let root = &self.root;
        let State { garbage, pins, .. } = state;
        garbage.retain(|path| {
            if pins.iter().any(|paths| paths.contains(path)) {
                return true;
            }
            let gone = self.disk.remove(&root.join(path));
            let folder = path.parent().filter(|f| gone && f.starts_with("segments"));
            if let Some(folder) = folder {
                // Fails, as it should, until the last file of the segment is gone.
                let _ = self.disk.vfs().remove_dir(&root.join(folder));
            }
            !gone
        });
    }

    /// Whether the memtables or the log have grown enough to be sealed.
    pub fn wants_checkpoint(&self, state: &State) -> bool {
        let bytes: u64 = state.collections.values().map(|w| w.memtable.bytes()).sum();
        let rows: u64 = state
            .collections
            .values()
            .map(|w| u64::from(w.memtable.rows()))
            .sum();
        bytes > CHECKPOINT_BYTES
            || rows > u64::from(CHECKPOINT_ROWS)
            || state.wal.bytes() > CHECKPOINT_LOG
            || state.ledger.pending.len() > MAX_PENDING
    }

    /// Whether closing should seal the memtables.
    pub fn wants_checkpoint_at_close(&self, state: &State) -> bool {
        state
            .collections
            .values()
            .any(|w| w.memtable.rows() > CHECKPOINT_AT_CLOSE)
    }

    /// Seals all memtables into segments, edited columns and pending changes into files, publishes a generation that contains the log, and begins a new log.
    /// `change` may do more to the same generation. What is new is not shown yet: see [`Shared::unseen`].
    pub fn seal(
        &self,
        commit: &Commit,
        state: &mut State,
        change: impl FnOnce(&mut Manifest) -> Result<()>,
    ) -> Result<()> {
        self.sync(commit, state)?;
        let mut sealed: Vec<(u32, SegmentEntry, Part)> = Vec::new();
        for (id, written) in &state.collections {
            if written.memtable.rows() == 0 {
                continue;
            }
            let segment = state.next_segment;
            state.next_segment += 1;
            let entry = self.seal_memtable(segment, written)?;
            let part = open_part(&self.disk, &self.root, &entry, &written.meta)?;
            sealed.push((*id, entry, part));
        }
        let overlays = self.seal_edits(state)?;
        let noted = self.seal_changes(state)?;
        let noted_file = noted.1.as_ref().map(|f| f.id);
        let last_lsn = state.wal.last_lsn();
        // The new log must be there before the manifest stops asking for the old one.
        let log = if state.wal.is_empty() {
            None
        } else {
            Some(Wal::create(&self.disk, &self.root, last_lsn + 1)?)
        };
        let positions: Vec<_> = state
            .collections
            .iter()
            .map(|(id, w)| (*id, w.next_row, w.deleted.clone()))
            .collect();
        self.publish(commit, state, |manifest| {
            manifest.last_lsn = last_lsn;
            for (id, next_row, deleted) in positions {
                let entry = manifest.collection_mut(id)?;
                entry.next_row = next_row;
                entry.deleted = deleted;
            }
            for (id, segment, files) in overlays {
                let entry = manifest.collection_mut(id)?;
                let found = entry.segments.iter_mut().find(|s| s.id == segment);
                let found = found.ok_or_else(|| Error::internal("a segment is gone"))?;
                found
                    .columns
                    .retain(|c| files.iter().all(|f| f.column != c.column));
                found.columns.extend(files);
            }
            for (id, entry, _) in &sealed {
                manifest.collection_mut(*id)?.segments.push(entry.clone());
            }
            let (entries, file) = noted;
            for entry in entries {
                manifest.note(Arc::new(entry));
            }
            manifest.history.files.extend(file);
            change(manifest)
        })?;
        state.ledger.pending.clear();
        self.list_history(state);
        if let Some(id) = noted_file {
            self.drop_unnamed(state, id);
        }
        if let Some(log) = log {
            state.wal = log;
            self.log_replaced(commit, state);
            self.remove_old_logs(state);
        }
        for (id, _, part) in sealed {
            let written = state
                .collections
                .get_mut(&id)
                .ok_or_else(|| Error::internal("a collection is gone"))?;
            written.sealed.push(Arc::new(part));
            written.memtable = Memtable::default();
            written.dirty = true;
        }
        for written in state.collections.values_mut() {
            written.edited.clear();
        }
        self.count_bytes(state);
        self.indexer.wake();
        Ok(())
    }

    /// Writes the columns of sealed segments that were edited since. Gives collection, segment and files.
    fn seal_edits(&self, state: &State) -> Result<Vec<(u32, u64, Vec<ColumnFile>)>> {
        let mut out = Vec::new();
        for (id, written) in &state.collections {
            for (&at, columns) in &written.edited {
                let entry = state.manifest.collection(*id);
                let segment = entry.and_then(|e| e.segments.get(at));
                let segment = segment.ok_or_else(|| Error::internal("a segment is gone"))?;
                let folder = segment_folder(&self.root, segment.id);
                let part = &written.sealed[at];
                let files = write_overlays(&self.disk, &folder, part, &written.meta, columns)?;
                out.push((*id, segment.id, files));
            }
        }
        Ok(out)
    }

    /// Removes a file of the history that no generation came to name: the rule, or a person, let go of all its changes at once.
    fn drop_unnamed(&self, state: &State, id: u64) {
        if state.manifest.history.files.iter().all(|f| f.id != id) {
            let folder = self.root.join(history::FOLDER);
            self.disk.remove(&folder.join(history::file_name(id)));
        }
    }

    /// Writes the inverses of pending changes. Gives their entries and the file that holds them.
    fn seal_changes(&self, state: &State) -> Result<(Vec<Entry>, Option<HistoryFile>)> {
        let pending = &state.ledger.pending;
        let with_inverse: Vec<&Change> = pending.iter().filter(|c| !c.inverse.is_empty()).collect();
        let Some(first) = with_inverse.first() else {
            return Ok((pending.iter().map(|c| c.entry.clone()).collect(), None));
        };
        let id = first.entry.seq;
        let file = history::write(&self.disk, &self.root, id, &with_inverse)?;
        let entries = pending.iter().map(|change| Entry {
            file: (!change.inverse.is_empty()).then_some(id),
            ..change.entry.clone()
        });
        Ok((entries.collect(), Some(HistoryFile { id, file })))
    }

    /// Seals what the log holds, if it holds anything, and shows it.
    pub fn checkpoint(&self, commit: &Commit, state: &mut State) -> Result<()> {
        // A log that was begun anew at open is empty while the one before it still has to be sealed.
        if !state.wal.is_empty() || state.manifest.last_lsn < state.wal.last_lsn() {
            self.seal(commit, state, |_| Ok(()))?;
            let snapshots = self.unseen(state);
            self.show(snapshots);
        }
        Ok(())
    }

    /// Removes the logs before the present one, all of whose records a segment holds. What stays is removed at the next open.
    fn remove_old_logs(&self, state: &State) {
        let folder = wal::folder(&self.root);
        for entry in self.disk.list(&folder).unwrap_or_default() {
            if wal::parse_name(&entry.name).is_some_and(|first| first < state.wal.first_lsn()) {
                self.disk.remove(&folder.join(&entry.name));
            }
        }
    }

    /// Writes the memtable of a collection as a segment.
    fn seal_memtable(&self, id: u64, written: &Written) -> Result<SegmentEntry> {
        let first = written
            .memtable
            .parts()
            .first()
            .map_or(written.next_row, |p| p.range().start);
        let mut writer = SegmentWriter::create(&self.disk, &self.root, id, &written.meta)?;
        writer.place(written.core.id, Some(first));
        for part in written.memtable.parts() {
            let vectors: Vec<&[f32]> = part.vectors.iter().map(|v| v.data.as_slice()).collect();
            let columns = if written.schema.fields().is_empty() {
                None
            } else {
                let batches = columns_of(part, &written.schema)?;
                Some(
                    arrow_select::concat::concat_batches(&written.schema, &batches)
                        .map_err(|e| Error::internal(format!("columns: {e}")))?,
                )
            };
            writer.append(part.rows, columns.as_ref(), &vectors)?;
        }
        let mut entry = writer.finish()?.entry;
        entry.first_row = first;
        Ok(entry)
    }

    /// Gives a segment id to an import, which holds it until [`Shared::end_import`].
    pub fn begin_import_segment(&self, state: &mut State) -> u64 {
        let id = state.next_segment;
        state.next_segment += 1;
        state.imports.push(id);
        id
    }

    /// Ends an import that failed or was cancelled: its files are removed, unless closing the store did that already. After a failed
    /// write they stay for the next open to judge: the manifest that names them may have reached the disk.
    pub fn end_import(&self, id: u64) {
        let (_commit, mut state) = self.both();
        let before = state.imports.len();
        state.imports.retain(|&i| i != id);
        if state.imports.len() < before && self.disk.check().is_ok() {
            SegmentWriter::remove(&self.disk, &self.root, id);
        }
    }
}
