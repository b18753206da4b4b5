//! What is provably good of a damaged segment: rows whose every byte lies in parts of the files whose checksums hold.

use std::io::Cursor;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow_array::{RecordBatch, RecordBatchOptions};
use arrow_ipc::reader::StreamReader;
use arrow_ipc::writer::StreamWriter;
use arrow_schema::{ArrowError, Schema};
use arrow_select::concat::concat_batches;
use roaring::RoaringBitmap;

use super::overlay::with_column;
use super::reader::{check_columns, numbers, read_columns};
use super::seal::{Seal, SealedFile};
use super::vectors::{PAGE, header};
use super::{COLUMNS_FILE, ROWS_FILE, guard, vectors_file};
use crate::error::{Error, Result};
use crate::manifest::{FileEntry, SegmentEntry, segment_folder};
use crate::meta::{CollectionMeta, IdKind, VectorSpec};
use crate::numbers::Numbers;
use crate::sealed::read_sealed;
use crate::vfs::{BLOCK, Disk};

/// A damaged segment, looked through.
pub(crate) struct Salvage {
    /// The row number of each position.
    pub numbers: Numbers,
    /// Edited columns that are damaged: the values of before the edits stand in their place.
    pub unedited: Vec<String>,
    folder: PathBuf,
    rows: u32,
    /// Positions of rows of which some byte is not known to be good, with the file to blame; the later file wins.
    pub bad: RoaringBitmap,
    /// Why: file names with the number of rows that they cost.
    pub reasons: Vec<(String, RoaringBitmap)>,
    /// Readable batches, with the position of their first row; none when the segment has no columns.
    pub batches: Vec<(u32, RecordBatch)>,
    vectors: Vec<(PathBuf, usize)>,
}

impl Salvage {
    /// Looks through the files that `entry` names.
    ///
    /// # Errors
    /// A failure of the system to read; damage is no error here.
    pub fn of(
        disk: &Disk,
        root: &Path,
        entry: &SegmentEntry,
        meta: &CollectionMeta,
    ) -> Result<Salvage> {
        let folder = segment_folder(root, entry.id);
        let seal = Seal::read(disk, &folder).ok();
        let seal = seal.filter(|s| s.rows == entry.rows);
        let numbers = numbers(disk, &folder, entry);
        let mut salvage = Salvage {
            numbers: match &numbers {
                Ok(numbers) => numbers.clone(),
                // Of no use: every row is bad then.
                Err(_) => {
                    Numbers::dense(0, entry.rows).unwrap_or(Numbers::Dense { first: 0, rows: 0 })
                }
            },
            unedited: Vec::new(),
            folder,
            rows: entry.rows,
            bad: RoaringBitmap::new(),
            reasons: Vec::new(),
            batches: Vec::new(),
            vectors: Vec::new(),
        };
        for (n, spec) in meta.vectors.iter().enumerate() {
            let name = vectors_file(n);
            let bad = salvage.vectors(disk, entry, seal.as_ref(), &name, spec)?;
            salvage.blame(&name, bad);
            let path = salvage.folder.join(&name);
            salvage.vectors.push((path, spec.dimension));
        }
        let has_columns = entry.files.iter().any(|f| f.name == COLUMNS_FILE);
        if has_columns || meta.id_kind != IdKind::RowNumber {
            let bad = salvage.columns(disk, entry, seal.as_ref(), meta)?;
            salvage.blame(COLUMNS_FILE, bad);
        }
        if numbers.is_err() {
            salvage.blame(ROWS_FILE, salvage.all());
        }
        salvage.edits(disk, entry, meta)?;
        Ok(salvage)
    }

    fn blame(&mut self, name: &str, bad: RoaringBitmap) {
        if !bad.is_empty() {
            self.bad |= &bad;
            self.reasons.push((name.to_owned(), bad));
        }
    }

    fn all(&self) -> RoaringBitmap {
        let mut all = RoaringBitmap::new();
        all.insert_range(0..self.rows);
        all
    }

