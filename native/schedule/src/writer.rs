//! A writer: says what it is about to do, does it, and looks whether it is there.

use std::collections::BTreeMap;
use std::sync::Arc;

use omendb_store::{Collection, Error, Id, ImportTarget, Result, Store};
use shuttle::rand::{Rng, thread_rng};

use crate::model::{Moments, SECOND, State};
use crate::table::{self, NAME};

/// Pairs that the first writer works on.
const PAIRS: i64 = 5;

/// A writer with rows of its own.
pub struct Writer {
    store: Arc<Store>,
    moments: Arc<Moments>,
    lane: usize,
    /// Its rows now.
    now: State,
    /// Its rows before each entry of the history.
    before: BTreeMap<u64, State>,
    stamp: i64,
}

fn below(n: u32) -> u32 {
    thread_rng().gen_range(0..n)
}

impl Writer {
    /// The first writer, before there is a collection.
    pub fn first(store: &Arc<Store>, moments: &Arc<Moments>) -> Writer {
        Writer {
            store: store.clone(),
            moments: moments.clone(),
            lane: 0,
            now: None,
            before: BTreeMap::new(),
            stamp: 0,
        }
    }

    /// The second one, once there is a collection.
    pub fn second(store: &Arc<Store>, moments: &Arc<Moments>) -> Writer {
        let mut writer = Writer::first(store, moments);
        writer.lane = 1;
        writer.now = Some(BTreeMap::new());
        moments.begin(1, &writer.now);
        moments.acknowledge(1);
        writer
    }

    fn collection(&self) -> Arc<Collection> {
        self.store.collection(NAME).expect("the collection is there")
    }

    /// The newest entry of the history, if any is left.
    fn newest(&self) -> Option<u64> {
        self.store.history(1).first().map(|e| e.entry.seq)
    }

    /// Says that `next` comes, does it, and checks that it came.
    fn step<T>(&mut self, next: State, act: impl FnOnce(&Writer) -> Result<T>) -> Option<T> {
        self.moments.begin(self.lane, &next);
        match act(self) {
            Ok(done) => {
                self.moments.acknowledge(self.lane);
                let before = std::mem::replace(&mut self.now, next);
                if let Some(seq) = self.newest() {
                    self.before.entry(seq).or_insert(before);
                }
                let floor = self.moments.acknowledged();
                let seen = table::read(&table::snapshot(&self.store));
                let found = self.moments.moment(&seen, &floor);
                found.expect("what was acknowledged is seen");
                Some(done)
            }
            // The compactor made the history forget meanwhile.
            Err(Error::HistoryPruned { .. } | Error::NothingToUndo { .. }) => {
                self.moments.withdraw(self.lane);
                None
            }
            Err(e) => panic!("writer {}: {e}", self.lane),
        }
    }

    fn with(&mut self, pairs: &[i64]) -> State {
        self.stamp += 1;
        let mut next = self.now.clone().unwrap_or_default();
        for id in pairs.iter().flat_map(|pair| table::ids(*pair)) {
            next.insert(id, (self.stamp, self.stamp));
        }
        Some(next)
    }

    fn some_pairs(&self) -> Vec<i64> {
        let first = i64::from(below(PAIRS as u32));
        let count = i64::from(1 + below(3));
        let offset = if self.lane == 1 { SECOND / 2 } else { 0 };
        (first..first + count).map(|p| offset + p % PAIRS).collect()
    }

    /// Makes the collection.
    pub fn create(&mut self) {
        self.step(Some(BTreeMap::new()), |w| {
            w.store.create_collection(table::spec())
        });
    }

    /// Adds some pairs, or puts new ones in their place.
    pub fn add(&mut self) {
        let pairs = self.some_pairs();
        let next = self.with(&pairs);
        let (columns, vectors) = table::rows(&pairs, self.stamp);
        self.step(next, |w| w.collection().add(columns, &vectors));
    }

