//! Building a graph, on all cores without one global lock, or on one thread and then always the same.
//!
//! Levels come first, as a function of seed and row. Nodes are inserted from the highest level down, so the entry node and its level
//! stand from the first insertion on, and no thread ever waits for them. Links are atomics: readers take no lock; a writer locks the one
//! node whose list it changes. A reader may see a list half rewritten; each id in it is a node, which is all that a walk needs.
//!
//! Rows that are the same point would fill each other's link lists and cut themselves off. One of them stands in the graph
//! for all; the others hang below it, see [`crate::twins`].

use std::ops::Range;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use omendb_distance::{Metric, ShapeError, VectorsRef};
use parking_lot::Mutex;
use thiserror::Error;

use crate::former::{Former, Kept};
use crate::graph::{Header, MAX_DIMENSION, MAX_LEVEL, MAX_M};
use crate::lists::Lists;
use crate::pool::{Key, id_of, key, score_of};
use crate::search::Links;
use crate::space::{RowScorer, RowSpace};
use crate::twins::Twins;
use crate::{Graph, MAX_NODES, NONE, Scratch, parallel, random, repair};

/// How to build a graph.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BuildParams {
    /// Links a node on each upper layer, 2 to 256; layer 0 has twice as many.
    pub m: usize,
    /// Pool size of the walk that finds a new node's neighbours, 1 to 65,536; at least `m` is used.
    pub ef_construction: usize,
    /// Threads; 0 for one a core. With 1, equal vectors, parameters and instruction set give the same graph.
    pub threads: usize,
    /// Seed of the levels.
    pub seed: u64,
}

impl Default for BuildParams {
    fn default() -> BuildParams {
        BuildParams {
            m: 16,
            ef_construction: 100,
            threads: 0,
            seed: 42,
        }
    }
}

/// Why there is no graph.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum BuildError {
    /// It was cancelled.
    #[error("cancelled")]
    Cancelled,
    /// Slices do not fit together, or a count is past what a graph can hold.
    #[error(transparent)]
    Shape(#[from] ShapeError),
    /// A parameter is out of its range.
    #[error("{0}")]
    Params(String),
    /// The memory for the links cannot be had.
    #[error("not enough memory for an index of {nodes} rows (about {bytes} bytes)")]
    Memory {
        /// Rows to be indexed.
        nodes: usize,
        /// What was asked for.
        bytes: u64,
    },
}

/// Builds the graph of all rows.
///
/// `progress(done, total)` counts rows; it is called from any thread, now and then, and at the end. Once `cancel` is set, the build
/// stops within a few insertions and gives [`BuildError::Cancelled`].
pub fn build(
    vectors: VectorsRef<'_>,
    params: &BuildParams,
    progress: &(dyn Fn(usize, usize) + Sync),
    cancel: &AtomicBool,
) -> Result<Graph, BuildError> {
    vectors.check()?;
    build_in(
        &vectors,
        vectors.dimension,
        vectors.metric,
        params,
        None,
        progress,
        cancel,
    )
}

