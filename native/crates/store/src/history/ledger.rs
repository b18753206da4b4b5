//! The changes that the log holds and no checkpoint has written yet, and what of the history people see.

use std::ops::Range;
use std::sync::Arc;

use super::{Change, ChangeKind, Entry, Inverse, Kept, Pruned, Rule};
use crate::wal::Stamp;

/// Small writes to one collection that follow one another within this time are one entry, in milliseconds.
const TOGETHER_MS: u64 = 60_000;
/// A checkpoint is wanted when so many changes wait for it.
pub(crate) const MAX_PENDING: usize = 10_000;

/// Pending changes, by number.
#[derive(Debug)]
pub(crate) struct Ledger {
    pub pending: Vec<Change>,
    pub next_seq: u64,
    /// New and changed entries that [`Listed`] does not show yet.
    unshown: Vec<Arc<Entry>>,
}

impl Ledger {
    pub fn new(next_seq: u64) -> Ledger {
        Ledger {
            pending: Vec::new(),
            next_seq,
            unshown: Vec::new(),
        }
    }

    /// A stamp for a change that is an entry of its own.
    pub fn stamp(&self, collection: u32, at: u64) -> Stamp {
        Stamp {
            seq: self.next_seq,
            at,
            collection,
        }
    }

    /// A stamp for rows that are added now: they may belong to the entry of the rows before.
    pub fn stamp_rows(&self, collection: u32, at: u64) -> Stamp {
        let last = self.pending.last().map(|c| &c.entry);
        let same = last.filter(|e| {
            e.kind == ChangeKind::Add
                && e.collection_id == collection
                && at.saturating_sub(e.until) < TOGETHER_MS
        });
        Stamp {
            seq: same.map_or(self.next_seq, |e| e.seq),
            at,
            collection,
        }
    }

    /// Notes rows that were added by a small write, and the rows that they replaced.
    pub fn add_rows(
        &mut self,
        stamp: Stamp,
        name: &str,
        rows: &Range<u32>,
        died: impl IntoIterator<Item = u32>,
    ) {
        let follows = self.pending.last().is_some_and(|c| {
            c.entry.seq == stamp.seq
                && c.entry.kind == ChangeKind::Add
                && c.entry.collection_id == stamp.collection
        });
        if !follows {
            let (id, first) = (stamp.collection, rows.start);
            let entry = Entry::new(stamp.seq, stamp.at, ChangeKind::Add, id, name, first);
            self.push(Change {
                entry,
                inverse: Inverse::default(),
            });
        }
        if let Some(Change { entry, inverse }) = self.pending.last_mut() {
            let first = entry.first_row;
            inverse
                .died
                .extend(died.into_iter().filter(|row| *row < first));
            entry.removed = inverse.died.len();
            entry.added += rows.len() as u64;
            entry.end_row = rows.end;
            entry.until = stamp.at;
            let entry = Arc::new(entry.clone());
            // Many writes may wait for one sync.
            match self.unshown.last_mut() {
                Some(last) if last.seq == entry.seq => *last = entry,
                _ => self.unshown.push(entry),
            }
        }
    }

    /// Notes a change.
    pub fn push(&mut self, change: Change) {
        self.next_seq = self.next_seq.max(change.entry.seq.saturating_add(1));
        self.unshown.push(Arc::new(change.entry.clone()));
        self.pending.push(change);
    }

    /// Takes a change out again that turned out not to be.
    pub fn cancel(&mut self, seq: u64) {
        self.pending.retain(|c| c.entry.seq != seq);
        self.unshown.retain(|e| e.seq != seq);
    }

    /// What is to be shown once it is durable.
    pub fn take_unshown(&mut self) -> Vec<Arc<Entry>> {
        std::mem::take(&mut self.unshown)
    }
}

/// The history as people see it: durable entries, oldest first.
#[derive(Debug, Default)]
pub(crate) struct Listed {
    pub entries: Vec<Arc<Entry>>,
    pub rule: Rule,
    pub pruned: Option<Pruned>,
    pub bytes: u64,
}

impl Listed {
    pub fn new(kept: &Kept, pending: &[Change]) -> Listed {
        let mut entries = kept.entries.clone();
        entries.extend(pending.iter().map(|c| Arc::new(c.entry.clone())));
        entries.sort_by_key(|e| e.seq);
        // While a checkpoint writes pending changes down they stand in both.
        entries.dedup_by_key(|e| e.seq);
        Listed {
            entries,
            rule: kept.rule,
            pruned: kept.pruned,
            bytes: kept.files.iter().map(|f| f.file.bytes).sum(),
        }
    }

    /// Adds entries, or puts newer ones in the place of the same number.
    pub fn show(&mut self, entries: Vec<Arc<Entry>>) {
        for entry in entries {
            match self.entries.binary_search_by_key(&entry.seq, |e| e.seq) {
                Ok(at) => self.entries[at] = entry,
                Err(at) => self.entries.insert(at, entry),
            }
        }
    }
}
