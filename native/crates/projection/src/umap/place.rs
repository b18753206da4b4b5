//! Rows that came after a map was drawn: each is placed among its neighbours, and the map stays as it is.

use rayon::prelude::*;

use omendb_distance::ShapeError;

use super::curve;
use super::force::{Curve, Forces, Rounds};
use super::fuzzy::{Neighbours, weights_to};
use super::layout::LayoutParams;
use super::pool::Pool;
use crate::ProjectionError;
use crate::wide::Wide;

/// Rows that one task places.
const CHUNK: usize = 64;
/// Of the epochs of a map a placed row needs one in so many.
const FEWER: u32 = 3;
/// The learning rate is so many times smaller.
const SLOWER: f32 = 4.0;

/// What all rows that are placed have in common.
#[derive(Clone, Copy)]
pub(crate) struct Placing<'a> {
    map: &'a [[f32; 2]],
    forces: Forces<'a>,
    k: usize,
    ids: &'a [u32],
    weights: &'a [f32],
    heaviest: f32,
    epochs: u32,
}

/// Coordinates for rows whose nearest rows on a map are known: `neighbours.ids` are places in `map`. A row begins at the mean of its neighbours, weighed by how much it
/// belongs to them, and is then pulled and pushed as in a [`Layout`](super::Layout); the map's own rows do not move. A row without neighbours lies at 0. As umap-learn's
/// `transform`. Each row's place depends on its own neighbours and the seed alone.
///
/// # Errors
/// When the slices do not fit together.
pub fn place(
    map: &[[f32; 2]],
    neighbours: Neighbours<'_>,
    params: LayoutParams,
) -> Result<Vec<[f32; 2]>, ProjectionError> {
    let Neighbours { k, ids, distances } = neighbours;
    let n = ids.len().checked_div(k).unwrap_or(0);
    if ids.len() != n * k || distances.len() != ids.len() {
        return Err(ShapeError::new(format!(
            "{} neighbours and {} distances are not {k} a row",
            ids.len(),
            distances.len()
        ))
        .into());
    }
    let weights = weights_to(neighbours, map.len());
    let (a, b) = curve::fit(params.min_dist, params.spread);
    let pool = Pool::new(map, params.seed);
    let placing = Placing {
        map,
        forces: Forces {
            curve: Curve::new(a, b),
            pool: &pool,
            rate: params.learning_rate / SLOWER,
            repulsion: params.repulsion,
            pushes: 2 * params.negative_samples as usize,
        },
        k,
        ids,
        weights: &weights,
        heaviest: weights.iter().copied().fold(0.0, f32::max),
        epochs: params.epochs / FEWER,
    };
    let wide = Wide::best();
    let mut points = vec![[0.0f32; 2]; n];
    points
        .par_chunks_mut(CHUNK)
        .enumerate()
        .for_each(|(chunk, points)| wide.place(placing, chunk * CHUNK, points));
    Ok(points)
}

/// Places some rows, the first of which is row `first`.
#[inline(always)]
pub(crate) fn place_block(placing: Placing<'_>, first: usize, points: &mut [[f32; 2]]) {
    let Placing {
        map, k, heaviest, ..
    } = placing;
    let mut there = Vec::with_capacity(k);
    let mut due = Vec::with_capacity(k);
    let mut rounds = Rounds::default();
    for (at, point) in points.iter_mut().enumerate() {
        let row = first + at;
        let edges = row * k..(row + 1) * k;
        there.clear();
        for (id, weight) in placing.ids[edges.clone()]
            .iter()
            .zip(&placing.weights[edges])
        {
            if let Some(place) = map.get(*id as usize) {
                there.push((*place, *weight));
            }
        }
        let sum: f32 = there.iter().map(|(_, weight)| weight).sum();
        if sum <= 0.0 {
            continue;
        }
        let mut place = [0.0f32; 2];
        for ([x, y], weight) in &there {
            place[0] += x * (weight / sum);
            place[1] += y * (weight / sum);
        }
        for epoch in 0..placing.epochs {
            let rate = placing.forces.rate * (1.0 - epoch as f32 / placing.epochs as f32);
            due.clear();
            for (neighbour, weight) in &there {
                let share = (f64::from(weight / heaviest) * 4_294_967_296.0) as u32;
                let (_, turn) = epoch.wrapping_mul(share).overflowing_add(share);
                if turn {
                    due.push(*neighbour);
                }
            }
            let forces = Forces {
                rate,
                ..placing.forces
            };
            let key = u64::from(epoch) << 40 ^ row as u64;
            // It is not one of the map.
            place = forces.moved(place, &due, u32::MAX, key, &mut rounds);
        }
        *point = place;
    }
}
