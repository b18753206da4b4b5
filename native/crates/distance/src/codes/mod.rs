//! Kernels over small codes: rows of unsigned 4-bit or 8-bit numbers against one query of signed 8-bit numbers.
//!
//! A code row is a whole number of 32-byte blocks. In an 8-bit row byte `j` is dimension `j`. In a 4-bit row a block holds 64
//! dimensions: byte `j` of block `b` has dimension `64 b + j` in its low half and dimension `64 b + 32 + j` in its high half, so that one
//! mask and one shift unpack a register. The query is laid out alike ([`QueryCode`]). What is past the dimension is 0 in the query.
//!
//! All kernels give the exact integer sum, so every instruction set gives the same bits.

mod scalar;

#[cfg(target_arch = "x86_64")]
mod avx2;
#[cfg(target_arch = "x86_64")]
mod avx512;
#[cfg(target_arch = "aarch64")]
mod neon;

use std::sync::OnceLock;

use crate::Isa;

/// Bytes of a block: rows of codes are whole blocks.
pub const BLOCK: usize = 32;

/// How wide a code is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Width {
    /// 4 bits, 0 to 15.
    Four,
    /// 8 bits, 0 to 255.
    Eight,
}

impl Width {
    /// Bits of one code.
    pub const fn bits(self) -> u32 {
        match self {
            Width::Four => 4,
            Width::Eight => 8,
        }
    }

    /// The largest code.
    pub const fn max(self) -> u8 {
        match self {
            Width::Four => 15,
            Width::Eight => 255,
        }
    }

    /// Bytes of a row of `dimension` codes.
    pub const fn row_bytes(self, dimension: usize) -> usize {
        let per_block = match self {
            Width::Four => 2 * BLOCK,
            Width::Eight => BLOCK,
        };
        dimension.div_ceil(per_block) * BLOCK
    }

    const fn planes(self) -> usize {
        match self {
            Width::Four => 2,
            Width::Eight => 1,
        }
    }

    /// Bytes of a query for rows of `dimension` codes.
    pub const fn query_bytes(self, dimension: usize) -> usize {
        self.planes() * self.row_bytes(dimension)
    }

    /// Packs one row. `codes` are at most [`Width::max`]; `out` is [`Width::row_bytes`] long, else this panics.
    pub fn pack(self, codes: &[u8], out: &mut [u8]) {
        assert_eq!(
            out.len(),
            self.row_bytes(codes.len()),
            "bytes of a code row"
        );
        out.fill(0);
        match self {
            Width::Eight => out[..codes.len()].copy_from_slice(codes),
            Width::Four => {
                for (block, codes) in out.chunks_exact_mut(BLOCK).zip(codes.chunks(2 * BLOCK)) {
                    let (low, high) = codes.split_at(codes.len().min(BLOCK));
                    for (byte, code) in block.iter_mut().zip(low) {
                        *byte = code & 15;
                    }
                    for (byte, code) in block.iter_mut().zip(high) {
                        *byte |= code << 4;
                    }
                }
            }
        }
    }

    /// The code of dimension `at` in a packed row.
    pub fn code(self, row: &[u8], at: usize) -> u8 {
        match self {
            Width::Eight => row[at],
            Width::Four => {
                let byte = row[at / (2 * BLOCK) * BLOCK + at % BLOCK];
                if (at / BLOCK).is_multiple_of(2) {
                    byte & 15
                } else {
                    byte >> 4
                }
            }
        }
    }
}

/// A query of signed 8-bit numbers, in the layout of the rows that it meets: one plane of [`Width::row_bytes`] for 8-bit rows, one for the
/// low halves and one for the high halves of 4-bit rows.
#[derive(Clone, Copy, Debug)]
pub struct QueryCode<'a> {
    planes: &'a [i8],
    width: Width,
}

