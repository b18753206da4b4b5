//! The layout: points of a map pulled by their neighbours in the graph and pushed by others, step by step (stochastic gradient descent on UMAP's cross
//! entropy).
//!
//! Each point moves itself only. Rows are taken in blocks; a block's points see each other where they are now, and all others where they were when the step
//! began. So no two threads touch one point, and the result depends on the seed alone, not on how many threads there are.
//!
//! Pulls and pushes must take turns, few at a time: where all neighbours pull first and all others push then, they push from where the map is densest, and the map comes
//! out twice as wide and loses more neighbours (continuity lower by 0.01 on 10,000 words).

use rayon::prelude::*;

use super::curve;
use super::force::{Curve, Forces, Rounds};
use super::fuzzy::FuzzyGraph;
use super::pool::Pool;
use crate::align::Turn;
use crate::linear::hash;
use crate::wide::Wide;

/// Steps of an epoch: points see more often where the others are.
const STEPS: u32 = 2;
/// In an epoch both directions of an edge pull both of its ends, so each end has two turns.
const SHARE: f64 = 2.0 / STEPS as f64;
/// Points of a block.
const BLOCK: usize = 512;
/// From so many points on these are no longer at hand wherever they lie in memory ...
const SORTED_FROM: usize = 32_768;
/// ... and are sorted by where they lie on the map at the beginning and before these epochs: neighbours are near each other then in memory too (a million points: two thirds of the time).
const SORTED_AT: [u32; 3] = [3, 12, 50];

/// How points are laid out; the names and meanings are umap-learn's.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct LayoutParams {
    /// How near points may lie to each other, in units of the map.
    pub min_dist: f64,
    /// The scale of the map.
    pub spread: f64,
    /// How often every edge has its turn, if it is one of the heaviest.
    pub epochs: u32,
    /// Points that push for each neighbour that pulls.
    pub negative_samples: u32,
    /// How far points move at the beginning.
    pub learning_rate: f32,
    /// How much pushes count beside pulls.
    pub repulsion: f32,
    /// Where random numbers come from.
    pub seed: u64,
}

impl Default for LayoutParams {
    fn default() -> LayoutParams {
        LayoutParams {
            min_dist: 0.1,
            spread: 1.0,
            epochs: 200,
            negative_samples: 5,
            learning_rate: 1.0,
            repulsion: 1.0,
            seed: 42,
        }
    }
}

/// A map that is being laid out.
#[derive(Clone, Debug)]
pub struct Layout {
    starts: Vec<usize>,
    ids: Vec<u32>,
    /// For each edge the share of steps in which it has its turn, in parts of 2^32.
    rates: Vec<u32>,
    points: Vec<[f32; 2]>,
    /// Which row each point is of; empty while they are in the order of the rows.
    order: Vec<u32>,
    /// Where they were when the step began.
    before: Vec<[f32; 2]>,
    pool: Pool,
    params: LayoutParams,
    curve: Curve,
    epoch: u32,
    wide: Wide,
}

/// What all points of a step have in common.
#[derive(Clone, Copy)]
pub(crate) struct Step<'a> {
    starts: &'a [usize],
    ids: &'a [u32],
    rates: &'a [u32],
    before: &'a [[f32; 2]],
    turn: u32,
    forces: Forces<'a>,
}

impl Layout {
    /// A layout of the rows of `graph` that begins at `start` (`x0, y0, x1, y1, …`); what is not finite there begins at 0.
    ///
    /// Panics when `start` has not two numbers a row.
    pub fn new(graph: FuzzyGraph, start: &[f32], params: LayoutParams) -> Layout {
        assert_eq!(start.len(), graph.len() * 2, "two coordinates a row");
        let heaviest = graph.weights.iter().copied().fold(0.0f32, f32::max);
        let rates = graph.weights.iter().map(|weight| {
            // A conversion saturates.
            (f64::from(*weight) / f64::from(heaviest) * SHARE * 4_294_967_296.0) as u32
        });
        let finite = |x: f32| if x.is_finite() { x } else { 0.0 };
        // Apart by a hair: points in one place would never part.
        let hair = |at: usize| {
            (hash(params.seed ^ 0x5CA7, at as u64) >> 40) as f32 / (1u64 << 24) as f32 * 2e-3 - 1e-3
        };
        let (pairs, _) = start.as_chunks::<2>();
        let points = pairs.iter().enumerate();
        let points: Vec<[f32; 2]> = points
            .map(|(i, [x, y])| [finite(*x) + hair(2 * i), finite(*y) + hair(2 * i + 1)])
            .collect();
        let mut layout = Layout {
            rates: rates.collect(),
            starts: graph.starts,
            ids: graph.ids,
            before: points.clone(),
            pool: Pool::new(&points, params.seed),
            points,
            order: Vec::new(),
            params,
            curve: Curve::new(1.0, 1.0),
            epoch: 0,
            wide: Wide::best(),
        };
        layout.bend();
        layout
    }