    fn import(&mut self) {
        let pairs = [0, 1, 2];
        let next = self.with(&pairs);
        let (columns, vectors) = table::rows(&pairs, self.stamp);
        let target = if self.now.is_some() {
            ImportTarget::Existing(NAME.to_owned())
        } else {
            ImportTarget::New(table::spec())
        };
        if below(4) == 0 {
            // Given up: nothing of it is ever seen.
            let mut import = self.store.begin_import(target).expect("an import");
            import.append(&columns, &vectors).expect("its rows");
            return;
        }
        self.step(next, |w| {
            let mut import = w.store.begin_import(target)?;
            import.append(&columns, &vectors)?;
            import.commit()
        });
    }

    /// A pair that is there.
    fn pair(&self) -> Option<i64> {
        let rows = self.now.as_ref()?;
        let at = below(rows.len().max(1) as u32) as usize;
        rows.keys().nth(at).map(|id| id / 2)
    }

    fn edit(&mut self) {
        let Some(pair) = self.pair() else { return };
        self.stamp += 1;
        let stamp = self.stamp;
        let mut next = self.now.clone();
        for id in table::ids(pair) {
            if let Some(cells) = next.as_mut().and_then(|rows| rows.get_mut(&id)) {
                cells.0 = stamp;
            }
        }
        let snapshot = self.collection().snapshot();
        let rows = table::ids(pair).map(|id| snapshot.row_of(&Id::Int(id)).expect("its row"));
        self.step(next, |w| {
            w.collection().edit(&rows, &table::stamp(stamp), None)
        });
    }

    fn delete(&mut self) {
        let Some(pair) = self.pair() else { return };
        let mut next = self.now.clone();
        next.as_mut()
            .expect("it has rows")
            .retain(|id, _| id / 2 != pair);
        let ids = table::ids(pair).map(Id::Int);
        self.step(next, |w| w.collection().delete_ids(&ids));
    }

    fn take_back(&mut self) {
        let info = self.collection().info();
        let (undo, redo) = (info.undo, info.redo);
        let way = below(3);
        let target = match way {
            0 => undo.map(|e| e.seq),
            1 => redo.map(|e| e.seq),
            _ => {
                let id = undo.or(redo).map(|e| e.collection_id);
                let entries = self.store.history(usize::MAX);
                let own = entries
                    .iter()
                    .filter(|e| Some(e.entry.collection_id) == id);
                let own: Vec<u64> = own.map(|e| e.entry.seq).collect();
                let at = below(own.len().max(1) as u32) as usize;
                own.get(at).copied()
            }
        };
        let Some(target) = target else { return };
        let Some(next) = self.before.get(&target).cloned() else {
            return;
        };
        let entry = self.step(next, |w| match way {
            0 => w.store.undo(NAME),
            1 => w.store.redo(NAME),
            _ => w.store.revert(target, None),
        });
        if let Some(entry) = entry {
            assert_eq!(entry.target, Some(target), "another change was taken back");
        }
    }

    fn drop_collection(&mut self) {
        self.step(None, |w| w.store.drop_collection(NAME));
    }

    /// The collection that is gone comes back as it was, or another is made.
    fn bring_back(&mut self) {
        let gone = self.newest().filter(|_| below(3) > 0);
        match gone.and_then(|seq| Some((seq, self.before.get(&seq)?.clone()))) {
            Some((seq, next)) => {
                self.step(next, |w| w.store.revert(seq, None));
            }
            None if below(2) == 0 => self.create(),
            None => self.import(),
        }
    }

    /// So many writes of all kinds.
    pub fn write(&mut self, count: u32) {
        for _ in 0..count {
            if self.now.is_none() {
                self.bring_back();
                continue;
            }
            match below(12) {
                0..3 => self.add(),
                3..5 => self.edit(),
                5..7 => self.delete(),
                7..9 => self.import(),
                9..11 => self.take_back(),
                _ => self.drop_collection(),
            }
        }
    }

    /// So many writes that take nothing back, beside another writer.
    pub fn write_beside(&mut self, count: u32) {
        for _ in 0..count {
            match below(4) {
                0 | 1 => self.add(),
                2 => self.edit(),
                _ => self.delete(),
            }
        }
    }
}
