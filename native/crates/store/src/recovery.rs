//! Opening a folder: a new store, or the state that the newest manifest and the log after it describe.
//!
//! Nothing is changed on disk before everything was read and checked, but for the lock file.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use roaring::RoaringBitmap;

use crate::edit::read_cells;
use crate::error::{Error, Result};
use crate::history::{Cells, Change, ChangeKind, Entry, Inverse, Ledger, changed_rows};
use crate::ingest::{self, Batch};
use crate::leftovers::remove_leftovers;
use crate::manifest::{self, CollectionEntry, Manifest, SegmentEntry, TEMPORARY};
use crate::memtable::Memtable;
use crate::part::Part;
use crate::segment::open_part;
use crate::snapshot::Snapshot;
use crate::state::{Core, State, Written, snapshot_of};
use crate::store::OpenOptions;
use crate::sync::{ArcSwap, AtomicBool};
use crate::vfs::{Disk, Lock, LockError};
use crate::wal::{self, Delete, Edit, Kind, Log, Record, Revert, Stamp, Upsert, Wal, read_log};

pub(crate) const LOCK: &str = "LOCK";
pub(crate) const FOLDERS: [&str; 4] = ["history", "maps", "segments", "wal"];

/// A store that was read.
pub(crate) struct Opened {
    pub lock: Box<dyn Lock>,
    pub state: State,
}

/// Opens the store in `root`, or makes one there if it is not there and `create` is set.
pub(crate) fn open(disk: &Arc<Disk>, root: &Path, options: &OpenOptions) -> Result<Opened> {
    let fresh = look(disk, root, options.create)?;
    let lock = take_lock(disk, root, options.holder.as_deref())?;
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

fn take_lock(disk: &Disk, root: &Path, program: Option<&str>) -> Result<Box<dyn Lock>> {
    let holder = format!(
        "process {} since {} ({})",
        std::process::id(),
        utc_now(),
        program_name(program)
    );
    let path = root.join(LOCK);
    disk.vfs().lock(&path, &holder).map_err(|e| match e {
        LockError::Io(e) => Error::io("lock", &path, &e),
        LockError::Held(holder) => {
            let pid = holder
                .as_deref()
                .and_then(|h| h.split_whitespace().nth(1)?.parse().ok());
            Error::StoreLocked {
                path: root.to_path_buf(),
                holder,
                pid,
            }
        }
    })
}

/// What the program calls itself, or else the name of its file.
fn program_name(given: Option<&str>) -> String {
    let name = given.map(str::to_owned).or_else(|| {
        let path = std::env::current_exe().ok()?;
        Some(path.file_name()?.to_string_lossy().into_owned())
    });
    let printable = |name: String| name.chars().filter(|c| !c.is_control()).take(100).collect();
    name.map_or_else(|| "unknown program".to_owned(), printable)
}

/// Now, as `2026-01-31T23:59:59Z`.
fn utc_now() -> String {
    let seconds = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |d| d.as_secs());
    let (days, rest) = (seconds / 86_400, seconds % 86_400);
    // Days to a civil date, counting years from March so that the leap day comes last.
    let z = days + 719_468;
    let era = z / 146_097;
    let day_of_era = z % 146_097;
    let year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted + 2) / 5 + 1;
    let month = if shifted < 10 {
        shifted + 3
    } else {
        shifted - 9
    };
    let year = year_of_era + era * 400 + u64::from(month <= 2);
    format!(
        "{year:04}-{month:02}-{day:02}T{:02}:{:02}:{:02}Z",
        rest / 3600,
        rest / 60 % 60,
        rest % 60
    )
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

pub(crate) fn replay(
    log: &Log,
    manifest: &Manifest,
    collections: &mut BTreeMap<u32, Written>,
    ledger: &mut Ledger,
) -> Result<()> {
    for entry in log.entries().filter(|e| e.lsn > manifest.last_lsn) {
        replay_entry(&entry, manifest, collections, ledger).map_err(|reason| Error::Corrupt {
            file: log.path().to_path_buf(),
            offset: Some(entry.offset),
            lsn: Some(entry.lsn),
            reason,
        })?;
    }
    Ok(())
}

/// Applies one record to the written state. On an error nothing was applied.
pub(crate) fn replay_entry(
    entry: &Record<'_>,
    manifest: &Manifest,
    collections: &mut BTreeMap<u32, Written>,
    ledger: &mut Ledger,
) -> Result<(), String> {
    let (payload, version) = (entry.payload, entry.version);
    match entry.kind {
        Kind::Upsert => {
            let upsert = Upsert::decode(payload, version)?;
            let written = target(upsert.stamp.collection, manifest, collections)?;
            written.map_or(Ok(()), |w| replay_upsert(upsert, w, ledger))
        }
        Kind::Delete => {
            let delete = Delete::decode(payload, version)?;
            let written = target(delete.stamp.collection, manifest, collections)?;
            written.map_or(Ok(()), |w| replay_delete(delete, w, ledger))
        }
        Kind::Edit => {
            let edit = Edit::decode(payload)?;
            let written = target(edit.stamp.collection, manifest, collections)?;
            written.map_or(Ok(()), |w| replay_edit(edit, w, ledger))
        }
        Kind::Revert => {
            let revert = Revert::decode(payload)?;
            let written = target(revert.stamp.collection, manifest, collections)?;
            written.map_or(Ok(()), |w| replay_revert(revert, w, ledger))
        }
        Kind::Mark => Ok(()),
    }
}

