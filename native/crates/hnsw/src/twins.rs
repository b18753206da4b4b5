//! Rows that are the same point.
//!
//! The first of them stands in the graph. The others, its twins, hang below it as a tree in row order: the row's last slot leads to the
//! first twin; each twin's links are its parent, then its children, as many as there is room for. So ten thousand equal rows cost
//! one link of the graph, are all reached, and lead back.

use std::collections::HashMap;
use std::sync::Mutex;
use std::sync::atomic::AtomicBool;

use crate::space::RowSpace;
use crate::{Graph, NONE, parallel};

#[derive(Default)]
pub(crate) struct Twins {
    /// Twins by the row that stands for them, ascending.
    groups: HashMap<u32, Vec<u32>>,
    twin: Vec<bool>,
}

impl Twins {
    /// Looks for rows with equal keys and compares them. Incomplete once `cancel` is set.
    pub(crate) fn find<S: RowSpace>(space: &S, threads: usize, cancel: &AtomicBool) -> Twins {
        const CHUNK: usize = 4096;
        let n = space.len();
        let mut keys = vec![0u64; n];
        let pieces: Vec<Mutex<&mut [u64]>> = keys.chunks_mut(CHUNK).map(Mutex::new).collect();
        parallel::for_chunks(
            threads,
            0..n,
            CHUNK,
            cancel,
            || (),
            |(), range| {
                let first = range.start;
                // Each piece is locked once; a poisoned lock would mean a panic that the scope passes on anyway.
                if let Ok(mut piece) = pieces[first / CHUNK].lock() {
                    for (i, key) in piece.iter_mut().enumerate() {
                        *key = space.point_key((first + i) as u32);
                    }
                }
            },
        );
        drop(pieces);
        let mut first_of: HashMap<u64, u32> = HashMap::with_capacity(n);
        let mut twins = Twins {
            groups: HashMap::new(),
            twin: vec![false; n],
        };
        for (id, key) in keys.into_iter().enumerate() {
            let first = *first_of.entry(key).or_insert(id as u32);
            // Of rows whose keys collide without being equal, only those like the first are twins; the others are nodes.
            if first != id as u32 && space.same_point(first, id as u32) {
                twins.groups.entry(first).or_default().push(id as u32);
                twins.twin[id] = true;
            }
        }
        twins
    }

    pub(crate) fn is_twin(&self, id: u32) -> bool {
        self.twin[id as usize]
    }

    pub(crate) fn has_twins(&self, id: u32) -> bool {
        !self.groups.is_empty() && self.groups.contains_key(&id)
    }

    /// Hangs the twins under the rows that stand for them.
    pub(crate) fn attach(&self, graph: &mut Graph) {
        let stride = graph.header.m0 as usize;
        let fan = stride - 1;
        for (first, twins) in &self.groups {
            let slots = &mut graph.layer_0[*first as usize * stride..][..stride];
            // The build left one slot free.
            if let Some(slot) = slots.iter_mut().find(|slot| **slot == NONE) {
                *slot = twins[0];
            }
            for (i, twin) in twins.iter().enumerate() {
                let parent = if i == 0 { *first } else { twins[(i - 1) / fan] };
                let children = twins.iter().skip(i * fan + 1).take(fan);
                let slots = &mut graph.layer_0[*twin as usize * stride..][..stride];
                for (slot, link) in slots
                    .iter_mut()
                    .zip(std::iter::once(&parent).chain(children))
                {
                    *slot = *link;
                }
            }
        }
    }
}
