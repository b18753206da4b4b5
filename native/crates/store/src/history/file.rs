//! `history/<first seq, 16 hex digits>.hist`: the inverses of some changes. Written once and named by the manifest, which also holds the entries.
//!
//! | bytes | field (little-endian) |
//! | --- | --- |
//! | 0..8 | magic `OMENHIST` |
//! | 8..12 | format version, 1 |
//! | 12..16 | CRC-32C of bytes 0..12 and 16..end |
//! | 16..24 | number of changes |
//! | 24.. | for each change: its `seq` u64, then three parts, each a length u64 and that many bytes: rows that died and rows that were revived (roaring bitmaps), and layers of old cells, each again a length u64 and that many bytes |

use std::path::Path;
use std::sync::Arc;

use super::{Change, Inverse, file_name};
use crate::bytes::{Input, bitmap_bytes, layers_bytes, put_block, read_bitmap, read_layers};
use crate::error::{Error, Result};
use crate::manifest::FileEntry;
use crate::vfs::Disk;

const MAGIC: [u8; 8] = *b"OMENHIST";
const VERSION: u32 = 1;
const HEADER: usize = 24;

/// The folder of the history's files.
pub(crate) const FOLDER: &str = "history";

fn checksum(file: &[u8]) -> u32 {
    crc32c::crc32c_append(crc32c::crc32c(&file[0..12]), &file[16..])
}

/// Writes the inverses of some changes; they and the file's name are durable on return.
pub(crate) fn write(
    disk: &Arc<Disk>,
    root: &Path,
    id: u64,
    changes: &[&Change],
) -> Result<FileEntry> {
    let mut out = Vec::new();
    out.extend_from_slice(&MAGIC);
    out.extend_from_slice(&VERSION.to_le_bytes());
    out.extend_from_slice(&[0; 4]);
    out.extend_from_slice(&(changes.len() as u64).to_le_bytes());
    for change in changes {
        out.extend_from_slice(&change.entry.seq.to_le_bytes());
        let inverse = &change.inverse;
        let cells = layers_bytes(&inverse.cells)?;
        for part in [
            bitmap_bytes(&inverse.died),
            bitmap_bytes(&inverse.revived),
            cells,
        ] {
            put_block(&mut out, &part);
        }
    }
    let crc = checksum(&out);
    out[12..16].copy_from_slice(&crc.to_le_bytes());
    let name = file_name(id);
    let folder = root.join(FOLDER);
    // What lies there is a leftover that could not be removed at the opening: no generation has named this file yet.
    disk.remove(&folder.join(&name));
    let file = disk.create(&folder.join(&name))?;
    file.append(&out)?;
    file.sync()?;
    disk.sync_dir(&folder)?;
    Ok(FileEntry {
        name,
        bytes: out.len() as u64,
        crc32c: crc32c::crc32c(&out),
    })
}

/// The inverses in a file of the history, by `seq`.
pub(crate) fn read(disk: &Disk, root: &Path, file: &FileEntry) -> Result<Vec<(u64, Inverse)>> {
    let path = root.join(FOLDER).join(&file.name);
    let corrupt = |reason: String| Error::corrupt(&path, reason);
    let bytes = disk.read(&path, file.bytes)?;
    if bytes.len() as u64 != file.bytes || bytes.len() < HEADER || bytes[0..8] != MAGIC {
        return Err(corrupt("it is no file of the history".to_owned()));
    }
    if crc32c::crc32c(&bytes) != file.crc32c {
        return Err(corrupt("the checksum does not match".to_owned()));
    }
    let mut input = Input(&bytes[8..]);
    let found = input.u32().map_err(corrupt)?;
    if found != VERSION {
        return Err(Error::UnsupportedVersion {
            file: path,
            found,
            supported: VERSION,
        });
    }
    let parse = |mut input: Input<'_>| -> Result<Vec<(u64, Inverse)>, String> {
        if input.u32()? != checksum(&bytes) {
            return Err("the checksum does not match".to_owned());
        }
        let count = input.u64()?;
        let mut out = Vec::new();
        for _ in 0..count {
            let seq = input.u64()?;
            let died = read_bitmap(input.block()?)?;
            let revived = read_bitmap(input.block()?)?;
            let cells = read_layers(input.block()?)?;
            out.push((
                seq,
                Inverse {
                    died,
                    revived,
                    cells,
                },
            ));
        }
        if input.0.is_empty() {
            Ok(out)
        } else {
            Err("bytes behind its end".to_owned())
        }
    };
    parse(input).map_err(corrupt)
}
