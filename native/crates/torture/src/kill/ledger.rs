//! What a process said before it died, and whether the store agrees with it.

use std::collections::BTreeMap;

use omendb_store::Store;
use serde::{Deserialize, Serialize};

use super::ops::{Op, Rows, World, read};

/// The code of what is refused because the history's rule took its entry out meanwhile.
pub(crate) const PRUNED: &str = "HISTORY_PRUNED";

/// A line that the process prints.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub enum Line {
    /// The process runs.
    Start,
    /// The store is about to be opened.
    Opening,
    /// The store is open.
    Opened,
    /// The store is about to be closed.
    Closing,
    /// The store is closed.
    Closed,
    /// A writer begins an operation.
    Begin { writer: usize, op: Op },
    /// The operation is acknowledged, with what it gave.
    Done { writer: usize, gave: u64 },
    /// The store answered with an error; the writer goes on if it is an expected one.
    Failed {
        writer: usize,
        code: String,
        message: String,
    },
}

/// Acknowledged rows, and the operations of which nothing is known.
#[derive(Debug, Clone, Default)]
pub struct Ledger {
    world: World,
    /// The operation in flight of each writer.
    open: BTreeMap<usize, Op>,
    /// Operations that failed: like one in flight, each may be there or not.
    failed: Vec<Op>,
    /// Operations acknowledged.
    pub acknowledged: u64,
    /// Errors that operations answered with: code and last message.
    pub codes: BTreeMap<String, String>,
    place: &'static str,
    /// Whether the store was killed when it was last open.
    killed: bool,
}

impl Ledger {
    /// Takes in a line.
    ///
    /// # Errors
    /// An operation that gave another result than it should have.
    pub fn hear(&mut self, line: Line) -> Result<(), String> {
        match line {
            Line::Start => {
                self.place = "start";
                // What the process before had in flight.
                self.failed
                    .extend(std::mem::take(&mut self.open).into_values());
            }
            Line::Opening => {
                self.place = if self.killed { "recovery" } else { "open" };
                self.killed = true;
            }
            Line::Opened => self.place = "between",
            Line::Closed => {
                self.place = "between";
                self.killed = false;
            }
            Line::Closing => self.place = "close",
            Line::Begin { writer, op } => {
                self.open.insert(writer, op);
            }
            Line::Done { writer, gave } => {
                let op = self
                    .open
                    .remove(&writer)
                    .ok_or("an end without a beginning")?;
                self.acknowledged += 1;
                let due = op.apply(&mut self.world);
                if due != gave {
                    return Err(format!("{op:?} gave {gave} instead of {due}"));
                }
            }
            Line::Failed {
                writer,
                code,
                message,
            } => {
                let op = self.open.remove(&writer);
                // See `Op::run`: refused, with nothing done.
                if code == PRUNED {
                    return Ok(());
                }
                self.codes.insert(code, message);
                self.failed.extend(op);
            }
        }
        Ok(())
    }

    /// Where the process was when it said its last: the operation in flight, or opening, closing.
    pub fn place(&self) -> &'static str {
        self.open.values().next().map_or(self.place, Op::kind)
    }

    /// The rows of all that was acknowledged.
    pub fn rows(&self) -> &Rows {
        &self.world.rows
    }

    /// Whether the handle that had an error still shows just what it acknowledged.
    ///
    /// # Errors
    /// What it shows instead.
    pub fn shown(&self, store: &Store) -> Result<(), String> {
        let found = read(store)?;
        if found == self.world.rows {
            return Ok(());
        }
        Err(difference(&self.world.rows, &found, &self.failed))
    }

    /// Compares with the store, and takes what is there as acknowledged from now on.
    ///
    /// # Errors
    /// What is lost, invented or torn.
    pub fn settle(&mut self, store: &Store) -> Result<(), String> {
        let found = read(store)?;
        self.killed = false;
        let mut open: Vec<Op> = std::mem::take(&mut self.failed);
        open.extend(std::mem::take(&mut self.open).into_values());
        if open.len() > 8 {
            return Err(format!("{} operations failed", open.len()));
        }
        // Each of them is there whole, or not at all. All first: one that leaves the rows as they were may be in the history.
        for missing in 0..1u32 << open.len() {
            let mut world = self.world.clone();
            for (n, op) in open.iter().enumerate() {
                if missing >> n & 1 == 0 {
                    op.apply(&mut world);
                }
            }
            if world.rows == found {
                self.world = world;
                return Ok(());
            }
        }
        Err(difference(&self.world.rows, &found, &open))
    }
}

