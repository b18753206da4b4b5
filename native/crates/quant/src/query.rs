//! A query against codes.

use std::ops::Range;

use omendb_distance::codes::{CodeRows, QueryCode};
use omendb_distance::{Metric, ShapeError, VectorsRef, kernels};

use crate::Codec;

/// The coded rows of a matrix.
#[derive(Clone, Copy)]
pub struct Codes<'a> {
    /// How they were made.
    pub codec: &'a Codec,
    /// The codes.
    pub rows: CodeRows<'a>,
    /// The length of what each row's codes leave out of it.
    pub errors: &'a [f32],
    /// Under `l2` each row's squared distance from the mean; else empty.
    pub terms: &'a [f32],
}

impl<'a> Codes<'a> {
    /// `None` when the slices do not fit the codec.
    pub fn new(
        codec: &'a Codec,
        bytes: &'a [u8],
        errors: &'a [f32],
        terms: &'a [f32],
    ) -> Option<Codes<'a>> {
        let rows = CodeRows::new(bytes, codec.dimension(), codec.width())?;
        let wanted = match codec.metric() {
            Metric::L2 => rows.len(),
            _ => 0,
        };
        (terms.len() == wanted && errors.len() == rows.len()).then_some(Codes {
            codec,
            rows,
            errors,
            terms,
        })
    }

    /// The codes of the rows `range`. Panics when the range reaches past the end.
    pub fn slice(&self, range: Range<usize>) -> Codes<'a> {
        let bytes = self.rows.row_bytes();
        let rows = &self.rows.bytes()[range.start * bytes..range.end * bytes];
        let terms = self.terms.get(range.clone()).unwrap_or(&[]);
        Codes::new(self.codec, rows, &self.errors[range], terms).expect("a part of what fits")
    }

    /// Whether these are codes of such vectors.
    ///
    /// # Errors
    /// When number, dimension or metric differ.
    pub fn check(&self, vectors: VectorsRef<'_>) -> Result<(), ShapeError> {
        if self.rows.len() == vectors.len()
            && self.codec.dimension() == vectors.dimension
            && self.codec.metric() == vectors.metric
        {
            return Ok(());
        }
        Err(ShapeError::new(format!(
            "codes of {} rows of dimension {} under {} for {} rows of dimension {} under {}",
            self.rows.len(),
            self.codec.dimension(),
            self.codec.metric(),
            vectors.len(),
            vectors.dimension,
            vectors.metric
        )))
    }
}

/// From the integer product of query and codes to a score: `offset + factor * sum`, plus the row's term under `l2`.
#[derive(Clone, Copy, Debug, Default)]
struct Line {
    offset: f32,
    factor: f32,
    deviation: f32,
    /// No exact score is more than `error * row's error + slack + rounding * row's term` below its estimate.
    error: f32,
    slack: f32,
    rounding: f32,
}

/// A query that is prepared for the codes of one codec, borrowed.
#[derive(Clone, Copy)]
pub struct CodeQueryRef<'a> {
    code: QueryCode<'a>,
    line: Line,
}

