//! One choice of instruction set for the process.

use std::sync::OnceLock;

use crate::scalar;

/// An instruction set that the kernels are written for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Isa {
    /// Plain Rust, the reference.
    Scalar,
    /// x86-64 with AVX2 and FMA: 8 floats an instruction.
    Avx2,
    /// x86-64 with AVX-512F: 16 floats an instruction.
    Avx512,
    /// AArch64 with NEON: 4 floats an instruction.
    Neon,
}

impl Isa {
    /// Every instruction set, the slowest first.
    pub const ALL: [Isa; 4] = [Isa::Scalar, Isa::Neon, Isa::Avx2, Isa::Avx512];

    /// The name that `OMENDB_ISA` takes.
    pub const fn as_str(self) -> &'static str {
        match self {
            Isa::Scalar => "scalar",
            Isa::Avx2 => "avx2",
            Isa::Avx512 => "avx512",
            Isa::Neon => "neon",
        }
    }

    fn parse(name: &str) -> Option<Isa> {
        Isa::ALL.into_iter().find(|isa| isa.as_str() == name)
    }
}

/// The kernels of one instruction set. All are safe to call with any floats and panic when the lengths differ.
///
/// A row gives the same bits in the one-row, the four-row and the block form.
#[non_exhaustive]
pub struct Kernels {
    /// The instruction set.
    pub isa: Isa,
    /// Inner product.
    pub dot: fn(&[f32], &[f32]) -> f32,
    /// Squared Euclidean distance.
    pub l2_squared: fn(&[f32], &[f32]) -> f32,
    /// Inner products of one query with four rows.
    pub dot_4: fn(&[f32], [&[f32]; 4]) -> [f32; 4],
    /// Squared Euclidean distances of one query to four rows.
    pub l2_squared_4: fn(&[f32], [&[f32]; 4]) -> [f32; 4],
    /// [`Kernels::dot_rows`], for a dimension above 0.
    pub(crate) dot_block: fn(&[f32], &[f32], &mut [f32]),
    /// [`Kernels::l2_squared_rows`], for a dimension above 0.
    pub(crate) l2_squared_block: fn(&[f32], &[f32], &mut [f32]),
    /// `out += factor * row`, element by element.
    pub add_scaled: fn(out: &mut [f32], factor: f32, row: &[f32]),
    /// The greatest size of a number; what is no number counts as more than any. 0 of none.
    pub largest: fn(&[f32]) -> f32,
    /// Each number times a factor, rounded to the nearest integer, ties to even; and their sum. What is beyond -127 to 127 becomes anything.
    pub round: fn(numbers: &[f32], factor: f32, out: &mut [i8]) -> i32,
}

impl Kernels {
    /// Inner products of a query with the rows of a row-major matrix whose dimension is the query's length, one float of `out` a
    /// row. Panics when `rows` is not `out.len() * query.len()` long.
    pub fn dot_rows(&self, query: &[f32], rows: &[f32], out: &mut [f32]) {
        rows_by(self.dot_block, query, rows, out);
    }

    /// Squared Euclidean distances of a query to the rows of a row-major matrix; shapes as in [`Kernels::dot_rows`].
    pub fn l2_squared_rows(&self, query: &[f32], rows: &[f32], out: &mut [f32]) {
        rows_by(self.l2_squared_block, query, rows, out);
    }
}

fn rows_by(block: fn(&[f32], &[f32], &mut [f32]), query: &[f32], rows: &[f32], out: &mut [f32]) {
    assert_eq!(
        Some(rows.len()),
        out.len().checked_mul(query.len()),
        "one float of `out` a row"
    );
    if query.is_empty() {
        out.fill(0.0);
        return;
    }
    block(query, rows, out);
}

/// The block form where an instruction set has none of its own.
pub(crate) fn each_row(
    one: fn(&[f32], &[f32]) -> f32,
    four: fn(&[f32], [&[f32]; 4]) -> [f32; 4],
    query: &[f32],
    rows: &[f32],
    out: &mut [f32],
) {
    let dimension = query.len();
    let (out_blocks, out_tail) = out.as_chunks_mut::<4>();
    let (blocks, tail) = rows.split_at(out_blocks.len() * 4 * dimension);
    for (block, scores) in blocks.chunks_exact(4 * dimension).zip(out_blocks) {
        let (ab, cd) = block.split_at(2 * dimension);
        let (a, b) = ab.split_at(dimension);
        let (c, d) = cd.split_at(dimension);
        *scores = four(query, [a, b, c, d]);
    }
    for (row, score) in tail.chunks_exact(dimension).zip(out_tail) {
        *score = one(query, row);
    }
}

static SCALAR: Kernels = Kernels {
    isa: Isa::Scalar,
    dot: scalar::dot,
    l2_squared: scalar::l2_squared,
    dot_4: scalar::dot_4,
    l2_squared_4: scalar::l2_squared_4,
    dot_block: |query, rows, out| each_row(scalar::dot, scalar::dot_4, query, rows, out),
    l2_squared_block: |query, rows, out| {
        each_row(scalar::l2_squared, scalar::l2_squared_4, query, rows, out);
    },
    add_scaled: scalar::add_scaled,
    largest: scalar::largest,
    round: scalar::round,
};

