//! Partitions: rows in groups of about equal size, by hierarchical k-means (Lloyd 1982) under the Euclidean distance.
//!
//! A first level cuts the rows into as many *regions* as each region then has partitions; then all rows look again for their nearest partition, first in
//! the nearest regions, then from partition to neighbouring partition. So a row costs the square root of the number of partitions in distances, and the whole is a matter of seconds where the
//! plain method takes hours. Sums run in the order of rows, so the result does not depend on the number of threads.

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

use omendb_distance::{VectorsRef, kernels};

use crate::frame::{Frame, Projected};
use crate::layout::NONE;
use crate::lloyd::{Members, distances, least, lengths, lloyd, members};
use crate::parallel;
use crate::parallel::lock;
use crate::router::{Guide, Router, distance};

/// Rows of a partition, about: few where there are not many rows, so that few are looked at in vain; more where there are many, or else a search would
/// be spent on the centres (measured on 60,000 to 1,000,000 rows).
pub(crate) fn rows_each(n: usize) -> usize {
    const FEW: f64 = 48.0;
    const MANY: f64 = 150_000.0;
    const GROWTH: f64 = 0.28;
    (FEW * (n as f64 / MANY).powf(GROWTH)).max(FEW) as usize
}

/// Partitions with so many times as many are cut ...
const MOST: usize = 3;
/// Partitions with so small a part of as many are given up, and their rows go to others.
const FEWEST: usize = 8;
/// Rows for each centre that a level learns from, at most.
const SAMPLE: usize = 128;
/// Regions in which a row looks for its partition.
const NEAR: usize = 16;
/// Partitions whose distances are taken exactly then.
const NEAREST: usize = 3;
/// Regions in which a partition looks for its neighbours.
const AROUND: usize = 32;
/// Partitions around one to which its rows may move.
const NEIGHBOURS: usize = 48;
const REFINEMENTS: usize = 6;
/// The same after rows came and went.
const SETTLING: usize = 3;
/// Rows that a thread takes at once.
const CHUNK: usize = 256;

/// Rows as they are coded, and how much help there is.
pub(crate) struct Source<'a> {
    pub vectors: VectorsRef<'a>,
    pub frame: &'a Frame,
    /// The rows along the frame's axes, if it has any.
    pub projected: Option<&'a Projected>,
    /// The rows that take part, ascending.
    pub rows: &'a [u32],
    pub threads: usize,
    pub seed: u64,
    pub cancel: &'a AtomicBool,
}

impl Source<'_> {
    /// Numbers of a row as it is coded.
    pub fn dimension(&self) -> usize {
        self.frame.width()
    }

    /// The rows at these places of `rows`, one after another.
    pub fn load(&self, places: impl Iterator<Item = u32>, out: &mut Vec<f32>) {
        let dimension = self.dimension();
        out.clear();
        for place in places {
            if let Some(projected) = self.projected {
                out.extend_from_slice(&projected.rows[place as usize * dimension..][..dimension]);
                continue;
            }
            let at = out.len();
            out.resize(at + dimension, 0.0);
            self.frame
                .load(self.vectors, self.rows[place as usize], &mut out[at..]);
        }
    }

    fn is_cancelled(&self) -> bool {
        self.cancel.load(Ordering::Relaxed)
    }
}

/// Centres of partitions, region by region, and which one each row belongs to.
#[derive(Clone, Debug, Default)]
pub(crate) struct Partitions {
    /// One after another, each as long as the dimension.
    pub centres: Vec<f32>,
    /// For each place of the rows its partition.
    pub of: Vec<u32>,
    /// Centres of regions.
    pub regions: Vec<f32>,
    /// The partitions of region `i` are `starts[i] .. starts[i + 1]`.
    pub starts: Vec<usize>,
}