impl CodeQueryRef<'_> {
    /// Estimated scores of the rows `ids`. Panics when an id is no row, or `out` is not as long as `ids`.
    #[inline]
    pub fn score(&self, codes: &Codes<'_>, ids: &[u32], out: &mut [f32]) {
        codes
            .rows
            .dot(self.code, ids, bytemuck::cast_slice_mut(out));
        self.finish(out);
        if !codes.terms.is_empty() {
            for (out, id) in out.iter_mut().zip(ids) {
                *out += codes.terms[*id as usize];
            }
        }
    }

    /// Estimated scores of the `out.len()` rows from `start` on. Panics when there are no such rows.
    pub fn score_run(&self, codes: &Codes<'_>, start: usize, out: &mut [f32]) {
        codes
            .rows
            .dot_run(self.code, start, bytemuck::cast_slice_mut(out));
        self.finish(out);
        for (out, term) in out.iter_mut().zip(codes.terms.get(start..).unwrap_or(&[])) {
            *out += term;
        }
    }

    /// As [`CodeQueryRef::score_run`], but scores that the exact ones are never below.
    pub fn bound_run(&self, codes: &Codes<'_>, start: usize, out: &mut [f32]) {
        self.score_run(codes, start, out);
        let Line { error, slack, .. } = self.line;
        for (out, own) in out.iter_mut().zip(&codes.errors[start..]) {
            *out -= error * own + slack;
        }
        for (out, term) in out.iter_mut().zip(codes.terms.get(start..).unwrap_or(&[])) {
            *out -= self.line.rounding * term;
        }
    }

    /// As [`CodeQueryRef::score`], but scores that the exact ones are never below.
    pub fn bound(&self, codes: &Codes<'_>, ids: &[u32], out: &mut [f32]) {
        self.score(codes, ids, out);
        let line = &self.line;
        for (out, id) in out.iter_mut().zip(ids) {
            let id = *id as usize;
            let term = codes.terms.get(id).copied().unwrap_or(0.0);
            *out -= line.error * codes.errors[id] + line.slack + line.rounding * term;
        }
    }

    /// The standard deviation of the error of an estimated score, as the codec's sample has it.
    #[inline]
    pub fn deviation(&self) -> f32 {
        self.line.deviation
    }

    /// Sums, which lie in `out` as integers, to scores.
    #[inline]
    fn finish(&self, out: &mut [f32]) {
        for out in out {
            let score = self.line.offset + self.line.factor * out.to_bits() as i32 as f32;
            // A query with infinite values gives no number; that is farthest.
            *out = score.min(f32::INFINITY);
        }
    }
}

/// A query that is prepared for the codes of one codec. Its memory is used again.
#[derive(Clone, Debug, Default)]
pub struct CodeQuery {
    planes: Vec<i8>,
    work: Work,
    line: Line,
}

#[derive(Clone, Debug, Default)]
struct Work {
    weights: Vec<f32>,
    values: Vec<i8>,
}

impl CodeQuery {
    /// Prepares a query of the codec's dimension. `inv_norm` is the query's own and is used under cosine alone. Panics when the dimension
    /// differs.
    pub fn set(&mut self, codec: &Codec, query: &[f32], inv_norm: f32) {
        let bytes = codec.width().query_bytes(codec.dimension());
        self.planes.resize(bytes, 0);
        self.line = prepare(codec, query, inv_norm, &mut self.work, &mut self.planes);
    }

    /// The query that was set last, which must have been for the codec of the codes that it meets.
    #[inline]
    pub fn get(&self, codec: &Codec) -> CodeQueryRef<'_> {
        CodeQueryRef {
            code: QueryCode::of(codec.width(), &self.planes),
            line: self.line,
        }
    }
}

/// Rows of a matrix as queries, prepared once: for a graph that is built over codes.
#[derive(Clone, Debug, Default)]
pub struct CodeQueries {
    planes: Vec<i8>,
    bytes: usize,
    lines: Vec<Line>,
}

impl CodeQueries {
    /// Prepares all rows.
    pub fn new(codec: &Codec, vectors: VectorsRef<'_>) -> CodeQueries {
        let bytes = codec.width().query_bytes(codec.dimension());
        let mut planes = vec![0; bytes * vectors.len()];
        let mut work = Work::default();
        let lines = planes
            .chunks_exact_mut(bytes)
            .enumerate()
            .map(|(i, planes)| {
                prepare(
                    codec,
                    vectors.row(i),
                    vectors.inv_norm(i),
                    &mut work,
                    planes,
                )
            });
        CodeQueries {
            lines: lines.collect(),
            planes,
            bytes,
        }
    }

