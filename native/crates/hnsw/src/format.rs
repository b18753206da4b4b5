//! The graph, in memory and on disk: one layout for both.
//!
//! # File format, version 1
//!
//! Little-endian. The file can be memory-mapped and searched as it is.
//!
//! | offset | size | what |
//! |---|---|---|
//! | 0 | 8 | magic `OMENHNSW` |
//! | 8 | 4 | version, 1 |
//! | 12 | 4 | header length, 128 |
//! | 16 | 4 | `n`, number of nodes, 0 to 2³¹ - 1; node `i` is row `i` of the vectors |
//! | 20 | 4 | dimension of the vectors, 1 to 65,536 |
//! | 24 | 4 | metric: 0 l2, 1 cosine, 2 dot |
//! | 28 | 4 | `m`, links a node on each layer above 0, 2 to 256 |
//! | 32 | 4 | `m0`, links a node on layer 0, 2 to 512 |
//! | 36 | 4 | entry node; `0xFFFFFFFF` when `n` is 0 |
//! | 40 | 4 | top level, 0 to 31: the entry node's level |
//! | 44 | 4 | `ef_construction` of the build, for people to read |
//! | 48 | 8 | seed of the build, for people to read |
//! | 56 | 4 | `u`, number of upper blocks: the sum of all nodes' levels |
//! | 60 | 4 | 0 |
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
//! - **A, levels**: `n + 1` u32, never falling, from 0 to `u`. `A[i + 1] - A[i]` is the level of node `i`, and its upper blocks are
//!   `A[i] .. A[i + 1]`, level 1 first.
//! - **B, layer 0**: `n` blocks of `m0` u32: the neighbours of node `i`, then `0xFFFFFFFF` to the end of the block.
//! - **C, upper layers**: `u` blocks of `m` u32, likewise. A link on level `l` leads to a node of level `l` or above.
//!
//! [`GraphView::parse`] checks all of this but the sections' CRCs, which [`GraphView::verify`] checks. What passes `parse` can be
//! searched without a panic, whatever its links say.

use std::io::{self, Write};

use omendb_distance::Metric;
use thiserror::Error;

use crate::{MAX_NODES, NONE};

const MAGIC: [u8; 8] = *b"OMENHNSW";
const VERSION: u32 = 1;
const HEADER: usize = 128;
const ALIGN: u64 = 64;
/// The largest dimension of vectors.
pub const MAX_DIMENSION: usize = 65_536;
/// The most links of a node on an upper layer; layer 0 may have twice as many.
pub const MAX_M: usize = 256;
/// The highest level that a node may have.
pub const MAX_LEVEL: usize = 31;

/// Why bytes are not a graph.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum FormatError {
    /// The file is written by a later version of the program.
    #[error(
        "the index file has version {0}, and this program reads version {VERSION}: update the program or rebuild the index"
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

/// The numbers that describe a graph.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    /// Number of nodes.
    pub nodes: u32,
    /// Dimension of the vectors.
    pub dimension: u32,
    /// Metric of the vectors.
    pub metric: Metric,
    /// Links a node on each layer above 0.
    pub m: u32,
    /// Links a node on layer 0.
    pub m0: u32,
    /// The node where a search starts; [`NONE`] when there is no node.
    pub entry: u32,
    /// Level of the entry node.
    pub top_level: u32,
    /// Pool size of the build.
    pub ef_construction: u32,
    /// Seed of the build.
    pub seed: u64,
    /// Number of link blocks above layer 0.
    pub upper_blocks: u32,
}

/// Where the sections lie.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Layout {
    offsets: [u64; 4],
}

impl Header {
    /// Section offsets and the file length. Cannot overflow: at most 2^31 blocks of 2^9 and 2^36 of 2^8 u32.
    fn layout(&self) -> Layout {
        let lengths = [
            (u64::from(self.nodes) + 1) * 4,
            u64::from(self.nodes) * u64::from(self.m0) * 4,
            u64::from(self.upper_blocks) * u64::from(self.m) * 4,
        ];
        let mut offsets = [HEADER as u64; 4];
        for (i, length) in lengths.into_iter().enumerate() {
            offsets[i + 1] = offsets[i] + length.next_multiple_of(ALIGN);
        }
        Layout { offsets }
    }

