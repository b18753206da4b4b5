//! Opening for reading only, beside a writer in this or another process: no lock is taken and nothing on disk is changed.
//!
//! A reader shows what one manifest generation and the log after it say, both of one moment: when the generation is still the newest
//! after the log was read, every record read was written before the next generation, so that none is applied to a state that
//! is older than the one that it was written for. Otherwise the reader begins again. It may show a write a moment before it is acknowledged.
//!
//! What is mapped stays readable after the writer removed it (on Windows the removal fails instead, and the writer tries again later).

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use crate::collection::Collection;
use crate::error::{Error, Result};
use crate::indexer::Indexer;
use crate::lock::LOCK;
use crate::manifest::{self, CollectionEntry, SegmentEntry};
use crate::memory::Memory;
use crate::part::Part;
use crate::recovery::{self, Found};
use crate::segment::open_part;
use crate::state::{Core, Shared, State, snapshot_of};
use crate::sync::{Mutex, sleep};
use crate::vfs::{Disk, ReadOnlyVfs, Vfs};
use crate::wal::{self, Wal};

/// How often a reader begins again when the writer is quicker.
pub(crate) const TRIES: u32 = 50;
/// How often damage is looked at again before it is believed: a log that is being appended to may look like it.
pub(crate) const DOUBTS: u32 = 5;
/// Longest pause between two tries.
const MAX_PAUSE: Duration = Duration::from_millis(40);

/// What a read-only handle keeps.
pub(crate) struct Reader {
    /// The file system without the glass, for what goes elsewhere (a backup).
    pub vfs: Arc<dyn Vfs>,
    seen: Mutex<Seen>,
}

/// What the shown state was read from.
#[derive(Default)]
struct Seen {
    /// The log files, by first LSN, with their lengths. Empty when they have to be read again in any case.
    logs: Vec<(u64, u64)>,
    /// Segments as they were opened, with what the manifest said of them: the log's changes are not in them.
    segments: BTreeMap<u64, (SegmentEntry, Arc<Part>)>,
}

impl Reader {
    /// Who has the store open for writing.
    pub fn writer(&self, root: &Path) -> Option<String> {
        self.vfs.holder(&root.join(LOCK)).ok().flatten()
    }
}

impl Shared {
    /// Whether a reader shows an older generation than there is.
    fn is_behind(&self) -> bool {
        let shown = self.generation.load(Ordering::Acquire);
        let newest = || recovery::newest(&self.disk, &self.root);
        self.reader.is_some() && newest().is_ok_and(|n| n != Some(shown))
    }

    /// Says why a file is missing that is only read when it is asked for: the writer removed it.
    pub(crate) fn out_of_date(&self, error: Error) -> Error {
        match error {
            Error::FileNotFound { path } if self.reader.is_some() => Error::OutOfDate { path },
            // A file that is only opened to look at the past may be gone, or another of its name may be there.
            Error::Corrupt { file, .. } if self.is_behind() => Error::OutOfDate { path: file },
            other => other,
        }
    }
}

impl Collection {
    /// As [`Shared::out_of_date`]; the whole collection may be gone.
    pub(crate) fn out_of_date(&self, error: Error) -> Error {
        match error {
            Error::FileNotFound { .. } if self.core.dropped.load(Ordering::Acquire) => self.gone(),
            other => self.shared.out_of_date(other),
        }
    }
}

/// Opens the store in `root` for reading.
pub(crate) fn open(vfs: Arc<dyn Vfs>, root: &Path, memory: Memory) -> Result<Shared> {
    let disk = Disk::new(Arc::new(ReadOnlyVfs(vfs.clone())));
    let disk = Arc::new(disk.with_memory(memory));
    recovery::look(&disk, root, false)?;
    let (mut state, seen) = load(&disk, root, &Seen::default())?;
    let generation = state.manifest.generation;
    let mut cores = BTreeMap::new();
    for written in state.collections.values_mut() {
        written.dirty = false;
        let snapshot = snapshot_of(written, generation, 1);
        written.core.snapshot.store(Arc::new(snapshot));
        cores.insert(written.meta.name.clone(), written.core.clone());
    }
    let indexer = Indexer::default();
    let mut shared = Shared::new(root.to_path_buf(), disk, state, None, cores, indexer);
    shared.reader = Some(Reader {
        vfs,
        seen: Mutex::new(seen),
    });
    Ok(shared)
}

/// Tries `read` until it gives a state of one moment. It is given the newest generation; what it gives counts when that is still the
/// newest one afterwards. Damage is believed when it is there again and again.
pub(crate) fn settled<T>(
    disk: &Disk,
    root: &Path,
    mut read: impl FnMut(u64) -> Result<T>,
) -> Result<T> {
    let mut doubts = 0;
    let mut tries = 0;
    loop {
        tries += 1;
        let newest = recovery::newest(disk, root)?;
        let result = newest.map_or_else(|| Err(recovery::no_manifest(root)), &mut read);
        let moved = recovery::newest(disk, root)? != newest;
        match result {
            Ok(found) if !moved => return Ok(found),
            Ok(_) if tries >= TRIES => {
                return Err(Error::Io {
                    path: root.to_path_buf(),
                    operation: "read",
                    message: "another process keeps changing it; try again".to_owned(),
                });
            }
            Ok(_) => {}
            Err(e) => {
                doubts += u32::from(!moved);
                let passing = moved || may_pass(&e);
                if !passing || doubts >= DOUBTS || tries >= TRIES {
                    return Err(e);
                }
            }
        }
        pause(tries);
    }
}