    /// One row as a query. Panics when there is no such row.
    #[inline]
    pub fn get(&self, codec: &Codec, id: u32) -> CodeQueryRef<'_> {
        let i = id as usize;
        CodeQueryRef {
            code: QueryCode::of(codec.width(), &self.planes[i * self.bytes..][..self.bytes]),
            line: self.lines[i],
        }
    }
}

fn prepare(
    codec: &Codec,
    query: &[f32],
    inv_norm: f32,
    work: &mut Work,
    planes: &mut [i8],
) -> Line {
    assert_eq!(
        query.len(),
        codec.dimension(),
        "a query of another dimension"
    );
    let metric = codec.metric();
    let factor = match metric {
        Metric::Cosine => inv_norm,
        _ => 1.0,
    };
    let Work { weights, values } = work;
    weights.clear();
    if metric == Metric::L2 {
        weights.extend(query.iter().zip(codec.means()).map(|(q, mean)| q - mean));
    } else {
        weights.extend(query.iter().map(|q| q * factor));
    }
    let dot = kernels().dot;
    let squares = dot(weights, weights);
    let own = match metric {
        Metric::L2 => squares,
        _ => 0.0,
    };
    let length = squares.sqrt();
    // A row is its middle plus `step * (code - middle)`: taken so, the rounding of the query below does not shift the sum.
    let constant = dot(weights, codec.middles());
    let mut most = 0u32;
    for (weight, step) in weights.iter_mut().zip(codec.steps()) {
        *weight *= step;
        // As integers, sizes order alike, and the compiler takes many at once.
        most = most.max(weight.to_bits() & 0x7FFF_FFFF);
    }
    let most = f32::from_bits(most);
    let unit = if most.is_normal() { most / 127.0 } else { 0.0 };
    let inverse = if unit.is_normal() { 1.0 / unit } else { 0.0 };
    // A row's error in a dimension goes with the step there.
    let deviation = (dot(weights, weights) * codec.noise()).sqrt();
    values.clear();
    values.extend(weights.iter().map(|weight| round(weight * inverse)));
    // What the rounding of the query can do to a sum: each code is at most half the range from the middle.
    let lost: f32 = weights
        .iter()
        .zip(values.iter())
        .map(|(weight, value)| (weight - unit * f32::from(*value)).abs())
        .sum();
    let total: i32 = values.iter().map(|value| i32::from(*value)).sum();
    QueryCode::lay_out(codec.width(), values, planes);
    // The integer sum counts codes from 0.
    let middle = f32::from(codec.width().max()) / 2.0;
    let dot = constant - unit * middle * total as f32;
    let (offset, factor, times) = match metric {
        Metric::Dot => (-dot, -unit, 1.0),
        Metric::Cosine => (1.0 - dot, -unit, 1.0),
        Metric::L2 => (own - 2.0 * dot, -2.0 * unit, 2.0),
    };
    let rounding = rounding(codec.dimension());
    Line {
        offset,
        factor,
        deviation: times * deviation,
        error: times * length * (1.0 + rounding),
        slack: times * lost * middle * (1.0 + rounding)
            + rounding * (1.0 + own + times * length * codec.reach()),
        rounding,
    }
}

/// How far, relative to the lengths of both sides, a sum of `dimension` products in `f32` is from the true one at most; twice that, to be safe. All
/// kernels add up in 8 or more lanes (Higham, Accuracy and Stability of Numerical Algorithms, section 3.1).
pub(crate) fn rounding(dimension: usize) -> f32 {
    (dimension as f32 / 4.0 + 32.0) * f32::EPSILON
}

/// The nearest integer to a number from -127 to 127, ties to even; anything for others. Unlike the function of the library it is no call.
#[inline]
fn round(x: f32) -> i8 {
    /// 1.5 * 2^23: in numbers of this size a step is 1, and the sum is rounded to it.
    const SHIFT: f32 = 12_582_912.0;
    (x + SHIFT).to_bits().wrapping_sub(SHIFT.to_bits()) as i8
}
