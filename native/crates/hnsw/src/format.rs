//! The index on disk: a graph, and the codes that a walk through it scores.
//!
//! # File format, version 2
//!
//! Little-endian. The file can be memory-mapped and searched as it is.
//!
//! | offset | size | what |
//! |---|---|---|
//! | 0 | 8 | magic `OMENHNSW` |
//! | 8 | 4 | version, 2 |
//! | 12 | 4 | header length, 192 |
//! | 16 | 4 | `n`, number of nodes, 0 to 2³¹ - 1; node `i` is row `i` of the vectors |
//! | 20 | 4 | `d`, dimension of the vectors, 1 to 65,536 |
//! | 24 | 4 | metric: 0 l2, 1 cosine, 2 dot |
//! | 28 | 4 | `m`, links a node on each layer above 0, 2 to 256 |
//! | 32 | 4 | `m0`, links a node on layer 0, 2 to 512 |
//! | 36 | 4 | entry node; `0xFFFFFFFF` when `n` is 0 |
//! | 40 | 4 | top level, 0 to 31: the entry node's level |
//! | 44 | 4 | `ef_construction` of the build, for people to read |
//! | 48 | 8 | seed of the build, for people to read |
//! | 56 | 4 | `u`, number of upper blocks: the sum of all nodes' levels |
//! | 60 | 4 | bits of a code: 4 or 8, or 0 where there are no codes: then sections D to G are empty |
//! | 64 | 4 | f32, not negative: root mean square length of what the codes leave out of a row |
//! | 68 | 4 | 0 |
//! | 72 | 56 | offsets of sections A to G, u64 each; that of A is 192 |
//! | 128 | 8 | file length |
//! | 136 | 28 | CRC-32C of sections A to G, each with its padding |
//! | 164 | 24 | 0 |
//! | 188 | 4 | CRC-32C of bytes 0 to 187 |
//!
//! Each section starts where the one before ends; zero bytes pad each to a multiple of 64.
//!
//! - **A, levels**: `n + 1` u32, never falling, from 0 to `u`. `A[i + 1] - A[i]` is the level of node `i`, and its upper blocks are
//!   `A[i] .. A[i + 1]`, level 1 first.
//! - **B, layer 0**: `n` blocks of `m0` u32: the neighbours of node `i`, then `0xFFFFFFFF` to the end of the block.
//! - **C, upper layers**: `u` blocks of `m` u32, likewise. A link on level `l` leads to a node of level `l` or above.
//! - **D, scales**: for each dimension three f32, finite: the value of code 0, from one code to the next (not negative), the mean.
//! - **E, terms**: under `l2` one f32 a row, its squared distance from the mean; otherwise nothing.
//! - **F, errors**: one f32 a row, not below the length of what its codes leave out.
//! - **G, codes**: the rows, each a whole number of 32-byte blocks, laid out as [`omendb_distance::codes`] says.
//!
//! [`IndexHeader::parse`] checks the header, sections A and D, and where the others lie; [`IndexHeader::verify`] checks every byte. What passes `parse` can
//! be searched without a panic, whatever its links and codes say.
//!
//! Version 1 had no codes (sections A to C, a header of 128 bytes); it is not read, and an index of it is built anew.

use std::borrow::Cow;
use std::io::{self, Write};

use omendb_distance::Metric;
use omendb_distance::codes::Width;
use omendb_quant::{Codec, Codes};
use thiserror::Error;

use crate::graph::{GraphView, Header, MAX_DIMENSION, MAX_LEVEL, MAX_M};
use crate::index::{Index, IndexView};
use crate::{MAX_NODES, NONE};

const MAGIC: [u8; 8] = *b"OMENHNSW";
const VERSION: u32 = 2;
const HEADER: usize = 192;
const ALIGN: u64 = 64;
const SECTIONS: usize = 7;
const NAMES: [&str; SECTIONS] = [
    "levels",
    "layer 0",
    "upper layers",
    "scales",
    "terms",
    "errors",
    "codes",
];
// Where the header has what.
const OFFSETS: usize = 72;
const CRCS: usize = 136;
const CRC: usize = 188;

