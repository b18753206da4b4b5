//! What is said of the history: entries with whether they are undone, what undo and redo would do.

use std::collections::HashSet;
use std::sync::Arc;

use serde::Serialize;

use super::{Entry, Listed, Pruned, Rule, redo_target, undo_target};

/// An entry of the history, and whether its effect is gone again.
#[derive(Debug, Clone, Serialize)]
pub struct ListedEntry {
    /// The entry.
    #[serde(flatten)]
    pub entry: Arc<Entry>,
    /// Whether a later revert took it back.
    pub undone: bool,
}

/// Size and rule of the history.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct HistoryInfo {
    /// Entries that are kept.
    pub entries: u64,
    /// Bytes of its files.
    pub bytes: u64,
    /// How long entries are kept.
    pub rule: Rule,
    /// What was taken out.
    pub pruned: Option<Pruned>,
}

impl Listed {
    pub fn info(&self) -> HistoryInfo {
        HistoryInfo {
            entries: self.entries.len() as u64,
            bytes: self.bytes,
            rule: self.rule,
            pruned: self.pruned,
        }
    }

    /// The newest `limit` entries, newest first.
    pub fn newest(&self, limit: usize) -> Vec<ListedEntry> {
        let mut undone = HashSet::new();
        let collections: HashSet<u32> = self.entries.iter().map(|e| e.collection_id).collect();
        for collection in collections {
            taken_back(&self.of(collection), &mut undone);
        }
        self.entries
            .iter()
            .rev()
            .take(limit)
            .map(|entry| ListedEntry {
                entry: entry.clone(),
                undone: undone.contains(&entry.seq),
            })
            .collect()
    }

    pub fn find(&self, seq: u64) -> Option<&Arc<Entry>> {
        let at = self.entries.binary_search_by_key(&seq, |e| e.seq).ok()?;
        Some(&self.entries[at])
    }

    /// The collection that had this name last.
    pub fn last_named(&self, name: &str) -> Option<u32> {
        let mut entries = self.entries.iter().rev();
        let last = entries.find(|e| e.collection == name);
        last.map(|e| e.collection_id)
    }

    fn of(&self, collection: u32) -> Vec<&Arc<Entry>> {
        let own = |e: &&Arc<Entry>| e.collection_id == collection;
        self.entries.iter().filter(own).collect()
    }

    /// The entry that undo would take back.
    pub fn undo(&self, collection: u32) -> Option<Arc<Entry>> {
        undo_target(&self.of(collection)).cloned()
    }

    /// The revert that redo would take back.
    pub fn redo(&self, collection: u32) -> Option<Arc<Entry>> {
        redo_target(&self.of(collection)).cloned()
    }
}

/// Adds the numbers of the entries of one collection (oldest first) whose effect is gone.
fn taken_back(entries: &[&Arc<Entry>], undone: &mut HashSet<u64>) {
    let mut at = entries.len();
    while let Some(now) = at.checked_sub(1) {
        let Some(target) = entries[now].target else {
            at = now;
            continue;
        };
        let first = entries.partition_point(|e| e.seq < target).min(now);
        undone.extend(entries[first..now].iter().map(|e| e.seq));
        at = first;
    }
}
