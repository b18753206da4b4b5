//! The index on disk.
//!
//! # File format, version 2
//!
//! Little-endian. The file can be memory-mapped and searched as it is.
//!
//! | offset | size | what |
//! |---|---|---|
//! | 0 | 8 | magic `OMENIVF` and a zero byte |
//! | 8 | 4 | version, 2 |
//! | 12 | 4 | header length, 512 |
//! | 16 | 4 | `n`, rows of the vectors that the index is of, 0 to 2³¹ - 1 |
//! | 20 | 4 | how many of them are in it |
//! | 24 | 4 | `d`, dimension of the vectors, 1 to 65,536 |
//! | 28 | 4 | `w`, numbers of a coded row, 1 to `d`: `d`, or the number of axes |
//! | 32 | 4 | metric: 0 l2, 1 cosine, 2 dot |
//! | 36 | 4 | number of regions |
//! | 40 | 12 | `R`, `P`, `S`: blocks of regions, of partitions and of rows, of 16 lanes each, u32 each |
//! | 52 | 4 | 1 when there are axes, else 0 |
//! | 56 | 8 | seed of the build, for people to read |
//! | 64 | 4 | f32, not negative: squared error of the codes of a region's centre over the squared step, a dimension, on average |
//! | 68 | 4 | f32, not negative: the same of rows |
//! | 72 | 4 | f32, not negative: squared length that the axes leave out of a row, on average |
//! | 76 | 4 | f32, not negative: no coded row, nor what its codes stand for, is longer |
//! | 80 | 4 | f32, not negative: order, see below |
//! | 84 | 12 | stop, usual, margin, f32 each, not negative, for a search for one hit: see below |
//! | 96 | 48 | for `i` from 0 to 11 the spread of regions for 2^i partitions, f32 each, not negative: see below |
//! | 144 | 24 | for `i` from 0 to 11 the recall@10 with 2^i partitions, in thousandths, u16 each |
//! | 168 | 4 | f32, not negative: the squared error, as above, of a partition's centre |
//! | 172 | 4 | 1 when queries are to be rounded twice, the second time what the first took, else 0 |
//! | 176 | 144 | offsets of sections A to R, u64 each; that of A is 512 |
//! | 320 | 8 | file length |
//! | 328 | 72 | CRC-32C of sections A to R, each with its padding |
//! | 400 | 12 | stop, usual, margin for ten hits or more |
//! | 412 | 8 | sure for one hit, and for ten or more, f32 each, not negative |
//! | 420 | 88 | 0 |
//! | 508 | 4 | CRC-32C of bytes 0 to 507 |
//!
//! Each section starts where the one before ends; zero bytes pad each to a multiple of 64.
//!
//! - **A, mean**: under `l2` `d` f32, finite, else nothing. A row is placed by taking it away; under `cosine` by scaling to length 1.
//! - **B, axes**: `w` times `d` f32, finite, orthonormal, or nothing. Rows are coded along them.
//! - **C, scales**: `w` times two f32, finite: the value of code 0 and the step (not negative) of the centres of regions; then the same of those of
//!   partitions, and of rows.
//! - **D to G, regions**: codes of their centres, `R` blocks of 7-bit codes; squared lengths of what these stand for, root mean square distances of
//!   the partitions' centres from them, `16 R` f32 each; and `16 R + 1` u32, never falling, up to `P`: the partitions of region `i` lie in blocks
//!   `G[i] .. G[i + 1]`.
//! - **H to L, partitions**: 4-bit codes of their centres less those of their regions, `P` blocks; squares and distances of rows likewise, `16 P` f32 each;
//!   `16 P` u32: the block where the rows of each begin; `16 P` u32: how many rows it has, 0 for padding. A centre is what its codes stand for, those
//!   of its region included, so that nothing is lost between it and its rows.
//! - **M, rows**: `16 S` u32, for each slot its row, or `0xFFFFFFFF`.
//! - **N, slots**: `n` u32, for each row its slot, or `0xFFFFFFFF` for one that is not in the index.
//! - **O, terms**: unless under `dot` `16 S` f32, what is added to the estimate of a row. With `c` the centre of the row, `x` the row as it is placed and
//!   along the axes, `r = x - c` and `s` what the row's codes stand for: under `l2` `|r|² + 2 c s` plus the square of what the axes leave out, under
//!   `cosine` `c s - c r`.
//! - **P, errors**: `16 S` f32, not below `|r - s|`.
//! - **Q, rests**: `16 S` f32, not below the length of what the axes leave out, or nothing without axes.
//! - **R, codes**: `S` blocks of 4-bit codes of `r`.
//!
//! Blocks are laid out as [`omendb_distance::blocks`] says. A region is looked at when a partition `spread` standard deviations from its centre towards the
//! query would be among the nearest. The partitions nearest to a query are taken in the order of how near a row would be that
//! lies `order` standard deviations from the centre towards the query; they are passed over when one `stop` deviations out (or `usual`, in a search that is not told how far
//! to look) would be no hit; and rows
//! are scored exactly when their estimates lie within `margin` deviations of the last hit's, and within `sure` deviations of their own of its score.
//!
//! [`IndexHeader::parse`] checks the header, sections A to C, G, K and L, and where the others lie; [`IndexHeader::verify`] checks every byte. What
//! passes `parse` can be searched without a panic, whatever the other sections say.

