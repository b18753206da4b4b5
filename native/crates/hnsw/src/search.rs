//! The walk: greedy descent through the upper layers, then a best-first walk over layer 0.

use omendb_distance::{ShapeError, VectorsRef};
use omendb_quant::CodeQuery;

use crate::pool::{Key, Pool, Visited, id_of, key, score_of};
use crate::space::{F32Scorer, RowScorer};
use crate::{Accepted, GraphView, NONE};

/// A filter makes the pool wider by this factor at most; where fewer rows are accepted, an exact search over them is far quicker.
const MAX_WIDER: usize = 32;

/// A found row.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Neighbor {
    /// The row.
    pub id: u32,
    /// Its score (see [`omendb_distance`]); smaller is closer.
    pub score: f32,
}

/// What a search did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SearchStats {
    /// Nodes whose links were followed on layer 0.
    pub visited: usize,
    /// Rows that were scored.
    pub distances: usize,
    /// Whether enough of the nodes that were found are accepted ones. False where fewer lie near the query than all over: the hits are then good
    /// rows, but perhaps not the best, and an exact search over the accepted rows is the better plan.
    pub enough: bool,
}

/// The memory of a search, to be used again for the next one, on any graph; a search then allocates nothing.
#[derive(Default)]
pub struct Scratch {
    pub(crate) visited: Visited,
    pub(crate) pool: Pool,
    pub(crate) batch: Vec<u32>,
    pub(crate) scores: Vec<f32>,
    /// What a walk found, ascending.
    pub(crate) found: Vec<Key>,
    /// The best of them by exact scores, ascending.
    pub(crate) best: Vec<Key>,
    pub(crate) query: CodeQuery,
}

impl Scratch {
    /// Empty; it grows at first use to about one byte a node.
    pub fn new() -> Scratch {
        Scratch::default()
    }
}

/// Where links come from: a finished graph, or one under construction.
pub(crate) trait Links {
    /// The most neighbours that a node has on a level.
    fn most(&self, level: u32) -> usize;

    /// Calls `f` with each neighbour of a node.
    fn each(&self, node: u32, level: u32, f: impl FnMut(u32));

    /// Hints that the links of a node are read soon.
    fn prefetch(&self, node: u32, level: u32);
}

impl Links for GraphView<'_> {
    #[inline]
    fn most(&self, level: u32) -> usize {
        let header = self.header();
        (if level == 0 { header.m0 } else { header.m }) as usize
    }

    #[inline]
    fn each(&self, node: u32, level: u32, mut f: impl FnMut(u32)) {
        for link in self.links(node, level) {
            if *link == NONE {
                break;
            }
            f(*link);
        }
    }

    #[inline]
    fn prefetch(&self, node: u32, level: u32) {
        omendb_distance::prefetch(self.links(node, level));
    }
}

impl Scratch {
    /// Adds the unvisited neighbours of a node to `batch`.
    #[inline]
    fn gather(&mut self, links: &impl Links, node: u32, level: u32, scorer: &impl RowScorer) {
        let start = self.batch.len();
        let mut end = start;
        self.batch.resize(start + links.most(level), 0);
        // Whether a neighbour was visited cannot be foretold, so nothing branches on it.
        let slots = self.batch.as_mut_slice();
        links.each(node, level, |link| {
            if let Some(slot) = slots.get_mut(end) {
                *slot = link;
                end += usize::from(self.visited.insert(link));
            }
        });
        self.batch.truncate(end);
        for link in &self.batch[start..] {
            scorer.prefetch(*link);
        }
    }

    /// Scores `batch` into `scores`.
    #[inline]
    fn score_batch(&mut self, scorer: &impl RowScorer) {
        self.scores.resize(self.batch.len(), 0.0);
        scorer.score(&self.batch, &mut self.scores);
    }

    /// Expands the pool until nothing in it waits. Gives the numbers of expanded and of scored nodes.
    pub(crate) fn walk(
        &mut self,
        links: &impl Links,
        level: u32,
        scorer: &impl RowScorer,
    ) -> (usize, usize) {
        let (mut expanded, mut scored) = (0, 0);
        loop {
            // Two nodes at once, so that their neighbours' rows are waited for together.
            self.batch.clear();
            let before = expanded;
            while expanded < before + 2
                && let Some(node) = self.pool.expand_next()
            {
                expanded += 1;
                self.gather(links, node, level, scorer);
            }
            if expanded == before {
                break;
            }
            for next in self.pool.peek(2) {
                links.prefetch(next, level);
            }
            self.score_batch(scorer);
            scored += self.batch.len();
            for (id, score) in self.batch.iter().zip(&self.scores) {
                self.pool.insert(key(*score, *id));
            }
        }
        (expanded, scored)
    }

