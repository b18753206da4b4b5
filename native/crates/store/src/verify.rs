//! Reads everything and compares it with what the manifest says was written.

use std::collections::BTreeMap;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::Serialize;

use crate::error::{Error, Result};
use crate::foreign::foreign;
use crate::history;
use crate::manifest::{FileEntry, Manifest, file_name, parse_name, segment_folder};
use crate::part::{IdIndex, Part};
use crate::reader::{DOUBTS, TRIES, pause};
use crate::recovery::{newest, read_logs};
use crate::sealed::read_sealed;
use crate::segment::{IDS_FILE, SEAL_FILE, Seal};
use crate::state::{Shared, State};
use crate::vfs::Disk;
use crate::wal::{self, Log, read_log};

/// Damaged ranges of a file that a report names.
const RANGES_NAMED: usize = 4;

/// What a look at every byte found.
#[derive(Debug, Clone, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct VerifyReport {
    /// Files read.
    pub files: u64,
    /// Bytes read.
    pub bytes: u64,
    /// What is wrong; empty when all is well.
    pub problems: Vec<Problem>,
    /// What else is there: files that are not the store's, or that nothing names (yet, or any more). They do no harm.
    pub notes: Vec<String>,
}

/// One damaged or missing file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Problem {
    /// The file, as a path in the store's folder.
    pub file: String,
    /// What is wrong with it.
    pub reason: String,
    /// Whether the file can be made again from others (an index), so that nothing is lost.
    pub derived: bool,
    /// Whether it is what a crash leaves, and nothing that was acknowledged is lost, as far as the files can tell.
    pub harmless: bool,
}

/// What the small files name.
struct Named {
    sealed: BTreeMap<PathBuf, FileEntry>,
    /// Segments as they are mapped, by folder.
    parts: Vec<(PathBuf, Arc<Part>)>,
}

/// Reads every sealed file of both kept generations, both manifests and the log. Writers wait while the small files are read. For a
/// reader it is what the folder holds now that counts, not what is shown.
pub(crate) fn verify(shared: &Shared) -> Result<VerifyReport> {
    let mut report = VerifyReport::default();
    let named = if shared.reader.is_some() {
        let (small, named) = look_beside_a_writer(shared)?;
        report = small;
        named
    } else {
        look(shared, &mut report)?
    };
    for (path, file) in &named.sealed {
        let full = shared.root.join(path);
        let read = read_sealed(&shared.disk, &full, file, &mut |_| Ok(()))
            .and_then(|bytes| understood(shared, &full, file).map(|()| bytes));
        // A file that is gone because its generation was retired meanwhile is no problem.
        if read.is_err() && !still_named(shared, path) {
            continue;
        }
        let derived = file.name.starts_with("index.");
        let read = read.map_err(|e| with_place(&shared.disk, &full, file, e));
        report.note(&shared.root, &full, derived, read);
    }
    for (folder, part) in &named.parts {
        // What is damaged is not looked into.
        let sound = !report
            .problems
            .iter()
            .any(|p| Path::new(&p.file).starts_with(folder));
        let ids = folder.join(IDS_FILE);
        if sound && !in_order(part) && still_named(shared, &ids) {
            let path = shared.root.join(&ids);
            let reason = "the ids are not in order".to_owned();
            report.problem(&shared.root, &path, false, reason);
        }
    }
    report.notes = foreign(&shared.disk, &shared.root, &named.sealed);
    Ok(report)
}

/// Parses a file that is not read at opening.
fn understood(shared: &Shared, path: &Path, file: &FileEntry) -> Result<()> {
    if file.name.ends_with(".hist") {
        history::read(&shared.disk, &shared.root, file).map(drop)
    } else if let (SEAL_FILE, Some(folder)) = (file.name.as_str(), path.parent()) {
        Seal::read(&shared.disk, folder).map(drop)
    } else {
        Ok(())
    }
}

