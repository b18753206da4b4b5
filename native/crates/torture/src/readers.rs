//! Readers beside a writer. At each operation of the file system a seed says which of the two goes on, so that a reader opens, refreshes
//! and copies in the midst of anything that the writer does.
//!
//! What a reader shows must be what the store promised at some time while the reader looked: all that was acknowledged, with the write in
//! flight or without it. It stays as it is until the reader looks again.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::thread;

use omendb_store::vfs::MemVfs;
use omendb_store::{Error, OpenOptions, Result as Done, Store};

use crate::ledger::{Ledger, State};
use crate::part::{Budget, Outcome, Part};
use crate::rng::Rng;
use crate::tally::{Tally, guarded, on_all_cores};
use crate::vfs::{TurnVfs, Turns};
use crate::workload::{ALL, Bench, ROOT, Workload};

/// The part of the command.
pub const PART: Part = Part {
    name: "readers",
    about: "readers that open, refresh and copy between any two operations of a writer",
    count: 5_000,
    run,
};

const WRITER: usize = 0;
const READER: usize = 1;

/// Runs of the workloads until the budget is spent.
pub fn run(budget: &Budget) -> Outcome {
    let (tally, looks) = (Tally::default(), AtomicU64::new(0));
    on_all_cores(|n| {
        if n >= budget.count || !tally.goes_on(budget) {
            return false;
        }
        let workload = ALL[n as usize % ALL.len()];
        let seed = budget.seed.wrapping_add(n / ALL.len() as u64);
        match guarded(|| beside(workload, seed)) {
            Ok(seen) => drop(looks.fetch_add(seen, Ordering::Relaxed)),
            Err(e) => tally.fail(format!(
                "readers: workload {}, seed {seed}: {e}",
                workload.name()
            )),
        }
        tally.tried();
        true
    });
    let looks = looks.into_inner();
    tally.outcome(|count| format!("{count} runs of a writer, {looks} states seen by readers"))
}

/// Counts all that happens, in the order in which it happens.
#[derive(Debug, Clone, Default)]
struct Clock(Arc<AtomicUsize>);

impl Clock {
    fn tick(&self) -> usize {
        self.0.fetch_add(1, Ordering::SeqCst) + 1
    }
}

/// What a reader saw, and between which times.
struct Look {
    from: usize,
    to: usize,
    how: &'static str,
    state: Arc<State>,
}

/// One run of a workload with a reader beside it. Gives how often the reader looked.
fn beside(workload: &dyn Workload, seed: u64) -> Result<u64, String> {
    let files = Arc::new(MemVfs::new());
    let turns = Turns::new(seed);
    let clock = Clock::default();
    let over = AtomicBool::new(false);
    let (ledger, looks) = thread::scope(|scope| {
        let writing = scope.spawn(|| {
            let _turn = turns.begin(WRITER);
            let vfs = TurnVfs::new(files.clone(), turns.clone(), WRITER);
            let clock = clock.clone();
            let ledger = Ledger::new(move || clock.tick());
            let mut bench = Bench::new(Arc::new(vfs), workload.background(), seed, ledger);
            let done = guarded(|| workload.run(&mut bench).map_err(|e| e.to_string()));
            over.store(true, Ordering::SeqCst);
            done.map(|()| bench.ledger)
        });
        let mut reader = Reader {
            vfs: TurnVfs::new(files.clone(), turns.clone(), READER),
            clock: clock.clone(),
            rng: Rng::new(seed),
            store: None,
            looks: Vec::new(),
        };
        let read = guarded(|| {
            let _turn = turns.begin(READER);
            while !over.load(Ordering::SeqCst) {
                reader.look()?;
            }
            reader.look()
        });
        let ledger = writing.join().map_err(|_| "the writer is gone".to_owned());
        let ledger = ledger?.map_err(|e| format!("the writer: {e}"))?;
        read.map(|()| (ledger, reader.looks))
    })?;
    for look in &looks {
        let held = |state: &Arc<State>| **state == *look.state;
        let mut then = ledger.during(look.from, look.to);
        if !then.any(|e| held(&e.acked) || e.pending.as_ref().is_some_and(held)) {
            let last = ledger.at(look.to).check(&look.state);
            return Err(format!(
                "{} from {} to {}: {}",
                look.how,
                look.from,
                look.to,
                last.err().unwrap_or_default()
            ));
        }
    }
    Ok(looks.len() as u64)
}

