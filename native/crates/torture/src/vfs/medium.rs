//! What a disk holds: what was synced for sure, and of the rest whatever a power cut lets through.
//!
//! A synced file keeps its bytes, a synced folder its names. Each write, cut and change of names since then may be lost alone,
//! whatever became of the others; a rename is one change.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use omendb_store::vfs::{MemVfs, Vfs};

use super::damage::{Damage, Fate, fates};
use crate::rng::Rng;

/// Number of a file; it keeps it under any name.
pub type Node = usize;

/// One operation that succeeded.
#[derive(Debug, Clone)]
#[expect(missing_docs, reason = "they are the changes of `Vfs` and `VfsFile`")]
pub enum Op {
    CreateDir(PathBuf),
    Create(PathBuf, Node),
    Append(Node, Arc<[u8]>),
    Sync(Node),
    Truncate(Node, u64),
    Rename(PathBuf, PathBuf),
    Remove(PathBuf),
    RemoveDir(PathBuf),
    SyncDir(PathBuf),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Entry {
    Dir,
    File(Node),
}

/// A change that is not durable yet.
#[derive(Debug, Clone)]
pub(super) enum Pending {
    Write {
        node: Node,
        at: usize,
        bytes: Arc<[u8]>,
    },
    Cut {
        node: Node,
        len: usize,
    },
    Names(Vec<(PathBuf, Option<Entry>)>),
}

impl Pending {
    /// Whether it is of the content of this file.
    fn is_of(&self, file: Node) -> bool {
        match self {
            Pending::Write { node, .. } | Pending::Cut { node, .. } => *node == file,
            Pending::Names(_) => false,
        }
    }
}

/// A disk, with the unsynced changes that the system still holds.
#[derive(Debug, Clone, Default)]
pub struct Medium {
    files: Vec<Arc<Vec<u8>>>,
    lens: Vec<usize>,
    names: BTreeMap<PathBuf, Entry>,
    live: BTreeMap<PathBuf, Entry>,
    pending: Vec<Pending>,
}

impl Medium {
    /// A disk that holds these files for sure.
    pub fn of(vfs: &MemVfs) -> Medium {
        let mut medium = Medium::default();
        medium.gather(vfs, Path::new("/"));
        medium.live = medium.names.clone();
        medium
    }

    fn gather(&mut self, vfs: &MemVfs, folder: &Path) {
        for entry in vfs.list(folder).unwrap_or_default() {
            let path = folder.join(&entry.name);
            if entry.is_dir {
                self.names.insert(path.clone(), Entry::Dir);
                self.gather(vfs, &path);
            } else {
                let bytes = vfs.read(&path).unwrap_or_default();
                let node = self.new_node();
                self.lens[node] = bytes.len();
                self.files[node] = Arc::new(bytes);
                self.names.insert(path, Entry::File(node));
            }
        }
    }

    fn new_node(&mut self) -> Node {
        self.files.push(Arc::default());
        self.lens.push(0);
        self.files.len() - 1
    }

    /// The number that the next file gets.
    pub fn next_node(&self) -> Node {
        self.files.len()
    }

    /// The file that has this name now.
    pub fn node(&self, path: &Path) -> Option<Node> {
        match self.live.get(path) {
            Some(Entry::File(node)) => Some(*node),
            _ => None,
        }
    }

    /// All names of files now.
    pub fn live_files(&self) -> impl Iterator<Item = (&PathBuf, Node)> {
        self.live.iter().filter_map(|(path, entry)| match entry {
            Entry::File(node) => Some((path, *node)),
            Entry::Dir => None,
        })
    }

    /// Bytes of a file now.
    pub fn len(&self, node: Node) -> usize {
        self.lens[node]
    }

    /// Whether no byte of a file can be lost, if its name is not.
    pub fn is_synced(&self, node: Node) -> bool {
        !self.pending.iter().any(|p| p.is_of(node))
    }

    /// Whether nothing of a file can be lost: neither its bytes nor its name.
    pub fn is_durable(&self, path: &Path, node: Node) -> bool {
        self.is_synced(node) && self.has_durable_name(path, node)
    }

    /// As [`Medium::is_durable`], of a file that grows: its name and its first bytes.
    pub fn has_durable_head(&self, path: &Path, node: Node) -> bool {
        !self.files[node].is_empty() && self.has_durable_name(path, node)
    }

    fn has_durable_name(&self, path: &Path, node: Node) -> bool {
        let mut folders = path.ancestors().skip(1).filter(|p| p.parent().is_some());
        self.names.get(path) == Some(&Entry::File(node))
            && folders.all(|p| self.names.contains_key(p))
    }