/// Waits a little before the next try.
pub(crate) fn pause(tries: u32) {
    sleep(MAX_PAUSE.min(Duration::from_millis(2) * tries));
}

/// Whether an error may be that of looking at a file while it was being written or removed.
fn may_pass(error: &Error) -> bool {
    matches!(
        error,
        Error::Corrupt { .. } | Error::FileNotFound { .. } | Error::Io { .. }
    )
}

/// The newest state of one moment. Segments that `known` has already are not opened again.
fn load(disk: &Arc<Disk>, root: &Path, known: &Seen) -> Result<(State, Seen)> {
    settled(disk, root, |generation| {
        let mut segments = BTreeMap::new();
        let mut open = |collection: &CollectionEntry, entry: &SegmentEntry| {
            let part = match known.segments.get(&entry.id) {
                Some((same, part)) if same == entry => part.clone(),
                _ => Arc::new(open_part(disk, root, entry, &collection.meta)?),
            };
            segments.insert(entry.id, (entry.clone(), part.clone()));
            Ok(part)
        };
        let Found {
            manifest,
            collections,
            logs,
            ledger,
        } = recovery::read(disk, root, generation, &mut open)?;
        let newest = logs.iter().rev().find(|l| l.header.is_some());
        let wal = newest
            .map(|log| Wal::follow(disk, log))
            .transpose()?
            .flatten();
        let wal =
            wal.ok_or_else(|| Error::corrupt(&wal::folder(root), "there is no usable log"))?;
        // A tail that looks torn may be a record in the making: then the length alone does not tell whether there is more.
        let whole = logs.iter().all(|l| l.valid_len == l.file_len());
        let seen = Seen {
            logs: if whole {
                logs.iter().map(|l| (l.first_lsn(), l.file_len())).collect()
            } else {
                Vec::new()
            },
            segments,
        };
        let manifest_bytes = manifest_len(disk, root, generation)?;
        let state = State {
            next_segment: manifest.next_segment,
            next_map: manifest.next_map,
            manifest,
            previous: None,
            wal,
            collections,
            imports: Vec::new(),
            garbage: Vec::new(),
            pins: Vec::new(),
            manifest_bytes,
            ledger,
        };
        Ok((state, seen))
    })
}

fn manifest_len(disk: &Disk, root: &Path, generation: u64) -> Result<u64> {
    let name = manifest::file_name(generation);
    let entries = disk.list(root)?;
    Ok(entries.iter().find(|e| e.name == name).map_or(0, |e| e.len))
}

/// Whether names and lengths tell of anything that the shown state does not have.
fn has_news(shared: &Shared, state: &State, seen: &Seen) -> Result<bool> {
    let (disk, root) = (&shared.disk, &shared.root);
    if recovery::newest(disk, root)? != Some(state.manifest.generation) {
        return Ok(true);
    }
    let Some(&(oldest, _)) = seen.logs.first() else {
        return Ok(true);
    };
    let now: Vec<(u64, u64)> = disk
        .list(&wal::folder(root))?
        .iter()
        .filter_map(|e| Some((wal::parse_name(&e.name)?, e.len)))
        .filter(|(first, _)| *first >= oldest)
        .collect();
    Ok(now != seen.logs)
}

/// Shows the newest state. Whether it is another than before.
pub(crate) fn refresh(shared: &Shared) -> Result<bool> {
    if shared.closed.load(Ordering::Acquire) {
        return Err(Error::Closed);
    }
    let Some(reader) = &shared.reader else {
        return Ok(false);
    };
    let (_commit, mut state) = shared.both();
    let mut seen = reader.seen.lock();
    if !has_news(shared, &state, &seen)? {
        return Ok(false);
    }
    let (next, now_seen) = load(&shared.disk, &shared.root, &seen)?;
    *seen = now_seen;
    let same = next.manifest.generation == state.manifest.generation
        && next.wal.last_lsn() == state.wal.last_lsn();
    if same {
        return Ok(false);
    }
    show(shared, &mut state, next);
    Ok(true)
}

/// Lets `next` be what the handle shows. Handles of collections that are still there go on with the new state.
fn show(shared: &Shared, state: &mut State, mut next: State) {
    let generation = next.manifest.generation;
    let revision = shared.revision.next();
    let mut cores: BTreeMap<String, Arc<Core>> = BTreeMap::new();
    let mut shown = shared.cores.write();
    for (id, written) in &mut next.collections {
        written.dirty = false;
        let snapshot = Arc::new(snapshot_of(written, generation, revision));
        if let Some(before) = state.collections.get(id) {
            let core = before.core.clone();
            core.meta.store(written.meta.clone());
            core.maps.store(written.core.maps.load_full());
            written.core = core;
        }
        // What did not change keeps its snapshot, with the views and filters that it has cached.
        if !snapshot.is_like(&written.core.snapshot.load()) {
            written.core.snapshot.store(snapshot);
        }
        cores.insert(written.meta.name.clone(), written.core.clone());
    }
    for (id, gone) in &state.collections {
        if !next.collections.contains_key(id) {
            gone.core.dropped.store(true, Ordering::Release);
        }
    }
    *shown = cores;
    *state = next;
    shared.count_bytes(state);
    shared.revision.change(|| shared.list_history(state));
}