use std::borrow::Cow;
use std::io::{self, Write};

use omendb_distance::Metric;
use omendb_distance::blocks::{Blocks, LANES, Width};
use thiserror::Error;

use crate::basis::Basis;
use crate::codec::Codec;
use crate::frame::Frame;
use crate::layout::{CURVE, Head, Index, IndexView, Limits, Sections, Tuning};
use crate::{MAX_DIMENSION, MAX_ROWS, NONE};

const MAGIC: [u8; 8] = *b"OMENIVF\0";
const VERSION: u32 = 2;
/// What the files of graphs began with, which came before.
const FORMER: [u8; 8] = *b"OMENHNSW";
const HEADER: usize = 512;
const ALIGN: u64 = 64;
const SECTIONS: usize = 18;
const NAMES: [&str; SECTIONS] = [
    "mean",
    "axes",
    "scales",
    "regions",
    "squares of regions",
    "radii of regions",
    "starts of regions",
    "partitions",
    "squares",
    "radii",
    "starts",
    "sizes",
    "rows",
    "slots",
    "terms",
    "errors",
    "rests",
    "codes",
];
/// Sections that are read when the file is opened.
const SMALL: [usize; 6] = [0, 1, 2, 6, 10, 11];
// Where the header has what.
const SPREADS: usize = 96;
const RECALLS: usize = 144;
const SHIFTS: usize = 168;
const FINE: usize = 172;
const OFFSETS: usize = 176;
const CRCS: usize = 328;
const TEN: usize = 400;
const SURE: usize = 412;
const CRC: usize = 508;

/// Why bytes are not an index.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum FormatError {
    /// The file is written by another version of the program.
    #[error("the index file is one of another version of the program: rebuild the index")]
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

/// What the lengths of sections follow from.
#[derive(Clone, Copy)]
struct Shape {
    rows: u32,
    dimension: usize,
    width: usize,
    metric: Metric,
    blocks: [u32; 3],
    axes: bool,
}

impl Shape {
    fn of(head: &Head) -> Shape {
        Shape {
            rows: head.rows,
            dimension: head.dimension(),
            width: head.frame.width(),
            metric: head.metric(),
            blocks: head.blocks,
            axes: head.frame.basis.is_some(),
        }
    }

