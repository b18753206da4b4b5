//! Files in memory, for tests and for stores that need not outlive the process.

use std::collections::BTreeMap;
use std::fmt;
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::{Entry, Lock, LockError, Mapping, Vfs, VfsFile};
use crate::sync::Mutex;

/// A file system in memory. Clones share their files, so a store can be closed and opened again on a clone.
/// The root (`/`, or the empty path) exists from the start.
#[derive(Clone, Default)]
pub struct MemVfs {
    inner: Arc<Mutex<Tree>>,
}

impl fmt::Debug for MemVfs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "MemVfs({} names)", self.inner.lock().nodes.len())
    }
}

#[derive(Default)]
struct Tree {
    nodes: BTreeMap<PathBuf, Node>,
    locked: BTreeMap<PathBuf, String>,
}

#[derive(Clone)]
enum Node {
    Dir,
    File(Bytes),
}

type Bytes = Arc<Mutex<Vec<u8>>>;

impl MemVfs {
    /// An empty file system.
    pub fn new() -> MemVfs {
        MemVfs::default()
    }

    /// The bytes of a file; for tests that look or damage.
    pub fn read(&self, path: &Path) -> io::Result<Vec<u8>> {
        Ok(self.inner.lock().file(path)?.lock().clone())
    }

    /// Puts a file in place, whole; for tests that damage.
    pub fn write(&self, path: &Path, bytes: &[u8]) -> io::Result<()> {
        let mut tree = self.inner.lock();
        tree.check_parent(path)?;
        tree.nodes.insert(
            path.to_path_buf(),
            Node::File(Arc::new(Mutex::new(bytes.to_vec()))),
        );
        Ok(())
    }

    /// Paths of all files, sorted.
    pub fn files(&self) -> Vec<PathBuf> {
        let tree = self.inner.lock();
        tree.nodes
            .iter()
            .filter(|(_, n)| matches!(n, Node::File(_)))
            .map(|(p, _)| p.clone())
            .collect()
    }

    /// An independent copy of all files as they are now, with no lock held: what a crash of the process leaves.
    pub fn fork(&self) -> MemVfs {
        let tree = self.inner.lock();
        let nodes = tree
            .nodes
            .iter()
            .map(|(path, node)| {
                let copy = match node {
                    Node::Dir => Node::Dir,
                    Node::File(bytes) => Node::File(Arc::new(Mutex::new(bytes.lock().clone()))),
                };
                (path.clone(), copy)
            })
            .collect();
        MemVfs {
            inner: Arc::new(Mutex::new(Tree {
                nodes,
                locked: BTreeMap::new(),
            })),
        }
    }
}

fn is_root(path: &Path) -> bool {
    path.parent().is_none()
}

impl Tree {
    fn is_dir(&self, path: &Path) -> bool {
        is_root(path) || matches!(self.nodes.get(path), Some(Node::Dir))
    }

    fn check_parent(&self, path: &Path) -> io::Result<()> {
        match path.parent() {
            Some(parent) if self.is_dir(parent) => Ok(()),
            _ => Err(ErrorKind::NotFound.into()),
        }
    }

    fn file(&self, path: &Path) -> io::Result<Bytes> {
        match self.nodes.get(path) {
            Some(Node::File(bytes)) => Ok(bytes.clone()),
            Some(Node::Dir) => Err(io::Error::new(
                ErrorKind::InvalidInput,
                "not a regular file",
            )),
            None => Err(ErrorKind::NotFound.into()),
        }
    }
}

impl Vfs for MemVfs {
    fn create_dir(&self, path: &Path) -> io::Result<()> {
        let mut tree = self.inner.lock();
        if tree.is_dir(path) || tree.nodes.contains_key(path) {
            return Err(ErrorKind::AlreadyExists.into());
        }
        tree.check_parent(path)?;
        tree.nodes.insert(path.to_path_buf(), Node::Dir);
        Ok(())
    }

    fn create(&self, path: &Path) -> io::Result<Box<dyn VfsFile>> {
        let mut tree = self.inner.lock();
        if tree.is_dir(path) || tree.nodes.contains_key(path) {
            return Err(ErrorKind::AlreadyExists.into());
        }
        tree.check_parent(path)?;
        let bytes = Bytes::default();
        tree.nodes
            .insert(path.to_path_buf(), Node::File(bytes.clone()));
        Ok(Box::new(MemFile {
            bytes,
            writable: true,
        }))
    }

    fn open(&self, path: &Path) -> io::Result<Box<dyn VfsFile>> {
        Ok(Box::new(MemFile {
            bytes: self.inner.lock().file(path)?,
            writable: false,
        }))
    }

    fn open_append(&self, path: &Path) -> io::Result<Box<dyn VfsFile>> {
        Ok(Box::new(MemFile {
            bytes: self.inner.lock().file(path)?,
            writable: true,
        }))
    }

    fn map(&self, path: &Path) -> io::Result<Arc<dyn Mapping>> {
        let bytes = self.inner.lock().file(path)?;
        let bytes = bytes.lock();
        Ok(Arc::new(MemMapping::copy_of(&bytes)))
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        let mut tree = self.inner.lock();
        let bytes = tree.file(from)?;
        tree.check_parent(to)?;
        if tree.is_dir(to) {
            return Err(io::Error::new(
                ErrorKind::InvalidInput,
                "the target is a folder",
            ));
        }
        tree.nodes.remove(from);
        tree.nodes.insert(to.to_path_buf(), Node::File(bytes));
        Ok(())
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        let mut tree = self.inner.lock();
        tree.file(path)?;
        tree.nodes.remove(path);
        Ok(())
    }

