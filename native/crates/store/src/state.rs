//! What an open store is made of, and the order in which things happen.
//!
//! Two locks, always taken in this order:
//! - `commit` is held while something becomes durable: a sync of the log, a new manifest generation. Writers that wait for it
//!   find, when they get it, that the sync of another covered their record too: that is the group commit.
//! - `state` is held while the written state is looked at or changed: briefly, but for a checkpoint.
//!
//! A change is appended to the log and applied to `State` under `state`; it becomes visible (a new [`Snapshot`] in the
//! [`Core`]) and is acknowledged only after the sync. Readers take neither lock.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use arrow_schema::SchemaRef;
use roaring::RoaringBitmap;

use crate::durable::{Commit, Durable};
use crate::error::{Error, Result};
use crate::history::{Entry, Inverse, Ledger, Listed};
use crate::indexer::Indexer;
use crate::ingest::Batch;
use crate::lru::Lru;
use crate::manifest::{Manifest, MapEntry};
use crate::memtable::Memtable;
use crate::meta::{CollectionMeta, Id};
use crate::part::Part;
use crate::reader::Reader;
use crate::revision::Revision;
use crate::snapshot::Snapshot;
use crate::sync::{ArcSwap, AtomicBool, AtomicU64, Mutex, MutexGuard, RwLock};
use crate::vfs::{Disk, Lock};
use crate::wal::Wal;

/// Past states that are kept at hand.
const PAST_KEPT: usize = 4;

/// What all handles of an open store share.
pub(crate) struct Shared {
    pub root: PathBuf,
    pub disk: Arc<Disk>,
    state: Mutex<State>,
    /// The collections by name, as they are durable.
    pub cores: RwLock<BTreeMap<String, Arc<Core>>>,
    pub revision: Revision,
    pub history: RwLock<Listed>,
    /// Held while segments are compacted: one at a time.
    pub compacting: Mutex<()>,
    /// States of the past that were looked at.
    pub past: Mutex<Lru<(u64, u32), Arc<Snapshot>>>,
    pub generation: AtomicU64,
    pub wal_bytes: AtomicU64,
    pub sealed_bytes: AtomicU64,
    durable: Durable,
    pub closed: AtomicBool,
    pub lock: Mutex<Option<Box<dyn Lock>>>,
    pub indexer: Indexer,
    /// Set when the store is open for reading only.
    pub reader: Option<Reader>,
}

/// The written state: everything appended to the log, synced or not.
pub(crate) struct State {
    pub manifest: Manifest,
    /// The generation before, whose files are kept too.
    pub previous: Option<Manifest>,
    /// The newest log file.
    pub wal: Wal,
    pub collections: BTreeMap<u32, Written>,
    /// Ids for the next segment and map: never one whose files may still lie there.
    pub next_segment: u64,
    pub next_map: u64,
    /// Segments of imports in flight: their files go at close.
    pub imports: Vec<u64>,
    /// Sealed files that no kept generation names and that could not be removed yet.
    pub garbage: Vec<PathBuf>,
    /// Sealed files that are being copied: they are not removed.
    pub pins: Vec<Arc<BTreeSet<PathBuf>>>,
    pub manifest_bytes: u64,
    /// Changes that only the log holds.
    pub ledger: Ledger,
}

/// The written state of one collection.
pub(crate) struct Written {
    pub meta: Arc<CollectionMeta>,
    pub schema: SchemaRef,
    /// One for each segment of the manifest's entry, in its order.
    pub sealed: Vec<Arc<Part>>,
    pub memtable: Memtable,
    pub deleted: Arc<RoaringBitmap>,
    pub next_row: u32,
    /// Columns of sealed parts (by position in `sealed`) with values that no file holds yet.
    pub edited: BTreeMap<usize, BTreeSet<usize>>,
    /// Whether there are changes that the published snapshot does not show.
    pub dirty: bool,
    pub core: Arc<Core>,
}

/// A batch that is checked and numbered, and not applied.
pub(crate) struct Staged {
    pub rows: Range<u32>,
    memtable: Memtable,
    pub dead: Vec<u32>,
}

