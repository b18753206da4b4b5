//! Opening a folder: a new store, or the state that the newest manifest and the log after it describe.
//!
//! Nothing is changed on disk before everything was read and checked, but for the lock file.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;

use crate::error::{Error, Result};
use crate::history::Ledger;
use crate::leftovers::remove_leftovers;
use crate::lock::{self, LOCK};
use crate::manifest::{self, CollectionEntry, Manifest, SegmentEntry, TEMPORARY};
use crate::memtable::Memtable;
use crate::part::Part;
use crate::replay::replay;
use crate::segment::open_part;
use crate::snapshot::Snapshot;
use crate::state::{Core, State, Written, snapshot_of};
use crate::store::OpenOptions;
use crate::sync::{ArcSwap, AtomicBool};
use crate::vfs::{Disk, Lock};
use crate::wal::{self, Log, Wal, read_log};

pub(crate) const FOLDERS: [&str; 4] = ["history", "maps", "segments", "wal"];

/// A store that was read.
pub(crate) struct Opened {
    pub lock: Box<dyn Lock>,
    pub state: State,
}

/// Opens the store in `root`, or makes one there if it is not there and `create` is set.
pub(crate) fn open(disk: &Arc<Disk>, root: &Path, options: &OpenOptions) -> Result<Opened> {
    let fresh = look(disk, root, options.create)?;
    let lock = lock::take(disk, root, options.holder.as_deref())?;
    // Another process may have made the store between the look and the lock.
    let state = match newest(disk, root)? {
        Some(generation) => load(disk, root, generation)?,
        None if fresh => {
            make(disk, root)?;
            load(disk, root, 1)?
        }
        None => return Err(no_manifest(root)),
    };
    Ok(Opened { lock, state })
}

/// Whether a store is to be made in `root`, which is then a folder. Fails when it is not there, or is something else.
pub(crate) fn look(disk: &Disk, root: &Path, create: bool) -> Result<bool> {
    match disk.vfs().list(root) {
        Ok(entries) => {
            let names: Vec<String> = entries.into_iter().map(|e| e.name).collect();
            classify(root, &names, create)
        }
        Err(e) if e.kind() == std::io::ErrorKind::NotFound && create => {
            disk.create_dir(root)?;
            Ok(true)
        }
        Err(e) if e.kind() == std::io::ErrorKind::NotADirectory => Err(Error::NotAStore {
            path: root.to_path_buf(),
            reason: "it is a file".to_owned(),
        }),
        Err(e) => Err(Error::io("open", root, &e)),
    }
}

/// Whether a store is to be made in a folder with these names in it.
fn classify(root: &Path, names: &[String], create: bool) -> Result<bool> {
    if names.iter().any(|n| manifest::parse_name(n).is_some()) {
        return Ok(false);
    }
    let ours = |n: &String| n == LOCK || n == TEMPORARY || FOLDERS.contains(&n.as_str());
    let reason = match names.iter().find(|n| !ours(n)) {
        Some(foreign) => format!("it holds other things ({foreign:?}) and no manifest"),
        None if create => return Ok(true),
        None => "it has no manifest".to_owned(),
    };
    Err(Error::NotAStore {
        path: root.to_path_buf(),
        reason,
    })
}

pub(crate) fn no_manifest(root: &Path) -> Error {
    Error::corrupt(root, "there is no manifest, and yet there are rows")
}

/// The highest generation in the folder.
pub(crate) fn newest(disk: &Disk, root: &Path) -> Result<Option<u64>> {
    Ok(disk
        .list(root)?
        .iter()
        .filter_map(|e| manifest::parse_name(&e.name))
        .max())
}

/// Makes an empty store. A crash leaves either no manifest, and then the next open begins again, or the whole store.
fn make(disk: &Arc<Disk>, root: &Path) -> Result<()> {
    let there: BTreeSet<String> = disk.list(root)?.into_iter().map(|e| e.name).collect();
    for name in FOLDERS {
        let folder = root.join(name);
        if !there.contains(name) {
            disk.create_dir(&folder)?;
            continue;
        }
        for entry in disk.list(&folder)? {
            // What an interrupted creation leaves is an empty log at most.
            let path = folder.join(&entry.name);
            if entry.is_dir || entry.len > wal::FILE_HEADER as u64 {
                return Err(no_manifest(root));
            }
            disk.remove(&path);
        }
    }
    Wal::create(disk, root, 1)?;
    disk.sync_dir(root)?;
    let parent = root
        .parent()
        .filter(|p| !p.as_os_str().is_empty())
        .unwrap_or(Path::new("."));
    disk.sync_dir(parent)?;
    Manifest::first().publish(disk, root, false)?;
    Ok(())
}

