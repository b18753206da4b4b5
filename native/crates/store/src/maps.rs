//! Saved maps: `maps/<id, 16 hex digits>.map`. Two coordinates for each of some rows. Written once and named by the manifest, which
//! also holds the map's description.
//!
//! | bytes | field (little-endian) |
//! | --- | --- |
//! | 0..8 | magic `OMENMAP1` |
//! | 8..12 | format version, 1 |
//! | 12..16 | CRC-32C of bytes 0..12 and 16..end |
//! | 16..24 | rows |
//! | 24.. | rows x u32 row numbers, then rows x (x f32, y f32) |

use std::path::Path;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::check::check_name;
use crate::collection::Collection;
use crate::error::{Error, Result};
use crate::manifest::{FileEntry, MapEntry, map_name};
use crate::vfs::Disk;

const MAGIC: [u8; 8] = *b"OMENMAP1";
const VERSION: u32 = 1;
const HEADER: usize = 24;
const ROW_BYTES: usize = 12;
/// Most maps of one collection.
const MAX_MAPS: usize = 1000;
/// Longest description of the parameters, in bytes of JSON.
const MAX_PARAMS: usize = 64 << 10;

/// What a saved map is.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct MapMeta {
    /// Its name, unique in the collection.
    pub name: String,
    /// How it was made; any JSON value.
    pub params: Value,
    /// The seed it was made with.
    pub seed: u64,
    /// Rows on it.
    pub rows: u32,
    /// The generation of the snapshot that it was made from.
    pub generation: u64,
    /// When it was made, in milliseconds since 1970.
    pub created: u64,
}

impl Collection {
    /// Saves a map, replacing one of the same name; durable on return. `rows` holds row numbers, `xy` two finite coordinates for each. `meta.rows` is set.
    ///
    /// # Errors
    /// `INVALID_NAME`, `INVALID_REQUEST`, `LIMIT_EXCEEDED`, and those of any write.
    pub fn save_map(&self, mut meta: MapMeta, rows: &[u32], xy: &[f32]) -> Result<()> {
        self.check()?;
        check_name(&meta.name)?;
        if xy.len() != rows.len() * 2 || !xy.iter().all(|v| v.is_finite()) {
            return Err(Error::invalid(
                "a map needs two finite coordinates for each row",
            ));
        }
        if meta.params.to_string().len() > MAX_PARAMS {
            return Err(Error::invalid("the parameters of the map are too long"));
        }
        meta.rows =
            u32::try_from(rows.len()).map_err(|_| Error::invalid("the map has too many rows"))?;
        let shared = &self.shared;
        let id = {
            let mut state = shared.write()?;
            state.next_map += 1;
            state.next_map - 1
        };
        let folder = shared.root.join("maps");
        let name = map_name(id);
        let file = encode(rows, xy);
        let path = folder.join(&name);
        // No generation has named this id yet: a leftover that could not be removed at the opening.
        shared.disk.remove(&path);
        let out = shared.disk.create(&path)?;
        out.append(&file)?;
        out.sync()?;
        shared.disk.sync_dir(&folder)?;
        let file = FileEntry {
            name,
            bytes: file.len() as u64,
            crc32c: crc32c::crc32c(&file),
        };
        let entry = MapEntry { id, meta, file };
        let kept = self.change_maps(|maps| {
            maps.retain(|m| m.meta.name != entry.meta.name);
            if maps.len() >= MAX_MAPS {
                return Err(Error::LimitExceeded {
                    what: "saved maps".to_owned(),
                    limit: MAX_MAPS as u64,
                    actual: maps.len() as u64 + 1,
                });
            }
            maps.push(entry);
            Ok(())
        });
        if kept.is_err() && shared.disk.check().is_ok() {
            shared.disk.remove(&path);
        }
        kept
    }

