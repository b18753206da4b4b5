//! What a walk remembers: the visited set, and the sorted pool of the best nodes so far.

/// A score and an id in one integer: ordered by score, then by id. The lowest bit is free for a mark that does not disturb the order,
/// because ids take 31 bits.
pub(crate) type Key = u64;

const EXPANDED: Key = 1;

#[inline]
pub(crate) fn key(score: f32, id: u32) -> Key {
    // Adding 0 turns -0 into 0, so that equal scores tie.
    let bits = (score + 0.0).to_bits();
    let ordered = if bits >> 31 == 1 {
        !bits
    } else {
        bits | 0x8000_0000
    };
    (u64::from(ordered) << 32) | (u64::from(id) << 1)
}

#[inline]
pub(crate) fn id_of(key: Key) -> u32 {
    (key as u32) >> 1
}

#[inline]
pub(crate) fn score_of(key: Key) -> f32 {
    let ordered = (key >> 32) as u32;
    f32::from_bits(if ordered >> 31 == 1 {
        ordered & 0x7FFF_FFFF
    } else {
        !ordered
    })
}

/// The best `capacity` nodes seen, ascending, each expanded or not yet. One sorted array does the work of the customary two heaps.
#[derive(Default)]
pub(crate) struct Pool {
    keys: Vec<Key>,
    capacity: usize,
    /// No key before this one waits for expansion.
    cursor: usize,
}

impl Pool {
    pub(crate) fn reset(&mut self, capacity: usize) {
        self.keys.clear();
        self.capacity = capacity.max(1);
        self.cursor = 0;
    }

    /// Keeps the nodes and forgets which were expanded, for the walk on the layer below.
    pub(crate) fn restart(&mut self) {
        for key in &mut self.keys {
            *key &= !EXPANDED;
        }
        self.cursor = 0;
    }

    #[inline]
    pub(crate) fn insert(&mut self, key: Key) {
        if self.keys.len() >= self.capacity {
            if self.keys.last().is_some_and(|last| key >= *last) {
                return;
            }
            self.keys.pop();
        }
        let at = self.keys.partition_point(|other| *other < key);
        self.keys.insert(at, key);
        self.cursor = self.cursor.min(at);
    }

    /// The best node that was not expanded yet; marks it.
    #[inline]
    pub(crate) fn expand_next(&mut self) -> Option<u32> {
        while let Some(key) = self.keys.get_mut(self.cursor) {
            self.cursor += 1;
            if *key & EXPANDED == 0 {
                *key |= EXPANDED;
                return Some(id_of(*key));
            }
        }
        None
    }

    /// `count` nodes from which the next to be expanded come, if nothing better comes.
    #[inline]
    pub(crate) fn peek(&self, count: usize) -> impl Iterator<Item = u32> + '_ {
        let next = self.keys.iter().skip(self.cursor).take(count);
        next.map(|key| id_of(*key))
    }

    /// All keys, ascending; their marks may be set.
    pub(crate) fn keys(&self) -> &[Key] {
        &self.keys
    }
}

/// A set of nodes that empties in no time: a node is in it when it bears the current epoch. One byte a node keeps it in cache.
#[derive(Default)]
pub(crate) struct Visited {
    epochs: Vec<u8>,
    epoch: u8,
}

impl Visited {
    /// Empties the set and makes room for `n` nodes.
    pub(crate) fn reset(&mut self, n: usize) {
        if self.epochs.len() != n {
            self.epochs.clear();
            self.epochs.resize(n, 0);
            self.epoch = 0;
        }
        if self.epoch == u8::MAX {
            self.epochs.fill(0);
            self.epoch = 0;
        }
        self.epoch += 1;
    }

    /// Adds a node; false when it was there already, or when there is no such node.
    #[inline]
    pub(crate) fn insert(&mut self, id: u32) -> bool {
        match self.epochs.get_mut(id as usize) {
            Some(epoch) if *epoch != self.epoch => {
                *epoch = self.epoch;
                true
            }
            _ => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_order_as_scores_do_and_give_score_and_id_back() {
        let scores = [
            f32::NEG_INFINITY,
            f32::MIN,
            -1.5,
            -f32::MIN_POSITIVE,
            0.0,
            1e-40,
            0.25,
            f32::MAX,
            f32::INFINITY,
        ];
        for pair in scores.windows(2) {
            assert!(key(pair[0], 7) < key(pair[1], 3));
        }
        for score in scores {
            for id in [0, 1, crate::MAX_NODES as u32 - 1] {
                let key = key(score, id);
                assert_eq!((score_of(key), id_of(key)), (score, id));
                assert_eq!(
                    (score_of(key | EXPANDED), id_of(key | EXPANDED)),
                    (score, id)
                );
            }
        }
        assert_eq!(key(-0.0, 5), key(0.0, 5));
    }

    #[test]
    fn a_pool_keeps_the_best_and_expands_each_once_best_first() {
        let mut pool = Pool::default();
        pool.reset(3);
        for (score, id) in [(5.0, 1), (3.0, 2), (4.0, 3)] {
            pool.insert(key(score, id));
        }
        assert_eq!(pool.expand_next(), Some(2));
        pool.insert(key(1.0, 4));
        pool.insert(key(9.0, 5));
        assert_eq!(pool.peek(1).next(), Some(4));
        assert_eq!(pool.expand_next(), Some(4));
        assert_eq!(pool.expand_next(), Some(3));
        assert_eq!(pool.expand_next(), None);
        let ids: Vec<u32> = pool.keys().iter().map(|key| id_of(*key)).collect();
        assert_eq!(ids, [4, 2, 3]);
    }

    #[test]
    fn a_visited_set_is_empty_after_each_of_many_resets() {
        let mut visited = Visited::default();
        for round in 0..1_000 {
            visited.reset(4);
            assert!(visited.insert(2), "round {round}");
            assert!(!visited.insert(2));
            assert!(visited.insert(round % 2));
            assert!(!visited.insert(4), "there is no node 4");
        }
    }
}
