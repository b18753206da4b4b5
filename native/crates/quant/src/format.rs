//! Coded rows on disk.
//!
//! # File format, version 1
//!
//! Little-endian. The file can be memory-mapped and scored as it is.
//!
//! | offset | size | what |
//! |---|---|---|
//! | 0 | 8 | magic `OMENCODE` |
//! | 8 | 4 | version, 1 |
//! | 12 | 4 | header length, 128 |
//! | 16 | 4 | `n`, number of rows, 0 to 2³¹ - 1 |
//! | 20 | 4 | `d`, dimension, 1 to 65,536 |
//! | 24 | 4 | metric: 0 l2, 1 cosine, 2 dot |
//! | 28 | 4 | bits of a code: 4 or 8 |
//! | 32 | 4 | f32: root mean square length of what the codes leave out of a row |
//! | 36 | 28 | 0 |
//! | 64 | 8 | offset of section A, 128 |
//! | 72 | 8 | offset of section B |
//! | 80 | 8 | offset of section C |
//! | 88 | 8 | file length |
//! | 96 | 12 | CRC-32C of sections A, B and C, each with its padding |
//! | 108 | 16 | 0 |
//! | 124 | 4 | CRC-32C of bytes 0 to 123 |
//!
//! Each section starts where the one before ends; zero bytes pad each to a multiple of 64.
//!
//! - **A, scales**: for each dimension three f32, finite: the value of code 0, from one code to the next (not negative), the mean.
//! - **B, terms**: under `l2` one f32 a row, its squared distance from the mean; otherwise nothing.
//! - **C, codes**: the rows, each a whole number of 32-byte blocks, laid out as [`omendb_distance::codes`] says.
//!
//! [`CodesHeader::parse`] checks all of this but the CRCs of B and C, which [`verify`] checks. Whatever B and C hold, scoring does not panic.

use std::io::{self, Write};

use omendb_distance::Metric;
use omendb_distance::codes::Width;
use thiserror::Error;

use crate::codec::Scale;
use crate::{Codec, Codes};

const MAGIC: [u8; 8] = *b"OMENCODE";
const VERSION: u32 = 1;
const HEADER: usize = 128;
const ALIGN: u64 = 64;
/// As many as a graph holds.
const MAX_ROWS: u32 = (1 << 31) - 1;
/// The largest dimension.
pub const MAX_DIMENSION: usize = 65_536;

/// Why bytes are no coded rows.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum CodesError {
    /// The file is written by a later version of the program.
    #[error(
        "the file of codes has version {0}, and this program reads version {VERSION}: update the program or rebuild the index"
    )]
    Version(u32),
    /// The file is damaged or is no file of codes.
    #[error("the file of codes is damaged ({0}): rebuild the index")]
    Damaged(String),
    /// The bytes do not start at a multiple of 4, or the machine is big-endian: they cannot be read in place.
    #[error(
        "the file of codes cannot be read in place: its bytes must start at a multiple of 4, on a little-endian machine"
    )]
    Unreadable,
}

fn damaged<T>(what: impl Into<String>) -> Result<T, CodesError> {
    Err(CodesError::Damaged(what.into()))
}

/// Where the sections lie: their starts, and the end of the file.
type Offsets = [u64; 4];

/// Cannot overflow: 2^31 rows of at most 2^16 bytes.
fn offsets(rows: u32, dimension: usize, metric: Metric, width: Width) -> Offsets {
    let terms = if metric == Metric::L2 {
        u64::from(rows) * 4
    } else {
        0
    };
    let lengths = [
        dimension as u64 * 12,
        terms,
        u64::from(rows) * width.row_bytes(dimension) as u64,
    ];
    let mut offsets = [HEADER as u64; 4];
    for (i, length) in lengths.into_iter().enumerate() {
        offsets[i + 1] = offsets[i] + length.next_multiple_of(ALIGN);
    }
    offsets
}

/// What a file of codes holds besides its rows, kept by whoever maps the file.
#[derive(Clone, Debug)]
pub struct CodesHeader {
    codec: Codec,
    rows: u32,
    offsets: Offsets,
    crcs: [u32; 3],
}

