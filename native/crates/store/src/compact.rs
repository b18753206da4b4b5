//! Compacting: segments are written anew without the rows that neither the present nor the history needs, and small
//! neighbours are joined. Row numbers stay as they are, so writes, readers and the history go on undisturbed meanwhile.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use arrow_array::{BooleanArray, RecordBatch};
use arrow_select::filter::filter_record_batch;
use roaring::RoaringBitmap;
use serde::Serialize;

use crate::error::{Error, Result};
use crate::history;
use crate::manifest::{Manifest, SegmentEntry};
use crate::memtable::columns_of;
use crate::meta::CollectionMeta;
use crate::part::Part;
use crate::segment::{SegmentWriter, open_part};
use crate::state::{Shared, State};
use crate::store::Store;
use crate::vfs::Disk;

/// Neighbouring segments of fewer rows are joined …
const SMALL_ROWS: u64 = 100_000;
/// … up to this many.
pub(crate) const JOINED_ROWS: u64 = 1_000_000;

/// What compacting did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct CompactReport {
    /// Bytes of all files before.
    pub bytes_before: u64,
    /// Bytes of all files after.
    pub bytes_after: u64,
    /// Bytes given back.
    pub freed: u64,
    /// Rows that are gone from the disk: dead, and not in the history.
    pub rows_dropped: u64,
    /// Segments that were written anew or taken away.
    pub segments: u64,
    /// Bytes that only the history still needs: its files, and about what dead rows take that it could bring back.
    pub held_by_history: u64,
}

/// Neighbouring segments that become one.
pub(crate) struct Group {
    pub collection: u32,
    pub meta: Arc<CollectionMeta>,
    pub entries: Vec<SegmentEntry>,
    pub parts: Vec<Arc<Part>>,
    /// Rows that are kept.
    pub needed: Arc<RoaringBitmap>,
    /// Rows that are dead, and may be kept for the history.
    pub deleted: Arc<RoaringBitmap>,
}

/// How a group is written anew.
pub(crate) struct Way {
    /// What the new files are written through.
    pub disk: Arc<Disk>,
    /// Nobody asked for it: a failure leaves everything as it is and poisons nothing, and nothing is sealed for it.
    pub quiet: bool,
}

/// Rows of a part that are kept.
fn kept(part: &Part, needed: &RoaringBitmap) -> u64 {
    part.numbers.count_in(needed) as u64
}

impl Store {
    /// Gives disk back that deleted and replaced rows take, and joins small segments. With `forget_history` the history is emptied first, so that
    /// everything that is not live goes. `progress(rows written, rows to be written)`.
    ///
    /// # Errors
    /// `CANCELLED` (what was compacted before stays so), and those of any write. The rows are the same whatever comes of it.
    pub fn compact(
        &self,
        forget_history: bool,
        progress: &dyn Fn(u64, u64),
        cancel: &AtomicBool,
    ) -> Result<CompactReport> {
        let shared = &self.shared;
        let _one = shared.compacting.lock();
        let mut report = CompactReport {
            bytes_before: self.info().disk_bytes,
            ..CompactReport::default()
        };
        if forget_history {
            self.forget_history()?;
        }
        let groups = shared.groups()?;
        let total: u64 = groups
            .iter()
            .flat_map(|g| g.parts.iter().map(|p| kept(p, &g.needed)))
            .sum();
        let mut done = 0;
        let way = Way {
            disk: shared.disk.clone(),
            quiet: false,
        };
        for group in &groups {
            if cancel.load(Ordering::Relaxed) {
                return Err(cancelled());
            }
            let dropped = shared.compact_group(group, &way, &mut done, total, progress, cancel)?;
            report.rows_dropped += dropped;
            report.segments += group.parts.len() as u64;
        }
        shared.let_go(false)?;
        shared.indexer.wake();
        report.held_by_history = shared.held_by_history()?;
        report.bytes_after = self.info().disk_bytes;
        report.freed = report.bytes_before.saturating_sub(report.bytes_after);
        Ok(report)
    }
}

fn cancelled() -> Error {
    Error::Cancelled {
        what: "compacting".to_owned(),
    }
}

impl Shared {
    /// Rows of a collection that the present or the history needs.
    pub fn needed(&self, state: &State, collection: u32) -> Result<RoaringBitmap> {
        let written = state.collections.get(&collection);
        let written = written.ok_or_else(|| Error::internal("a collection is gone"))?;
        let mut needed = RoaringBitmap::new();
        for part in written.parts() {
            part.numbers.add_to(&mut needed);
        }
        needed -= &*written.deleted;
        needed |= self.remembered(&state.manifest, collection)?;
        // What the log alone knows.
        for change in &state.ledger.pending {
            if change.entry.collection_id == collection {
                needed |= &change.inverse.died;
            }
        }
        Ok(needed)
    }