    /// A saved map: what it is, its row numbers, and two coordinates for each. Rows deleted since are still in it.
    ///
    /// # Errors
    /// `UNKNOWN_MAP`, `CORRUPT`; for a reader `FILE_NOT_FOUND` when the writer removed it since ([`crate::Store::refresh`]).
    pub fn map(&self, name: &str) -> Result<(MapMeta, Vec<u32>, Vec<f32>)> {
        let maps = self.core.maps.load_full();
        let entry = maps.iter().find(|m| m.meta.name == name);
        let entry = entry.ok_or_else(|| Error::UnknownMap {
            name: name.to_owned(),
        })?;
        let (rows, xy) =
            read(&self.shared.disk, &self.shared.root, entry).map_err(|e| self.out_of_date(e))?;
        Ok((entry.meta.clone(), rows, xy))
    }

    /// Removes a saved map.
    ///
    /// # Errors
    /// `UNKNOWN_MAP`, and those of any write.
    pub fn delete_map(&self, name: &str) -> Result<()> {
        self.check()?;
        self.change_maps(|maps| {
            let before = maps.len();
            maps.retain(|m| m.meta.name != name);
            if maps.len() == before {
                Err(Error::UnknownMap {
                    name: name.to_owned(),
                })
            } else {
                Ok(())
            }
        })
    }

    fn change_maps(&self, change: impl FnOnce(&mut Vec<MapEntry>) -> Result<()>) -> Result<()> {
        let shared = &self.shared;
        let (commit, mut state) = shared.publishing()?;
        let gone = || Error::UnknownCollection {
            name: self.core.meta.load().name.clone(),
        };
        let mut maps = state
            .manifest
            .collection(self.core.id)
            .ok_or_else(gone)?
            .maps
            .clone();
        change(&mut maps)?;
        shared.sync(&commit, &mut state)?;
        shared.publish(&commit, &mut state, |manifest| {
            manifest.collection_mut(self.core.id)?.maps = maps.clone();
            Ok(())
        })?;
        let maps = Arc::new(maps);
        shared.revision.change(|| self.core.maps.store(maps));
        Ok(())
    }
}

fn checksum(file: &[u8]) -> u32 {
    crc32c::crc32c_append(crc32c::crc32c(&file[0..12]), &file[16..])
}

fn encode(rows: &[u32], xy: &[f32]) -> Vec<u8> {
    let mut out = Vec::with_capacity(HEADER + rows.len() * ROW_BYTES);
    out.extend_from_slice(&MAGIC);
    out.extend_from_slice(&VERSION.to_le_bytes());
    out.extend_from_slice(&[0; 4]);
    out.extend_from_slice(&(rows.len() as u64).to_le_bytes());
    for row in rows {
        out.extend_from_slice(&row.to_le_bytes());
    }
    for value in xy {
        out.extend_from_slice(&value.to_le_bytes());
    }
    let crc = checksum(&out);
    out[12..16].copy_from_slice(&crc.to_le_bytes());
    out
}

fn read(disk: &Disk, root: &Path, entry: &MapEntry) -> Result<(Vec<u32>, Vec<f32>)> {
    let path = root.join("maps").join(&entry.file.name);
    let corrupt = |reason: &str| Error::corrupt(&path, reason);
    let bytes = disk.read(&path, entry.file.bytes)?;
    let Some((header, body)) = bytes.split_first_chunk::<HEADER>() else {
        return Err(corrupt("it is too short for a map"));
    };
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
        count @ ..,
    ] = *header;
    if header[0..8] != MAGIC || checksum(&bytes) != u32::from_le_bytes([c0, c1, c2, c3]) {
        return Err(corrupt("the checksum does not match"));
    }
    let found = u32::from_le_bytes([v0, v1, v2, v3]);
    if found != VERSION {
        return Err(Error::UnsupportedVersion {
            file: path,
            found,
            supported: VERSION,
        });
    }
    let rows = entry.meta.rows as usize;
    if u64::from_le_bytes(count) != rows as u64 || body.len() != rows * ROW_BYTES {
        return Err(corrupt("its length does not fit its rows"));
    }
    let (numbers, coordinates) = body.split_at(rows * 4);
    let words = |bytes: &[u8]| bytes.as_chunks::<4>().0.to_vec();
    Ok((
        words(numbers).into_iter().map(u32::from_le_bytes).collect(),
        words(coordinates)
            .into_iter()
            .map(f32::from_le_bytes)
            .collect(),
    ))
}
