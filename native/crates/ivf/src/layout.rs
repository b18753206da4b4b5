//! Where everything of an index lies: regions of partitions, partitions of rows, each coded in blocks of 16.
//!
//! Places in blocks are *lanes*: partition `p` is lane `p % 16` of block `p / 16` of the coded centres, and a row's *slot* is its lane in the coded
//! rows. A region's partitions and a partition's rows start with a block of their own; what is left of the last one is padding.

use omendb_distance::Metric;
use omendb_distance::blocks::{Blocks, Width};

use crate::codec::Codec;
use crate::frame::Frame;

/// Stands for "no row" and "no slot".
pub const NONE: u32 = u32::MAX;

/// What the index found out about its own rows when it was built: how a search has to go about it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Tuning {
    /// Partitions are taken in the order of how near a row may be that lies so many standard deviations towards the query.
    pub order: f32,
    /// For one hit, and for ten or more.
    pub limits: [Limits; 2],
    /// Whether queries are prepared twice: see [`FineQuery`](crate::codec::FineQuery).
    pub fine: bool,
    /// A region is looked at when a partition so many standard deviations from its centre towards the query would be one of the nearest 2^i.
    pub spreads: [f32; CURVE],
    /// Recall@10 of the sample, in thousandths, with 2^i partitions.
    pub recalls: [u16; CURVE],
}

/// Where a search leaves off.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Limits {
    /// Partitions are passed over when no row within so many standard deviations is nearer than what was found.
    pub stop: f32,
    /// The same for a search that is not told how many partitions to look at: out to where most neighbours lie, not all.
    pub usual: f32,
    /// Rows are kept when their estimates are at most so many standard deviations behind the `k`-th best.
    pub margin: f32,
    /// Of these, rows are scored exactly when the estimate is at most so many standard deviations of its own behind the `k`-th best score.
    pub sure: f32,
}

impl Limits {
    /// None at all.
    pub const NONE: Limits = Limits {
        stop: f32::INFINITY,
        usual: f32::INFINITY,
        margin: f32::INFINITY,
        sure: f32::INFINITY,
    };
}

/// Steps of the curve of recalls.
pub(crate) const CURVE: usize = 12;

impl Tuning {
    /// The limits for `k` hits.
    pub fn limits(&self, k: usize) -> Limits {
        let [one, ten] = self.limits;
        let share = (k.max(1) as f32).log10().min(1.0);
        let between = |one: f32, ten: f32| {
            if one == ten {
                one
            } else {
                one + (ten - one) * share
            }
        };
        Limits {
            stop: between(one.stop, ten.stop),
            usual: between(one.usual, ten.usual),
            margin: between(one.margin, ten.margin),
            sure: between(one.sure, ten.sure),
        }
    }

    /// The spread for the nearest `partitions`.
    pub fn spread(&self, partitions: usize) -> f32 {
        let step = partitions.max(1).next_power_of_two().ilog2() as usize;
        self.spreads[step.min(CURVE - 1)]
    }
}

/// What is known of an index without its large sections.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Head {
    /// Rows of the vectors that the index is of.
    pub rows: u32,
    /// How many of them are in it.
    pub indexed: u32,
    /// Number of regions.
    pub regions: u32,
    /// Blocks of regions, of partitions and of rows.
    pub blocks: [u32; 3],
    pub seed: u64,
    /// No coded row, nor what its codes stand for, is longer.
    pub reach: f32,
    pub frame: Frame,
    /// Of the centres of regions.
    pub centres: Codec,
    /// Of what is left of a partition's centre when that of its region is taken away.
    pub shifts: Codec,
    /// Of what is left of rows when the centre is taken away.
    pub residuals: Codec,
    pub tuning: Tuning,
}

impl Head {
    pub fn metric(&self) -> Metric {
        self.frame.metric
    }

    /// Dimension of the vectors.
    pub fn dimension(&self) -> usize {
        self.frame.dimension
    }
}

/// The sections that grow with the rows. A centre is what its codes stand for, so that nothing is lost between it and its rows.
#[derive(Clone, Copy)]
pub(crate) struct Sections<'a> {
    /// Coded centres of regions.
    pub regions: Blocks<'a>,
    /// Their squared lengths; infinite for padding.
    pub region_squares: &'a [f32],
    /// Root mean square distance of the partitions' centres from them.
    pub region_radii: &'a [f32],
    /// The partitions of region `i` lie in blocks `region_starts[i] .. region_starts[i + 1]`.
    pub region_starts: &'a [u32],
    /// Coded centres of partitions, less those of their regions.
    pub partitions: Blocks<'a>,
    pub squares: &'a [f32],
    /// Root mean square distance of the rows from them.
    pub radii: &'a [f32],
    /// The rows of partition `p` lie in the blocks from `starts[p]` on.
    pub starts: &'a [u32],
    /// How many they are.
    pub sizes: &'a [u32],
    /// For each slot its row; [`NONE`] for padding.
    pub rows: &'a [u32],
    /// For each row its slot; [`NONE`] for a row that is not in the index.
    pub slots: &'a [u32],
    /// What is added to each row's estimate; empty under `dot`. With it the error of an estimate goes with the distance of the query from the
    /// centre, not with the length of the query: it takes the part of the residual along the centre as it is, not as its codes have it.
    pub terms: &'a [f32],
    /// No row's codes leave out more.
    pub errors: &'a [f32],
    /// How long a part of each row the frame's axes leave out at most; empty without axes.
    pub rests: &'a [f32],
    /// Coded residuals of rows.
    pub codes: Blocks<'a>,
}

