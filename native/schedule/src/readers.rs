//! Those who look: each time at one moment, never at one before what was acknowledged or seen earlier.

use std::path::Path;
use std::sync::Arc;

use omendb_store::vfs::{MemVfs, Vfs};
use omendb_store::{OpenOptions, Snapshot, Store};
use shuttle::thread;

use crate::model::{Moments, State};
use crate::table::{self, NAME};

/// What was seen, to be looked at again.
type Kept = Vec<(Option<Arc<Snapshot>>, State)>;

/// Someone who looks.
pub struct Reader {
    moments: Arc<Moments>,
    /// The moment seen last.
    last: Vec<usize>,
    revision: u64,
    kept: Kept,
}

impl Reader {
    /// Has seen nothing yet.
    pub fn new(moments: &Arc<Moments>) -> Reader {
        Reader {
            moments: moments.clone(),
            last: moments.acknowledged().iter().map(|_| 0).collect(),
            revision: 0,
            kept: Vec::new(),
        }
    }

    /// What must be seen from now on.
    fn floor(&self) -> Vec<usize> {
        let acked = self.moments.acknowledged();
        acked
            .iter()
            .zip(&self.last)
            .map(|(a, l)| *a.max(l))
            .collect()
    }

    /// Looks at what the store shows, which must be nothing before `floor`.
    fn look(&mut self, store: &Store, floor: &[usize]) {
        let snapshot = table::snapshot(store);
        let state = table::read(&snapshot);
        match self.moments.moment(&state, floor) {
            Ok(moment) => self.last = moment,
            Err(e) => panic!("a reader saw what it may not see; {e}"),
        }
        self.kept.push((snapshot, state));
    }

    /// The revision, which never goes back.
    fn revision(&mut self, store: &Store) -> bool {
        let now = store.revision();
        assert!(now >= self.revision, "the revision went back");
        let moved = now > self.revision;
        self.revision = now;
        moved
    }

    /// Snapshots stay what they were.
    fn look_again(&self) {
        for (snapshot, state) in &self.kept {
            assert_eq!(table::read(snapshot), *state, "a snapshot changed");
        }
    }

    /// On the writer's handle, so many times.
    pub fn watch(mut self, store: &Store, times: u32) {
        for _ in 0..times {
            let floor = self.floor();
            self.look(store, &floor);
            self.revision(store);
            let info = store.info();
            assert!(!info.read_only && info.revision >= self.revision);
            let history = store.history(usize::MAX);
            let ordered = history.windows(2).all(|w| w[0].entry.seq > w[1].entry.seq);
            assert!(ordered, "a change stands twice: {history:?}");
        }
        self.look_again();
    }

    /// On the writer's handle, only when the revision tells of something new.
    pub fn poll(&mut self, store: &Store, times: u32) {
        for _ in 0..times {
            let floor = self.last.clone();
            if self.revision(store) {
                self.look(store, &floor);
            }
        }
        self.look_again();
    }

    /// What the one who polls believes.
    pub fn believes(&self) -> &State {
        &self.kept.last().expect("it looked once").1
    }

    /// On a handle of its own, for reading only.
    pub fn stand_beside(mut self, vfs: &MemVfs, root: &Path, times: u32) {
        let floor = self.floor();
        let store = open_to_read(vfs, root);
        self.look(&store, &floor);
        let shared = store.clone();
        let guest = thread::spawn(move || {
            let refused = shared.undo(NAME).expect_err("it is for reading only");
            assert_eq!(refused.code(), "READ_ONLY");
            assert!(shared.info().read_only);
            let problems = shared.verify().expect("it can be verified").problems;
            let harmful = problems.iter().find(|p| !p.harmless);
            assert!(harmful.is_none(), "damage: {harmful:?}");
        });
        for _ in 0..times {
            let floor = self.floor();
            store.refresh().expect("a refresh");
            self.look(&store, &floor);
            self.revision(&store);
            // It shows this until it is asked to look again.
            let shown = table::read(&table::snapshot(&store));
            assert_eq!(shown, *self.believes(), "it changed by itself");
        }
        guest.join().expect("the other one on its handle");
        self.look_again();
    }

    /// Takes a copy and looks at that.
    pub fn copy(mut self, store: &Store, vfs: &MemVfs, target: &Path) {
        let floor = self.floor();
        let never = std::sync::atomic::AtomicBool::new(false);
        store
            .backup(target, &|_, _| (), &never)
            .expect("a copy of the store");
        let copy = open_to_read(vfs, target);
        self.look(&copy, &floor);
        let problems = copy.verify().expect("it can be verified").problems;
        assert!(problems.is_empty(), "the copy is damaged: {problems:?}");
    }
}

fn open_to_read(vfs: &MemVfs, root: &Path) -> Arc<Store> {
    let vfs: Arc<dyn Vfs> = Arc::new(vfs.clone());
    let options = OpenOptions {
        read_only: true,
        ..OpenOptions::default()
    };
    Store::open_with(vfs, root, options).expect("it opens for reading")
}