    fn vectors(
        &self,
        disk: &Disk,
        entry: &SegmentEntry,
        seal: Option<&Seal>,
        name: &str,
        spec: &VectorSpec,
    ) -> Result<RoaringBitmap> {
        let row_bytes = spec.dimension as u64 * 4;
        let data = PAGE as u64..PAGE as u64 + u64::from(self.rows) * row_bytes;
        let fits = |f: &FileEntry| f.bytes >= data.end;
        let file = entry.files.iter().find(|f| f.name == name && fits(f));
        let Some(damage) = damage_of(disk, &self.folder, file, seal)? else {
            return Ok(self.all());
        };
        let mut bad = RoaringBitmap::new();
        for range in damage {
            // Behind a header that is all that is damaged of its block, the rows are good.
            let spared = range.start == 0 && self.only_header(disk, name, spec, seal);
            let start = if spared { BLOCK as u64 } else { range.start };
            let (start, end) = (start.max(data.start), range.end.min(data.end));
            if start < end {
                let first = (start - data.start) / row_bytes;
                let last = (end - data.start).div_ceil(row_bytes);
                bad.insert_range(first as u32..last as u32);
            }
        }
        Ok(bad)
    }

    /// Whether the first block of a file of vectors is as it was written once its header, which is known, is put right.
    fn only_header(&self, disk: &Disk, name: &str, spec: &VectorSpec, seal: Option<&Seal>) -> bool {
        let check = || {
            let file = seal?.file(name)?;
            let len = file.file.bytes.min(BLOCK as u64) as usize;
            let mut block = vec![0; len];
            let handle = disk.vfs().open(&self.folder.join(name)).ok()?;
            handle.read_at(&mut block, 0).ok()?;
            block.get_mut(..PAGE)?.copy_from_slice(&header(spec));
            Some(crc32c::crc32c(&block) == *file.blocks.first()?)
        };
        check().unwrap_or(false)
    }

    /// Reads the batches that are good, and gives the positions of those that are not.
    fn columns(
        &mut self,
        disk: &Disk,
        entry: &SegmentEntry,
        seal: Option<&Seal>,
        meta: &CollectionMeta,
    ) -> Result<RoaringBitmap> {
        let file = entry.files.iter().find(|f| f.name == COLUMNS_FILE);
        let Some(damage) = damage_of(disk, &self.folder, file, seal)? else {
            return Ok(self.all());
        };
        let path = self.folder.join(COLUMNS_FILE);
        let mut bad = RoaringBitmap::new();
        if damage.is_empty() {
            let Ok(batches) = guard_map(disk, &path) else {
                return Ok(self.all());
            };
            let total: usize = batches.iter().map(RecordBatch::num_rows).sum();
            if check_columns(&batches, meta).is_err() || total != self.rows as usize {
                return Ok(self.all());
            }
            let mut at = 0;
            for batch in batches {
                let rows = batch.num_rows() as u32;
                self.batches.push((at, batch));
                at += rows;
            }
            return Ok(bad);
        }
        // Damage is only told in parts by a seal.
        let Some(seal) = seal else {
            return Ok(self.all());
        };
        let mut at = 0u32;
        for place in &seal.batches {
            let end = at.saturating_add(place.rows).min(self.rows);
            let hit = damage
                .iter()
                .any(|d| d.start < place.end && place.start < d.end);
            let batch = (!hit)
                .then(|| read_message(disk, &path, place.start..place.end, &seal.meta))
                .and_then(|read| read.ok())
                .filter(|b| b.num_rows() == (end - at) as usize)
                .filter(|b| check_columns(std::slice::from_ref(b), meta).is_ok());
            match batch {
                Some(batch) => self.batches.push((at, batch)),
                None => drop(bad.insert_range(at..end)),
            }
            at = end;
        }
        bad.insert_range(at..self.rows);
        Ok(bad)
    }

    /// Puts edited columns in the place of those that the segment was sealed with, as far as they are whole.
    fn edits(&mut self, disk: &Disk, entry: &SegmentEntry, meta: &CollectionMeta) -> Result<()> {
        for overlay in &entry.columns {
            let file = Some(&overlay.file);
            let whole = damage_of(disk, &self.folder, file, None)?.is_some_and(|d| d.is_empty());
            let at = meta.columns.iter().position(|c| c.name == overlay.column);
            let path = self.folder.join(&overlay.file.name);
            let read = at
                .filter(|_| whole)
                .and_then(|at| Some((at, guard_map(disk, &path).ok()?)));
            let edited = read.and_then(|(at, edited)| {
                let schema = edited.first()?.schema();
                let all = concat_batches(&schema, &edited).ok()?;
                (all.num_rows() == self.rows as usize && all.num_columns() == 1)
                    .then_some((at, all))
            });
            let Some((at, all)) = edited else {
                self.unedited.push(overlay.column.clone());
                continue;
            };
            if self.batches.is_empty() {
                let empty = RecordBatchOptions::new().with_row_count(Some(self.rows as usize));
                let none = Arc::new(Schema::empty());
                let batch = RecordBatch::try_new_with_options(none, Vec::new(), &empty);
                let batch = batch.map_err(|e| Error::internal(format!("columns: {e}")))?;
                self.batches.push((0, batch));
            }
            for (start, batch) in &mut self.batches {
                let values = all.column(0).slice(*start as usize, batch.num_rows());
                *batch = with_column(batch, meta, at, values)?;
            }
        }
        Ok(())
    }