    fn bend(&mut self) {
        let (a, b) = curve::fit(self.params.min_dist, self.params.spread);
        self.curve = Curve::new(a, b);
    }

    /// Other parameters from now on, on the same graph; the points stay where they are and go on from `epoch`, of the new number of epochs.
    pub fn set_params(&mut self, params: LayoutParams, epoch: u32) {
        self.params = params;
        self.epoch = epoch.min(params.epochs);
        self.bend();
    }

    /// The parameters.
    pub fn params(&self) -> LayoutParams {
        self.params
    }

    /// Epochs that are done.
    pub fn epoch(&self) -> u32 {
        self.epoch
    }

    /// Whether all are.
    pub fn is_done(&self) -> bool {
        self.epoch >= self.params.epochs
    }

    /// Where the points are, in the order of the rows.
    pub fn points(&self) -> Vec<[f32; 2]> {
        let mut points = self.points.clone();
        for (row, point) in self.order.iter().zip(&self.points) {
            points[*row as usize] = *point;
        }
        points
    }

    /// Turns all points, so that the map lies like another; what is still to come does not depend on it.
    pub fn turn(&mut self, turn: &Turn) {
        self.points
            .iter_mut()
            .for_each(|point| *point = turn.apply(*point));
    }

    /// One epoch on all threads of the pool that this is called in.
    pub fn step(&mut self) {
        if self.is_done() {
            return;
        }
        let due = self.order.is_empty() || SORTED_AT.contains(&self.epoch);
        if due && self.points.len() >= SORTED_FROM {
            self.sort();
        }
        let done = f64::from(self.epoch) / f64::from(self.params.epochs);
        let rate = self.params.learning_rate * (1.0 - done) as f32;
        for part in 0..STEPS {
            self.part(self.epoch.wrapping_mul(STEPS).wrapping_add(part), rate);
        }
        self.epoch += 1;
    }

    /// Puts points that lie near each other next to each other.
    fn sort(&mut self) {
        let new = along_the_plane(&self.points);
        let mut place = vec![0u32; new.len()];
        for (to, from) in (0u32..).zip(&new) {
            place[*from as usize] = to;
        }
        let edges = |at: u32| self.starts[at as usize]..self.starts[at as usize + 1];
        let pieces: Vec<(Vec<u32>, Vec<u32>)> = new
            .par_chunks(BLOCK)
            .map(|chunk| {
                let mut piece = (Vec::new(), Vec::new());
                for from in chunk {
                    let ids = self.ids[edges(*from)].iter();
                    piece.0.extend(ids.map(|id| place[*id as usize]));
                    piece.1.extend_from_slice(&self.rates[edges(*from)]);
                }
                piece
            })
            .collect();
        let mut starts = Vec::with_capacity(self.starts.len());
        let mut end = 0;
        starts.push(end);
        starts.extend(new.iter().map(|from| {
            end += edges(*from).len();
            end
        }));
        self.ids.clear();
        self.rates.clear();
        for (ids, rates) in pieces {
            self.ids.extend(ids);
            self.rates.extend(rates);
        }
        self.starts = starts;
        self.points = new.iter().map(|from| self.points[*from as usize]).collect();
        self.order = match self.order.is_empty() {
            true => new,
            false => new.iter().map(|from| self.order[*from as usize]).collect(),
        };
        self.pool.renumber(&place);
    }

    fn part(&mut self, turn: u32, rate: f32) {
        self.before.copy_from_slice(&self.points);
        self.pool.update(&self.points);
        let step = Step {
            starts: &self.starts,
            ids: &self.ids,
            rates: &self.rates,
            before: &self.before,
            turn,
            forces: Forces {
                curve: self.curve,
                pool: &self.pool,
                rate,
                repulsion: self.params.repulsion,
                pushes: self.params.negative_samples as usize,
            },
        };
        let wide = self.wide;
        self.points
            .par_chunks_mut(BLOCK)
            .enumerate()
            .for_each(|(block, points)| wide.block(step, block * BLOCK, points));
    }
}