/// Reads the small files of a store that this handle writes.
fn look(shared: &Shared, report: &mut VerifyReport) -> Result<Named> {
    let (_commit, state) = shared.publishing()?;
    let (disk, root) = (&shared.disk, &shared.root);
    look_at_manifests(disk, root, report)?;
    let there = disk.list(root)?;
    for kept in std::iter::once(&state.manifest).chain(&state.previous) {
        let name = file_name(kept.generation);
        if there.iter().all(|e| e.name != name) {
            report.problem(root, &root.join(name), false, "it is missing".to_owned());
        }
    }
    let folder = wal::folder(root);
    for entry in disk.list(&folder)? {
        let first = wal::parse_name(&entry.name).filter(|f| *f >= state.wal.first_lsn());
        if let Some(first) = first {
            let path = folder.join(&entry.name);
            let read = read_log(disk, &path, first, false).map(|log| log.file_len());
            report.note(root, &path, false, read);
        }
    }
    let manifests = std::iter::once(&state.manifest).chain(&state.previous);
    Ok(Named {
        sealed: named_by(manifests),
        parts: parts_of(&state),
    })
}

/// The same where another process may be writing: what looks wrong is looked at again.
fn look_beside_a_writer(shared: &Shared) -> Result<(VerifyReport, Named)> {
    let (disk, root) = (&shared.disk, &shared.root);
    let (mut tries, mut doubts) = (0, 0);
    loop {
        tries += 1;
        let generation = newest(disk, root)?;
        let mut report = VerifyReport::default();
        let manifests = look_at_manifests(disk, root, &mut report)?;
        if let Some(newest) = manifests.first() {
            match read_logs(disk, root, newest.last_lsn) {
                Ok(logs) => logs.iter().for_each(|log| report.log(root, log)),
                Err(e) => {
                    let path = match &e {
                        Error::Corrupt { file, .. } => file.clone(),
                        _ => wal::folder(root),
                    };
                    report.note(root, &path, false, Err(e));
                }
            }
        } else {
            report.problem(root, root, false, "there is no manifest".to_owned());
        }
        doubts += u32::from(newest(disk, root)? == generation);
        if report.problems.is_empty() || doubts >= DOUBTS || tries >= TRIES {
            let (_commit, state) = shared.both();
            let named = Named {
                sealed: named_by(manifests.iter()),
                parts: parts_of(&state),
            };
            return Ok((report, named));
        }
        pause(tries);
    }
}

/// Reads the manifests, and gives those of the two newest that are sound, newest first.
fn look_at_manifests(disk: &Disk, root: &Path, report: &mut VerifyReport) -> Result<Vec<Manifest>> {
    let mut entries = disk.list(root)?;
    entries.retain(|e| parse_name(&e.name).is_some());
    let mut sound = Vec::new();
    for entry in entries.iter().rev().take(2) {
        let read = Manifest::read(disk, root, parse_name(&entry.name).unwrap_or_default());
        let len = read.as_ref().map(|_| entry.len).map_err(Clone::clone);
        report.note(root, &root.join(&entry.name), false, len);
        sound.extend(read);
    }
    Ok(sound)
}

fn named_by<'a>(manifests: impl Iterator<Item = &'a Manifest>) -> BTreeMap<PathBuf, FileEntry> {
    manifests
        .flat_map(|m| m.files().map(|(path, file)| (path, file.clone())))
        .collect()
}

fn parts_of(state: &State) -> Vec<(PathBuf, Arc<Part>)> {
    let mut parts = Vec::new();
    for entry in &state.manifest.collections {
        if let Some(written) = state.collections.get(&entry.id) {
            let folders = entry.segments.iter();
            let folders = folders.map(|s| segment_folder(Path::new(""), s.id));
            parts.extend(folders.zip(written.sealed.iter().cloned()));
        }
    }
    parts
}

