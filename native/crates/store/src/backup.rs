//! Copies of a whole store, of one moment, while writing goes on.
//!
//! A writer seals its log first, and pins the generation: what it names is not removed while it is copied. A reader cannot hold files
//! back: it copies generation and log as it finds them, and begins again when a file is gone. Sealed files never change, so that all else
//! can go on. The manifest is written last: without it the copy is no store.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use serde::Serialize;

use crate::error::{Error, Result};
use crate::manifest::{FileEntry, Manifest, segment_folder};
use crate::new_folder::NewFolder;
use crate::reader::{Reader, TRIES, settled};
use crate::recovery::{self, FOLDERS, read_logs};
use crate::sealed::read_sealed;
use crate::state::Shared;
use crate::store::{OpenOptions, Store};
use crate::vfs::{Disk, Vfs};
use crate::wal::{self, Log, Wal};

/// What was copied.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct BackupReport {
    /// Files in the copy.
    pub files: u64,
    /// Bytes in the copy.
    pub bytes: u64,
    /// The generation that it is of.
    pub generation: u64,
    /// Damaged indexes that were left out, as paths in the store's folder: the copy makes them anew when it is opened.
    pub left_out: Vec<String>,
}

/// Told the bytes copied so far, and all that there are to copy.
pub type Progress<'a> = &'a dyn Fn(u64, u64);

/// A state that can be copied.
struct Source {
    manifest: Manifest,
    /// Empty when the manifest contains everything.
    logs: Vec<Log>,
}

/// Keeps the files of a generation from being removed.
struct Pin<'a> {
    shared: &'a Shared,
    paths: Arc<BTreeSet<PathBuf>>,
}

impl Store {
    /// Copies the store, as it is now, into `target`: a new or empty folder outside of the store's. Each byte is checked on the way.
    /// Writing goes on meanwhile. A reader's copy is of the store's newest state. On an error nothing of the copy stays.
    ///
    /// # Errors
    /// `CORRUPT` for damage in the store (indexes excepted), `CANCELLED` once `cancel` is set, `INVALID_REQUEST` for a target that cannot be
    /// one, `DISK_FULL`, `PERMISSION_DENIED`, `IO`, `STORE_CLOSED`, `STORE_POISONED`.
    pub fn backup(
        &self,
        target: &Path,
        progress: Progress<'_>,
        cancel: &AtomicBool,
    ) -> Result<BackupReport> {
        let shared = &self.shared;
        if shared.closed.load(Ordering::Acquire) {
            return Err(Error::Closed);
        }
        if let Some(reader) = &shared.reader {
            return backup_reader(shared, reader, target, progress, cancel);
        }
        shared.check()?;
        let folder = NewFolder::claim(shared.disk.vfs(), target, &shared.root)?;
        let (manifest, _pin) = pin(shared)?;
        let source = Source {
            manifest,
            logs: Vec::new(),
        };
        let report = copy(
            &shared.disk,
            &shared.root,
            shared.disk.vfs(),
            target,
            source,
            progress,
            cancel,
        )?;
        folder.keep();
        Ok(report)
    }
}

/// Copies the store in `from`, which is opened for reading only, into the new folder `to`: see [`Store::backup`].
///
/// # Errors
/// Those of [`Store::open`] and [`Store::backup`].
pub fn restore(
    vfs: Arc<dyn Vfs>,
    from: &Path,
    to: &Path,
    progress: Progress<'_>,
    cancel: &AtomicBool,
) -> Result<BackupReport> {
    let options = OpenOptions {
        read_only: true,
        ..OpenOptions::default()
    };
    Store::open_with(vfs, from, options)?.backup(to, progress, cancel)
}

/// Seals what the log holds, and pins the generation that names all of it.
fn pin(shared: &Shared) -> Result<(Manifest, Pin<'_>)> {
    let (commit, mut state) = shared.publishing()?;
    shared.checkpoint(&commit, &mut state)?;
    let paths = Arc::new(state.manifest.paths());
    state.pins.push(paths.clone());
    let manifest = state.manifest.clone();
    Ok((manifest, Pin { shared, paths }))
}

impl Drop for Pin<'_> {
    fn drop(&mut self) {
        let (_commit, mut state) = self.shared.both();
        state.pins.retain(|p| !Arc::ptr_eq(p, &self.paths));
        // Of a closed store another process may be the writer; what is left over goes when it is opened.
        if self.shared.check().is_ok() {
            self.shared.sweep(&mut state);
        }
    }
}

fn backup_reader(
    shared: &Shared,
    reader: &Reader,
    target: &Path,
    progress: Progress<'_>,
    cancel: &AtomicBool,
) -> Result<BackupReport> {
    let (disk, root) = (&shared.disk, &shared.root);
    let folder = NewFolder::claim(&reader.vfs, target, root)?;
    let mut tries = 0;
    loop {
        let source = settled(disk, root, |generation| {
            let manifest = Manifest::read(disk, root, generation)?;
            let logs = read_logs(disk, root, manifest.last_lsn)?;
            Ok(Source { manifest, logs })
        })?;
        let generation = source.manifest.generation;
        let copied = copy(disk, root, &reader.vfs, target, source, progress, cancel);
        tries += 1;
        match copied {
            Ok(report) => {
                folder.keep();
                return Ok(report);
            }
            // Not damage, if the writer has gone on: the file may be one that it removed.
            Err(Error::Corrupt { .. } | Error::FileNotFound { .. })
                if tries < TRIES && recovery::newest(disk, root)? != Some(generation) =>
            {
                folder.clear();
            }
            Err(e) => return Err(e),
        }
    }
}

