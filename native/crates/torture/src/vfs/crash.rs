//! A file system in memory that writes down each change, so that the power can be cut between any two of them.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use omendb_store::vfs::{Entry, Lock, LockError, Mapping, MemVfs, Vfs, VfsFile};

use super::medium::{Medium, Node, Op};
use super::order;
use crate::rng::Rng;

/// The recording file system. Clones share their files and the record.
#[derive(Debug, Clone)]
pub struct CrashVfs {
    inner: MemVfs,
    log: Arc<Mutex<Log>>,
}

#[derive(Debug)]
struct Log {
    start: Medium,
    now: Medium,
    ops: Vec<Op>,
    random: Rng,
    breaches: Vec<String>,
}

impl Log {
    fn add(&mut self, op: Op) {
        self.now.apply(&op);
        self.ops.push(op);
    }
}

impl CrashVfs {
    /// An empty one. The same seed gives the same random numbers.
    pub fn new(seed: u64) -> CrashVfs {
        CrashVfs::over(MemVfs::new(), seed)
    }

    /// One that goes on with these files, all of which are durable.
    pub fn over(files: MemVfs, seed: u64) -> CrashVfs {
        let start = Medium::of(&files);
        CrashVfs {
            inner: files,
            log: Arc::new(Mutex::new(Log {
                now: start.clone(),
                start,
                ops: Vec::new(),
                random: Rng::new(seed),
                breaches: Vec::new(),
            })),
        }
    }

    fn log(&self) -> MutexGuard<'_, Log> {
        self.log.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Changes so far.
    pub fn count(&self) -> usize {
        self.log().ops.len()
    }

    /// The disk before the first change, and all changes: the state at each boundary follows by applying them in turn.
    pub fn record(&self) -> (Medium, Vec<Op>) {
        let log = self.log();
        (log.start.clone(), log.ops.clone())
    }

    /// The disk as it is now.
    pub fn medium(&self) -> Medium {
        self.log().now.clone()
    }

    /// The files as the system shows them now, with no lock held: what a killed process leaves.
    pub fn files(&self) -> MemVfs {
        self.inner.fork()
    }

    /// Manifests that got their name before all that they name was durable.
    pub fn breaches(&self) -> Vec<String> {
        self.log().breaches.clone()
    }

    fn node(&self, log: &Log, path: &Path) -> io::Result<Node> {
        log.now
            .node(path)
            .ok_or_else(|| io::ErrorKind::NotFound.into())
    }

    fn file(&self, inner: Box<dyn VfsFile>, node: Node) -> Box<dyn VfsFile> {
        Box::new(CrashFile {
            inner,
            node,
            log: self.log.clone(),
        })
    }
}

impl Vfs for CrashVfs {
    fn create_dir(&self, path: &Path) -> io::Result<()> {
        let mut log = self.log();
        self.inner.create_dir(path)?;
        log.add(Op::CreateDir(path.to_path_buf()));
        Ok(())
    }
    fn create(&self, path: &Path) -> io::Result<Box<dyn VfsFile>> {
        let mut log = self.log();
        let file = self.inner.create(path)?;
        let node = log.now.next_node();
        log.add(Op::Create(path.to_path_buf(), node));
        Ok(self.file(file, node))
    }
    fn open(&self, path: &Path) -> io::Result<Box<dyn VfsFile>> {
        let log = self.log();
        let file = self.inner.open(path)?;
        Ok(self.file(file, self.node(&log, path)?))
    }
    fn open_append(&self, path: &Path) -> io::Result<Box<dyn VfsFile>> {
        let log = self.log();
        let file = self.inner.open_append(path)?;
        Ok(self.file(file, self.node(&log, path)?))
    }
    fn map(&self, path: &Path) -> io::Result<Arc<dyn Mapping>> {
        self.inner.map(path)
    }
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        let mut log = self.log();
        if is_manifest(to) {
            let bytes = self.inner.read(from)?;
            let root = to.parent().unwrap_or(Path::new("/"));
            let mut found = order::breaches(root, &bytes, &log.now);
            let synced = log
                .now
                .node(from)
                .is_some_and(|node| log.now.is_synced(node));
            if !synced {
                found.push("its own bytes are not synced".to_owned());
            }
            let name = to.display().to_string();
            log.breaches
                .extend(found.into_iter().map(|breach| format!("{name}: {breach}")));
        }
        self.inner.rename(from, to)?;
        log.add(Op::Rename(from.to_path_buf(), to.to_path_buf()));
        Ok(())
    }
    fn remove(&self, path: &Path) -> io::Result<()> {
        let mut log = self.log();
        self.inner.remove(path)?;
        log.add(Op::Remove(path.to_path_buf()));
        Ok(())
    }
    fn remove_dir(&self, path: &Path) -> io::Result<()> {
        let mut log = self.log();
        self.inner.remove_dir(path)?;
        log.add(Op::RemoveDir(path.to_path_buf()));
        Ok(())
    }
    fn list(&self, path: &Path) -> io::Result<Vec<Entry>> {
        self.inner.list(path)
    }
    fn sync_dir(&self, path: &Path) -> io::Result<()> {
        let mut log = self.log();
        self.inner.sync_dir(path)?;
        log.add(Op::SyncDir(path.to_path_buf()));
        Ok(())
    }
    fn lock(&self, path: &Path, holder: &str) -> Result<Box<dyn Lock>, LockError> {
        let mut log = self.log();
        let lock = self.inner.lock(path, holder)?;
        let node = match log.now.node(path) {
            Some(node) => node,
            None => {
                let node = log.now.next_node();
                log.add(Op::Create(path.to_path_buf(), node));
                node
            }
        };
        log.add(Op::Truncate(node, 0));
        log.add(Op::Append(node, holder.as_bytes().into()));
        Ok(lock)
    }
    fn holder(&self, path: &Path) -> io::Result<Option<String>> {
        self.inner.holder(path)
    }
    fn canonical(&self, path: &Path) -> io::Result<PathBuf> {
        self.inner.canonical(path)
    }
    fn random(&self) -> u64 {
        self.log().random.any()
    }
}

fn is_manifest(path: &Path) -> bool {
    let name = path.file_name().map(|n| n.to_string_lossy().into_owned());
    name.is_some_and(|n| n.starts_with("MANIFEST-"))
}

struct CrashFile {
    inner: Box<dyn VfsFile>,
    node: Node,
    log: Arc<Mutex<Log>>,
}

impl CrashFile {
    fn log(&self) -> MutexGuard<'_, Log> {
        self.log.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl VfsFile for CrashFile {
    fn len(&self) -> io::Result<u64> {
        self.inner.len()
    }
    fn read_at(&self, buf: &mut [u8], offset: u64) -> io::Result<()> {
        self.inner.read_at(buf, offset)
    }
    fn append(&self, bytes: &[u8]) -> io::Result<()> {
        let mut log = self.log();
        self.inner.append(bytes)?;
        log.add(Op::Append(self.node, bytes.into()));
        Ok(())
    }
    fn sync(&self) -> io::Result<()> {
        let mut log = self.log();
        self.inner.sync()?;
        log.add(Op::Sync(self.node));
        Ok(())
    }
    fn truncate(&self, len: u64) -> io::Result<()> {
        let mut log = self.log();
        self.inner.truncate(len)?;
        log.add(Op::Truncate(self.node, len));
        Ok(())
    }
}