    /// Length of the file in bytes.
    pub fn file_len(&self) -> u64 {
        self.layout().offsets[3]
    }

    fn to_bytes(self, crcs: [u32; 3]) -> [u8; HEADER] {
        let mut bytes = [0u8; HEADER];
        let mut put = |at: usize, value: &[u8]| bytes[at..at + value.len()].copy_from_slice(value);
        put(0, &MAGIC);
        let metric = match self.metric {
            Metric::L2 => 0u32,
            Metric::Cosine => 1,
            Metric::Dot => 2,
        };
        let words = [
            VERSION,
            HEADER as u32,
            self.nodes,
            self.dimension,
            metric,
            self.m,
            self.m0,
            self.entry,
            self.top_level,
            self.ef_construction,
        ];
        for (i, word) in words.into_iter().enumerate() {
            put(8 + 4 * i, &word.to_le_bytes());
        }
        put(48, &self.seed.to_le_bytes());
        put(56, &self.upper_blocks.to_le_bytes());
        for (i, offset) in self.layout().offsets.into_iter().enumerate() {
            put(64 + 8 * i, &offset.to_le_bytes());
        }
        for (i, crc) in crcs.into_iter().enumerate() {
            put(96 + 4 * i, &crc.to_le_bytes());
        }
        let crc = crc32c::crc32c(&bytes[..124]);
        bytes[124..].copy_from_slice(&crc.to_le_bytes());
        bytes
    }

    /// Reads and checks a header against the length of its file.
    fn parse(bytes: &[u8]) -> Result<(Header, [u32; 3]), FormatError> {
        let Some(head) = bytes.first_chunk::<HEADER>() else {
            return damaged(format!("{} bytes are too few", bytes.len()));
        };
        let u32_at =
            |at: usize| u32::from_le_bytes([head[at], head[at + 1], head[at + 2], head[at + 3]]);
        let u64_at = |at: usize| u64::from(u32_at(at)) | u64::from(u32_at(at + 4)) << 32;
        if head[..8] != MAGIC {
            return damaged("it does not begin as an index file does");
        }
        // Before the checksum, whose place a later version may move.
        if u32_at(8) != VERSION {
            return Err(FormatError::Version(u32_at(8)));
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
        let header = Header {
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
        let empty = header.nodes == 0;
        let sound = u32_at(12) == HEADER as u32
            && header.nodes as usize <= MAX_NODES
            && (1..=MAX_DIMENSION).contains(&(header.dimension as usize))
            && (2..=MAX_M).contains(&(header.m as usize))
            && (2..=2 * MAX_M).contains(&(header.m0 as usize))
            && header.top_level as usize <= MAX_LEVEL
            && (header.entry == NONE) == empty
            && (empty || header.entry < header.nodes)
            && (!empty || header.top_level == 0)
            && u64::from(header.upper_blocks) <= u64::from(header.nodes) * MAX_LEVEL as u64
            && u32_at(60) == 0
            && head[108..124].iter().all(|byte| *byte == 0);
        if !sound {
            return damaged("its header holds a number out of range");
        }
        let layout = header.layout();
        if (0..4).any(|i| u64_at(64 + 8 * i) != layout.offsets[i]) {
            return damaged("its sections are not where its counts put them");
        }
        if bytes.len() as u64 != header.file_len() {
            return damaged(format!(
                "{} bytes instead of {}",
                bytes.len(),
                header.file_len()
            ));
        }
        Ok((header, [u32_at(96), u32_at(100), u32_at(104)]))
    }
}

/// A graph in memory, as [`build`](crate::build()) makes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Graph {
    pub(crate) header: Header,
    pub(crate) first_upper: Vec<u32>,
    pub(crate) layer_0: Vec<u32>,
    pub(crate) upper: Vec<u32>,
}

impl Graph {
    /// The graph, to be searched.
    pub fn view(&self) -> GraphView<'_> {
        GraphView {
            header: self.header,
            first_upper: &self.first_upper,
            layer_0: &self.layer_0,
            upper: &self.upper,
            source: None,
        }
    }

