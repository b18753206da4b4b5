//! Reads everything and compares it with what the manifest says was written.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::Serialize;

use crate::error::{Error, Result};
use crate::manifest::{FileEntry, Manifest, file_name, parse_name};
use crate::part::{IdIndex, Part};
use crate::sealed::read_sealed;
use crate::state::Shared;
use crate::wal::{self, read_log};

/// What a look at every byte found.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct VerifyReport {
    /// Files read.
    pub files: u64,
    /// Bytes read.
    pub bytes: u64,
    /// What is wrong; empty when all is well.
    pub problems: Vec<Problem>,
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
}

/// Reads every sealed file of both kept generations, both manifests and the log. Writers wait while the small files are read.
pub(crate) fn verify(shared: &Shared) -> Result<VerifyReport> {
    let mut report = VerifyReport {
        files: 0,
        bytes: 0,
        problems: Vec::new(),
    };
    let mut sealed: BTreeMap<PathBuf, FileEntry> = BTreeMap::new();
    let mut parts = Vec::new();
    {
        let (_commit, state) = shared.both();
        if shared.reader.is_none() {
            shared.check()?;
        }
        for entry in shared.disk.list(&shared.root)? {
            let Some(generation) = parse_name(&entry.name) else {
                continue;
            };
            let read = Manifest::read(&shared.disk, &shared.root, generation).map(|_| entry.len);
            report.note(&shared.root, &shared.root.join(&entry.name), false, read);
        }
        let newest = file_name(state.manifest.generation);
        if !shared
            .disk
            .list(&shared.root)?
            .iter()
            .any(|e| e.name == newest)
        {
            report.problem(
                &shared.root,
                &shared.root.join(newest),
                false,
                "it is missing".to_owned(),
            );
        }
        for manifest in std::iter::once(&state.manifest).chain(&state.previous) {
            sealed.extend(manifest.files().map(|(path, file)| (path, file.clone())));
        }
        for entry in shared.disk.list(&wal::folder(&shared.root))? {
            if let Some(first) =
                wal::parse_name(&entry.name).filter(|first| *first >= state.wal.first_lsn())
            {
                let path = wal::folder(&shared.root).join(&entry.name);
                let read = read_log(&shared.disk, &path, first, false).map(|log| log.file_len());
                report.note(&shared.root, &path, false, read);
            }
        }
        for entry in &state.manifest.collections {
            if let Some(written) = state.collections.get(&entry.id) {
                let folders = entry
                    .segments
                    .iter()
                    .map(|s| crate::manifest::segment_folder(Path::new(""), s.id));
                parts.extend(folders.zip(written.sealed.iter().cloned()));
            }
        }
    }
    for (path, file) in &sealed {
        let full = shared.root.join(path);
        let read = read_sealed(&shared.disk, &full, file, &mut |_| Ok(()));
        // A file that is gone because its generation was retired meanwhile is no problem.
        if read.is_err() && !still_named(shared, path) {
            continue;
        }
        let derived = file.name.starts_with("index.");
        report.note(&shared.root, &full, derived, read);
    }
    for (folder, part) in &parts {
        // What is damaged is not looked into.
        let sound = !report
            .problems
            .iter()
            .any(|p| Path::new(&p.file).starts_with(folder));
        let ids = folder.join(crate::segment::IDS_FILE);
        if sound && !in_order(part) && still_named(shared, &ids) {
            report.problem(
                &shared.root,
                &shared.root.join(&ids),
                false,
                "the ids are not in order".to_owned(),
            );
        }
    }
    Ok(report)
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
        });
    }
}

fn still_named(shared: &Shared, path: &Path) -> bool {
    let (_commit, state) = shared.both();
    std::iter::once(&state.manifest)
        .chain(&state.previous)
        .any(|m| m.files().any(|(named, _)| named == path))
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
