//! What the writers did and are about to do, and so what may be seen.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Cells of a row: the stamp of the write that changed it last, and of the one that added it.
pub type Cells = (i64, i64);
/// Rows by id; `None` while there is no collection.
pub type State = Option<BTreeMap<i64, Cells>>;

/// Ids of the second writer begin here.
pub const SECOND: i64 = 1000;

/// The writer whose row this is.
fn lane_of(id: i64) -> usize {
    usize::from(id >= SECOND)
}

/// The states that one writer goes through, one after the other.
struct Lane {
    states: Vec<State>,
    /// The last one that was acknowledged; those after it are begun.
    acked: usize,
    /// The last one that somebody saw.
    seen: usize,
}

/// The states of all writers. Each has rows of its own, so what is seen must be one state of each.
pub struct Moments {
    /// An ordinary lock: nobody holds it at a point where the explorer may choose another thread.
    lanes: Mutex<Vec<Lane>>,
}

impl Moments {
    /// So many writers, and no collection.
    pub fn new(lanes: usize) -> Moments {
        let lane = |_| Lane {
            states: vec![None],
            acked: 0,
            seen: 0,
        };
        Moments {
            lanes: Mutex::new((0..lanes).map(lane).collect()),
        }
    }

    fn lanes(&self) -> MutexGuard<'_, Vec<Lane>> {
        self.lanes.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A writer begins what leads to `state`.
    pub fn begin(&self, lane: usize, state: &State) {
        self.lanes()[lane].states.push(state.clone());
    }

    /// What a writer began was acknowledged.
    pub fn acknowledge(&self, lane: usize) {
        let lane = &mut self.lanes()[lane];
        lane.acked = lane.states.len() - 1;
    }

    /// What a writer began was refused, so that nobody may have seen it.
    pub fn withdraw(&self, lane: usize) {
        let lane = &mut self.lanes()[lane];
        let before = lane.states[lane.acked].clone();
        assert!(
            lane.seen <= lane.acked || lane.states[lane.seen] == before,
            "a write that was refused was seen: {:?}",
            lane.states[lane.seen]
        );
        lane.states.truncate(lane.acked + 1);
        lane.seen = lane.seen.min(lane.acked);
    }

    /// What is acknowledged now, of each writer.
    pub fn acknowledged(&self) -> Vec<usize> {
        self.lanes().iter().map(|lane| lane.acked).collect()
    }

    /// The newest states, as one.
    pub fn last(&self) -> State {
        let lanes = self.lanes();
        let mut all = lanes.iter().map(|lane| lane.states[lane.acked].clone());
        let first = all.next().flatten();
        all.flatten().fold(first, |mut sum, rows| {
            sum.get_or_insert_default().extend(rows);
            sum
        })
    }

    /// The earliest moment that looks like `seen` and is none before `floor`.
    ///
    /// # Errors
    /// There is none.
    pub fn moment(&self, seen: &State, floor: &[usize]) -> Result<Vec<usize>, String> {
        let mut lanes = self.lanes();
        let mut moment = Vec::new();
        for (number, lane) in lanes.iter_mut().enumerate() {
            let of_it: State = seen.as_ref().map(|rows| {
                let own = rows.iter().filter(|(id, _)| lane_of(**id) == number);
                own.map(|(id, cells)| (*id, *cells)).collect()
            });
            let from = floor[number].min(lane.states.len());
            let Some(at) = lane.states[from..].iter().position(|s| *s == of_it) else {
                let before = lane.states[..from].contains(&of_it);
                let why = if before { "is of the past" } else { "never was" };
                return Err(format!(
                    "writer {number}: this {why}:\n  {of_it:?}\nthere may be:\n  {}",
                    lane.states[from..]
                        .iter()
                        .map(|s| format!("{s:?}"))
                        .collect::<Vec<_>>()
                        .join("\n  ")
                ));
            };
            lane.seen = lane.seen.max(from + at);
            moment.push(from + at);
        }
        Ok(moment)
    }
}
