//! The seam between graph and vectors: how rows are scored.
//!
//! Graph code never sees a vector. It asks a [`RowScorer`], bound to one query, for the scores of a *batch* of rows: the neighbours of a
//! node, one link list at a time. A scorer over quantised codes, or one that ships batches to a device, implements these two traits.

use omendb_distance::{Metric, Scorer, VectorsRef, prefetch};

/// Scores rows against one query. Smaller is closer; never NaN.
pub trait RowScorer {
    /// Scores the rows `ids` into `out` (as long as `ids`). A row must score the same however the batch is cut.
    fn score(&self, ids: &[u32], out: &mut [f32]);

    /// Hints that the row is scored soon.
    #[inline]
    fn prefetch(&self, _id: u32) {}

    /// The score of one row.
    #[inline]
    fn score_one(&self, id: u32) -> f32 {
        let mut out = [0.0];
        self.score(&[id], &mut out);
        out[0]
    }
}

/// A set of rows that can be scored against each other.
pub trait RowSpace: Sync {
    /// The scorer bound to one of the rows.
    type Scorer<'a>: RowScorer
    where
        Self: 'a;

    /// Number of rows.
    fn len(&self) -> usize;

    /// Whether there is no row.
    fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// A scorer whose query is row `id`.
    fn scorer_of(&self, id: u32) -> Self::Scorer<'_>;

    /// Whether two rows are the same point, so that the graph hangs one under the other instead of linking both.
    fn same_point(&self, a: u32, b: u32) -> bool;

    /// A key that is equal for rows that are the same point (as far as is cheaply known).
    fn point_key(&self, id: u32) -> u64;
}

/// Scores full-precision rows in memory.
#[derive(Clone, Copy)]
pub struct F32Scorer<'a> {
    vectors: VectorsRef<'a>,
    scorer: Scorer<'a>,
}

impl<'a> F32Scorer<'a> {
    /// Binds a query of the vectors' dimension. Panics when the dimension differs.
    pub fn new(vectors: VectorsRef<'a>, query: &'a [f32]) -> F32Scorer<'a> {
        F32Scorer {
            vectors,
            scorer: vectors.scorer(query),
        }
    }
}

impl RowScorer for F32Scorer<'_> {
    #[inline]
    fn score(&self, ids: &[u32], out: &mut [f32]) {
        assert_eq!(ids.len(), out.len(), "one score a row");
        let v = &self.vectors;
        let (id_blocks, id_tail) = ids.as_chunks::<4>();
        let (out_blocks, out_tail) = out.as_chunks_mut::<4>();
        for (ids, scores) in id_blocks.iter().zip(out_blocks) {
            let rows = ids.map(|id| v.row(id as usize));
            *scores = self
                .scorer
                .score_4(rows, ids.map(|id| v.inv_norm(id as usize)));
        }
        for (id, score) in id_tail.iter().zip(out_tail) {
            *score = self.score_one(*id);
        }
    }

    #[inline]
    fn prefetch(&self, id: u32) {
        prefetch(self.vectors.row(id as usize));
    }

    #[inline]
    fn score_one(&self, id: u32) -> f32 {
        let i = id as usize;
        self.scorer
            .score(self.vectors.row(i), self.vectors.inv_norm(i))
    }
}

impl<'v> RowSpace for VectorsRef<'v> {
    type Scorer<'a>
        = F32Scorer<'v>
    where
        Self: 'a;

    fn len(&self) -> usize {
        VectorsRef::len(self)
    }

    #[inline]
    fn scorer_of(&self, id: u32) -> F32Scorer<'v> {
        let i = id as usize;
        F32Scorer {
            vectors: *self,
            scorer: Scorer::with_inv_norm(self.metric, self.row(i), self.inv_norm(i)),
        }
    }

    fn same_point(&self, a: u32, b: u32) -> bool {
        /// Cosine scores of parallel rows differ from 0 by rounding alone.
        const PARALLEL: f32 = 1e-6;
        let (a, b) = (a as usize, b as usize);
        if self.row(a) == self.row(b) {
            return true;
        }
        if self.metric != Metric::Cosine {
            return false;
        }
        // Zero rows score 1 with everything, each other among it.
        let zeros = [a, b].map(|i| self.inv_norm(i) == 0.0);
        match zeros {
            [true, true] => true,
            [false, false] => self.scorer_of(a as u32).score_one(b as u32) <= PARALLEL,
            _ => false,
        }
    }

    fn point_key(&self, id: u32) -> u64 {
        /// Steps of a unit vector's components, coarse enough that rounding seldom moves a component to the next step.
        const STEPS: f32 = 1024.0;
        let i = id as usize;
        let row = self.row(i);
        match self.metric {
            Metric::Cosine => {
                let scale = self.inv_norm(i) * STEPS;
                fold(row.iter().map(|x| (x * scale).round() as i32 as u32))
            }
            // Adding 0 turns -0 into 0, which equals it.
            _ => fold(row.iter().map(|x| (x + 0.0).to_bits())),
        }
    }
}

/// FNV-1a over words, four at a time in lanes of their own so that they do not wait for each other.
fn fold(words: impl Iterator<Item = u32>) -> u64 {
    const PRIME: u64 = 0x0000_0100_0000_01B3;
    let mut lanes = [0xCBF2_9CE4_8422_2325u64, 1, 2, 3];
    for (i, word) in words.enumerate() {
        let lane = &mut lanes[i % 4];
        *lane = (*lane ^ u64::from(word)).wrapping_mul(PRIME);
        *lane ^= *lane >> 29;
    }
    lanes.into_iter().fold(0, |all: u64, lane| {
        (all.rotate_left(23) ^ lane).wrapping_mul(PRIME)
    })
}