impl CodesHeader {
    /// Reads the header and the scales, and checks them against each other and the length of the file.
    ///
    /// # Errors
    /// See [`CodesError`].
    pub fn parse(bytes: &[u8]) -> Result<CodesHeader, CodesError> {
        let Some(head) = bytes.first_chunk::<HEADER>() else {
            return damaged(format!("{} bytes are too few", bytes.len()));
        };
        let u32_at =
            |at: usize| u32::from_le_bytes([head[at], head[at + 1], head[at + 2], head[at + 3]]);
        let u64_at = |at: usize| u64::from(u32_at(at)) | u64::from(u32_at(at + 4)) << 32;
        if head[..8] != MAGIC {
            return damaged("it does not begin as a file of codes does");
        }
        // Before the checksum, whose place a later version may move.
        if u32_at(8) != VERSION {
            return Err(CodesError::Version(u32_at(8)));
        }
        if crc32c::crc32c(&head[..124]) != u32_at(124) {
            return damaged("the checksum of its header does not match");
        }
        let metric = match u32_at(24) {
            0 => Metric::L2,
            1 => Metric::Cosine,
            2 => Metric::Dot,
            other => return damaged(format!("metric {other} is unknown")),
        };
        let width = match u32_at(28) {
            4 => Width::Four,
            8 => Width::Eight,
            other => return damaged(format!("codes of {other} bits are unknown")),
        };
        let (rows, dimension) = (u32_at(16), u32_at(20) as usize);
        let error = f32::from_bits(u32_at(32));
        let sound = u32_at(12) == HEADER as u32
            && rows <= MAX_ROWS
            && (1..=MAX_DIMENSION).contains(&dimension)
            && error >= 0.0
            && head[36..64]
                .iter()
                .chain(&head[108..124])
                .all(|byte| *byte == 0);
        if !sound {
            return damaged("its header holds a number out of range");
        }
        let offsets = offsets(rows, dimension, metric, width);
        if (0..4).any(|i| u64_at(64 + 8 * i) != offsets[i]) {
            return damaged("its sections are not where its counts put them");
        }
        if bytes.len() as u64 != offsets[3] {
            return damaged(format!("{} bytes instead of {}", bytes.len(), offsets[3]));
        }
        if cfg!(target_endian = "big") || bytes.as_ptr().align_offset(4) != 0 {
            return Err(CodesError::Unreadable);
        }
        let crcs = [u32_at(96), u32_at(100), u32_at(104)];
        let section = &bytes[HEADER..offsets[1] as usize];
        if crc32c::crc32c(section) != crcs[0] {
            return damaged("the checksum of its scales does not match");
        }
        let values = section[..dimension * 12].as_chunks::<12>().0;
        let scale = |bytes: &[u8; 12]| {
            let at =
                |i: usize| f32::from_le_bytes([bytes[i], bytes[i + 1], bytes[i + 2], bytes[i + 3]]);
            Scale {
                low: at(0),
                step: at(4),
                mean: at(8),
            }
        };
        let scales: Vec<Scale> = values.iter().map(scale).collect();
        if !scales.iter().all(Scale::is_sound) {
            return damaged("its scales hold a number out of range");
        }
        Ok(CodesHeader {
            codec: Codec::new(metric, width, &scales, error),
            rows,
            offsets,
            crcs,
        })
    }

    /// How the rows were coded.
    pub fn codec(&self) -> &Codec {
        &self.codec
    }

    /// Number of rows.
    pub fn len(&self) -> usize {
        self.rows as usize
    }

    /// Whether there is no row.
    pub fn is_empty(&self) -> bool {
        self.rows == 0
    }

    /// The rows in the bytes that this was parsed from; `None` if these are others.
    pub fn rows<'a>(&'a self, bytes: &'a [u8]) -> Option<Codes<'a>> {
        let [_, terms, codes, end] = self.offsets.map(|offset| offset as usize);
        let codes = bytes.get(codes..end)?;
        let codes = codes.get(..self.len() * self.codec.row_bytes())?;
        let terms: &[f32] = if self.codec.metric() == Metric::L2 {
            bytemuck::try_cast_slice(bytes.get(terms..terms + self.len() * 4)?).ok()?
        } else {
            &[]
        };
        Codes::new(&self.codec, codes, terms)
    }

    /// Checks the checksums of terms and codes; reads the whole file.
    ///
    /// # Errors
    /// `Damaged`.
    pub fn verify(&self, bytes: &[u8]) -> Result<(), CodesError> {
        for (i, name) in [(1, "terms"), (2, "codes")] {
            let section = bytes.get(self.offsets[i] as usize..self.offsets[i + 1] as usize);
            if section.is_none_or(|section| crc32c::crc32c(section) != self.crcs[i]) {
                return damaged(format!("the checksum of its {name} does not match"));
            }
        }
        Ok(())
    }
}

/// Writes the file; gives its length in bytes. The writer gets large pieces, and is neither flushed nor synced.
///
/// # Errors
/// Those of the writer.
pub fn write(codes: &Codes<'_>, writer: &mut dyn Write) -> io::Result<u64> {
    let codec = codes.codec;
    let rows = codes.rows.len() as u32;
    let offsets = offsets(rows, codec.dimension(), codec.metric(), codec.width());
    let scales: Vec<u8> = codec
        .scales()
        .flat_map(|s| [s.low, s.step, s.mean])
        .flat_map(f32::to_le_bytes)
        .collect();
    let terms: Vec<u8> = codes
        .terms
        .iter()
        .flat_map(|term| term.to_le_bytes())
        .collect();
    let sections = [scales.as_slice(), terms.as_slice(), codes.rows.bytes()];
    let zeros = [0u8; ALIGN as usize];
    let padding =
        |section: &[u8]| &zeros[..section.len().next_multiple_of(ALIGN as usize) - section.len()];
    let crcs =
        sections.map(|section| crc32c::crc32c_append(crc32c::crc32c(section), padding(section)));
    let mut head = [0u8; HEADER];
    let mut put = |at: usize, value: &[u8]| head[at..at + value.len()].copy_from_slice(value);
    put(0, &MAGIC);
    let metric = match codec.metric() {
        Metric::L2 => 0u32,
        Metric::Cosine => 1,
        Metric::Dot => 2,
    };
    let words = [
        VERSION,
        HEADER as u32,
        rows,
        codec.dimension() as u32,
        metric,
        codec.width().bits(),
        codec.error().to_bits(),
    ];
    for (i, word) in words.into_iter().enumerate() {
        put(8 + 4 * i, &word.to_le_bytes());
    }
    for (i, offset) in offsets.into_iter().enumerate() {
        put(64 + 8 * i, &offset.to_le_bytes());
    }
    for (i, crc) in crcs.into_iter().enumerate() {
        put(96 + 4 * i, &crc.to_le_bytes());
    }
    let crc = crc32c::crc32c(&head[..124]);
    head[124..].copy_from_slice(&crc.to_le_bytes());
    writer.write_all(&head)?;
    for section in sections {
        writer.write_all(section)?;
        writer.write_all(padding(section))?;
    }
    Ok(offsets[3])
}