/// Why bytes are not an index.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum FormatError {
    /// The file is written by another version of the program.
    #[error(
        "the index file has version {0}, and this program reads version {VERSION}: rebuild the index"
    )]
    Version(u32),
    /// The file is damaged or is no index file.
    #[error("the index file is damaged ({0}): rebuild the index")]
    Damaged(String),
    /// The bytes do not start at a multiple of 4, or the machine is big-endian: they cannot be read in place.
    #[error(
        "the index file cannot be read in place: its bytes must start at a multiple of 4, on a little-endian machine"
    )]
    Unreadable,
}

impl FormatError {
    /// A stable name for the kind of error.
    pub fn code(&self) -> &'static str {
        match self {
            FormatError::Version(_) => "INDEX_VERSION",
            FormatError::Damaged(_) => "INDEX_DAMAGED",
            FormatError::Unreadable => "INDEX_UNREADABLE",
        }
    }
}

fn damaged<T>(what: impl Into<String>) -> Result<T, FormatError> {
    Err(FormatError::Damaged(what.into()))
}

/// Where the sections start, and the end of the file.
type Offsets = [u64; SECTIONS + 1];

/// Cannot overflow: at most 2^31 blocks of 2^9 u32, 2^36 of 2^8, and 2^31 rows of 2^16 bytes.
fn offsets(graph: &Header, width: Option<Width>) -> Offsets {
    let (n, dimension) = (u64::from(graph.nodes), graph.dimension as usize);
    let coded = if width.is_some() { n } else { 0 };
    let terms = if graph.metric == Metric::L2 { coded } else { 0 };
    let scales = if width.is_some() { dimension } else { 0 };
    let row_bytes = width.map_or(0, |width| width.row_bytes(dimension));
    let lengths = [
        (n + 1) * 4,
        n * u64::from(graph.m0) * 4,
        u64::from(graph.upper_blocks) * u64::from(graph.m) * 4,
        (scales * Codec::SCALE_BYTES) as u64,
        terms * 4,
        coded * 4,
        n * row_bytes as u64,
    ];
    let mut offsets = [HEADER as u64; SECTIONS + 1];
    for (i, length) in lengths.into_iter().enumerate() {
        offsets[i + 1] = offsets[i] + length.next_multiple_of(ALIGN);
    }
    offsets
}

/// What an index file says of itself, kept by whoever maps the file.
#[derive(Clone, Debug)]
pub struct IndexHeader {
    graph: Header,
    codec: Option<Codec>,
    offsets: Offsets,
    crcs: [u32; SECTIONS],
}

