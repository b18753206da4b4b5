//! The manifest: one file a generation, `MANIFEST-<generation, 20 digits>`, that names every sealed file. It is the commit point:
//! what the highest generation names is there, whole; what no kept generation names is a leftover.
//!
//! | bytes | field (little-endian) |
//! | --- | --- |
//! | 0..8 | magic `OMENMAN1` |
//! | 8..12 | format version, 2 (1, which has no history, is read) |
//! | 12..16 | CRC-32C of bytes 0..12 and 16..end |
//! | 16..24 | length of the body |
//! | 24.. | body: JSON, see [`Manifest`] |
//!
//! A generation is published by writing it under a temporary name, syncing it, renaming it, and syncing the folder. The newest
//! two are kept. The highest generation wins at open; if it is damaged, the store is not opened (the one before may lack acknowledged rows).

use std::collections::{BTreeSet, HashSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use roaring::RoaringBitmap;
use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};
use crate::history::{self, Entry, Kept};
use crate::maps::MapMeta;
use crate::meta::CollectionMeta;
use crate::vfs::Disk;

const MAGIC: [u8; 8] = *b"OMENMAN1";
/// The version that is written; 1 is read too.
const VERSION: u32 = 2;
const HEADER: usize = 24;
/// Largest manifest that is read.
const MAX_FILE: u64 = 1 << 30;
/// What a manifest is written under before it is renamed.
pub(crate) const TEMPORARY: &str = "MANIFEST.tmp";

/// Everything that is sealed, at one generation.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Manifest {
    pub generation: u64,
    /// The log's records up to this LSN are contained in the segments and `deleted` bitmaps below.
    pub last_lsn: u64,
    pub next_collection: u32,
    pub next_segment: u64,
    pub next_map: u64,
    pub collections: Vec<CollectionEntry>,
    /// Changes that the log does not say any more.
    #[serde(default)]
    pub history: Kept,
    /// Collections that were dropped, as they were, while the history can bring them back.
    #[serde(default)]
    pub dropped: Vec<CollectionEntry>,
}

/// One collection, as of `last_lsn`.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct CollectionEntry {
    pub id: u32,
    pub meta: Arc<CollectionMeta>,
    /// The number that the next row gets.
    pub next_row: u32,
    /// Row numbers of dead rows: a roaring bitmap in base64.
    #[serde(with = "bitmap")]
    pub deleted: Arc<RoaringBitmap>,
    /// Ascending by row number.
    pub segments: Vec<SegmentEntry>,
    pub maps: Vec<MapEntry>,
}

/// One sealed segment.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct SegmentEntry {
    pub id: u64,
    pub first_row: u32,
    pub rows: u32,
    /// Vectors, columns and ids.
    pub files: Vec<FileEntry>,
    /// Indexes, of any of the vector columns.
    pub indexes: Vec<IndexEntry>,
    /// The last row number, in a segment that was compacted: its row numbers are in a file. Elsewhere they are contiguous.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_row: Option<u32>,
    /// Columns that were edited since the segment was sealed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub columns: Vec<ColumnFile>,
}

/// A sealed file.
#[derive(Debug, Clone, Serialize, Deserialize, PartialEq, Eq)]
pub(crate) struct FileEntry {
    pub name: String,
    pub bytes: u64,
    pub crc32c: u32,
}

/// All values of one column of a segment.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct ColumnFile {
    /// The column's name.
    pub column: String,
    pub file: FileEntry,
}

/// The index of one vector column.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct IndexEntry {
    /// Number of the vector column.
    pub vector: usize,
    pub file: FileEntry,
}

/// A saved map.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct MapEntry {
    pub id: u64,
    pub meta: MapMeta,
    pub file: FileEntry,
}

mod bitmap {
    use serde::{Deserializer, Serializer, de, ser};

    use super::*;

