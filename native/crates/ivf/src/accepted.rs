//! Which rows a search may give.

use std::ops::Range;

use omendb_distance::blocks::LANES;

use crate::layout::IndexView;

const BITS: usize = u64::BITS as usize;

/// A set of rows, one bit a row, and how many they are.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Accepted {
    bits: Vec<u64>,
    count: usize,
}

impl Accepted {
    /// None of `rows` rows yet.
    pub fn none(rows: usize) -> Accepted {
        Accepted {
            bits: vec![0; rows.div_ceil(BITS)],
            count: 0,
        }
    }

    /// All of `rows` rows.
    pub fn all(rows: usize) -> Accepted {
        let mut bits = vec![u64::MAX; rows.div_ceil(BITS)];
        if let Some(last) = bits.last_mut().filter(|_| !rows.is_multiple_of(BITS)) {
            *last = (1 << (rows % BITS)) - 1;
        }
        Accepted { bits, count: rows }
    }

    /// Those of `rows` rows for which `accept` is true.
    pub fn by(rows: usize, accept: impl Fn(u32) -> bool) -> Accepted {
        let mut accepted = Accepted::none(rows);
        (0..rows as u32)
            .filter(|id| accept(*id))
            .for_each(|id| accepted.insert(id));
        accepted
    }

    /// Adds a row; one past the end is passed over.
    #[inline]
    pub fn insert(&mut self, id: u32) {
        if let Some(word) = self.bits.get_mut(id as usize / BITS) {
            let bit = 1 << (id as usize % BITS);
            self.count += usize::from(*word & bit == 0);
            *word |= bit;
        }
    }

    /// Takes a row out.
    #[inline]
    pub fn remove(&mut self, id: u32) {
        if self.contains(id) {
            self.bits[id as usize / BITS] &= !(1 << (id as usize % BITS));
            self.count -= 1;
        }
    }

    /// Whether a row is in it.
    #[inline]
    pub fn contains(&self, id: u32) -> bool {
        let word = self.bits.get(id as usize / BITS).copied().unwrap_or(0);
        word >> (id as usize % BITS) & 1 == 1
    }

    /// Sixteen bits from a multiple of 16 on.
    #[inline]
    pub(crate) fn sixteen(&self, from: usize) -> u16 {
        let word = self.bits.get(from / BITS).copied().unwrap_or(0);
        (word >> (from % BITS)) as u16
    }

    /// How many rows are in it.
    pub fn count(&self) -> usize {
        self.count
    }

    /// Those in a range, ascending.
    pub fn within(&self, range: Range<u32>) -> impl Iterator<Item = u32> + '_ {
        let words = range.start as usize / BITS..(range.end as usize).div_ceil(BITS);
        let words = words.start.min(self.bits.len())..words.end.min(self.bits.len());
        words
            .flat_map(|at| {
                let mut word = self.bits[at];
                std::iter::from_fn(move || {
                    let bit = (word != 0).then(|| word.trailing_zeros())?;
                    word &= word - 1;
                    Some((at * BITS) as u32 + bit)
                })
            })
            .filter(move |id| range.contains(id))
    }
}

/// The rows of an index that a search may give, and the partitions and regions that hold any of them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AcceptedSlots {
    pub(crate) slots: Accepted,
    pub(crate) partitions: Accepted,
    pub(crate) regions: Accepted,
}

impl AcceptedSlots {
    /// How many rows are in it.
    pub fn count(&self) -> usize {
        self.slots.count()
    }
}

impl IndexView<'_> {
    /// The set of these [slots](IndexView::slot), made once for all searches among them.
    pub fn accept(&self, slots: Accepted) -> AcceptedSlots {
        let sections = &self.sections;
        let holding = |partition: &u32| {
            let (first, size) = self.place(*partition as usize);
            let mut blocks = first..first + size.div_ceil(LANES);
            blocks.any(|block| slots.sixteen(block * LANES) != 0)
        };
        let lanes = sections.sizes.len() as u32;
        let mut partitions = Accepted::none(sections.sizes.len());
        (0..lanes)
            .filter(holding)
            .for_each(|partition| partitions.insert(partition));
        let mut regions = Accepted::none(self.head.regions as usize);
        for region in 0..self.head.regions {
            let blocks = self.blocks_of(region as usize);
            if blocks
                .into_iter()
                .any(|block| partitions.sixteen(block * LANES) != 0)
            {
                regions.insert(region);
            }
        }
        AcceptedSlots {
            slots,
            partitions,
            regions,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_set_holds_what_was_put_in() {
        let odd = Accepted::by(131, |id| id % 2 == 1);
        assert_eq!(odd.count(), 65);
        assert!(odd.contains(129) && !odd.contains(130) && !odd.contains(1_000));
        assert_eq!(odd.within(126..131).collect::<Vec<_>>(), [127, 129]);
        assert_eq!(odd.within(0..9_999).count(), 65);
        let mut twice = odd.clone();
        twice.insert(129);
        twice.insert(5_000);
        assert_eq!(twice, odd);
        let mut rest = Accepted::all(131);
        assert_eq!(rest.count(), 131);
        (0..300).step_by(2).for_each(|id| rest.remove(id));
        assert_eq!(rest, odd);
        assert_eq!(Accepted::all(128), Accepted::by(128, |_| true));
    }
}
