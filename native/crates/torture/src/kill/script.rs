//! What a writer does next.

use omendb_store::{HistoryEntry, Store};

use super::ops::Op;
use super::phase::{Phase, Weights};
use crate::rng::Rng;

/// Collections of imports that are kept; the oldest goes.
const KEPT: usize = 4;
/// Dead rows after which a collection is made anew, so that a store of many rounds stays small.
const DEAD: u64 = 12_000;
/// The collection of the small writes, of the first writer alone.
pub const SMALL: &str = "small";
/// The collection that imports go into again and again, of the last writer alone.
const BULK: &str = "bulk";

/// The operations of one writer.
pub(crate) struct Script {
    seed: u64,
    n: i64,
    rng: Rng,
    pub writer: usize,
    phase: Phase,
    /// Whether disk is given back: collections removed when there are many, the history forgotten.
    pub drops: bool,
}

impl Script {
    pub fn new(seed: u64, phase: Phase, writer: usize) -> Script {
        Script {
            seed,
            n: 0,
            rng: Rng::new(seed),
            writer,
            phase,
            drops: true,
        }
    }

    /// Begins the operations of another handle of the store, with numbers and choices of their own.
    pub fn begin(&mut self, part: i64) {
        self.n = (part * 2 + self.writer as i64) * 100_000;
        self.rng = Rng::new(self.seed ^ (self.n as u64) << 8);
    }

    pub fn next(&mut self, store: &Store) -> Op {
        self.n += 1;
        let alone = self.phase.writers() == 1;
        let small = alone || self.writer == 0;
        let bulk = alone || self.writer == 1;
        if let Some(op) = self.first(store, small, bulk) {
            return op;
        }
        let mut weights = self.phase.weights();
        if !small {
            (weights.put, weights.delete, weights.edit) = (0, 0, 0);
        }
        if !bulk {
            (weights.new, weights.existing, weights.index) = (0, 0, 0);
            (weights.compact, weights.backup) = (0, 0);
        }
        self.draw(store, weights, alone)
    }

    /// What has to be done before anything else.
    fn first(&mut self, store: &Store, small: bool, bulk: bool) -> Option<Op> {
        let missing = |name: &str| store.collection(name).is_err();
        if small && missing(SMALL) {
            return Some(Op::Create { to: SMALL.into() });
        }
        if bulk && self.drops {
            let dropped = store.history(1).pop().map(|e| e.entry.collection.clone());
            if let Some(to) = dropped
                && missing(&to)
                && self.rng.one_in(2)
            {
                return Some(Op::BringBack { to });
            }
        }
        if bulk && missing(BULK) {
            return Some(Op::Create { to: BULK.into() });
        }
        let from = too_many(store).filter(|_| bulk && self.drops)?;
        Some(Op::Drop { from })
    }

    fn draw(&mut self, store: &Store, weights: Weights, alone: bool) -> Op {
        let n = self.n;
        let kinds = [
            weights.put,
            weights.delete,
            weights.new,
            weights.existing,
            weights.edit,
            weights.revert,
            weights.compact,
            weights.backup,
            weights.index,
            weights.checkpoint,
        ];
        let mut at = self.rng.below(kinds.iter().sum());
        let kind = kinds.iter().position(|&weight| {
            let hit = at < weight;
            at = at.wrapping_sub(weight);
            hit
        });
        match kind.unwrap_or_default() {
            0 => {
                let most = if self.rng.one_in(10) { 300 } else { 8 };
                Op::Put {
                    to: SMALL.into(),
                    ids: self.ids(most),
                    n,
                }
            }
            1 => Op::Delete {
                from: SMALL.into(),
                ids: self.ids(6),
            },
            2 => Op::Import {
                to: format!("new-{n:012}"),
                new: true,
                ids: 0..self.rng.between(1, 1800) as u32,
                n,
            },
            3 => {
                let first = self.rng.below(1500) as u32;
                let count = self.rng.between(1, 1400) as u32;
                Op::Import {
                    to: BULK.into(),
                    new: false,
                    ids: first..first + count,
                    n,
                }
            }
            4 => Op::Edit {
                to: SMALL.into(),
                ids: self.ids(20),
                n,
            },
            5 => self.revert(store, alone),
            6 => self.compact(alone),
            7 => Op::Backup { n, alone },
            8 => Op::Index,
            _ => Op::Checkpoint,
        }
    }

    /// A way back before one of the last changes with a note, of a collection that is this writer's.
    fn revert(&mut self, store: &Store, alone: bool) -> Op {
        let to = match alone {
            true if self.rng.one_in(2) => SMALL,
            true => BULK,
            false if self.writer == 0 => SMALL,
            false => BULK,
        };
        let history = store.history(60);
        let own: Vec<&HistoryEntry> = history
            .iter()
            .map(|e| &*e.entry)
            .filter(|e| e.collection == to)
            .collect();
        // Another one of this name may have been dropped.
        let same = |e: &&&HistoryEntry| e.collection_id == own[0].collection_id;
        let noted = |e: &&HistoryEntry| e.note.as_ref()?.parse().ok();
        let notes: Vec<i64> = own.iter().filter(same).filter_map(noted).collect();
        match notes.len() as u64 {
            0 => Op::Checkpoint,
            count => Op::Revert {
                to: to.into(),
                before: notes[self.rng.below(count) as usize],
                n: self.n,
            },
        }
    }

    /// The history is left alone where the other writer is about to go back in it.
    fn compact(&mut self, alone: bool) -> Op {
        let prunes = alone && self.drops;
        match self.rng.below(8) {
            0 if prunes => Op::Keep {
                entries: self.rng.between(5, 60) as u32,
            },
            1 | 2 if prunes => Op::Compact { forget: true },
            _ => Op::Compact { forget: false },
        }
    }

    /// Some different ids out of few, so that most are there already.
    fn ids(&mut self, most: u64) -> Vec<u32> {
        let count = self.rng.between(1, most + 1) as usize;
        let mut ids: Vec<u32> = (0..count).map(|_| self.rng.below(400) as u32).collect();
        ids.sort_unstable();
        ids.dedup();
        ids
    }
}

/// A collection to remove.
fn too_many(store: &Store) -> Option<String> {
    let all = store.collections();
    let mut new = all.iter().map(|c| c.meta().name.clone());
    let mut new: Vec<String> = new
        .by_ref()
        .filter(|name| name.starts_with("new-"))
        .collect();
    if new.len() > KEPT {
        return Some(new.swap_remove(0));
    }
    let bulk = store.collection(BULK).ok()?.info();
    (bulk.deleted > DEAD).then(|| BULK.to_owned())
}
