//! The kinds of damage that a power cut does, and what each makes of the unsynced changes.

use std::ops::Range;

use super::medium::Pending;
use crate::rng::Rng;

/// What a power cut does to what was not synced.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Damage {
    /// All of it is lost.
    Dropped,
    /// Any part of it is lost.
    RandomSubset,
    /// Something is lost, and what came later is there.
    Reordered,
    /// A write is there in part, cut at sectors of 512 bytes.
    Torn512,
    /// A write is there in part, cut at sectors of 4 KiB.
    Torn4K,
    /// A sector of a write holds garbage.
    Garbage,
    /// The length of files is there and their bytes are zero.
    Zeroed,
    /// A change of a name or of a length is lost, and all else is there.
    NameLost,
}

impl Damage {
    /// All of them.
    pub const ALL: [Damage; 8] = [
        Damage::Dropped,
        Damage::RandomSubset,
        Damage::Reordered,
        Damage::Torn512,
        Damage::Torn4K,
        Damage::Garbage,
        Damage::Zeroed,
        Damage::NameLost,
    ];
}

/// What becomes of a pending change.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Fate {
    Keep,
    Lose,
    /// Of a write only these bytes.
    Parts(Vec<Range<usize>>),
    Zero,
    Garbage(Range<usize>, u64),
}

/// What the damage does to each pending change.
pub(super) fn fates(pending: &[Pending], damage: Damage, rng: &mut Rng) -> Vec<Fate> {
    let count = pending.len();
    let coin = |rng: &mut Rng| {
        if rng.one_in(2) {
            Fate::Keep
        } else {
            Fate::Lose
        }
    };
    let mut fates = vec![Fate::Keep; count];
    if count == 0 {
        return fates;
    }
    match damage {
        Damage::Dropped => fates.fill(Fate::Lose),
        Damage::RandomSubset => fates.iter_mut().for_each(|f| *f = coin(rng)),
        Damage::Reordered => {
            let cut = 1 + rng.below(count as u64) as usize;
            fates[..cut].iter_mut().for_each(|f| *f = coin(rng));
            fates[rng.below(cut as u64) as usize] = Fate::Lose;
        }
        Damage::Torn512 | Damage::Torn4K => {
            let sector = if damage == Damage::Torn512 { 512 } else { 4096 };
            if let Some((n, sectors)) = pick_write(pending, sector, rng) {
                let kept = rng.below(sectors.len() as u64 + 1) as usize;
                let parts = if rng.one_in(2) {
                    sectors.into_iter().take(kept).collect()
                } else {
                    sectors.into_iter().filter(|_| rng.one_in(2)).collect()
                };
                if rng.one_in(2) {
                    fates[n + 1..].fill(Fate::Lose);
                }
                fates[n] = Fate::Parts(parts);
            }
        }
        Damage::Garbage => {
            if let Some((n, sectors)) = pick_write(pending, 512, rng) {
                let sector = sectors[rng.below(sectors.len() as u64) as usize].clone();
                fates[n] = Fate::Garbage(sector, rng.any());
            }
        }
        Damage::Zeroed => {
            let all = rng.one_in(2);
            fates.iter_mut().for_each(|f| {
                if all || rng.one_in(2) {
                    *f = Fate::Zero;
                }
            });
        }
        Damage::NameLost => {
            let is_name = |n: &usize| !matches!(pending[*n], Pending::Write { .. });
            let names: Vec<usize> = (0..count).filter(is_name).collect();
            if !names.is_empty() {
                fates[names[rng.below(names.len() as u64) as usize]] = Fate::Lose;
            }
        }
    }
    // Only writes can be there with other bytes.
    for (fate, change) in fates.iter_mut().zip(pending) {
        if !matches!(change, Pending::Write { .. }) && *fate == Fate::Zero {
            *fate = Fate::Keep;
        }
    }
    fates
}

/// A pending write and its sectors; one that lies in several if there is any.
fn pick_write(
    pending: &[Pending],
    sector: usize,
    rng: &mut Rng,
) -> Option<(usize, Vec<Range<usize>>)> {
    let mut writes: Vec<(usize, Vec<Range<usize>>)> = Vec::new();
    for (n, change) in pending.iter().enumerate() {
        if let Pending::Write { at, bytes, .. } = change
            && !bytes.is_empty()
        {
            writes.push((n, sectors(*at, bytes.len(), sector)));
        }
    }
    if writes.iter().any(|w| w.1.len() > 1) {
        writes.retain(|w| w.1.len() > 1);
    }
    if writes.is_empty() {
        return None;
    }
    Some(writes.swap_remove(rng.below(writes.len() as u64) as usize))
}

/// The parts of a write at `at` that lie in each sector of the file, counted from the beginning of the write.
fn sectors(at: usize, len: usize, sector: usize) -> Vec<Range<usize>> {
    let mut out = Vec::new();
    let mut start = 0;
    while start < len {
        let end = len.min(start + sector - (at + start) % sector);
        out.push(start..end);
        start = end;
    }
    out
}
