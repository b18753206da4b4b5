//! Back from blocks to what they belong to.

use omendb_distance::blocks::LANES;

use crate::layout::IndexView;

/// Which partition the rows of a block belong to, and which region the partitions of a block.
pub(crate) struct Homes {
    pub partitions: Vec<u32>,
    pub regions: Vec<u32>,
}

impl Homes {
    pub fn of(index: &IndexView<'_>) -> Homes {
        let blocks = index.sections;
        let mut partitions = vec![0; blocks.codes.len()];
        for partition in 0..blocks.sizes.len() {
            let (first, size) = index.place(partition);
            partitions[first..first + size.div_ceil(LANES)].fill(partition as u32);
        }
        let mut regions = vec![0; blocks.partitions.len()];
        for region in 0..index.head.regions as usize {
            regions[index.blocks_of(region)].fill(region as u32);
        }
        Homes {
            partitions,
            regions,
        }
    }
}