    /// Runs of positions that are good.
    pub fn good_runs(&self) -> Vec<Range<u32>> {
        runs(&(self.all() - &self.bad))
    }

    /// The values of some good rows of a vector column.
    pub fn read_vectors(&self, disk: &Disk, column: usize, rows: Range<u32>) -> Result<Vec<f32>> {
        let (path, dimension) = &self.vectors[column];
        let io = |e: &std::io::Error| Error::io("read", path, e);
        let handle = disk.vfs().open(path).map_err(|e| io(&e))?;
        let mut values = vec![0f32; rows.len() * dimension];
        let at = PAGE as u64 + u64::from(rows.start) * *dimension as u64 * 4;
        let bytes: &mut [u8] = bytemuck::cast_slice_mut(&mut values);
        handle.read_at(bytes, at).map_err(|e| io(&e))?;
        if cfg!(target_endian = "big") {
            for value in &mut values {
                *value = f32::from_bits(value.to_bits().swap_bytes());
            }
        }
        Ok(values)
    }
}

/// A set of numbers as runs.
pub(crate) fn runs(rows: &RoaringBitmap) -> Vec<Range<u32>> {
    let mut out: Vec<Range<u32>> = Vec::new();
    for row in rows {
        match out.last_mut() {
            Some(last) if last.end == row => last.end += 1,
            _ => out.push(row..row + 1),
        }
    }
    out
}

/// Which bytes of a file are damaged; `None` when nothing of it is known to be good.
fn damage_of(
    disk: &Disk,
    folder: &Path,
    file: Option<&FileEntry>,
    seal: Option<&Seal>,
) -> Result<Option<Vec<Range<u64>>>> {
    let Some(file) = file else {
        return Ok(None);
    };
    let path = folder.join(&file.name);
    match read_sealed(disk, &path, file, &mut |_| Ok(())) {
        Ok(_) => return Ok(Some(Vec::new())),
        // A medium that cannot read some of its sectors is asked again, block by block.
        Err(Error::Corrupt { .. } | Error::Io { .. }) => {}
        Err(e) => return Err(e),
    }
    let sealed: Option<&SealedFile> = seal.and_then(|s| s.file(&file.name));
    match sealed.filter(|s| s.file == *file) {
        Some(sealed) => Ok(sealed.damage(disk, &path).ok()),
        None => Ok(None),
    }
}

fn guard_map(disk: &Disk, path: &Path) -> Result<Vec<RecordBatch>, String> {
    let map = disk.map(path).map_err(|e| e.to_string())?;
    guard(|| read_columns(map))
}

/// One Arrow message of a file, read as a stream of that batch.
fn read_message(
    disk: &Disk,
    path: &Path,
    place: Range<u64>,
    meta: &CollectionMeta,
) -> Result<RecordBatch, String> {
    let len = usize::try_from(place.end - place.start).map_err(|e| e.to_string())?;
    let mut message = vec![0; len];
    let handle = disk.vfs().open(path).map_err(|e| e.to_string())?;
    handle
        .read_at(&mut message, place.start)
        .map_err(|e| e.to_string())?;
    let bad = |what: &str| ArrowError::IpcError(what.to_owned());
    guard(|| {
        let mut stream = Vec::new();
        // The schema, as it stands at the beginning of the file too.
        StreamWriter::try_new(&mut stream, &meta.schema())?.flush()?;
        stream.extend_from_slice(&message);
        let mut reader = StreamReader::try_new(Cursor::new(stream), None)?;
        reader.next().ok_or_else(|| bad("no batch"))?
    })
}
