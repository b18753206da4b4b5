//! Brute force: for few rows, for narrow filters, and as the truth that the graph is measured against.

use std::collections::BinaryHeap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};

use omendb_distance::blocks::{LANES, Line};
use omendb_distance::{ShapeError, VectorsRef};

use crate::build::rounding;
use crate::codec::CodeQuery;
use crate::key::{Key, id_of, key, score_of};
use crate::knn::{KnnError, KnnOutput};
use crate::meeting::Meeting;
use crate::rows::{Rows, SearchError};
use crate::search::Effort;
use crate::{AcceptedSlots, IndexView, Neighbor, Scratch, parallel};

/// Rows scored at once.
const BLOCK: usize = 256;

/// Keeps the least `k` keys.
pub(crate) struct Nearest {
    k: usize,
    heap: BinaryHeap<Key>,
}

impl Nearest {
    pub fn new(k: usize, n: usize) -> Nearest {
        Nearest {
            k,
            heap: BinaryHeap::with_capacity(k.min(n) + 1),
        }
    }

    #[inline]
    pub fn offer(&mut self, key: Key, accept: impl FnOnce() -> bool) {
        if self.heap.len() < self.k {
            if accept() {
                self.heap.push(key);
            }
        } else if self.heap.peek().is_some_and(|worst| key < *worst) && accept() {
            self.heap.pop();
            self.heap.push(key);
        }
    }

    /// No row with a greater score is among the nearest.
    pub fn bar(&self) -> f32 {
        match self.heap.peek() {
            Some(worst) if self.heap.len() >= self.k => score_of(*worst),
            _ => f32::INFINITY,
        }
    }

    pub fn into_keys(self) -> impl Iterator<Item = Key> {
        self.heap.into_iter()
    }

    pub fn into_neighbors(self, out: &mut Vec<Neighbor>) {
        out.extend(self.heap.into_sorted_vec().into_iter().map(|key| Neighbor {
            id: id_of(key),
            score: score_of(key),
        }));
    }
}

/// The `k` nearest rows to a query among those that `accept` takes, ascending by score, then by id, into `out` (emptied first).
/// Gives the number of rows scored. Ids count from the first row of `vectors`, which must be at most [`crate::MAX_ROWS`] rows.
pub fn search(
    vectors: VectorsRef<'_>,
    query: &[f32],
    k: usize,
    accept: Option<&dyn Fn(u32) -> bool>,
    out: &mut Vec<Neighbor>,
) -> Result<usize, ShapeError> {
    out.clear();
    check(vectors, query)?;
    let n = vectors.len();
    if k == 0 {
        return Ok(0);
    }
    let scorer = vectors.scorer(query);
    let mut nearest = Nearest::new(k, n);
    let mut scores = [0.0f32; BLOCK];
    for start in (0..n).step_by(BLOCK) {
        let end = (start + BLOCK).min(n);
        let scores = &mut scores[..end - start];
        scorer.score_rows(vectors.slice(start..end), scores);
        for (i, score) in scores.iter().enumerate() {
            let id = (start + i) as u32;
            nearest.offer(key(*score, id), || accept.is_none_or(|accept| accept(id)));
        }
    }
    nearest.into_neighbors(out);
    Ok(n)
}

/// As [`search`], but scores only the rows `ids` (each below the number of rows; others are passed over; one named twice is found twice).
/// For filters that accept few rows.
pub fn search_ids<'a>(
    rows: impl Into<Rows<'a>>,
    query: &[f32],
    k: usize,
    ids: &mut dyn Iterator<Item = u32>,
    out: &mut Vec<Neighbor>,
) -> Result<usize, SearchError> {
    let rows = rows.into();
    let vectors = rows.vectors;
    out.clear();
    check(vectors, query)?;
    let n = vectors.len();
    if k == 0 {
        return Ok(0);
    }
    let scorer = vectors.scorer(query);
    let mut nearest = Nearest::new(k, n);
    let mut scored = 0;
    let mut ids = ids.filter(|id| (*id as usize) < n);
    if rows.reader.is_some() {
        let mut buffer = Vec::new();
        for id in ids {
            let score = rows.score(&scorer, id as usize, &mut buffer)?;
            nearest.offer(key(score, id), || true);
            scored += 1;
        }
        nearest.into_neighbors(out);
        return Ok(scored);
    }
    let mut block = [0u32; 4];
    loop {
        let mut count = 0;
        for id in ids.by_ref().take(4) {
            omendb_distance::prefetch(vectors.row(id as usize));
            block[count] = id;
            count += 1;
        }
        // The rest of a short last block holds older ids; their scores are not read.
        if count == 0 {
            break;
        }
        let scores = scorer.score_4(
            block.map(|id| vectors.row(id as usize)),
            block.map(|id| vectors.inv_norm(id as usize)),
        );
        scored += count;
        for (id, score) in block.iter().zip(scores).take(count) {
            nearest.offer(key(score, *id), || true);
        }
    }
    nearest.into_neighbors(out);
    Ok(scored)
}

