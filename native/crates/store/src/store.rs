//! The handle of an open store.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use arrow_schema::Field;
use serde::Serialize;

use crate::bulk::{BulkWriter, ImportTarget};
use crate::collection::{Collection, CollectionInfo};
use crate::durable::Commit;
use crate::error::{Error, Result};
use crate::history::{ChangeKind, Entry, HistoryInfo, Listed, now};
use crate::indexer::Indexer;
use crate::manifest::CollectionEntry;
use crate::memory::Memory;
use crate::meta::{CollectionMeta, CollectionSpec};
use crate::reader;
use crate::recovery::{self, new_collection};
use crate::segment::SegmentWriter;
use crate::state::{Core, Shared, State, Written, snapshot_of};
use crate::verify::VerifyReport;
use crate::vfs::{Disk, RealVfs, Vfs};

/// How to open a store.
#[derive(Debug, Clone)]
pub struct OpenOptions {
    /// Make the store if it is not there (in a folder that is empty or missing; its parent must exist).
    pub create: bool,
    /// Build indexes in the background.
    pub background: bool,
    /// Open for reading beside a writer, of which there may be one, and beside other readers. Nothing on disk is changed: `create` and
    /// `background` do not count.
    pub read_only: bool,
    /// What the program calls itself: others are told when they find the store locked. Without it, the name of the program's file.
    pub holder: Option<String>,
    /// What is kept in memory.
    pub memory: Memory,
}

impl Default for OpenOptions {
    fn default() -> OpenOptions {
        OpenOptions {
            create: true,
            background: true,
            read_only: false,
            holder: None,
            memory: Memory::Full,
        }
    }
}

/// An open store; the only one for its folder that can write. Dropping the last handle closes it.
pub struct Store {
    pub(crate) shared: Arc<Shared>,
}

impl std::fmt::Debug for Store {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Store({})", self.shared.root.display())
    }
}

/// What a store is made of.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct StoreInfo {
    /// Its folder.
    pub path: String,
    /// Number of the newest manifest.
    pub generation: u64,
    /// Grows at every visible change.
    pub revision: u64,
    /// Bytes in the write-ahead log.
    pub wal_bytes: u64,
    /// Bytes of all files that belong to the newest generation, the log included.
    pub disk_bytes: u64,
    /// Its history.
    pub history: HistoryInfo,
    /// Whether it is open for reading only.
    pub read_only: bool,
    /// For a reader: in its own words, who has the store open for writing; `null` when nobody has.
    pub writer: Option<String>,
    /// Its collections, by name.
    pub collections: Vec<CollectionInfo>,
}

impl Store {
    /// Opens the store in the folder `path`.
    ///
    /// # Errors
    /// `FILE_NOT_FOUND`, `NOT_A_STORE`, `STORE_LOCKED` (naming the holder's process), `CORRUPT` (nothing is changed then),
    /// `UNSUPPORTED_VERSION`, `PERMISSION_DENIED`, `DISK_FULL`, `IO`.
    pub fn open(path: &Path, options: OpenOptions) -> Result<Arc<Store>> {
        Store::open_with(Arc::new(RealVfs), path, options)
    }

    /// As [`Store::open`], on another file system.
    pub fn open_with(vfs: Arc<dyn Vfs>, path: &Path, options: OpenOptions) -> Result<Arc<Store>> {
        if options.read_only {
            let shared = Arc::new(reader::open(vfs, path, options.memory)?);
            return Ok(Arc::new(Store { shared }));
        }
        let disk = Arc::new(Disk::new(vfs).with_memory(options.memory));
        let opened = recovery::open(&disk, path, &options)?;
        let cores: BTreeMap<String, Arc<Core>> = opened
            .state
            .collections
            .values()
            .map(|w| (w.meta.name.clone(), w.core.clone()))
            .collect();
        let shared = Arc::new(Shared::new(
            path.to_path_buf(),
            disk,
            opened.state,
            Some(opened.lock),
            cores,
            Indexer::default(),
        ));
        let store = Arc::new(Store { shared });
        if options.background {
            Indexer::start(&store.shared)?;
        }
        Ok(store)
    }

    /// The folder.
    pub fn path(&self) -> &Path {
        &self.shared.root
    }

    /// Sizes, and what each collection is. Takes no lock of the writers.
    pub fn info(&self) -> StoreInfo {
        let shared = &self.shared;
        let wal_bytes = shared.wal_bytes.load(Ordering::Relaxed);
        // Let go of before the collections are asked, which look at the history themselves.
        let history = shared.history.read().info();
        StoreInfo {
            path: shared.root.to_string_lossy().into_owned(),
            generation: shared.generation.load(Ordering::Acquire),
            revision: self.revision(),
            wal_bytes,
            disk_bytes: wal_bytes + shared.sealed_bytes.load(Ordering::Relaxed),
            history,
            read_only: shared.reader.is_some(),
            writer: shared.reader.as_ref().and_then(|r| r.writer(&shared.root)),
            collections: self.collections().iter().map(|c| c.info()).collect(),
        }
    }

