//! What there was: the newest manifest that checks out, or what the seals of the segments say.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;

use crate::error::{Error, Result};
use crate::manifest::{
    CollectionEntry, FileEntry, Manifest, SegmentEntry, file_name, parse_name, segment_folder,
    segment_name,
};
use crate::meta::CollectionMeta;
use crate::segment::{SEAL_FILE, Seal};
use crate::vfs::Disk;
use crate::wal;

/// Largest seal that is read.
const MAX_SEAL: u64 = 1 << 30;

/// What is to be saved.
pub(super) struct Chosen {
    pub manifest: Manifest,
    /// The generation that it is of.
    pub generation: Option<u64>,
    /// Whether it is the newest: then it says all that the log does not.
    pub certain: bool,
    /// Row numbers below these were given out by the manifest that was found, by collection: the log means the same rows by them.
    pub known_rows: BTreeMap<u32, u32>,
}

pub(super) fn choose(disk: &Disk, root: &Path, notes: &mut Vec<String>) -> Result<Chosen> {
    let mut generations: Vec<u64> = disk
        .list(root)?
        .iter()
        .filter_map(|e| parse_name(&e.name))
        .collect();
    generations.sort_unstable();
    let mut certain = true;
    for generation in generations.into_iter().rev() {
        let manifest = match Manifest::read(disk, root, generation) {
            Ok(manifest) => manifest,
            Err(e @ Error::UnsupportedVersion { .. }) => return Err(e),
            Err(e) => {
                notes.push(format!("{} cannot be used: {e}", file_name(generation)));
                certain = false;
                continue;
            }
        };
        if certain && log_begins_later(disk, root, &manifest) {
            notes.push(format!(
                "the log begins after generation {generation}: a newer one was there, and is missing"
            ));
            certain = false;
        }
        let from = manifest.next_segment;
        let mut chosen = Chosen {
            generation: Some(generation),
            certain,
            known_rows: next_rows(&manifest),
            manifest,
        };
        if !certain {
            notes.push(format!(
                "generation {generation}, an older one, is used: rows deleted, replaced or edited since may be as they were then"
            ));
            adopt(&mut chosen.manifest, sealed(disk, root, from, notes), notes);
        } else {
            for (id, ..) in sealed(disk, root, from, &mut Vec::new()) {
                notes.push(format!(
                    "segment {} is left out, which the manifest does not name: an import that was never finished, most likely",
                    segment_name(id)
                ));
            }
        }
        return Ok(chosen);
    }
    let mut manifest = Manifest::first();
    let found = sealed(disk, root, 0, notes);
    if found.is_empty() {
        return Err(Error::corrupt(
            root,
            "neither a manifest nor a sealed segment can be read: there is nothing to save",
        ));
    }
    notes.push(
        "no manifest can be used: every segment that says what it is was taken; deleted or replaced rows, dropped collections and imports that were never finished may be among them"
            .to_owned(),
    );
    adopt(&mut manifest, found, notes);
    Ok(Chosen {
        manifest,
        generation: None,
        certain: false,
        known_rows: BTreeMap::new(),
    })
}

/// Whether the log that a manifest needs is gone, and a later one is there.
fn log_begins_later(disk: &Disk, root: &Path, manifest: &Manifest) -> bool {
    let entries = disk.list(&wal::folder(root)).unwrap_or_default();
    let first = entries
        .iter()
        .filter_map(|e| wal::parse_name(&e.name))
        .min();
    first.is_some_and(|first| first > manifest.last_lsn.saturating_add(1))
}

fn next_rows(manifest: &Manifest) -> BTreeMap<u32, u32> {
    let rows = manifest.collections.iter();
    rows.map(|c| (c.id, c.next_row)).collect()
}

/// A segment, what its seal says, and the seal as a file.
type Found = (u64, Seal, FileEntry);

/// The segments with a seal whose id is at least `from`, in order.
fn sealed(disk: &Disk, root: &Path, from: u64, notes: &mut Vec<String>) -> Vec<Found> {
    let mut ids: Vec<u64> = disk
        .list(&root.join("segments"))
        .unwrap_or_default()
        .iter()
        .filter(|e| e.is_dir)
        .filter_map(|e| {
            let id = u64::from_str_radix(&e.name, 16).ok()?;
            (segment_name(id) == e.name && id >= from && id < u64::MAX).then_some(id)
        })
        .collect();
    ids.sort_unstable();
    let mut found = Vec::new();
    for id in ids {
        let folder = segment_folder(root, id);
        let read = Seal::read(disk, &folder).and_then(|seal| {
            let bytes = disk.read(&folder.join(SEAL_FILE), MAX_SEAL)?;
            let file = FileEntry {
                name: SEAL_FILE.to_owned(),
                bytes: bytes.len() as u64,
                crc32c: crc32c::crc32c(&bytes),
            };
            Ok((id, seal, file))
        });
        match read {
            Ok(segment) => found.push(segment),
            Err(e) => notes.push(format!(
                "segment {} is left out, because nothing says what it is: {e}",
                segment_name(id)
            )),
        }
    }
    found
}

