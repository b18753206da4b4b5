//! The two file systems do the same.

mod support;

use std::path::Path;

use omendb_store::vfs::{MemVfs, RealVfs, Vfs};
use support::conformance;

// [S5]
#[test]
fn the_real_file_system_conforms() {
    let folder = tempfile::tempdir().unwrap();
    conformance::check(&RealVfs, folder.path());
}

// [S5]
#[test]
fn the_memory_file_system_conforms() {
    let vfs = MemVfs::new();
    vfs.create_dir(Path::new("/r")).unwrap();
    conformance::check(&vfs, Path::new("/r"));
}

#[test]
fn a_fork_of_the_memory_file_system_is_independent_and_unlocked() {
    let vfs = MemVfs::new();
    let path = Path::new("/f");
    let file = vfs.create(path).unwrap();
    file.append(b"one").unwrap();
    let _lock = vfs
        .lock(Path::new("/L"), "me")
        .unwrap_or_else(|e| panic!("{e:?}"));
    let fork = vfs.fork();
    file.append(b" two").unwrap();
    assert_eq!(fork.read(path).unwrap(), b"one");
    assert!(fork.lock(Path::new("/L"), "other").is_ok());
}