fn check(vectors: VectorsRef<'_>, query: &[f32]) -> Result<(), ShapeError> {
    vectors.check()?;
    vectors.check_query(query)?;
    if vectors.len() > crate::MAX_ROWS {
        return Err(ShapeError::new(format!(
            "{} rows are more than {}",
            vectors.len(),
            crate::MAX_ROWS
        )));
    }
    Ok(())
}

/// The `k` nearest rows of each of the rows `queries`, itself not among them, of those that `rows` names (ascending). After a cancel, nothing.
pub(crate) fn nearest_of_rows(
    vectors: VectorsRef<'_>,
    rows: &[u32],
    queries: &[u32],
    k: usize,
    threads: usize,
    cancel: &AtomicBool,
) -> Vec<Vec<Neighbor>> {
    /// Queries that share a pass over the rows.
    const SHARED: usize = 16;
    let found: Vec<Mutex<Vec<Neighbor>>> = queries.iter().map(|_| Mutex::default()).collect();
    let all = rows.len() == vectors.len();
    parallel::for_chunks(
        threads,
        0..queries.len(),
        SHARED,
        cancel,
        || (),
        |(), range| {
            let mut nearest: Vec<Nearest> =
                range.clone().map(|_| Nearest::new(k, rows.len())).collect();
            let mut scores = [0.0f32; BLOCK];
            for start in (0..vectors.len()).step_by(BLOCK) {
                if cancel.load(Ordering::Relaxed) {
                    return;
                }
                let block = vectors.slice(start..(start + BLOCK).min(vectors.len()));
                let scores = &mut scores[..block.len()];
                for (query, nearest) in queries[range.clone()].iter().zip(&mut nearest) {
                    vectors
                        .scorer(vectors.row(*query as usize))
                        .score_rows(block, scores);
                    for (i, score) in scores.iter().enumerate() {
                        let row = (start + i) as u32;
                        nearest.offer(key(*score, row), || {
                            row != *query && (all || rows.binary_search(&row).is_ok())
                        });
                    }
                }
            }
            for (i, nearest) in range.zip(nearest) {
                nearest.into_neighbors(&mut parallel::lock(&found[i]));
            }
        },
    );
    found
        .into_iter()
        .map(|found| found.into_inner().unwrap_or_default())
        .collect()
}