impl Partitions {
    /// Cuts the rows into partitions. What it gives after a cancel is of no use.
    pub fn find(source: &Source<'_>, progress: &dyn Fn(f32)) -> Partitions {
        let n = source.rows.len();
        if n == 0 {
            return Partitions {
                starts: vec![0],
                ..Partitions::default()
            };
        }
        let wanted = n.div_ceil(rows_each(n));
        let regions = ((wanted as f64).sqrt().ceil() as usize).max(1);
        let mut found = Partitions::default();
        let count = n.min(regions * SAMPLE);
        let mut sample = Vec::new();
        source.load(
            (0..count).map(|i| (i as u64 * n as u64 / count as u64) as u32),
            &mut sample,
        );
        found.regions = lloyd(
            &sample,
            source.dimension(),
            regions,
            source.seed,
            source.threads,
            source.cancel,
        );
        progress(0.05);
        let of = nearest_of_all(source, &found.regions);
        let members = members(&of, regions);
        found.cut(source, &members);
        progress(0.3);
        found.refine(source, progress);
        found
    }

    /// Each region's rows into partitions of their own.
    fn cut(&mut self, source: &Source<'_>, members: &Members) {
        let each = rows_each(source.rows.len());
        let regions = members.starts.len() - 1;
        let cut: Vec<Mutex<Vec<f32>>> = (0..regions).map(|_| Mutex::default()).collect();
        parallel::for_chunks(
            source.threads,
            0..regions,
            1,
            source.cancel,
            Vec::new,
            |rows: &mut Vec<f32>, range| {
                for region in range {
                    let places = members.of(region);
                    let k = places.len().div_ceil(each);
                    let count = places.len().min(k * SAMPLE);
                    source.load(
                        (0..count).map(|i| places[i * places.len() / count.max(1)]),
                        rows,
                    );
                    let seed = source.seed ^ (region as u64 + 1) << 20;
                    let centres = lloyd(rows, source.dimension(), k, seed, 1, source.cancel);
                    *lock(&cut[region]) = centres;
                }
            },
        );
        self.lay_out(
            cut.into_iter()
                .map(|cut| cut.into_inner().unwrap_or_default()),
            source.dimension(),
        );
    }

    fn lay_out(&mut self, regions: impl Iterator<Item = Vec<f32>>, dimension: usize) {
        self.centres.clear();
        self.starts = vec![0];
        for centres in regions {
            self.centres.extend(centres);
            self.starts.push(self.centres.len() / dimension);
        }
    }

    fn refine(&mut self, source: &Source<'_>, progress: &dyn Fn(f32)) {
        let dimension = source.dimension();
        self.of = vec![NONE; source.rows.len()];
        self.assign(source);
        if source.is_cancelled() {
            return;
        }
        for round in 0..REFINEMENTS {
            let members = members(&self.of, self.len(dimension));
            self.centre(source, &members);
            if round == 0 {
                self.even_out(source, &members, MOST * rows_each(source.rows.len()));
            }
            if source.is_cancelled() {
                return;
            }
            if round % 2 == 0 {
                // Regions of centres that moved are no good guides.
                self.regroup(source);
                self.of.fill(NONE);
                self.assign(source);
            }
            let near = self.neighbours(source);
            // What was cancelled half-way is of no use to go on with.
            if source.is_cancelled() {
                return;
            }
            self.climb(source, &near);
            progress(0.3 + 0.7 * (round + 1) as f32 / REFINEMENTS as f32);
        }
        if !source.is_cancelled() {
            self.finish(source);
        }
    }

    /// The last steps: every row has its partition.
    fn finish(&mut self, source: &Source<'_>) {
        self.drop_empty(source);
        let members = members(&self.of, self.len(source.dimension()));
        self.centre(source, &members);
        self.regroup(source);
    }