fn difference(acknowledged: &Rows, found: &Rows, open: &[Op]) -> String {
    let mut out = Vec::new();
    for (name, rows) in acknowledged {
        let Some(there) = found.get(name) else {
            out.push(format!("{name} is gone with {} rows", rows.len()));
            continue;
        };
        let lost = rows.iter().filter(|(id, n)| there.get(id) != Some(n));
        out.extend(lost.take(3).map(|(id, row)| {
            format!("{name}: r{id} should be {row:?} and is {:?}", there.get(id))
        }));
    }
    for (name, there) in found {
        let known = acknowledged.get(name);
        let extra = there
            .iter()
            .filter(|(id, _)| known.is_none_or(|rows| !rows.contains_key(id)));
        out.extend(
            extra
                .take(3)
                .map(|(id, row)| format!("{name}: r{id} = {row:?} is extra")),
        );
    }
    format!("{}; in flight: {open:?}", out.join(", "))
}

#[cfg(test)]
mod tests {
    use std::path::Path;
    use std::sync::Arc;

    use omendb_store::OpenOptions;
    use omendb_store::vfs::MemVfs;

    use super::*;

    fn put(ids: &[u32], n: i64) -> Op {
        Op::Put {
            to: "a".to_owned(),
            ids: ids.to_vec(),
            n,
        }
    }

    /// A store in which these were done, and a ledger that was told of others.
    fn settle(done: &[Op], acknowledged: &[Op], in_flight: Option<Op>) -> Result<(), String> {
        let options = OpenOptions {
            create: true,
            background: false,
            ..OpenOptions::default()
        };
        let store = Store::open_with(Arc::new(MemVfs::new()), Path::new("/x.db"), options).unwrap();
        let create = Op::Create { to: "a".to_owned() };
        create.run(&store).unwrap();
        let mut ledger = Ledger::default();
        create.apply(&mut ledger.world);
        for op in done {
            op.run(&store).unwrap();
        }
        for op in acknowledged {
            op.apply(&mut ledger.world);
        }
        ledger.open.extend(in_flight.map(|op| (0, op)));
        ledger.settle(&store)
    }

    #[test]
    fn an_operation_in_flight_may_be_there_or_not() {
        let (one, two) = (put(&[1, 2], 1), put(&[2, 3], 2));
        let first = std::slice::from_ref(&one);
        settle(first, first, Some(two.clone())).unwrap();
        settle(&[one.clone(), two.clone()], first, Some(two)).unwrap();
    }

    #[test]
    fn a_way_back_in_flight_may_be_there_or_not() {
        let edit = Op::Edit {
            to: "a".to_owned(),
            ids: vec![1, 7],
            n: 2,
        };
        let back = Op::Revert {
            to: "a".to_owned(),
            before: 2,
            n: 3,
        };
        let acknowledged = [put(&[1, 2], 1), edit.clone()];
        settle(&acknowledged, &acknowledged, Some(back.clone())).unwrap();
        let done = [put(&[1, 2], 1), edit, back.clone()];
        settle(&done, &acknowledged, Some(back)).unwrap();
        let lost = settle(&done[..1], &acknowledged, None);
        assert!(
            lost.unwrap_err()
                .contains("r1 should be Row { n: 1, edited: Some(2) }")
        );
    }

    #[test]
    fn what_is_lost_invented_or_torn_is_named() {
        let (one, two) = (put(&[1, 2], 1), put(&[2, 3], 2));
        let first = std::slice::from_ref(&one);
        let both = [one.clone(), two.clone()];
        let lost = settle(first, &both, None);
        assert!(lost.unwrap_err().contains("r3 should be Row { n: 2"));
        let invented = settle(&both, first, None);
        assert!(invented.unwrap_err().contains("r3 = Row { n: 2"));
        let torn = settle(&[one.clone(), put(&[2], 2)], first, Some(two));
        assert!(torn.unwrap_err().contains("in flight"));
    }
}
