//! The graph, in memory: link lists over rows that are known by their numbers.

use omendb_distance::Metric;

use crate::NONE;

/// The largest dimension of vectors.
pub const MAX_DIMENSION: usize = 65_536;
/// The most links of a node on an upper layer; layer 0 may have twice as many.
pub const MAX_M: usize = 256;
/// The highest level that a node may have.
pub const MAX_LEVEL: usize = 31;

/// The numbers that describe a graph.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    /// Number of nodes.
    pub nodes: u32,
    /// Dimension of the vectors.
    pub dimension: u32,
    /// Metric of the vectors.
    pub metric: Metric,
    /// Links a node on each layer above 0.
    pub m: u32,
    /// Links a node on layer 0.
    pub m0: u32,
    /// The node where a search starts; [`NONE`] when there is no node.
    pub entry: u32,
    /// Level of the entry node.
    pub top_level: u32,
    /// Pool size of the build.
    pub ef_construction: u32,
    /// Seed of the build.
    pub seed: u64,
    /// Number of link blocks above layer 0.
    pub upper_blocks: u32,
}

/// A graph in memory, as [`build`](crate::build()) makes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Graph {
    pub(crate) header: Header,
    pub(crate) first_upper: Vec<u32>,
    pub(crate) layer_0: Vec<u32>,
    pub(crate) upper: Vec<u32>,
}

impl Graph {
    /// The graph, to be searched.
    pub fn view(&self) -> GraphView<'_> {
        GraphView {
            header: self.header,
            first_upper: &self.first_upper,
            layer_0: &self.layer_0,
            upper: &self.upper,
        }
    }
}

/// A graph that lies in someone else's memory, such as a mapped file. Cheap to copy.
#[derive(Clone, Copy, Debug)]
pub struct GraphView<'a> {
    header: Header,
    first_upper: &'a [u32],
    layer_0: &'a [u32],
    upper: &'a [u32],
}

impl<'a> GraphView<'a> {
    /// A graph of slices; `None` when their lengths are not those that the header says.
    pub(crate) fn new(
        header: Header,
        first_upper: &'a [u32],
        layer_0: &'a [u32],
        upper: &'a [u32],
    ) -> Option<GraphView<'a>> {
        let fits = first_upper.len() == header.nodes as usize + 1
            && layer_0.len() == header.nodes as usize * header.m0 as usize
            && upper.len() == header.upper_blocks as usize * header.m as usize;
        fits.then_some(GraphView {
            header,
            first_upper,
            layer_0,
            upper,
        })
    }

    pub(crate) fn slices(&self) -> (&'a [u32], &'a [u32], &'a [u32]) {
        (self.first_upper, self.layer_0, self.upper)
    }

    /// Whether the levels of the nodes add up. A search does without.
    pub(crate) fn check_levels(&self) -> Result<(), String> {
        let ends = (self.first_upper.first(), self.first_upper.last());
        if ends != (Some(&0), Some(&self.header.upper_blocks)) {
            return Err("the levels of its nodes do not add up".to_owned());
        }
        let mut top = 0;
        for (node, pair) in self.first_upper.windows(2).enumerate() {
            match pair[1].checked_sub(pair[0]) {
                Some(level) if level <= self.header.top_level => top = top.max(level),
                _ => return Err(format!("node {node} has a level out of range")),
            }
        }
        if top != self.header.top_level
            || self.entry().is_some_and(|entry| self.level(entry) != top)
        {
            return Err("its entry node is not on its top level".to_owned());
        }
        Ok(())
    }

    /// Whether every link leads to a node of its level. Reads all links; a search does without.
    pub(crate) fn check_links(&self) -> Result<(), String> {
        let n = self.header.nodes;
        let blocks = self.layer_0.chunks_exact(self.header.m0 as usize);
        for (node, block) in blocks.enumerate() {
            if !links_are_sound(block, |link| link < n) {
                return Err(format!("node {node} has a link to nowhere"));
            }
        }
        for node in 0..n {
            for level in 1..=self.level(node) {
                let block = self.links(node, level);
                if !links_are_sound(block, |link| link < n && self.level(link) >= level) {
                    return Err(format!(
                        "node {node} has a link to nowhere on level {level}"
                    ));
                }
            }
        }
        Ok(())
    }

    /// The numbers that describe the graph.
    pub fn header(&self) -> &Header {
        &self.header
    }

    /// Number of nodes.
    #[inline]
    pub fn len(&self) -> usize {
        self.header.nodes as usize
    }

    /// Whether there is no node.
    pub fn is_empty(&self) -> bool {
        self.header.nodes == 0
    }

    /// The node where a search starts.
    #[inline]
    pub fn entry(&self) -> Option<u32> {
        (self.header.entry != NONE).then_some(self.header.entry)
    }

    /// The level of a node, 0 for one that does not exist.
    pub fn level(&self, node: u32) -> u32 {
        let i = node as usize;
        match (self.first_upper.get(i), self.first_upper.get(i + 1)) {
            (Some(from), Some(to)) => to.saturating_sub(*from),
            _ => 0,
        }
    }

    /// The block of links of a node on a level: neighbours, then [`NONE`] to its end; empty when the node is not on that level.
    #[inline]
    pub fn links(&self, node: u32, level: u32) -> &'a [u32] {
        let (words, block, stride) = if level == 0 {
            (self.layer_0, node as usize, self.header.m0 as usize)
        } else if level <= self.level(node) {
            let first = self.first_upper.get(node as usize).copied().unwrap_or(NONE);
            (
                self.upper,
                first as usize + level as usize - 1,
                self.header.m as usize,
            )
        } else {
            return &[];
        };
        words
            .get(block * stride..(block + 1) * stride)
            .unwrap_or(&[])
    }
}

/// Links first, all to sound nodes, then [`NONE`] alone.
fn links_are_sound(block: &[u32], sound: impl Fn(u32) -> bool) -> bool {
    let count = block
        .iter()
        .position(|link| *link == NONE)
        .unwrap_or(block.len());
    block[..count].iter().all(|link| sound(*link))
        && block[count..].iter().all(|link| *link == NONE)
}
