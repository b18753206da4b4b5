//! Makes sure that every node can be reached.
//!
//! Choosing links anew can cut a node off: each of its neighbours drops it for closer ones. This finds the nodes that no path
//! over layer 0 leads to from the entry, and links each from a near node that is reached.

use crate::pool::{Key, id_of, key};
use crate::space::{RowScorer, RowSpace};
use crate::{Accepted, Graph, NONE, Scratch, search_in};

/// Links every unreached node. Takes one pass over the links, and a search for each unreached part.
pub(crate) fn connect<S: RowSpace>(graph: &mut Graph, space: &S) {
    let n = graph.header.nodes as usize;
    if n == 0 {
        return;
    }
    let mut reach = Reach {
        parent: vec![NONE; n],
        reached: Accepted::none(n),
        queue: Vec::new(),
    };
    reach.spread(graph, graph.header.entry, graph.header.entry);
    let mut scratch = Scratch::new();
    let mut found = Vec::new();
    for node in 0..n as u32 {
        if reach.parent[node as usize] != NONE {
            continue;
        }
        /// Near nodes that are asked to take the link.
        const HOSTS: usize = 64;
        let scorer = space.scorer_of(node);
        search_in(
            &graph.view(),
            &scorer,
            HOSTS,
            HOSTS,
            Some(&reach.reached),
            &mut scratch,
            &mut found,
        );
        let near = found
            .iter()
            .find(|host| reach.take(graph, host.id, node, space));
        // Should all of those be full of links that others depend on, some reached node has room: the last of any path has.
        let host = near.map(|host| host.id).or_else(|| {
            (0..n as u32).find(|id| {
                reach.parent[*id as usize] != NONE && reach.take(graph, *id, node, space)
            })
        });
        if let Some(host) = host {
            reach.spread(graph, node, host);
        }
    }
}

/// Which nodes are reached, each from which parent: the tree of links that must stay.
struct Reach {
    parent: Vec<u32>,
    reached: Accepted,
    queue: Vec<u32>,
}

impl Reach {
    fn spread(&mut self, graph: &Graph, from: u32, parent: u32) {
        let stride = graph.header.m0 as usize;
        self.parent[from as usize] = parent;
        self.reached.insert(from);
        self.queue.push(from);
        while let Some(node) = self.queue.pop() {
            for link in &graph.layer_0[node as usize * stride..][..stride] {
                if *link == NONE {
                    break;
                }
                if self.parent[*link as usize] == NONE {
                    self.parent[*link as usize] = node;
                    self.reached.insert(*link);
                    self.queue.push(*link);
                }
            }
        }
    }

    /// Links `host` to `node`, in a free slot or in place of the farthest link that no other node is reached by.
    fn take<S: RowSpace>(&self, graph: &mut Graph, host: u32, node: u32, space: &S) -> bool {
        let stride = graph.header.m0 as usize;
        let slots = &mut graph.layer_0[host as usize * stride..][..stride];
        if let Some(free) = slots.iter_mut().find(|slot| **slot == NONE) {
            *free = node;
            return true;
        }
        let scorer = space.scorer_of(host);
        let spare = slots
            .iter_mut()
            .filter(|slot| self.parent[**slot as usize] != host)
            .map(|slot| (key(scorer.score_one(*slot), *slot), slot))
            .max_by_key(|(key, _): &(Key, _)| *key);
        match spare {
            Some((far, slot)) => {
                debug_assert_eq!(id_of(far), *slot);
                *slot = node;
                true
            }
            None => false,
        }
    }
}