/// What a folder holds at one moment: a generation, and the log after it.
pub(crate) struct Found {
    pub manifest: Manifest,
    /// By id, the log replayed.
    pub collections: BTreeMap<u32, Written>,
    /// Oldest first; at least one.
    pub logs: Vec<Log>,
    /// The changes that the log holds.
    pub ledger: Ledger,
}

/// Reads and checks the store of this generation, and the log after it. Changes nothing on disk.
pub(crate) fn read(
    disk: &Disk,
    root: &Path,
    generation: u64,
    open: &mut OpenSegment<'_>,
) -> Result<Found> {
    let manifest = Manifest::read(disk, root, generation)?;
    let mut collections = BTreeMap::new();
    for entry in &manifest.collections {
        collections.insert(entry.id, open_collection(entry, manifest.generation, open)?);
    }
    let logs = read_logs(disk, root, manifest.last_lsn)?;
    for log in &logs {
        if let Some((known, lsn)) = log.known_generation().filter(|k| k.0 > generation) {
            return Err(Error::Corrupt {
                file: root.join(manifest::file_name(known)),
                offset: None,
                lsn: Some(lsn),
                reason: "it is missing, and the log knows that it was there".to_owned(),
            });
        }
    }
    let mut ledger = Ledger::new(manifest.history.next_seq);
    for log in &logs {
        replay(log, &manifest, &mut collections, &mut ledger)?;
    }
    ledger.take_unshown();
    Ok(Found {
        manifest,
        collections,
        logs,
        ledger,
    })
}

/// Reads the store of this generation, and makes the folder ready to be written to.
fn load(disk: &Arc<Disk>, root: &Path, generation: u64) -> Result<State> {
    let previous = disk
        .list(root)?
        .iter()
        .filter_map(|e| manifest::parse_name(&e.name))
        .filter(|&g| g < generation)
        .max()
        .map(|g| Manifest::read(disk, root, g));
    let mut open = |entry: &CollectionEntry, segment: &SegmentEntry| {
        open_part(disk, root, segment, &entry.meta).map(Arc::new)
    };
    let Found {
        manifest,
        mut collections,
        logs,
        ledger,
    } = read(disk, root, generation, &mut open)?;
    for written in collections.values_mut() {
        written.dirty = false;
        written
            .core
            .snapshot
            .store(Arc::new(snapshot_of(written, generation, 1)));
    }

    // All is well: from here on the folder may be changed. The names that this state relies on are made durable before
    // anything that it does not rely on is removed.
    let there = disk.list(root)?;
    for name in FOLDERS
        .iter()
        .filter(|name| there.iter().all(|e| e.name != **name))
    {
        // A store of format version 1 has no history.
        disk.create_dir(&root.join(name))?;
    }
    disk.sync_dir(root)?;
    disk.sync_dir(&wal::folder(root))?;
    remove_unfinished(disk, root, &logs)?;
    let newest_log = logs.iter().rev().find(|l| l.header.is_some());
    let wal = newest_log
        .map(|log| Wal::resume(disk, log))
        .transpose()?
        .flatten();
    let wal = wal.ok_or_else(|| Error::corrupt(&wal::folder(root), "there is no usable log"))?;
    // A damaged generation before this one does not stand in the way (`verify` reports it), but then nobody knows which files it
    // names, and none is removed.
    let (previous, known) = match previous {
        Some(Ok(previous)) => (Some(previous), true),
        Some(Err(_)) => (None, false),
        None => (None, true),
    };
    let (next_segment, next_map) =
        remove_leftovers(disk, root, &manifest, previous.as_ref(), &logs, known);

    let manifest_bytes = disk
        .list(root)?
        .iter()
        .filter(|e| manifest::parse_name(&e.name) == Some(generation))
        .map(|e| e.len)
        .sum();
    Ok(State {
        next_segment,
        next_map,
        manifest,
        previous,
        wal,
        collections,
        imports: Vec::new(),
        garbage: Vec::new(),
        pins: Vec::new(),
        manifest_bytes,
        ledger,
    })
}