    /// Bytes of each section. Cannot overflow: at most 2^32 blocks of 2^20 bytes.
    fn lengths(&self) -> [u64; SECTIONS] {
        let [regions, partitions, rows] = self.blocks.map(u64::from);
        let (region_lanes, lanes, slots) = (
            regions * LANES as u64,
            partitions * LANES as u64,
            rows * LANES as u64,
        );
        let (dimension, width) = (self.dimension as u64, self.width as u64);
        let centre = Width::Seven.block_bytes(self.width) as u64;
        let code = Width::Four.block_bytes(self.width) as u64;
        let when = |is: bool, length: u64| if is { length } else { 0 };
        [
            when(self.metric == Metric::L2, dimension * 4),
            when(self.axes, width * dimension * 4),
            3 * width * Codec::SCALE_BYTES as u64,
            regions * centre,
            region_lanes * 4,
            region_lanes * 4,
            (region_lanes + 1) * 4,
            partitions * code,
            lanes * 4,
            lanes * 4,
            lanes * 4,
            lanes * 4,
            slots * 4,
            u64::from(self.rows) * 4,
            when(self.metric != Metric::Dot, slots * 4),
            slots * 4,
            when(self.axes, slots * 4),
            rows * code,
        ]
    }

    fn offsets(&self) -> Offsets {
        let mut offsets = [HEADER as u64; SECTIONS + 1];
        for (i, length) in self.lengths().into_iter().enumerate() {
            offsets[i + 1] = offsets[i] + length.next_multiple_of(ALIGN);
        }
        offsets
    }
}

/// What an index file says of itself, kept by whoever maps the file.
#[derive(Clone, Debug)]
pub struct IndexHeader {
    head: Head,
    offsets: Offsets,
    lengths: [u64; SECTIONS],
    crcs: [u32; SECTIONS],
}

