//! How much of a map is true, by the vectors of a snapshot.

use std::sync::atomic::AtomicBool;

use omendb_distance::Scorer;
use omendb_ivf::VectorsRef;
use omendb_projection::{ProjectionError, faithfulness, kept_neighbours, sample};
use serde::{Deserialize, Serialize};

use crate::behind::behind;
use crate::error::{Error, Result};
use crate::snapshot::Snapshot;

/// Bytes of rows that are scored at once: they stay in the nearest cache for all queries of a lot.
const BLOCK: usize = 16 << 10;
/// Seed of the sample.
const SEED: u64 = 0x5A3D;
/// In [`MapJudgement::kept`] for a row that was not looked at.
pub const NOT_JUDGED: u8 = u8::MAX;
/// Most neighbours that are compared.
pub const MAX_JUDGED_K: usize = 200;

/// How much of a map is true (Venna, Kaski 2001; as scikit-learn has it): 1 when it is faithful.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct MapScore {
    /// Neighbours that were compared.
    pub k: u32,
    /// Rows that were looked at: all, or a random sample.
    pub sample: u32,
    /// Whether rows that lie together on the map are near each other.
    pub trustworthiness: f64,
    /// Whether rows that are near each other lie together on the map.
    pub continuity: f64,
    /// The share of a row's true neighbours that are its neighbours on the map, on average.
    pub kept: f64,
}

/// A map's score, and how each row fares.
#[derive(Debug, Clone, PartialEq)]
pub struct MapJudgement {
    /// Of the whole.
    pub score: MapScore,
    /// For each row of the map how many of its `k` true neighbours are its neighbours on the map; [`NOT_JUDGED`] where it was not looked at.
    pub kept: Vec<u8>,
}

/// The rows of a map that are still there, as one part has them.
struct Source<'a> {
    vectors: VectorsRef<'a>,
    /// Places in the part.
    positions: Vec<u32>,
    /// The first of them among all.
    first: usize,
    /// Whether they are all rows of the part.
    whole: bool,
}

impl Snapshot {
    /// Compares the `k` nearest other rows of up to `most` rows of a map (all of them, or a random sample) in vector column `column` with those on the map.
    /// Rows that were deleted since are left out. Exact: every row is compared with every other.
    ///
    /// - `rows`: row numbers, ascending; `xy`: two coordinates for each.
    /// - `progress(done, total)` is called from any thread; `cancel` ends the work within moments.
    ///
    /// # Errors
    /// `UNKNOWN_COLUMN`, `INVALID_REQUEST` (what does not fit together; `k` of 0 or above [`MAX_JUDGED_K`]; not more than `2 k` rows), `CANCELLED`.
    #[allow(clippy::too_many_arguments)]
    pub fn judge_map(
        &self,
        column: usize,
        rows: &[u32],
        xy: &[f32],
        k: usize,
        most: usize,
        cancel: &AtomicBool,
        progress: &(dyn Fn(usize, usize) + Sync),
    ) -> Result<MapJudgement> {
        self.vector_spec(column)?;
        let there = self.there(rows, xy)?;
        if k == 0 || k > MAX_JUDGED_K || there.len() <= 2 * k {
            return Err(Error::invalid(format!(
                "a map of {} rows cannot be judged by {k} neighbours",
                there.len()
            )));
        }
        let sources = self.sources(column, rows, &there)?;
        let xy: Vec<f32> = there.iter().flat_map(|at| pair(xy, *at)).collect();
        let sample = sample(there.len(), most, SEED);
        let scores = |rows: &[u32], out: &mut [f32]| score_all(&sources, rows, out);
        // Nobody waits for it, and it takes all cores for a while.
        let found = behind(|| {
            let pool = rayon::ThreadPoolBuilder::new().build();
            let pool = pool.map_err(|e| Error::internal(e.to_string()))?;
            let found = pool.install(|| faithfulness(&xy, k, &sample, &scores, progress, cancel));
            found.map_err(|e| match e {
                ProjectionError::Cancelled => Error::Cancelled {
                    what: "the judging of the map".to_owned(),
                },
                other => Error::internal(other.to_string()),
            })
        })?;
        self.let_go(column);
        let mut kept = vec![NOT_JUDGED; rows.len()];
        for (row, share) in sample.iter().zip(&found.kept) {
            kept[there[*row as usize] as usize] = (share * k as f32).round() as u8;
        }
        let mean = found.kept.iter().map(|x| f64::from(*x)).sum::<f64>() / sample.len() as f64;
        Ok(MapJudgement {
            score: MapScore {
                k: k as u32,
                sample: sample.len() as u32,
                trustworthiness: found.trustworthiness,
                continuity: found.continuity,
                kept: mean,
            },
            kept,
        })
    }