impl<'a> QueryCode<'a> {
    /// Lays `values` (one a dimension) out for rows of a width. Panics when `planes` is not [`Width::query_bytes`] long.
    pub fn lay_out(width: Width, values: &[i8], planes: &'a mut [i8]) -> QueryCode<'a> {
        assert_eq!(
            planes.len(),
            width.query_bytes(values.len()),
            "bytes of a query"
        );
        match width {
            Width::Eight => {
                let (used, rest) = planes.split_at_mut(values.len());
                used.copy_from_slice(values);
                rest.fill(0);
            }
            Width::Four => {
                let (low, high) = planes.split_at_mut(planes.len() / 2);
                let blocks = low
                    .chunks_exact_mut(BLOCK)
                    .zip(high.chunks_exact_mut(BLOCK));
                for ((low, high), values) in blocks.zip(values.chunks(2 * BLOCK)) {
                    let (first, second) = values.split_at(values.len().min(BLOCK));
                    for (half, values) in [(low, first), (high, second)] {
                        let (used, rest) = half.split_at_mut(values.len());
                        used.copy_from_slice(values);
                        rest.fill(0);
                    }
                }
            }
        }
        QueryCode { planes, width }
    }

    /// What [`QueryCode::lay_out`] wrote before.
    pub fn of(width: Width, planes: &'a [i8]) -> QueryCode<'a> {
        QueryCode { planes, width }
    }
}

/// A matrix of code rows, one after another.
#[derive(Clone, Copy, Debug)]
pub struct CodeRows<'a> {
    bytes: &'a [u8],
    row_bytes: usize,
    width: Width,
}

impl<'a> CodeRows<'a> {
    /// `bytes` is a whole number of rows of `dimension` codes, else `None`.
    pub fn new(bytes: &'a [u8], dimension: usize, width: Width) -> Option<CodeRows<'a>> {
        let row_bytes = width.row_bytes(dimension);
        (row_bytes > 0 && bytes.len().is_multiple_of(row_bytes)).then_some(CodeRows {
            bytes,
            row_bytes,
            width,
        })
    }

    /// Number of rows.
    pub fn len(&self) -> usize {
        self.bytes.len() / self.row_bytes
    }

    /// Whether there is no row.
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

    /// Bytes of a row.
    pub fn row_bytes(&self) -> usize {
        self.row_bytes
    }

    /// One row. Panics when there is no such row.
    #[inline]
    pub fn row(&self, id: u32) -> &'a [u8] {
        &self.bytes[id as usize * self.row_bytes..][..self.row_bytes]
    }

    /// Sums of products of the query with the rows `ids`, one of `out` an id. Panics when an id is no row, when `out` is not as long as
    /// `ids`, or when the query was laid out for other rows.
    #[inline]
    pub fn dot(&self, query: QueryCode<'_>, ids: &[u32], out: &mut [i32]) {
        let rows = self.len();
        assert_eq!(ids.len(), out.len(), "one sum an id");
        assert!(ids.iter().all(|id| (*id as usize) < rows), "no such row");
        let planes = self.planes(query);
        // SAFETY: every id is a row of `bytes`, `out` is as long as `ids`, and the planes are those of such rows.
        unsafe { (self.table().dot)(planes, self.bytes, self.row_bytes, ids, out) }
    }

    /// As [`CodeRows::dot`] with the `out.len()` rows from `start` on.
    #[inline]
    pub fn dot_run(&self, query: QueryCode<'_>, start: usize, out: &mut [i32]) {
        let end = start.saturating_add(out.len());
        assert!(end <= self.len(), "no such rows");
        let bytes = &self.bytes[start * self.row_bytes..end * self.row_bytes];
        let planes = self.planes(query);
        // SAFETY: `bytes` are as many rows as `out` is long, and the planes are those of such rows.
        unsafe { (self.table().dot_run)(planes, bytes, self.row_bytes, out) }
    }

    #[inline]
    fn planes<'q>(&self, query: QueryCode<'q>) -> &'q [i8] {
        let fits =
            query.width == self.width && query.planes.len() == self.width.planes() * self.row_bytes;
        assert!(fits, "a query of other rows");
        query.planes
    }

    #[inline]
    fn table(&self) -> &'static WidthKernels {
        let kernels = code_kernels();
        match self.width {
            Width::Four => &kernels.four,
            Width::Eight => &kernels.eight,
        }
    }
}

/// Sums for rows named by number: query planes, all rows, bytes of a row, ids, one sum an id.
///
/// # Safety
/// Each id is a row of the bytes, there are as many sums as ids, a row is whole blocks, and the planes are as long as a row each.
type Dot = unsafe fn(&[i8], &[u8], usize, &[u32], &mut [i32]);

/// Sums for rows that follow one another: query planes, these rows, bytes of a row, one sum a row.
///
/// # Safety
/// There are as many rows as sums; the rest as for [`Dot`].
type DotRun = unsafe fn(&[i8], &[u8], usize, &mut [i32]);

/// The kernels for one width.
struct WidthKernels {
    dot: Dot,
    dot_run: DotRun,
}

/// The kernels of one instruction set.
struct CodeKernels {
    isa: Isa,
    four: WidthKernels,
    eight: WidthKernels,
}

/// The kernels of an instruction set, or `None` where this processor (or this build) lacks it.
fn kernels_for(isa: Isa) -> Option<&'static CodeKernels> {
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
fn code_kernels() -> &'static CodeKernels {
    static KERNELS: OnceLock<&CodeKernels> = OnceLock::new();
    KERNELS.get_or_init(|| {
        let most = crate::isa();
        let below = Isa::ALL.iter().rev().skip_while(|isa| **isa != most);
        below
            .copied()
            .find_map(kernels_for)
            .unwrap_or(&scalar::KERNELS)
    })
}

/// The instruction set that codes are scored with.
pub fn code_isa() -> Isa {
    code_kernels().isa
}

#[cfg(test)]
mod tests;