/// What readers are to see once it is durable.
pub(crate) struct Unseen {
    snapshots: Vec<(Arc<Core>, Arc<Snapshot>)>,
    history: Vec<Arc<Entry>>,
}

/// What readers see of a collection.
pub(crate) struct Core {
    pub id: u32,
    pub snapshot: ArcSwap<Snapshot>,
    pub meta: ArcSwap<CollectionMeta>,
    pub maps: ArcSwap<Vec<MapEntry>>,
    pub dropped: AtomicBool,
}

impl Written {
    /// Sealed parts and memtable, ascending by row number.
    pub fn parts(&self) -> impl DoubleEndedIterator<Item = &Arc<Part>> {
        self.sealed.iter().chain(self.memtable.parts())
    }

    /// The live row of an id.
    pub fn find(&self, id: &Id) -> Option<u32> {
        self.parts()
            .rev()
            .find_map(|part| part.row_of(id, |row| !self.deleted.contains(row)))
    }

    /// Whether the row exists and is not deleted.
    pub fn is_live(&self, row: u32) -> bool {
        // What compacting took away stays in the bitmap of the dead.
        row < self.next_row && !self.deleted.contains(row)
    }

    /// What a batch would make of this collection. Nothing is changed yet.
    pub fn stage(&self, batch: Batch) -> Result<Staged> {
        let first_row = self.next_row;
        let end = first_row
            .checked_add(batch.rows)
            .ok_or_else(|| Error::LimitExceeded {
                what: "row numbers of a collection".to_owned(),
                limit: u64::from(u32::MAX),
                actual: u64::from(first_row) + u64::from(batch.rows),
            })?;
        let mut dead: Vec<u32> = batch.ids.keys().filter_map(|id| self.find(id)).collect();
        dead.extend(batch.replaced.iter().map(|p| first_row + p));
        let memtable = self
            .memtable
            .with(batch.into_part(&self.meta, first_row)?, &self.schema)?;
        Ok(Staged {
            rows: first_row..end,
            memtable,
            dead,
        })
    }

    /// Carries out what was staged.
    pub fn apply(&mut self, staged: Staged) {
        self.memtable = staged.memtable;
        self.next_row = staged.rows.end;
        self.bury(staged.dead);
        self.dirty = true;
    }

    /// Lets the rows of a change die and live.
    pub fn turn(&mut self, inverse: &Inverse) {
        if !inverse.died.is_empty() || !inverse.revived.is_empty() {
            let deleted = Arc::make_mut(&mut self.deleted);
            *deleted |= &inverse.died;
            *deleted -= &inverse.revived;
            self.dirty = true;
        }
    }

    /// Marks rows as dead.
    pub fn bury(&mut self, rows: impl IntoIterator<Item = u32>) {
        let mut rows = rows.into_iter().peekable();
        if rows.peek().is_some() {
            Arc::make_mut(&mut self.deleted).extend(rows);
        }
    }
}

impl Shared {
    pub fn new(
        root: PathBuf,
        disk: Arc<Disk>,
        state: State,
        lock: Option<Box<dyn Lock>>,
        cores: BTreeMap<String, Arc<Core>>,
        indexer: Indexer,
    ) -> Shared {
        let shared = Shared {
            root,
            disk,
            generation: AtomicU64::new(state.manifest.generation),
            wal_bytes: AtomicU64::new(0),
            sealed_bytes: AtomicU64::new(0),
            durable: Durable::new(state.wal.last_lsn()),
            state: Mutex::new(state),
            cores: RwLock::new(cores),
            revision: Revision::new(),
            history: RwLock::default(),
            compacting: Mutex::new(()),
            past: Mutex::new(Lru::new(PAST_KEPT)),
            closed: AtomicBool::new(false),
            lock: Mutex::new(lock),
            indexer,
            reader: None,
        };
        {
            let state = shared.state.lock();
            shared.count_bytes(&state);
            shared.list_history(&state);
        }
        shared
    }

