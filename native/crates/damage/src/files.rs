//! Damage to the files of a store: opening it or `verify` must tell of it, and reading must not panic.
//!
//! The files are those that lie in the folder, whatever they are. `LOCK` is left out: nothing is read from it but a name to show.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use omendb_store::Store;
use omendb_store::vfs::{MemVfs, Vfs};

use crate::exercise::exercise;
use crate::random::Random;
use crate::report::{Report, Verdict, survey};
use crate::stores;

/// Bytes at either end of a file that are damaged one by one.
const EDGE: usize = 4096;

/// A store and its files, undamaged.
pub struct Files {
    vfs: MemVfs,
    /// Tells these files from others made before or later.
    number: u64,
    all: Vec<(PathBuf, Vec<u8>)>,
}

impl Files {
    /// The files of a store that has every kind of file.
    pub fn new() -> Files {
        Files::of(stores::whole(1010))
    }

    /// The same in small, without indexes.
    pub fn small() -> Files {
        Files::of(stores::whole(12))
    }

    fn of(vfs: MemVfs) -> Files {
        let names = vfs.files().into_iter();
        let all = names
            .filter(|path| !path.ends_with("LOCK"))
            .map(|path| {
                let bytes = vfs.read(&path).expect("it was listed");
                (path, bytes)
            })
            .collect();
        static NUMBER: AtomicU64 = AtomicU64::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        Files { vfs, number, all }
    }

    /// Path and content of each but `LOCK`.
    pub fn all(&self) -> &[(PathBuf, Vec<u8>)] {
        &self.all
    }

    /// Names and lengths, for people.
    pub fn list(&self) -> String {
        let each = self.all.iter();
        let lines = each.map(|(path, bytes)| format!("{} {}", path.display(), bytes.len()));
        lines.collect::<Vec<_>>().join("\n")
    }

    /// A copy that can be damaged.
    pub fn fork(&self) -> MemVfs {
        self.vfs.fork()
    }

    /// Opens a copy in which something was damaged; what opens is looked through and read.
    fn judge(&self, vfs: &MemVfs, damaged: &[&Path], thoroughly: bool) -> Verdict {
        let store = match stores::open(vfs) {
            Ok(store) => store,
            Err(e) => return refusal(&e),
        };
        let read = exercise(&store, thoroughly);
        let told = damaged.iter().all(|path| is_told(&store, path));
        match (read, told) {
            (Err(why), _) => Verdict::Failed(why),
            (Ok(()), true) => Verdict::Reported,
            // Opening cuts a torn tail off: what is then there is sound, and a prefix (the log's own tests).
            (Ok(()), false) if damaged.iter().any(|p| is_log(p)) => Verdict::Sound,
            (Ok(()), false) => Verdict::Failed("neither opening nor verify reports it".to_owned()),
        }
    }
}

impl Default for Files {
    fn default() -> Self {
        Files::new()
    }
}

/// What it means that a store was not opened.
pub(crate) fn refusal(error: &omendb_store::Error) -> Verdict {
    match error.code() {
        "CORRUPT" | "UNSUPPORTED_VERSION" | "NOT_A_STORE" => Verdict::Reported,
        code => Verdict::Failed(format!("opening says {code}: {error}")),
    }
}

fn is_log(path: &Path) -> bool {
    path.extension().is_some_and(|e| e == "wal")
}

pub(crate) fn is_manifest(path: &Path) -> bool {
    let name = path.file_name().map(|n| n.to_string_lossy());
    name.is_some_and(|n| n.starts_with("MANIFEST-"))
}

/// Whether `verify` names the file.
fn is_told(store: &Store, path: &Path) -> bool {
    let name = path
        .strip_prefix(stores::root())
        .unwrap_or(path)
        .to_string_lossy()
        .into_owned();
    store
        .verify()
        .is_ok_and(|report| report.problems.iter().any(|p| p.file == name))
}

/// A store that is open while its files are damaged.
struct Opened {
    vfs: MemVfs,
    store: Arc<Store>,
}

impl Opened {
    fn new(files: &Files) -> Opened {
        let vfs = files.fork();
        let store = stores::open(&vfs).expect("it is undamaged");
        Opened { vfs, store }
    }

    /// Whether `verify` tells of other bytes in a file; afterwards the file is as it was.
    fn tells(&self, path: &Path, bytes: &[u8], changed: &[u8]) -> bool {
        self.vfs.write(path, changed).expect("files in memory");
        let told = is_told(&self.store, path);
        self.vfs.write(path, bytes).expect("files in memory");
        told
    }
}

thread_local! {
    static OPENED: std::cell::RefCell<Option<(u64, Opened)>> = const { std::cell::RefCell::new(None) };
}

/// Asks `verify` of a store that is kept open by this thread.
fn verify_tells(files: &Files, path: &Path, bytes: &[u8], changed: &[u8]) -> bool {
    OPENED.with_borrow_mut(|opened| {
        if opened.as_ref().is_none_or(|(of, _)| *of != files.number) {
            *opened = Some((files.number, Opened::new(files)));
        }
        opened
            .as_ref()
            .is_some_and(|(_, o)| o.tells(path, bytes, changed))
    })
}