    /// Grows at every visible change; for polling.
    pub fn revision(&self) -> u64 {
        self.shared.revision.now()
    }

    /// For a reader: looks whether the store was written to since, and if so shows its newest state, of all collections at once. Whether
    /// anything changed. Snapshots taken before stay as they are. A writer's handle is always up to date.
    ///
    /// # Errors
    /// Those of [`Store::open`]; the state shown stays then. `STORE_CLOSED`.
    pub fn refresh(&self) -> Result<bool> {
        reader::refresh(&self.shared)
    }

    /// Makes an empty collection, durable on return.
    ///
    /// # Errors
    /// `COLLECTION_EXISTS`, `INVALID_NAME`, `INVALID_REQUEST`, `LIMIT_EXCEEDED`, and those of any write.
    pub fn create_collection(&self, spec: CollectionSpec) -> Result<Arc<Collection>> {
        let meta = Arc::new(CollectionMeta::from_spec(spec)?);
        let shared = &self.shared;
        let (commit, mut state) = shared.publishing()?;
        let entry = new_entry(&state, meta)?;
        shared.publish_new(&commit, &mut state, &entry)?;
        let written = new_collection(&entry, Vec::new(), state.manifest.generation);
        let core = add_collection(shared, &mut state, written);
        Ok(Arc::new(Collection::new(shared.clone(), core)))
    }

    /// Removes a collection with all its rows. Its files go once the history cannot bring it back any more.
    ///
    /// # Errors
    /// `UNKNOWN_COLLECTION`, and those of any write.
    pub fn drop_collection(&self, name: &str) -> Result<()> {
        let core = self.core(name)?;
        let shared = &self.shared;
        let (commit, mut state) = shared.publishing()?;
        if !state.collections.contains_key(&core.id) {
            return Err(Error::UnknownCollection {
                name: name.to_owned(),
            });
        }
        let written = &state.collections[&core.id];
        let entry = Entry::new(
            state.ledger.next_seq,
            now(),
            ChangeKind::Drop,
            core.id,
            name,
            written.next_row,
        );
        shared.take_away(&commit, &mut state, entry)?;
        Ok(())
    }

    /// Takes the last change of a collection back that is not undone, also if it was to drop it. Gives the new entry.
    ///
    /// # Errors
    /// `NOTHING_TO_UNDO`, those of [`Store::revert`].
    pub fn undo(&self, collection: &str) -> Result<Arc<Entry>> {
        self.shared.take_back(collection, "undo", Listed::undo)
    }

    /// Takes the last undo of a collection back, also if it was that of the import that made it. Gives the new entry.
    ///
    /// # Errors
    /// `NOTHING_TO_UNDO`, those of [`Store::revert`].
    pub fn redo(&self, collection: &str) -> Result<Arc<Entry>> {
        self.shared.take_back(collection, "redo", Listed::redo)
    }

    fn core(&self, name: &str) -> Result<Arc<Core>> {
        let found = self.shared.cores.read().get(name).cloned();
        found.ok_or_else(|| Error::UnknownCollection {
            name: name.to_owned(),
        })
    }

    /// The collection of this name, or `UNKNOWN_COLLECTION`.
    pub fn collection(&self, name: &str) -> Result<Arc<Collection>> {
        Ok(Arc::new(Collection::new(
            self.shared.clone(),
            self.core(name)?,
        )))
    }

    /// All collections, by name.
    pub fn collections(&self) -> Vec<Arc<Collection>> {
        let cores: Vec<Arc<Core>> = self.shared.cores.read().values().cloned().collect();
        cores
            .into_iter()
            .map(|core| Arc::new(Collection::new(self.shared.clone(), core)))
            .collect()
    }

    /// Begins a bulk import: its rows become visible together, at [`BulkWriter::commit`].
    ///
    /// # Errors
    /// `COLLECTION_EXISTS` or `UNKNOWN_COLLECTION`, those of [`Store::create_collection`], and those of any write.
    pub fn begin_import(&self, target: ImportTarget) -> Result<BulkWriter> {
        BulkWriter::begin(&self.shared, target, &[], None)
    }