impl IndexHeader {
    /// Reads header, levels and scales, and checks them against each other and the length of the file. `bytes` must start at a multiple of 4 (a
    /// mapping does).
    ///
    /// # Errors
    /// See [`FormatError`].
    pub fn parse(bytes: &[u8]) -> Result<IndexHeader, FormatError> {
        let Some(head) = bytes.first_chunk::<HEADER>() else {
            return damaged(format!("{} bytes are too few", bytes.len()));
        };
        let u32_at =
            |at: usize| u32::from_le_bytes([head[at], head[at + 1], head[at + 2], head[at + 3]]);
        let u64_at = |at: usize| u64::from(u32_at(at)) | u64::from(u32_at(at + 4)) << 32;
        if head[..8] != MAGIC {
            return damaged("it does not begin as an index file does");
        }
        // Before the checksum, whose place another version may move.
        if u32_at(8) != VERSION {
            return Err(FormatError::Version(u32_at(8)));
        }
        if crc32c::crc32c(&head[..CRC]) != u32_at(CRC) {
            return damaged("the checksum of its header does not match");
        }
        let metric = match u32_at(24) {
            0 => Metric::L2,
            1 => Metric::Cosine,
            2 => Metric::Dot,
            other => return damaged(format!("metric {other} is unknown")),
        };
        let width = match u32_at(60) {
            0 => None,
            4 => Some(Width::Four),
            8 => Some(Width::Eight),
            other => return damaged(format!("codes of {other} bits are unknown")),
        };
        let graph = Header {
            nodes: u32_at(16),
            dimension: u32_at(20),
            metric,
            m: u32_at(28),
            m0: u32_at(32),
            entry: u32_at(36),
            top_level: u32_at(40),
            ef_construction: u32_at(44),
            seed: u64_at(48),
            upper_blocks: u32_at(56),
        };
        let error = f32::from_bits(u32_at(64));
        let empty = graph.nodes == 0;
        let sound = u32_at(12) == HEADER as u32
            && graph.nodes as usize <= MAX_NODES
            && (1..=MAX_DIMENSION).contains(&(graph.dimension as usize))
            && (2..=MAX_M).contains(&(graph.m as usize))
            && (2..=2 * MAX_M).contains(&(graph.m0 as usize))
            && graph.top_level as usize <= MAX_LEVEL
            && (graph.entry == NONE) == empty
            && (empty || graph.entry < graph.nodes)
            && (!empty || graph.top_level == 0)
            && u64::from(graph.upper_blocks) <= u64::from(graph.nodes) * MAX_LEVEL as u64
            && error.is_finite()
            && error.is_sign_positive()
            && (width.is_some() || error == 0.0)
            && u32_at(68) == 0
            && head[CRCS + 4 * SECTIONS..CRC].iter().all(|byte| *byte == 0);
        if !sound {
            return damaged("its header holds a number out of range");
        }
        let offsets = offsets(&graph, width);
        if (0..=SECTIONS).any(|i| u64_at(OFFSETS + 8 * i) != offsets[i]) {
            return damaged("its sections are not where its counts put them");
        }
        let end = offsets[SECTIONS];
        if bytes.len() as u64 != end {
            return damaged(format!("{} bytes instead of {end}", bytes.len()));
        }
        if cfg!(target_endian = "big") || bytes.as_ptr().align_offset(4) != 0 {
            return Err(FormatError::Unreadable);
        }
        let crcs = std::array::from_fn(|i| u32_at(CRCS + 4 * i));
        let section = &bytes[offsets[3] as usize..offsets[4] as usize];
        if crc32c::crc32c(section) != crcs[3] {
            return damaged("the checksum of its scales does not match");
        }
        let scales = section.get(..graph.dimension as usize * Codec::SCALE_BYTES);
        let codec = match width.zip(scales) {
            None => None,
            Some((width, scales)) => match Codec::from_bytes(metric, width, error, scales) {
                None => return damaged("its scales hold a number out of range"),
                codec => codec,
            },
        };
        let header = IndexHeader {
            graph,
            codec,
            offsets,
            crcs,
        };
        let levels = header.view(bytes)?.graph.check_levels();
        levels.map_err(FormatError::Damaged)?;
        Ok(header)
    }

    /// The numbers that describe the graph.
    pub fn graph(&self) -> &Header {
        &self.graph
    }

    /// The index in the bytes that this was parsed from; takes no time to speak of. Searching it is free of panics whatever the bytes are now; what
    /// it finds is sound when they are those that were parsed.
    ///
    /// # Errors
    /// When the bytes are of another length, or not aligned.
    #[inline]
    pub fn view<'a>(&'a self, bytes: &'a [u8]) -> Result<IndexView<'a>, FormatError> {
        self.slices(bytes).ok_or(FormatError::Unreadable)
    }

    #[inline]
    fn slices<'a>(&'a self, bytes: &'a [u8]) -> Option<IndexView<'a>> {
        let n = self.graph.nodes as usize;
        let words = |section: usize, count: usize| {
            let start = self.offsets[section] as usize;
            bytes.get(start..start + count * 4)
        };
        let ids = |section: usize, count: usize| {
            bytemuck::try_cast_slice::<u8, u32>(words(section, count)?).ok()
        };
        let graph = GraphView::new(
            self.graph,
            ids(0, n + 1)?,
            ids(1, n * self.graph.m0 as usize)?,
            ids(2, self.graph.upper_blocks as usize * self.graph.m as usize)?,
        )?;
        let Some(codec) = &self.codec else {
            return Some(IndexView { graph, codes: None });
        };
        let terms = if codec.metric() == Metric::L2 { n } else { 0 };
        let terms = bytemuck::try_cast_slice(words(4, terms)?).ok()?;
        let errors = bytemuck::try_cast_slice(words(5, n)?).ok()?;
        let start = self.offsets[6] as usize;
        let codes = bytes.get(start..start + n * codec.row_bytes())?;
        let codes = Some(Codes::new(codec, codes, errors, terms)?);
        Some(IndexView { graph, codes })
    }