/// [`build`] over rows that are scored in another way. `dimension` and `metric` are written into the graph's header. What is left of a former graph
/// is taken over, where it was made with the same `m`; then only the other rows are put in.
#[allow(clippy::too_many_arguments)]
pub fn build_in<S: RowSpace>(
    space: &S,
    dimension: usize,
    metric: Metric,
    params: &BuildParams,
    former: Option<Former<'_>>,
    progress: &(dyn Fn(usize, usize) + Sync),
    cancel: &AtomicBool,
) -> Result<Graph, BuildError> {
    let n = space.len();
    check(n, dimension, params)?;
    let threads = parallel::thread_count(params.threads);
    let twins = Twins::find(space, threads, cancel);
    if cancel.load(Ordering::Relaxed) {
        return Err(BuildError::Cancelled);
    }
    let kept = former.and_then(|former| Kept::new(former, n, params));
    let mut builder = Builder::new(space, params, twins, kept.as_ref())?;
    let (adopted, order) = builder.insertion_order(kept.as_ref());
    let first = adopted.first().or(order.first());
    builder.entry = first.copied().unwrap_or(NONE);
    if let Some(kept) = &kept {
        let adopt = |scratch: &mut BuildScratch, range: Range<usize>| {
            let rows = &adopted[range];
            rows.iter()
                .for_each(|row| builder.adopt(kept, *row, scratch));
        };
        let fresh = BuildScratch::default;
        parallel::for_chunks(threads, 0..adopted.len(), 256, cancel, fresh, adopt);
    }
    let done = AtomicUsize::new(n - order.len());
    let insert = |scratch: &mut BuildScratch, position: usize| {
        builder.insert(order[position], scratch);
        let done = done.fetch_add(1, Ordering::Relaxed) + 1;
        if done.is_multiple_of(256) && done < n {
            progress(done, n);
        }
    };
    // The first nodes go in one by one, since nodes that are inserted at the same moment do not see each other.
    let alone = order.len().min(match threads {
        1 => usize::MAX,
        _ if !adopted.is_empty() => 0,
        _ => 256,
    });
    for (range, threads, chunk) in [(0..alone, 1, 1), (alone..order.len(), threads, 16)] {
        parallel::for_chunks(
            threads,
            range,
            chunk,
            cancel,
            BuildScratch::default,
            |scratch, range| {
                for position in range {
                    if cancel.load(Ordering::Relaxed) {
                        break;
                    }
                    insert(scratch, position);
                }
            },
        );
    }
    if cancel.load(Ordering::Relaxed) {
        return Err(BuildError::Cancelled);
    }
    let header = Header {
        nodes: n as u32,
        dimension: dimension as u32,
        metric,
        m: params.m as u32,
        m0: 2 * params.m as u32,
        entry: builder.entry,
        top_level: first.map_or(0, |entry| builder.level(*entry)),
        ef_construction: params.ef_construction as u32,
        seed: params.seed,
        upper_blocks: builder.first_upper.last().copied().unwrap_or(0),
    };
    let (mut graph, twins) = builder.finish(header);
    twins.attach(&mut graph);
    repair::connect(&mut graph, space);
    progress(n, n);
    Ok(graph)
}

fn check(n: usize, dimension: usize, params: &BuildParams) -> Result<(), BuildError> {
    if n > MAX_NODES {
        return Err(ShapeError::new(format!(
            "{n} rows are more than an index holds ({MAX_NODES})"
        ))
        .into());
    }
    if !(1..=MAX_DIMENSION).contains(&dimension) {
        return Err(ShapeError::new(format!(
            "dimension {dimension} is not from 1 to {MAX_DIMENSION}"
        ))
        .into());
    }
    if !(2..=MAX_M).contains(&params.m) {
        return Err(BuildError::Params(format!(
            "m is {}: use 2 to {MAX_M}",
            params.m
        )));
    }
    if !(1..=65_536).contains(&params.ef_construction) {
        return Err(BuildError::Params(format!(
            "ef_construction is {}: use 1 to 65536",
            params.ef_construction
        )));
    }
    Ok(())
}

pub(crate) struct Builder<'s, S> {
    pub(crate) space: &'s S,
    pub(crate) m: usize,
    ef_construction: usize,
    first_upper: Vec<u32>,
    layer_0: Lists,
    upper: Lists,
    /// One byte a node.
    locks: Vec<Mutex<()>>,
    twins: Twins,
    entry: u32,
}

#[derive(Default)]
pub(crate) struct BuildScratch {
    walk: Scratch,
    chosen: Vec<Key>,
    pub(crate) pruned: Vec<Key>,
    pub(crate) kept: Vec<Key>,
    pub(crate) ids: Vec<u32>,
    pub(crate) scores: Vec<f32>,
}

impl<S: RowSpace> Links for Builder<'_, S> {
    #[inline]
    fn most(&self, level: u32) -> usize {
        (if level == 0 {
            &self.layer_0
        } else {
            &self.upper
        })
        .stride
    }

    #[inline]
    fn each(&self, node: u32, level: u32, mut f: impl FnMut(u32)) {
        let (lists, block) = self.list(node, level);
        for id in lists.ids(block) {
            let id = id.load(Ordering::Relaxed);
            if id == NONE {
                break;
            }
            f(id);
        }
    }

    #[inline]
    fn prefetch(&self, node: u32, level: u32) {
        let (lists, block) = self.list(node, level);
        omendb_distance::prefetch(lists.ids(block));
    }
}