impl IndexHeader {
    /// Reads the header and the small sections, and checks them against each other and the length of the file. `bytes` must start at a multiple of 4
    /// (a mapping does).
    ///
    /// # Errors
    /// See [`FormatError`].
    pub fn parse(bytes: &[u8]) -> Result<IndexHeader, FormatError> {
        if bytes.starts_with(&FORMER) {
            return Err(FormatError::Version(0));
        }
        let Some(head) = bytes.first_chunk::<HEADER>() else {
            return damaged(format!("{} bytes are too few", bytes.len()));
        };
        let u32_at =
            |at: usize| u32::from_le_bytes([head[at], head[at + 1], head[at + 2], head[at + 3]]);
        let u64_at = |at: usize| u64::from(u32_at(at)) | u64::from(u32_at(at + 4)) << 32;
        let f32_at = |at: usize| f32::from_bits(u32_at(at));
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
        let metric = match u32_at(32) {
            0 => Metric::L2,
            1 => Metric::Cosine,
            2 => Metric::Dot,
            other => return damaged(format!("metric {other} is unknown")),
        };
        let shape = Shape {
            rows: u32_at(16),
            dimension: u32_at(24) as usize,
            width: u32_at(28) as usize,
            metric,
            blocks: [u32_at(40), u32_at(44), u32_at(48)],
            axes: u32_at(52) == 1,
        };
        let (indexed, regions) = (u32_at(20), u32_at(36));
        let not_negative = |at: usize| f32_at(at) >= 0.0;
        let sound = u32_at(12) == HEADER as u32
            && shape.rows as usize <= MAX_ROWS
            && indexed <= shape.rows
            && (1..=MAX_DIMENSION).contains(&shape.dimension)
            && (1..=shape.dimension).contains(&shape.width)
            && (shape.axes || shape.width == shape.dimension)
            && u32_at(52) <= 1
            && u64::from(regions) <= u64::from(shape.blocks[0]) * LANES as u64
            && shape.blocks.iter().all(|blocks| *blocks <= shape.rows)
            && [
                64,
                68,
                72,
                76,
                80,
                84,
                88,
                92,
                TEN,
                TEN + 4,
                TEN + 8,
                SURE,
                SURE + 4,
                SHIFTS,
            ]
            .into_iter()
            .chain((0..CURVE).map(|i| SPREADS + 4 * i))
            .all(not_negative)
            && [64, 68, 72, SHIFTS]
                .into_iter()
                .all(|at| f32_at(at).is_finite())
            && u32_at(FINE) <= 1
            && head[SURE + 8..CRC].iter().all(|byte| *byte == 0);
        if !sound {
            return damaged("its header holds a number out of range");
        }
        let (offsets, lengths) = (shape.offsets(), shape.lengths());
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
        for i in SMALL {
            let section = &bytes[offsets[i] as usize..offsets[i + 1] as usize];
            if crc32c::crc32c(section) != crcs[i] {
                return damaged(format!("the checksum of its {} does not match", NAMES[i]));
            }
        }
        let section = |i: usize| &bytes[offsets[i] as usize..(offsets[i] + lengths[i]) as usize];
        let floats = |i: usize| -> Vec<f32> {
            section(i)
                .as_chunks()
                .0
                .iter()
                .map(|x| f32::from_le_bytes(*x))
                .collect()
        };
        let (mean, axes) = (floats(0), floats(1));
        if mean.iter().chain(&axes).any(|x| !x.is_finite()) {
            return damaged("its mean or axes hold a number out of range");
        }
        let scales = |i: usize| {
            let bytes = shape.width * Codec::SCALE_BYTES;
            &section(2)[i * bytes..(i + 1) * bytes]
        };
        let codecs = (
            Codec::from_bytes(Width::Seven, f32_at(64), scales(0)),
            Codec::from_bytes(Width::Four, f32_at(SHIFTS), scales(1)),
            Codec::from_bytes(Width::Four, f32_at(68), scales(2)),
        );
        let (Some(centres), Some(shifts), Some(residuals)) = codecs else {
            return damaged("its scales hold a number out of range");
        };
        let header = IndexHeader {
            head: Head {
                rows: shape.rows,
                indexed,
                regions,
                blocks: shape.blocks,
                seed: u64_at(56),
                reach: f32_at(76),
                frame: Frame {
                    metric,
                    dimension: shape.dimension,
                    mean,
                    basis: shape.axes.then(|| Basis::new(axes, shape.dimension)),
                    rest: f32_at(72),
                },
                centres,
                shifts,
                residuals,
                tuning: Tuning {
                    order: f32_at(80),
                    limits: [(84, SURE), (TEN, SURE + 4)].map(|(at, sure)| Limits {
                        stop: f32_at(at),
                        usual: f32_at(at + 4),
                        margin: f32_at(at + 8),
                        sure: f32_at(sure),
                    }),
                    fine: u32_at(FINE) == 1,
                    spreads: std::array::from_fn(|i| f32_at(SPREADS + 4 * i)),
                    recalls: std::array::from_fn(|i| {
                        u16::from_le_bytes([head[RECALLS + 2 * i], head[RECALLS + 2 * i + 1]])
                    }),
                },
            },
            offsets,
            lengths,
            crcs,
        };
        header
            .view(bytes)?
            .check_places()
            .map_err(FormatError::Damaged)?;
        Ok(header)
    }

    /// Rows of the vectors that the index is of, their dimension and their metric.
    pub fn shape(&self) -> (usize, usize, Metric) {
        (
            self.head.rows as usize,
            self.head.dimension(),
            self.head.metric(),
        )
    }

    /// The index in the bytes that this was parsed from; takes no time to speak of. Searching it is free of panics whatever the bytes are now; what
    /// it finds is sound when they are those that were parsed.
    ///
    /// # Errors
    /// When the bytes are of another length, or not aligned.
    #[inline]
    pub fn view<'a>(&'a self, bytes: &'a [u8]) -> Result<IndexView<'a>, FormatError> {
        let sections = self.sections(bytes).ok_or(FormatError::Unreadable)?;
        Ok(IndexView {
            head: &self.head,
            sections,
        })
    }