    /// Walks downhill on one layer from `at` (with its score) to a node with no better neighbour. `scored` counts on.
    pub(crate) fn descend(
        &mut self,
        links: &impl Links,
        level: u32,
        scorer: &impl RowScorer,
        at: Key,
        nodes: usize,
        scored: &mut usize,
    ) -> Key {
        let mut best = at;
        loop {
            let from = best;
            self.batch.clear();
            links.each(id_of(from), level, |link| {
                if (link as usize) < nodes {
                    scorer.prefetch(link);
                    self.batch.push(link);
                }
            });
            self.scores.resize(self.batch.len(), 0.0);
            scorer.score(&self.batch, &mut self.scores);
            *scored += self.batch.len();
            for (id, score) in self.batch.iter().zip(&self.scores) {
                best = best.min(key(*score, *id));
            }
            // Keys fall strictly, so this ends.
            if best == from {
                return best;
            }
        }
    }
}

/// The pool size that a search uses unless told otherwise, for `k` hits among `n` rows.
pub fn default_ef(k: usize, n: usize) -> usize {
    let base = if n <= 50_000 { 100 } else { 128 };
    base.max(k.saturating_mul(2)).min(n.max(1))
}

/// Finds about the `k` nearest rows to a query, ascending by score, then by id, into `out` (which is emptied first).
///
/// - `view` must be the graph of `vectors`: the same number of rows, dimension and metric, else an error.
/// - `ef` is the pool size, from `k` up (a smaller one counts as `k`): larger is slower and finds more of the true neighbours.
/// - `accepted` filters rows; see [`SearchStats::enough`].
#[allow(clippy::too_many_arguments)]
pub fn search(
    view: &GraphView<'_>,
    vectors: VectorsRef<'_>,
    query: &[f32],
    k: usize,
    ef: usize,
    accepted: Option<&Accepted>,
    scratch: &mut Scratch,
    out: &mut Vec<Neighbor>,
) -> Result<SearchStats, ShapeError> {
    out.clear();
    check_fits(view, vectors)?;
    vectors.check_query(query)?;
    let scorer = F32Scorer::new(vectors, query);
    Ok(search_in(view, &scorer, k, ef, accepted, scratch, out))
}

/// Whether a graph was built over such vectors.
pub(crate) fn check_fits(view: &GraphView<'_>, vectors: VectorsRef<'_>) -> Result<(), ShapeError> {
    vectors.check()?;
    let header = view.header();
    if view.len() != vectors.len()
        || header.dimension as usize != vectors.dimension
        || header.metric != vectors.metric
    {
        return Err(ShapeError::new(format!(
            "the index is of {} rows of dimension {} under {}, and the vectors are {} rows of dimension {} under {}",
            header.nodes,
            header.dimension,
            header.metric,
            vectors.len(),
            vectors.dimension,
            vectors.metric
        )));
    }
    Ok(())
}

/// [`search`] with a scorer of one's own, which must know every row below `view.len()`.
pub fn search_in(
    view: &GraphView<'_>,
    scorer: &impl RowScorer,
    k: usize,
    ef: usize,
    accepted: Option<&Accepted>,
    scratch: &mut Scratch,
    out: &mut Vec<Neighbor>,
) -> SearchStats {
    out.clear();
    let stats = walk_in(view, scorer, k, ef, accepted, scratch);
    out.extend(scratch.found.iter().take(k).map(|key| Neighbor {
        id: id_of(*key),
        score: score_of(*key),
    }));
    stats
}

/// The walk from the entry down: leaves up to `ef` of the best rows in `scratch.found`, ascending.
pub(crate) fn walk_in(
    view: &GraphView<'_>,
    scorer: &impl RowScorer,
    k: usize,
    ef: usize,
    accepted: Option<&Accepted>,
    scratch: &mut Scratch,
) -> SearchStats {
    scratch.found.clear();
    let n = view.len();
    let Some(entry) = view.entry().filter(|_| k > 0) else {
        return SearchStats {
            enough: true,
            ..SearchStats::default()
        };
    };
    let ef = ef.max(k).min(n);
    let accepts = accepted.map_or(n, Accepted::count);
    if accepts == 0 {
        return SearchStats {
            enough: true,
            ..SearchStats::default()
        };
    }
    // Of a pool that is wider by as much as the filter is narrow about `ef` nodes are accepted.
    let wide = (ef * n).div_ceil(accepts).min(ef * MAX_WIDER).min(n);
    let mut scored = 1;
    let start = key(scorer.score_one(entry), entry);
    let mut at = start;
    for level in (1..=view.header().top_level).rev() {
        at = scratch.descend(view, level, scorer, at, n, &mut scored);
    }
    scratch.visited.reset(n);
    scratch.pool.reset(wide);
    // From the entry every node is reached, which from elsewhere is not promised; it drops out of the pool as soon as that is full.
    for seed in [at, start] {
        if scratch.visited.insert(id_of(seed)) {
            scratch.pool.insert(seed);
        }
    }
    let (visited, distances) = scratch.walk(view, 0, scorer);
    let keys = scratch.pool.keys().iter();
    match accepted {
        None => scratch.found.extend(keys),
        Some(accepted) => {
            let keys = keys.filter(|key| accepted.contains(id_of(**key)));
            scratch.found.extend(keys.take(ef));
        }
    }
    SearchStats {
        visited,
        distances: distances + scored,
        enough: scratch.found.len() >= (ef / 2).max(k).min(accepts),
    }
}
