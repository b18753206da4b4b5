//! Small codes as what a walk or a build scores.

use omendb_distance::{VectorsRef, prefetch};
use omendb_quant::{CodeQueries, CodeQueryRef, Codes};

use crate::space::{RowScorer, RowSpace};

/// Scores codes.
#[derive(Clone, Copy)]
pub struct CodeScorer<'a> {
    codes: Codes<'a>,
    query: CodeQueryRef<'a>,
}

impl<'a> CodeScorer<'a> {
    /// Binds a query that was prepared for these codes.
    pub fn new(codes: Codes<'a>, query: CodeQueryRef<'a>) -> CodeScorer<'a> {
        CodeScorer { codes, query }
    }
}

impl RowScorer for CodeScorer<'_> {
    #[inline]
    fn score(&self, ids: &[u32], out: &mut [f32]) {
        self.query.score(&self.codes, ids, out);
    }

    #[inline]
    fn prefetch(&self, id: u32) {
        prefetch(self.codes.rows.row(id));
    }
}

/// Rows that are scored against each other by their codes, to build a graph.
pub struct CodeSpace<'a> {
    vectors: VectorsRef<'a>,
    codes: Codes<'a>,
    queries: CodeQueries,
}

impl<'a> CodeSpace<'a> {
    /// Prepares all rows as queries: takes as much memory as the codes, or twice that of 4-bit codes.
    pub fn new(vectors: VectorsRef<'a>, codes: Codes<'a>) -> CodeSpace<'a> {
        CodeSpace {
            vectors,
            codes,
            queries: CodeQueries::new(codes.codec, vectors),
        }
    }
}

impl RowSpace for CodeSpace<'_> {
    type Scorer<'s>
        = CodeScorer<'s>
    where
        Self: 's;

    fn len(&self) -> usize {
        self.vectors.len()
    }

    #[inline]
    fn scorer_of(&self, id: u32) -> CodeScorer<'_> {
        CodeScorer::new(self.codes, self.queries.get(self.codes.codec, id))
    }

    fn same_point(&self, a: u32, b: u32) -> bool {
        self.vectors.same_point(a, b)
    }

    fn point_key(&self, id: u32) -> u64 {
        self.vectors.point_key(id)
    }
}