    /// The `k` true neighbours of `row` among the rows of a map, nearest first, each with whether it is one of the `k` nearest on the map too.
    ///
    /// # Errors
    /// `UNKNOWN_COLUMN`, `UNKNOWN_ROW` (it is not on the map, or deleted), `INVALID_REQUEST` (what does not fit together).
    pub fn neighbours_on_map(
        &self,
        column: usize,
        rows: &[u32],
        xy: &[f32],
        row: u32,
        k: usize,
    ) -> Result<Vec<(u32, bool)>> {
        self.vector_spec(column)?;
        let there = self.there(rows, xy)?;
        let own = there.binary_search_by_key(&row, |at| rows[*at as usize]);
        let own = own.map_err(|_| Error::UnknownRow { row })?;
        let sources = self.sources(column, rows, &there)?;
        let mut far = vec![0.0; there.len()];
        score_all(&sources, &[own as u32], &mut far);
        let xy: Vec<f32> = there.iter().flat_map(|at| pair(xy, *at)).collect();
        let found =
            kept_neighbours(&xy, own, &mut far, k).map_err(|e| Error::internal(e.to_string()))?;
        self.let_go(column);
        let name = |(at, kept): (u32, bool)| (rows[there[at as usize] as usize], kept);
        Ok(found.into_iter().map(name).collect())
    }

    /// The places on a map whose rows are still there.
    pub(crate) fn there(&self, rows: &[u32], xy: &[f32]) -> Result<Vec<u32>> {
        if xy.len() != rows.len() * 2 || !rows.is_sorted_by(|a, b| a < b) {
            return Err(Error::invalid(
                "a map needs ascending rows and two coordinates for each",
            ));
        }
        let mut places: Vec<u32> = (0..rows.len() as u32).collect();
        places.retain(|at| self.contains(rows[*at as usize]));
        Ok(places)
    }

    fn sources<'a>(
        &'a self,
        column: usize,
        rows: &[u32],
        there: &[u32],
    ) -> Result<Vec<Source<'a>>> {
        let mut sources = Vec::with_capacity(self.parts().len());
        for part in self.parts() {
            let range = part.range();
            let first = there.partition_point(|at| rows[*at as usize] < range.start);
            let last = there.partition_point(|at| rows[*at as usize] < range.end);
            let found = there[first..last]
                .iter()
                .filter_map(|at| part.numbers.position(rows[*at as usize]));
            let positions: Vec<u32> = found.collect();
            if positions.len() != last - first {
                return Err(Error::internal("a row is in no part".to_owned()));
            }
            sources.push(Source {
                vectors: self.vectors_of(part, column)?,
                whole: positions.len() == part.rows as usize,
                positions,
                first,
            });
        }
        Ok(sources)
    }
}

fn pair(xy: &[f32], at: u32) -> [f32; 2] {
    [xy[2 * at as usize], xy[2 * at as usize + 1]]
}

/// How far all rows are from each of `rows`, one after another.
fn score_all(sources: &[Source<'_>], rows: &[u32], out: &mut [f32]) {
    let n = out.len() / rows.len().max(1);
    let scorers: Vec<Scorer<'_>> = rows
        .iter()
        .filter_map(|row| {
            let source = sources.partition_point(|source| source.first <= *row as usize);
            let source = &sources[..source]
                .iter()
                .rfind(|source| !source.positions.is_empty())?;
            let position = source.positions[*row as usize - source.first];
            Some(source.vectors.scorer(source.vectors.row(position as usize)))
        })
        .collect();
    for source in sources {
        let block = (BLOCK / size_of::<f32>() / source.vectors.dimension).max(4);
        for start in (0..source.positions.len()).step_by(block) {
            let end = (start + block).min(source.positions.len());
            for (scorer, out) in scorers.iter().zip(out.chunks_exact_mut(n)) {
                let out = &mut out[source.first + start..source.first + end];
                if source.whole {
                    scorer.score_rows(source.vectors.slice(start..end), out);
                    continue;
                }
                for (position, out) in source.positions[start..end].iter().zip(out) {
                    let position = *position as usize;
                    *out = scorer.score(
                        source.vectors.row(position),
                        source.vectors.inv_norm(position),
                    );
                }
            }
        }
    }
}
