//! Some of many rows.

use crate::linear::hash;

/// Up to `most` of the numbers from 0 to `n`, ascending: all of few; of many, one of each of equal stretches, drawn with the seed.
pub fn sample(n: usize, most: usize, seed: u64) -> Vec<u32> {
    if n <= most {
        return (0..n as u32).collect();
    }
    (0..most)
        .map(|i| {
            let (from, to) = (i * n / most, (i + 1) * n / most);
            (from + (hash(!seed, i as u64) % (to - from) as u64) as usize) as u32
        })
        .collect()
}
