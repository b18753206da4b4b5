//! A score and an id in one integer, for sorting and for heaps.

/// Ordered by score, then by id.
pub(crate) type Key = u64;

#[inline]
pub(crate) fn key(score: f32, id: u32) -> Key {
    // Adding 0 turns -0 into 0, so that equal scores tie.
    let bits = (score + 0.0).to_bits();
    let ordered = if bits >> 31 == 1 {
        !bits
    } else {
        bits | 0x8000_0000
    };
    (u64::from(ordered) << 32) | u64::from(id)
}

#[inline]
pub(crate) fn id_of(key: Key) -> u32 {
    key as u32
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
            for id in [0, 1, u32::MAX - 1] {
                let key = key(score, id);
                assert_eq!((score_of(key), id_of(key)), (score, id));
            }
        }
        assert_eq!(key(-0.0, 5), key(0.0, 5));
    }
}
