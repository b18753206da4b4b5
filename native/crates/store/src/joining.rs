//! Joining in the background: segments that are small beside their neighbours become one with them, so that a search meets few indexes however the rows
//! came, and what died does not stay. A collection has so at most a segment for each power of [`SHARE`] + 1 of its rows, up to [`JOINED_ROWS`]
//! (O'Neil et al., The log-structured merge-tree, 1996).

use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use crate::compact::{Group, JOINED_ROWS, Way, has_edits};
use crate::error::{Error, Result};
use crate::indexer::{MIN_ROWS, Task, write};
use crate::manifest::{CollectionEntry, IndexEntry, SegmentEntry, segment_folder};
use crate::part::Part;
use crate::segment::open_part;
use crate::state::{Shared, State};
use crate::sync::sleep;
use crate::vfs::Disk;

/// A segment is joined with all that come after it once these together have one row for so many of its own.
const SHARE: u64 = 4;

/// Background work leaves so many bytes of the disk for others.
const SPARED_BYTES: u64 = 64 << 20;
/// Rows in memory are sealed once nothing was written for so long.
const QUIET: Duration = Duration::from_secs(1);
/// Looks meanwhile whether there is something else to do.
const LOOKS: u32 = if cfg!(feature = "schedule") { 1 } else { 20 };

impl Shared {
    /// Seals what the memtables hold, if that is so much that searches take longer for it, once writers are quiet, or at once if somebody waits for the
    /// index. Whether it did; not when there is other work meanwhile.
    pub fn seal_when_quiet(&self) -> Result<bool> {
        loop {
            let before = {
                let (_commit, state) = self.publishing()?;
                let written = state.collections.values();
                let bytes = written.clone().map(|w| w.memtable.bytes()).sum();
                let most = written.map(|w| w.memtable.rows()).max();
                if most.is_none_or(|rows| rows < MIN_ROWS) || !self.has_room(bytes) {
                    return Ok(false);
                }
                state.wal.last_lsn()
            };
            for _ in 0..LOOKS {
                if self.indexer.is_waited_for() {
                    break;
                }
                sleep(QUIET / LOOKS);
                if self.indexer.is_wanted() {
                    return Ok(false);
                }
            }
            let (commit, mut state) = self.publishing()?;
            if state.wal.last_lsn() == before || self.indexer.is_waited_for() {
                self.checkpoint(&commit, &mut state)?;
                return Ok(true);
            }
        }
    }

    /// Whether files of so many bytes can be written beside those there are.
    fn has_room(&self, bytes: u64) -> bool {
        let room = self.disk.vfs().room(&self.root);
        room.is_none_or(|room| room > bytes.saturating_mul(2).saturating_add(SPARED_BYTES))
    }

    /// Joins segments where that is due. Whether anything was joined; then there may be more to do.
    pub fn join_some(&self, cancel: &AtomicBool) -> Result<bool> {
        // Compacting joins by itself.
        let Some(_one) = self.compacting.try_lock() else {
            return Ok(false);
        };
        let Some(group) = self.group_to_join()? else {
            return Ok(false);
        };
        let files = group.entries.iter().flat_map(SegmentEntry::all_files);
        if !self.has_room(files.map(|file| file.bytes).sum()) {
            return Ok(false);
        }
        let segments: Vec<u64> = group.entries.iter().map(|entry| entry.id).collect();
        if self.indexer.gave_up(&segments) {
            return Ok(false);
        }
        let way = Way {
            disk: Arc::new(Disk::new(self.disk.vfs().clone())),
            quiet: true,
        };
        let joined = self.compact_group(&group, &way, &mut 0, 0, &|_, _| {}, cancel);
        if let Err(Error::Corrupt { .. } | Error::Internal { .. }) = &joined {
            // Trying again would fail again.
            self.indexer.give_up(segments);
        }
        joined?;
        // The files that were joined go now, not with the next change.
        self.let_go(true)?;
        Ok(true)
    }

