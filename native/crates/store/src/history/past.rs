//! The state of a collection before an entry: the present one, with changes taken back one after the other.

use std::path::Path;
use std::sync::Arc;

use roaring::RoaringBitmap;

use super::merge::merge;
use super::{Cells, Change, Entry, Inverse, Kept, read};
use crate::edit::patch_all;
use crate::error::{Error, Result};
use crate::meta::CollectionMeta;
use crate::part::Part;
use crate::vfs::Disk;

/// A collection as it was.
pub(crate) struct Past {
    pub next_row: u32,
    pub deleted: RoaringBitmap,
    /// Values to put back, in this order: later ones win. After [`Past::go_back`] no cell stands twice.
    pub cells: Vec<Cells>,
    /// Whether there was such a collection.
    pub there: bool,
}

impl Past {
    /// The present.
    pub fn new(next_row: u32, deleted: &RoaringBitmap, there: bool) -> Past {
        Past {
            next_row,
            deleted: deleted.clone(),
            cells: Vec::new(),
            there,
        }
    }

    /// Goes back before a change; newest first.
    pub fn take_back(&mut self, entry: &Entry, inverse: Inverse) {
        self.deleted -= inverse.died;
        self.deleted |= inverse.revived;
        self.next_row = entry.first_row;
        self.cells.extend(inverse.cells);
        self.there = entry.was_there;
    }

    /// Goes back before entry `seq` of a collection. `pending` are the changes that the log holds.
    pub fn go_back(
        &mut self,
        disk: &Disk,
        root: &Path,
        kept: &Kept,
        pending: &[Change],
        collection: u32,
        seq: u64,
    ) -> Result<()> {
        let wanted = |e: &Entry| e.collection_id == collection && e.seq >= seq;
        for change in pending.iter().rev().filter(|c| wanted(&c.entry)) {
            self.take_back(&change.entry, change.inverse.clone());
        }
        let mut loaded: Option<(u64, Vec<(u64, Inverse)>)> = None;
        for entry in kept.entries.iter().rev().filter(|e| wanted(e)) {
            let Some(id) = entry.file else {
                self.take_back(entry, Inverse::default());
                continue;
            };
            if loaded.as_ref().is_none_or(|(known, _)| *known != id) {
                let file = kept.files.iter().find(|f| f.id == id);
                let file = file.ok_or_else(|| Error::internal("a file of the history is gone"))?;
                loaded = Some((id, read(disk, root, &file.file)?));
            }
            let inverses = loaded.as_mut().map(|(_, inverses)| inverses);
            let found = inverses.and_then(|all| {
                let at = all.iter().position(|(n, _)| *n == entry.seq)?;
                Some(all.swap_remove(at).1)
            });
            let inverse = found.ok_or_else(|| {
                Error::corrupt(
                    &root.join(super::FOLDER).join(super::file_name(id)),
                    format!("it lacks change {}", entry.seq),
                )
            })?;
            self.take_back(entry, inverse);
        }
        self.cells = merge(std::mem::take(&mut self.cells)).map_err(Error::internal)?;
        Ok(())
    }

    /// The parts as they were, of the parts that are there now; rows that came later are dead in `deleted`.
    pub fn parts<'a>(
        &mut self,
        meta: &CollectionMeta,
        now: impl Iterator<Item = &'a Arc<Part>>,
    ) -> Result<Vec<Arc<Part>>> {
        let mut parts = Vec::new();
        for part in now.filter(|p| p.range().start < self.next_row) {
            let part = match patch_all(part, meta, &self.cells)? {
                Some((patched, _)) => Arc::new(patched),
                None => part.clone(),
            };
            let range = part.range();
            if range.end > self.next_row {
                self.deleted.insert_range(self.next_row..range.end);
            }
            parts.push(part);
        }
        Ok(parts)
    }
}
