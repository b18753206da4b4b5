//! Builds the indexes of sealed segments in the background, one at a time, each on all cores; and builds them anew where many rows died or came back.
//! Once there is nothing to build, segments that are small beside each other are [joined](crate::joining).
//!
//! An index is derived data: a build that fails or is cancelled leaves the segment to be scanned, and is begun again after the next open.

use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use omendb_ivf::{BuildError, BuildParams, Index, NONE, VectorsRef};
use roaring::RoaringBitmap;

use crate::behind::behind;
use crate::bell::Bell;
use crate::error::{Error, Result};
use crate::manifest::{FileEntry, IndexEntry};
use crate::part::{IndexFile, Part};
use crate::segment::{next_index_file, open_file};
use crate::state::Shared;
use crate::sync::{Builder, JoinHandle, Mutex};

/// Segments of fewer rows are scanned: that takes no longer than a walk through a graph.
pub(crate) const MIN_ROWS: u32 = if cfg!(feature = "schedule") { 6 } else { 1000 };

/// The background builder of a store.
#[derive(Default)]
pub(crate) struct Indexer {
    bell: Bell,
    inner: Mutex<Inner>,
    /// These are read and written in pure compute.
    cancel: AtomicBool,
    done: AtomicUsize,
    total: AtomicUsize,
    /// How many wait until all is done.
    waiting: AtomicUsize,
}

#[derive(Default)]
struct Inner {
    thread: Option<JoinHandle<()>>,
    running: Option<Key>,
    /// Builds that failed, with the reason; not tried again by this process.
    failed: BTreeMap<Key, String>,
    /// Segments that could not be joined.
    apart: Vec<u64>,
}

/// Collection, segment and vector column of an index.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Key {
    pub collection: u32,
    pub segment: u64,
    pub vector: usize,
}

struct Job {
    key: Key,
    part: Arc<Part>,
    spec: crate::meta::VectorSpec,
    deleted: Arc<RoaringBitmap>,
}

/// A row in so many of an index may be dead before it is built anew: so many rows a search looks at in vain.
const DEAD: u64 = 5;
/// Live rows that may lie beside an index, each of which every search looks at: the history brought them back.
const BESIDE: u64 = if cfg!(feature = "schedule") { 2 } else { 256 };

impl Indexer {
    /// Starts the builder.
    pub fn start(shared: &Arc<Shared>) -> Result<()> {
        let indexer = &shared.indexer;
        indexer.bell.ring();
        let thread_shared = shared.clone();
        let thread = Builder::new()
            .name("omendb-indexer".to_owned())
            .spawn(move || work(&thread_shared))
            .map_err(|e| Error::io("start the indexer of", &shared.root, &e))?;
        indexer.inner.lock().thread = Some(thread);
        Ok(())
    }

    /// There may be something to build.
    pub fn wake(&self) {
        self.bell.ring();
    }

    /// Cancels what is being built and waits for the builder to end. No lock of the store may be held.
    pub fn stop(&self) {
        self.cancel.store(true, Ordering::Release);
        self.bell.stop();
        let thread = self.inner.lock().thread.take();
        if let Some(thread) = thread {
            // A panic in the builder was reported by the panic hook; there is nothing left to do for it.
            let _ = thread.join();
        }
    }

    /// Whether a builder runs.
    pub fn is_on(&self) -> bool {
        self.inner.lock().thread.is_some()
    }

    /// The index being built, with rows done and rows in all.
    pub fn progress(&self) -> Option<(Key, usize, usize)> {
        let key = self.inner.lock().running?;
        Some((
            key,
            self.done.load(Ordering::Relaxed),
            self.total.load(Ordering::Relaxed),
        ))
    }

    /// Why the index of some segment of a vector column could not be built.
    pub fn failure(&self, collection: u32, vector: usize) -> Option<String> {
        let inner = self.inner.lock();
        let mut failed = inner.failed.iter();
        failed
            .find(|(k, _)| k.collection == collection && k.vector == vector)
            .map(|(_, why)| why.clone())
    }

    /// Whether somebody waits until there is nothing to build.
    pub fn is_waited_for(&self) -> bool {
        self.waiting.load(Ordering::Relaxed) > 0
    }

    /// Whether the builder is to end, or was called while it is at work.
    pub fn is_wanted(&self) -> bool {
        self.bell.is_rung()
    }

    /// Whether joining these segments was tried and failed.
    pub fn gave_up(&self, segments: &[u64]) -> bool {
        self.inner.lock().apart == segments
    }

    pub fn give_up(&self, segments: Vec<u64>) {
        self.inner.lock().apart = segments;
    }

    /// Waits until there is nothing to build. Whether that is so.
    pub fn wait(&self, shared: &Shared, timeout: Duration) -> bool {
        if self.is_on() {
            // A few dead rows do not call the builder, and may be those that make an index stale.
            self.waiting.fetch_add(1, Ordering::Relaxed);
            self.bell.ring();
            let idle = self.bell.wait_idle(Instant::now().checked_add(timeout));
            self.waiting.fetch_sub(1, Ordering::Relaxed);
            if !idle {
                return false;
            }
        }
        let failed = !self.inner.lock().failed.is_empty();
        !failed && next_job(shared).is_none()
    }
}