    #[inline]
    fn sections<'a>(&'a self, bytes: &'a [u8]) -> Option<Sections<'a>> {
        let section = |i: usize| {
            let start = self.offsets[i] as usize;
            bytes.get(start..start + self.lengths[i] as usize)
        };
        let floats = |i: usize| bytemuck::try_cast_slice::<u8, f32>(section(i)?).ok();
        let words = |i: usize| bytemuck::try_cast_slice::<u8, u32>(section(i)?).ok();
        let width = self.head.frame.width();
        Some(Sections {
            regions: Blocks::new(section(3)?, width, Width::Seven)?,
            region_squares: floats(4)?,
            region_radii: floats(5)?,
            region_starts: words(6)?,
            partitions: Blocks::new(section(7)?, width, Width::Four)?,
            squares: floats(8)?,
            radii: floats(9)?,
            starts: words(10)?,
            sizes: words(11)?,
            rows: words(12)?,
            slots: words(13)?,
            terms: floats(14)?,
            errors: floats(15)?,
            rests: floats(16)?,
            codes: Blocks::new(section(17)?, width, Width::Four)?,
        })
    }

    /// Checks every number and every checksum; reads the whole file.
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
        self.view(bytes)?
            .check_slots()
            .map_err(FormatError::Damaged)
    }
}

impl IndexView<'_> {
    /// Whether partitions and rows lie in their blocks.
    fn check_places(&self) -> Result<(), String> {
        let [_, partitions, rows] = self.head.blocks.map(u64::from);
        let starts = self.sections.region_starts;
        if starts.first() != Some(&0)
            || starts.last().map(|last| u64::from(*last)) != Some(partitions)
            || !starts.is_sorted()
        {
            return Err("its regions do not add up".to_owned());
        }
        for (start, size) in self.sections.starts.iter().zip(self.sections.sizes) {
            if u64::from(*start) + u64::from(size.div_ceil(LANES as u32)) > rows {
                return Err("a partition lies past the end of its rows".to_owned());
            }
        }
        Ok(())
    }

    /// Whether rows and slots name each other, and every row in the index lies in a partition.
    fn check_slots(&self) -> Result<(), String> {
        let Sections {
            rows,
            slots,
            starts,
            sizes,
            ..
        } = self.sections;
        let mut found = 0u64;
        for (start, size) in starts.iter().zip(sizes) {
            let first = *start as usize * LANES;
            let own = first as u32..;
            for (row, slot) in rows[first..first + *size as usize].iter().zip(own) {
                if slots.get(*row as usize) != Some(&slot) {
                    return Err(format!("slot {slot} does not hold the row that it says"));
                }
                found += 1;
            }
        }
        let placed = slots.iter().filter(|slot| **slot != NONE).count() as u64;
        if found != u64::from(self.head.indexed) || placed != found {
            return Err("rows are missing in it".to_owned());
        }
        Ok(())
    }
}

impl Index {
    /// Writes the file; gives its length in bytes. The writer gets large pieces, and is neither flushed nor synced.
    ///
    /// # Errors
    /// Those of the writer.
    pub fn write_to(&self, writer: &mut dyn Write) -> io::Result<u64> {
        let (head, owned) = (&self.head, &self.owned);
        let mut scales = head.centres.to_bytes();
        scales.extend(head.shifts.to_bytes());
        scales.extend(head.residuals.to_bytes());
        let axes = head
            .frame
            .basis
            .as_ref()
            .map_or(&[][..], |basis| &basis.axes);
        let sections = [
            floats(&head.frame.mean),
            floats(axes),
            Cow::Borrowed(scales.as_slice()),
            Cow::Borrowed(owned.regions.as_slice()),
            floats(&owned.region_squares),
            floats(&owned.region_radii),
            words(&owned.region_starts),
            Cow::Borrowed(owned.partitions.as_slice()),
            floats(&owned.squares),
            floats(&owned.radii),
            words(&owned.starts),
            words(&owned.sizes),
            words(&owned.rows),
            words(&owned.slots),
            floats(&owned.terms),
            floats(&owned.errors),
            floats(&owned.rests),
            Cow::Borrowed(owned.codes.as_slice()),
        ];
        let zeros = [0u8; ALIGN as usize];
        let padding = |section: &[u8]| {
            &zeros[..section.len().next_multiple_of(ALIGN as usize) - section.len()]
        };
        let crcs: Vec<u32> = sections
            .iter()
            .map(|section| crc32c::crc32c_append(crc32c::crc32c(section), padding(section)))
            .collect();
        writer.write_all(&header(head, &crcs))?;
        for section in &sections {
            for piece in section.chunks(PIECE) {
                writer.write_all(piece)?;
            }
            writer.write_all(padding(section))?;
        }
        Ok(Shape::of(head).offsets()[SECTIONS])
    }