    pub fn serialize<S: Serializer>(rows: &Arc<RoaringBitmap>, s: S) -> Result<S::Ok, S::Error> {
        let mut bytes = Vec::with_capacity(rows.serialized_size());
        rows.serialize_into(&mut bytes)
            .map_err(ser::Error::custom)?;
        s.serialize_str(&STANDARD.encode(bytes))
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(d: D) -> Result<Arc<RoaringBitmap>, D::Error> {
        let bytes = STANDARD
            .decode(String::deserialize(d)?)
            .map_err(de::Error::custom)?;
        let mut rest = bytes.as_slice();
        let rows = RoaringBitmap::deserialize_from(&mut rest).map_err(de::Error::custom)?;
        if !rest.is_empty() {
            return Err(de::Error::custom("bytes behind the bitmap"));
        }
        Ok(Arc::new(rows))
    }
}

/// The folder of a segment in a store.
pub(crate) fn segment_folder(root: &Path, id: u64) -> PathBuf {
    root.join("segments").join(segment_name(id))
}

/// The folder name of a segment.
pub(crate) fn segment_name(id: u64) -> String {
    format!("{id:016x}")
}

/// The name of a map's file.
pub(crate) fn map_name(id: u64) -> String {
    format!("{id:016x}.map")
}

/// The name of a generation's file.
pub(crate) fn file_name(generation: u64) -> String {
    format!("MANIFEST-{generation:020}")
}

/// The generation that a file's name tells.
pub(crate) fn parse_name(name: &str) -> Option<u64> {
    let digits = name.strip_prefix("MANIFEST-")?;
    (digits.len() == 20 && digits.bytes().all(|b| b.is_ascii_digit()))
        .then(|| digits.parse().ok())?
}

impl Manifest {
    /// The manifest of a new store.
    pub fn first() -> Manifest {
        Manifest {
            generation: 1,
            last_lsn: 0,
            next_collection: 1,
            next_segment: 1,
            next_map: 1,
            collections: Vec::new(),
            history: Kept {
                next_seq: 1,
                ..Kept::default()
            },
            dropped: Vec::new(),
        }
    }

    fn encode(&self) -> Result<Vec<u8>> {
        let mut out = vec![0; HEADER];
        serde_json::to_writer(&mut out, self)
            .map_err(|e| Error::internal(format!("manifest: {e}")))?;
        let body = (out.len() - HEADER) as u64;
        out[0..8].copy_from_slice(&MAGIC);
        out[8..12].copy_from_slice(&VERSION.to_le_bytes());
        out[16..24].copy_from_slice(&body.to_le_bytes());
        let crc = checksum(&out);
        out[12..16].copy_from_slice(&crc.to_le_bytes());
        Ok(out)
    }

    /// Parses and checks the manifest of `generation`, the content of the file at `path`.
    pub fn decode(path: &Path, bytes: &[u8], generation: u64) -> Result<Manifest> {
        let corrupt = |reason: &str| Error::corrupt(path, reason);
        let Some((header, body)) = bytes.split_first_chunk::<HEADER>() else {
            return Err(corrupt("it is too short for a manifest"));
        };
        if header[0..8] != MAGIC {
            return Err(corrupt("it does not begin with the manifest's magic"));
        }
        let [
            _,
            _,
            _,
            _,
            _,
            _,
            _,
            _,
            v0,
            v1,
            v2,
            v3,
            c0,
            c1,
            c2,
            c3,
            length @ ..,
        ] = *header;
        if checksum(bytes) != u32::from_le_bytes([c0, c1, c2, c3]) {
            return Err(corrupt("the checksum does not match"));
        }
        let found = u32::from_le_bytes([v0, v1, v2, v3]);
        if !(1..=VERSION).contains(&found) {
            return Err(Error::UnsupportedVersion {
                file: path.to_path_buf(),
                found,
                supported: VERSION,
            });
        }
        if u64::from_le_bytes(length) != body.len() as u64 {
            return Err(corrupt("its length is not what its header says"));
        }
        let mut manifest: Manifest =
            serde_json::from_slice(body).map_err(|e| corrupt(&format!("the body: {e}")))?;
        manifest.history.next_seq = manifest.history.next_seq.max(1);
        if manifest.generation != generation {
            return Err(corrupt("it is of another generation than its name"));
        }
        manifest.check().map_err(|reason| corrupt(&reason))?;
        Ok(manifest)
    }

