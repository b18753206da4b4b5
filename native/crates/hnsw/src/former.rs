//! Making a graph from one that was made before over some of the same rows: rows that are gone are taken out, their neighbours linked anew,
//! and the new rows put in.

use crate::build::{BuildScratch, Builder};
use crate::graph::MAX_LEVEL;
use crate::pool::{Key, key};
use crate::space::{RowScorer, RowSpace};
use crate::{BuildParams, GraphView, NONE};

/// Of fewer rows than one in so many nothing is kept: all are put in.
const WORTH: usize = 4;

/// A graph over rows of which some are still there, with the same vectors.
#[derive(Clone, Copy)]
pub struct Former<'a> {
    graph: GraphView<'a>,
    /// For each row its node there; [`NONE`] for a new row.
    nodes: &'a [u32],
}

impl<'a> Former<'a> {
    /// `nodes` has for each row its node in `graph`, [`NONE`] for a new row. No two rows have one node.
    pub fn new(graph: GraphView<'a>, nodes: &'a [u32]) -> Former<'a> {
        Former { graph, nodes }
    }
}

/// A former graph of which a new one can be made, seen from both sides.
pub(crate) struct Kept<'a> {
    former: Former<'a>,
    /// For each node of the former graph its row; [`NONE`] where that is gone.
    rows: Vec<u32>,
}

impl<'a> Kept<'a> {
    /// `None` where the graph was made in another way, or keeps too little.
    pub fn new(former: Former<'a>, rows: usize, params: &BuildParams) -> Option<Kept<'a>> {
        let header = former.graph.header();
        let same = header.m as usize == params.m && header.m0 as usize == 2 * params.m;
        if !same || former.nodes.len() != rows {
            return None;
        }
        let mut of = vec![NONE; former.graph.len()];
        let mut kept = 0;
        for (row, node) in former.nodes.iter().enumerate() {
            if let Some(of) = of.get_mut(*node as usize) {
                *of = row as u32;
                kept += 1;
            }
        }
        (kept > 0 && kept >= rows / WORTH).then_some(Kept { former, rows: of })
    }

    /// Whether a row was a node of the former graph.
    pub fn has(&self, row: u32) -> bool {
        let node = self.former.nodes[row as usize];
        self.rows.get(node as usize).is_some()
    }

    /// The level of a row there.
    pub fn level(&self, row: u32) -> u32 {
        let level = self.former.graph.level(self.former.nodes[row as usize]);
        // What a file says is not believed.
        level
            .min(self.former.graph.header().top_level)
            .min(MAX_LEVEL as u32)
    }
}

impl<S: RowSpace> Builder<'_, S> {
    /// Gives a row the links that its node had. In the place of those that led to rows that are gone come some that led on from there.
    pub(crate) fn adopt(&self, kept: &Kept<'_>, row: u32, scratch: &mut BuildScratch) {
        let scorer = self.space.scorer_of(row);
        let Former { graph, nodes } = kept.former;
        let row_of = |node: u32| kept.rows.get(node as usize).copied();
        for level in 0..=self.level(row) {
            let BuildScratch {
                pruned,
                kept: chosen,
                ids,
                scores,
                ..
            } = scratch;
            let fits = |other: &u32| {
                *other != NONE
                    && *other != row
                    && self.stands(*other)
                    && self.level(*other) >= level
            };
            let links = |node: u32| {
                let links = graph.links(node, level).iter().copied();
                links.take_while(|link| *link != NONE)
            };
            let own = nodes[row as usize];
            let mut scored = |keys: &mut Vec<Key>, ids: &mut Vec<u32>| {
                ids.sort_unstable();
                ids.dedup();
                scores.resize(ids.len(), 0.0);
                scorer.score(ids, scores);
                keys.clear();
                keys.extend(ids.iter().zip(&*scores).map(|(id, score)| key(*score, *id)));
                keys.sort_unstable();
            };
            ids.clear();
            ids.extend(links(own).filter_map(row_of).filter(fits));
            scored(chosen, ids);
            let room = self.room(row, level);
            chosen.truncate(room);
            let gone = links(own).filter(|link| row_of(*link) == Some(NONE));
            if gone.clone().next().is_some() {
                ids.clear();
                ids.extend(gone.flat_map(links).filter_map(row_of).filter(fits));
                scored(pruned, ids);
                pruned.retain(|key| !chosen.contains(key));
                let limit = links(own).count().max(self.m).min(room);
                self.select_more(pruned, limit, chosen, ids, scores);
            }
            let (lists, block) = self.list(row, level);
            for slot in 0..room {
                lists.set(block, slot, chosen.get(slot).copied());
            }
        }
    }
}
