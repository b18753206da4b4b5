//! Two programs on one file system. Only one of them is awake: at each operation a seed says whether it goes on or the other one does.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use omendb_store::vfs::{Entry, Lock, LockError, Mapping, Vfs, VfsFile};

use crate::rng::Rng;

/// Whose turn it is.
#[derive(Debug)]
pub struct Turns {
    now: Mutex<Now>,
    changed: Condvar,
}

#[derive(Debug)]
struct Now {
    rng: Rng,
    turn: usize,
    /// Operations until the turn goes to the other one.
    left: u64,
    gone: [bool; 2],
}

impl Now {
    fn pass_on(&mut self) {
        if !self.gone[1 - self.turn] {
            self.turn = 1 - self.turn;
        }
        // Often one operation, now and then very many.
        let most = 1 << self.rng.below(8);
        self.left = self.rng.below(most);
    }
}

impl Turns {
    /// The first one begins.
    pub fn new(seed: u64) -> Arc<Turns> {
        Arc::new(Turns {
            now: Mutex::new(Now {
                rng: Rng::new(seed),
                turn: 0,
                left: 0,
                gone: [false; 2],
            }),
            changed: Condvar::new(),
        })
    }

    fn now(&self) -> MutexGuard<'_, Now> {
        self.now.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits for the first turn of one of them.
    pub fn begin(self: &Arc<Turns>, who: usize) -> Turn {
        drop(self.wait(who, self.now()));
        Turn {
            turns: self.clone(),
            who,
        }
    }

    fn wait<'a>(&self, who: usize, mut now: MutexGuard<'a, Now>) -> MutexGuard<'a, Now> {
        while now.turn != who {
            let waited = self.changed.wait(now);
            now = waited.unwrap_or_else(PoisonError::into_inner);
        }
        now
    }

    fn step(&self, who: usize) {
        let mut now = self.wait(who, self.now());
        if now.left > 0 {
            now.left -= 1;
            return;
        }
        now.pass_on();
        self.changed.notify_all();
        drop(self.wait(who, now));
    }
}

/// One of the two at work. Dropping it leaves the other one alone.
pub struct Turn {
    turns: Arc<Turns>,
    who: usize,
}

impl Drop for Turn {
    fn drop(&mut self) {
        let mut now = self.turns.now();
        now.gone[self.who] = true;
        if now.turn == self.who {
            now.pass_on();
        }
        self.turns.changed.notify_all();
    }
}

/// The file system as one of the two sees it.
#[derive(Debug, Clone)]
pub struct TurnVfs {
    inner: Arc<dyn Vfs>,
    turns: Arc<Turns>,
    who: usize,
}

impl TurnVfs {
    /// On top of a sound one.
    pub fn new(inner: Arc<dyn Vfs>, turns: Arc<Turns>, who: usize) -> TurnVfs {
        TurnVfs { inner, turns, who }
    }

    fn pass(&self) -> &Arc<dyn Vfs> {
        self.turns.step(self.who);
        &self.inner
    }

    fn file(&self, inner: Box<dyn VfsFile>) -> Box<dyn VfsFile> {
        Box::new(TurnFile {
            inner,
            turns: self.turns.clone(),
            who: self.who,
        })
    }
}

impl Vfs for TurnVfs {
    fn create_dir(&self, path: &Path) -> io::Result<()> {
        self.pass().create_dir(path)
    }
    fn create(&self, path: &Path) -> io::Result<Box<dyn VfsFile>> {
        Ok(self.file(self.pass().create(path)?))
    }
    fn open(&self, path: &Path) -> io::Result<Box<dyn VfsFile>> {
        Ok(self.file(self.pass().open(path)?))
    }
    fn open_append(&self, path: &Path) -> io::Result<Box<dyn VfsFile>> {
        Ok(self.file(self.pass().open_append(path)?))
    }
    fn map(&self, path: &Path) -> io::Result<Arc<dyn Mapping>> {
        self.pass().map(path)
    }
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.pass().rename(from, to)
    }
    fn remove(&self, path: &Path) -> io::Result<()> {
        self.pass().remove(path)
    }
    fn remove_dir(&self, path: &Path) -> io::Result<()> {
        self.pass().remove_dir(path)
    }
    fn list(&self, path: &Path) -> io::Result<Vec<Entry>> {
        self.pass().list(path)
    }
    fn sync_dir(&self, path: &Path) -> io::Result<()> {
        self.pass().sync_dir(path)
    }
    fn lock(&self, path: &Path, holder: &str) -> Result<Box<dyn Lock>, LockError> {
        self.pass().lock(path, holder)
    }
    fn holder(&self, path: &Path) -> io::Result<Option<String>> {
        self.pass().holder(path)
    }
    fn canonical(&self, path: &Path) -> io::Result<PathBuf> {
        self.inner.canonical(path)
    }
    fn random(&self) -> u64 {
        self.inner.random()
    }
}

struct TurnFile {
    inner: Box<dyn VfsFile>,
    turns: Arc<Turns>,
    who: usize,
}

impl VfsFile for TurnFile {
    fn len(&self) -> io::Result<u64> {
        self.turns.step(self.who);
        self.inner.len()
    }
    fn read_at(&self, buf: &mut [u8], offset: u64) -> io::Result<()> {
        self.turns.step(self.who);
        self.inner.read_at(buf, offset)
    }
    fn append(&self, bytes: &[u8]) -> io::Result<()> {
        self.turns.step(self.who);
        self.inner.append(bytes)
    }
    fn sync(&self) -> io::Result<()> {
        self.turns.step(self.who);
        self.inner.sync()
    }
    fn truncate(&self, len: u64) -> io::Result<()> {
        self.turns.step(self.who);
        self.inner.truncate(len)
    }
}
