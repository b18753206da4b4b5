//! A graph with small codes of its rows: walks score codes, and the best of what they find is scored exactly.

use std::sync::atomic::AtomicBool;

use omendb_distance::{ShapeError, VectorsRef, inv_norm};
use omendb_quant::{CodeTable, Codec, Codes, FitParams, Width, confusion};

use crate::build::build_in;
use crate::codes::{CodeScorer, CodeSpace};
use crate::pool::{Key, id_of, key, score_of};
use crate::search::{check_fits, search, walk_in};
use crate::space::{F32Scorer, RowScorer};
use crate::{
    Accepted, BuildError, BuildParams, Former, Graph, GraphView, Neighbor, Scratch, SearchStats,
    parallel,
};

/// The largest [`confusion`] of codes that a walk or a build may go by.
const MAX_CONFUSION: f32 = 0.3;
/// Candidates are scored exactly until the estimate is so many standard deviations behind the `k`-th best score.
const DEVIATIONS: f32 = 6.0;
/// Bytes that memory gives at once.
const CACHE_LINE: usize = 64;
/// Candidates that are scored exactly at once, so that their memory is waited for together.
const BLOCK: usize = 8;

/// A graph and the codes of its rows.
#[derive(Clone, Debug)]
pub struct Index {
    graph: Graph,
    codes: Option<CodeTable>,
}

impl Index {
    /// Builds graph and codes of all rows, as [`build`](crate::build()) does. The build goes by 8-bit codes of the rows, several times faster, and the
    /// graph leads to the true neighbours as well. The codes that stay have 4 bits, or 8 where 4 would not tell near rows apart or save no memory
    /// traffic. Where no codes tell them apart there are none, and everything goes by the vectors. What is left of a former graph is taken over.
    ///
    /// # Errors
    /// Those of [`build`](crate::build()).
    pub fn build(
        vectors: VectorsRef<'_>,
        params: &BuildParams,
        former: Option<Former<'_>>,
        progress: &(dyn Fn(usize, usize) + Sync),
        cancel: &AtomicBool,
    ) -> Result<Index, BuildError> {
        vectors.check()?;
        let threads = parallel::thread_count(params.threads);
        let good = |width: Width| -> Result<Option<Codec>, BuildError> {
            let codec = Codec::fit(vectors, &FitParams::new(width))?;
            Ok((confusion(vectors, &codec) <= MAX_CONFUSION).then_some(codec))
        };
        let eight = good(Width::Eight)?.map(|codec| CodeTable::new(vectors, codec, threads));
        let graph = match &eight {
            None => {
                let (dimension, metric) = (vectors.dimension, vectors.metric);
                build_in(
                    &vectors, dimension, metric, params, former, progress, cancel,
                )?
            }
            Some(table) => {
                let space = CodeSpace::new(vectors, table.view());
                let (dimension, metric) = (vectors.dimension, vectors.metric);
                build_in(&space, dimension, metric, params, former, progress, cancel)?
            }
        };
        let lines = |width: Width| width.row_bytes(vectors.dimension).div_ceil(CACHE_LINE);
        let four = if lines(Width::Four) < lines(Width::Eight) {
            good(Width::Four)?.map(|codec| CodeTable::new(vectors, codec, threads))
        } else {
            None
        };
        let codes = four.or(eight);
        Ok(Index { graph, codes })
    }

    /// A graph without codes.
    pub fn without_codes(graph: Graph) -> Index {
        Index { graph, codes: None }
    }

    /// The index, to be searched.
    pub fn view(&self) -> IndexView<'_> {
        IndexView {
            graph: self.graph.view(),
            codes: self.codes.as_ref().map(CodeTable::view),
        }
    }

    /// The graph alone.
    pub fn into_graph(self) -> Graph {
        self.graph
    }
}

/// An index that lies in someone else's memory, such as a mapped file. Cheap to copy.
#[derive(Clone, Copy)]
pub struct IndexView<'a> {
    /// The graph.
    pub graph: GraphView<'a>,
    /// The codes of its rows, where there are any.
    pub codes: Option<Codes<'a>>,
}

impl IndexView<'_> {
    /// As [`search`], with the walk over codes: the `ef` best are then scored exactly, but for those that cannot be among the `k` nearest.
    ///
    /// # Errors
    /// When graph, codes, vectors and query do not fit together.
    #[allow(clippy::too_many_arguments)]
    pub fn search(
        &self,
        vectors: VectorsRef<'_>,
        query: &[f32],
        k: usize,
        ef: usize,
        accepted: Option<&Accepted>,
        scratch: &mut Scratch,
        out: &mut Vec<Neighbor>,
    ) -> Result<SearchStats, ShapeError> {
        let Some(codes) = self.codes else {
            return search(&self.graph, vectors, query, k, ef, accepted, scratch, out);
        };
        out.clear();
        check_fits(&self.graph, vectors)?;
        vectors.check_query(query)?;
        codes.check(vectors)?;
        let mut prepared = std::mem::take(&mut scratch.query);
        prepared.set(codes.codec, query, inv_norm(query));
        let coded = prepared.get(codes.codec);
        let scorer = CodeScorer::new(codes, coded);
        let mut stats = walk_in(&self.graph, &scorer, k, ef, accepted, scratch);
        let margin = DEVIATIONS * coded.deviation();
        scratch.query = prepared;
        stats.distances += best_exactly(&F32Scorer::new(vectors, query), k, margin, scratch);
        out.extend(scratch.best.iter().map(|key| Neighbor {
            id: id_of(*key),
            score: score_of(*key),
        }));
        Ok(stats)
    }
}

/// Of the rows in `scratch.found`, ascending by estimate, leaves the `k` best by exact score in `scratch.best`, and gives how many were scored. Those
/// whose estimates are more than `margin` behind the `k`-th best are not.
fn best_exactly(exact: &F32Scorer<'_>, k: usize, margin: f32, scratch: &mut Scratch) -> usize {
    let Scratch {
        found,
        best,
        batch,
        scores,
        ..
    } = scratch;
    best.clear();
    let fetch = |keys: &[Key]| keys.iter().for_each(|key| exact.prefetch(id_of(*key)));
    let mut from = 0;
    // The first ones are scored in any case.
    let mut to = k.max(BLOCK).min(found.len());
    fetch(&found[..to]);
    while from < to {
        let next = (to + BLOCK).min(found.len());
        fetch(&found[to..next]);
        batch.clear();
        batch.extend(found[from..to].iter().map(|key| id_of(*key)));
        scores.resize(batch.len(), 0.0);
        exact.score(batch, scores);
        best.extend(
            batch
                .iter()
                .zip(scores.iter())
                .map(|(id, score)| key(*score, *id)),
        );
        best.sort_unstable();
        best.truncate(k);
        let limit = best.last().map_or(f32::INFINITY, |key| score_of(*key)) + margin;
        // NaN limits nothing.
        let beyond = |key: &&Key| score_of(**key) > limit;
        let within = found[to..next].iter().position(|key| beyond(&key));
        from = to;
        to = within.map_or(next, |within| to + within);
    }
    to
}
