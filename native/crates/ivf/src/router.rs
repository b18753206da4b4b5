//! Coded centres of regions and partitions, and the way from a vector to the nearest of them.

use omendb_distance::blocks::{Blocks, LANES, Line, Width};
use omendb_distance::kernels;

use crate::codec::{CodeQuery, Codec};
use crate::frame::squares;

/// Centres in blocks.
pub(crate) struct Centres {
    pub codes: Vec<u8>,
    /// Squared lengths, a lane each; infinite for padding.
    pub squares: Vec<f32>,
    /// What the codes stand for, in the order of the centres.
    pub decoded: Vec<f32>,
}

/// The coded centres of regions and of their partitions.
pub(crate) struct Router {
    /// Of the centres of regions.
    pub codec: Codec,
    /// Of what is left of a partition's centre when that of its region is taken away.
    pub shifts: Codec,
    /// The lane of each partition.
    pub lanes: Vec<usize>,
    /// Blocks of partitions.
    pub blocks: usize,
    /// The partitions of region `i` lie in blocks `region_starts[i] .. region_starts[i + 1]`; one more than there are lanes of regions.
    pub region_starts: Vec<u32>,
    pub partitions: Centres,
    pub regions: Centres,
}

impl Router {
    /// Codes centres; the partitions of region `i` are `starts[i] .. starts[i + 1]`.
    pub fn new(regions: &[f32], starts: &[usize], centres: &[f32], dimension: usize) -> Router {
        let codec = Codec::fit(regions, dimension, Width::Seven);
        let mut lanes = Vec::with_capacity(centres.len() / dimension);
        let mut region_starts = vec![0u32];
        let mut blocks = 0;
        for region in starts.windows(2) {
            lanes.extend((0..region[1] - region[0]).map(|i| blocks * LANES + i));
            blocks += (region[1] - region[0]).div_ceil(LANES);
            region_starts.push(blocks as u32);
        }
        let count = starts.len().saturating_sub(1);
        let region_blocks = count.div_ceil(LANES);
        region_starts.resize(region_blocks * LANES + 1, blocks as u32);
        let region_lanes: Vec<usize> = (0..count).collect();
        let regions = code(&codec, regions, &[], &region_lanes, region_blocks);
        // Where each partition's region lies.
        let mut origins = Vec::with_capacity(centres.len());
        for (range, region) in starts
            .windows(2)
            .zip(regions.decoded.chunks_exact(dimension))
        {
            (range[0]..range[1]).for_each(|_| origins.extend(region));
        }
        let mut apart = centres.to_vec();
        apart
            .iter_mut()
            .zip(&origins)
            .for_each(|(x, origin)| *x -= origin);
        let shifts = Codec::fit(&apart, dimension, Width::Four);
        Router {
            partitions: code(&shifts, &apart, &origins, &lanes, blocks),
            regions,
            codec,
            shifts,
            lanes,
            blocks,
            region_starts,
        }
    }

    /// A number for each lane of a partition.
    pub fn numbers(&self) -> Vec<u32> {
        let mut numbers = vec![0; self.blocks * LANES];
        self.lanes
            .iter()
            .zip(0u32..)
            .for_each(|(lane, number)| numbers[*lane] = number);
        numbers
    }
}

/// Codes centres; with `origins` these were taken away from them.
fn code(
    codec: &Codec,
    centres: &[f32],
    origins: &[f32],
    lanes: &[usize],
    blocks: usize,
) -> Centres {
    let dimension = codec.dimension();
    let bytes = codec.width().block_bytes(dimension);
    let mut coded = Centres {
        codes: vec![0; blocks * bytes],
        squares: vec![f32::INFINITY; blocks * LANES],
        decoded: vec![0.0; centres.len()],
    };
    let mut codes = vec![0; dimension];
    let decoded = coded.decoded.chunks_exact_mut(dimension);
    for (at, (centre, decoded)) in centres.chunks_exact(dimension).zip(decoded).enumerate() {
        let lane = lanes[at];
        codec.encode(centre, &mut codes);
        codec.decode(&codes, decoded);
        if let Some(origin) = origins.get(at * dimension..(at + 1) * dimension) {
            decoded.iter_mut().zip(origin).for_each(|(x, o)| *x += o);
        }
        let block = &mut coded.codes[lane / LANES * bytes..][..bytes];
        codec.width().put(block, lane % LANES, &codes);
        coded.squares[lane] = squares(decoded);
    }
    coded
}