    /// Reads the manifest of `generation`.
    pub fn read(disk: &Disk, root: &Path, generation: u64) -> Result<Manifest> {
        let path = root.join(file_name(generation));
        Manifest::decode(&path, &disk.read(&path, MAX_FILE)?, generation)
    }

    /// Makes this the store's newest generation. It is durable on return. Gives the bytes of the file.
    ///
    /// A generation that says nothing new but where derived data lies (`derived`) may fail before it is renamed without poisoning the handle: nothing is at stake.
    pub fn publish(&self, disk: &Arc<Disk>, root: &Path, derived: bool) -> Result<u64> {
        let bytes = self.encode()?;
        let temporary = root.join(TEMPORARY);
        disk.remove(&temporary);
        let file = if derived {
            disk.create_derived(&temporary)?
        } else {
            disk.create(&temporary)?
        };
        file.append(&bytes)?;
        file.sync()?;
        drop(file);
        disk.rename(&temporary, &root.join(file_name(self.generation)))?;
        disk.sync_dir(root)?;
        Ok(bytes.len() as u64)
    }

    /// Adds a collection, whose id is the next one.
    pub fn add(&mut self, entry: CollectionEntry) -> Result<()> {
        self.next_collection = entry
            .id
            .checked_add(1)
            .ok_or_else(|| Error::internal("out of ids"))?;
        self.collections.push(entry);
        Ok(())
    }

    /// Adds an entry to the history.
    pub fn note(&mut self, entry: Arc<Entry>) {
        let history = &mut self.history;
        history.next_seq = history.next_seq.max(entry.seq.saturating_add(1));
        let at = history.entries.partition_point(|e| e.seq < entry.seq);
        history.entries.insert(at, entry);
    }

    /// Takes out of the history what its rule does not keep, and dropped collections that it cannot bring back any more.
    pub fn prune(&mut self, now: u64) {
        self.history.prune(now);
        let entries = &self.history.entries;
        self.dropped
            .retain(|c| entries.iter().any(|e| e.collection_id == c.id));
    }

    pub fn collection(&self, id: u32) -> Option<&CollectionEntry> {
        self.collections.iter().find(|c| c.id == id)
    }

    pub fn collection_mut(&mut self, id: u32) -> Result<&mut CollectionEntry> {
        self.collections
            .iter_mut()
            .find(|c| c.id == id)
            .ok_or_else(|| Error::internal(format!("collection {id} is not in the manifest")))
    }

    /// Every sealed file that this generation names, with its path in the store.
    pub fn files(&self) -> impl Iterator<Item = (PathBuf, &FileEntry)> {
        let history = self.history.files.iter();
        let history = history.map(|h| (Path::new(history::FOLDER).join(&h.file.name), &h.file));
        let collections = self.collections.iter().chain(&self.dropped);
        collections.flat_map(CollectionEntry::files).chain(history)
    }

    /// Paths of [`Manifest::files`].
    pub fn paths(&self) -> BTreeSet<PathBuf> {
        self.files().map(|(path, _)| path).collect()
    }

    /// What must hold of any manifest; nothing later looks at it again.
    fn check(&self) -> Result<(), String> {
        let mut names = HashSet::new();
        let mut ids = HashSet::new();
        let mut segments = HashSet::new();
        let mut maps = HashSet::new();
        // Sizes are added up without another look.
        self.files()
            .try_fold(0u64, |sum, (_, f)| sum.checked_add(f.bytes))
            .filter(|sum| *sum <= i64::MAX as u64)
            .ok_or("its files are longer than any disk")?;
        for c in &self.collections {
            if !names.insert(&c.meta.name) {
                return Err(format!("collection {:?} is named twice", c.meta.name));
            }
        }
        for c in self.collections.iter().chain(&self.dropped) {
            let name = &c.meta.name;
            if !ids.insert(c.id) || c.id >= self.next_collection {
                return Err(format!("collection {name:?} has the id of another"));
            }
            c.check(self.next_segment, self.next_map, &mut segments, &mut maps)?;
        }
        self.history.check()
    }
}

impl CollectionEntry {
    /// Every file of the collection, with its path in the store.
    fn files(&self) -> impl Iterator<Item = (PathBuf, &FileEntry)> {
        let segments = self.segments.iter().flat_map(|s| {
            let folder = segment_folder(Path::new(""), s.id);
            s.all_files().map(move |f| (folder.join(&f.name), f))
        });
        let maps = self
            .maps
            .iter()
            .map(|m| (Path::new("maps").join(&m.file.name), &m.file));
        segments.chain(maps)
    }

