//! What each choice of precision and metric would give on a sample of a collection's own rows, measured before one is taken.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Instant;

use omendb_distance::{Metric, inv_norms};
use omendb_ivf::{VectorsRef, exact};
use rayon::prelude::*;
use serde::Serialize;

use crate::error::{Error, Result};
use crate::query::{Hit, SearchRequest, sort_and_cut};
use crate::snapshot::Snapshot;

/// Neighbours that are looked for.
const K: usize = 10;
/// Most rows of the sample.
pub const MAX_TUNE_QUERIES: usize = 1_000;
/// Rows of it that are compared under the other metrics.
const METRIC_QUERIES: usize = 64;
/// Partitions that are tried, until nearly all neighbours are found.
const EFS: [usize; 10] = [4, 8, 16, 32, 64, 128, 256, 512, 1024, 2048];
const ENOUGH: f64 = 0.999;

/// What was measured.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct TuneReport {
    /// Live rows.
    pub rows: u64,
    /// Numbers of a vector.
    pub dimension: usize,
    /// The collection's metric.
    #[serde(serialize_with = "name_of")]
    pub metric: Metric,
    /// Rows of the sample: each was a query, and itself no hit.
    pub queries: usize,
    /// Neighbours that were looked for.
    pub k: usize,
    /// Live rows that are in an index.
    pub indexed_rows: u64,
    /// Bytes of the vectors, and of the indexes over them.
    pub vector_bytes: u64,
    /// Bytes of the indexes.
    pub index_bytes: u64,
    /// The default first, then more and more partitions, and every row last.
    pub choices: Vec<Choice>,
    /// What the neighbours would be under each metric.
    pub metrics: Vec<OtherMetric>,
    /// The least and the greatest length of the sample's vectors.
    pub norms: [f32; 2],
}

/// One way to search.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Choice {
    /// Partitions, at most; `null` for the default and for comparing with every row.
    pub ef: Option<usize>,
    /// Whether every row is compared with.
    pub exact: bool,
    /// The share of the true neighbours that was found, 0 to 1; rows as near as the last one stand for each other.
    pub recall: f64,
    /// Half of the queries took no longer, in microseconds, on one thread.
    pub p50_us: f64,
    /// And 99 of 100.
    pub p99_us: f64,
    /// Distances that were computed for a query, by small codes or exactly, on average.
    pub distances: f64,
}

/// A metric beside the collection's own.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct OtherMetric {
    /// Which.
    #[serde(serialize_with = "name_of")]
    pub metric: Metric,
    /// The share of the neighbours that are the same under the collection's own metric, 0 to 1.
    pub shared: f64,
}

fn name_of<S: serde::Serializer>(metric: &Metric, to: S) -> std::result::Result<S::Ok, S::Error> {
    to.serialize_str(metric.as_str())
}

