//! `vectors.<n>.f32`: writing front to back, mapping it back, reading single rows.

use std::io;
use std::panic::RefUnwindSafe;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use omendb_distance::{Metric, inv_norms};
use omendb_ivf::ReadRow;

use crate::error::{Error, Result};
use crate::meta::VectorSpec;
use crate::part::{Floats, VectorColumn};
use crate::vfs::{Checksums, Disk, DiskFile, Mapping, SealingWriter, VfsFile};

const MAGIC: [u8; 8] = *b"OMENVEC1";
const FOOTER_MAGIC: [u8; 8] = *b"OMENVECF";
const VERSION: u32 = 1;
pub(super) const PAGE: usize = 4096;
const FOOTER: usize = 32;

fn metric_code(metric: Metric) -> u32 {
    match metric {
        Metric::L2 => 0,
        Metric::Cosine => 1,
        Metric::Dot => 2,
    }
}

pub(super) fn header(spec: &VectorSpec) -> [u8; PAGE] {
    let mut page = [0; PAGE];
    page[0..8].copy_from_slice(&MAGIC);
    page[8..12].copy_from_slice(&VERSION.to_le_bytes());
    page[12..16].copy_from_slice(&metric_code(spec.metric).to_le_bytes());
    page[16..20].copy_from_slice(&(spec.dimension as u32).to_le_bytes());
    let crc = crc32c::crc32c(&page[0..20]);
    page[20..24].copy_from_slice(&crc.to_le_bytes());
    page
}

fn footer(rows: u64, norms: u64) -> [u8; FOOTER] {
    let mut out = [0; FOOTER];
    out[0..8].copy_from_slice(&FOOTER_MAGIC);
    out[8..16].copy_from_slice(&rows.to_le_bytes());
    out[16..24].copy_from_slice(&norms.to_le_bytes());
    let crc = crc32c::crc32c(&out[0..24]);
    out[24..28].copy_from_slice(&crc.to_le_bytes());
    out
}

/// Writes the file of one vector column.
pub(super) struct VectorWriter {
    out: SealingWriter,
    spec: VectorSpec,
    rows: u64,
    inv_norms: Vec<f32>,
}

impl VectorWriter {
    pub fn new(file: DiskFile, spec: &VectorSpec) -> Result<VectorWriter> {
        let mut out = file.sealing();
        out.put(&header(spec))?;
        Ok(VectorWriter {
            out,
            spec: spec.clone(),
            rows: 0,
            inv_norms: Vec::new(),
        })
    }

    /// Whole rows.
    pub fn append(&mut self, values: &[f32]) -> Result<()> {
        if cfg!(target_endian = "little") {
            self.out.put(bytemuck::cast_slice(values))?;
        } else {
            for value in values {
                self.out.put(&value.to_le_bytes())?;
            }
        }
        self.rows += (values.len() / self.spec.dimension) as u64;
        if self.spec.metric == Metric::Cosine {
            inv_norms(values, self.spec.dimension, &mut self.inv_norms);
        }
        Ok(())
    }

    /// Checksums of the sealed file.
    pub fn finish(mut self) -> Result<Checksums> {
        let mut norms_at = 0;
        if self.spec.metric == Metric::Cosine {
            norms_at = self.out.len();
            let norms = std::mem::take(&mut self.inv_norms);
            self.out.put(bytemuck::cast_slice(&norms))?;
        }
        self.out.put(&footer(self.rows, norms_at))?;
        self.out.seal_blocks()
    }
}

/// The vectors in a mapped file, every length in it checked against what is expected.
pub(super) fn open(
    path: &Path,
    map: Arc<dyn Mapping>,
    spec: &VectorSpec,
    rows: u32,
) -> Result<VectorColumn> {
    let corrupt = |reason: &str| Error::corrupt(path, reason);
    let bytes = map.bytes();
    let values = rows as usize * spec.dimension;
    let data_end = PAGE + values * 4;
    let (norms_at, inverse) = match spec.metric {
        Metric::Cosine => (data_end as u64, rows as usize),
        Metric::L2 | Metric::Dot => (0, 0),
    };
    if bytes.len() != data_end + inverse * 4 + FOOTER {
        return Err(corrupt("its length does not fit its rows and dimension"));
    }
    if bytes.get(8..12) != Some(VERSION.to_le_bytes().as_slice()) && bytes.starts_with(&MAGIC) {
        let found = bytes
            .get(8..12)
            .and_then(|v| v.first_chunk())
            .map_or(0, |v| u32::from_le_bytes(*v));
        return Err(Error::UnsupportedVersion {
            file: path.to_path_buf(),
            found,
            supported: VERSION,
        });
    }
    if bytes[..PAGE] != header(spec) {
        return Err(corrupt("its header is not that of this vector column"));
    }
    if bytes[bytes.len() - FOOTER..] != footer(u64::from(rows), norms_at) {
        return Err(corrupt("its footer does not fit its rows"));
    }
    let slice = |offset, len| {
        Floats::mapped(map.clone(), offset, len).ok_or_else(|| corrupt("it cannot be mapped"))
    };
    let inv_norms = if inverse > 0 {
        slice(data_end, inverse)?
    } else {
        Floats::empty()
    };
    Ok(VectorColumn {
        data: slice(PAGE, values)?,
        inv_norms,
        index: None,
        reader: None,
    })
}

/// Reads rows of a file that [`open`] looked at.
pub(super) fn reader(disk: &Disk, path: &Path) -> Result<Arc<dyn ReadRow>> {
    let file = disk.vfs().open(path);
    let file = file.map_err(|e| Error::io("open", path, &e))?;
    Ok(Arc::new(RowReader {
        file,
        path: path.to_path_buf(),
    }))
}

struct RowReader {
    file: Box<dyn VfsFile>,
    path: PathBuf,
}

/// A file that is only read: a panic elsewhere leaves nothing half changed.
impl RefUnwindSafe for RowReader {}

impl ReadRow for RowReader {
    fn read(&self, row: u32, into: &mut [f32]) -> io::Result<()> {
        let at = PAGE as u64 + u64::from(row) * size_of_val(into) as u64;
        let read = self.file.read_at(bytemuck::cast_slice_mut(into), at);
        // What reads it finds the path again.
        read.map_err(|e| io::Error::new(e.kind(), Error::io("read", &self.path, &e)))
    }
}
