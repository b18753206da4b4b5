//! Building an index.

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use omendb_distance::blocks::{LANES, Width};
use omendb_distance::{Metric, ShapeError, VectorsRef, kernels};
use thiserror::Error;

use crate::codec::Codec;
use crate::frame::{Frame, squares};
use crate::homes::Homes;
use crate::kmeans::{Partitions, Source};
use crate::layout::{CURVE, Head, Index, IndexView, Limits, NONE, Owned, Tuning};
use crate::lloyd::{Members, members};
use crate::parallel;
use crate::router::Router;

/// The largest dimension of vectors.
pub const MAX_DIMENSION: usize = 65_536;
/// Rows that a codec of residuals learns from, about.
const SAMPLE: usize = 8_192;
/// Partitions that a thread codes at once.
const CHUNK: usize = 16;

/// How to build an index.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BuildParams {
    /// Threads; 0 for one a core. The index does not depend on it.
    pub threads: usize,
    /// Seed of the partitions.
    pub seed: u64,
}

impl Default for BuildParams {
    fn default() -> BuildParams {
        BuildParams {
            threads: 0,
            seed: 42,
        }
    }
}

/// Why there is no index.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum BuildError {
    /// It was cancelled.
    #[error("cancelled")]
    Cancelled,
    /// Slices do not fit together, or a count is past what an index can hold.
    #[error(transparent)]
    Shape(#[from] ShapeError),
    /// The memory cannot be had.
    #[error("not enough memory for an index of {rows} rows (about {bytes} bytes)")]
    Memory {
        /// Rows to be indexed.
        rows: usize,
        /// What was asked for.
        bytes: u64,
    },
}

impl Index {
    /// Builds the index of the rows that `rows` names (ascending), or of all.
    ///
    /// `progress(done, total)` counts rows; it is called from any thread, now and then, and at the end. Once `cancel` is set, the build stops within
    /// moments and gives [`BuildError::Cancelled`].
    ///
    /// # Errors
    /// See [`BuildError`].
    pub fn build(
        vectors: VectorsRef<'_>,
        rows: Option<&[u32]>,
        params: &BuildParams,
        progress: &(dyn Fn(usize, usize) + Sync),
        cancel: &AtomicBool,
    ) -> Result<Index, BuildError> {
        vectors.check()?;
        let all: Vec<u32>;
        let rows = match rows {
            Some(rows) => rows,
            None => {
                all = (0..vectors.len() as u32).collect();
                &all
            }
        };
        Index::make(vectors, rows, None, params, progress, cancel)
    }

    /// Builds the index of `rows` (ascending) out of one of mostly the same rows: those stay with the others of their partitions, and only what
    /// is new, or lies where many came or went, is sorted in. `older_rows` names for each of `rows` its row in the older index's vectors, or [`NONE`].
    /// Where more than a quarter are new, or the vectors are of another kind, the index is built as by [`Index::build`].
    ///
    /// # Errors
    /// See [`BuildError`].
    pub fn rebuild(
        older: &IndexView<'_>,
        vectors: VectorsRef<'_>,
        rows: &[u32],
        older_rows: &[u32],
        params: &BuildParams,
        progress: &(dyn Fn(usize, usize) + Sync),
        cancel: &AtomicBool,
    ) -> Result<Index, BuildError> {
        vectors.check()?;
        let homes = Homes::of(older);
        let of = older_rows.iter().map(|row| {
            let block = older.slot(*row).map(|slot| slot as usize / LANES);
            block.and_then(|block| homes.partitions.get(block).copied())
        });
        let of: Vec<u32> = of.map(|of| of.unwrap_or(NONE)).collect();
        let known = of.iter().filter(|of| **of != NONE).count();
        let head = older.head;
        let alike = head.metric() == vectors.metric && head.dimension() == vectors.dimension;
        let older = Older {
            frame: &head.frame,
            of,
            partitions: older.sections.sizes.len(),
        };
        let worth = alike && known * 4 > rows.len() * 3 && older.of.len() == rows.len();
        Index::make(
            vectors,
            rows,
            worth.then_some(older),
            params,
            progress,
            cancel,
        )
    }

