//! The search: the nearest regions, their nearest partitions, the rows of these by their codes, and the best of them exactly.

use std::io;
use std::ops::Range;

use omendb_distance::blocks::LANES;
use omendb_distance::{ShapeError, VectorsRef, prefetch, prefetch_all};

use crate::candidates::Candidate;
use crate::codec::FineQuery;
use crate::frame::FrameQuery;
use crate::key::{Key, id_of, key, score_of};
use crate::kmeans::rows_each;
use crate::layout::IndexView;
use crate::meeting::Meeting;
use crate::rows::{Rows, SearchError};
use crate::{AcceptedSlots, Neighbor};

/// A filter makes the number of partitions larger by this factor at most.
const MAX_WIDER: f64 = 64.0;
/// How the number grows with the rows of which one is accepted: the nearest of them lie so much farther out.
const WIDER: f64 = 0.6;
/// Regions that are looked at in any case.
const NEAREST_REGIONS: usize = 6;
/// Partitions that are looked at in the order of their nearness.
const FIRST: usize = 16;
/// Where fewer than one row in so many is accepted, many blocks hold none of them.
const SCATTERED: usize = 4;
/// So many of the best estimates may be no hits but errors: the one after them and the `k` hits says how near a row has to be.
pub(crate) const SPARE: usize = 2;

/// What a search did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SearchStats {
    /// Partitions whose rows were looked at.
    pub partitions: usize,
    /// Rows and centres that were scored by their codes.
    pub estimates: usize,
    /// Rows that were scored exactly.
    pub distances: usize,
}

/// The memory of a search, to be used again for the next one, on any index; a search then allocates nothing.
#[derive(Default)]
pub struct Scratch {
    pub(crate) frame: FrameQuery,
    pub(crate) query: Vec<f32>,
    pub(crate) centres: FineQuery,
    pub(crate) shifts: FineQuery,
    pub(crate) residuals: FineQuery,
    more: Vec<f32>,
    /// Scores of the centres of regions, and of partitions.
    region_scores: Vec<f32>,
    pub(crate) scores: Vec<f32>,
    /// The regions whose partitions are looked at.
    pub(crate) regions: Vec<Key>,
    /// The partitions to be looked at, nearest first.
    pub(crate) order: Vec<Near>,
    pub(crate) estimates: Vec<f32>,
    /// The best estimates.
    nearest: Vec<Key>,
    /// Estimates of rows that may be hits.
    pub(crate) candidates: Vec<Candidate>,
    /// The least scores that they may have, and in this order.
    pub(crate) chances: Vec<Key>,
    pub(crate) best: Vec<Key>,
    /// A vector that was read.
    pub(crate) row: Vec<f32>,
}

impl Scratch {
    /// Empty; it grows at first use.
    pub fn new() -> Scratch {
        Scratch::default()
    }
}

/// How much a search may do.
#[derive(Clone, Copy)]
pub(crate) struct Effort {
    /// See [`Limits`](crate::layout::Limits).
    pub stop: f32,
    pub margin: f32,
    pub sure: f32,
    /// Partitions to be looked at, at most.
    pub partitions: usize,
}

