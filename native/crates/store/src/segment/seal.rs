//! `segment.seal`: what a segment is of, and checksums of small parts of its files, so that good rows can be told from damaged
//! ones, and a segment from nothing else. Written last; the store works without it (segments of format version 1 have none).
//!
//! | bytes | field (little-endian) |
//! | --- | --- |
//! | 0..8 | magic `OMENSEAL` |
//! | 8..12 | version, 1 |
//! | 12..16 | CRC-32C of bytes 0..12 and 16..end |
//! | 16..24 | length of the body |
//! | 24.. | body: JSON, see [`Seal`] |

use std::collections::HashSet;
use std::ops::Range;
use std::path::Path;
use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};

use super::SEAL_FILE;
use crate::error::{Error, Result};
use crate::manifest::{FileEntry, is_plain};
use crate::meta::CollectionMeta;
use crate::vfs::{BLOCK, Checksums, Disk};

const MAGIC: [u8; 8] = *b"OMENSEAL";
const VERSION: u32 = 1;
const HEADER: usize = 24;
/// Largest seal that is read.
const MAX_FILE: u64 = 1 << 30;

/// What a segment is.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Seal {
    /// Its collection's id, unless the segment made the collection.
    pub collection: Option<u32>,
    /// Its collection, as it was then.
    pub meta: CollectionMeta,
    /// Number of its first row, where it was known before the segment was published.
    pub first_row: Option<u32>,
    /// Number of its last row, where the numbers are not contiguous: a file lists them.
    #[serde(default)]
    pub last_row: Option<u32>,
    pub rows: u32,
    /// Every file of the segment but the seal and what was added later (indexes).
    pub files: Vec<SealedFile>,
    /// Where in `columns.arrow` the batches lie.
    pub batches: Vec<BatchAt>,
}

/// A file with the checksums of its blocks.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct SealedFile {
    #[serde(flatten)]
    pub file: FileEntry,
    /// CRC-32C of each 64 KiB: u32, little-endian, in base64.
    #[serde(with = "words")]
    pub blocks: Vec<u32>,
}

/// An Arrow message that holds a batch.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct BatchAt {
    pub start: u64,
    pub end: u64,
    pub rows: u32,
}

mod words {
    use serde::{Deserializer, Serializer, de};

    use super::*;

    pub fn serialize<S: Serializer>(words: &[u32], s: S) -> Result<S::Ok, S::Error> {
        let bytes: Vec<u8> = words.iter().flat_map(|w| w.to_le_bytes()).collect();
        s.serialize_str(&STANDARD.encode(bytes))
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(d: D) -> Result<Vec<u32>, D::Error> {
        let bytes = STANDARD
            .decode(String::deserialize(d)?)
            .map_err(de::Error::custom)?;
        match bytes.as_chunks::<4>() {
            (words, []) => Ok(words.iter().map(|w| u32::from_le_bytes(*w)).collect()),
            _ => Err(de::Error::custom("half a checksum")),
        }
    }
}

fn checksum(file: &[u8]) -> u32 {
    crc32c::crc32c_append(crc32c::crc32c(&file[0..12]), &file[16..])
}

impl SealedFile {
    pub fn new(name: String, sums: Checksums) -> SealedFile {
        SealedFile {
            file: FileEntry {
                name,
                bytes: sums.bytes,
                crc32c: sums.crc32c,
            },
            blocks: sums.blocks,
        }
    }

