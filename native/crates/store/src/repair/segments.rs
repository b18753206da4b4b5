//! Segments: whole ones are copied, of damaged ones the good rows become segments of their own.

use std::collections::HashMap;
use std::ops::Range;
use std::sync::Arc;

use arrow_array::RecordBatch;
use roaring::RoaringBitmap;

use super::Work;
use super::loss::Place;
use crate::backup::copy_file;
use crate::error::{Error, Result};
use crate::ingest::ids_of;
use crate::manifest::{CollectionEntry, Manifest, SegmentEntry, segment_folder, segment_name};
use crate::memtable::widen;
use crate::meta::IdKind;
use crate::segment::{Salvage, SegmentWriter};

/// Rows that are copied at once, and numbers in them.
const CHUNK: u32 = 4096;
const CHUNK_FLOATS: usize = 1 << 20;

/// Brings the segments of all collections over, and lets `manifest` name what came of them.
pub(super) fn salvage(work: &mut Work<'_>, manifest: &mut Manifest) -> Result<()> {
    let mut next_segment = manifest.next_segment;
    for collection in &mut manifest.collections {
        let mut segments = Vec::new();
        for entry in std::mem::take(&mut collection.segments) {
            match copy_whole(work, &collection.meta.name, entry.clone())? {
                Some(entry) => segments.push(entry),
                None => {
                    segments.extend(save_rows(work, collection, &entry, &mut next_segment)?);
                }
            }
        }
        collection.segments = segments;
        if let Some(loss) = work.lost.get(&collection.id) {
            *Arc::make_mut(&mut collection.deleted) |= &loss.rows;
        }
    }
    manifest.next_segment = next_segment;
    Ok(())
}

/// Copies a segment. `None` when a file of it is damaged, indexes excepted, which are left out.
fn copy_whole(
    work: &mut Work<'_>,
    collection: &str,
    mut entry: SegmentEntry,
) -> Result<Option<SegmentEntry>> {
    let folder = segment_folder(work.root, entry.id);
    let to = segment_folder(work.target, entry.id);
    work.disk.create_dir(&to)?;
    let mut whole = true;
    let mut damaged_indexes = Vec::new();
    let indexes = entry.indexes.iter().map(|i| (&i.file, true));
    let edited = entry.columns.iter().map(|c| &c.file);
    let data = entry.files.iter().chain(edited).map(|f| (f, false));
    for (file, is_index) in data.chain(indexes) {
        let (source, target) = (folder.join(&file.name), to.join(&file.name));
        match copy_file(work.from, &source, file, work.disk, &target, work.tick) {
            Ok(_) => {}
            Err(Error::Corrupt { .. } | Error::Io { .. }) => {
                // A failure to write is none of the source's.
                work.disk.check()?;
                if !is_index {
                    whole = false;
                    break;
                }
                damaged_indexes.push(file.name.clone());
            }
            Err(e) => return Err(e),
        }
    }
    if !whole {
        work.disk.remove_tree(&to);
        return Ok(None);
    }
    for name in damaged_indexes {
        entry.indexes.retain(|i| i.file.name != name);
        work.note(format!(
            "{name} of segment {} of {collection:?} is damaged: it is built again",
            segment_name(entry.id)
        ));
    }
    work.disk.sync_dir(&to)?;
    Ok(Some(entry))
}

/// Writes the good rows of a damaged segment into a new one; none if there are no such rows.
fn save_rows(
    work: &mut Work<'_>,
    collection: &CollectionEntry,
    entry: &SegmentEntry,
    next_segment: &mut u64,
) -> Result<Option<SegmentEntry>> {
    let salvage = Salvage::of(work.from, work.root, entry, &collection.meta)?;
    let runs = salvage.good_runs();
    let mut saved = None;
    if !runs.is_empty() {
        let id = *next_segment;
        *next_segment = id
            .checked_add(1)
            .ok_or_else(|| Error::internal("out of ids"))?;
        let mut writer = SegmentWriter::create(work.disk, work.target, id, &collection.meta)?;
        writer.place(collection.id, None);
        let mut numbers = Vec::new();
        for run in runs {
            numbers.extend(run.clone().map(|p| salvage.numbers.row(p)));
            write_run(work, collection, &mut writer, &salvage, run)?;
        }
        saved = Some(writer.finish_numbered(&numbers)?);
    }
    for column in &salvage.unedited {
        work.note(format!(
            "the edited values of column {column:?} in segment {} of {:?} are damaged: the values of before the edits are there",
            segment_name(entry.id),
            collection.meta.name
        ));
    }
    list_lost(work, collection, entry, &salvage);
    if salvage.bad.is_empty() {
        work.note(format!(
            "segment {} of {:?} was made anew: no row of it is lost",
            segment_name(entry.id),
            collection.meta.name
        ));
    }
    Ok(saved)
}