    /// Goes on from partitions of older rows: `of` names for each place of the rows its partition, of `count`, or [`NONE`] for a row that is new. What
    /// it gives after a cancel is of no use.
    pub fn go_on(
        source: &Source<'_>,
        of: Vec<u32>,
        count: usize,
        progress: &dyn Fn(f32),
    ) -> Partitions {
        let dimension = source.dimension();
        let mut found = Partitions {
            centres: vec![0.0; count * dimension],
            of,
            ..Partitions::default()
        };
        found.drop_empty(source);
        found.centre(source, &members(&found.of, found.len(dimension)));
        found.regroup(source);
        found.assign(source);
        progress(0.3);
        if source.is_cancelled() {
            return found;
        }
        // Where many came or went, partitions are cut or given up; their rows look for others.
        let members_now = members(&found.of, found.len(dimension));
        found.centre(source, &members_now);
        // ... and sooner than otherwise where rows were added, which all of them have more of.
        found.even_out(source, &members_now, rows_each(source.rows.len()) * 2);
        found.regroup(source);
        found.assign(source);
        for step in 0..SETTLING {
            if source.is_cancelled() {
                return found;
            }
            found.centre(source, &members(&found.of, found.len(dimension)));
            // A climb alone ends where no neighbour is nearer; partitions of so many new rows have others.
            if step % 2 == 0 {
                found.regroup(source);
                found.of.fill(NONE);
                found.assign(source);
            }
            let near = found.neighbours(source);
            if source.is_cancelled() {
                return found;
            }
            found.climb(source, &near);
            progress(0.3 + 0.7 * (step + 1) as f32 / SETTLING as f32);
        }
        if !source.is_cancelled() {
            found.finish(source);
        }
        found
    }

    /// The nearest other partitions of each, [`NEIGHBOURS`] of them, or fewer where there are not so many: by their codes, in the nearest regions where there
    /// are many partitions.
    fn neighbours(&self, source: &Source<'_>) -> Vec<u32> {
        let dimension = source.dimension();
        let count = self.len(dimension);
        let most = NEIGHBOURS.min(count.saturating_sub(1));
        let near: Vec<AtomicU32> = (0..count as u32)
            .flat_map(|own| std::iter::repeat_n(own, most))
            .map(AtomicU32::new)
            .collect();
        let router = Router::new(&self.regions, &self.starts, &self.centres, dimension);
        let numbers = router.numbers();
        parallel::for_chunks(
            source.threads,
            0..count,
            16,
            source.cancel,
            Guide::default,
            |guide, range| {
                for partition in range {
                    let centre = &self.centres[partition * dimension..(partition + 1) * dimension];
                    let others = guide
                        .nearest(&router, centre, AROUND, most + 1)
                        .map(|lane| numbers[lane])
                        .filter(|other| *other as usize != partition);
                    let places = &near[partition * most..(partition + 1) * most];
                    for (to, other) in places.iter().zip(others) {
                        to.store(other, Ordering::Relaxed);
                    }
                }
            },
        );
        near.into_iter().map(AtomicU32::into_inner).collect()
    }

    /// Moves each row from its partition to the nearest of the partition's neighbours, until that is its own.
    fn climb(&mut self, source: &Source<'_>, near: &[u32]) {
        let dimension = source.dimension();
        let most = near.len() / self.len(dimension).max(1);
        let lengths = lengths(&self.centres, dimension);
        let of: Vec<AtomicU32> = std::mem::take(&mut self.of)
            .into_iter()
            .map(AtomicU32::new)
            .collect();
        let centre = |partition: u32| &self.centres[partition as usize * dimension..][..dimension];
        let dot_4 = kernels().dot_4;
        parallel::for_chunks(
            source.threads,
            0..of.len(),
            CHUNK,
            source.cancel,
            Work::default,
            |work, range| {
                for place in range {
                    source.load(std::iter::once(place as u32), &mut work.row);
                    let row = &work.row;
                    let distance =
                        |dot: f32, partition: u32| lengths[partition as usize] - 2.0 * dot;
                    let mut at = of[place].load(Ordering::Relaxed);
                    let mut best = (distance((kernels().dot)(row, centre(at)), at), at);
                    loop {
                        let around = &near[at as usize * most..][..most];
                        for four in around.as_chunks::<4>().0 {
                            let dots = dot_4(row, four.map(centre));
                            for (dot, partition) in dots.into_iter().zip(*four) {
                                let distance = distance(dot, partition);
                                if distance < best.0 {
                                    best = (distance, partition);
                                }
                            }
                        }
                        if best.1 == at {
                            break;
                        }
                        at = best.1;
                    }
                    of[place].store(at, Ordering::Relaxed);
                }
            },
        );
        self.of = of.into_iter().map(AtomicU32::into_inner).collect();
    }