fn work(shared: &Arc<Shared>) {
    let indexer = &shared.indexer;
    while indexer.bell.next_round() {
        while let Some(job) = next_job(shared) {
            if indexer.bell.is_stopped() {
                return;
            }
            indexer.done.store(0, Ordering::Relaxed);
            indexer
                .total
                .store(job.part.rows as usize, Ordering::Relaxed);
            indexer.inner.lock().running = Some(job.key);
            let result = run(shared, &job);
            crate::memory::give_back();
            let wanted = is_there(shared, job.key);
            let mut inner = indexer.inner.lock();
            inner.running = None;
            match result {
                Ok(()) => {}
                Err(Error::Cancelled { .. } | Error::Closed) => return,
                // A segment that was compacted away meanwhile needs none.
                Err(_) if !wanted => {}
                Err(e) => {
                    inner.failed.insert(job.key, e.to_string());
                }
            }
        }
        // A failure leaves the segments as they are, until there is something new.
        let joined = shared.join_some(&indexer.cancel);
        crate::memory::give_back();
        if matches!(joined, Ok(true)) || matches!(shared.seal_when_quiet(), Ok(true)) {
            indexer.bell.ring();
        }
    }
}

/// Whether the collection still has the segment.
fn is_there(shared: &Shared, key: Key) -> bool {
    let (_commit, state) = shared.both();
    let entry = state.manifest.collection(key.collection);
    entry.is_some_and(|e| e.segments.iter().any(|s| s.id == key.segment))
}

/// Whether too many rows of an index are dead, or too many live ones not in it.
fn is_stale(index: &IndexFile, part: &Part, deleted: &RoaringBitmap) -> bool {
    let Ok(view) = index.view() else { return false };
    let indexed = view.indexed() as u64;
    if indexed == u64::from(part.rows) {
        // Nothing can lie beside it, and counting is quicker than looking.
        let gone = part.numbers.count_in(deleted) as u64;
        return gone < indexed && gone * DEAD > indexed;
    }
    let dead = deleted.range(part.range());
    let dead = dead.filter_map(|row| part.numbers.position(row));
    let (mut all_dead, mut gone) = (0u64, 0u64);
    for position in dead {
        all_dead += 1;
        gone += u64::from(view.slot(position).is_some());
    }
    let live = u64::from(part.rows).saturating_sub(all_dead);
    let beside = live.saturating_sub(indexed.saturating_sub(gone));
    live > 0 && (gone * DEAD > indexed || beside > BESIDE)
}

/// A segment without an index that should have one, or with one that is no longer good.
fn next_job(shared: &Shared) -> Option<Job> {
    let (_commit, state) = shared.both();
    let inner = shared.indexer.inner.lock();
    for entry in &state.manifest.collections {
        let Some(written) = state.collections.get(&entry.id) else {
            continue;
        };
        for (segment, part) in entry.segments.iter().zip(&written.sealed) {
            if part.rows < MIN_ROWS {
                continue;
            }
            for (vector, (column, spec)) in
                part.vectors.iter().zip(&written.meta.vectors).enumerate()
            {
                let key = Key {
                    collection: entry.id,
                    segment: segment.id,
                    vector,
                };
                let wanted = match &column.index {
                    None => true,
                    Some(index) => is_stale(index, part, &written.deleted),
                };
                if wanted && !inner.failed.contains_key(&key) {
                    return Some(Job {
                        key,
                        part: part.clone(),
                        spec: spec.clone(),
                        deleted: written.deleted.clone(),
                    });
                }
            }
        }
    }
    None
}

fn run(shared: &Shared, job: &Job) -> Result<()> {
    let indexer = &shared.indexer;
    let progress = |done: usize, total: usize| {
        indexer.done.fetch_max(done, Ordering::Relaxed);
        indexer.total.store(total, Ordering::Relaxed);
    };
    let own = &job.part.vectors[job.key.vector].index;
    let older = own.as_deref().map(|index| (index, &*job.part));
    let task = Task {
        part: &job.part,
        vector: job.key.vector,
        spec: &job.spec,
        deleted: &job.deleted,
        older,
    };
    let index = task.build(&progress, &indexer.cancel)?;
    let folder = crate::manifest::segment_folder(&shared.root, job.key.segment);
    let mut name = String::new();
    let written = write(shared, &folder, job.key.vector, &index, &mut name).and_then(|file| {
        let map = open_file(&shared.disk, &folder, &file)?;
        let path = folder.join(&file.name);
        let index = IndexFile::open(map).map_err(|e| Error::corrupt(&path, e.to_string()))?;
        adopt(shared, job, file, Arc::new(index))
    });
    if !matches!(written, Ok(true)) {
        // A manifest that names it may have been written nevertheless: then the handle is poisoned, and nothing is removed.
        if shared.disk.check().is_ok() && !name.is_empty() {
            shared.disk.remove(&folder.join(&name));
            // Fails, as it should, unless the segment is gone.
            let _ = shared.disk.vfs().remove_dir(&folder);
        }
    }
    written.map(drop)
}