impl Snapshot {
    /// Searches for the neighbours of `queries` of the live rows, evenly taken, in every way, and compares with the truth. Takes about
    /// `queries` exact searches, and a few under the other metrics.
    ///
    /// # Errors
    /// `UNKNOWN_COLUMN`, `INVALID_REQUEST` (no queries, or a collection of fewer than two rows), `LIMIT_EXCEEDED` (more than [`MAX_TUNE_QUERIES`]),
    /// `CANCELLED`.
    pub fn tune(
        &self,
        column: usize,
        queries: usize,
        cancel: &AtomicBool,
        progress: &(dyn Fn(usize, usize) + Sync),
    ) -> Result<TuneReport> {
        let spec = self.vector_spec(column)?;
        if self.len() < 2 {
            return Err(Error::invalid(
                "there are no neighbours to look for in a collection of fewer than two rows",
            ));
        }
        crate::query::check_count("queries", queries, MAX_TUNE_QUERIES)?;
        let live = self.live_rows();
        let count = queries.min(live.len() as usize);
        let sample: Vec<Query> = (0..count as u64)
            .filter_map(|i| live.select((i * live.len() / count as u64) as u32))
            .map(|row| self.query(column, row))
            .collect::<Result<_>>()?;
        let mut work = Work {
            snapshot: self,
            column,
            cancel,
            progress,
            done: AtomicUsize::new(0),
            // The truth, the default, every ef, and the other metrics.
            total: sample.len() * (EFS.len() + 2) + METRIC_QUERIES.min(count),
        };
        let (truth, mut exact) = work.choice(&sample, None, true, None)?;
        exact.recall = 1.0;
        let (indexed_rows, index_bytes) = self.indexed(column)?;
        let mut choices = Vec::new();
        // Without an index every search is exact.
        if indexed_rows > 0 {
            choices.push(work.choice(&sample, None, false, Some(&truth))?.1);
            for ef in EFS {
                let choice = work.choice(&sample, Some(ef), false, Some(&truth))?.1;
                let enough = choice.recall >= ENOUGH;
                choices.push(choice);
                if enough {
                    break;
                }
            }
        }
        choices.push(exact);
        let metrics = work.metrics(&sample, &truth)?;
        self.let_go(column);
        let norms = sample.iter().map(|query| {
            let squares: f32 = query.vector.iter().map(|x| x * x).sum();
            squares.sqrt()
        });
        let norms = norms.fold([f32::INFINITY, 0.0], |[least, most], norm| {
            [norm.min(least), norm.max(most)]
        });
        progress(work.total, work.total);
        Ok(TuneReport {
            rows: self.len(),
            dimension: spec.dimension,
            metric: spec.metric,
            queries: sample.len(),
            k: K,
            indexed_rows,
            vector_bytes: self.len() * spec.dimension as u64 * 4,
            index_bytes,
            choices,
            metrics,
            norms,
        })
    }

    fn query(&self, column: usize, row: u32) -> Result<Query> {
        let missing = || Error::internal(format!("row {row} is in no part"));
        let (part, position) = self.part_of(row).ok_or_else(missing)?;
        let vectors = self.vectors_of(part, column)?;
        Ok(Query {
            row,
            vector: vectors.row(position as usize).to_vec(),
        })
    }

    /// Live rows that an index holds, and the bytes of the indexes.
    fn indexed(&self, column: usize) -> Result<(u64, u64)> {
        let (mut rows, mut bytes) = (0, 0);
        for part in self.parts() {
            let vectors = self.vectors_of(part, column)?;
            let index = part.vectors[column].index.as_deref();
            let Some(index) = index.filter(|index| index.fits(vectors)) else {
                continue;
            };
            let view = index.view().map_err(|e| Error::internal(e.to_string()))?;
            let positions = 0..part.rows;
            let live = positions.filter(|position| {
                view.slot(*position).is_some()
                    && !self.deleted().contains(part.numbers.row(*position))
            });
            rows += live.count() as u64;
            bytes += index.bytes();
        }
        Ok((rows, bytes))
    }
}

/// A row of the sample.
struct Query {
    row: u32,
    vector: Vec<f32>,
}

struct Work<'a> {
    snapshot: &'a Snapshot,
    column: usize,
    cancel: &'a AtomicBool,
    progress: &'a (dyn Fn(usize, usize) + Sync),
    done: AtomicUsize,
    total: usize,
}