    fn make(
        vectors: VectorsRef<'_>,
        rows: &[u32],
        older: Option<Older<'_>>,
        params: &BuildParams,
        progress: &(dyn Fn(usize, usize) + Sync),
        cancel: &AtomicBool,
    ) -> Result<Index, BuildError> {
        check(vectors, rows)?;
        let n = rows.len();
        let threads = parallel::thread_count(params.threads);
        let frame = match &older {
            Some(older) => older.frame.clone(),
            None => Frame::fit(vectors, rows, params.seed, threads, cancel),
        };
        let projected = frame.project(vectors, rows, threads, cancel);
        stop_if(cancel)?;
        let source = Source {
            vectors,
            frame: &frame,
            projected: projected.as_ref(),
            rows,
            threads,
            seed: params.seed,
            cancel,
        };
        let share = |part: f32| progress((n as f32 * 0.7 * part) as usize, n);
        let partitions = match older {
            Some(older) => Partitions::go_on(&source, older.of, older.partitions, &share),
            None => Partitions::find(&source, &share),
        };
        stop_if(cancel)?;
        let mut index = lay_out(&source, &partitions, params.seed);
        stop_if(cancel)?;
        progress(n * 9 / 10, n);
        index.tune(vectors, rows, source.threads, cancel);
        stop_if(cancel)?;
        progress(n, n);
        Ok(index)
    }
}

/// Where an older index has the rows.
struct Older<'a> {
    frame: &'a Frame,
    /// For each row its partition, or [`NONE`].
    of: Vec<u32>,
    partitions: usize,
}

fn stop_if(cancel: &AtomicBool) -> Result<(), BuildError> {
    match cancel.load(Ordering::Relaxed) {
        true => Err(BuildError::Cancelled),
        false => Ok(()),
    }
}

fn check(vectors: VectorsRef<'_>, rows: &[u32]) -> Result<(), ShapeError> {
    let n = vectors.len();
    if n > crate::MAX_ROWS {
        let most = crate::MAX_ROWS;
        return Err(ShapeError::new(format!("{n} rows are more than {most}")));
    }
    if vectors.dimension > MAX_DIMENSION {
        return Err(ShapeError::new(format!(
            "dimension {} is more than {MAX_DIMENSION}",
            vectors.dimension
        )));
    }
    let ascending = rows.windows(2).all(|pair| pair[0] < pair[1]);
    if !ascending || rows.last().is_some_and(|row| *row as usize >= n) {
        let message = "the rows to be indexed are not ascending, or not all there";
        return Err(ShapeError::new(message.to_owned()));
    }
    Ok(())
}

fn lay_out(source: &Source<'_>, found: &Partitions, seed: u64) -> Index {
    let dimension = source.dimension();
    let Router {
        codec,
        shifts,
        lanes,
        blocks,
        region_starts,
        partitions,
        regions,
    } = Router::new(&found.regions, &found.starts, &found.centres, dimension);
    let mut owned = Owned {
        region_starts,
        partitions: partitions.codes,
        squares: partitions.squares,
        regions: regions.codes,
        region_squares: regions.squares,
        ..Owned::default()
    };
    let centres = partitions.decoded;
    let region_count = found.starts.len().saturating_sub(1);
    let region_blocks = region_count.div_ceil(LANES);
    owned.region_radii = vec![0.0; region_blocks * LANES];
    for (region, range) in found.starts.windows(2).enumerate() {
        let centre = &regions.decoded[region * dimension..(region + 1) * dimension];
        let own = &found.centres[range[0] * dimension..range[1] * dimension];
        owned.region_radii[region] = radius(own, centre);
    }
    let members = members(&found.of, lanes.len());
    owned.starts = vec![0; blocks * LANES];
    owned.sizes = vec![0; blocks * LANES];
    let mut slots = 0;
    for (partition, lane) in lanes.iter().enumerate() {
        owned.starts[*lane] = (slots / LANES) as u32;
        owned.sizes[*lane] = members.of(partition).len() as u32;
        slots += members.of(partition).len().next_multiple_of(LANES);
    }
    let residuals = fit_residuals(source, found, &centres);
    owned.radii = vec![0.0; blocks * LANES];
    let reach = code_rows(
        source, &members, &centres, &lanes, &residuals, slots, &mut owned,
    );
    let lengths = regions.decoded.chunks_exact(dimension).map(squares);
    let reach = lengths.fold(reach, |reach, square| reach.max(square.sqrt()));
    owned.slots = vec![NONE; source.vectors.len()];
    for (slot, row) in owned
        .rows
        .iter()
        .enumerate()
        .filter(|(_, row)| **row != NONE)
    {
        owned.slots[*row as usize] = slot as u32;
    }
    Index {
        head: Head {
            rows: source.vectors.len() as u32,
            indexed: source.rows.len() as u32,
            regions: region_count as u32,
            blocks: [region_blocks as u32, blocks as u32, (slots / LANES) as u32],
            seed,
            reach,
            frame: source.frame.clone(),
            centres: codec,
            shifts,
            residuals,
            tuning: Tuning {
                order: 0.0,
                limits: [Limits::NONE; 2],
                fine: false,
                spreads: [0.0; CURVE],
                recalls: [0; CURVE],
            },
        },
        owned,
    }
}

