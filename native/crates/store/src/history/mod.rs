//! The history: what each change did, small enough to be kept, and enough to take it back.
//!
//! Rows never change their number and are never rewritten in place, so a collection's state is its next row number, the
//! bitmap of its dead rows, and its cells. A [`Change`] holds the inverse of one operation on these; the state before it is the present
//! one with it and all later ones taken back ([`Past`]). Changes that came through the log are *pending* until a checkpoint writes
//! them into a file of the history (`file`); replaying the log makes the same pending changes again.

mod file;
mod ledger;
mod list;
mod merge;
mod past;

use std::collections::HashSet;
use std::sync::Arc;

use arrow_array::RecordBatch;
use roaring::RoaringBitmap;
use serde::{Deserialize, Serialize};

pub(crate) use file::{FOLDER, read, write};
pub(crate) use ledger::{Ledger, Listed, MAX_PENDING};
pub use list::{HistoryInfo, ListedEntry};
pub(crate) use past::Past;

use crate::manifest::FileEntry;
use crate::sync::millis;
use crate::wal::Stamp;

/// Longest note, in bytes.
pub const MAX_NOTE_BYTES: usize = 1000;

/// What kind of operation a change was.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ChangeKind {
    /// An empty collection was made.
    Create,
    /// A collection was removed.
    Drop,
    /// Rows of a file (or another bulk) were added.
    Import,
    /// Rows were added by one or more small writes that followed one another.
    Add,
    /// Cells were given new values.
    Edit,
    /// Rows were deleted.
    Delete,
    /// The collection went back to an earlier state.
    Revert,
}

/// One entry of the history.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Entry {
    /// Its number; the store counts all changes.
    pub seq: u64,
    /// When it began, in milliseconds since 1970.
    pub at: u64,
    /// When it ended: later than `at` for small writes that were taken together.
    pub until: u64,
    /// What it was.
    pub kind: ChangeKind,
    /// The collection's name at that time.
    pub collection: String,
    /// The collection's number, which no other ever gets.
    pub collection_id: u32,
    /// Rows that it added.
    pub added: u64,
    /// Rows that were live before it and not after it: deleted or replaced.
    pub removed: u64,
    /// Rows that were dead before it and live after it.
    pub revived: u64,
    /// Rows of which it changed cells.
    pub changed: u64,
    /// A person's or program's words for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
    /// For a revert: the entry before which it went back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target: Option<u64>,
    /// For a revert: whether it was a step of undo or redo, which are walked over by the next step.
    #[serde(default)]
    pub step: bool,
    /// The collection's next row number before and after it.
    pub first_row: u32,
    /// See `first_row`.
    pub end_row: u32,
    /// Whether the collection was there before it, and after it.
    pub was_there: bool,
    /// See `was_there`.
    pub is_there: bool,
    /// Number of the file that holds its inverse; none where the numbers above say all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub file: Option<u64>,
}

/// Old values of some cells: one row for each number in `rows`, ascending.
#[derive(Debug, Clone)]
pub(crate) struct Cells {
    pub rows: RoaringBitmap,
    pub columns: RecordBatch,
}

/// What takes an operation back.
#[derive(Debug, Clone, Default)]
pub(crate) struct Inverse {
    /// Rows below the entry's `first_row` that were live before and dead after.
    pub died: RoaringBitmap,
    /// Rows below the entry's `first_row` that were dead before and live after.
    pub revived: RoaringBitmap,
    /// Values before, of cells that were changed: to be put back in this order.
    pub cells: Vec<Cells>,
}

impl Inverse {
    /// Whether the entry alone says all.
    pub fn is_empty(&self) -> bool {
        self.died.is_empty() && self.revived.is_empty() && self.cells.is_empty()
    }
}

/// An entry with its inverse.
#[derive(Debug, Clone)]
pub(crate) struct Change {
    pub entry: Entry,
    pub inverse: Inverse,
}

impl Entry {
    /// An entry of an operation on a collection that is there before and after it, and that did nothing yet.
    pub fn new(seq: u64, at: u64, kind: ChangeKind, id: u32, name: &str, next_row: u32) -> Entry {
        Entry {
            seq,
            at,
            until: at,
            kind,
            collection: name.to_owned(),
            collection_id: id,
            added: 0,
            removed: 0,
            revived: 0,
            changed: 0,
            note: None,
            target: None,
            step: false,
            first_row: next_row,
            end_row: next_row,
            was_there: true,
            is_there: true,
            file: None,
        }
    }
}

impl Change {
    /// Rows of a collection that are deleted.
    pub fn delete(stamp: Stamp, name: &str, next_row: u32, rows: RoaringBitmap) -> Change {
        let Stamp {
            seq,
            at,
            collection,
        } = stamp;
        let mut entry = Entry::new(seq, at, ChangeKind::Delete, collection, name, next_row);
        entry.removed = rows.len();
        Change {
            entry,
            inverse: Inverse {
                died: rows,
                ..Inverse::default()
            },
        }
    }
}

