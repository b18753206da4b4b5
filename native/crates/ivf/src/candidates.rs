//! The last step of a search: the best of the estimates, exactly.

use std::io;

use crate::key::{Key, id_of, key, score_of};
use crate::layout::IndexView;
use crate::meeting::Meeting;
use crate::rows::Rows;
use crate::search::Scratch;

/// Candidates whose vectors are waited for together.
const AHEAD: usize = 16;

/// A row that may be a hit.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Candidate {
    pub estimate: Key,
    /// So far behind the last hit it is still looked at.
    pub margin: f32,
    /// The score of its partition's centre: how wrong the estimate may be goes with it.
    pub centre: f32,
}

impl IndexView<'_> {
    /// Puts the candidates in the order of the least scores that they may have.
    pub(crate) fn take_chances(&self, meeting: Meeting, sure: f32, scratch: &mut Scratch) {
        let chances = scratch.candidates.iter().map(|candidate| {
            let slot = id_of(candidate.estimate);
            let deviation = self.deviation_of(meeting, slot, candidate.centre);
            key(score_of(candidate.estimate) - sure * deviation, slot)
        });
        scratch.chances.clear();
        scratch.chances.extend(chances);
        scratch.chances.sort_unstable();
    }

    /// Of the rows in `scratch.chances`, ascending by the least score that they may have, leaves the `k` best by exact score in `scratch.best`, and gives how many were
    /// scored. Those that cannot be better than the `k`-th best are not.
    pub(crate) fn best_exactly(
        &self,
        rows: Rows<'_>,
        query: &[f32],
        k: usize,
        scratch: &mut Scratch,
    ) -> io::Result<usize> {
        let Scratch {
            chances,
            best,
            row: buffer,
            ..
        } = scratch;
        let vectors = rows.vectors;
        let names = self.sections.rows;
        let row = |key: &Key| {
            names
                .get(id_of(*key) as usize)
                .map_or(usize::MAX, |row| *row as usize)
        };
        let fetch = |keys: &[Key]| {
            keys.iter().map(row).for_each(|row| rows.prefetch(row));
        };
        let scorer = vectors.scorer(query);
        best.clear();
        let (mut scored, mut bar) = (0, f32::INFINITY);
        fetch(&chances[..AHEAD.min(chances.len())]);
        for (at, candidate) in chances.iter().enumerate() {
            if best.len() >= k && score_of(*candidate) > bar {
                break;
            }
            if let Some(ahead) = chances.get(at + AHEAD) {
                fetch(std::slice::from_ref(ahead));
            }
            let row = row(candidate);
            // A damaged file may name rows that do not exist.
            if row >= vectors.len() {
                continue;
            }
            let score = rows.score(&scorer, row, buffer)?;
            scored += 1;
            let key = key(score, row as u32);
            if best.len() < k || best.last().is_some_and(|last| key < *last) {
                let place = best.partition_point(|other| *other < key);
                best.insert(place, key);
                best.truncate(k);
                if best.len() >= k {
                    bar = best.last().map_or(f32::INFINITY, |last| score_of(*last));
                }
            }
        }
        Ok(scored)
    }
}
