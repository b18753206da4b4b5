//! The first phase: nodes go one by one where they are drawn most, until none wants to.

use std::sync::atomic::AtomicBool;

use super::leiden::Asked;
use super::level::{Chance, Level, Near};
use crate::ProjectionError;
use crate::umap::stop_if;

/// Nodes that are looked at between two looks at the flag that cancels.
const LOOK_EVERY: usize = 4_096;
/// A move must be worth more than rounding is.
const LEAST_GAIN: f64 = 1e-9;

/// Moves nodes between the communities `of` as long as that makes them better: of each node that was moved those neighbours are looked at again that are in another
/// community than it is now. The communities are numbered from 0 on then, without gaps; gives how many there are.
pub(super) fn move_nodes(
    level: &Level<'_>,
    of: &mut [u32],
    asked: &Asked,
    chance: &mut Chance,
    cancel: &AtomicBool,
) -> Result<usize, ProjectionError> {
    let n = level.len();
    let mut strengths = vec![0.0; n];
    let mut sizes = vec![0u32; n];
    for (community, strength) in of.iter().zip(&level.strengths) {
        strengths[*community as usize] += strength;
        sizes[*community as usize] += 1;
    }
    let mut empty: Vec<u32> = (0..n as u32)
        .rev()
        .filter(|community| sizes[*community as usize] == 0)
        .collect();
    // A ring with a place for each node: none waits in it twice.
    let mut queue = chance.order(n);
    let mut waits = vec![true; n];
    let (mut head, mut waiting) = (0, n);
    let mut near = Near::new(n);
    let mut looks = 0usize;
    while waiting > 0 {
        if looks.is_multiple_of(LOOK_EVERY) {
            stop_if(cancel)?;
        }
        looks += 1;
        let node = queue[head] as usize;
        head = if head + 1 == n { 0 } else { head + 1 };
        waiting -= 1;
        waits[node] = false;
        let own = of[node] as usize;
        let strength = level.strengths[node];
        strengths[own] -= strength;
        // Its own community counts also where no edge leads to it.
        near.add(own, 0.0);
        for (other, weight) in level.edges(node) {
            near.add(of[other] as usize, weight);
        }
        let pull = |community: usize, weight: f64| {
            weight - asked.expected(strength, strengths[community], level.total)
        };
        let (mut best, mut most) = (own, f64::NEG_INFINITY);
        for (community, weight) in near.drain() {
            let pull = pull(community, weight);
            if community == own {
                // Comes first; others have to be better.
                most = pull + LEAST_GAIN * (1.0 + strength);
            } else if pull > most {
                (best, most) = (community, pull);
            }
        }
        // Alone nothing pulls.
        if most < 0.0
            && let Some(alone) = empty.last()
        {
            best = *alone as usize;
        }
        strengths[best] += strength;
        if best == own {
            continue;
        }
        if sizes[best] == 0 {
            empty.pop();
        }
        sizes[best] += 1;
        sizes[own] -= 1;
        if sizes[own] == 0 {
            // What is empty weighs nothing, without what rounding left.
            strengths[own] = 0.0;
            empty.push(own as u32);
        }
        of[node] = best as u32;
        for (other, _) in level.edges(node) {
            if !waits[other] && of[other] as usize != best {
                waits[other] = true;
                let tail = head + waiting;
                queue[if tail >= n { tail - n } else { tail }] = other as u32;
                waiting += 1;
            }
        }
    }
    Ok(renumber(of, n))
}

/// Numbers communities from 0 on, in the order of their first nodes; gives how many there are. All numbers are below `most`.
pub(super) fn renumber(of: &mut [u32], most: usize) -> usize {
    let mut names = vec![u32::MAX; most];
    let mut count = 0;
    for community in of {
        let name = &mut names[*community as usize];
        if *name == u32::MAX {
            *name = count;
            count += 1;
        }
        *community = *name;
    }
    count as usize
}