impl IndexView<'_> {
    /// The `k` nearest rows to a query among the accepted ones, ascending by score, then by row, into `out` (emptied first). Reads the vectors of those
    /// rows alone that may be among the nearest by what their codes say; gives the same as [`search`]. Gives the number of rows whose codes were
    /// looked at.
    ///
    /// # Errors
    /// When index, rows and query do not fit together, or a vector could not be read.
    pub fn search_exactly<'a>(
        &self,
        rows: impl Into<Rows<'a>>,
        query: &[f32],
        k: usize,
        accepted: Option<&AcceptedSlots>,
        scratch: &mut Scratch,
        out: &mut Vec<Neighbor>,
    ) -> Result<usize, SearchError> {
        let rows = rows.into();
        let vectors = rows.vectors;
        out.clear();
        self.check(vectors)?;
        vectors.check_query(query)?;
        if k == 0 {
            return Ok(0);
        }
        // What an ordinary search finds tells above what no hit lies.
        let limits = self.head.tuning.limits(k);
        let effort = Effort {
            stop: limits.usual,
            margin: limits.margin,
            sure: limits.sure,
            partitions: self.partitions_for(k, self.usual_ef(), accepted),
        };
        self.search_by(rows, query, k, effort, accepted, scratch)?;
        let mut bar = match scratch.best.get(k - 1) {
            Some(last) => score_of(*last),
            None => f32::INFINITY,
        };
        let (head, sections) = (self.head, &self.sections);
        let rest = head
            .frame
            .query(query, true, &mut scratch.frame, &mut scratch.query);
        let meeting = Meeting::new(&head.frame, &scratch.query, rest);
        let (scores, centre_slack) = self.scores_of_centres(meeting, &scratch.query);
        let Scratch {
            query: placed,
            residuals,
            estimates,
            row: buffer,
            ..
        } = scratch;
        let residuals = &mut residuals.first;
        residuals.set(&head.residuals, placed);
        // Regions, partitions and rows add up.
        let rounded = 2.0 * rounding(head.dimension());
        let slack = meeting.slack(
            rounded,
            head.reach,
            centre_slack,
            residuals.slack(&head.residuals),
        );
        let nearer = 2.0 * meeting.slack(rounded, head.reach, centre_slack, 0.0);
        let axes = meeting.error_of_axes();
        let scorer = vectors.scorer(query);
        let mut nearest = Nearest::new(k, self.indexed());
        let mut looked = 0;
        for (partition, centre) in scores.into_iter().enumerate() {
            let (first, size) = self.place(partition);
            let holds = |accepted: &AcceptedSlots| accepted.partitions.contains(partition as u32);
            if size == 0 || !accepted.is_none_or(holds) {
                continue;
            }
            let slots = first * LANES..first * LANES + size.next_multiple_of(LANES);
            let line = meeting.row_line(residuals, centre, sections.squares[partition]);
            let terms = sections.terms.get(slots.clone()).unwrap_or(&[]);
            estimates.resize(slots.len(), 0.0);
            sections
                .codes
                .estimate(&residuals.values, first, line, terms, estimates);
            looked += size;
            let times = meeting.error_of_codes(centre + nearer) * (1.0 + rounded);
            let errors = sections.errors[slots.clone()].as_chunks::<LANES>().0;
            let rests = sections
                .rests
                .get(slots.clone())
                .unwrap_or(&[])
                .as_chunks::<LANES>()
                .0;
            for (block, (estimates, errors)) in estimates
                .as_chunks_mut::<LANES>()
                .0
                .iter_mut()
                .zip(errors)
                .enumerate()
            {
                for (bound, error) in estimates.iter_mut().zip(errors) {
                    *bound -= times * error + slack;
                }
                if let Some(rests) = rests.get(block) {
                    for (bound, rest) in estimates.iter_mut().zip(rests) {
                        *bound -= axes * rest;
                    }
                }
                // What is no number says nothing.
                if estimates
                    .iter()
                    .fold(true, |all, bound| all & (*bound > bar))
                {
                    continue;
                }
                for (lane, bound) in estimates.iter().enumerate() {
                    let place = block * LANES + lane;
                    let slot = slots.start + place;
                    if *bound > bar
                        || place >= size
                        || accepted.is_some_and(|accepted| !accepted.slots.contains(slot as u32))
                    {
                        continue;
                    }
                    // A damaged file may name rows that do not exist.
                    let row = sections
                        .rows
                        .get(slot)
                        .map_or(usize::MAX, |row| *row as usize);
                    if row < vectors.len() {
                        let score = rows.score(&scorer, row, buffer)?;
                        nearest.offer(key(score, row as u32), || true);
                        bar = bar.min(nearest.bar());
                    }
                }
            }
        }
        let count = accepted.map_or(self.indexed(), AcceptedSlots::count);
        if nearest.heap.len() < k.min(count) {
            // Sums that overflow bound nothing: every row, then.
            nearest = Nearest::new(k, self.indexed());
            for (slot, row) in sections.rows.iter().enumerate() {
                let row = *row as usize;
                if row < vectors.len()
                    && accepted.is_none_or(|accepted| accepted.slots.contains(slot as u32))
                {
                    let score = rows.score(&scorer, row, buffer)?;
                    nearest.offer(key(score, row as u32), || true);
                }
            }
        }
        nearest.into_neighbors(out);
        Ok(looked)
    }
}

