//! fvecs: for each vector a little-endian 32-bit count and that many little-endian 32-bit floats.

use crate::infer::Sampled;
use crate::limits::{MAX_BATCH_ROWS, MAX_DIMENSION, batch_rows};
use crate::matrix::{BlockReader, sample_rows, sampled};
use crate::reject::{Fault, RejectKind, Rejected};
use crate::source::SourceFile;
use crate::{Error, Result};

pub(crate) struct Fvecs {
    source: SourceFile,
    dimension: usize,
    offset: u64,
    row: u64,
    bytes: Vec<u8>,
}

fn count(bytes: &[u8]) -> Option<i32> {
    bytes.get(..4)?.try_into().ok().map(i32::from_le_bytes)
}

/// Whether a file of unknown name could be fvecs: a plausible count, a size that is a whole number of rows, and finite first values.
pub(crate) fn plausible(head: &[u8], len: u64) -> bool {
    let Some(dimension) = count(head)
        .and_then(|d| u64::try_from(d).ok())
        .filter(|d| (1..=MAX_DIMENSION as u64).contains(d))
    else {
        return false;
    };
    let stride = 4 + 4 * dimension;
    let second = usize::try_from(stride)
        .ok()
        .and_then(|at| head.get(at..))
        .and_then(count);
    let values = head
        .get(4..)
        .unwrap_or_default()
        .chunks_exact(4)
        .take(usize::try_from(dimension).unwrap_or(0));
    len.is_multiple_of(stride)
        && second.is_none_or(|d| u64::try_from(d) == Ok(dimension))
        && values
            .filter_map(|b| b.try_into().ok().map(f32::from_le_bytes))
            .all(|x| x.is_finite() && x.abs() < 1e20)
}

impl Fvecs {
    pub fn open(mut source: SourceFile) -> Result<Self> {
        let mut first = [0; 4];
        source.seek(0)?;
        if source.len() < 4 {
            return Err(Error::invalid(
                source.path(),
                format!("{} bytes are too few for one vector", source.len()),
            ));
        }
        source.read_exact(&mut first)?;
        source.seek(0)?;
        let declared = i32::from_le_bytes(first);
        let dimension = match usize::try_from(declared) {
            Ok(0) => {
                return Err(Error::no_vector(
                    source.path(),
                    "its first vector has 0 dimensions",
                ));
            }
            Ok(d) if d <= MAX_DIMENSION => d,
            Ok(d) => {
                return Err(Error::limit(
                    source.path(),
                    format!(
                        "its first vector has {d} dimensions; at most {MAX_DIMENSION} are possible"
                    ),
                ));
            }
            Err(_) => {
                return Err(Error::invalid(
                    source.path(),
                    format!("its first vector has {declared} dimensions"),
                ));
            }
        };
        if source.len() < (4 + 4 * dimension) as u64 {
            return Err(Error::invalid(
                source.path(),
                "the file ends inside its first vector",
            ));
        }
        Ok(Self {
            source,
            dimension,
            offset: 0,
            row: 0,
            bytes: Vec::new(),
        })
    }

    fn stride(&self) -> usize {
        4 + 4 * self.dimension
    }

    pub fn sample(mut self) -> Result<(Sampled, u64)> {
        let rows = self.source.len() / self.stride() as u64;
        let (mut vectors, mut numbers, mut refused) = (Vec::new(), Vec::new(), Vec::new());
        self.read_rows(
            sample_rows(self.dimension),
            &mut vectors,
            &mut numbers,
            &mut refused,
        )?;
        Ok((sampled("float32".into(), self.dimension, vectors), rows))
    }

    fn read_rows(
        &mut self,
        limit: usize,
        out: &mut Vec<f32>,
        numbers: &mut Vec<u64>,
        refused: &mut Vec<Rejected>,
    ) -> Result<bool> {
        let left = self.source.len().saturating_sub(self.offset);
        if left == 0 {
            return Ok(false);
        }
        let stride = self.stride();
        let wanted = usize::try_from(left)
            .unwrap_or(usize::MAX)
            .min(limit * stride);
        self.bytes.resize(wanted, 0);
        self.source.seek(self.offset)?;
        self.source.read_exact(&mut self.bytes)?;
        out.reserve(wanted / stride * self.dimension);
        let mut at = 0;
        while let Some(declared) = self.bytes.get(at..).and_then(count) {
            let row = self.row + 1;
            if usize::try_from(declared) == Ok(self.dimension) {
                let Some(values) = self.bytes.get(at + 4..at + stride) else {
                    break;
                };
                out.extend(
                    values
                        .chunks_exact(4)
                        .filter_map(|b| b.try_into().ok().map(f32::from_le_bytes)),
                );
                numbers.push(row);
                at += stride;
            } else {
                // Another length is a row to reject as long as the file can hold it; otherwise nothing behind it can be found.
                let at_byte = self.offset + at as u64;
                let length = u64::try_from(declared)
                    .ok()
                    .filter(|d| *d <= MAX_DIMENSION as u64)
                    .map(|d| 4 + 4 * d);
                let Some(length) = length.filter(|l| at_byte + l <= self.source.len()) else {
                    return Err(Error::invalid(
                        self.source.path(),
                        format!(
                            "vector {row}, at byte {at_byte}, says that it has {declared} values"
                        ),
                    ));
                };
                let found = usize::try_from(declared).unwrap_or_default();
                refused.push(Fault::dimension(found, self.dimension).at(
                    row,
                    None,
                    Some(crate::matrix::COLUMN),
                ));
                self.row = row;
                let next = usize::try_from(length)
                    .ok()
                    .and_then(|l| at.checked_add(l))
                    .filter(|n| *n <= self.bytes.len());
                match next.filter(|_| refused.len() < MAX_BATCH_ROWS) {
                    Some(next) => at = next,
                    None => {
                        self.offset = at_byte + length;
                        return Ok(true);
                    }
                }
            }
            self.row = row;
        }
        self.offset += at as u64;
        if at == 0 {
            let fault = Fault::new(
                RejectKind::Truncated,
                format!("the file ends {left} bytes into this vector of {stride}"),
            );
            refused.push(fault.at(self.row + 1, None, Some(crate::matrix::COLUMN)));
            self.row += 1;
            self.offset = self.source.len();
        }
        Ok(true)
    }
}

impl BlockReader for Fvecs {
    fn dimension(&self) -> usize {
        self.dimension
    }

    fn rows_total(&self) -> Option<u64> {
        Some(self.source.len() / self.stride() as u64)
    }

    fn source(&self) -> &SourceFile {
        &self.source
    }

    fn bytes_read(&self) -> u64 {
        self.offset
    }

    fn read(
        &mut self,
        out: &mut Vec<f32>,
        numbers: &mut Vec<u64>,
        refused: &mut Vec<Rejected>,
    ) -> Result<bool> {
        self.read_rows(batch_rows(self.dimension), out, numbers, refused)
    }
}