/// Adds segments that no manifest names, by what they say of themselves.
fn adopt(manifest: &mut Manifest, segments: Vec<Found>, notes: &mut Vec<String>) {
    // A segment that made its collection does not know the collection's id; later ones do.
    let mut ids: BTreeMap<String, u32> = manifest
        .collections
        .iter()
        .map(|c| (c.meta.name.clone(), c.id))
        .collect();
    let mut taken: BTreeSet<u32> = ids.values().copied().collect();
    for (_, seal, _) in &segments {
        if let Some(id) = seal.collection.filter(|id| *id < u32::MAX) {
            ids.entry(seal.meta.name.clone()).or_insert(id);
            taken.insert(id);
        }
    }
    for (id, seal, file) in segments {
        let name = segment_name(id);
        let collection = match (seal.collection, ids.get(&seal.meta.name)) {
            (Some(id), _) | (None, Some(&id)) => id,
            (None, None) => {
                let fresh = (1..u32::MAX).find(|id| !taken.contains(id));
                let fresh = fresh.unwrap_or_default();
                taken.insert(fresh);
                ids.insert(seal.meta.name.clone(), fresh);
                fresh
            }
        };
        match add(manifest, collection, id, seal, file) {
            Ok(()) => notes.push(format!(
                "segment {name} is taken, which no sound manifest names"
            )),
            Err(why) => notes.push(format!("segment {name} is left out: {why}")),
        }
    }
}

fn add(
    manifest: &mut Manifest,
    collection: u32,
    segment: u64,
    seal: Seal,
    file: FileEntry,
) -> Result<(), &'static str> {
    let found = manifest.collections.iter().position(|c| c.id == collection);
    let at = match found {
        Some(at) => at,
        None => {
            let mut meta = seal.meta.clone();
            meta.name = free_name(manifest, &meta.name);
            manifest.collections.push(CollectionEntry {
                id: collection,
                meta: Arc::new(meta),
                next_row: 0,
                deleted: Arc::default(),
                segments: Vec::new(),
                maps: Vec::new(),
            });
            manifest.collections.len() - 1
        }
    };
    let entry = &mut manifest.collections[at];
    entry.meta = Arc::new(wider(&entry.meta, &seal.meta)?);
    let first_row = match (seal.first_row, seal.last_row) {
        // Listed numbers cannot be moved.
        (Some(first), Some(_)) if first >= entry.next_row => first,
        (_, Some(_)) => return Err("its rows are in another segment"),
        (first, None) => first.unwrap_or_default().max(entry.next_row),
    };
    let end = match seal.last_row {
        Some(last) => last
            .checked_add(1)
            .filter(|end| end - first_row >= seal.rows),
        None => first_row.checked_add(seal.rows),
    };
    let end = end
        .filter(|_| seal.rows > 0)
        .ok_or("it has no rows, or too many")?;
    let mut files: Vec<FileEntry> = seal.files.into_iter().map(|f| f.file).collect();
    files.push(file);
    entry.segments.push(SegmentEntry {
        id: segment,
        first_row,
        rows: seal.rows,
        files,
        indexes: Vec::new(),
        last_row: seal.last_row,
        columns: Vec::new(),
    });
    if first_row > entry.next_row {
        Arc::make_mut(&mut entry.deleted).insert_range(entry.next_row..first_row);
    }
    entry.next_row = end;
    manifest.next_segment = manifest.next_segment.max(segment.saturating_add(1));
    manifest.next_collection = manifest.next_collection.max(collection.saturating_add(1));
    Ok(())
}

/// The collection with the columns of both, of which one must have the first ones of the other.
fn wider(one: &CollectionMeta, other: &CollectionMeta) -> Result<CollectionMeta, &'static str> {
    let same = one.vectors == other.vectors
        && one.id_kind == other.id_kind
        && one.id_column == other.id_column;
    let (short, long) = if one.columns.len() <= other.columns.len() {
        (one, other)
    } else {
        (other, one)
    };
    if !same || !long.columns.starts_with(&short.columns) {
        return Err("its columns are not those of its collection");
    }
    Ok(CollectionMeta {
        columns: long.columns.clone(),
        ..one.clone()
    })
}

/// The name, or one like it that no collection has.
fn free_name(manifest: &Manifest, name: &str) -> String {
    let taken = |name: &str| manifest.collections.iter().any(|c| c.meta.name == name);
    if !taken(name) {
        return name.to_owned();
    }
    let short: String = name.chars().take(50).collect();
    (2u64..)
        .map(|n| format!("{short} ({n})"))
        .find(|name| !taken(name))
        .unwrap_or(short)
}