    /// Number of partitions.
    pub fn len(&self, dimension: usize) -> usize {
        self.centres.len() / dimension
    }

    /// Finds the nearest partition of every row that has none, in its nearest regions: the best by codes, and the best of these exactly.
    fn assign(&mut self, source: &Source<'_>) {
        let dimension = source.dimension();
        let of: Vec<AtomicU32> = std::mem::take(&mut self.of)
            .into_iter()
            .map(AtomicU32::new)
            .collect();
        let router = Router::new(&self.regions, &self.starts, &self.centres, dimension);
        let numbers = router.numbers();
        let fresh = || (Vec::new(), Guide::default());
        parallel::for_chunks(
            source.threads,
            0..of.len(),
            CHUNK,
            source.cancel,
            fresh,
            |(row, guide), range| {
                for place in range {
                    if of[place].load(Ordering::Relaxed) != NONE {
                        continue;
                    }
                    source.load(std::iter::once(place as u32), row);
                    let mut best = (f32::INFINITY, 0);
                    for lane in guide.nearest(&router, row, NEAR, NEAREST) {
                        let partition = numbers[lane];
                        let centre = &self.centres[partition as usize * dimension..][..dimension];
                        let distance = distance(row, centre);
                        if distance < best.0 {
                            best = (distance, partition);
                        }
                    }
                    of[place].store(best.1, Ordering::Relaxed);
                }
            },
        );
        self.of = of.into_iter().map(AtomicU32::into_inner).collect();
    }

    /// Moves each centre to the mean of its rows.
    fn centre(&mut self, source: &Source<'_>, members: &Members) {
        let dimension = source.dimension();
        let centres: Vec<Mutex<&mut [f32]>> =
            self.centres.chunks_mut(dimension).map(Mutex::new).collect();
        parallel::for_chunks(
            source.threads,
            0..centres.len(),
            16,
            source.cancel,
            || (Vec::new(), vec![0.0; dimension]),
            |(rows, sum), range| {
                for partition in range {
                    let places = members.of(partition);
                    if places.is_empty() {
                        continue;
                    }
                    source.load(places.iter().copied(), rows);
                    sum.fill(0.0);
                    let share = 1.0 / places.len() as f32;
                    for row in rows.chunks_exact(dimension) {
                        (kernels().add_scaled)(sum, share, row);
                    }
                    if sum.iter().all(|x| x.is_finite()) {
                        lock(&centres[partition]).copy_from_slice(sum);
                    }
                }
            },
        );
    }

    /// Cuts partitions of more than `most` rows, and gives those of too few up; the rows of both have none then.
    fn even_out(&mut self, source: &Source<'_>, members: &Members, most: usize) {
        let dimension = source.dimension();
        let each = rows_each(source.rows.len());
        let count = self.len(source.dimension());
        let cut: Vec<Mutex<Vec<f32>>> = (0..count).map(|_| Mutex::default()).collect();
        parallel::for_chunks(
            source.threads,
            0..count,
            16,
            source.cancel,
            Vec::new,
            |rows: &mut Vec<f32>, range| {
                for partition in range {
                    let places = members.of(partition);
                    let mut to = lock(&cut[partition]);
                    if places.len() > most {
                        source.load(places.iter().copied(), rows);
                        let seed = source.seed ^ (partition as u64 + 1) << 40;
                        *to = lloyd(
                            rows,
                            dimension,
                            places.len().div_ceil(each),
                            seed,
                            1,
                            source.cancel,
                        );
                    } else if places.len() >= each / FEWEST || count == 1 {
                        to.extend(
                            &self.centres[partition * dimension..(partition + 1) * dimension],
                        );
                    }
                }
            },
        );
        let mut cut: Vec<Vec<f32>> = cut
            .into_iter()
            .map(|cut| cut.into_inner().unwrap_or_default())
            .collect();
        if cut.iter().all(Vec::is_empty) {
            return;
        }
        let mut numbers = vec![NONE; count];
        let mut next = 0;
        for (number, cut) in numbers.iter_mut().zip(&cut) {
            let parts = cut.len() / dimension;
            if parts == 1 {
                *number = next;
            }
            next += parts as u32;
        }
        self.renumber(&numbers);
        let starts = std::mem::take(&mut self.starts);
        let regions = starts.windows(2).map(|pair| {
            cut[pair[0]..pair[1]]
                .iter_mut()
                .flat_map(std::mem::take)
                .collect()
        });
        let regions: Vec<Vec<f32>> = regions.collect();
        self.lay_out(regions.into_iter(), dimension);
    }