    /// Checks every link and every checksum; reads the whole file.
    ///
    /// # Errors
    /// `Damaged`, or `Unreadable` as for [`IndexHeader::view`].
    pub fn verify(&self, bytes: &[u8]) -> Result<(), FormatError> {
        for (i, name) in NAMES.into_iter().enumerate() {
            let section = bytes.get(self.offsets[i] as usize..self.offsets[i + 1] as usize);
            if section.is_none_or(|section| crc32c::crc32c(section) != self.crcs[i]) {
                return damaged(format!("the checksum of its {name} does not match"));
            }
        }
        let graph = self.view(bytes)?.graph;
        graph.check_links().map_err(FormatError::Damaged)
    }
}

impl Index {
    /// Writes the file; gives its length in bytes. The writer gets large pieces, and is neither flushed nor synced.
    ///
    /// # Errors
    /// Those of the writer.
    pub fn write_to(&self, writer: &mut dyn Write) -> io::Result<u64> {
        let IndexView { graph, codes } = self.view();
        let (first_upper, layer_0, upper) = graph.slices();
        let codec = codes.map(|codes| codes.codec);
        let scales = codec.map(Codec::to_bytes).unwrap_or_default();
        let bits = |floats: &[f32]| floats.iter().map(|x| x.to_bits()).collect::<Vec<u32>>();
        let terms = bits(codes.map_or(&[], |codes| codes.terms));
        let errors = bits(codes.map_or(&[], |codes| codes.errors));
        let sections = [
            little_endian(first_upper),
            little_endian(layer_0),
            little_endian(upper),
            Cow::Borrowed(scales.as_slice()),
            little_endian(&terms),
            little_endian(&errors),
            Cow::Borrowed(codes.map_or(&[][..], |codes| codes.rows.bytes())),
        ];
        let zeros = [0u8; ALIGN as usize];
        let padding = |section: &[u8]| {
            &zeros[..section.len().next_multiple_of(ALIGN as usize) - section.len()]
        };
        let offsets = offsets(graph.header(), codec.map(Codec::width));
        let head = head(graph.header(), codec, &offsets, |i| {
            crc32c::crc32c_append(crc32c::crc32c(&sections[i]), padding(&sections[i]))
        });
        writer.write_all(&head)?;
        for section in &sections {
            for piece in section.chunks(PIECE) {
                writer.write_all(piece)?;
            }
            writer.write_all(padding(section))?;
        }
        Ok(offsets[SECTIONS])
    }

    /// The file as bytes.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        // Writing to a Vec cannot fail.
        let _ = self.write_to(&mut bytes);
        bytes
    }
}

fn head(
    graph: &Header,
    codec: Option<&Codec>,
    offsets: &Offsets,
    crc_of: impl Fn(usize) -> u32,
) -> [u8; HEADER] {
    let mut bytes = [0u8; HEADER];
    let mut put = |at: usize, value: &[u8]| bytes[at..at + value.len()].copy_from_slice(value);
    put(0, &MAGIC);
    let metric = match graph.metric {
        Metric::L2 => 0u32,
        Metric::Cosine => 1,
        Metric::Dot => 2,
    };
    let words = [
        VERSION,
        HEADER as u32,
        graph.nodes,
        graph.dimension,
        metric,
        graph.m,
        graph.m0,
        graph.entry,
        graph.top_level,
        graph.ef_construction,
    ];
    for (i, word) in words.into_iter().enumerate() {
        put(8 + 4 * i, &word.to_le_bytes());
    }
    put(48, &graph.seed.to_le_bytes());
    put(56, &graph.upper_blocks.to_le_bytes());
    put(60, &codec.map_or(0, |c| c.width().bits()).to_le_bytes());
    put(64, &codec.map_or(0.0, Codec::error).to_le_bytes());
    for (i, offset) in offsets.iter().enumerate() {
        put(OFFSETS + 8 * i, &offset.to_le_bytes());
    }
    for i in 0..SECTIONS {
        put(CRCS + 4 * i, &crc_of(i).to_le_bytes());
    }
    let crc = crc32c::crc32c(&bytes[..CRC]);
    bytes[CRC..].copy_from_slice(&crc.to_le_bytes());
    bytes
}

/// Bytes handed to the writer at once: 1 MiB.
const PIECE: usize = 1 << 20;

fn little_endian(words: &[u32]) -> Cow<'_, [u8]> {
    if cfg!(target_endian = "little") {
        Cow::Borrowed(bytemuck::cast_slice(words))
    } else {
        Cow::Owned(words.iter().flat_map(|word| word.to_le_bytes()).collect())
    }
}