/// What one thread needs to find nearest partitions.
#[derive(Default)]
pub(crate) struct Guide {
    query: CodeQuery,
    shifts: CodeQuery,
    scores: Vec<f32>,
    regions: Vec<(f32, u32)>,
    partitions: Vec<(f32, u32)>,
}

impl Guide {
    /// The lanes of about the `count` partitions nearest to a vector, in its nearest `breadth` regions, nearest first.
    pub fn nearest(
        &mut self,
        router: &Router,
        vector: &[f32],
        breadth: usize,
        count: usize,
    ) -> impl Iterator<Item = usize> + '_ {
        let dimension = vector.len();
        self.query.set(&router.codec, vector);
        self.shifts.set(&router.shifts, vector);
        // Squared distances, less the vector's own square.
        let line = Line {
            base: -2.0 * self.query.base,
            factor: -2.0 * self.query.unit,
        };
        self.regions.clear();
        self.scores.resize(router.regions.squares.len(), 0.0);
        if let Some(blocks) = Blocks::new(&router.regions.codes, dimension, Width::Seven) {
            blocks.estimate(
                &self.query.values,
                0,
                line,
                &router.regions.squares,
                &mut self.scores,
            );
        }
        self.regions.extend(self.scores.iter().copied().zip(0u32..));
        keep(&mut self.regions, breadth);
        self.partitions.clear();
        let mut bar = f32::INFINITY;
        let blocks = Blocks::new(&router.partitions.codes, dimension, Width::Four);
        for (score, region) in &self.regions {
            let line = Line {
                base: score - router.regions.squares[*region as usize] - 2.0 * self.shifts.base,
                factor: -2.0 * self.shifts.unit,
            };
            let range = router.region_starts[*region as usize] as usize
                ..router.region_starts[*region as usize + 1] as usize;
            let lanes = range.start * LANES..range.end * LANES;
            self.scores.resize(lanes.len(), 0.0);
            let squares = &router.partitions.squares[lanes.clone()];
            if let Some(blocks) = blocks {
                blocks.estimate(
                    &self.shifts.values,
                    range.start,
                    line,
                    squares,
                    &mut self.scores,
                );
            }
            for (block, scores) in self.scores.as_chunks::<LANES>().0.iter().enumerate() {
                if !scores.iter().fold(false, |any, score| any | (*score < bar)) {
                    continue;
                }
                for (lane, score) in scores
                    .iter()
                    .enumerate()
                    .filter(|(_, score)| **score < f32::INFINITY)
                {
                    let found = &mut self.partitions;
                    let place = found.partition_point(|(other, _)| other <= score);
                    if place < count {
                        found.insert(place, (*score, (lanes.start + block * LANES + lane) as u32));
                        found.truncate(count);
                        bar = found
                            .get(count - 1)
                            .map_or(f32::INFINITY, |(score, _)| *score);
                    }
                }
            }
        }
        self.partitions.iter().map(|(_, lane)| *lane as usize)
    }
}

/// Keeps the least `count`.
fn keep(found: &mut Vec<(f32, u32)>, count: usize) {
    if found.len() > count && count > 0 {
        found.select_nth_unstable_by(count - 1, |a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
        found.truncate(count);
    }
}

/// Squared distance of two vectors.
#[inline]
pub(crate) fn distance(a: &[f32], b: &[f32]) -> f32 {
    (kernels().l2_squared)(a, b)
}
