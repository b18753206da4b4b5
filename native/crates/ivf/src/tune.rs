//! What an index finds out about its own rows: how far to look, and what that gives.

use std::sync::Mutex;
use std::sync::atomic::AtomicBool;

use omendb_distance::VectorsRef;
use omendb_distance::blocks::LANES;

use crate::candidates::Candidate;
use crate::exact::nearest_of_rows;
use crate::homes::Homes;
use crate::key::{Key, id_of, score_of};
use crate::layout::{CURVE, Index, IndexView, Limits};
use crate::meeting::Meeting;
use crate::search::{Effort, SPARE};
use crate::{Neighbor, Scratch, parallel};

/// Rows whose neighbours are looked for.
const QUERIES: usize = 256;
/// Neighbours of each.
const K: usize = 10;
/// The part of neighbours that a search reaches unless it is told how far to look.
const USUAL: f64 = 0.985;
/// The part of neighbours that the parameters have to reach each.
const REACHED: f64 = 0.999;
/// The part of the nearest partitions that have to be seen, for this part of the queries.
const SEEN: f64 = 0.95;
/// With less recall, in thousandths, than this with all partitions there are, queries may be too coarse.
const POOR: u16 = 990;
/// ... and what is added since the sample is one.
const SLACK: f32 = 1.05;
/// The same for errors of estimates, which queries that are no rows have more of.
const MORE: f32 = 1.2;

impl Index {
    /// Fits the parameters of the search to a sample of the rows, and measures what they give.
    pub(crate) fn tune(
        &mut self,
        vectors: VectorsRef<'_>,
        rows: &[u32],
        threads: usize,
        cancel: &AtomicBool,
    ) {
        let count = QUERIES.min(rows.len());
        let queries: Vec<u32> = (0..count)
            .map(|i| rows[i * rows.len() / count.max(1)])
            .collect();
        let truths = nearest_of_rows(vectors, rows, &queries, K, threads, cancel);
        self.tune_on(vectors, &queries, &truths, threads, cancel);
        if self.head.tuning.recalls[CURVE - 1] < POOR {
            // If that is better, it is worth its time.
            let coarse = self.head.tuning;
            self.head.tuning.fine = true;
            self.tune_on(vectors, &queries, &truths, threads, cancel);
            if self.head.tuning.recalls[CURVE - 1] <= coarse.recalls[CURVE - 1] {
                self.head.tuning = coarse;
            }
        }
    }

    fn tune_on(
        &mut self,
        vectors: VectorsRef<'_>,
        queries: &[u32],
        truths: &[Vec<Neighbor>],
        threads: usize,
        cancel: &AtomicBool,
    ) {
        let homes = Homes::of(&self.view());
        let reach = |k: usize| {
            self.each(queries, threads, cancel, |i, scratch| {
                self.view().reach(
                    &homes,
                    vectors,
                    queries[i],
                    &truths[i][..k.min(truths[i].len())],
                    scratch,
                )
            })
        };
        let reaches = [1, K].map(reach);
        if reaches.iter().any(Vec::is_empty) {
            return;
        }
        // More than any error, until errors are known.
        let margin = 8.0;
        self.head.tuning.order = quantile(reaches[1].clone(), 0.9).max(0.0);
        self.head.tuning.limits = reaches.map(|reach| Limits {
            stop: quantile(reach.clone(), REACHED).max(0.0) * SLACK,
            usual: quantile(reach, USUAL).max(0.0),
            margin,
            sure: margin,
        });
        let spreads = self.each(queries, threads, cancel, |i, scratch| {
            self.view().spreads(&homes, vectors, queries[i], scratch)
        });
        for (step, spread) in self.head.tuning.spreads.iter_mut().enumerate() {
            let of_step = spreads.chunks_exact(CURVE).map(|spreads| spreads[step]);
            *spread = quantile(of_step.collect(), SEEN).max(0.0);
        }
        for (at, k) in [1, K].into_iter().enumerate() {
            let behind = self.each(queries, threads, cancel, |i, scratch| {
                self.view().behind(vectors, queries[i], k, margin, scratch)
            });
            let limits = &mut self.head.tuning.limits[at];
            let of = |which: usize| behind.iter().map(|both| both[which]).collect();
            limits.margin = quantile(of(0), REACHED).max(1.0) * MORE;
            limits.sure = quantile(of(1), REACHED).max(1.0) * MORE;
        }
        self.head.tuning.recalls = self.curve(vectors, queries, truths, threads, cancel);
    }

