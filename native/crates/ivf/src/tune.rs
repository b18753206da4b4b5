//! What an index finds out about its own rows: how far to look, and what that gives.

use std::sync::Mutex;
use std::sync::atomic::AtomicBool;

use omendb_distance::VectorsRef;
use omendb_distance::blocks::LANES;

use crate::exact::nearest_of_rows;
use crate::key::{Key, id_of, score_of};
use crate::layout::{CURVE, Index, IndexView, Limits};
use crate::meeting::Meeting;
use crate::search::{Effort, SearchStats};
use crate::homes::Homes;
use crate::{Neighbor, Scratch, parallel};

/// Rows whose neighbours are looked for.
const QUERIES: usize = 256;
/// Neighbours of each.
const K: usize = 10;
/// The part of neighbours that a search reaches unless it is told how far to look.
const USUAL: f64 = 0.985;
/// The part of neighbours that the parameters have to reach each.
const REACHED: f64 = 0.999;
/// The part of the nearest partitions that have to be seen.
const SEEN: f64 = 0.95;
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
        let homes = Homes::of(&self.view());
        let reach = |k: usize| {
            self.each(&queries, threads, cancel, |i, scratch| {
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
        let ranks = self.each(&queries, threads, cancel, |i, scratch| {
            self.view().ranks(&homes, vectors, queries[i], scratch)
        });
        for (step, breadth) in self.head.tuning.breadths.iter_mut().enumerate() {
            let of_step = ranks.chunks_exact(CURVE).map(|ranks| ranks[step]).collect();
            *breadth = (quantile(of_step, SEEN) as u32 + 1).min(self.head.regions);
        }
        for (at, k) in [1, K].into_iter().enumerate() {
            let behind = self.each(&queries, threads, cancel, |i, scratch| {
                self.view().behind(vectors, queries[i], k, margin, scratch)
            });
            let limits = &mut self.head.tuning.limits[at];
            let of = |which: usize| behind.iter().map(|both| both[which]).collect();
            limits.margin = quantile(of(0), REACHED).max(1.0) * MORE;
            limits.sure = quantile(of(1), REACHED).max(1.0) * MORE;
        }
        self.head.tuning.recalls = self.curve(vectors, &queries, &truths, threads, cancel);
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
        scratch.centres.set(&self.head.centres, &scratch.query);
        scratch.residuals.set(&self.head.residuals, &scratch.query);
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
        let line = meeting.centre_line(&scratch.centres);
        let Some(last) = truth.last() else {
            return Vec::new();
        };
        let last = meeting.on_centres_scale(last.score);
        let reach = truth.iter().filter_map(|neighbor| {
            let slot = self.slot(neighbor.id)? as usize;
            let partition = homes.partitions[slot / LANES] as usize;
            let block = partition / LANES;
            let mut scores = [0.0; LANES];
            let squares = &self.sections.squares[block * LANES..(block + 1) * LANES];
            let terms = meeting.centre_terms(squares);
            self.sections.partitions.estimate(
                &scratch.centres.values,
                block,
                line,
                terms,
                &mut scores,
            );
            Some(meeting.reach(
                scores[partition % LANES],
                self.sections.radii[partition],
                last,
            ))
        });
        reach.filter(|reach| reach.is_finite()).collect()
    }

    /// How many regions are nearer than those of all but a few of the nearest 2^i partitions, for each `i`.
    fn ranks(
        &self,
        homes: &Homes,
        vectors: VectorsRef<'_>,
        row: u32,
        scratch: &mut Scratch,
    ) -> Vec<f32> {
        let meeting = self.meet(vectors, row, scratch);
        let effort = Effort {
            stop: f32::INFINITY,
            margin: f32::INFINITY,
            sure: f32::INFINITY,
            partitions: 1 << (CURVE - 1),
        };
        self.choose(meeting, effort, None, scratch, &mut SearchStats::default());
        scratch.regions.sort_unstable();
        let mut rank = vec![0f32; self.head.regions as usize];
        for (at, region) in scratch.regions.iter().enumerate() {
            rank[id_of(*region) as usize] = at as f32;
        }
        let ranks: Vec<f32> = scratch
            .order
            .iter()
            .map(|near| rank[homes.regions[near.partition as usize / LANES] as usize])
            .collect();
        (0..CURVE)
            .map(|step| quantile(ranks[..ranks.len().min(1 << step)].to_vec(), SEEN))
            .collect()
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
        scratch.candidates.retain(|key| of(*key) != Some(row));
        scratch.candidates.sort_unstable();
        let scorer = vectors.scorer(query);
        let exact = scratch.candidates.iter().filter_map(|candidate| {
            let row = of(*candidate)? as usize;
            Some((
                scorer.score(vectors.row(row), vectors.inv_norm(row)),
                *candidate,
            ))
        });
        let mut hits: Vec<(f32, Key)> = exact.collect();
        hits.sort_unstable_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
        hits.truncate(k);
        let (Some((score, _)), Some(estimate)) =
            (hits.last(), scratch.candidates.get(hits.len().max(1) - 1))
        else {
            return Vec::new();
        };
        let centre = scratch.order.first().map_or(0.0, |first| first.score);
        let behind = hits.iter().map(|(_, candidate)| {
            let own = self.deviation_of(meeting, id_of(*candidate), centre);
            let found = score_of(*candidate);
            [
                (found - score_of(*estimate)) / scratch.deviation,
                (found - score) / own,
            ]
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