impl Work<'_> {
    /// One query more is done; fails once the work is cancelled.
    fn step(&self) -> Result<()> {
        if self.cancel.load(Ordering::Relaxed) {
            return Err(Error::Cancelled {
                what: "the measurement".to_owned(),
            });
        }
        let done = self.done.fetch_add(1, Ordering::Relaxed) + 1;
        (self.progress)(done.min(self.total), self.total);
        Ok(())
    }

    /// Searches for the neighbours of the sample one after another; gives them, and what it took.
    fn choice(
        &mut self,
        sample: &[Query],
        ef: Option<usize>,
        exact: bool,
        truth: Option<&[Vec<Hit>]>,
    ) -> Result<(Vec<Vec<Hit>>, Choice)> {
        let mut found = Vec::with_capacity(sample.len());
        let mut times = Vec::with_capacity(sample.len());
        let (mut shares, mut distances) = (0.0, 0);
        for (at, query) in sample.iter().enumerate() {
            self.step()?;
            let request = SearchRequest {
                vector: self.column,
                ef,
                exact,
                exclude: Some(query.row),
                ..SearchRequest::new(&query.vector, K)
            };
            let start = Instant::now();
            let result = self.snapshot.search(&request)?;
            times.push(start.elapsed().as_nanos() as f64 / 1e3);
            distances += result.distances;
            if let Some(truth) = truth {
                shares += recall(&result.hits, &truth[at]);
            }
            found.push(result.hits);
        }
        times.sort_unstable_by(f64::total_cmp);
        let choice = Choice {
            ef,
            exact,
            recall: shares / sample.len() as f64,
            p50_us: times[times.len() / 2],
            p99_us: times[times.len() * 99 / 100],
            distances: distances as f64 / sample.len() as f64,
        };
        Ok((found, choice))
    }

    /// How many of the neighbours of a part of the sample are the same under each metric.
    fn metrics(&mut self, sample: &[Query], truth: &[Vec<Hit>]) -> Result<Vec<OtherMetric>> {
        let own = self.snapshot.vector_spec(self.column)?.metric;
        let count = sample.len().min(METRIC_QUERIES);
        let chosen: Vec<usize> = (0..count).map(|i| i * sample.len() / count).collect();
        let (snapshot, column) = (self.snapshot, self.column);
        // The lengths are wanted under cosine alone, and are there where that is the collection's own.
        let norms: Vec<Vec<f32>> = snapshot
            .parts()
            .iter()
            .map(|part| {
                let vectors = snapshot.vectors_of(part, column)?;
                let mut norms = Vec::new();
                inv_norms(vectors.data, vectors.dimension, &mut norms);
                Ok(norms)
            })
            .collect::<Result<_>>()?;
        let shared = chosen.par_iter().map(|at| {
            self.step()?;
            let query = &sample[*at];
            Metric::ALL
                .iter()
                .map(|metric| {
                    if *metric == own {
                        return Ok(1.0);
                    }
                    let rows = snapshot.nearest_under(*metric, column, &norms, query)?;
                    let same = truth[*at].iter().filter(|hit| rows.contains(&hit.row));
                    Ok(same.count() as f64 / truth[*at].len().max(1) as f64)
                })
                .collect::<Result<Vec<f64>>>()
        });
        let shared: Vec<Vec<f64>> = shared.collect::<Result<_>>()?;
        let mean = |at: usize| shared.iter().map(|one| one[at]).sum::<f64>() / count as f64;
        Ok(Metric::ALL
            .iter()
            .enumerate()
            .map(|(at, metric)| OtherMetric {
                metric: *metric,
                shared: mean(at),
            })
            .collect())
    }
}

impl Snapshot {
    /// The rows nearest to a row of the sample under some metric, itself not among them.
    fn nearest_under(
        &self,
        metric: Metric,
        column: usize,
        norms: &[Vec<f32>],
        query: &Query,
    ) -> Result<Vec<u32>> {
        let mut all = Vec::new();
        let mut found = Vec::new();
        for (part, norms) in self.parts().iter().zip(norms) {
            let vectors = self.vectors_of(part, column)?;
            let inv_norms = if metric == Metric::Cosine {
                norms.as_slice()
            } else {
                &[]
            };
            let vectors = VectorsRef {
                metric,
                inv_norms,
                ..vectors
            };
            let accept = |position: u32| {
                let row = part.numbers.row(position);
                row != query.row && !self.deleted().contains(row)
            };
            exact::search(vectors, &query.vector, K, Some(&accept), &mut found)
                .map_err(|e| Error::internal(e.to_string()))?;
            all.extend(found.iter().map(|n| omendb_ivf::Neighbor {
                id: part.numbers.row(n.id),
                ..*n
            }));
        }
        sort_and_cut(&mut all, K);
        Ok(all.into_iter().map(|n| n.id).collect())
    }
}

/// The share of true neighbours that was found.
fn recall(found: &[Hit], truth: &[Hit]) -> f64 {
    let Some(last) = truth.last() else { return 1.0 };
    let good = found.iter().filter(|hit| hit.distance <= last.distance);
    good.count().min(truth.len()) as f64 / truth.len() as f64
}