    /// Writes the file; gives its length in bytes. The writer gets large pieces, and is neither flushed nor synced.
    pub fn write_to(&self, writer: &mut dyn Write) -> io::Result<u64> {
        let sections = [&self.first_upper, &self.layer_0, &self.upper];
        let padding = |words: &[u32]| {
            let length = words.len() as u64 * 4;
            (length.next_multiple_of(ALIGN) - length) as usize
        };
        let zeros = [0u8; ALIGN as usize];
        let mut crcs = [0; 3];
        for (crc, words) in crcs.iter_mut().zip(sections) {
            for piece in words.chunks(PIECE) {
                *crc = crc32c::crc32c_append(*crc, &little_endian(piece));
            }
            *crc = crc32c::crc32c_append(*crc, &zeros[..padding(words)]);
        }
        writer.write_all(&self.header.to_bytes(crcs))?;
        for words in sections {
            for piece in words.chunks(PIECE) {
                writer.write_all(&little_endian(piece))?;
            }
            writer.write_all(&zeros[..padding(words)])?;
        }
        Ok(self.header.file_len())
    }

    /// The file as bytes.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(self.header.file_len() as usize);
        // Writing to a Vec cannot fail.
        let _ = self.write_to(&mut bytes);
        bytes
    }
}

/// Words handed to the writer at once: 1 MiB.
const PIECE: usize = 1 << 18;

fn little_endian(words: &[u32]) -> std::borrow::Cow<'_, [u8]> {
    if cfg!(target_endian = "little") {
        std::borrow::Cow::Borrowed(bytemuck::cast_slice(words))
    } else {
        std::borrow::Cow::Owned(words.iter().flat_map(|word| word.to_le_bytes()).collect())
    }
}

/// A graph that lies in someone else's memory, such as a mapped file. Cheap to copy.
#[derive(Clone, Copy, Debug)]
pub struct GraphView<'a> {
    header: Header,
    first_upper: &'a [u32],
    layer_0: &'a [u32],
    upper: &'a [u32],
    /// The bytes and the sections' checksums, when it was parsed from a file.
    source: Option<(&'a [u8], [u32; 3])>,
}