    /// Gives up partitions without rows.
    fn drop_empty(&mut self, source: &Source<'_>) {
        let dimension = source.dimension();
        let members = members(&self.of, self.len(dimension));
        let mut numbers = vec![0u32; self.len(dimension)];
        let mut centres = Vec::with_capacity(self.centres.len());
        for (partition, number) in numbers.iter_mut().enumerate() {
            *number = (centres.len() / dimension) as u32;
            if !members.of(partition).is_empty() {
                centres.extend(&self.centres[partition * dimension..(partition + 1) * dimension]);
            }
        }
        self.centres = centres;
        self.renumber(&numbers);
    }

    /// Gives the partitions new numbers.
    fn renumber(&mut self, numbers: &[u32]) {
        for of in &mut self.of {
            *of = numbers.get(*of as usize).copied().unwrap_or(NONE);
        }
    }

    /// Groups the partitions into regions anew, by where their centres lie now.
    fn regroup(&mut self, source: &Source<'_>) {
        let dimension = source.dimension();
        let count = self.len(dimension);
        let regions = ((count as f64).sqrt().ceil() as usize).max(1);
        self.regions = lloyd(
            &self.centres,
            dimension,
            regions,
            source.seed,
            source.threads,
            source.cancel,
        );
        let lengths = lengths(&self.regions, dimension);
        let mut scores = Vec::new();
        let of: Vec<u32> = self
            .centres
            .chunks_exact(dimension)
            .map(|centre| {
                distances(centre, &self.regions, &lengths, &mut scores);
                least(&scores).1 as u32
            })
            .collect();
        let members = members(&of, self.regions.len() / dimension);
        let mut numbers = vec![0; count];
        let mut centres = Vec::with_capacity(self.centres.len());
        for (number, partition) in members.places.iter().enumerate() {
            numbers[*partition as usize] = number as u32;
            let at = *partition as usize * dimension;
            centres.extend(&self.centres[at..at + dimension]);
        }
        self.centres = centres;
        self.starts = members.starts;
        self.renumber(&numbers);
    }
}

/// What one thread needs to look at a row.
#[derive(Default)]
struct Work {
    row: Vec<f32>,
    scores: Vec<f32>,
}

/// The nearest centre of every row.
fn nearest_of_all(source: &Source<'_>, centres: &[f32]) -> Vec<u32> {
    let lengths = lengths(centres, source.dimension());
    let of: Vec<AtomicU32> = source.rows.iter().map(|_| AtomicU32::new(0)).collect();
    parallel::for_chunks(
        source.threads,
        0..of.len(),
        CHUNK,
        source.cancel,
        Work::default,
        |work, range| {
            for place in range {
                source.load(std::iter::once(place as u32), &mut work.row);
                distances(&work.row, centres, &lengths, &mut work.scores);
                of[place].store(least(&work.scores).1 as u32, Ordering::Relaxed);
            }
        },
    );
    of.into_iter().map(AtomicU32::into_inner).collect()
}
