//! Which row numbers the rows of a part have: a contiguous range, or, in a segment that was compacted, an ascending list.

use std::ops::Range;
use std::sync::Arc;

use roaring::RoaringBitmap;

use crate::part::Positions;

/// The row numbers of a part, ascending by position.
#[derive(Clone)]
pub(crate) enum Numbers {
    /// `first .. first + rows`.
    Dense { first: u32, rows: u32 },
    /// One number for each position.
    Sparse {
        rows: Positions,
        set: Arc<RoaringBitmap>,
    },
}

impl Numbers {
    /// Contiguous numbers; `None` when they would pass `u32::MAX`.
    pub fn dense(first: u32, rows: u32) -> Option<Numbers> {
        first.checked_add(rows)?;
        Some(Numbers::Dense { first, rows })
    }

    /// Listed numbers; `None` when they do not ascend, or one is `u32::MAX`.
    pub fn sparse(rows: Positions) -> Option<Numbers> {
        let list = rows.as_slice();
        if list.last() == Some(&u32::MAX) {
            return None;
        }
        let set = RoaringBitmap::from_sorted_iter(list.iter().copied()).ok()?;
        // A number that stands twice is passed over by the bitmap.
        if set.len() != list.len() as u64 {
            return None;
        }
        Some(Numbers::Sparse {
            rows,
            set: Arc::new(set),
        })
    }

    /// How many.
    pub fn len(&self) -> u32 {
        match self {
            Numbers::Dense { rows, .. } => *rows,
            Numbers::Sparse { rows, .. } => rows.as_slice().len() as u32,
        }
    }

    /// The smallest range that holds them all.
    pub fn range(&self) -> Range<u32> {
        match self {
            Numbers::Dense { first, rows } => *first..*first + *rows,
            Numbers::Sparse { rows, .. } => match rows.as_slice() {
                [first, .., last] => *first..*last + 1,
                [one] => *one..*one + 1,
                [] => 0..0,
            },
        }
    }

    /// The number at a position, which must be below [`Numbers::len`].
    #[inline]
    pub fn row(&self, position: u32) -> u32 {
        match self {
            Numbers::Dense { first, .. } => *first + position,
            Numbers::Sparse { rows, .. } => rows.as_slice()[position as usize],
        }
    }

    /// The position of a row number.
    pub fn position(&self, row: u32) -> Option<u32> {
        match self {
            Numbers::Dense { first, rows } => {
                row.checked_sub(*first).filter(|position| position < rows)
            }
            Numbers::Sparse { rows, .. } => {
                let found = rows.as_slice().binary_search(&row).ok()?;
                Some(found as u32)
            }
        }
    }

    /// How many of them are in `rows`.
    pub fn count_in(&self, rows: &RoaringBitmap) -> usize {
        match self {
            Numbers::Dense { .. } => rows.range_cardinality(self.range()) as usize,
            Numbers::Sparse { set, .. } => set.intersection_len(rows) as usize,
        }
    }

    /// Adds them all to `rows`.
    pub fn add_to(&self, rows: &mut RoaringBitmap) {
        match self {
            Numbers::Dense { .. } => {
                rows.insert_range(self.range());
            }
            Numbers::Sparse { set, .. } => *rows |= &**set,
        }
    }

    /// Whether one list of numbers ends before another begins.
    pub fn before(&self, other: &Numbers) -> bool {
        self.range().end <= other.range().start
    }

    /// Adds the numbers of the positions `from .. to` to `rows`.
    pub fn add_positions(&self, from: u32, to: u32, rows: &mut RoaringBitmap) {
        match self {
            Numbers::Dense { first, .. } => {
                rows.insert_range(*first + from..*first + to);
            }
            Numbers::Sparse { rows: list, .. } => {
                rows.extend(list.as_slice()[from as usize..to as usize].iter().copied());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sparse(rows: &[u32]) -> Option<Numbers> {
        Numbers::sparse(Positions::from(rows.to_vec()))
    }

    #[test]
    fn dense_and_sparse_numbers_answer_alike() {
        let dense = Numbers::dense(5, 4).unwrap();
        let listed = sparse(&[5, 6, 7, 8]).unwrap();
        let some = RoaringBitmap::from_iter([1, 6, 8, 9]);
        for n in [&dense, &listed] {
            assert_eq!((n.len(), n.range()), (4, 5..9));
            assert_eq!((0..4).map(|p| n.row(p)).collect::<Vec<_>>(), [5, 6, 7, 8]);
            assert_eq!(n.position(4), None);
            assert_eq!(n.position(8), Some(3));
            assert_eq!(n.position(9), None);
            assert_eq!(n.count_in(&some), 2);
            let mut all = RoaringBitmap::new();
            n.add_to(&mut all);
            assert_eq!(all.len(), 4);
            let mut middle = RoaringBitmap::new();
            n.add_positions(1, 3, &mut middle);
            assert_eq!(middle, RoaringBitmap::from_iter([6, 7]));
        }
    }

    #[test]
    fn numbers_that_do_not_ascend_are_refused() {
        assert!(sparse(&[3, 3]).is_none());
        assert!(sparse(&[4, 3]).is_none());
        assert!(sparse(&[1, u32::MAX]).is_none());
        assert!(Numbers::dense(u32::MAX, 1).is_none());
        let gaps = sparse(&[2, 9, 40]).unwrap();
        assert_eq!(gaps.range(), 2..41);
        assert_eq!(gaps.position(9), Some(1));
        assert_eq!(gaps.position(10), None);
        assert_eq!(sparse(&[]).unwrap().range(), 0..0);
    }
}
