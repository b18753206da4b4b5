//! The second phase: each community is put together anew out of single nodes, so that its parts hang together well.

use std::sync::atomic::AtomicBool;

use super::leiden::Asked;
use super::level::{Chance, Level, Near};
use super::moving::renumber;
use crate::ProjectionError;
use crate::umap::stop_if;

/// How freely nodes choose: a part that gains so much less is chosen `e` times more seldom (theta of the paper).
const FREEDOM: f64 = 0.01;
const LOOK_EVERY: usize = 4_096;

/// Parts of the communities `of`, each within one of them and connected: numbered from 0 on; gives how many there are.
pub(super) fn refine(
    level: &Level<'_>,
    of: &[u32],
    asked: &Asked,
    chance: &mut Chance,
    cancel: &AtomicBool,
) -> Result<(Vec<u32>, usize), ProjectionError> {
    let n = level.len();
    let mut whole = vec![0.0; n];
    for (community, strength) in of.iter().zip(&level.strengths) {
        whole[*community as usize] += strength;
    }
    let mut parts: Vec<u32> = (0..n as u32).collect();
    let mut strengths = level.strengths.clone();
    let mut sizes = vec![1u32; n];
    // The weight between a part and the rest of its community.
    let mut ties: Vec<f64> = (0..n)
        .map(|node| {
            let inside = level
                .edges(node)
                .filter(|(other, _)| of[*other] == of[node]);
            inside.map(|(_, weight)| weight).sum()
        })
        .collect();
    let mut near = Near::new(n);
    let mut choices: Vec<(usize, f64, f64)> = Vec::new();
    for (looked, node) in chance.order(n).into_iter().enumerate() {
        if looked.is_multiple_of(LOOK_EVERY) {
            stop_if(cancel)?;
        }
        let node = node as usize;
        let all = whole[of[node] as usize];
        let belongs = |part: usize, ties: &[f64], strengths: &[f64]| {
            let rest = all - strengths[part];
            ties[part] >= asked.expected(strengths[part], rest, level.total)
        };
        // Only nodes that are still alone, and tied to their community.
        if parts[node] as usize != node || sizes[node] != 1 || !belongs(node, &ties, &strengths) {
            continue;
        }
        for (other, weight) in level.edges(node) {
            if of[other] == of[node] {
                near.add(parts[other] as usize, weight);
            }
        }
        choices.clear();
        // It may stay alone, for no gain.
        choices.push((node, 0.0, 0.0));
        for (part, weight) in near.drain() {
            let gain = weight - asked.expected(level.strengths[node], strengths[part], level.total);
            if gain >= 0.0 && belongs(part, &ties, &strengths) {
                choices.push((part, gain, weight));
            }
        }
        let (part, weight) = choose(&choices, chance);
        if part == node {
            continue;
        }
        parts[node] = part as u32;
        sizes[part] += 1;
        sizes[node] = 0;
        strengths[part] += level.strengths[node];
        ties[part] += ties[node] - 2.0 * weight;
    }
    let count = renumber(&mut parts, n);
    Ok((parts, count))
}

/// One of the choices (part, gain, weight of the edges to it), more likely the more it gains.
fn choose(choices: &[(usize, f64, f64)], chance: &mut Chance) -> (usize, f64) {
    let most = choices.iter().map(|choice| choice.1).fold(0.0, f64::max);
    let likely = |gain: f64| ((gain - most) / FREEDOM).exp();
    let sum: f64 = choices.iter().map(|choice| likely(choice.1)).sum();
    let mut left = chance.unit() * sum;
    for (part, gain, weight) in choices {
        left -= likely(*gain);
        if left < 0.0 {
            return (*part, *weight);
        }
    }
    choices.last().map_or((0, 0.0), |last| (last.0, last.2))
}