impl IndexView<'_> {
    /// Finds about the `k` nearest rows to a query, ascending by score, then by row, into `out` (emptied first).
    ///
    /// - `rows` must be those that the index is of.
    /// - `ef`: partitions whose rows are looked at, at most; more is slower and finds more of the true neighbours. Without it a search ends where most
    ///   true neighbours are found, as far as the index knows its rows.
    /// - `accepted`: the rows that may be found, as [`IndexView::accept`] gives them for this index.
    ///
    /// # Errors
    /// When index, vectors and query do not fit together, or a vector could not be read.
    #[allow(clippy::too_many_arguments)]
    pub fn search<'a>(
        &self,
        rows: impl Into<Rows<'a>>,
        query: &[f32],
        k: usize,
        ef: Option<usize>,
        accepted: Option<&AcceptedSlots>,
        scratch: &mut Scratch,
        out: &mut Vec<Neighbor>,
    ) -> Result<SearchStats, SearchError> {
        let rows = rows.into();
        out.clear();
        self.check(rows.vectors)?;
        rows.vectors.check_query(query)?;
        let count = accepted.map_or(self.indexed(), AcceptedSlots::count);
        if k == 0 || count == 0 {
            return Ok(SearchStats::default());
        }
        let limits = self.head.tuning.limits(k);
        let effort = Effort {
            stop: if ef.is_some() {
                limits.stop
            } else {
                limits.usual
            },
            margin: limits.margin,
            sure: limits.sure,
            partitions: self.partitions_for(k, ef.unwrap_or_else(|| self.default_ef(k)), accepted),
        };
        let stats = self.search_by(rows, query, k, effort, accepted, scratch)?;
        if scratch.best.len() < k.min(count) {
            // Too few of them lie in these partitions.
            self.search_exactly(rows, query, k, accepted, scratch, out)?;
            return Ok(stats);
        }
        out.extend(scratch.best.iter().map(|key| Neighbor {
            id: id_of(*key),
            score: score_of(*key),
        }));
        Ok(stats)
    }

    /// Partitions that a search looks at, at most: `ef`, or more where the accepted rows are few, since the nearest of them lie farther out, or where
    /// `k` hits need more.
    pub fn partitions_for(&self, k: usize, ef: usize, accepted: Option<&AcceptedSlots>) -> usize {
        let indexed = self.indexed() as f64;
        let count = accepted.map_or(self.indexed(), AcceptedSlots::count).max(1) as f64;
        let wider = (indexed / count).max(1.0).powf(WIDER).min(MAX_WIDER);
        // Accepted rows of a partition, as if they were everywhere.
        let each = (rows_each(self.indexed()) as f64 * count / indexed.max(1.0)).max(1.0);
        (ef.max(1) as f64 * wider).max(2.0 * k as f64 / each) as usize
    }

    /// Whether the index is of such vectors.
    pub(crate) fn check(&self, vectors: VectorsRef<'_>) -> Result<(), ShapeError> {
        vectors.check()?;
        let head = self.head;
        if self.len() == vectors.len()
            && head.dimension() == vectors.dimension
            && head.metric() == vectors.metric
        {
            return Ok(());
        }
        Err(ShapeError::new(format!(
            "the index is of {} rows of dimension {} under {}, and the vectors are {} rows of dimension {} under {}",
            head.rows,
            head.dimension(),
            head.metric(),
            vectors.len(),
            vectors.dimension,
            vectors.metric
        )))
    }

    /// The first block of a partition's rows, and how many they are; within the rows, whatever the file says now.
    #[inline]
    pub(crate) fn place(&self, partition: usize) -> (usize, usize) {
        let blocks = self.sections.codes.len();
        let first = (self.sections.starts[partition] as usize).min(blocks);
        let size = (self.sections.sizes[partition] as usize).min((blocks - first) * LANES);
        (first, size)
    }

    /// The blocks of a region's partitions; within the partitions, whatever the file says now.
    #[inline]
    pub(crate) fn blocks_of(&self, region: usize) -> Range<usize> {
        let starts = self.sections.region_starts;
        let last = (starts[region + 1] as usize).min(self.sections.partitions.len());
        (starts[region] as usize).min(last)..last
    }

    /// Leaves the hits in `scratch.best`, ascending.
    pub(crate) fn search_by(
        &self,
        rows: Rows<'_>,
        query: &[f32],
        k: usize,
        effort: Effort,
        accepted: Option<&AcceptedSlots>,
        scratch: &mut Scratch,
    ) -> io::Result<SearchStats> {
        let (meeting, mut stats) = self.estimate(query, k, effort, accepted, scratch);
        self.take_chances(meeting, effort.sure, scratch);
        stats.distances = self.best_exactly(rows, query, k, scratch)?;
        Ok(stats)
    }

    /// Leaves the rows that may be hits in `scratch.candidates`, with their estimates.
    pub(crate) fn estimate(
        &self,
        query: &[f32],
        k: usize,
        effort: Effort,
        accepted: Option<&AcceptedSlots>,
        scratch: &mut Scratch,
    ) -> (Meeting, SearchStats) {
        let head = self.head;
        let rest = head
            .frame
            .query(query, false, &mut scratch.frame, &mut scratch.query);
        self.prepare(scratch);
        let meeting = Meeting::new(&head.frame, &scratch.query, rest);
        let mut stats = SearchStats::default();
        self.choose(meeting, effort, accepted, scratch, &mut stats);
        self.scan(meeting, k, effort, accepted, scratch, &mut stats);
        (meeting, stats)
    }

    /// Codes the query that lies in `scratch.query`.
    pub(crate) fn prepare(&self, scratch: &mut Scratch) {
        let (head, fine) = (self.head, self.head.tuning.fine);
        let query = &scratch.query;
        scratch.centres.set(&head.centres, query, fine);
        scratch.shifts.set(&head.shifts, query, fine);
        scratch.residuals.set(&head.residuals, query, fine);
    }

    /// The standard deviation of the error of a row's estimate.
    #[inline]
    pub(crate) fn deviation_of(&self, meeting: Meeting, slot: u32, centre: f32) -> f32 {
        let sections = &self.sections;
        let number = |of: &[f32]| of.get(slot as usize).copied().unwrap_or(0.0);
        let (width, dimension) = (self.head.frame.width() as f32, self.head.dimension() as f32);
        let (error, rest) = (number(sections.errors), number(sections.rests));
        meeting.deviation_of(centre, error, rest, width, dimension)
    }

    /// Leaves the nearest partitions in `scratch.order`.
    pub(crate) fn choose(
        &self,
        meeting: Meeting,
        effort: Effort,
        accepted: Option<&AcceptedSlots>,
        scratch: &mut Scratch,
        stats: &mut SearchStats,
    ) {
        let (sections, tuning) = (&self.sections, &self.head.tuning);
        let Scratch {
            centres,
            shifts,
            scores,
            regions,
            order,
            region_scores,
            more,
            ..
        } = scratch;
        let line = meeting.centre_line(&centres.first);
        let times = meeting.times_of_centres();
        region_scores.resize(sections.region_squares.len(), 0.0);
        let terms = meeting.centre_terms(sections.region_squares);
        centres.estimate(sections.regions, 0, line, times, terms, region_scores, more);
        stats.estimates += region_scores.len();
        let wanted = effort.partitions;
        let spread = tuning.spread(wanted);
        regions.clear();
        let count = self.head.regions as usize;
        for (region, (score, radius)) in region_scores
            .iter()
            .zip(sections.region_radii)
            .take(count)
            .enumerate()
        {
            if accepted.is_some_and(|accepted| !accepted.regions.contains(region as u32)) {
                continue;
            }
            regions.push(key(meeting.nearest(*score, *radius, spread), region as u32));
        }
        // The nearest first; they tell how near the others have to be.
        let each = sections.squares.len() / count.max(1);
        let leading = NEAREST_REGIONS
            .max(2 * wanted / each.max(1))
            .min(regions.len());
        if leading < regions.len() {
            regions.select_nth_unstable(leading);
        }
        if let Some(nearest) = (0..leading).min_by_key(|at| regions[*at]) {
            regions.swap(0, nearest);
        }
        order.clear();
        // No partition that is farther is among the nearest.
        let mut bar = f32::INFINITY;
        for at in 0..regions.len() {
            if at == leading {
                if order.len() >= wanted {
                    bar = cut(order, wanted);
                } else {
                    // A filter left too few.
                    regions[at..].sort_unstable();
                }
            }
            if at >= leading && score_of(regions[at]) >= bar {
                continue;
            }
            let region = regions[at];
            if let Some(next) = regions.get(at + 1) {
                let first = sections.region_starts[id_of(*next) as usize] as usize;
                prefetch(sections.partitions.run(first, 1));
            }
            let region = id_of(region) as usize;
            let place = self.blocks_of(region);
            let (first, lanes) = (place.start, place.len() * LANES);
            let first_lane = first * LANES;
            let squares = &sections.squares[first_lane..first_lane + lanes];
            scores.resize(lanes, 0.0);
            let terms = meeting.centre_terms(squares);
            let square = sections.region_squares[region];
            let line = meeting.shift_line(&shifts.first, region_scores[region], square);
            shifts.estimate(sections.partitions, first, line, times, terms, scores, more);
            stats.estimates += lanes;
            let radii = &sections.radii[first_lane..first_lane + lanes];
            let blocks = scores
                .as_chunks::<LANES>()
                .0
                .iter()
                .zip(radii.as_chunks::<LANES>().0);
            let widest = radii.iter().fold(0.0, |a: f32, b| a.max(*b));
            let near_line = meeting.line_of_nearest(tuning.order, region_scores[region], widest);
            for (block, (scores, radii)) in blocks.enumerate() {
                let from = first_lane + block * LANES;
                let holding = match accepted {
                    None => u16::MAX,
                    Some(accepted) => accepted.partitions.sixteen(from),
                };
                if holding == 0 {
                    continue;
                }
                let mut near = [0f32; LANES];
                for ((near, score), radius) in near.iter_mut().zip(scores).zip(radii) {
                    *near = near_line.at(*score, *radius);
                }
                // Not yet lane by lane, since most blocks hold none.
                if !near.iter().fold(false, |any, near| any | (*near < bar)) {
                    continue;
                }
                for (lane, near) in near.into_iter().enumerate() {
                    let partition = from + lane;
                    if near < bar && holding >> lane & 1 == 1 && sections.sizes[partition] > 0 {
                        order.push(Near {
                            near,
                            score: scores[lane],
                            partition: partition as u32,
                        });
                    }
                }
                if order.len() >= wanted + wanted / 2 + 16 {
                    bar = cut(order, wanted);
                }
            }
        }
        if order.len() > wanted {
            cut(order, wanted);
        }
        order.sort_unstable_by(Near::order);
        // Those that come first tell what is near; the others may come as they lie.
        if let Some(rest) = order.get_mut(FIRST..) {
            rest.sort_unstable_by_key(|near| near.partition);
        }
    }

    /// Estimates the rows of the partitions in `scratch.order`; leaves those that may be hits in `scratch.candidates`.
    fn scan(
        &self,
        meeting: Meeting,
        k: usize,
        effort: Effort,
        accepted: Option<&AcceptedSlots>,
        scratch: &mut Scratch,
        stats: &mut SearchStats,
    ) {
        let sections = &self.sections;
        let Scratch {
            residuals,
            order,
            estimates,
            nearest,
            candidates,
            more,
            ..
        } = scratch;
        let times = meeting.times_of_rows();
        candidates.clear();
        nearest.clear();
        let nearest_centre = order.first().map_or(0.0, |first| first.score);
        let rank = k + SPARE;
        // Whether blocks without an accepted row are worth being looked for.
        let scattered =
            accepted.is_some_and(|accepted| accepted.count() * SCATTERED < self.indexed());
        // The estimate of this rank so far, also on the scale of the centres.
        let mut worst = f32::INFINITY;
        let mut passed = f32::INFINITY;
        for (at, near) in order.iter().enumerate() {
            if let Some(next) = order.get(at + 1) {
                let (first, size) = self.place(next.partition as usize);
                prefetch_all(sections.codes.run(first, size.div_ceil(LANES)));
                let slots = first * LANES..first * LANES + size;
                prefetch(sections.terms.get(slots).unwrap_or(&[]));
            }
            let partition = near.partition as usize;
            if meeting.nearest(near.score, sections.radii[partition], effort.stop) > passed {
                continue;
            }
            // What rounding does is there however near the centre lies.
            let centre = near.score.max(nearest_centre);
            let margin = effort.margin * meeting.deviation(&residuals.first, centre);
            let limit = worst + margin;
            let (first, size) = self.place(partition);
            let count = size.next_multiple_of(LANES);
            let slots = first * LANES..first * LANES + count;
            estimates.resize(count, 0.0);
            let line = meeting.row_line(&residuals.first, near.score, sections.squares[partition]);
            let terms = sections.terms.get(slots.clone()).unwrap_or(&[]);
            stats.partitions += 1;
            let holding = |block: usize| match accepted {
                None => u16::MAX,
                Some(accepted) => accepted.slots.sixteen(slots.start + block * LANES),
            };
            let sparse = scattered && (0..count / LANES).any(|block| holding(block) == 0);
            if !sparse {
                residuals.estimate(sections.codes, first, line, times, terms, estimates, more);
                stats.estimates += count;
            }
            for (block, estimates) in estimates.as_chunks_mut::<LANES>().0.iter_mut().enumerate() {
                if sparse {
                    if holding(block) == 0 {
                        continue;
                    }
                    let terms = terms.as_chunks::<LANES>().0.get(block);
                    let terms = terms.map_or(&[][..], |terms| terms);
                    let block = first + block;
                    residuals.estimate(sections.codes, block, line, times, terms, estimates, more);
                    stats.estimates += LANES;
                }
                if !estimates
                    .iter()
                    .fold(false, |any, estimate| any | (*estimate < limit))
                {
                    continue;
                }
                let holding = holding(block);
                for (lane, estimate) in estimates.iter().enumerate() {
                    let place = block * LANES + lane;
                    let slot = (slots.start + place) as u32;
                    if !(*estimate < limit && place < size && holding >> lane & 1 == 1) {
                        continue;
                    }
                    let key = key(*estimate, slot);
                    // They are looked at once all are found.
                    let own = slot as usize..=slot as usize;
                    prefetch(sections.errors.get(own.clone()).unwrap_or(&[]));
                    prefetch(sections.rests.get(own.clone()).unwrap_or(&[]));
                    prefetch(sections.rows.get(own).unwrap_or(&[]));
                    candidates.push(Candidate {
                        estimate: key,
                        margin,
                        centre,
                    });
                    nearest.push(key);
                }
            }
            // Not at every new one: a few more candidates cost less.
            let enough = rank
                + if worst < f32::INFINITY {
                    (k / 8).max(1)
                } else {
                    0
                };
            if nearest.len() >= enough {
                nearest.select_nth_unstable(rank - 1);
                nearest.truncate(rank);
                worst = score_of(nearest[rank - 1]);
                passed = meeting.on_centres_scale(worst);
            }
        }
        if nearest.len() > rank {
            nearest.select_nth_unstable(rank - 1);
            worst = score_of(nearest[rank - 1]);
        }
        candidates.retain(|candidate| score_of(candidate.estimate) <= worst + candidate.margin);
    }
}

/// Keeps the nearest `wanted` of at least as many; gives how near the last of them is.
fn cut(order: &mut Vec<Near>, wanted: usize) -> f32 {
    order.select_nth_unstable_by(wanted - 1, Near::order);
    order.truncate(wanted);
    order[wanted - 1].near
}

/// A partition that may be looked at.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Near {
    /// How near its rows may be.
    pub near: f32,
    /// The score of its centre.
    pub score: f32,
    pub partition: u32,
}

impl Near {
    fn order(a: &Near, b: &Near) -> std::cmp::Ordering {
        a.near
            .total_cmp(&b.near)
            .then(a.partition.cmp(&b.partition))
    }
}