fn one_byte(files: &Files, file: usize, at: usize, value: u8, open: bool) -> Verdict {
    let (path, bytes) = &files.all[file];
    if bytes[at] == value {
        return Verdict::Skipped;
    }
    let mut changed = bytes.clone();
    changed[at] = value;
    if !verify_tells(files, path, bytes, &changed) {
        return Verdict::Failed("verify does not tell of it".to_owned());
    }
    if !open {
        return Verdict::Reported;
    }
    let vfs = files.fork();
    vfs.write(path, &changed).expect("files in memory");
    files.judge(&vfs, &[path], false)
}

/// Every byte of the first and last 4 KiB of each file: a bit flipped, 0, 0xFF. With `sample` set only about that many of them.
pub fn edges(files: &Files, sample: u64, seed: u64) -> Report {
    let mut places = Vec::new();
    for (file, (_, bytes)) in files.all.iter().enumerate() {
        let end = bytes.len();
        let edge = (0..end).filter(|at| *at < EDGE || at + EDGE >= end);
        places.extend(edge.map(|at| (file, at)));
    }
    let all = places.len() as u64 * 3;
    let count = if sample == 0 { all } else { sample.min(all) };
    let split = |case: u64| {
        let case = if count == all {
            case
        } else {
            Random::new(seed, case).next() % all
        };
        let (file, at) = places[(case / 3) as usize];
        let old = files.all[file].1[at];
        let value = match case % 3 {
            0 => old ^ (1 << (at % 8)),
            1 => 0,
            _ => 0xFF,
        };
        (file, at, value)
    };
    let describe = |case| {
        let (file, at, value) = split(case);
        format!("{} byte {at} set to {value}", files.all[file].0.display())
    };
    survey("edges", seed, count, describe, |case| {
        let (file, at, value) = split(case);
        one_byte(files, file, at, value, true)
    })
}

/// `count` times one bit anywhere; every eighth time the damaged store is opened too.
pub fn flips(files: &Files, count: u64, seed: u64) -> Report {
    let split = |case| {
        let mut random = Random::new(seed, case);
        let file = random.below(files.all.len());
        let at = random.below(files.all[file].1.len());
        (file, at, files.all[file].1[at] ^ (1 << random.below(8)))
    };
    let describe = |case| {
        let (file, at, value) = split(case);
        format!("{} byte {at} set to {value}", files.all[file].0.display())
    };
    survey("flips", seed, count, describe, |case| {
        let (file, at, value) = split(case);
        one_byte(files, file, at, value, case % 8 == 0)
    })
}

/// Files exchanged, cut, empty, missing, doubled, and of a later version.
pub fn whole(files: &Files) -> Report {
    let n = files.all.len();
    let swaps: Vec<(usize, usize)> = (0..n)
        .flat_map(|a| (a + 1..n).map(move |b| (a, b)))
        .collect();
    let mut report = survey(
        "whole",
        0,
        swaps.len() as u64,
        |case| {
            let (a, b) = swaps[case as usize];
            format!(
                "{} and {} exchanged",
                files.all[a].0.display(),
                files.all[b].0.display()
            )
        },
        |case| {
            let (a, b) = swaps[case as usize];
            let ((a, in_a), (b, in_b)) = (&files.all[a], &files.all[b]);
            if in_a == in_b {
                return Verdict::Skipped;
            }
            let vfs = files.fork();
            vfs.write(a, in_b).expect("files in memory");
            vfs.write(b, in_a).expect("files in memory");
            files.judge(&vfs, &[a, b], false)
        },
    );
    for (path, bytes) in &files.all {
        let cuts = bytes.len().min(300) as u64;
        let length = |case: u64| {
            let case = case as usize;
            if case < 150 || bytes.len() <= 300 {
                case
            } else {
                bytes.len() + 150 - case - 1
            }
        };
        report = report.and(survey(
            "whole",
            0,
            cuts,
            |case| format!("{} cut to {}", path.display(), length(case)),
            |case| {
                let vfs = files.fork();
                vfs.write(path, &bytes[..length(case)])
                    .expect("files in memory");
                files.judge(&vfs, &[path], false)
            },
        ));
        let changes: [&(dyn Fn(&MemVfs) + Sync); 2] =
            [&|vfs| vfs.remove(path).expect("files in memory"), &|vfs| {
                vfs.write(path, &[&bytes[..], &[0; 8]].concat())
                    .expect("files in memory")
            }];
        report = report.and(survey(
            "whole",
            0,
            2,
            |case| {
                format!(
                    "{} {}",
                    path.display(),
                    ["missing", "too long"][case as usize]
                )
            },
            |case| {
                let vfs = files.fork();
                changes[case as usize](&vfs);
                match files.judge(&vfs, &[path], true) {
                    // The generation before is not needed. That the newest one was there nothing else tells, unless a
                    // checkpoint was in it: a store without it looks like one whose last change was never committed.
                    Verdict::Failed(_) if case == 0 && is_manifest(path) => Verdict::Sound,
                    verdict => verdict,
                }
            },
        ));
    }
    report
}