    fn check(
        &self,
        next_segment: u64,
        next_map: u64,
        segments: &mut HashSet<u64>,
        maps: &mut HashSet<u64>,
    ) -> Result<(), String> {
        let name = &self.meta.name;
        self.meta
            .check()
            .map_err(|e| format!("collection {name:?}: {e}"))?;
        if self.deleted.max().is_some_and(|row| row >= self.next_row) {
            return Err(format!(
                "collection {name:?} has deleted rows that it never had"
            ));
        }
        let mut end = 0u32;
        for s in &self.segments {
            let id = segment_name(s.id);
            if !segments.insert(s.id) || s.id >= next_segment {
                return Err(format!(
                    "segment {id} is named twice, or has an id not given out yet"
                ));
            }
            if s.first_row < end || s.rows == 0 {
                return Err(format!("segment {id} overlaps the one before, or is empty"));
            }
            end = s
                .end_row()
                .ok_or_else(|| format!("segment {id} has too many rows"))?;
            s.check(&self.meta)
                .map_err(|what| format!("segment {id} {what}"))?;
        }
        if end > self.next_row {
            return Err(format!(
                "collection {name:?} has rows past its next row number"
            ));
        }
        let mut map_names = HashSet::new();
        for m in &self.maps {
            let sound = m.id < next_map && m.file.name == map_name(m.id);
            if !sound || !maps.insert(m.id) || !map_names.insert(&m.meta.name) {
                return Err(format!(
                    "map {:?} is named twice, or has a wrong file",
                    m.meta.name
                ));
            }
        }
        Ok(())
    }
}

impl SegmentEntry {
    /// All files of the segment: what it was sealed with, edited columns, indexes.
    pub fn all_files(&self) -> impl Iterator<Item = &FileEntry> {
        let columns = self.columns.iter().map(|c| &c.file);
        let indexes = self.indexes.iter().map(|i| &i.file);
        self.files.iter().chain(columns).chain(indexes)
    }

    /// The row number behind its last one; `None` if there is none such.
    pub fn end_row(&self) -> Option<u32> {
        match self.last_row {
            None => self.first_row.checked_add(self.rows),
            Some(last) => last
                .checked_sub(self.first_row)
                .filter(|gap| u64::from(*gap) + 1 >= u64::from(self.rows))
                .and_then(|_| last.checked_add(1)),
        }
    }

    fn check(&self, meta: &CollectionMeta) -> Result<(), String> {
        let mut files = HashSet::new();
        for f in self.all_files() {
            if !is_plain(&f.name) || !files.insert(&f.name) {
                return Err(format!("names the file {:?}", f.name));
            }
        }
        let mut indexed = HashSet::new();
        let sound = |i: &IndexEntry| i.vector < meta.vectors.len();
        if !self
            .indexes
            .iter()
            .all(|i| sound(i) && indexed.insert(i.vector))
        {
            return Err("has an index of no vector column, or two of one".to_owned());
        }
        let mut edited = HashSet::new();
        let there = |c: &ColumnFile| meta.column(&c.column).is_some();
        if !self
            .columns
            .iter()
            .all(|c| there(c) && edited.insert(&c.column))
        {
            return Err("has edited values of no column, or twice of one".to_owned());
        }
        Ok(())
    }
}

fn checksum(file: &[u8]) -> u32 {
    crc32c::crc32c_append(crc32c::crc32c(&file[0..12]), &file[16..])
}

/// Whether a name from a manifest is one of a file in the folder that it should be in, and nothing else.
pub(crate) fn is_plain(name: &str) -> bool {
    !name.is_empty()
        && name.len() <= 64
        && !name.starts_with('.')
        && name
            .bytes()
            .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'.')
}
