//! Saved maps: `maps/<id, 16 hex digits>.map`. Two coordinates for each of some rows. Written once and named by the manifest, which
//! also holds the map's description.
//!
//! | bytes | field (little-endian) |
//! | --- | --- |
//! | 0..8 | magic `OMENMAP1` |
//! | 8..12 | format version, 1 to 3 |
//! | 12..16 | CRC-32C of bytes 0..12 and 16..end |
//! | 16..24 | rows |
//! | 24.. | in version 3 what there is for each row, u32: 1 for kept, 2 for placed |
//! | .. | rows x u32 row numbers, then rows x (x f32, y f32) |
//! | .. | in version 2, or where version 3 says so: rows x u8, true neighbours kept, 255 for a row not looked at |
//! | .. | where version 3 says so: rows x u8, 1 for a row that was placed on the map after it was laid out |

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
/// Coordinates alone.
const PLAIN: u32 = 1;
/// With what is kept.
const JUDGED: u32 = 2;
/// Says what it has.
const VERSION: u32 = 3;
const HAS_KEPT: u32 = 1;
const HAS_PLACED: u32 = 2;
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
    /// For each 1 where it was placed on the map after that was laid out, else 0; empty where none was.
    pub placed: Vec<u8>,
}

impl MapPoints {
    /// Points that were not judged yet.
    pub fn new(rows: Vec<u32>, xy: Vec<f32>) -> MapPoints {
        MapPoints {
            rows,
            xy,
            kept: Vec::new(),
            placed: Vec::new(),
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
        let MapPoints {
            rows,
            xy,
            kept,
            placed,
        } = points;
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
        let marked = placed.is_empty() || placed.len() == rows.len();
        if !marked || placed.iter().any(|mark| *mark > 1) {
            return Err(Error::invalid(
                "a map says of each row whether it was placed, or of none",
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

fn encode(points: &MapPoints) -> Vec<u8> {
    let MapPoints {
        rows,
        xy,
        kept,
        placed,
    } = points;
    let size = HEADER + 4 + rows.len() * ROW_BYTES + kept.len() + placed.len();
    let mut out = Vec::with_capacity(size);
    let version = match (kept.is_empty(), placed.is_empty()) {
        (true, true) => PLAIN,
        (false, true) => JUDGED,
        _ => VERSION,
    };
    out.extend_from_slice(&MAGIC);
    out.extend_from_slice(&version.to_le_bytes());
    out.extend_from_slice(&[0; 4]);
    out.extend_from_slice(&(rows.len() as u64).to_le_bytes());
    if version == VERSION {
        let has = if kept.is_empty() { 0 } else { HAS_KEPT } | HAS_PLACED;
        out.extend_from_slice(&has.to_le_bytes());
    }
    for row in rows {
        out.extend_from_slice(&row.to_le_bytes());
    }
    for value in xy {
        out.extend_from_slice(&value.to_le_bytes());
    }
    out.extend_from_slice(kept);
    out.extend_from_slice(placed);
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
    let (words, _) = header[8..].as_chunks::<4>();
    let &[version, crc, low, high] = words else {
        return Err(corrupt("its header has another length"));
    };
    if header[0..8] != MAGIC || checksum(&bytes) != u32::from_le_bytes(crc) {
        return Err(corrupt("the checksum does not match"));
    }
    let wrong = || corrupt("its length does not fit its rows");
    let (has, body) = match u32::from_le_bytes(version) {
        PLAIN => (0, body),
        JUDGED => (HAS_KEPT, body),
        VERSION => {
            let (has, body) = body.split_first_chunk::<4>().ok_or_else(wrong)?;
            (u32::from_le_bytes(*has), body)
        }
        found => {
            return Err(Error::UnsupportedVersion {
                file: path,
                found,
                supported: VERSION,
            });
        }
    };
    let rows = entry.meta.rows as usize;
    let of = |bit: u32| if has & bit == 0 { 0 } else { rows };
    let (kept, placed) = (of(HAS_KEPT), of(HAS_PLACED));
    let count = u64::from(u32::from_le_bytes(low)) | u64::from(u32::from_le_bytes(high)) << 32;
    let fits = body.len() == rows * ROW_BYTES + kept + placed;
    if count != rows as u64 || !fits || has & !(HAS_KEPT | HAS_PLACED) != 0 {
        return Err(wrong());
    }
    let (numbers, rest) = body.split_at(rows * 4);
    let (coordinates, rest) = rest.split_at(rows * 8);
    let (kept, placed) = rest.split_at(kept);
    let words = |bytes: &[u8]| bytes.as_chunks::<4>().0.to_vec();
    Ok(MapPoints {
        rows: words(numbers).into_iter().map(u32::from_le_bytes).collect(),
        xy: words(coordinates)
            .into_iter()
            .map(f32::from_le_bytes)
            .collect(),
        kept: kept.to_vec(),
        placed: placed.to_vec(),
    })
}
