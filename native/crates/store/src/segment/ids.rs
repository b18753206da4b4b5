//! `ids.idx`: the positions of a segment's rows, sorted by id.

use std::path::Path;
use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::types::Int64Type;
use arrow_array::{Array, ArrayRef};
use rayon::prelude::*;

use super::header::{HEADER, header};
use crate::error::{Error, Result};
use crate::meta::IdKind;
use crate::part::{IdIndex, Positions};
use crate::vfs::{Checksums, DiskFile, Mapping};

const MAGIC: [u8; 8] = *b"OMENIDS1";

/// Gathers the ids of a segment while it is written.
pub(super) enum IdCollector {
    RowNumber,
    Int(Vec<i64>),
    Text { bytes: Vec<u8>, ends: Vec<usize> },
}

impl IdCollector {
    pub fn new(kind: IdKind) -> IdCollector {
        match kind {
            IdKind::RowNumber => IdCollector::RowNumber,
            IdKind::Int => IdCollector::Int(Vec::new()),
            IdKind::Text => IdCollector::Text {
                bytes: Vec::new(),
                ends: Vec::new(),
            },
        }
    }

    /// Ids of the next rows: an array of the id column, without nulls.
    pub fn append(&mut self, array: &ArrayRef) -> Result<()> {
        let fits = match self {
            IdCollector::RowNumber => true,
            IdCollector::Int(ids) => array
                .as_primitive_opt::<Int64Type>()
                .filter(|a| a.null_count() == 0)
                .map(|a| ids.extend_from_slice(a.values()))
                .is_some(),
            IdCollector::Text { bytes, ends } => array
                .as_string_opt::<i32>()
                .filter(|a| a.null_count() == 0)
                .map(|a| {
                    for text in a.iter().flatten() {
                        bytes.extend_from_slice(text.as_bytes());
                        ends.push(bytes.len());
                    }
                })
                .is_some(),
        };
        if fits {
            Ok(())
        } else {
            Err(Error::internal("the id column does not hold ids"))
        }
    }

    /// Positions sorted by (id, position), and the positions whose id stands again further on.
    pub fn sort(self) -> Option<(Vec<u32>, Vec<u32>)> {
        match self {
            IdCollector::RowNumber => None,
            IdCollector::Int(ids) => {
                let mut keyed: Vec<(i64, u32)> = ids.into_iter().zip(0u32..).collect();
                keyed.par_sort_unstable();
                let replaced = keyed
                    .windows(2)
                    .filter(|w| w[0].0 == w[1].0)
                    .map(|w| w[0].1)
                    .collect();
                Some((keyed.into_iter().map(|k| k.1).collect(), replaced))
            }
            IdCollector::Text { bytes, ends } => {
                let text = |p: u32| {
                    let p = p as usize;
                    let start = if p == 0 { 0 } else { ends[p - 1] };
                    &bytes[start..ends[p]]
                };
                // The first eight bytes decide most comparisons without a look into the texts.
                let prefix = |p: u32| {
                    let mut key = [0; 8];
                    let text = text(p);
                    let n = text.len().min(8);
                    key[..n].copy_from_slice(&text[..n]);
                    u64::from_be_bytes(key)
                };
                let mut keyed: Vec<(u64, u32)> =
                    (0..ends.len() as u32).map(|p| (prefix(p), p)).collect();
                keyed.par_sort_unstable_by(|a, b| {
                    a.0.cmp(&b.0)
                        .then_with(|| text(a.1).cmp(text(b.1)))
                        .then(a.1.cmp(&b.1))
                });
                let same = |w: &&[(u64, u32)]| w[0].0 == w[1].0 && text(w[0].1) == text(w[1].1);
                let replaced = keyed.windows(2).filter(same).map(|w| w[0].1).collect();
                Some((keyed.into_iter().map(|k| k.1).collect(), replaced))
            }
        }
    }
}

/// Writes the file; gives its checksums.
pub(super) fn write(file: DiskFile, order: &[u32]) -> Result<Checksums> {
    let mut out = file.sealing();
    out.put(&header(MAGIC, order.len() as u64))?;
    out.put(bytemuck::cast_slice(order))?;
    out.seal_blocks()
}

/// The index in a mapped file. Each position is checked; that they are in order is `verify`'s to find.
pub(super) fn open(
    path: &Path,
    map: Arc<dyn Mapping>,
    rows: u32,
    column: usize,
) -> Result<IdIndex> {
    let corrupt = |reason: &str| Error::corrupt(path, reason);
    let bytes = map.bytes();
    if bytes.len() != HEADER + rows as usize * 4
        || bytes[..HEADER] != header(MAGIC, u64::from(rows))
    {
        return Err(corrupt("its header does not fit the segment's rows"));
    }
    let order = Positions::mapped(map, HEADER, rows as usize)
        .ok_or_else(|| corrupt("it cannot be mapped"))?;
    if order.as_slice().iter().any(|&p| p >= rows) {
        return Err(corrupt("it names a row that the segment does not have"));
    }
    Ok(IdIndex::Sorted { order, column })
}