/// Opens a segment of a collection, as its manifest entry says.
pub(crate) type OpenSegment<'a> =
    dyn FnMut(&CollectionEntry, &SegmentEntry) -> Result<Arc<Part>> + 'a;

/// Removes a log whose header was never synced, for good: were it to come back after the log before it has grown, that one would seem
/// to have a gap behind it.
fn remove_unfinished(disk: &Disk, root: &Path, logs: &[Log]) -> Result<()> {
    let unfinished: Vec<&Log> = logs.iter().filter(|l| l.header.is_none()).collect();
    for log in &unfinished {
        let removed = disk.vfs().remove(log.path());
        removed.map_err(|e| Error::io("remove", log.path(), &e))?;
    }
    if unfinished.is_empty() {
        Ok(())
    } else {
        disk.sync_dir(&wal::folder(root))
    }
}

pub(crate) fn open_collection(
    entry: &CollectionEntry,
    generation: u64,
    open: &mut OpenSegment<'_>,
) -> Result<Written> {
    let sealed = entry
        .segments
        .iter()
        .map(|segment| open(entry, segment))
        .collect::<Result<Vec<_>>>()?;
    Ok(new_collection(entry, sealed, generation))
}

/// The state of a collection whose log is not replayed yet.
pub(crate) fn new_collection(
    entry: &CollectionEntry,
    sealed: Vec<Arc<Part>>,
    generation: u64,
) -> Written {
    let empty = Snapshot::new(
        entry.meta.clone(),
        Vec::new(),
        Arc::default(),
        generation,
        1,
    );
    Written {
        schema: entry.meta.schema(),
        sealed,
        memtable: Memtable::default(),
        deleted: entry.deleted.clone(),
        next_row: entry.next_row,
        edited: BTreeMap::new(),
        dirty: true,
        core: Arc::new(Core {
            id: entry.id,
            snapshot: ArcSwap::from_pointee(empty),
            meta: ArcSwap::new(entry.meta.clone()),
            maps: ArcSwap::from_pointee(entry.maps.clone()),
            dropped: AtomicBool::new(false),
        }),
        meta: entry.meta.clone(),
    }
}

/// The log files that hold records after `last_lsn`, oldest first, without a gap.
pub(crate) fn read_logs(disk: &Disk, root: &Path, last_lsn: u64) -> Result<Vec<Log>> {
    let folder = wal::folder(root);
    let mut firsts: Vec<u64> = disk
        .list(&folder)?
        .iter()
        .filter_map(|e| wal::parse_name(&e.name))
        .collect();
    firsts.sort_unstable();
    // A file is done with when the next one begins within what the manifest contains.
    let needed = last_lsn.saturating_add(1);
    let begin = firsts
        .partition_point(|&first| first <= needed)
        .checked_sub(1);
    let Some(begin) = begin else {
        return Err(Error::Corrupt {
            file: folder.join(wal::file_name(needed)),
            offset: None,
            lsn: Some(needed),
            reason: "the log that follows the manifest is missing".to_owned(),
        });
    };
    let firsts = &firsts[begin..];
    let mut logs: Vec<Log> = Vec::with_capacity(firsts.len());
    let mut expected = None;
    for (n, &first) in firsts.iter().enumerate() {
        let path = folder.join(wal::file_name(first));
        if let Some(lsn) = expected.filter(|&e| e != first) {
            return Err(Error::Corrupt {
                file: path,
                offset: None,
                lsn: Some(lsn),
                reason: "records between this log file and the one before are missing".to_owned(),
            });
        }
        let newest = n + 1 == firsts.len();
        let log = read_log(disk, &path, first, newest)?;
        if log.header.is_none() && n == 0 {
            // The manifest is only published once the log that follows it is durable.
            return Err(Error::corrupt(
                &path,
                "the log that follows the manifest has no header",
            ));
        }
        expected = Some(log.last_lsn(first).saturating_add(1));
        logs.push(log);
    }
    if expected.is_some_and(|next| next < needed) {
        return Err(Error::Corrupt {
            file: folder.join(wal::file_name(firsts[0])),
            offset: None,
            lsn: expected,
            reason: "the log ends before what the manifest contains".to_owned(),
        });
    }
    Ok(logs)
}