/// A file of the history.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct HistoryFile {
    /// Its number: the `seq` of its first change.
    pub id: u64,
    pub file: FileEntry,
}

/// How long changes are kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Rule {
    /// Days that an entry is kept.
    pub max_age_days: u32,
    /// Entries that are kept.
    pub max_entries: u32,
    /// Bytes that the files of the history may take.
    pub max_bytes: u64,
}

impl Default for Rule {
    fn default() -> Rule {
        Rule {
            max_age_days: 30,
            max_entries: 10_000,
            max_bytes: 1_000_000_000,
        }
    }
}

/// What the rule (or a person) took out of the history so far.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Pruned {
    /// Entries taken out.
    pub entries: u64,
    /// Time of the newest of them, in milliseconds since 1970.
    pub until: u64,
    /// When the last of them were taken out.
    pub at: u64,
    /// Number of the newest of them.
    pub seq: u64,
}

/// The history as the manifest holds it: what no log record says any more.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct Kept {
    /// The next entry's number.
    pub next_seq: u64,
    /// Ascending by number.
    pub entries: Vec<Arc<Entry>>,
    pub files: Vec<HistoryFile>,
    pub rule: Rule,
    pub pruned: Option<Pruned>,
}

impl Kept {
    /// Takes out what the rule does not keep any more. A file goes with the last of its entries.
    pub fn prune(&mut self, now: u64) {
        let age = u64::from(self.rule.max_age_days) * 86_400_000;
        let bytes: u64 = self.files.iter().map(|f| f.file.bytes).sum();
        let mut surplus = bytes.saturating_sub(self.rule.max_bytes);
        let too_many = self
            .entries
            .len()
            .saturating_sub(self.rule.max_entries as usize);
        let mut gone = 0;
        for (at, entry) in self.entries.iter().enumerate() {
            if at >= too_many && entry.until.saturating_add(age) >= now && surplus == 0 {
                break;
            }
            gone = at + 1;
            let last = !self.entries[gone..].iter().any(|e| e.file == entry.file);
            let size = self.files.iter().find(|f| last && Some(f.id) == entry.file);
            surplus = surplus.saturating_sub(size.map_or(0, |f| f.file.bytes));
        }
        self.forget(gone, now);
    }

    /// Takes out the first `count` entries.
    pub fn forget(&mut self, count: usize, now: u64) {
        if count == 0 {
            return;
        }
        let gone: Vec<_> = self.entries.drain(..count).collect();
        let before = self.pruned.map_or(0, |p| p.entries);
        self.pruned = gone.last().map(|last| Pruned {
            entries: before + gone.len() as u64,
            until: last.until,
            at: now,
            seq: last.seq,
        });
        let used: HashSet<u64> = self.entries.iter().filter_map(|e| e.file).collect();
        self.files.retain(|f| used.contains(&f.id));
    }

    /// What must hold of any manifest's history.
    pub fn check(&self) -> Result<(), String> {
        let ascend = self.entries.windows(2).all(|w| w[0].seq < w[1].seq);
        if !ascend || self.entries.last().is_some_and(|e| e.seq >= self.next_seq) {
            return Err("the history's entries are out of order".to_owned());
        }
        let files: HashSet<u64> = self.files.iter().map(|f| f.id).collect();
        if files.len() < self.files.len() {
            return Err("the history names a file twice".to_owned());
        }
        for entry in &self.entries {
            if entry.first_row > entry.end_row {
                return Err(format!("entry {} of the history has no rows", entry.seq));
            }
            if entry.file.is_some_and(|f| !files.contains(&f)) {
                return Err(format!("entry {} of the history has no file", entry.seq));
            }
        }
        for file in &self.files {
            if file.file.name != file_name(file.id) {
                return Err(format!("the history names the file {:?}", file.file.name));
            }
        }
        Ok(())
    }
}

/// How many rows layers of cells change.
pub(crate) fn changed_rows(layers: &[Cells]) -> u64 {
    let rows = layers
        .iter()
        .fold(RoaringBitmap::new(), |all, c| all | &c.rows);
    rows.len()
}

/// The name of a file of the history.
pub(crate) fn file_name(id: u64) -> String {
    format!("{id:016x}.hist")
}

/// Now, in milliseconds since 1970.
pub(crate) fn now() -> u64 {
    millis()
}

/// The entry that undoing would go back before, among the entries of one collection, oldest first.
///
/// The state after a step of undo or redo is that before its target, so what led to the present state is found by following these.
/// A revert to some chosen state is a change like any other.
pub(crate) fn undo_target<'a>(entries: &[&'a Arc<Entry>]) -> Option<&'a Arc<Entry>> {
    let mut at = entries.len().checked_sub(1)?;
    loop {
        let Some(target) = entries[at].target.filter(|_| entries[at].step) else {
            return Some(entries[at]);
        };
        at = entries
            .partition_point(|e| e.seq < target)
            .checked_sub(1)
            .filter(|&next| next < at)?;
    }
}

