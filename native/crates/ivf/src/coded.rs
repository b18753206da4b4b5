//! Small codes beside vectors in memory, for exact searches that read a fourth of the bytes.

use omendb_distance::blocks::{Blocks, LANES, Line, Width};
use omendb_distance::{Metric, ShapeError, VectorsRef};

use crate::Neighbor;
use crate::build::rounding;
use crate::codec::{CodeQuery, Codec};
use crate::exact::Nearest;
use crate::frame::squares;
use crate::key::{id_of, key};

/// 7-bit codes of vectors, and how far each is from what its codes stand for.
pub struct Coded {
    codec: Codec,
    codes: Vec<u8>,
    /// Under `l2` the squared length of what a row's codes stand for.
    terms: Vec<f32>,
    /// No row's codes leave out more.
    errors: Vec<f32>,
    /// No row, nor what its codes stand for, is longer.
    reach: f32,
    rows: usize,
    metric: Metric,
}

/// Memory of a search, to be used again.
#[derive(Default)]
pub struct CodedScratch {
    query: CodeQuery,
    estimates: Vec<f32>,
}

impl Coded {
    /// Codes vectors; under cosine at length 1.
    ///
    /// # Errors
    /// When the slices do not fit together.
    pub fn of(vectors: VectorsRef<'_>) -> Result<Coded, ShapeError> {
        vectors.check()?;
        let (rows, dimension) = (vectors.len(), vectors.dimension);
        let load = |row: usize, out: &mut Vec<f32>| {
            let scale = match vectors.metric {
                Metric::Cosine => vectors.inv_norm(row),
                _ => 1.0,
            };
            out.clear();
            out.extend(vectors.row(row).iter().map(|x| x * scale));
        };
        let mut row = Vec::with_capacity(dimension);
        let mut spans = vec![[f32::INFINITY, f32::NEG_INFINITY]; dimension];
        for at in 0..rows {
            load(at, &mut row);
            for (span, x) in spans.iter_mut().zip(&row) {
                *span = [span[0].min(*x), span[1].max(*x)];
            }
        }
        let codec = Codec::spanning(&spans);
        let blocks = rows.div_ceil(LANES);
        let bytes = Width::Seven.block_bytes(dimension);
        let slots = blocks * LANES;
        let mut coded = Coded {
            codes: vec![0; blocks * bytes],
            terms: vec![
                0.0;
                if vectors.metric == Metric::L2 {
                    slots
                } else {
                    0
                }
            ],
            errors: vec![0.0; slots],
            reach: 0.0,
            rows,
            metric: vectors.metric,
            codec,
        };
        let (mut codes, mut decoded) = (vec![0; dimension], vec![0.0; dimension]);
        for at in 0..rows {
            load(at, &mut row);
            coded.codec.encode(&row, &mut codes);
            coded.codec.decode(&codes, &mut decoded);
            let block = &mut coded.codes[at / LANES * bytes..][..bytes];
            Width::Seven.put(block, at % LANES, &codes);
            let square = squares(&decoded);
            if let Some(term) = coded.terms.get_mut(at) {
                *term = square;
            }
            let longer = square.sqrt().max(squares(&row).sqrt());
            decoded.iter_mut().zip(&row).for_each(|(x, y)| *x -= y);
            let error = squares(&decoded).sqrt() * (1.0 + rounding(dimension));
            // What is no number bounds nothing.
            let bound = |x: f32| if x.is_nan() { f32::INFINITY } else { x };
            coded.errors[at] = bound(error);
            coded.reach = coded.reach.max(bound(longer));
        }
        Ok(coded)
    }

    /// The `k` nearest rows to a query among those that `accept` takes, ascending by score, then by id, into `out` (emptied first): the same as
    /// [`crate::exact::search`] gives. `vectors` must be those that were coded. Gives the number of rows whose codes were looked at.
    ///
    /// # Errors
    /// When vectors and query do not fit the codes.
    pub fn search(
        &self,
        vectors: VectorsRef<'_>,
        query: &[f32],
        k: usize,
        accept: Option<&dyn Fn(u32) -> bool>,
        scratch: &mut CodedScratch,
        out: &mut Vec<Neighbor>,
    ) -> Result<usize, ShapeError> {
        out.clear();
        vectors.check()?;
        vectors.check_query(query)?;
        let dimension = self.codec.dimension();
        let blocks = Blocks::new(&self.codes, dimension, Width::Seven);
        let fits = vectors.len() == self.rows && vectors.metric == self.metric;
        let Some(blocks) = blocks.filter(|_| fits && vectors.dimension == dimension) else {
            return Err(ShapeError::new("the codes are of other vectors".to_owned()));
        };
        if k == 0 {
            return Ok(0);
        }
        let length = squares(query).sqrt();
        let CodedScratch {
            query: coded,
            estimates,
        } = scratch;
        coded.set(&self.codec, query);
        let (offset, times) = match self.metric {
            Metric::L2 => (length * length, -2.0),
            // The zero query has distance 1 to everything.
            Metric::Cosine if length > 0.0 => (1.0, -1.0 / length),
            Metric::Cosine => (1.0, 0.0),
            Metric::Dot => (0.0, -1.0),
        };
        let line = Line {
            base: offset + times * coded.base,
            factor: times * coded.unit,
        };
        estimates.resize(self.errors.len(), 0.0);
        blocks.estimate(&coded.values, 0, line, &self.terms, estimates);
        let longest = length + self.reach;
        let rounded = 2.0 * rounding(dimension) * (1.0 + longest * longest);
        let slack = times.abs() * coded.slack(&self.codec) + rounded;
        // A row is no nearer than what its codes stand for, less the error: under `l2` before distances are squared.
        let least = |estimate: f32, error: f32| match self.metric {
            Metric::L2 => estimate - 2.0 * (estimate.max(0.0) + slack).sqrt() * error - slack,
            _ => estimate - times.abs() * length * error - slack,
        };
        let taken = |row: usize| row < self.rows && accept.is_none_or(|accept| accept(row as u32));
        let mut first = Nearest::new(k, self.rows);
        for (block, some) in estimates.as_chunks::<LANES>().0.iter().enumerate() {
            let bar = first.bar();
            if some.iter().fold(false, |any, x| any | (*x < bar)) {
                for (lane, estimate) in some.iter().enumerate() {
                    let row = block * LANES + lane;
                    first.offer(key(*estimate, row as u32), || taken(row));
                }
            }
        }
        let scorer = vectors.scorer(query);
        let score = |row: usize| scorer.score(vectors.row(row), vectors.inv_norm(row));
        let mut nearest = Nearest::new(k, self.rows);
        let mut seen: Vec<u32> = first.into_keys().map(id_of).collect();
        for row in &seen {
            nearest.offer(key(score(*row as usize), *row), || true);
        }
        seen.sort_unstable();
        let mut bar = nearest.bar();
        for (block, some) in estimates.as_chunks::<LANES>().0.iter().enumerate() {
            let errors = &self.errors[block * LANES..][..LANES];
            let bounds: [f32; LANES] = std::array::from_fn(|lane| least(some[lane], errors[lane]));
            // What is no number says nothing.
            if bounds.iter().fold(true, |all, bound| all & (*bound > bar)) {
                continue;
            }
            for (lane, bound) in bounds.iter().enumerate() {
                let row = block * LANES + lane;
                if *bound > bar || !taken(row) || seen.binary_search(&(row as u32)).is_ok() {
                    continue;
                }
                nearest.offer(key(score(row), row as u32), || true);
                bar = nearest.bar();
            }
        }
        nearest.into_neighbors(out);
        Ok(self.rows)
    }
}