/// Root mean square distance of rows from a centre.
fn radius(rows: &[f32], centre: &[f32]) -> f32 {
    let l2 = kernels().l2_squared;
    let rows = rows.chunks_exact(centre.len());
    let count = rows.len().max(1) as f32;
    (rows.map(|row| l2(row, centre)).sum::<f32>() / count).sqrt()
}

fn subtract(row: &mut [f32], centre: &[f32]) {
    row.iter_mut().zip(centre).for_each(|(x, c)| *x -= c);
}

fn fit_residuals(source: &Source<'_>, found: &Partitions, centres: &[f32]) -> Codec {
    let (n, dimension) = (source.rows.len(), source.dimension());
    let count = n.min(SAMPLE);
    let mut rows = Vec::new();
    let places = |i: usize| (i * n / count.max(1)) as u32;
    source.load((0..count).map(places), &mut rows);
    for (i, row) in rows.chunks_exact_mut(dimension).enumerate() {
        let partition = found.of[places(i) as usize] as usize;
        subtract(row, &centres[partition * dimension..][..dimension]);
    }
    Codec::fit(&rows, dimension, Width::Four)
}

/// The part of the sections that one thread writes.
struct Piece<'a> {
    codes: &'a mut [u8],
    rows: &'a mut [u32],
    errors: &'a mut [f32],
    rests: &'a mut [f32],
    terms: &'a mut [f32],
}

fn code_rows(
    source: &Source<'_>,
    members: &Members,
    centres: &[f32],
    lanes: &[usize],
    codec: &Codec,
    slots: usize,
    owned: &mut Owned,
) -> f32 {
    let dimension = source.dimension();
    let bytes = codec.width().block_bytes(dimension);
    let terms = source.frame.metric != Metric::Dot;
    owned.codes = vec![0; slots / LANES * bytes];
    owned.rows = vec![NONE; slots];
    owned.errors = vec![0.0; slots];
    owned.rests = vec![0.0; if source.projected.is_some() { slots } else { 0 }];
    owned.terms = vec![0.0; if terms { slots } else { 0 }];
    let mut rest = (
        owned.codes.as_mut_slice(),
        owned.rows.as_mut_slice(),
        owned.errors.as_mut_slice(),
        owned.terms.as_mut_slice(),
        owned.rests.as_mut_slice(),
    );
    let projected = source.projected.is_some();
    let mut pieces = Vec::new();
    for chunk in lanes.chunks(CHUNK) {
        let sizes = chunk
            .iter()
            .map(|lane| (owned.sizes[*lane] as usize).next_multiple_of(LANES));
        let slots: usize = sizes.sum();
        let codes = rest.0.split_at_mut(slots / LANES * bytes);
        let (rows, errors) = (rest.1.split_at_mut(slots), rest.2.split_at_mut(slots));
        let terms = rest.3.split_at_mut(if terms { slots } else { 0 });
        let rests = rest.4.split_at_mut(if projected { slots } else { 0 });
        rest = (codes.1, rows.1, errors.1, terms.1, rests.1);
        pieces.push(Mutex::new(Piece {
            codes: codes.0,
            rows: rows.0,
            errors: errors.0,
            rests: rests.0,
            terms: terms.0,
        }));
    }
    let radii: Vec<Mutex<(f32, f32)>> = lanes.iter().map(|_| Mutex::default()).collect();
    let done = AtomicUsize::new(0);
    parallel::for_chunks(
        source.threads,
        0..pieces.len(),
        1,
        source.cancel,
        Coder::default,
        |coder, range| {
            for at in range {
                let mut piece = parallel::lock(&pieces[at]);
                let mut slot = 0;
                for partition in at * CHUNK..((at + 1) * CHUNK).min(lanes.len()) {
                    let centre = &centres[partition * dimension..(partition + 1) * dimension];
                    let places = members.of(partition);
                    *parallel::lock(&radii[partition]) =
                        coder.partition(source, codec, places, centre, &mut piece, slot);
                    slot += places.len().next_multiple_of(LANES);
                }
                done.fetch_add(1, Ordering::Relaxed);
            }
        },
    );
    let mut reach = 0f32;
    for (lane, radius) in lanes.iter().zip(radii) {
        let (radius, own) = radius.into_inner().unwrap_or_default();
        owned.radii[*lane] = radius;
        // `max` passes over NaN, and what is no number bounds nothing.
        reach = if own.is_nan() {
            f32::INFINITY
        } else {
            reach.max(own)
        };
    }
    reach
}