/// The step of undo that redoing would go back before.
pub(crate) fn redo_target<'a>(entries: &[&'a Arc<Entry>]) -> Option<&'a Arc<Entry>> {
    let mut at = entries.len().checked_sub(1)?;
    loop {
        let target = entries[at].target.filter(|_| entries[at].step)?;
        // Where it was pruned nobody knows whether this was an undo.
        let found = entries.binary_search_by_key(&target, |e| e.seq).ok()?;
        // A step back before a step was a redo: look at what was the state before that one.
        match Some(found).filter(|&t| entries[t].step && t < at) {
            Some(t) => at = t.checked_sub(1)?,
            None => return Some(entries[at]),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Entries from `(seq, target)`.
    fn chain(steps: &[(u64, Option<u64>)]) -> Vec<Arc<Entry>> {
        steps
            .iter()
            .map(|&(seq, target)| {
                let mut e = Entry::new(seq, seq, ChangeKind::Delete, 1, "words", 0);
                e.target = target;
                e.step = target.is_some();
                Arc::new(e)
            })
            .collect()
    }

    fn targets(steps: &[(u64, Option<u64>)]) -> (Option<u64>, Option<u64>) {
        let entries = chain(steps);
        let refs: Vec<_> = entries.iter().collect();
        (
            undo_target(&refs).map(|e| e.seq),
            redo_target(&refs).map(|e| e.seq),
        )
    }

    #[test]
    fn undo_and_redo_walk_the_history_like_a_stack() {
        assert_eq!(targets(&[]), (None, None));
        assert_eq!(targets(&[(1, None), (2, None), (3, None)]), (Some(3), None));
        // Undo once, twice.
        let once = [(1, None), (2, None), (3, None), (4, Some(3))];
        assert_eq!(targets(&once), (Some(2), Some(4)));
        let twice = [once.as_slice(), &[(5, Some(2))]].concat();
        assert_eq!(targets(&twice), (Some(1), Some(5)));
        // Redo once, twice: back where it began.
        let redone = [twice.as_slice(), &[(6, Some(5))]].concat();
        assert_eq!(targets(&redone), (Some(2), Some(4)));
        let all = [redone.as_slice(), &[(7, Some(4))]].concat();
        assert_eq!(targets(&all), (Some(3), None));
        // A new change ends the redoing.
        let other = [twice.as_slice(), &[(6, None)]].concat();
        assert_eq!(targets(&other), (Some(6), None));
        let undone = [other.as_slice(), &[(7, Some(6))]].concat();
        assert_eq!(targets(&undone), (Some(1), Some(7)));
        // Going back to some chosen state is undone like any change.
        let mut chosen = chain(&[(1, None), (2, None), (3, Some(1)), (4, Some(3))]);
        Arc::make_mut(&mut chosen[2]).step = false;
        let refs: Vec<_> = chosen.iter().collect();
        assert_eq!(undo_target(&refs[..3]).unwrap().seq, 3);
        assert_eq!(undo_target(&refs).unwrap().seq, 2);
        assert_eq!(redo_target(&refs[..3]), None);
        assert_eq!(redo_target(&refs).unwrap().seq, 4);
        // Everything undone.
        assert_eq!(targets(&[(1, None), (2, Some(1))]), (None, Some(2)));
    }

    #[test]
    fn pruning_counts_what_went_and_keeps_the_files_of_the_rest() {
        let mut kept = Kept {
            next_seq: 7,
            entries: chain(&[
                (1, None),
                (2, None),
                (3, None),
                (4, None),
                (5, None),
                (6, None),
            ]),
            ..Kept::default()
        };
        kept.rule = Rule {
            max_age_days: 1,
            max_entries: 4,
            max_bytes: 100,
        };
        for (seq, file) in [(2, 2), (3, 2), (4, 2), (6, 6)] {
            Arc::make_mut(&mut kept.entries[seq - 1]).file = Some(file);
        }
        let file = |id| HistoryFile {
            id,
            file: FileEntry {
                name: file_name(id),
                bytes: 40,
                crc32c: 0,
            },
        };
        kept.files = vec![file(2), file(6)];
        kept.check().unwrap();
        // Two too many; the second one's file holds two more, and stays with them.
        kept.prune(10);
        assert_eq!(kept.entries.first().unwrap().seq, 3);
        assert_eq!((kept.pruned.unwrap().entries, kept.files.len()), (2, 2));
        kept.rule.max_entries = 2;
        kept.prune(11);
        assert_eq!(kept.entries.first().unwrap().seq, 5);
        assert_eq!(kept.files.len(), 1);
        assert_eq!(
            kept.pruned.unwrap(),
            Pruned {
                entries: 4,
                until: 4,
                at: 11,
                seq: 4
            }
        );
        kept.prune(86_400_000 * 2);
        assert!(kept.entries.is_empty() && kept.files.is_empty());
        kept.check().unwrap();
    }
}