impl VerifyReport {
    fn note(&mut self, root: &Path, path: &Path, derived: bool, read: Result<u64>) {
        self.files += 1;
        match read {
            Ok(bytes) => self.bytes += bytes,
            Err(Error::Corrupt { reason, .. }) => self.problem(root, path, derived, reason),
            Err(e) => self.problem(root, path, derived, e.to_string()),
        }
    }

    /// A log that was read; behind its valid records there may be a torn tail.
    fn log(&mut self, root: &Path, log: &Log) {
        self.note(root, log.path(), false, Ok(log.file_len()));
        let torn = log.file_len() - log.valid_len;
        if torn > 0 {
            let reason = format!(
                "its last {torn} bytes are no whole record: if the computer or the program crashed that is what it left, and nothing is lost; otherwise they are damaged"
            );
            self.problem(root, log.path(), false, reason);
            if let Some(problem) = self.problems.last_mut() {
                problem.harmless = true;
            }
        }
    }

    fn problem(&mut self, root: &Path, path: &Path, derived: bool, reason: String) {
        let file = path
            .strip_prefix(root)
            .unwrap_or(path)
            .to_string_lossy()
            .into_owned();
        self.problems.push(Problem {
            file,
            reason,
            derived,
            harmless: false,
        });
    }
}

/// Whether a kept generation names the file now.
fn still_named(shared: &Shared, path: &Path) -> bool {
    let names = |m: &Manifest| m.files().any(|(named, _)| named == path);
    if shared.reader.is_some() {
        let (disk, root) = (&shared.disk, &shared.root);
        for tries in 1..=TRIES {
            let before = newest(disk, root).ok();
            let mut ignored = VerifyReport::default();
            let manifests = look_at_manifests(disk, root, &mut ignored).unwrap_or_default();
            if !manifests.is_empty() {
                return manifests.iter().any(names);
            }
            // If the writer did not remove both while they were read, they are damaged.
            if newest(disk, root).ok() == before {
                return true;
            }
            pause(tries);
        }
        return false;
    }
    let (_commit, state) = shared.both();
    std::iter::once(&state.manifest)
        .chain(&state.previous)
        .any(names)
}

/// The error of a sealed file with the place of the damage, if the segment's seal tells.
fn with_place(disk: &Disk, path: &Path, entry: &FileEntry, error: Error) -> Error {
    let Error::Corrupt { file, reason, .. } = error else {
        return error;
    };
    let found = || {
        let seal = Seal::read(disk, path.parent()?).ok()?;
        let sealed = seal.file(&entry.name).filter(|f| f.file == *entry)?;
        sealed.damage(disk, path).ok().filter(|d| !d.is_empty())
    };
    let ranges: Vec<Range<u64>> = found().unwrap_or_default();
    let mut named: Vec<String> = ranges
        .iter()
        .take(RANGES_NAMED)
        .map(|r| format!("{} to {}", r.start, r.end - 1))
        .collect();
    if ranges.len() > RANGES_NAMED {
        named.push(format!("{} more places", ranges.len() - RANGES_NAMED));
    }
    Error::Corrupt {
        file,
        offset: ranges.first().map(|r| r.start),
        lsn: None,
        reason: if named.is_empty() {
            reason
        } else {
            format!("{reason}: somewhere in bytes {}", named.join(", "))
        },
    }
}

/// Whether the id index of a segment is sorted.
fn in_order(part: &Part) -> bool {
    let IdIndex::Sorted { order, column } = &part.ids else {
        return true;
    };
    let mut seen = vec![false; part.rows as usize];
    let mut last = None;
    for &position in order.as_slice() {
        let here = (part.id_at(*column, position), position);
        let fresh = seen
            .get_mut(position as usize)
            .is_some_and(|seen| !std::mem::replace(seen, true));
        if !fresh || last.as_ref().is_some_and(|last| last > &here) {
            return false;
        }
        last = Some(here);
    }
    true
}