    fn remove_dir(&self, path: &Path) -> io::Result<()> {
        let mut tree = self.inner.lock();
        if !matches!(tree.nodes.get(path), Some(Node::Dir)) {
            return Err(ErrorKind::NotFound.into());
        }
        if tree.nodes.keys().any(|p| p.parent() == Some(path)) {
            return Err(ErrorKind::DirectoryNotEmpty.into());
        }
        tree.nodes.remove(path);
        Ok(())
    }

    fn list(&self, path: &Path) -> io::Result<Vec<Entry>> {
        let tree = self.inner.lock();
        if !tree.is_dir(path) {
            return Err(ErrorKind::NotFound.into());
        }
        let mut entries: Vec<Entry> = tree
            .nodes
            .iter()
            .filter(|(p, _)| p.parent() == Some(path))
            .filter_map(|(p, node)| {
                let name = p.file_name()?.to_string_lossy().into_owned();
                Some(match node {
                    Node::Dir => Entry {
                        name,
                        is_dir: true,
                        len: 0,
                    },
                    Node::File(bytes) => Entry {
                        name,
                        is_dir: false,
                        len: bytes.lock().len() as u64,
                    },
                })
            })
            .collect();
        entries.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(entries)
    }

    fn sync_dir(&self, path: &Path) -> io::Result<()> {
        if self.inner.lock().is_dir(path) {
            Ok(())
        } else {
            Err(ErrorKind::NotFound.into())
        }
    }

    fn lock(&self, path: &Path, holder: &str) -> Result<Box<dyn Lock>, LockError> {
        let mut tree = self.inner.lock();
        if let Some(holder) = tree.locked.get(path) {
            return Err(LockError::Held(Some(holder.clone())));
        }
        tree.check_parent(path)?;
        tree.nodes.insert(
            path.to_path_buf(),
            Node::File(Arc::new(Mutex::new(holder.as_bytes().to_vec()))),
        );
        tree.locked.insert(path.to_path_buf(), holder.to_owned());
        Ok(Box::new(MemLock {
            tree: self.inner.clone(),
            path: path.to_path_buf(),
        }))
    }

    fn holder(&self, path: &Path) -> io::Result<Option<String>> {
        Ok(self.inner.lock().locked.get(path).cloned())
    }
}

struct MemFile {
    bytes: Bytes,
    writable: bool,
}

impl MemFile {
    fn check_writable(&self) -> io::Result<()> {
        if self.writable {
            Ok(())
        } else {
            Err(ErrorKind::PermissionDenied.into())
        }
    }
}

impl VfsFile for MemFile {
    fn len(&self) -> io::Result<u64> {
        Ok(self.bytes.lock().len() as u64)
    }

    fn read_at(&self, buf: &mut [u8], offset: u64) -> io::Result<()> {
        let bytes = self.bytes.lock();
        let start = usize::try_from(offset).map_err(|_| ErrorKind::UnexpectedEof)?;
        let end = start
            .checked_add(buf.len())
            .ok_or(ErrorKind::UnexpectedEof)?;
        buf.copy_from_slice(bytes.get(start..end).ok_or(ErrorKind::UnexpectedEof)?);
        Ok(())
    }

    fn append(&self, bytes: &[u8]) -> io::Result<()> {
        self.check_writable()?;
        self.bytes.lock().extend_from_slice(bytes);
        Ok(())
    }

    fn sync(&self) -> io::Result<()> {
        Ok(())
    }

    fn truncate(&self, len: u64) -> io::Result<()> {
        self.check_writable()?;
        let mut bytes = self.bytes.lock();
        if len > bytes.len() as u64 {
            return Err(io::Error::new(
                ErrorKind::InvalidInput,
                "cannot grow a file",
            ));
        }
        bytes.truncate(len as usize);
        Ok(())
    }
}

#[derive(Clone, Copy, bytemuck::Zeroable, bytemuck::Pod)]
#[repr(C, align(4096))]
struct Page([u8; 4096]);

/// A copy of a file in whole pages, so that it is aligned like a real mapping.
struct MemMapping {
    pages: Vec<Page>,
    len: usize,
}

impl MemMapping {
    fn copy_of(bytes: &[u8]) -> MemMapping {
        let mut pages = vec![Page([0; 4096]); bytes.len().div_ceil(4096)];
        bytemuck::cast_slice_mut::<Page, u8>(&mut pages)[..bytes.len()].copy_from_slice(bytes);
        MemMapping {
            pages,
            len: bytes.len(),
        }
    }
}

// SAFETY: the pages are never changed nor moved after `copy_of`, and their type is aligned to 4,096 bytes.
unsafe impl Mapping for MemMapping {
    fn bytes(&self) -> &[u8] {
        &bytemuck::cast_slice::<Page, u8>(&self.pages)[..self.len]
    }
}

struct MemLock {
    tree: Arc<Mutex<Tree>>,
    path: PathBuf,
}

impl Lock for MemLock {}

impl Drop for MemLock {
    fn drop(&mut self) {
        self.tree.lock().locked.remove(&self.path);
    }
}