    /// The file as bytes.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        // Writing to a Vec cannot fail.
        let _ = self.write_to(&mut bytes);
        bytes
    }
}

fn header(head: &Head, crcs: &[u32]) -> [u8; HEADER] {
    let shape = Shape::of(head);
    let mut bytes = [0u8; HEADER];
    let mut put = |at: usize, value: &[u8]| bytes[at..at + value.len()].copy_from_slice(value);
    put(0, &MAGIC);
    let metric = match head.metric() {
        Metric::L2 => 0u32,
        Metric::Cosine => 1,
        Metric::Dot => 2,
    };
    let words = [
        VERSION,
        HEADER as u32,
        head.rows,
        head.indexed,
        shape.dimension as u32,
        shape.width as u32,
        metric,
        head.regions,
        head.blocks[0],
        head.blocks[1],
        head.blocks[2],
        u32::from(shape.axes),
    ];
    for (i, word) in words.into_iter().enumerate() {
        put(8 + 4 * i, &word.to_le_bytes());
    }
    put(56, &head.seed.to_le_bytes());
    let tuning = &head.tuning;
    let numbers = [
        head.centres.noise(),
        head.residuals.noise(),
        head.frame.rest,
        head.reach,
        tuning.order,
    ];
    for (i, number) in numbers.into_iter().enumerate() {
        put(64 + 4 * i, &number.to_le_bytes());
    }
    put(FINE, &u32::from(tuning.fine).to_le_bytes());
    put(SHIFTS, &head.shifts.noise().to_le_bytes());
    for (limits, (at, sure)) in tuning.limits.iter().zip([(84, SURE), (TEN, SURE + 4)]) {
        put(sure, &limits.sure.to_le_bytes());
        let numbers = [limits.stop, limits.usual, limits.margin];
        for (i, number) in numbers.into_iter().enumerate() {
            put(at + 4 * i, &number.to_le_bytes());
        }
    }
    for i in 0..CURVE {
        put(SPREADS + 4 * i, &tuning.spreads[i].to_le_bytes());
        put(RECALLS + 2 * i, &tuning.recalls[i].to_le_bytes());
    }
    for (i, offset) in shape.offsets().iter().enumerate() {
        put(OFFSETS + 8 * i, &offset.to_le_bytes());
    }
    for (i, crc) in crcs.iter().enumerate() {
        put(CRCS + 4 * i, &crc.to_le_bytes());
    }
    let crc = crc32c::crc32c(&bytes[..CRC]);
    bytes[CRC..].copy_from_slice(&crc.to_le_bytes());
    bytes
}

/// Bytes handed to the writer at once: 1 MiB.
const PIECE: usize = 1 << 20;

fn words(words: &[u32]) -> Cow<'_, [u8]> {
    if cfg!(target_endian = "little") {
        Cow::Borrowed(bytemuck::cast_slice(words))
    } else {
        Cow::Owned(words.iter().flat_map(|word| word.to_le_bytes()).collect())
    }
}

fn floats(floats: &[f32]) -> Cow<'_, [u8]> {
    words(bytemuck::cast_slice(floats))
}