    /// What `measure` finds for each query, all in one list.
    fn each<T: Send>(
        &self,
        queries: &[u32],
        threads: usize,
        cancel: &AtomicBool,
        measure: impl Fn(usize, &mut Scratch) -> Vec<T> + Sync,
    ) -> Vec<T> {
        let found: Vec<Mutex<Vec<T>>> = queries.iter().map(|_| Mutex::default()).collect();
        parallel::for_chunks(
            threads,
            0..queries.len(),
            4,
            cancel,
            Scratch::new,
            |scratch, range| {
                for i in range {
                    *parallel::lock(&found[i]) = measure(i, scratch);
                }
            },
        );
        found
            .into_iter()
            .flat_map(|found| found.into_inner().unwrap_or_default())
            .collect()
    }

    /// Recall@10 with 1, 2, 4, ... partitions, in thousandths.
    fn curve(
        &self,
        vectors: VectorsRef<'_>,
        queries: &[u32],
        truths: &[Vec<Neighbor>],
        threads: usize,
        cancel: &AtomicBool,
    ) -> [u16; CURVE] {
        let mut recalls = [0; CURVE];
        for (step, recall) in recalls.iter_mut().enumerate() {
            let found = self.each(queries, threads, cancel, |i, scratch| {
                let mut out = Vec::new();
                let found = self.view().search(
                    vectors,
                    vectors.row(queries[i] as usize),
                    K + 1,
                    Some(1 << step),
                    None,
                    scratch,
                    &mut out,
                );
                if found.is_err() || truths[i].is_empty() {
                    return Vec::new();
                }
                out.retain(|hit| hit.id != queries[i]);
                out.truncate(K);
                // By score, since rows that are the same stand for each other.
                let worst = truths[i].last().map_or(f32::INFINITY, |last| last.score);
                let good = out.iter().filter(|hit| hit.score <= worst).count();
                vec![good.min(truths[i].len()) as f32 / truths[i].len() as f32]
            });
            let share = found.iter().sum::<f32>() / found.len().max(1) as f32;
            *recall = (share * 1000.0) as u16;
        }
        recalls
    }
}

