//! Names in a store's folder that no manifest tells of.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use crate::lock::LOCK;
use crate::manifest::{FileEntry, TEMPORARY, parse_name};
use crate::recovery::FOLDERS;
use crate::vfs::Disk;
use crate::wal;

/// Most notes of a report.
const MAX_NOTES: usize = 100;

/// What lies in the folder besides locks, manifests, logs and the files that `sealed` names.
pub(crate) fn foreign(
    disk: &Disk,
    root: &Path,
    sealed: &BTreeMap<PathBuf, FileEntry>,
) -> Vec<String> {
    let list = |folder: &Path| disk.list(&root.join(folder)).unwrap_or_default();
    let mut notes = Vec::new();
    for entry in list(Path::new("")) {
        let ours = if entry.is_dir {
            FOLDERS.contains(&&*entry.name)
        } else {
            entry.name == LOCK || parse_name(&entry.name).is_some()
        };
        if entry.name == TEMPORARY {
            notes.push(format!(
                "{TEMPORARY}: a generation in the making, or left over"
            ));
        } else if !ours {
            notes.push(format!("{}: not a part of the store", entry.name));
        }
    }
    let unnamed = |path: &Path| {
        format!(
            "{}: no generation names it; it is in the making, left over, or not a part of the store",
            path.display()
        )
    };
    for name in FOLDERS {
        let folder = Path::new(name);
        for entry in list(folder) {
            let path = folder.join(&entry.name);
            if entry.is_dir {
                for file in list(&path) {
                    let path = path.join(&file.name);
                    if !sealed.contains_key(&path) {
                        notes.push(unnamed(&path));
                    }
                }
            } else if !(sealed.contains_key(&path) || is_log(name, &entry.name)) {
                notes.push(unnamed(&path));
            }
        }
    }
    if notes.len() > MAX_NOTES {
        let more = notes.len() - MAX_NOTES;
        notes.truncate(MAX_NOTES);
        notes.push(format!("and {more} more"));
    }
    notes
}

fn is_log(folder: &str, name: &str) -> bool {
    folder == "wal" && wal::parse_name(name).is_some()
}
