//! Making a whole store of what is provably good in a damaged one. The source is only read.
//!
//! 1. The newest manifest that checks out says what there was ([`choose`]); without one, the seals of the segments do.
//! 2. Whole segments are copied; of damaged ones the rows that are good become segments ([`segments`]). Rows keep their numbers: where
//!    rows are lost there is a gap.
//! 3. The records of the log that check out are applied, also those behind a damaged one ([`log`]).
//! 4. The result is verified like any store.

mod choose;
mod log;
mod loss;
mod segments;

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use serde::Serialize;

use crate::backup::{Progress, copy_file, go_on};
use crate::error::{Error, Result};
use crate::lock::{LOCK, locked};
use crate::manifest::Manifest;
use crate::meta::Id;
use crate::new_folder::NewFolder;
use crate::recovery::FOLDERS;
use crate::store::{OpenOptions, Store};
use crate::vfs::{Disk, ReadOnlyVfs, Vfs};
use crate::wal::Wal;
use loss::Loss;

/// Most notes of one report.
const MAX_NOTES: usize = 1000;

/// What was saved, and what was not.
#[derive(Debug, Clone, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct RepairReport {
    /// The generation that the new store is made of; `null` when no manifest was left.
    pub generation: Option<u64>,
    /// Its collections.
    pub collections: Vec<RepairedCollection>,
    /// What a person should know: what else was damaged, and what that can mean.
    pub notes: Vec<String>,
}

/// What was saved of a collection.
#[derive(Debug, Clone, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct RepairedCollection {
    /// Its name.
    pub name: String,
    /// Live rows in the new store.
    pub rows_kept: u64,
    /// Live rows that are known to be lost; some of those whose id cannot be read may have been replaced since.
    pub rows_lost: u64,
    /// Which they are.
    pub lost: Vec<LostRows>,
}

/// Rows that could not be saved.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct LostRows {
    /// The segment that they were in, or `wal`.
    pub segment: String,
    /// The first and the last row number.
    pub rows: [u32; 2],
    /// Their ids, as far as these can still be read; at most 100.
    pub ids: Vec<Id>,
    /// Why.
    pub reason: String,
}

/// What a repair works with.
struct Work<'a> {
    /// The damaged store, behind glass.
    from: &'a Disk,
    root: &'a Path,
    disk: &'a Arc<Disk>,
    target: &'a Path,
    /// Told the bytes of the source that were dealt with.
    tick: &'a mut dyn FnMut(u64) -> Result<()>,
    report: RepairReport,
    /// Lost rows, by collection.
    lost: BTreeMap<u32, Loss>,
}

impl Work<'_> {
    fn note(&mut self, note: impl Into<String>) {
        if self.report.notes.len() < MAX_NOTES {
            self.report.notes.push(note.into());
        }
    }
}

/// Makes a whole store in `target`, a new or empty folder, of what is provably good in the store in `source`, and lists the rest. The
/// source must not be open for writing; nothing in it is changed. On an error nothing of the new store stays.
///
/// # Errors
/// `STORE_LOCKED`, `FILE_NOT_FOUND`, `CORRUPT` when nothing can be saved, `UNSUPPORTED_VERSION`, `CANCELLED`, `INVALID_REQUEST` for a target
/// that cannot be one, `DISK_FULL`, `PERMISSION_DENIED`, `IO`.
pub fn repair(
    vfs: Arc<dyn Vfs>,
    source: &Path,
    target: &Path,
    progress: Progress<'_>,
    cancel: &AtomicBool,
) -> Result<RepairReport> {
    let from = Disk::new(Arc::new(ReadOnlyVfs(vfs.clone())));
    from.list(source)?;
    if let Ok(Some(holder)) = vfs.holder(&source.join(LOCK)) {
        return Err(locked(source, Some(holder)));
    }
    let mut notes = Vec::new();
    let chosen = choose::choose(&from, source, &mut notes)?;
    let folder = NewFolder::claim(&vfs, target, source)?;
    let disk = Arc::new(Disk::new(vfs.clone()));
    for name in FOLDERS {
        disk.create_dir(&target.join(name))?;
    }
    let total: u64 = chosen.manifest.files().map(|(_, f)| f.bytes).sum();
    let mut done = 0;
    let mut tick = |bytes: u64| {
        done = total.min(done + bytes);
        progress(done, total);
        go_on(cancel, "the repair")
    };
    let mut work = Work {
        from: &from,
        root: source,
        disk: &disk,
        target,
        tick: &mut tick,
        report: RepairReport {
            generation: chosen.generation,
            notes,
            ..RepairReport::default()
        },
        lost: BTreeMap::new(),
    };
    let mut manifest = chosen.manifest.clone();
    manifest.history.files.clear();
    manifest.history.entries.clear();
    manifest.dropped.clear();
    segments::salvage(&mut work, &mut manifest)?;
    maps(&mut work, &mut manifest)?;
    seal(&disk, target, &manifest)?;

    let options = OpenOptions {
        create: false,
        background: false,
        ..OpenOptions::default()
    };
    let store = Store::open_with(vfs, target, options)?;
    log::replay(&mut work, &store, &chosen)?;
    work.note("the history of changes is not carried over: nothing in the new store can be undone");
    go_on(cancel, "the repair")?;
    let Work {
        mut report, lost, ..
    } = work;
    let verified = store.verify()?;
    if let Some(problem) = verified.problems.first() {
        return Err(Error::internal(format!(
            "the repaired store is not sound: {}: {}",
            problem.file, problem.reason
        )));
    }
    report.collections = account(&store, lost);
    store.close()?;
    progress(total, total);
    folder.keep();
    Ok(report)
}

/// Copies the saved maps that are whole, and takes the others out of the manifest.
fn maps(work: &mut Work<'_>, manifest: &mut Manifest) -> Result<()> {
    for collection in &mut manifest.collections {
        let name = collection.meta.name.clone();
        let mut kept = Vec::new();
        for map in std::mem::take(&mut collection.maps) {
            let path = Path::new("maps").join(&map.file.name);
            let (source, to) = (work.root.join(&path), work.target.join(&path));
            match copy_file(work.from, &source, &map.file, work.disk, &to, work.tick) {
                Ok(_) => kept.push(map),
                Err(e @ (Error::Corrupt { .. } | Error::Io { .. })) => {
                    work.disk.check()?;
                    work.note(format!(
                        "the map {:?} of {name:?} is left out: {e}",
                        map.meta.name
                    ));
                }
                Err(e) => return Err(e),
            }
        }
        collection.maps = kept;
    }
    Ok(())
}

/// Makes what was copied a store.
fn seal(disk: &Arc<Disk>, target: &Path, manifest: &Manifest) -> Result<()> {
    Wal::create(disk, target, manifest.last_lsn.saturating_add(1))?;
    for name in FOLDERS {
        disk.sync_dir(&target.join(name))?;
    }
    disk.sync_dir(target)?;
    let parent = target.parent().filter(|p| !p.as_os_str().is_empty());
    disk.sync_dir(parent.unwrap_or(Path::new(".")))?;
    manifest.publish(disk, target, false)?;
    Ok(())
}

/// What became of each collection.
fn account(store: &Store, mut lost: BTreeMap<u32, Loss>) -> Vec<RepairedCollection> {
    store
        .collections()
        .iter()
        .map(|collection| {
            let loss = lost.remove(&collection.core.id).unwrap_or_default();
            RepairedCollection {
                name: collection.meta().name.clone(),
                rows_kept: collection.snapshot().len(),
                rows_lost: loss.count(),
                lost: loss.list(),
            }
        })
        .collect()
}