impl IndexView<'_> {
    fn meet(&self, vectors: VectorsRef<'_>, row: u32, scratch: &mut Scratch) -> Meeting {
        let query = vectors.row(row as usize);
        let rest = self
            .head
            .frame
            .query(query, false, &mut scratch.frame, &mut scratch.query);
        self.prepare(scratch);
        Meeting::new(&self.head.frame, &scratch.query, rest)
    }

    /// So many standard deviations from its centre towards the query a row would lie as near as the last of the neighbours, for each of these.
    fn reach(
        &self,
        homes: &Homes,
        vectors: VectorsRef<'_>,
        row: u32,
        truth: &[Neighbor],
        scratch: &mut Scratch,
    ) -> Vec<f32> {
        let meeting = self.meet(vectors, row, scratch);
        let Some(last) = truth.last() else {
            return Vec::new();
        };
        let last = meeting.on_centres_scale(last.score);
        let regions = self.scores_of_regions(meeting, scratch);
        let reach = truth.iter().filter_map(|neighbor| {
            let slot = self.slot(neighbor.id)? as usize;
            let partition = homes.partitions[slot / LANES] as usize;
            let block = partition / LANES;
            let region = homes.regions[block];
            let scores = self.scores_of_block(meeting, &regions, region, block, scratch);
            Some(meeting.reach(
                scores[partition % LANES],
                self.sections.radii[partition],
                last,
            ))
        });
        reach.filter(|reach| reach.is_finite()).collect()
    }

    fn scores_of_regions(&self, meeting: Meeting, scratch: &Scratch) -> Vec<f32> {
        let squares = self.sections.region_squares;
        let mut scores = vec![0.0; squares.len()];
        scratch.centres.estimate(
            self.sections.regions,
            0,
            meeting.centre_line(&scratch.centres.first),
            meeting.times_of_centres(),
            meeting.centre_terms(squares),
            &mut scores,
            &mut Vec::new(),
        );
        scores
    }

    /// The scores of the centres in a block of partitions of a region, given those of regions.
    fn scores_of_block(
        &self,
        meeting: Meeting,
        regions: &[f32],
        region: u32,
        block: usize,
        scratch: &Scratch,
    ) -> [f32; LANES] {
        let (sections, region) = (&self.sections, region as usize);
        let square = sections.region_squares[region];
        let line = meeting.shift_line(&scratch.shifts.first, regions[region], square);
        let terms = meeting.centre_terms(&sections.squares[block * LANES..(block + 1) * LANES]);
        let mut scores = [0.0; LANES];
        scratch.shifts.estimate(
            sections.partitions,
            block,
            line,
            meeting.times_of_centres(),
            terms,
            &mut scores,
            &mut Vec::new(),
        );
        scores
    }

    /// For each `i` how many standard deviations from their centres towards the query the regions of nearly all of the nearest 2^i partitions have to reach
    /// to be as near as the last of these.
    fn spreads(
        &self,
        homes: &Homes,
        vectors: VectorsRef<'_>,
        row: u32,
        scratch: &mut Scratch,
    ) -> Vec<f32> {
        let meeting = self.meet(vectors, row, scratch);
        let sections = &self.sections;
        let regions = self.scores_of_regions(meeting, scratch);
        let mut order: Vec<(f32, u32)> = Vec::new();
        for (block, region) in homes.regions.iter().enumerate() {
            let scores = self.scores_of_block(meeting, &regions, *region, block, scratch);
            let lanes = block * LANES..(block + 1) * LANES;
            let all = scores.iter().zip(&sections.radii[lanes.clone()]);
            for ((score, radius), size) in all.zip(&sections.sizes[lanes]) {
                if *size > 0 {
                    let near = meeting.nearest(*score, *radius, self.head.tuning.order);
                    order.push((near, *region));
                }
            }
        }
        order.sort_unstable_by(|a, b| a.0.total_cmp(&b.0));
        let spread = |step: usize| {
            let nearest = &order[..order.len().min(1 << step)];
            let bar = nearest.last()?.0;
            let of = nearest.iter().map(|(_, region)| {
                let region = *region as usize;
                meeting.reach(regions[region], sections.region_radii[region], bar)
            });
            let of = of.filter(|spread| spread.is_finite()).collect();
            Some(quantile(of, SEEN))
        };
        (0..CURVE).map(|step| spread(step).unwrap_or(0.0)).collect()
    }

    /// For each of the `k` hits of a row (itself left out) how many standard deviations its estimate lies behind the `k`-th best estimate, and how many of its own
    /// behind the `k`-th best score.
    fn behind(
        &self,
        vectors: VectorsRef<'_>,
        row: u32,
        k: usize,
        margin: f32,
        scratch: &mut Scratch,
    ) -> Vec<[f32; 2]> {
        let effort = Effort {
            stop: self.head.tuning.limits[1].stop,
            margin,
            sure: f32::INFINITY,
            partitions: 1 << (CURVE - 1),
        };
        let query = vectors.row(row as usize);
        let (meeting, _) = self.estimate(query, k + 1, effort, None, scratch);
        let of = |key: Key| self.sections.rows.get(id_of(key) as usize).copied();
        let candidates = &mut scratch.candidates;
        candidates.retain(|candidate| of(candidate.estimate) != Some(row));
        candidates.sort_unstable_by_key(|candidate| candidate.estimate);
        let scorer = vectors.scorer(query);
        let exact = candidates.iter().filter_map(|candidate| {
            let row = of(candidate.estimate)? as usize;
            let score = scorer.score(vectors.row(row), vectors.inv_norm(row));
            Some((score, *candidate))
        });
        let mut hits: Vec<(f32, Candidate)> = exact.collect();
        hits.sort_unstable_by(|a, b| {
            let keys = a.1.estimate.cmp(&b.1.estimate);
            a.0.total_cmp(&b.0).then(keys)
        });
        hits.truncate(k);
        let (Some((score, _)), Some(last)) = (
            hits.last(),
            candidates.get((k + SPARE).min(candidates.len()).max(1) - 1),
        ) else {
            return Vec::new();
        };
        let last = score_of(last.estimate);
        let behind = hits.iter().map(|(_, candidate)| {
            let (slot, found) = (id_of(candidate.estimate), score_of(candidate.estimate));
            let own = self.deviation_of(meeting, slot, candidate.centre);
            let usual = meeting.deviation(&scratch.residuals.first, candidate.centre);
            [(found - last) / usual, (found - score) / own]
        });
        behind
            .filter(|both| both.iter().all(|x| x.is_finite()))
            .collect()
    }
}

/// The number that a part of the numbers does not pass; 0 without numbers.
fn quantile(mut numbers: Vec<f32>, part: f64) -> f32 {
    numbers.sort_unstable_by(f32::total_cmp);
    let at = (numbers.len() as f64 * part) as usize;
    numbers
        .get(at.min(numbers.len().saturating_sub(1)))
        .copied()
        .unwrap_or(0.0)
}