    /// Takes in one more operation.
    pub fn apply(&mut self, op: &Op) {
        match op {
            Op::CreateDir(path) => self.rename(vec![(path.clone(), Some(Entry::Dir))]),
            Op::Create(path, node) => {
                while self.files.len() <= *node {
                    self.new_node();
                }
                self.rename(vec![(path.clone(), Some(Entry::File(*node)))]);
            }
            Op::Append(node, bytes) => {
                let (node, at) = (*node, self.lens[*node]);
                self.lens[node] += bytes.len();
                let bytes = bytes.clone();
                self.pending.push(Pending::Write { node, at, bytes });
            }
            Op::Truncate(node, len) => {
                let (node, len) = (*node, *len as usize);
                self.lens[node] = len;
                self.pending.push(Pending::Cut { node, len });
            }
            Op::Sync(node) => {
                let pending = std::mem::take(&mut self.pending);
                let (done, left) = pending.into_iter().partition(|p| p.is_of(*node));
                self.pending = left;
                let bytes = Arc::make_mut(&mut self.files[*node]);
                for pending in &done as &Vec<Pending> {
                    write(bytes, pending, &Fate::Keep);
                }
            }
            Op::Rename(from, to) => {
                let entry = self.live.get(from).copied();
                self.rename(vec![(from.clone(), None), (to.clone(), entry)]);
            }
            Op::Remove(path) | Op::RemoveDir(path) => self.rename(vec![(path.clone(), None)]),
            Op::SyncDir(folder) => {
                let inside = |p: &Pending| match p {
                    Pending::Names(names) => names.iter().any(|(p, _)| p.parent() == Some(folder)),
                    _ => false,
                };
                let (done, left) = std::mem::take(&mut self.pending)
                    .into_iter()
                    .partition(inside);
                self.pending = left;
                for pending in &done as &Vec<Pending> {
                    if let Pending::Names(names) = pending {
                        set(&mut self.names, names);
                    }
                }
            }
        }
    }

    fn rename(&mut self, names: Vec<(PathBuf, Option<Entry>)>) {
        set(&mut self.live, &names);
        self.pending.push(Pending::Names(names));
    }

    /// Changes that a power cut may lose.
    pub fn unsynced(&self) -> usize {
        self.pending.len()
    }

    /// What a power cut leaves.
    pub fn image(&self, damage: Damage, rng: &mut Rng) -> MemVfs {
        let fates = fates(&self.pending, damage, rng);
        let mut names = self.names.clone();
        let mut files = self.files.clone();
        for (pending, fate) in self.pending.iter().zip(&fates) {
            match pending {
                Pending::Names(changed) if *fate == Fate::Keep => set(&mut names, changed),
                Pending::Names(_) => {}
                Pending::Write { node, .. } | Pending::Cut { node, .. } if *fate != Fate::Lose => {
                    write(Arc::make_mut(&mut files[*node]), pending, fate);
                }
                _ => {}
            }
        }
        let vfs = MemVfs::new();
        // Folders sort before what is in them; what was in a lost folder is lost with it, so a refusal is no error.
        for (path, entry) in &names {
            let _ = match entry {
                Entry::Dir => vfs.create_dir(path),
                Entry::File(node) => vfs.write(path, &files[*node]),
            };
        }
        vfs
    }
}

fn set(names: &mut BTreeMap<PathBuf, Entry>, changed: &[(PathBuf, Option<Entry>)]) {
    for (path, entry) in changed {
        match entry {
            Some(entry) => names.insert(path.clone(), *entry),
            None => names.remove(path),
        };
    }
}

fn write(file: &mut Vec<u8>, pending: &Pending, fate: &Fate) {
    let mut put = |at: usize, bytes: &[u8]| {
        if file.len() < at + bytes.len() {
            file.resize(at + bytes.len(), 0);
        }
        file[at..at + bytes.len()].copy_from_slice(bytes);
    };
    match (pending, fate) {
        (Pending::Write { at, bytes, .. }, Fate::Keep) => put(*at, bytes),
        (Pending::Write { at, bytes, .. }, Fate::Zero) => put(*at, &vec![0; bytes.len()]),
        (Pending::Write { at, bytes, .. }, Fate::Parts(parts)) => {
            for part in parts {
                put(at + part.start, &bytes[part.clone()]);
            }
        }
        (Pending::Write { at, bytes, .. }, Fate::Garbage(sector, seed)) => {
            put(*at, bytes);
            let mut rng = Rng::new(*seed);
            let garbage: Vec<u8> = sector.clone().map(|_| rng.any() as u8).collect();
            put(at + sector.start, &garbage);
        }
        (Pending::Cut { len, .. }, _) => file.resize(*len, 0),
        _ => {}
    }
}