/// [`Sections`] in memory of their own.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Owned {
    pub regions: Vec<u8>,
    pub region_squares: Vec<f32>,
    pub region_radii: Vec<f32>,
    pub region_starts: Vec<u32>,
    pub partitions: Vec<u8>,
    pub squares: Vec<f32>,
    pub radii: Vec<f32>,
    pub starts: Vec<u32>,
    pub sizes: Vec<u32>,
    pub rows: Vec<u32>,
    pub slots: Vec<u32>,
    pub terms: Vec<f32>,
    pub errors: Vec<f32>,
    pub rests: Vec<f32>,
    pub codes: Vec<u8>,
}

impl Owned {
    /// `None` when something does not fit the dimension.
    pub fn view(&self, dimension: usize) -> Option<Sections<'_>> {
        Some(Sections {
            regions: Blocks::new(&self.regions, dimension, Width::Seven)?,
            region_squares: &self.region_squares,
            region_radii: &self.region_radii,
            region_starts: &self.region_starts,
            partitions: Blocks::new(&self.partitions, dimension, Width::Four)?,
            squares: &self.squares,
            radii: &self.radii,
            starts: &self.starts,
            sizes: &self.sizes,
            rows: &self.rows,
            slots: &self.slots,
            terms: &self.terms,
            errors: &self.errors,
            rests: &self.rests,
            codes: Blocks::new(&self.codes, dimension, Width::Four)?,
        })
    }
}

/// An index in memory, as [`Index::build`](crate::Index::build) makes it.
#[derive(Clone, Debug, PartialEq)]
pub struct Index {
    pub(crate) head: Head,
    pub(crate) owned: Owned,
}

impl Index {
    /// The index, to be searched.
    pub fn view(&self) -> IndexView<'_> {
        let sections = self.owned.view(self.head.frame.width());
        IndexView {
            head: &self.head,
            sections: sections.expect("an index that was built fits together"),
        }
    }
}

/// An index that lies in someone else's memory, such as a mapped file. Cheap to copy.
#[derive(Clone, Copy)]
pub struct IndexView<'a> {
    pub(crate) head: &'a Head,
    pub(crate) sections: Sections<'a>,
}

impl IndexView<'_> {
    /// Rows of the vectors that it is of.
    pub fn len(&self) -> usize {
        self.head.rows as usize
    }

    /// Whether it is of no rows.
    pub fn is_empty(&self) -> bool {
        self.head.rows == 0
    }

    /// How many of the rows are in it.
    pub fn indexed(&self) -> usize {
        self.head.indexed as usize
    }

    /// Number of partitions.
    pub fn partitions(&self) -> usize {
        self.sections.sizes.iter().filter(|size| **size > 0).count()
    }

    /// Number of slots: see [`IndexView::slot`].
    pub fn slots(&self) -> usize {
        self.sections.rows.len()
    }

    /// Where a row lies, for [`IndexView::accept`]; `None` when it is not in the index.
    #[inline]
    pub fn slot(&self, row: u32) -> Option<u32> {
        let slot = self.sections.slots.get(row as usize).copied()?;
        (slot != NONE).then_some(slot)
    }

    /// The parameters of the search, for people to read.
    pub fn tuning(&self) -> String {
        format!("{:?}", self.head.tuning)
    }

    /// The recall@10 that the index measured on its own rows with `ef` partitions, between 0 and 1.
    pub fn recall(&self, ef: usize) -> f32 {
        let recalls = &self.head.tuning.recalls;
        let at = (ef.max(1) as f32).log2();
        let (below, above) = (at.floor() as usize, at.ceil() as usize);
        let of = |step: usize| f32::from(recalls[step.min(CURVE - 1)]) / 1000.0;
        of(below) + (of(above) - of(below)) * at.fract()
    }

    /// About the least number of partitions with which the index measured a recall@10 on its own rows, or all that it tried.
    pub fn ef_for(&self, recall: f32) -> usize {
        let recalls = self
            .head
            .tuning
            .recalls
            .map(|recall| f32::from(recall) / 1000.0);
        let Some(step) = recalls.iter().position(|found| *found >= recall) else {
            return 1 << (CURVE - 1);
        };
        let Some(below) = step.checked_sub(1) else {
            return 1;
        };
        let share = (recall - recalls[below]) / (recalls[step] - recalls[below]);
        (below as f32 + share).exp2().ceil() as usize
    }

    /// Partitions that a search for `k` hits looks at, at most, unless told otherwise. It is by far enough for a good recall for queries that
    /// lie like the rows, since a search stops by itself where nothing nearer is to be expected; queries from elsewhere need more.
    pub fn default_ef(&self, k: usize) -> usize {
        const MORE: usize = 3;
        (self.usual_ef() * MORE).max(64) + k
    }

    /// Partitions that such a search looks at, about.
    pub fn usual_ef(&self) -> usize {
        const GOOD: f32 = 0.98;
        self.ef_for(GOOD)
    }
}