fn write_run(
    work: &mut Work<'_>,
    collection: &CollectionEntry,
    writer: &mut SegmentWriter,
    salvage: &Salvage,
    run: Range<u32>,
) -> Result<()> {
    let meta = &collection.meta;
    let schema = meta.schema();
    let chunk = (CHUNK_FLOATS / meta.row_floats().max(1)).clamp(1, CHUNK as usize) as u32;
    let mut put = |rows: Range<u32>, columns: Option<&RecordBatch>| -> Result<()> {
        let vectors = (0..meta.vectors.len())
            .map(|n| salvage.read_vectors(work.from, n, rows.clone()))
            .collect::<Result<Vec<_>>>()?;
        let slices: Vec<&[f32]> = vectors.iter().map(Vec::as_slice).collect();
        (work.tick)(0)?;
        writer.append(rows.len() as u32, columns, &slices)
    };
    if schema.fields().is_empty() || salvage.batches.is_empty() {
        // Rows from before the collection had a column have nulls in it.
        let mut at = run.start;
        while at < run.end {
            let rows = at..run.end.min(at.saturating_add(chunk));
            at = rows.end;
            let nulls = (!schema.fields().is_empty()).then(|| {
                let columns = schema.fields().iter();
                let columns =
                    columns.map(|f| arrow_array::new_null_array(f.data_type(), rows.len()));
                RecordBatch::try_new(schema.clone(), columns.collect())
            });
            let nulls = nulls.transpose();
            let nulls = nulls.map_err(|e| Error::internal(format!("columns: {e}")))?;
            put(rows, nulls.as_ref())?;
        }
    }
    for (start, batch) in &salvage.batches {
        let end = start + batch.num_rows() as u32;
        let mut at = run.start.max(*start);
        while at < run.end.min(end) {
            let rows = at..run.end.min(end).min(at.saturating_add(chunk));
            at = rows.end;
            let columns = batch.slice((rows.start - start) as usize, rows.len());
            put(rows, Some(&widen(&columns, &schema)?))?;
        }
    }
    Ok(())
}

/// Tells which live rows of a segment are lost, and why.
fn list_lost(
    work: &mut Work<'_>,
    collection: &CollectionEntry,
    entry: &SegmentEntry,
    salvage: &Salvage,
) {
    let number = |positions: &RoaringBitmap| -> RoaringBitmap {
        positions.iter().map(|p| salvage.numbers.row(p)).collect()
    };
    let loss = work.lost.entry(collection.id).or_default();
    let rows = number(&salvage.bad);
    let lost = &rows - &*collection.deleted;
    loss.rows |= rows;
    if lost.is_empty() {
        return;
    }
    let mut ids = HashMap::new();
    if collection.meta.id_kind != IdKind::RowNumber {
        for (start, batch) in &salvage.batches {
            let column = batch.columns().first();
            let read = column.and_then(|c| ids_of(c).ok()).unwrap_or_default();
            let rows = (*start..).zip(read);
            let rows = rows.map(|(p, id)| (salvage.numbers.row(p), id));
            ids.extend(rows.filter(|(row, _)| lost.contains(*row)));
        }
    }
    let reasons = salvage.reasons.iter();
    let reasons = reasons.map(|(file, bad)| (format!("{file} is damaged"), number(bad)));
    loss.add(Place {
        segment: segment_name(entry.id),
        lost,
        ids,
        reasons: reasons.collect(),
    });
}