/// Copies everything that `source` names into the empty folder `target`, and makes it a store.
fn copy(
    from: &Disk,
    root: &Path,
    to: &Arc<dyn Vfs>,
    target: &Path,
    source: Source,
    progress: Progress<'_>,
    cancel: &AtomicBool,
) -> Result<BackupReport> {
    let Source { mut manifest, logs } = source;
    // A disk of its own: a failure there is no failure of the store.
    let disk = Arc::new(Disk::new(to.clone()));
    let log_bytes: u64 = logs.iter().map(|l| l.valid_len).sum();
    let total = manifest.files().map(|(_, f)| f.bytes).sum::<u64>() + log_bytes;
    let mut report = BackupReport {
        files: 0,
        bytes: 0,
        generation: manifest.generation,
        left_out: Vec::new(),
    };
    let mut done = 0;
    for name in FOLDERS {
        disk.create_dir(&target.join(name))?;
    }
    // Whatever names them, the files of a segment lie in a folder of their own.
    let segments: BTreeSet<PathBuf> = manifest
        .files()
        .filter_map(|(path, _)| path.parent().map(Path::to_path_buf))
        .filter(|folder| folder.starts_with("segments"))
        .map(|folder| target.join(folder))
        .collect();
    for folder in &segments {
        disk.create_dir(folder)?;
    }
    let mut left_out = BTreeSet::new();
    for (path, file) in manifest.files() {
        let before = done;
        let copied = copy_file(
            from,
            &root.join(&path),
            file,
            &disk,
            &target.join(&path),
            &mut |n| {
                done += n;
                progress(done, total);
                go_on(cancel, "the copy")
            },
        );
        match copied {
            Ok(bytes) => {
                report.files += 1;
                report.bytes += bytes;
            }
            Err(Error::Corrupt { .. }) if file.name.starts_with("index.") => {
                done = before + file.bytes;
                left_out.insert(path);
            }
            Err(e) => return Err(e),
        }
    }
    leave_out(&mut manifest, &left_out);
    report.left_out = left_out
        .iter()
        .map(|path| path.to_string_lossy().into_owned())
        .collect();

    let wal_folder = wal::folder(target);
    for log in logs.iter().filter(|l| l.header.is_some()) {
        let out = disk.create(&wal_folder.join(wal::file_name(log.first_lsn())))?;
        out.append(log.valid_bytes())?;
        out.sync()?;
        report.files += 1;
        report.bytes += log.valid_len;
    }
    if logs.is_empty() {
        let log = Wal::create(&disk, target, manifest.last_lsn.saturating_add(1))?;
        report.files += 1;
        report.bytes += log.bytes();
    }
    for folder in &segments {
        disk.sync_dir(folder)?;
    }
    for name in FOLDERS {
        disk.sync_dir(&target.join(name))?;
    }
    disk.sync_dir(target)?;
    let parent = target.parent().filter(|p| !p.as_os_str().is_empty());
    disk.sync_dir(parent.unwrap_or(Path::new(".")))?;
    go_on(cancel, "the copy")?;
    report.bytes += manifest.publish(&disk, target, false)?;
    report.files += 1;
    progress(total, total);
    Ok(report)
}

/// Copies one sealed file; `each` is told the bytes of each piece before it is written. A file that is not what was written is not there
/// afterwards.
pub(crate) fn copy_file(
    from: &Disk,
    source: &Path,
    file: &FileEntry,
    disk: &Arc<Disk>,
    target: &Path,
    each: &mut dyn FnMut(u64) -> Result<()>,
) -> Result<u64> {
    let out = disk.create(target)?;
    let copied = read_sealed(from, source, file, &mut |piece| {
        each(piece.len() as u64)?;
        out.append(piece)
    });
    let copied = copied.and_then(|bytes| out.sync().map(|()| bytes));
    if copied.is_err() {
        drop(out);
        disk.remove(target);
    }
    copied
}

/// Fails once the work is cancelled.
pub(crate) fn go_on(cancel: &AtomicBool, what: &str) -> Result<()> {
    if cancel.load(Ordering::Acquire) {
        return Err(Error::Cancelled {
            what: what.to_owned(),
        });
    }
    Ok(())
}

/// Takes indexes out of a manifest.
fn leave_out(manifest: &mut Manifest, paths: &BTreeSet<PathBuf>) {
    // Dropped collections that the history can bring back have theirs too.
    let collections = manifest.collections.iter_mut().chain(&mut manifest.dropped);
    for segment in collections.flat_map(|c| &mut c.segments) {
        let folder = segment_folder(Path::new(""), segment.id);
        segment
            .indexes
            .retain(|i| !paths.contains(&folder.join(&i.file.name)));
    }
}