    fn group_to_join(&self) -> Result<Option<Group>> {
        let (_commit, state) = self.publishing()?;
        let Some((entry, start)) = due(&state) else {
            return Ok(None);
        };
        if has_edits(&state, entry.id) {
            return Ok(None);
        }
        let written = &state.collections[&entry.id];
        Ok(Some(Group {
            collection: entry.id,
            meta: written.meta.clone(),
            entries: entry.segments[start..].to_vec(),
            parts: written.sealed[start..].to_vec(),
            needed: Arc::new(self.needed(&state, entry.id)?),
            deleted: written.deleted.clone(),
        }))
    }

    /// A group's new segment with indexes of its own, so that no search finds it without them. They are made out of the largest index of the group.
    pub fn with_indexes(
        &self,
        group: &Group,
        way: &Way,
        mut new: SegmentEntry,
        cancel: &AtomicBool,
    ) -> Result<SegmentEntry> {
        // Without a builder nobody wants any.
        if new.rows < MIN_ROWS || !self.indexer.is_on() {
            return Ok(new);
        }
        let part = open_part(&self.disk, &self.root, &new, &group.meta)?;
        let folder = segment_folder(&self.root, new.id);
        for (vector, spec) in group.meta.vectors.iter().enumerate() {
            let index_of = |part: &Arc<Part>| part.vectors[vector].index.clone();
            let indexed = group.parts.iter().filter(|part| index_of(part).is_some());
            let largest = indexed.max_by_key(|part| part.rows);
            let index = largest.and_then(index_of);
            let task = Task {
                part: &part,
                vector,
                spec,
                deleted: &group.deleted,
                older: index.as_deref().zip(largest.map(|part| &**part)),
            };
            let index = task.build(&|_, _| {}, cancel)?;
            let mut name = String::new();
            match write(self, &folder, vector, &index, &mut name) {
                Ok(file) => new.indexes.push(IndexEntry { vector, file }),
                // Then the old segments stay, with the indexes that they have; the folder goes.
                Err(e) if way.quiet => return Err(e),
                // What was asked for is done without: the builder tries again.
                Err(_) => {
                    self.disk.remove(&folder.join(&name));
                }
            }
        }
        Ok(new)
    }
}

/// A collection that is open, and from which of its segments on they should be one.
fn due(state: &State) -> Option<(&CollectionEntry, usize)> {
    let mut collections = state.manifest.collections.iter();
    collections.find_map(|entry| {
        let rows: Vec<u64> = entry.segments.iter().map(|s| u64::from(s.rows)).collect();
        let start = first_to_join(&rows)?;
        let open = state.collections.contains_key(&entry.id);
        open.then_some((entry, start))
    })
}

/// From which segment on segments with so many rows should be one.
fn first_to_join(rows: &[u64]) -> Option<usize> {
    let mut after: u64 = rows.iter().sum();
    rows.iter().position(|own| {
        after -= own;
        after > 0 && *own <= SHARE * after && own + after <= JOINED_ROWS
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn segments_are_joined_once_those_after_them_have_a_quarter_of_their_rows() {
        assert_eq!(first_to_join(&[]), None);
        assert_eq!(first_to_join(&[100]), None);
        assert_eq!(first_to_join(&[100, 24]), None);
        assert_eq!(first_to_join(&[100, 25]), Some(0));
        assert_eq!(first_to_join(&[100, 20, 5]), Some(0));
        assert_eq!(first_to_join(&[1_000, 100, 30]), Some(1));
        assert_eq!(
            first_to_join(&[JOINED_ROWS, 100, 90]),
            Some(1),
            "large ones stay"
        );
        assert_eq!(first_to_join(&[JOINED_ROWS, JOINED_ROWS]), None);
    }

    #[test]
    fn however_rows_come_there_are_few_segments() {
        let (mut rows, mut written) = (Vec::new(), 0);
        for batch in 0..10_000u64 {
            rows.push(1 + batch * 7 % 13);
            while let Some(start) = first_to_join(&rows) {
                let joined = rows.drain(start..).sum();
                written += joined;
                rows.push(joined);
            }
            assert!(rows.len() <= 9, "{rows:?}");
        }
        // A row is written anew for each time that its segment grows by a quarter, or so.
        let all: u64 = rows.iter().sum();
        assert!(written < 40 * all, "{written} of {all}");
    }
}
