//! The store's own files: one of them is replaced by the input, and the store is opened and read.

use std::path::PathBuf;
use std::sync::LazyLock;

use omendb_damage::{Files, exercise, open, replace, reseal};
use omendb_store::testing::{Log, check_manifest};
use omendb_store::vfs::MemVfs;

struct Base {
    files: Files,
    log: (PathBuf, Vec<u8>, u64),
    manifest: (PathBuf, Vec<u8>, u64),
    sealed: Vec<(PathBuf, Vec<u8>)>,
}

static BASE: LazyLock<Base> = LazyLock::new(|| {
    let files = Files::small();
    let named = |path: &PathBuf, part: &str| path.to_string_lossy().contains(part);
    let newest = |part: &str| {
        let found = files
            .all()
            .iter()
            .filter(|(path, _)| named(path, part))
            .max();
        let (path, bytes) = found.cloned().expect("every store has one");
        let digits: String = path
            .to_string_lossy()
            .chars()
            .filter(char::is_ascii_digit)
            .collect();
        (path, bytes, digits.parse().expect("a name with a number"))
    };
    let (log, manifest) = (newest(".wal"), newest("MANIFEST-"));
    let other = |path: &PathBuf| !named(path, ".wal") && !named(path, "MANIFEST-");
    let sealed = files
        .all()
        .iter()
        .filter(|(path, _)| other(path))
        .cloned()
        .collect();
    Base {
        files,
        log,
        manifest,
        sealed,
    }
});

/// Opens a store with forged files, and reads from it what there is.
fn read(vfs: &MemVfs) -> String {
    match open(vfs) {
        Ok(store) => {
            let read = exercise(&store, false);
            assert_eq!(read, Ok(()));
            "opened".to_owned()
        }
        Err(e) => {
            assert_ne!(e.code(), "INTERNAL", "{e}");
            e.to_string()
        }
    }
}

fn flagged(bytes: &[u8]) -> Option<(u8, &[u8])> {
    bytes.split_first().map(|(flag, bytes)| (*flag, bytes))
}

/// An even first byte: checksums are put right; below 128: it is the newest log.
pub fn wal(bytes: &[u8]) -> String {
    let Some((flag, bytes)) = flagged(bytes) else {
        return String::new();
    };
    let (path, _, first) = &BASE.log;
    let mut bytes = bytes.to_vec();
    if flag.is_multiple_of(2) {
        reseal(path, &mut bytes);
    }
    let parsed = match Log::parse(bytes.clone(), *first, flag < 128) {
        Ok(log) => {
            assert!(log.valid_len() <= bytes.len() as u64);
            log.refused_payloads().join(" ")
        }
        Err(e) => e.to_string(),
    };
    let vfs = BASE.files.fork();
    vfs.write(path, &bytes).expect("files in memory");
    format!("{parsed}; {}", read(&vfs))
}

pub fn wal_seeds() -> Vec<Vec<u8>> {
    vec![[vec![0], BASE.log.1.clone()].concat()]
}

/// An even first byte: length and checksum are put right.
pub fn manifest(bytes: &[u8]) -> String {
    let Some((flag, bytes)) = flagged(bytes) else {
        return String::new();
    };
    let (path, _, generation) = &BASE.manifest;
    let mut bytes = bytes.to_vec();
    if flag.is_multiple_of(2) {
        reseal(path, &mut bytes);
    }
    if let Err(e) = check_manifest(&bytes, *generation) {
        return e.to_string();
    }
    let vfs = BASE.files.fork();
    vfs.write(path, &bytes).expect("files in memory");
    read(&vfs)
}

pub fn manifest_seeds() -> Vec<Vec<u8>> {
    vec![[vec![0], BASE.manifest.1.clone()].concat()]
}

/// The first byte chooses the file; all checksums, those in the manifests too, are put right.
pub fn segment(bytes: &[u8]) -> String {
    let Some((file, bytes)) = flagged(bytes) else {
        return String::new();
    };
    let (path, _) = &BASE.sealed[usize::from(file) % BASE.sealed.len()];
    let mut bytes = bytes.to_vec();
    reseal(path, &mut bytes);
    let vfs = BASE.files.fork();
    replace(&BASE.files, &vfs, path, &bytes);
    read(&vfs)
}

pub fn segment_seeds() -> Vec<Vec<u8>> {
    let each = BASE.sealed.iter().zip(0u8..);
    each.map(|((_, bytes), n)| [&[n], bytes.as_slice()].concat())
        .collect()
}