/// The collection of a record; `None` when it was dropped since.
fn target<'a>(
    id: u32,
    manifest: &Manifest,
    collections: &'a mut BTreeMap<u32, Written>,
) -> Result<Option<&'a mut Written>, String> {
    match collections.get_mut(&id) {
        Some(written) => Ok(Some(written)),
        None if id < manifest.next_collection => Ok(None),
        None => Err(format!("it is of a collection ({id}) that there never was")),
    }
}

/// Numbers of the history's entries: a file of version 1 has none, so they are given anew at each replay.
fn stamped(stamp: Stamp, fresh: Stamp) -> Stamp {
    if stamp.seq == 0 { fresh } else { stamp }
}

fn replay_upsert(upsert: Upsert, written: &mut Written, ledger: &mut Ledger) -> Result<(), String> {
    if upsert.first_row != written.next_row {
        return Err(format!(
            "its rows begin at {}, and the next row is {}",
            upsert.first_row, written.next_row
        ));
    }
    let meta = written.meta.clone();
    let fits = upsert.vectors.len() == meta.vectors.len()
        && upsert
            .vectors
            .iter()
            .zip(&meta.vectors)
            .all(|(v, spec)| v.len() == upsert.rows as usize * spec.dimension);
    if !fits {
        return Err("its vectors are not those of the collection".to_owned());
    }
    for values in &upsert.vectors {
        if values.iter().any(|v| !v.is_finite()) {
            return Err("a vector has a value that is not finite".to_owned());
        }
    }
    let rows = upsert.rows;
    let columns = upsert
        .columns
        .map(|batch| ingest::fit_columns(&meta, &written.schema, &batch, rows as usize))
        .transpose()
        .map_err(|e| e.to_string())?
        .flatten();
    let staged =
        Batch::new(&meta, rows, columns, upsert.vectors).and_then(|batch| written.stage(batch));
    let staged = staged.map_err(|e| e.to_string())?;
    let stamp = upsert.stamp;
    let stamp = stamped(stamp, ledger.stamp_rows(stamp.collection, stamp.at));
    let dead = staged.dead.iter().copied();
    ledger.add_rows(stamp, &meta.name, &staged.rows, dead);
    written.apply(staged);
    Ok(())
}

/// Whether all of these rows were once given out.
fn known(rows: &RoaringBitmap, written: &Written) -> Result<(), String> {
    match rows.max() {
        Some(row) if row >= written.next_row => Err(format!(
            "it is of row {row}, and there never was such a row"
        )),
        _ => Ok(()),
    }
}

fn replay_delete(delete: Delete, written: &mut Written, ledger: &mut Ledger) -> Result<(), String> {
    known(&delete.rows, written)?;
    let stamp = delete.stamp;
    let stamp = stamped(stamp, ledger.stamp(stamp.collection, stamp.at));
    let rows = delete.rows - &*written.deleted;
    let change = Change::delete(stamp, &written.meta.name, written.next_row, rows);
    written.turn(&change.inverse);
    ledger.push(change);
    Ok(())
}

/// The present values of what layers of cells will change, once the cells are found to fit.
fn cells_before(layers: &[Cells], written: &Written) -> Result<Vec<Cells>, String> {
    layers
        .iter()
        .map(|cells| {
            known(&cells.rows, written)?;
            let columns = cells.positions(&written.meta)?;
            read_cells(written.parts(), &written.meta, &cells.rows, &columns)
                .map_err(|e| e.to_string())
        })
        .collect()
}

pub(crate) fn replay_edit(
    edit: Edit,
    written: &mut Written,
    ledger: &mut Ledger,
) -> Result<(), String> {
    let Edit { stamp, note, cells } = edit;
    let layers = [cells];
    let before = cells_before(&layers, written)?;
    let staged = written.stage_cells(&layers).map_err(|e| e.to_string())?;
    let name = &written.meta.name;
    let (id, next) = (stamp.collection, written.next_row);
    let mut entry = Entry::new(stamp.seq, stamp.at, ChangeKind::Edit, id, name, next);
    entry.changed = layers[0].rows.len();
    entry.note = note;
    ledger.push(Change {
        entry,
        inverse: Inverse {
            cells: before,
            ..Inverse::default()
        },
    });
    written.apply_cells(staged);
    Ok(())
}

pub(crate) fn replay_revert(
    revert: Revert,
    written: &mut Written,
    ledger: &mut Ledger,
) -> Result<(), String> {
    let Revert {
        stamp,
        target,
        step,
        note,
        died,
        revived,
        cells,
    } = revert;
    known(&died, written)?;
    known(&revived, written)?;
    let before = cells_before(&cells, written)?;
    let staged = written.stage_cells(&cells).map_err(|e| e.to_string())?;
    let name = &written.meta.name;
    let (id, next) = (stamp.collection, written.next_row);
    let mut entry = Entry::new(stamp.seq, stamp.at, ChangeKind::Revert, id, name, next);
    entry.target = Some(target);
    entry.step = step;
    entry.note = note;
    entry.removed = died.len();
    entry.revived = revived.len();
    entry.changed = changed_rows(&cells);
    let change = Change {
        entry,
        inverse: Inverse {
            died,
            revived,
            cells: before,
        },
    };
    written.turn(&change.inverse);
    ledger.push(change);
    written.apply_cells(staged);
    Ok(())
}