impl<'s, S: RowSpace> Builder<'s, S> {
    fn new(
        space: &'s S,
        params: &BuildParams,
        twins: Twins,
        kept: Option<&Kept<'_>>,
    ) -> Result<Builder<'s, S>, BuildError> {
        let n = space.len();
        let mut levels: Vec<u8> = vec![0; n];
        let mut blocks = 0;
        let mut top = 0;
        let rows = || (0..n as u32).filter(|id| !twins.is_twin(*id));
        if let Some(kept) = kept {
            for id in rows().filter(|id| kept.has(*id)) {
                let level = kept.level(id);
                // One in m nodes reaches the next level; a damaged graph that says otherwise is cut down.
                if (blocks + level) as usize <= 2 * n + MAX_LEVEL {
                    levels[id as usize] = level as u8;
                    blocks += level;
                    top = top.max(level);
                }
            }
        }
        for id in rows() {
            let level = match kept {
                None => level_of(id, params),
                Some(kept) if kept.has(id) => continue,
                // None rises above the nodes that are there, so that the entry stands from the first insertion on.
                Some(_) => level_of(id, params).min(top),
            };
            levels[id as usize] = level as u8;
            blocks += level;
        }
        let mut first_upper = Vec::with_capacity(n + 1);
        first_upper.push(0);
        let mut end = 0;
        first_upper.extend(levels.into_iter().map(|level| {
            end += u32::from(level);
            end
        }));
        let mut locks = Vec::new();
        locks.resize_with(n, || Mutex::new(()));
        Ok(Builder {
            space,
            m: params.m,
            ef_construction: params.ef_construction.max(params.m),
            layer_0: Lists::new(n, 2 * params.m, n)?,
            upper: Lists::new(blocks as usize, params.m, n)?,
            first_upper,
            locks,
            twins,
            entry: NONE,
        })
    }

    /// Whether a row stands in the graph itself.
    pub(crate) fn stands(&self, id: u32) -> bool {
        !self.twins.is_twin(id)
    }

    pub(crate) fn level(&self, node: u32) -> u32 {
        let i = node as usize;
        self.first_upper[i + 1] - self.first_upper[i]
    }

    /// All nodes that walk the graph, the highest first, in order of rows within a level: those that were there, and those to be put in.
    fn insertion_order(&self, kept: Option<&Kept<'_>>) -> (Vec<u32>, Vec<u32>) {
        let rows = (0..self.space.len() as u32).filter(|id| self.stands(*id));
        let (mut adopted, mut order): (Vec<u32>, Vec<u32>) =
            rows.partition(|id| kept.is_some_and(|kept| kept.has(*id)));
        for rows in [&mut adopted, &mut order] {
            rows.sort_by_key(|id| std::cmp::Reverse(self.level(*id)));
        }
        (adopted, order)
    }

    /// Slots of a node's list that the build may fill: a node with twins keeps one for the first of them.
    pub(crate) fn room(&self, node: u32, level: u32) -> usize {
        let (lists, _) = self.list(node, level);
        lists.stride - usize::from(level == 0 && self.twins.has_twins(node))
    }

    /// The lists of a layer, and which block of them is the node's.
    #[inline]
    pub(crate) fn list(&self, node: u32, level: u32) -> (&Lists, usize) {
        if level == 0 {
            (&self.layer_0, node as usize)
        } else {
            let first = self.first_upper[node as usize];
            (&self.upper, first as usize + level as usize - 1)
        }
    }

    fn insert(&self, node: u32, scratch: &mut BuildScratch) {
        if node == self.entry {
            return;
        }
        let n = self.space.len();
        let scorer = self.space.scorer_of(node);
        let level = self.level(node);
        let mut scored = 0;
        let mut at = key(scorer.score_one(self.entry), self.entry);
        for above in (level + 1..=self.level(self.entry)).rev() {
            at = scratch
                .walk
                .descend(self, above, &scorer, at, n, &mut scored);
        }
        scratch.walk.pool.reset(self.ef_construction);
        scratch.walk.pool.insert(at);
        for level in (0..=level).rev() {
            let walk = &mut scratch.walk;
            walk.visited.reset(n);
            // Another thread may already have linked to this node on a layer above; it must not find itself.
            walk.visited.insert(node);
            walk.pool.restart();
            for key in walk.pool.keys() {
                walk.visited.insert(id_of(*key));
            }
            walk.walk(self, level, &scorer);
            let mut chosen = std::mem::take(&mut scratch.chosen);
            let candidates = scratch.walk.pool.keys();
            self.select(
                candidates,
                self.m,
                &mut chosen,
                &mut scratch.ids,
                &mut scratch.scores,
            );
            for link in &chosen {
                self.add_link(node, level, *link, scratch);
            }
            for link in &chosen {
                self.add_link(id_of(*link), level, key(score_of(*link), node), scratch);
            }
            scratch.chosen = chosen;
        }
    }

    /// Chooses up to `limit` of the candidates (ascending): each that is closer to the node than to any chosen before it, so that
    /// links spread in all directions.
    fn select(
        &self,
        candidates: &[Key],
        limit: usize,
        chosen: &mut Vec<Key>,
        ids: &mut Vec<u32>,
        scores: &mut Vec<f32>,
    ) {
        chosen.clear();
        self.select_more(candidates, limit, chosen, ids, scores);
    }

    /// As [`Builder::select`], where some are chosen already.
    pub(crate) fn select_more(
        &self,
        candidates: &[Key],
        limit: usize,
        chosen: &mut Vec<Key>,
        ids: &mut Vec<u32>,
        scores: &mut Vec<f32>,
    ) {
        /// Chosen nodes scored at once: as many as the kernels take.
        const BATCH: usize = 4;
        ids.clear();
        ids.extend(chosen.iter().map(|key| id_of(*key)));
        for candidate in candidates {
            if ids.len() >= limit {
                return;
            }
            let score = score_of(*candidate);
            let scorer = self.space.scorer_of(id_of(*candidate));
            let spread = ids.chunks(BATCH).all(|batch| {
                scores.resize(batch.len(), 0.0);
                scorer.score(batch, scores);
                scores.iter().all(|other| *other >= score)
            });
            if spread {
                chosen.push(*candidate);
                ids.push(id_of(*candidate));
            }
        }
    }

    /// Adds a link to a node's list, choosing anew among all its links when the list is full.
    fn add_link(&self, node: u32, level: u32, link: Key, scratch: &mut BuildScratch) {
        let (lists, block) = self.list(node, level);
        let room = self.room(node, level);
        let _lock = self.locks[node as usize].lock();
        let pruned = &mut scratch.pruned;
        pruned.clear();
        for slot in 0..room {
            match lists.get(block, slot) {
                Some(old) if id_of(old) == id_of(link) => return,
                Some(old) => pruned.push(old),
                None => return lists.set(block, slot, Some(link)),
            }
        }
        pruned.push(link);
        pruned.sort_unstable();
        let kept = &mut scratch.kept;
        self.select(pruned, room, kept, &mut scratch.ids, &mut scratch.scores);
        for slot in 0..room {
            lists.set(block, slot, kept.get(slot).copied());
        }
    }

    fn finish(self, header: Header) -> (Graph, Twins) {
        let graph = Graph {
            header,
            first_upper: self.first_upper,
            layer_0: self.layer_0.into_ids(),
            upper: self.upper.into_ids(),
        };
        (graph, self.twins)
    }
}

/// The level of a node: geometric, so that one in `m` reaches each next level.
fn level_of(node: u32, params: &BuildParams) -> u32 {
    let unit = random::unit(random::hash(params.seed, u64::from(node)));
    let level = -unit.ln() / (params.m as f64).ln();
    (level as u32).min(MAX_LEVEL as u32)
}
