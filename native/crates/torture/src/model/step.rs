//! What a history is made of.

use proptest::prelude::*;

use crate::vfs::Damage;

/// Ids that the steps draw from: few, so that they collide.
const IDS: u64 = 24;
/// How far back a step looks.
const ENTRIES: usize = 12;

/// One step.
#[derive(Debug, Clone)]
pub enum Step {
    Add(Vec<(u64, i64)>),
    Import(Vec<(u64, i64)>),
    CancelledImport(Vec<(u64, i64)>),
    Delete(Vec<u64>),
    DeleteRows(Vec<u32>),
    /// Makes the second collection, or drops it.
    Toggle(Vec<(u64, i64)>),
    /// Brings the second collection back, if it was dropped.
    BringBack,
    AddColumn(u8),
    Edit(Vec<u64>, i64),
    Undo,
    Redo,
    /// Goes back before an entry of the history, counted from the newest.
    Revert(usize),
    /// Looks at the state before an entry of the history, counted from the newest.
    Past(usize),
    /// Compacts, and forgets the history first or not.
    Compact(bool),
    /// Takes all but so many entries out of the history.
    Keep(u32),
    /// Opens the store for reading as well, or refreshes what was opened so.
    Read,
    Backup,
    Checkpoint,
    Reopen,
    Kill,
    PowerCut(usize, u64),
    Exact(u64),
    Filtered(u64, i64, i64),
    Search(u64),
}

fn pairs(max: usize) -> impl Strategy<Value = Vec<(u64, i64)>> {
    prop::collection::vec((0..IDS, -50i64..50), 1..max)
}

pub fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        10 => pairs(6).prop_map(Step::Add),
        4 => pairs(30).prop_map(Step::Import),
        2 => pairs(30).prop_map(Step::CancelledImport),
        4 => prop::collection::vec(0..IDS, 1..4).prop_map(Step::Delete),
        2 => prop::collection::vec(0u32..200, 1..4).prop_map(Step::DeleteRows),
        1 => pairs(6).prop_map(Step::Toggle),
        1 => Just(Step::BringBack),
        5 => (prop::collection::vec(0..IDS, 1..6), 50i64..90).prop_map(|(ids, n)| Step::Edit(ids, n)),
        3 => Just(Step::Undo),
        3 => Just(Step::Redo),
        2 => (0..ENTRIES).prop_map(Step::Revert),
        3 => (0..ENTRIES).prop_map(Step::Past),
        3 => prop::bool::weighted(0.2).prop_map(Step::Compact),
        2 => (1u32..12).prop_map(Step::Keep),
        4 => Just(Step::Read),
        1 => Just(Step::Backup),
        1 => (0u8..4).prop_map(Step::AddColumn),
        3 => Just(Step::Checkpoint),
        2 => Just(Step::Reopen),
        2 => Just(Step::Kill),
        2 => (0..Damage::ALL.len(), any::<u64>()).prop_map(|(n, seed)| Step::PowerCut(n, seed)),
        3 => any::<u64>().prop_map(Step::Exact),
        3 => (any::<u64>(), -60i64..50, 0i64..60).prop_map(|(q, n, m)| Step::Filtered(q, n, n + m)),
        3 => any::<u64>().prop_map(Step::Search),
    ]
}
