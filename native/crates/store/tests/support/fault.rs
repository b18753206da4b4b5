//! A file system whose n-th change fails, and (if sticky) each one after it. It also knows what a power cut would leave in the
//! strictest case: of each file what was synced, of each folder the names that were there when it was last synced.

use std::collections::BTreeMap;
use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use omendb_store::vfs::{Entry, Lock, LockError, Mapping, MemVfs, Vfs, VfsFile};

pub struct FaultVfs {
    inner: MemVfs,
    faults: Arc<Faults>,
}

pub struct Faults {
    left: AtomicI64,
    sticky: bool,
    kind: io::ErrorKind,
    pub syncs: AtomicU64,
    durable: Mutex<Durable>,
}

type Content = Arc<Mutex<Vec<u8>>>;

/// A folder, or a file with its synced content.
#[derive(Clone)]
enum Node {
    Dir,
    File(Content),
}

#[derive(Default)]
struct Durable {
    names: BTreeMap<PathBuf, Node>,
    synced_names: BTreeMap<PathBuf, Node>,
}

impl Faults {
    fn step(&self) -> io::Result<()> {
        let left = self.left.fetch_sub(1, Ordering::SeqCst);
        if left == 0 || (left < 0 && self.sticky) {
            Err(io::Error::new(self.kind, "injected"))
        } else {
            Ok(())
        }
    }

    /// What a power cut would leave, unsynced bytes and names all lost.
    pub fn after_power_cut(&self) -> MemVfs {
        let vfs = MemVfs::new();
        // Parents sort before what is in them; a name in a folder that is lost is lost too.
        for (path, node) in &self.durable.lock().unwrap().synced_names {
            let _ = match node {
                Node::Dir => vfs.create_dir(path),
                Node::File(synced) => vfs.write(path, &synced.lock().unwrap()),
            };
        }
        vfs
    }

    fn content(&self, path: &Path) -> Content {
        match self.durable.lock().unwrap().names.get(path) {
            Some(Node::File(content)) => content.clone(),
            _ => Content::default(),
        }
    }

    /// Whether the failing change was reached.
    pub fn hit(&self) -> bool {
        self.left.load(Ordering::SeqCst) < 0
    }
}

impl FaultVfs {
    pub fn new(
        inner: MemVfs,
        fail_at: i64,
        sticky: bool,
        kind: io::ErrorKind,
    ) -> (FaultVfs, Arc<Faults>) {
        let faults = Arc::new(Faults {
            left: AtomicI64::new(fail_at),
            sticky,
            kind,
            syncs: AtomicU64::new(0),
            durable: Mutex::default(),
        });
        (
            FaultVfs {
                inner,
                faults: faults.clone(),
            },
            faults,
        )
    }

    fn file(&self, file: Box<dyn VfsFile>, path: &Path) -> Box<dyn VfsFile> {
        Box::new(FaultFile {
            file,
            faults: self.faults.clone(),
            synced: self.faults.content(path),
        })
    }
}

impl fmt::Debug for FaultVfs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("FaultVfs")
    }
}

impl Vfs for FaultVfs {
    fn create_dir(&self, path: &Path) -> io::Result<()> {
        self.faults.step()?;
        self.inner.create_dir(path)?;
        self.faults
            .durable
            .lock()
            .unwrap()
            .names
            .insert(path.to_path_buf(), Node::Dir);
        Ok(())
    }
    fn create(&self, path: &Path) -> io::Result<Box<dyn VfsFile>> {
        self.faults.step()?;
        let file = self.inner.create(path)?;
        let node = Node::File(Content::default());
        self.faults
            .durable
            .lock()
            .unwrap()
            .names
            .insert(path.to_path_buf(), node);
        Ok(self.file(file, path))
    }
    fn open(&self, path: &Path) -> io::Result<Box<dyn VfsFile>> {
        Ok(self.file(self.inner.open(path)?, path))
    }
    fn open_append(&self, path: &Path) -> io::Result<Box<dyn VfsFile>> {
        Ok(self.file(self.inner.open_append(path)?, path))
    }
    fn map(&self, path: &Path) -> io::Result<Arc<dyn Mapping>> {
        self.inner.map(path)
    }
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.faults.step()?;
        self.inner.rename(from, to)?;
        let names = &mut self.faults.durable.lock().unwrap().names;
        let node = names.remove(from).unwrap();
        names.insert(to.to_path_buf(), node);
        Ok(())
    }
    fn remove(&self, path: &Path) -> io::Result<()> {
        self.faults.step()?;
        self.inner.remove(path)?;
        self.faults.durable.lock().unwrap().names.remove(path);
        Ok(())
    }
    fn remove_dir(&self, path: &Path) -> io::Result<()> {
        self.inner.remove_dir(path)?;
        self.faults.durable.lock().unwrap().names.remove(path);
        Ok(())
    }
    fn list(&self, path: &Path) -> io::Result<Vec<Entry>> {
        self.inner.list(path)
    }
    fn sync_dir(&self, path: &Path) -> io::Result<()> {
        self.faults.step()?;
        self.inner.sync_dir(path)?;
        let durable = &mut *self.faults.durable.lock().unwrap();
        let inside = |p: &Path| p.parent() == Some(path);
        durable.synced_names.retain(|p, _| !inside(p));
        let now = durable.names.iter().filter(|(p, _)| inside(p));
        durable
            .synced_names
            .extend(now.map(|(p, node)| (p.clone(), node.clone())));
        Ok(())
    }
    fn lock(&self, path: &Path, holder: &str) -> Result<Box<dyn Lock>, LockError> {
        self.inner.lock(path, holder)
    }
    fn holder(&self, path: &Path) -> io::Result<Option<String>> {
        self.inner.holder(path)
    }
}

struct FaultFile {
    file: Box<dyn VfsFile>,
    faults: Arc<Faults>,
    synced: Content,
}

impl VfsFile for FaultFile {
    fn len(&self) -> io::Result<u64> {
        self.file.len()
    }
    fn read_at(&self, buf: &mut [u8], offset: u64) -> io::Result<()> {
        self.file.read_at(buf, offset)
    }
    fn append(&self, bytes: &[u8]) -> io::Result<()> {
        if let Err(e) = self.faults.step() {
            // A short write.
            self.file.append(&bytes[..bytes.len() / 2])?;
            return Err(e);
        }
        self.file.append(bytes)
    }
    fn sync(&self) -> io::Result<()> {
        self.faults.step()?;
        self.faults.syncs.fetch_add(1, Ordering::SeqCst);
        self.file.sync()?;
        let mut bytes = vec![0; self.file.len()? as usize];
        self.file.read_at(&mut bytes, 0)?;
        *self.synced.lock().unwrap() = bytes;
        Ok(())
    }
    fn truncate(&self, len: u64) -> io::Result<()> {
        self.faults.step()?;
        self.file.truncate(len)
    }
}