    /// Fails when the handle is closed, poisoned, or only for reading.
    pub fn check(&self) -> Result<()> {
        if self.closed.load(Ordering::Acquire) {
            return Err(Error::Closed);
        }
        if self.reader.is_some() {
            return Err(Error::ReadOnly);
        }
        self.disk.check()
    }

    /// The written state, to change it.
    pub fn write(&self) -> Result<MutexGuard<'_, State>> {
        let state = self.state.lock();
        self.check()?;
        Ok(state)
    }

    /// The right to publish, and the written state.
    pub fn publishing(&self) -> Result<(MutexGuard<'_, Commit>, MutexGuard<'_, State>)> {
        let commit = self.durable.commit();
        Ok((commit, self.write()?))
    }

    /// Both locks, whatever the handle's state; for closing.
    pub fn both(&self) -> (MutexGuard<'_, Commit>, MutexGuard<'_, State>) {
        (self.durable.commit(), self.state.lock())
    }

    /// LSN up to which the log is known to be synced.
    pub fn durable(&self) -> u64 {
        self.durable.lsn()
    }

    /// Returns once the record with this LSN is durable and visible.
    pub fn acknowledge(&self, lsn: u64) -> Result<()> {
        self.durable.wait(lsn, |_| {
            self.disk.check()?;
            let (file, written, unseen) = {
                let mut state = self.state.lock();
                let unseen = self.unseen(&mut state);
                (state.wal.file().clone(), state.wal.last_lsn(), unseen)
            };
            file.sync()?;
            self.show(unseen);
            Ok(written)
        })
    }

    /// Makes everything in the log durable and visible, under both locks.
    pub fn sync(&self, commit: &Commit, state: &mut State) -> Result<()> {
        if self.durable() < state.wal.last_lsn() {
            let unseen = self.unseen(state);
            state.wal.file().sync()?;
            self.durable.reached(commit, state.wal.last_lsn());
            self.show(unseen);
        }
        Ok(())
    }

    /// After a new log file was begun: all records before it are durable.
    pub fn log_replaced(&self, commit: &Commit, state: &State) {
        self.durable.reached(commit, state.wal.last_lsn());
    }

    /// What changed since it was last shown.
    pub fn unseen(&self, state: &mut State) -> Unseen {
        let generation = state.manifest.generation;
        let mut snapshots = Vec::new();
        for written in state.collections.values_mut().filter(|w| w.dirty) {
            written.dirty = false;
            let revision = self.revision.next();
            snapshots.push((
                written.core.clone(),
                Arc::new(snapshot_of(written, generation, revision)),
            ));
        }
        Unseen {
            snapshots,
            history: state.ledger.take_unshown(),
        }
    }

    /// Lets readers see it.
    pub fn show(&self, unseen: Unseen) {
        let Unseen { snapshots, history } = unseen;
        if snapshots.is_empty() && history.is_empty() {
            return;
        }
        self.revision.change(|| {
            for (core, snapshot) in snapshots {
                core.snapshot.store(snapshot);
            }
            self.history.write().show(history);
        });
    }

    /// Lets readers see the whole history, all of which is durable.
    pub fn list_history(&self, state: &State) {
        let listed = Listed::new(&state.manifest.history, &state.ledger.pending);
        *self.history.write() = listed;
    }

    pub fn count_bytes(&self, state: &State) {
        self.wal_bytes.store(state.wal.bytes(), Ordering::Relaxed);
        let sealed: u64 = state.manifest.files().map(|(_, f)| f.bytes).sum();
        self.sealed_bytes
            .store(sealed + state.manifest_bytes, Ordering::Relaxed);
        self.generation
            .store(state.manifest.generation, Ordering::Release);
    }
}

/// The written state of a collection as readers see it.
pub(crate) fn snapshot_of(written: &Written, generation: u64, revision: u64) -> Snapshot {
    Snapshot::new(
        written.meta.clone(),
        written.parts().cloned().collect(),
        written.deleted.clone(),
        generation,
        revision,
    )
}
