//! Saved maps: `maps/<id, 16 hex digits>.map`. Two coordinates for each of some rows. Written once and named by the manifest, which
//! also holds the map's description.
//!
//! | bytes | field (little-endian) |
//! | --- | --- |
//! | 0..8 | magic `OMENMAP1` |
//! | 8..12 | format version, 1 or 2 |
//! | 12..16 | CRC-32C of bytes 0..12 and 16..end |
//! | 16..24 | rows |
//! | 24.. | rows x u32 row numbers, then rows x (x f32, y f32), then in version 2 rows x u8: true neighbours kept, 255 for a row not looked at |

use std::path::Path;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::check::check_name;
use crate::collection::Collection;
use crate::error::{Error, Result};
use crate::judge::MapScore;
use crate::manifest::{FileEntry, MapEntry, map_name};
use crate::vfs::Disk;

const MAGIC: [u8; 8] = *b"OMENMAP1";
/// Without what is kept, and with it.
const VERSION: u32 = 1;
const JUDGED: u32 = 2;
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
    /// How much of it is true, if it was judged.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub score: Option<MapScore>,
}

/// The points of a map.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct MapPoints {
    /// Row numbers.
    pub rows: Vec<u32>,
    /// Two finite coordinates for each.
    pub xy: Vec<f32>,
    /// For each how many of its true neighbours are its neighbours here ([`crate::NOT_JUDGED`] where it was not looked at); empty before the map was judged.
    pub kept: Vec<u8>,
}

impl MapPoints {
    /// Points that were not judged yet.
    pub fn new(rows: Vec<u32>, xy: Vec<f32>) -> MapPoints {
        MapPoints {
            rows,
            xy,
            kept: Vec::new(),
        }
    }
}

impl Collection {
    /// Saves a map, replacing one of the same name; durable on return. `meta.rows` is set.
    ///
    /// # Errors
    /// `INVALID_NAME`, `INVALID_REQUEST`, `LIMIT_EXCEEDED`, and those of any write.
    pub fn save_map(&self, mut meta: MapMeta, points: &MapPoints) -> Result<()> {
        self.check()?;
        check_name(&meta.name)?;
        let MapPoints { rows, xy, kept } = points;
        if xy.len() != rows.len() * 2 || !xy.iter().all(|v| v.is_finite()) {
            return Err(Error::invalid(
                "a map needs two finite coordinates for each row",
            ));
        }
        if !kept.is_empty() && kept.len() != rows.len() || kept.is_empty() != meta.score.is_none() {
            return Err(Error::invalid(
                "a judged map needs a score, and what each row keeps",
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
        let file = encode(points);
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

    /// A saved map. Rows deleted since are still in it.
    ///
    /// # Errors
    /// `UNKNOWN_MAP`, `CORRUPT`; for a reader `FILE_NOT_FOUND` when the writer removed it since ([`crate::Store::refresh`]).
    pub fn map(&self, name: &str) -> Result<(MapMeta, MapPoints)> {
        let maps = self.core.maps.load_full();
        let entry = maps.iter().find(|m| m.meta.name == name);
        let entry = entry.ok_or_else(|| Error::UnknownMap {
            name: name.to_owned(),
        })?;
        let points =
            read(&self.shared.disk, &self.shared.root, entry).map_err(|e| self.out_of_date(e))?;
        Ok((entry.meta.clone(), points))
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

fn encode(MapPoints { rows, xy, kept }: &MapPoints) -> Vec<u8> {
    let mut out = Vec::with_capacity(HEADER + rows.len() * ROW_BYTES + kept.len());
    let version = if kept.is_empty() { VERSION } else { JUDGED };
    out.extend_from_slice(&MAGIC);
    out.extend_from_slice(&version.to_le_bytes());
    out.extend_from_slice(&[0; 4]);
    out.extend_from_slice(&(rows.len() as u64).to_le_bytes());
    for row in rows {
        out.extend_from_slice(&row.to_le_bytes());
    }
    for value in xy {
        out.extend_from_slice(&value.to_le_bytes());
    }
    out.extend_from_slice(kept);
    let crc = checksum(&out);
    out[12..16].copy_from_slice(&crc.to_le_bytes());
    out
}

fn read(disk: &Disk, root: &Path, entry: &MapEntry) -> Result<MapPoints> {
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
    let a_row = match found {
        VERSION => ROW_BYTES,
        JUDGED => ROW_BYTES + 1,
        _ => {
            return Err(Error::UnsupportedVersion {
                file: path,
                found,
                supported: JUDGED,
            });
        }
    };
    let rows = entry.meta.rows as usize;
    if u64::from_le_bytes(count) != rows as u64 || body.len() != rows * a_row {
        return Err(corrupt("its length does not fit its rows"));
    }
    let (numbers, rest) = body.split_at(rows * 4);
    let (coordinates, kept) = rest.split_at(rows * 8);
    let words = |bytes: &[u8]| bytes.as_chunks::<4>().0.to_vec();
    Ok(MapPoints {
        rows: words(numbers).into_iter().map(u32::from_le_bytes).collect(),
        xy: words(coordinates)
            .into_iter()
            .map(f32::from_le_bytes)
            .collect(),
        kept: kept.to_vec(),
    })
}
