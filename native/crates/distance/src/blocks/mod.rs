//! Kernels over blocks of codes: 16 rows of small unsigned numbers side by side, against one query of signed 8-bit numbers.
//!
//! A block is a whole number of 64-byte lines, and a line holds the next dimensions of all 16 rows: bytes `4 r .. 4 r + 4` are those of row `r`. With
//! 7-bit codes byte `j` of them is dimension `4 g + j` of line `g`; with 4-bit codes its low half is dimension `8 g + j` and its high half dimension
//! `8 g + 4 + j`. So a register takes one step of 16 sums at once, nothing has to be added up across it, and rows that follow one another
//! are read in the order in which they lie. What is past the dimension is 0 in rows and query.
//!
//! The sums are exact integers, and what is made of them is one product and two sums of floats, so every instruction set gives the same bits.

mod scalar;

#[cfg(target_arch = "x86_64")]
mod avx2;
#[cfg(target_arch = "x86_64")]
mod avx512;
#[cfg(target_arch = "aarch64")]
mod neon;

use std::sync::OnceLock;

use crate::Isa;

/// Rows of a block.
pub const LANES: usize = 16;
/// Bytes of a line.
pub const LINE: usize = 64;
/// Bytes of a row in a line.
const STEP: usize = LINE / LANES;

/// How wide a code is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Width {
    /// 4 bits, 0 to 15.
    Four,
    /// 7 bits, 0 to 127: as a signed byte, too, which instruction sets without mixed products want.
    Seven,
}

impl Width {
    /// Bits of one code.
    pub const fn bits(self) -> u32 {
        match self {
            Width::Four => 4,
            Width::Seven => 7,
        }
    }

    /// The largest code.
    pub const fn max(self) -> u8 {
        match self {
            Width::Four => 15,
            Width::Seven => 127,
        }
    }

    /// Dimensions of a line.
    const fn dimensions(self) -> usize {
        match self {
            Width::Four => 2 * STEP,
            Width::Seven => STEP,
        }
    }

    /// Lines of a block of rows of `dimension` codes.
    pub const fn lines(self, dimension: usize) -> usize {
        dimension.div_ceil(self.dimensions())
    }

    /// Bytes of a block of rows of `dimension` codes.
    pub const fn block_bytes(self, dimension: usize) -> usize {
        self.lines(dimension) * LINE
    }

    /// Length of a query for rows of `dimension` codes: its values in their order, then zeros.
    pub const fn query_len(self, dimension: usize) -> usize {
        self.lines(dimension) * self.dimensions()
    }

    /// Puts a row's codes, each at most [`Width::max`], into a block that has zeros in their place. Panics when the block is not one of rows of
    /// that dimension, or has no such lane.
    pub fn put(self, block: &mut [u8], lane: usize, codes: &[u8]) {
        assert_eq!(
            block.len(),
            self.block_bytes(codes.len()),
            "bytes of a block"
        );
        assert!(lane < LANES, "a block has 16 rows");
        for (line, codes) in block
            .chunks_exact_mut(LINE)
            .zip(codes.chunks(self.dimensions()))
        {
            let bytes = &mut line[lane * STEP..(lane + 1) * STEP];
            for (at, code) in codes.iter().enumerate() {
                bytes[at % STEP] |= if at < STEP { *code } else { *code << 4 };
            }
        }
    }

    /// The code of dimension `at` of a row. Panics when there is none.
    pub fn get(self, block: &[u8], lane: usize, at: usize) -> u8 {
        assert!(lane < LANES, "a block has 16 rows");
        let (line, at) = (at / self.dimensions(), at % self.dimensions());
        let byte = block[line * LINE + lane * STEP + at % STEP];
        match self {
            Width::Seven => byte,
            Width::Four if at < STEP => byte & 15,
            Width::Four => byte >> 4,
        }
    }
}

/// From a sum to an estimate: `factor * sum + base`, plus the row's own term.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Line {
    /// What is the same for all rows.
    pub base: f32,
    /// What a sum is multiplied by.
    pub factor: f32,
}

/// Blocks of rows, one after another.
#[derive(Clone, Copy, Debug)]
pub struct Blocks<'a> {
    bytes: &'a [u8],
    lines: usize,
    width: Width,
}