    /// The bytes of this file that are not what was written.
    ///
    /// # Errors
    /// A failure to read; a missing file is damaged from front to end.
    pub fn damage(&self, disk: &Disk, path: &Path) -> Result<Vec<Range<u64>>> {
        let io = |e: &std::io::Error| Error::io("read", path, e);
        let handle = match disk.vfs().open(path) {
            Ok(handle) => handle,
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => {
                return Ok(std::iter::once(0..self.file.bytes).collect());
            }
            Err(e) => return Err(io(&e)),
        };
        let len = handle.len().map_err(|e| io(&e))?;
        let mut bad: Vec<Range<u64>> = Vec::new();
        let mut buffer = vec![0; BLOCK];
        for (n, wanted) in (0u64..).zip(&self.blocks) {
            let start = n * BLOCK as u64;
            let end = self.file.bytes.min(start + BLOCK as u64);
            let block = &mut buffer[..(end - start) as usize];
            let good = end <= len
                && handle.read_at(block, start).is_ok()
                && crc32c::crc32c(block) == *wanted;
            match bad.last_mut() {
                _ if good => {}
                Some(last) if last.end == start => last.end = end,
                _ => bad.push(start..end),
            }
        }
        Ok(bad)
    }
}

impl Seal {
    /// Writes the seal of a segment into its folder; durable once the folder is synced.
    pub fn write(&self, disk: &Arc<Disk>, folder: &Path) -> Result<FileEntry> {
        let mut out = vec![0; HEADER];
        serde_json::to_writer(&mut out, self).map_err(|e| Error::internal(format!("seal: {e}")))?;
        let body = (out.len() - HEADER) as u64;
        out[0..8].copy_from_slice(&MAGIC);
        out[8..12].copy_from_slice(&VERSION.to_le_bytes());
        out[16..24].copy_from_slice(&body.to_le_bytes());
        let crc = checksum(&out);
        out[12..16].copy_from_slice(&crc.to_le_bytes());
        let file = disk.create(&folder.join(SEAL_FILE))?;
        file.append(&out)?;
        file.sync()?;
        Ok(FileEntry {
            name: SEAL_FILE.to_owned(),
            bytes: out.len() as u64,
            crc32c: crc32c::crc32c(&out),
        })
    }

    /// Reads and checks the seal of the segment in `folder`.
    ///
    /// # Errors
    /// `FILE_NOT_FOUND`, `CORRUPT`, `UNSUPPORTED_VERSION`, `IO`.
    pub fn read(disk: &Disk, folder: &Path) -> Result<Seal> {
        let path = folder.join(SEAL_FILE);
        let bytes = disk.read(&path, MAX_FILE)?;
        let corrupt = |reason: &str| Error::corrupt(&path, reason);
        if bytes.len() < HEADER || bytes[0..8] != MAGIC {
            return Err(corrupt("it does not begin as a seal"));
        }
        let word = |at: usize| {
            let word = bytes.get(at..).and_then(|b| b.first_chunk());
            u32::from_le_bytes(word.copied().unwrap_or_default())
        };
        if checksum(&bytes) != word(12) {
            return Err(corrupt("the checksum does not match"));
        }
        if word(8) != VERSION {
            return Err(Error::UnsupportedVersion {
                file: path,
                found: word(8),
                supported: VERSION,
            });
        }
        let body = &bytes[HEADER..];
        if u64::from(word(16)) | u64::from(word(20)) << 32 != body.len() as u64 {
            return Err(corrupt("its length is not what its header says"));
        }
        let seal: Seal =
            serde_json::from_slice(body).map_err(|e| corrupt(&format!("the body: {e}")))?;
        seal.check().map_err(|reason| corrupt(&reason))?;
        Ok(seal)
    }

    pub fn file(&self, name: &str) -> Option<&SealedFile> {
        self.files.iter().find(|f| f.file.name == name)
    }

    fn check(&self) -> Result<(), String> {
        self.meta.check().map_err(|e| e.to_string())?;
        let mut names = HashSet::new();
        for SealedFile { file, blocks } in &self.files {
            if !is_plain(&file.name) || !names.insert(&file.name) {
                return Err(format!("it names the file {:?}", file.name));
            }
            if blocks.len() as u64 != file.bytes.div_ceil(BLOCK as u64) {
                return Err(format!("the checksums of {:?} are not its", file.name));
            }
        }
        let mut at = 0;
        let mut rows = 0u32;
        for batch in &self.batches {
            if batch.start < at || batch.end < batch.start {
                return Err("its batches overlap".to_owned());
            }
            at = batch.end;
            rows = rows.checked_add(batch.rows).ok_or("too many rows")?;
        }
        let inside = self
            .file(super::COLUMNS_FILE)
            .map_or(at == 0, |f| at <= f.file.bytes);
        if !inside || (rows != self.rows && !self.batches.is_empty()) {
            return Err("its batches are not those of its rows".to_owned());
        }
        Ok(())
    }
}