    /// Rows of a collection that died in some change that the history knows.
    fn remembered(&self, manifest: &Manifest, collection: u32) -> Result<RoaringBitmap> {
        let own: BTreeSet<u64> = manifest
            .history
            .entries
            .iter()
            .filter(|e| e.collection_id == collection)
            .map(|e| e.seq)
            .collect();
        let mut rows = RoaringBitmap::new();
        for file in &manifest.history.files {
            for (seq, inverse) in history::read(&self.disk, &self.root, &file.file)? {
                if own.contains(&seq) {
                    rows |= inverse.died;
                }
            }
        }
        Ok(rows)
    }

    /// What there is to do.
    fn groups(&self) -> Result<Vec<Group>> {
        let (commit, mut state) = self.publishing()?;
        // Also takes out of the history what its rule does not keep.
        self.seal(&commit, &mut state, |_| Ok(()))?;
        let unseen = self.unseen(&mut state);
        self.show(unseen);
        let mut groups: Vec<Group> = Vec::new();
        for entry in &state.manifest.collections {
            let needed = Arc::new(self.needed(&state, entry.id)?);
            let written = &state.collections[&entry.id];
            let mut open = false;
            for (segment, part) in entry.segments.iter().zip(&written.sealed) {
                let rows = kept(part, &needed);
                let small = rows < SMALL_ROWS;
                let room = groups.last().filter(|_| open).is_some_and(|g| {
                    let there: u64 = g.parts.iter().map(|p| kept(p, &needed)).sum();
                    there + rows <= JOINED_ROWS
                });
                if !(small && room) {
                    groups.push(Group {
                        collection: entry.id,
                        meta: written.meta.clone(),
                        entries: Vec::new(),
                        parts: Vec::new(),
                        needed: needed.clone(),
                        deleted: written.deleted.clone(),
                    });
                }
                if let Some(group) = groups.last_mut() {
                    group.entries.push(segment.clone());
                    group.parts.push(part.clone());
                }
                open = small;
            }
        }
        groups.retain(|g| {
            let dropped = g
                .parts
                .iter()
                .any(|p| kept(p, &g.needed) < u64::from(p.rows));
            g.parts.len() > 1 || dropped
        });
        Ok(groups)
    }

    /// Writes a group anew and lets it take the place of its segments. Gives the rows that went.
    pub fn compact_group(
        &self,
        group: &Group,
        way: &Way,
        done: &mut u64,
        total: u64,
        progress: &dyn Fn(u64, u64),
        cancel: &AtomicBool,
    ) -> Result<u64> {
        let rows: u64 = group.parts.iter().map(|p| u64::from(p.rows)).sum();
        let kept: u64 = group.parts.iter().map(|p| kept(p, &group.needed)).sum();
        let id = {
            let mut state = self.write()?;
            self.begin_import_segment(&mut state)
        };
        let written = if kept == 0 {
            Ok(None)
        } else {
            self.write_group(group, way, id, done, total, progress, cancel)
                .and_then(|new| self.with_indexes(group, way, new, cancel))
                .map(Some)
        };
        let swapped = written.and_then(|new| self.swap(group, way, new, id));
        // Once a manifest names it, it is no import's any more: see `swap`.
        self.end_import(id);
        Ok(if swapped? { rows - kept } else { 0 })
    }

    #[allow(clippy::too_many_arguments)]
    fn write_group(
        &self,
        group: &Group,
        way: &Way,
        id: u64,
        done: &mut u64,
        total: u64,
        progress: &dyn Fn(u64, u64),
        cancel: &AtomicBool,
    ) -> Result<SegmentEntry> {
        let schema = group.meta.schema();
        let mut writer = SegmentWriter::create(&way.disk, &self.root, id, &group.meta)?;
        writer.place(group.collection, None);
        let mut numbers: Vec<u32> = Vec::new();
        for part in &group.parts {
            let batches = if schema.fields().is_empty() {
                Vec::new()
            } else {
                columns_of(part, &schema)?
            };
            for range in ranges(part, &batches) {
                if cancel.load(Ordering::Relaxed) {
                    return Err(cancelled());
                }
                let keep: Vec<bool> = (range.start..range.end)
                    .map(|p| group.needed.contains(part.numbers.row(p)))
                    .collect();
                let count = keep.iter().filter(|k| **k).count();
                if count == 0 {
                    continue;
                }
                numbers.extend(
                    (range.start..range.end)
                        .map(|p| part.numbers.row(p))
                        .filter(|row| group.needed.contains(*row)),
                );
                let vectors = picked(part, &group.meta, range.start, &keep);
                let vectors: Vec<&[f32]> = vectors.iter().map(Vec::as_slice).collect();
                let columns = batches
                    .get(range.batch)
                    .map(|b| filter_record_batch(b, &BooleanArray::from(keep)))
                    .transpose()
                    .map_err(|e| Error::internal(format!("columns: {e}")))?;
                writer.append(count as u32, columns.as_ref(), &vectors)?;
                *done += count as u64;
                progress(*done, total);
            }
        }
        writer.finish_numbered(&numbers)
    }