impl<'a> Blocks<'a> {
    /// `bytes` is a whole number of blocks of rows of `dimension` codes, else `None`; and when there is no dimension.
    pub fn new(bytes: &'a [u8], dimension: usize, width: Width) -> Option<Blocks<'a>> {
        let lines = width.lines(dimension);
        (lines > 0 && bytes.len().is_multiple_of(lines * LINE)).then_some(Blocks {
            bytes,
            lines,
            width,
        })
    }

    /// Number of blocks.
    pub fn len(&self) -> usize {
        self.bytes.len() / (self.lines * LINE)
    }

    /// Whether there is no block.
    pub fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    /// All bytes.
    pub fn bytes(&self) -> &'a [u8] {
        self.bytes
    }

    /// How wide the codes are.
    pub fn width(&self) -> Width {
        self.width
    }

    /// The bytes of the blocks from `start` on, `count` of them or as many as there are.
    #[inline]
    pub fn run(&self, start: usize, count: usize) -> &'a [u8] {
        let bytes = self.lines * LINE;
        let end = start.saturating_add(count).min(self.len());
        &self.bytes[start.min(end) * bytes..end * bytes]
    }

    /// Estimates for the rows of the blocks from `start` on, as many as `out` is long, 16 a block. `terms` has one number a row of these blocks, or is
    /// empty. Panics when there are no such blocks, when the lengths do not fit, or when the query is one for other rows.
    #[inline]
    pub fn estimate(&self, query: &[i8], start: usize, line: Line, terms: &[f32], out: &mut [f32]) {
        let bytes = self.lines * LINE;
        assert!(out.len().is_multiple_of(LANES), "whole blocks");
        assert!(
            terms.is_empty() || terms.len() == out.len(),
            "one term a row"
        );
        assert_eq!(
            query.len(),
            self.lines * self.width.dimensions(),
            "a query of other rows"
        );
        let codes = &self.bytes[start * bytes..(start + out.len() / LANES) * bytes];
        let kernels = kernels();
        let estimate = match self.width {
            Width::Four => kernels.four,
            Width::Seven => kernels.seven,
        };
        // SAFETY: there are as many blocks as sixteenths of `out`, as many terms as estimates or none, and the query has a value for each dimension of
        // their lines.
        unsafe { estimate(query, codes, self.lines, line, terms, out) };
    }
}

/// The query, blocks, lines a block, what becomes of sums, terms, one estimate a row.
///
/// # Safety
/// There are as many blocks as sixteenths of the estimates, as many terms as estimates or none, and the query has as many values as a row has codes in
/// such lines.
type Estimate = unsafe fn(&[i8], &[u8], usize, Line, &[f32], &mut [f32]);

/// The kernels of one instruction set.
struct BlockKernels {
    isa: Isa,
    four: Estimate,
    seven: Estimate,
}

/// The kernels of an instruction set, or `None` where this processor (or this build) lacks it.
fn kernels_for(isa: Isa) -> Option<&'static BlockKernels> {
    match isa {
        Isa::Scalar => Some(&scalar::KERNELS),
        #[cfg(target_arch = "x86_64")]
        Isa::Avx2 => avx2::kernels(),
        #[cfg(target_arch = "x86_64")]
        Isa::Avx512 => avx512::kernels(),
        #[cfg(target_arch = "aarch64")]
        Isa::Neon => neon::kernels(),
        #[allow(unreachable_patterns)]
        _ => None,
    }
}

/// Those of the instruction set that the process uses, or of the best below it: a processor may have AVX-512F without what these need.
#[inline]
fn kernels() -> &'static BlockKernels {
    static KERNELS: OnceLock<&BlockKernels> = OnceLock::new();
    KERNELS.get_or_init(|| {
        let most = crate::isa();
        let below = Isa::ALL.iter().rev().skip_while(|isa| **isa != most);
        below
            .copied()
            .find_map(kernels_for)
            .unwrap_or(&scalar::KERNELS)
    })
}

/// The instruction set that blocks are scored with.
pub fn block_isa() -> Isa {
    kernels().isa
}

#[cfg(test)]
mod tests;
