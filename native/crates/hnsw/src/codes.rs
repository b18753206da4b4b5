//! Walking over small codes, and scoring the best of what was found exactly.

use std::sync::atomic::AtomicBool;

use omendb_distance::{ShapeError, VectorsRef, inv_norm, prefetch};
use omendb_quant::{CodeQueries, CodeQueryRef, CodeTable, Codes, FitParams, Width};

use crate::build::build_in;
use crate::pool::{id_of, key, score_of};
use crate::search::{check_fits, walk_in};
use crate::space::{F32Scorer, RowScorer, RowSpace};
use crate::{BuildError, BuildParams, Graph, GraphView, Neighbor, Scratch, SearchStats, parallel};

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

/// As [`crate::search`], with the walk over codes of the rows; the `ef` best are then scored exactly.
#[allow(clippy::too_many_arguments)]
pub fn search_coded(
    view: &GraphView<'_>,
    vectors: VectorsRef<'_>,
    codes: Codes<'_>,
    query: &[f32],
    k: usize,
    ef: usize,
    accept: Option<&dyn Fn(u32) -> bool>,
    scratch: &mut Scratch,
    out: &mut Vec<Neighbor>,
) -> Result<SearchStats, ShapeError> {
    out.clear();
    check_fits(view, vectors)?;
    vectors.check_query(query)?;
    if codes.rows.len() != vectors.len() || codes.codec.dimension() != vectors.dimension {
        return Err(ShapeError::new(format!(
            "codes of {} rows of dimension {} for {} rows of dimension {}",
            codes.rows.len(),
            codes.codec.dimension(),
            vectors.len(),
            vectors.dimension
        )));
    }
    let mut prepared = std::mem::take(&mut scratch.query);
    prepared.set(codes.codec, query, inv_norm(query));
    let stats = walk_in(
        view,
        &CodeScorer::new(codes, prepared.get(codes.codec)),
        k,
        ef,
        accept,
        scratch,
    );
    scratch.query = prepared;
    let exact = F32Scorer::new(vectors, query);
    let Scratch {
        found,
        batch,
        scores,
        ..
    } = scratch;
    batch.clear();
    batch.extend(found.iter().map(|key| id_of(*key)));
    for id in batch.iter() {
        exact.prefetch(*id);
    }
    scores.resize(batch.len(), 0.0);
    exact.score(batch, scores);
    found.clear();
    found.extend(
        batch
            .iter()
            .zip(scores.iter())
            .map(|(id, score)| key(*score, *id)),
    );
    found.sort_unstable();
    found.truncate(k);
    out.extend(found.iter().map(|key| Neighbor {
        id: id_of(*key),
        score: score_of(*key),
    }));
    Ok(stats)
}

/// As [`crate::build()`], with rows scored by 8-bit codes of theirs, which are made for the time of the build: several times faster, and
/// the graph leads to the true neighbours as well.
pub fn build_coded(
    vectors: VectorsRef<'_>,
    params: &BuildParams,
    progress: &(dyn Fn(usize, usize) + Sync),
    cancel: &AtomicBool,
) -> Result<Graph, BuildError> {
    vectors.check()?;
    let threads = parallel::thread_count(params.threads);
    let table = CodeTable::new(vectors, &FitParams::new(Width::Eight), threads)?;
    let space = CodeSpace::new(vectors, table.view());
    let (dimension, metric) = (vectors.dimension, vectors.metric);
    build_in(&space, dimension, metric, params, progress, cancel)
}