    /// As [`Store::begin_import`], with columns that the collection gets at the commit if it does not have them, and words for the history.
    ///
    /// # Errors
    /// Those of [`Store::begin_import`] and [`Collection::add_columns`].
    pub fn begin_import_with(
        &self,
        target: ImportTarget,
        fields: &[Field],
        note: Option<&str>,
    ) -> Result<BulkWriter> {
        BulkWriter::begin(&self.shared, target, fields, note)
    }

    /// Seals what the log holds into segments and begins a new log. The log does this by itself when it has grown.
    pub fn checkpoint(&self) -> Result<()> {
        let (commit, mut state) = self.shared.publishing()?;
        self.shared.checkpoint(&commit, &mut state)
    }

    /// Reads every sealed file, the manifests and the log, and reports each one whose bytes are not what was written.
    pub fn verify(&self) -> Result<VerifyReport> {
        crate::verify::verify(&self.shared)
    }

    /// Waits until every segment that should have an index has one. Whether that is so when it returns; without the background
    /// builder, or once the store is closed, it returns at once.
    pub fn wait_for_index(&self, timeout: Duration) -> bool {
        self.shared.indexer.wait(&self.shared, timeout)
    }

    /// Stops the background work (an index in the making is begun again after the next open), removes imports in flight, and gives
    /// the lock back. Handles and snapshots taken before keep reading; writing gives `STORE_CLOSED`. Closing twice does nothing.
    ///
    /// # Errors
    /// A failure to seal or to mark the log. The store is closed even then, and everything acknowledged is in the log.
    pub fn close(&self) -> Result<()> {
        let shared = &self.shared;
        shared.indexer.stop();
        let (commit, mut state) = shared.both();
        if shared.closed.swap(true, Ordering::AcqRel) {
            return Ok(());
        }
        if shared.reader.is_some() {
            return Ok(());
        }
        for id in std::mem::take(&mut state.imports) {
            if shared.disk.check().is_ok() {
                SegmentWriter::remove(&shared.disk, &shared.root, id);
            }
        }
        let mut seal = || -> Result<()> {
            // What a failed write left is for the next open to look at.
            if shared.disk.check().is_err() {
                return Ok(());
            }
            shared.sync(&commit, &mut state)?;
            if shared.wants_checkpoint_at_close(&state) {
                // Only makes the next opening quicker: on a full disk the rows stay in the log.
                match shared.checkpoint(&commit, &mut state) {
                    Err(Error::DiskFull { .. }) => return Ok(()),
                    other => other?,
                }
            }
            // Says that the records before and this generation are durable, so that damage to the last of them is not taken for what a
            // crash leaves.
            let generation = state.manifest.generation;
            if state.wal.marked() != Some(generation) {
                state.wal.mark(generation)?;
            }
            Ok(())
        };
        let result = seal();
        shared.lock.lock().take();
        result
    }
}

impl Drop for Store {
    fn drop(&mut self) {
        // Everything acknowledged is durable already, so a failure loses nothing.
        let _ = self.close();
    }
}

/// The manifest's entry for a new collection.
pub(crate) fn new_entry(state: &State, meta: Arc<CollectionMeta>) -> Result<CollectionEntry> {
    if state
        .manifest
        .collections
        .iter()
        .any(|c| c.meta.name == meta.name)
    {
        return Err(Error::CollectionExists {
            name: meta.name.clone(),
        });
    }
    Ok(CollectionEntry {
        id: state.manifest.next_collection,
        meta,
        next_row: 0,
        deleted: Arc::default(),
        segments: Vec::new(),
        maps: Vec::new(),
    })
}

impl Shared {
    /// Publishes a generation with one more, empty collection.
    pub(crate) fn publish_new(
        &self,
        commit: &Commit,
        state: &mut State,
        entry: &CollectionEntry,
    ) -> Result<()> {
        self.sync(commit, state)?;
        let seq = state.ledger.next_seq;
        let mut note = Entry::new(
            seq,
            now(),
            ChangeKind::Create,
            entry.id,
            &entry.meta.name,
            0,
        );
        note.was_there = false;
        self.publish(commit, state, |manifest| {
            manifest.add(entry.clone())?;
            manifest.note(Arc::new(note));
            Ok(())
        })
    }
}

/// Lets writers and readers see a collection that the manifest names now, whole from the first moment.
pub(crate) fn add_collection(
    shared: &Shared,
    state: &mut State,
    mut written: Written,
) -> Arc<Core> {
    let generation = state.manifest.generation;
    let snapshot = snapshot_of(&written, generation, shared.revision.next());
    written.core.snapshot.store(Arc::new(snapshot));
    written.dirty = false;
    let core = written.core.clone();
    let name = written.meta.name.clone();
    state.collections.insert(core.id, written);
    shared.revision.change(|| {
        shared.cores.write().insert(name, core.clone());
    });
    core
}
