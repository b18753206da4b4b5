//! Seeded randomness without state: the number drawn for a node depends on the seed and the node alone, never on the order of threads.

/// SplitMix64's output function over `seed` and `index`.
#[inline]
pub(crate) fn hash(seed: u64, index: u64) -> u64 {
    let mut z = seed ^ index.wrapping_add(1).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}