impl<'a> GraphView<'a> {
    /// Reads a file in place and checks everything but the sections' checksums: header, levels, and that every link leads to a node of
    /// its level. Reads the whole file once. `bytes` must start at a multiple of 4 (a mapping does).
    pub fn parse(bytes: &'a [u8]) -> Result<GraphView<'a>, FormatError> {
        let view = GraphView::slice(bytes)?;
        view.check_levels()?;
        view.check_links()?;
        Ok(view)
    }

    /// Slices bytes that [`GraphView::parse`] accepted before (whose [`GraphView::header`] the caller kept) without reading the links
    /// again: takes no time to speak of, so that a mapping and its view need not be kept together. Searching such a view is free of
    /// panics in any case; its results are sound when the bytes are those that were parsed.
    pub fn reopen(bytes: &'a [u8], header: &Header) -> Result<GraphView<'a>, FormatError> {
        let view = GraphView::slice(bytes)?;
        if view.header != *header {
            return damaged("its header changed since it was opened");
        }
        Ok(view)
    }

    fn slice(bytes: &'a [u8]) -> Result<GraphView<'a>, FormatError> {
        let (header, crcs) = Header::parse(bytes)?;
        if cfg!(target_endian = "big") {
            return Err(FormatError::Unreadable);
        }
        let offsets = header.layout().offsets;
        let words = |section: usize, count: u64| {
            // The offsets end at bytes.len(), so they fit usize; `get` checks what is left.
            let start = offsets[section] as usize;
            let slice = bytes
                .get(start..start + (count * 4) as usize)
                .ok_or_else(|| FormatError::Damaged("a section is cut off".to_owned()))?;
            bytemuck::try_cast_slice(slice).map_err(|_| FormatError::Unreadable)
        };
        Ok(GraphView {
            header,
            first_upper: words(0, u64::from(header.nodes) + 1)?,
            layer_0: words(1, u64::from(header.nodes) * u64::from(header.m0))?,
            upper: words(2, u64::from(header.upper_blocks) * u64::from(header.m))?,
            source: Some((bytes, crcs)),
        })
    }

    fn check_levels(&self) -> Result<(), FormatError> {
        let ends = (self.first_upper.first(), self.first_upper.last());
        if ends != (Some(&0), Some(&self.header.upper_blocks)) {
            return damaged("the levels of its nodes do not add up");
        }
        let mut top = 0;
        for (node, pair) in self.first_upper.windows(2).enumerate() {
            match pair[1].checked_sub(pair[0]) {
                Some(level) if level <= self.header.top_level => top = top.max(level),
                _ => return damaged(format!("node {node} has a level out of range")),
            }
        }
        if top != self.header.top_level
            || self.entry().is_some_and(|entry| self.level(entry) != top)
        {
            return damaged("its entry node is not on its top level");
        }
        Ok(())
    }

    fn check_links(&self) -> Result<(), FormatError> {
        let n = self.header.nodes;
        let blocks = self.layer_0.chunks_exact(self.header.m0 as usize);
        for (node, block) in blocks.enumerate() {
            if !links_are_sound(block, |link| link < n) {
                return damaged(format!("node {node} has a link to nowhere"));
            }
        }
        for node in 0..n {
            for level in 1..=self.level(node) {
                let block = self.links(node, level);
                if !links_are_sound(block, |link| link < n && self.level(link) >= level) {
                    return damaged(format!(
                        "node {node} has a link to nowhere on level {level}"
                    ));
                }
            }
        }
        Ok(())
    }

    /// Checks the sections' checksums; reads the whole file. A graph that was never a file has none and passes.
    pub fn verify(&self) -> Result<(), FormatError> {
        let Some((bytes, crcs)) = self.source else {
            return Ok(());
        };
        let offsets = self.header.layout().offsets;
        for (i, name) in ["levels", "layer 0", "upper layers"]
            .into_iter()
            .enumerate()
        {
            let section = bytes.get(offsets[i] as usize..offsets[i + 1] as usize);
            if section.is_none_or(|section| crc32c::crc32c(section) != crcs[i]) {
                return damaged(format!("the checksum of its {name} does not match"));
            }
        }
        Ok(())
    }

    /// The numbers that describe the graph.
    pub fn header(&self) -> &Header {
        &self.header
    }

    /// Number of nodes.
    #[inline]
    pub fn len(&self) -> usize {
        self.header.nodes as usize
    }

    /// Whether there is no node.
    pub fn is_empty(&self) -> bool {
        self.header.nodes == 0
    }

    /// The node where a search starts.
    #[inline]
    pub fn entry(&self) -> Option<u32> {
        (self.header.entry != NONE).then_some(self.header.entry)
    }

    /// The level of a node, 0 for one that does not exist.
    pub fn level(&self, node: u32) -> u32 {
        let i = node as usize;
        match (self.first_upper.get(i), self.first_upper.get(i + 1)) {
            (Some(from), Some(to)) => to.saturating_sub(*from),
            _ => 0,
        }
    }

    /// The block of links of a node on a level: neighbours, then [`NONE`] to its end; empty when the node is not on that level.
    #[inline]
    pub fn links(&self, node: u32, level: u32) -> &'a [u32] {
        let (words, block, stride) = if level == 0 {
            (self.layer_0, node as usize, self.header.m0 as usize)
        } else if level <= self.level(node) {
            let first = self.first_upper.get(node as usize).copied().unwrap_or(NONE);
            (
                self.upper,
                first as usize + level as usize - 1,
                self.header.m as usize,
            )
        } else {
            return &[];
        };
        words
            .get(block * stride..(block + 1) * stride)
            .unwrap_or(&[])
    }
}

/// Links first, all to sound nodes, then [`NONE`] alone.
fn links_are_sound(block: &[u32], sound: impl Fn(u32) -> bool) -> bool {
    let count = block
        .iter()
        .position(|link| *link == NONE)
        .unwrap_or(block.len());
    block[..count].iter().all(|link| sound(*link))
        && block[count..].iter().all(|link| *link == NONE)
}
