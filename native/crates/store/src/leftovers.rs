//! What a crash leaves: files that no kept generation names.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use crate::history;
use crate::manifest::{self, Manifest, TEMPORARY};
use crate::segment::SegmentWriter;
use crate::vfs::Disk;
use crate::wal::{self, Log};

/// Removes what neither kept generation names: parts of a cancelled or crashed import, an old log. Files that are not ours stay.
/// With `sealed_too` unset no sealed file is removed: it is not known which are named. Gives the next free ids of segments and maps. What cannot be removed now is tried again at the next open.
pub(crate) fn remove_leftovers(
    disk: &Disk,
    root: &Path,
    manifest: &Manifest,
    previous: Option<&Manifest>,
    logs: &[Log],
    sealed_too: bool,
) -> (u64, u64) {
    let (mut next_segment, mut next_map) = (manifest.next_segment, manifest.next_map);
    let kept: BTreeSet<PathBuf> = std::iter::once(manifest)
        .chain(previous)
        .flat_map(|m| m.files().map(|(path, _)| path))
        .collect();
    let list = |folder: &Path| disk.list(folder).unwrap_or_default();

    disk.remove(&root.join(TEMPORARY));
    let generations: BTreeSet<u64> = list(root)
        .iter()
        .filter_map(|e| manifest::parse_name(&e.name))
        .collect();
    for old in generations.iter().rev().skip(2) {
        disk.remove(&root.join(manifest::file_name(*old)));
    }
    let logs_kept: BTreeSet<PathBuf> = logs
        .iter()
        .filter(|l| l.header.is_some())
        .map(|l| l.path().to_path_buf())
        .collect();
    for entry in list(&wal::folder(root)) {
        let path = wal::folder(root).join(&entry.name);
        if wal::parse_name(&entry.name).is_some() && !logs_kept.contains(&path) {
            disk.remove(&path);
        }
    }
    for entry in list(&root.join("segments")).iter().filter(|e| e.is_dir) {
        let id = u64::from_str_radix(&entry.name, 16)
            .ok()
            .filter(|id| manifest::segment_name(*id) == entry.name);
        let Some(id) = id else { continue };
        next_segment = next_segment.max(id.saturating_add(1));
        if !sealed_too {
            continue;
        }
        let folder = manifest::segment_folder(Path::new(""), id);
        let files = list(&root.join(&folder));
        let ours = |name: &str| {
            [
                "vectors.", "columns.", "column.", "ids.", "rows.", "index.", "segment.",
            ]
            .iter()
            .any(|p| name.starts_with(p))
        };
        for file in files
            .iter()
            .filter(|f| ours(&f.name) && !kept.contains(&folder.join(&f.name)))
        {
            disk.remove(&root.join(&folder).join(&file.name));
        }
        if !kept.iter().any(|path| path.parent() == Some(&folder)) {
            SegmentWriter::remove(disk, root, id);
        }
    }
    for entry in list(&root.join(history::FOLDER)) {
        let path = Path::new(history::FOLDER).join(&entry.name);
        if sealed_too && entry.name.ends_with(".hist") && !kept.contains(&path) {
            disk.remove(&root.join(path));
        }
    }
    for entry in list(&root.join("maps")) {
        let id = entry
            .name
            .strip_suffix(".map")
            .and_then(|hex| u64::from_str_radix(hex, 16).ok());
        let Some(id) = id.filter(|id| manifest::map_name(*id) == entry.name) else {
            continue;
        };
        next_map = next_map.max(id.saturating_add(1));
        if sealed_too && !kept.contains(&Path::new("maps").join(&entry.name)) {
            disk.remove(&root.join("maps").join(&entry.name));
        }
    }
    (next_segment, next_map)
}
