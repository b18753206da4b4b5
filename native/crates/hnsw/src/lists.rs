//! Link lists that many threads change at once.

use std::sync::atomic::{AtomicU32, Ordering};

use crate::pool::{Key, id_of, key, score_of};
use crate::{BuildError, NONE};

/// Link lists under construction. The scores, which choosing anew needs again, lie apart from the ids, so that a walk reads ids alone.
pub(crate) struct Lists {
    pub stride: usize,
    ids: Vec<AtomicU32>,
    scores: Vec<AtomicU32>,
}

impl Lists {
    pub fn new(blocks: usize, stride: usize, nodes: usize) -> Result<Lists, BuildError> {
        let count = blocks * stride;
        let filled = |value: u32| -> Result<Vec<AtomicU32>, BuildError> {
            let mut words = Vec::new();
            words
                .try_reserve_exact(count)
                .map_err(|_| BuildError::Memory {
                    nodes,
                    bytes: count as u64 * 8,
                })?;
            words.extend((0..count).map(|_| AtomicU32::new(value)));
            Ok(words)
        };
        Ok(Lists {
            stride,
            ids: filled(NONE)?,
            scores: filled(0)?,
        })
    }

    #[inline]
    pub fn ids(&self, block: usize) -> &[AtomicU32] {
        &self.ids[block * self.stride..(block + 1) * self.stride]
    }

    pub fn get(&self, block: usize, slot: usize) -> Option<Key> {
        let at = block * self.stride + slot;
        let id = self.ids[at].load(Ordering::Relaxed);
        let score = self.scores[at].load(Ordering::Relaxed);
        (id != NONE).then(|| key(f32::from_bits(score), id))
    }

    /// Only under the lock of the node whose list it is.
    pub fn set(&self, block: usize, slot: usize, link: Option<Key>) {
        let at = block * self.stride + slot;
        let (id, score) = link.map_or((NONE, 0.0), |key| (id_of(key), score_of(key)));
        self.scores[at].store(score.to_bits(), Ordering::Relaxed);
        self.ids[at].store(id, Ordering::Relaxed);
    }

    pub fn into_ids(self) -> Vec<u32> {
        self.ids.into_iter().map(AtomicU32::into_inner).collect()
    }
}