    /// Publishes a generation in which the new segment (none if nothing was left) stands for those of the group. Whether it does.
    fn swap(&self, group: &Group, way: &Way, new: Option<SegmentEntry>, id: u64) -> Result<bool> {
        let part = new
            .as_ref()
            .map(|entry| open_part(&self.disk, &self.root, entry, &group.meta))
            .transpose()?;
        let (commit, mut state) = self.publishing()?;
        if way.quiet {
            self.sync(&commit, &mut state)?;
            if has_edits(&state, group.collection) {
                return Ok(false);
            }
        } else {
            // What was edited meanwhile is in files then, and so seen below.
            self.seal(&commit, &mut state, |_| Ok(()))?;
            let unseen = self.unseen(&mut state);
            self.show(unseen);
        }
        let Some(entry) = state.manifest.collection(group.collection) else {
            return Ok(false);
        };
        let same = |segments: &[SegmentEntry]| {
            let mut both = segments.iter().zip(&group.entries);
            segments.len() == group.entries.len()
                && both.all(|(a, b)| a.id == b.id && a.columns == b.columns)
        };
        let at = entry
            .segments
            .iter()
            .position(|s| s.id == group.entries[0].id);
        let range = at.map(|at| at..at + group.entries.len());
        let range = range.filter(|r| entry.segments.get(r.clone()).is_some_and(&same));
        // Cells were edited while the rows were copied: this time the segments stay as they are.
        let Some(range) = range else {
            return Ok(false);
        };
        self.publish_as(&commit, &mut state, way.quiet, |manifest| {
            let entry = manifest.collection_mut(group.collection)?;
            entry.segments.splice(range.clone(), new.clone());
            Ok(())
        })?;
        state.imports.retain(|&i| i != id);
        let written = state.collections.get_mut(&group.collection);
        let written = written.ok_or_else(|| Error::internal("a collection is gone"))?;
        written.sealed.splice(range, part.map(Arc::new));
        written.dirty = true;
        let unseen = self.unseen(&mut state);
        self.show(unseen);
        Ok(true)
    }

    /// Publishes one more generation, so that what compacting replaced is named by none that is kept.
    pub fn let_go(&self, quiet: bool) -> Result<()> {
        let (commit, mut state) = self.publishing()?;
        self.sync(&commit, &mut state)?;
        self.publish_as(&commit, &mut state, quiet, |_| Ok(()))
    }

    /// Bytes that only the history needs.
    fn held_by_history(&self) -> Result<u64> {
        let (_commit, state) = self.publishing()?;
        let mut bytes: u64 = state
            .manifest
            .history
            .files
            .iter()
            .map(|f| f.file.bytes)
            .sum();
        for entry in &state.manifest.collections {
            let written = &state.collections[&entry.id];
            for (segment, part) in entry.segments.iter().zip(&written.sealed) {
                let dead = part.numbers.count_in(&written.deleted) as u128;
                let size: u64 = segment.files.iter().map(|f| f.bytes).sum();
                bytes += (u128::from(size) * dead / u128::from(part.rows.max(1))) as u64;
            }
        }
        for dropped in &state.manifest.dropped {
            let files = dropped.segments.iter().flat_map(SegmentEntry::all_files);
            bytes += files.map(|f| f.bytes).sum::<u64>();
        }
        Ok(bytes)
    }
}

/// Whether cells of sealed rows were edited that no file holds yet. A log that edits them is read back with the values before, which a segment that was written
/// anew meanwhile would not have.
pub(crate) fn has_edits(state: &State, collection: u32) -> bool {
    let written = state.collections.get(&collection);
    written.is_some_and(|written| !written.edited.is_empty())
}

/// Positions of one batch.
struct Range {
    start: u32,
    end: u32,
    batch: usize,
}

/// The positions of a part, batch by batch, or in pieces where it has no columns.
fn ranges(part: &Part, batches: &[RecordBatch]) -> Vec<Range> {
    const PIECE: u32 = 8192;
    if batches.is_empty() {
        return (0..part.rows)
            .step_by(PIECE as usize)
            .map(|start| Range {
                start,
                end: start.saturating_add(PIECE).min(part.rows),
                batch: 0,
            })
            .collect();
    }
    let mut start = 0;
    let piece = |(batch, b): (usize, &RecordBatch)| {
        let range = Range {
            start,
            end: start + b.num_rows() as u32,
            batch,
        };
        start = range.end;
        range
    };
    batches.iter().enumerate().map(piece).collect()
}

/// For each vector column the vectors of the kept positions from `start` on.
fn picked(part: &Part, meta: &CollectionMeta, start: u32, keep: &[bool]) -> Vec<Vec<f32>> {
    part.vectors
        .iter()
        .zip(&meta.vectors)
        .map(|(column, spec)| {
            let from = start as usize * spec.dimension;
            let rows = column.data.as_slice()[from..].chunks_exact(spec.dimension);
            let kept = rows.zip(keep).filter(|(_, keep)| **keep);
            kept.flat_map(|(row, _)| row).copied().collect()
        })
        .collect()
}

/// Whether ascending row numbers leave none out.
pub(crate) fn contiguous(numbers: &[u32]) -> bool {
    match numbers {
        [first, .., last] => (last - first) as usize == numbers.len() - 1,
        _ => true,
    }
}