impl IndexView<'_> {
    /// The scores of all partitions' centres for a placed query, and how far rounding the query may have taken a product at most: next to nothing, since
    /// what it took is looked at a second time.
    fn scores_of_centres(&self, meeting: Meeting, query: &[f32]) -> (Vec<f32>, f32) {
        let (head, sections) = (self.head, &self.sections);
        let [mut first, mut second]: [CodeQuery; 2] = Default::default();
        let again = |query: &CodeQuery| Line {
            base: meeting.times_of_centres() * query.base,
            factor: meeting.times_of_centres() * query.unit,
        };
        let mut more = Vec::new();
        let add = |scores: &mut [f32], more: &[f32]| {
            scores
                .iter_mut()
                .zip(more)
                .for_each(|(to, more)| *to += more);
        };
        first.set(&head.centres, query);
        second.set_rest(&head.centres, &first);
        let mut slack = second.slack(&head.centres);
        let mut regions = vec![0.0; sections.region_squares.len()];
        more.resize(regions.len(), 0.0);
        let terms = meeting.centre_terms(sections.region_squares);
        let line = meeting.centre_line(&first);
        sections
            .regions
            .estimate(&first.values, 0, line, terms, &mut regions);
        sections
            .regions
            .estimate(&second.values, 0, again(&second), &[], &mut more);
        add(&mut regions, &more);
        first.set(&head.shifts, query);
        second.set_rest(&head.shifts, &first);
        slack += second.slack(&head.shifts);
        let mut scores = vec![0.0; sections.squares.len()];
        more.resize(scores.len(), 0.0);
        let squares = sections.region_squares;
        for (region, (score, square)) in regions
            .iter()
            .zip(squares)
            .enumerate()
            .take(head.regions as usize)
        {
            let blocks = self.blocks_of(region);
            let lanes = blocks.start * LANES..blocks.end * LANES;
            let terms = meeting.centre_terms(&sections.squares[lanes.clone()]);
            let line = meeting.shift_line(&first, *score, *square);
            let scores = &mut scores[lanes];
            sections
                .partitions
                .estimate(&first.values, blocks.start, line, terms, scores);
        }
        sections
            .partitions
            .estimate(&second.values, 0, again(&second), &[], &mut more);
        add(&mut scores, &more);
        (scores, slack)
    }
}

/// The exact `k` nearest other rows of every row; takes `n²` scores, so it is for small `n`. Parameters and output as in
/// [`crate::knn_graph`].
#[allow(clippy::too_many_arguments)]
pub fn knn_graph(
    vectors: VectorsRef<'_>,
    k: usize,
    threads: usize,
    progress: &(dyn Fn(usize, usize) + Sync),
    cancel: &AtomicBool,
    out_ids: &mut [u32],
    out_scores: &mut [f32],
) -> Result<(), KnnError> {
    /// Queries that share a pass over a block of rows, so that the block is read from the nearest cache.
    const QUERIES: usize = 32;
    vectors.check()?;
    let n = vectors.len();
    let output = KnnOutput::new(n, k, QUERIES, out_ids, out_scores, progress)?;
    parallel::for_chunks(
        parallel::thread_count(threads),
        0..n,
        QUERIES,
        cancel,
        Vec::new,
        |found: &mut Vec<Neighbor>, range| {
            let mut nearest: Vec<Nearest> = range.clone().map(|_| Nearest::new(k, n)).collect();
            let mut scores = [0.0f32; BLOCK];
            for start in (0..n).step_by(BLOCK) {
                let block = vectors.slice(start..(start + BLOCK).min(n));
                let scores = &mut scores[..block.len()];
                for (query, nearest) in range.clone().zip(&mut nearest) {
                    vectors.scorer(vectors.row(query)).score_rows(block, scores);
                    for (i, score) in scores.iter().enumerate() {
                        let id = start + i;
                        nearest.offer(key(*score, id as u32), || id != query);
                    }
                }
            }
            for (row, nearest) in range.zip(nearest) {
                found.clear();
                nearest.into_neighbors(found);
                output.put(row, found);
            }
        },
    );
    output.finish(cancel)
}