/// An index to be built.
pub(crate) struct Task<'a> {
    pub part: &'a Part,
    /// Position of the vector column.
    pub vector: usize,
    pub spec: &'a crate::meta::VectorSpec,
    /// Rows that stay out. Those that come back by way of the history are looked at beside the index.
    pub deleted: &'a RoaringBitmap,
    /// An index of some of the rows, and the part that it is of.
    pub older: Option<(&'a IndexFile, &'a Part)>,
}

impl Task<'_> {
    pub fn build(
        &self,
        progress: &(dyn Fn(usize, usize) + Sync),
        cancel: &AtomicBool,
    ) -> Result<Index> {
        let column = &self.part.vectors[self.vector];
        let vectors = VectorsRef {
            data: column.data.as_slice(),
            dimension: self.spec.dimension,
            metric: self.spec.metric,
            inv_norms: column.inv_norms.as_slice(),
        };
        let numbers = &self.part.numbers;
        let positions = 0..self.part.rows;
        let live = positions.filter(|position| !self.deleted.contains(numbers.row(*position)));
        let live: Vec<u32> = live.collect();
        let params = BuildParams::default();
        let older = self
            .older
            .and_then(|(index, part)| Some((index.view().ok()?, part)));
        let built = behind(|| match older {
            Some((view, part)) => {
                let there = |position: &u32| part.numbers.position(numbers.row(*position));
                let older_rows = live.iter().map(|position| there(position).unwrap_or(NONE));
                let older_rows: Vec<u32> = older_rows.collect();
                Index::rebuild(
                    &view,
                    vectors,
                    &live,
                    &older_rows,
                    &params,
                    progress,
                    cancel,
                )
            }
            None => Index::build(vectors, Some(&live), &params, progress, cancel),
        });
        column.let_go();
        built.map_err(|e| match e {
            BuildError::Cancelled => Error::Cancelled {
                what: "building the index".to_owned(),
            },
            other => Error::internal(format!("the index was not built: {other}")),
        })
    }
}

/// Writes an index durably into a segment's folder, under a new name, which `name` tells from the moment on that there may be such a file.
pub(crate) fn write(
    shared: &Shared,
    folder: &std::path::Path,
    vector: usize,
    index: &Index,
    name: &mut String,
) -> Result<FileEntry> {
    let entries = shared.disk.list(folder)?;
    let taken: Vec<String> = entries.into_iter().map(|e| e.name).collect();
    *name = next_index_file(vector, &taken);
    let path = folder.join(&*name);
    let mut out = shared.disk.create_derived(&path)?.sealing();
    let result: io::Result<u64> = index.write_to(&mut out);
    if let Err(e) = result {
        return Err(out
            .take_error()
            .unwrap_or_else(|| Error::io("write", &path, &e)));
    }
    let (bytes, crc32c) = out.seal()?;
    shared.disk.sync_dir(folder)?;
    Ok(FileEntry {
        name: name.clone(),
        bytes,
        crc32c,
    })
}

/// Publishes a generation that names the index, and lets readers use it. `false` if the segment, or its collection, went away meanwhile; it
/// may come back, and is built for anew then.
fn adopt(shared: &Shared, job: &Job, file: FileEntry, index: Arc<IndexFile>) -> Result<bool> {
    let Key {
        collection,
        segment,
        vector,
    } = job.key;
    let (commit, mut state) = shared.publishing()?;
    let entry = state.manifest.collection(collection);
    let at = entry.and_then(|e| e.segments.iter().position(|s| s.id == segment));
    let Some(at) = at else {
        return Ok(false);
    };
    shared.sync(&commit, &mut state)?;
    shared.publish_as(&commit, &mut state, true, |manifest| {
        let entry = manifest.collection_mut(collection)?;
        let indexes = &mut entry.segments[at].indexes;
        indexes.retain(|i| i.vector != vector);
        indexes.push(IndexEntry { vector, file });
        Ok(())
    })?;
    let written = state.collections.get_mut(&collection);
    let written = written.ok_or_else(|| Error::internal("a collection is gone"))?;
    let part = with_index(&written.sealed[at], vector, index)?;
    written.sealed[at] = Arc::new(part);
    written.dirty = true;
    let snapshots = shared.unseen(&mut state);
    shared.show(snapshots);
    Ok(true)
}

/// The same sealed part, one of its vector columns with an index.
fn with_index(part: &Part, vector: usize, index: Arc<IndexFile>) -> Result<Part> {
    let mut vectors = part.vectors.clone();
    vectors[vector].index = Some(index);
    Part::new(
        part.numbers.clone(),
        part.columns.clone(),
        vectors,
        part.ids.clone(),
    )
    .ok_or_else(|| Error::internal("the part does not fit together"))
}