/// The points in the order of a curve that goes through the cells of the plane, near ones one after another (Morton 1966).
fn along_the_plane(points: &[[f32; 2]]) -> Vec<u32> {
    const CELLS: f32 = 1023.0;
    let (mut low, mut high) = ([f32::INFINITY; 2], [f32::NEG_INFINITY; 2]);
    for point in points {
        for axis in 0..2 {
            low[axis] = low[axis].min(point[axis]);
            high[axis] = high[axis].max(point[axis]);
        }
    }
    let cell = |point: &[f32; 2], axis: usize| {
        let width = (high[axis] - low[axis]).max(f32::MIN_POSITIVE);
        // A conversion saturates.
        apart(((point[axis] - low[axis]) / width * CELLS) as u32)
    };
    let mut keys: Vec<(u32, u32)> = points
        .par_iter()
        .enumerate()
        .map(|(at, point)| (cell(point, 0) | cell(point, 1) << 1, at as u32))
        .collect();
    keys.par_sort_unstable();
    keys.into_iter().map(|(_, at)| at).collect()
}

/// The ten lowest bits, with a gap after each.
fn apart(mut bits: u32) -> u32 {
    bits = (bits | bits << 8) & 0x00FF_00FF;
    bits = (bits | bits << 4) & 0x0F0F_0F0F;
    bits = (bits | bits << 2) & 0x3333_3333;
    (bits | bits << 1) & 0x5555_5555
}

/// Moves the points of a block, the first of which is row `first`, two at a time.
#[inline(always)]
pub(crate) fn move_block(step: Step<'_>, first: usize, points: &mut [[f32; 2]]) {
    let mut due = Due::default();
    let mut rounds = [Rounds::default(), Rounds::default()];
    for at in (0..points.len()).step_by(2) {
        due.prepare(step, first, points, at, &mut rounds[0]);
        if at + 1 == points.len() {
            points[at] = step.forces.apply(points[at], &rounds[0]);
            break;
        }
        due.prepare(step, first, points, at + 1, &mut rounds[1]);
        let [one, two] = &rounds;
        let places = [points[at], points[at + 1]];
        [points[at], points[at + 1]] = step.forces.apply_two(places, [one, two]);
    }
}

/// Edges that have their turn.
#[derive(Default)]
struct Due {
    ids: Vec<u32>,
    there: Vec<[f32; 2]>,
}

impl Due {
    /// What the point at `at` of a block will be moved by.
    #[inline(always)]
    fn prepare(
        &mut self,
        step: Step<'_>,
        first: usize,
        points: &[[f32; 2]],
        at: usize,
        rounds: &mut Rounds,
    ) {
        let row = first + at;
        let edges = step.starts[row]..step.starts[row + 1];
        let (ids, rates) = (&step.ids[edges.clone()], &step.rates[edges]);
        if self.ids.len() < ids.len() {
            self.ids.resize(ids.len(), 0);
        }
        let mut count = 0;
        for (id, rate) in ids.iter().zip(rates) {
            self.ids[count] = *id;
            // The edge's count of turns goes past a whole number now.
            let (_, turn) = step.turn.wrapping_mul(*rate).overflowing_add(*rate);
            count += usize::from(turn);
        }
        self.there.clear();
        self.there.extend(self.ids[..count].iter().map(|id| {
            let other = *id as usize;
            match points.get(other.wrapping_sub(first)) {
                Some(place) => *place,
                None => step.before[other],
            }
        }));
        let key = u64::from(step.turn) << 32 ^ row as u64;
        step.forces.prepare(&self.there, row as u32, key, rounds);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn registers_of_any_width_give_the_same_map() {
        let n = 700u32;
        let starts = (0..=n as usize).map(|i| i * 4).collect();
        let ids = (0..n).flat_map(|i| [(i + 1) % n, (i + 9) % n, (i + n - 1) % n, (i + n - 9) % n]);
        let graph = FuzzyGraph {
            starts,
            ids: ids.collect(),
            weights: [1.0, 0.3, 1.0, 0.3].repeat(n as usize),
        };
        let start: Vec<f32> = (0..2 * n)
            .map(|i| (i * 7919 % 1000) as f32 / 50.0)
            .collect();
        let on = |wide: Wide| {
            let mut layout = Layout::new(graph.clone(), &start, LayoutParams::default());
            layout.wide = wide;
            (0..40).for_each(|_| layout.step());
            layout.points
        };
        let plain = on(Wide::Plain);
        assert!(plain.as_flattened().iter().all(|x| x.is_finite()));
        for wide in Wide::all() {
            assert!(on(wide) == plain, "{wide:?}");
        }
    }
}