#[derive(Default)]
struct Coder {
    row: Vec<f32>,
    codes: Vec<u8>,
    decoded: Vec<f32>,
}

impl Coder {
    /// Codes the rows of a partition into the piece, from slot `first` on; gives the partition's radius, and a length that neither a row nor what its
    /// codes stand for exceeds.
    fn partition(
        &mut self,
        source: &Source<'_>,
        codec: &Codec,
        places: &[u32],
        centre: &[f32],
        piece: &mut Piece<'_>,
        first: usize,
    ) -> (f32, f32) {
        let dimension = centre.len();
        let bytes = codec.width().block_bytes(dimension);
        let rounded = 1.0 + rounding(dimension);
        self.codes.resize(dimension, 0);
        self.decoded.resize(dimension, 0.0);
        let own = squares(centre).sqrt();
        let (mut sum, mut reach) = (0.0, 0f32);
        for (i, place) in places.iter().enumerate() {
            let slot = first + i;
            source.load(std::iter::once(*place), &mut self.row);
            piece.rows[slot] = source.rows[*place as usize];
            let rest = source
                .projected
                .map_or(0.0, |projected| projected.rests[*place as usize]);
            if let Some(to) = piece.rests.get_mut(slot) {
                *to = rest.sqrt() * rounded;
            }
            subtract(&mut self.row, centre);
            let square = squares(&self.row);
            sum += square;
            codec.encode(&self.row, &mut self.codes);
            let block = &mut piece.codes[slot / LANES * bytes..][..bytes];
            codec.width().put(block, slot % LANES, &self.codes);
            codec.decode(&self.codes, &mut self.decoded);
            let longer = square.sqrt().max(squares(&self.decoded).sqrt());
            reach = if longer.is_nan() {
                f32::INFINITY
            } else {
                reach.max(own + longer + rest.sqrt())
            };
            let term = match source.frame.metric {
                Metric::L2 => rest + square + 2.0 * (kernels().dot)(centre, &self.decoded),
                _ => (kernels().dot)(centre, &self.decoded) - (kernels().dot)(centre, &self.row),
            };
            if let Some(to) = piece.terms.get_mut(slot) {
                *to = term;
            }
            subtract(&mut self.decoded, &self.row);
            let error = squares(&self.decoded).sqrt() * rounded;
            // What is no number bounds nothing.
            piece.errors[slot] = if error.is_nan() { f32::INFINITY } else { error };
        }
        let radius = (sum / places.len().max(1) as f32).sqrt();
        let radius = if radius.is_finite() { radius } else { f32::MAX };
        (radius, reach * rounded)
    }
}

/// How far, relative to the lengths of both sides, a sum of `dimension` products in `f32` is from the true one at most; twice that, to be safe. All
/// kernels add up in 8 or more lanes (Higham, Accuracy and Stability of Numerical Algorithms, section 3.1).
pub(crate) fn rounding(dimension: usize) -> f32 {
    (dimension as f32 / 4.0 + 32.0) * f32::EPSILON
}