/// The kernels of an instruction set, or `None` where this processor (or this build) lacks it.
pub fn kernels_for(isa: Isa) -> Option<&'static Kernels> {
    match isa {
        Isa::Scalar => Some(&SCALAR),
        #[cfg(target_arch = "x86_64")]
        Isa::Avx2 => crate::x86_64::avx2::kernels(),
        #[cfg(target_arch = "x86_64")]
        Isa::Avx512 => crate::x86_64::avx512::kernels(),
        #[cfg(target_arch = "aarch64")]
        Isa::Neon => crate::aarch64::neon::kernels(),
        #[allow(unreachable_patterns)]
        _ => None,
    }
}

struct Choice {
    kernels: &'static Kernels,
    note: Option<String>,
}

fn choose(wanted: Option<&str>) -> Choice {
    let best = Isa::ALL
        .into_iter()
        .rev()
        .find_map(kernels_for)
        .unwrap_or(&SCALAR);
    let Some(name) = wanted.filter(|name| !name.is_empty()) else {
        return Choice {
            kernels: best,
            note: None,
        };
    };
    let reason = match Isa::parse(name) {
        Some(isa) => match kernels_for(isa) {
            Some(kernels) => {
                return Choice {
                    kernels,
                    note: None,
                };
            }
            None => "this processor lacks it".to_owned(),
        },
        None => "it is none of scalar, avx2, avx512, neon".to_owned(),
    };
    let name: String = name.chars().take(32).collect();
    Choice {
        kernels: best,
        note: Some(format!(
            "OMENDB_ISA={name} is not used, because {reason}; {} is used instead",
            best.isa.as_str()
        )),
    }
}

fn choice() -> &'static Choice {
    static CHOICE: OnceLock<Choice> = OnceLock::new();
    CHOICE.get_or_init(|| {
        let wanted = std::env::var_os("OMENDB_ISA").map(|v| v.to_string_lossy().into_owned());
        choose(wanted.as_deref())
    })
}

/// The kernels that the process uses, chosen at the first call: what `OMENDB_ISA` names if this processor has it, else the best.
#[inline]
pub fn kernels() -> &'static Kernels {
    choice().kernels
}

/// The instruction set of [`kernels`].
pub fn isa() -> Isa {
    kernels().isa
}

/// What to tell the person when `OMENDB_ISA` names an instruction set that cannot be used; `None` when all is as asked.
pub fn isa_note() -> Option<&'static str> {
    choice().note.as_deref()
}

/// Asks the processor to bring a row, or the first 512 bytes of a longer one, into its caches; a hint without effect on results.
#[inline(always)]
pub fn prefetch<T>(row: &[T]) {
    /// After as many lines the processor's own prefetcher has caught on.
    const LINES: usize = 8;
    prefetch_lines(row, LINES);
}

/// As [`prefetch`], the first 4,096 bytes: for what is read from one end to the other in less time than the processor's prefetcher takes to catch on.
#[inline(always)]
pub fn prefetch_all<T>(run: &[T]) {
    prefetch_lines(run, 64);
}

/// Into the second level: the first has room for fewer lines on their way, and searches wait for those (a tenth of their time on 340,000 vectors).
#[inline(always)]
fn prefetch_lines<T>(row: &[T], lines: usize) {
    /// Bytes in a cache line.
    const LINE: usize = 64;
    let start: *const u8 = row.as_ptr().cast();
    let bytes = size_of_val(row).min(LINE * lines);
    for offset in (0..bytes).step_by(LINE) {
        #[cfg(target_arch = "x86_64")]
        // SAFETY: prefetching is a hint that reads nothing architecturally, at an address inside a live slice; SSE is part of
        // every x86-64 processor.
        unsafe {
            use std::arch::x86_64::{_MM_HINT_T1, _mm_prefetch};
            _mm_prefetch::<_MM_HINT_T1>(start.wrapping_add(offset).cast());
        }
        #[cfg(target_arch = "aarch64")]
        // SAFETY: likewise; `prfm` is part of every AArch64 processor and faults at no address.
        unsafe {
            std::arch::asm!(
                "prfm pldl2keep, [{line}]",
                line = in(reg) start.wrapping_add(offset),
                options(nostack, preserves_flags, readonly)
            );
        }
        #[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
        let _ = (start, offset);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_available_instruction_set_is_taken_as_asked_without_a_note() {
        let choice = choose(Some("scalar"));
        assert_eq!(choice.kernels.isa, Isa::Scalar);
        assert_eq!(choice.note, None);
    }

    #[test]
    fn an_unavailable_or_unknown_instruction_set_falls_back_to_the_best_and_says_so() {
        let best = choose(None).kernels.isa;
        let foreign = if cfg!(target_arch = "aarch64") {
            "avx2"
        } else {
            "neon"
        };
        for name in [foreign, "sse9", "AVX2 "] {
            let choice = choose(Some(name));
            assert_eq!(choice.kernels.isa, best, "{name}");
            let note = choice.note.unwrap_or_default();
            assert!(
                note.contains(name) && note.contains(best.as_str()),
                "{note}"
            );
        }
        assert_eq!(choose(Some("")).note, None);
    }
}