struct Reader {
    vfs: TurnVfs,
    clock: Clock,
    rng: Rng,
    store: Option<Arc<Store>>,
    looks: Vec<Look>,
}

impl Reader {
    fn open(&self, path: &str) -> Done<Arc<Store>> {
        let options = OpenOptions {
            read_only: true,
            ..OpenOptions::default()
        };
        Store::open_with(Arc::new(self.vfs.clone()), Path::new(path), options)
    }

    /// Opens or refreshes, and reads all.
    fn look(&mut self) -> Result<(), String> {
        let from = self.clock.tick();
        let (how, store) = match self.store.take() {
            Some(store) => {
                let refreshed = store.refresh();
                refreshed.map_err(|e| format!("refreshing: {} {e}", e.code()))?;
                ("refreshed", store)
            }
            None => match self.open(ROOT) {
                Ok(store) => ("opened", store),
                // The writer has not made it yet.
                Err(Error::FileNotFound { .. } | Error::NotAStore { .. })
                    if self.looks.is_empty() =>
                {
                    return Ok(());
                }
                Err(e) => return Err(format!("opening: {} {e}", e.code())),
            },
        };
        let to = self.clock.tick();
        let state = match State::read(&store) {
            Ok(state) => Arc::new(state),
            // The file of a map, which is read from the disk each time.
            Err(Error::OutOfDate { .. }) => {
                self.store = Some(store);
                return Ok(());
            }
            Err(e) => return Err(format!("{how}: {e}")),
        };
        self.saw(how, from, to, state.clone());
        self.past(&store)?;
        match self.rng.below(12) {
            0 => return Ok(()),
            1 => self.copy(&store)?,
            // A while later it shows the same.
            2..5 => match State::read(&store) {
                Ok(again) if again != *state => return Err("it changed by itself".to_owned()),
                Ok(_) | Err(Error::OutOfDate { .. }) => {}
                Err(e) => return Err(format!("a while later: {e}")),
            },
            _ => {}
        }
        self.store = Some(store);
        Ok(())
    }

    fn saw(&mut self, how: &'static str, from: usize, to: usize, state: Arc<State>) {
        self.looks.push(Look {
            from,
            to,
            how,
            state,
        });
    }

    /// Any of the last states can be looked at, unless the writer has removed what it was made of.
    fn past(&mut self, store: &Store) -> Result<(), String> {
        let Some(entry) = store.history(1 + self.rng.below(4) as usize).pop() else {
            return Ok(());
        };
        match store.before(entry.entry.seq) {
            Ok(_) | Err(Error::UnknownCollection { .. } | Error::OutOfDate { .. }) => Ok(()),
            Err(e) => Err(format!("before {}: {} {e}", entry.entry.seq, e.code())),
        }
    }

    /// A reader's copy is of the newest state.
    fn copy(&mut self, store: &Store) -> Result<(), String> {
        let path = format!("/copy-of-a-reader-{}.db", self.looks.len());
        let from = self.clock.tick();
        let copied = store.backup(Path::new(&path), &|_, _| (), &AtomicBool::new(false));
        copied.map_err(|e| format!("copying: {} {e}", e.code()))?;
        let to = self.clock.tick();
        let copy = self.open(&path).map_err(|e| format!("the copy: {e}"))?;
        let state = State::read(&copy).map_err(|e| format!("the copy: {e}"))?;
        self.saw("copied", from, to, Arc::new(state));
        Ok(())
    }
}
