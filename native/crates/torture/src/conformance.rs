//! What every file system under the store must do. `root` is an empty folder.

use std::io::ErrorKind;
use std::path::Path;

use omendb_store::vfs::{LockError, Vfs};

/// Checks all of it; panics where the file system does something else.
pub fn check(vfs: &dyn Vfs, root: &Path) {
    files(vfs, root);
    folders(vfs, root);
    mappings(vfs, root);
    locks(vfs, root);
    assert_ne!(vfs.random(), vfs.random());
}

fn kind<T>(result: std::io::Result<T>) -> ErrorKind {
    match result {
        Ok(_) => panic!("it should have failed"),
        Err(e) => e.kind(),
    }
}

fn files(vfs: &dyn Vfs, root: &Path) {
    let path = root.join("a");
    assert_eq!(kind(vfs.open(&path)), ErrorKind::NotFound);
    assert_eq!(kind(vfs.open_append(&path)), ErrorKind::NotFound);
    assert_eq!(kind(vfs.remove(&path)), ErrorKind::NotFound);
    assert_eq!(kind(vfs.create(&root.join("no/such"))), ErrorKind::NotFound);

    let file = vfs.create(&path).unwrap();
    assert_eq!(kind(vfs.create(&path)), ErrorKind::AlreadyExists);
    assert!(file.is_empty().unwrap());
    file.append(b"hello ").unwrap();
    file.append(b"").unwrap();
    file.append(b"world").unwrap();
    file.sync().unwrap();
    assert_eq!(file.len().unwrap(), 11);
    let mut buffer = [0; 5];
    file.read_at(&mut buffer, 6).unwrap();
    assert_eq!(&buffer, b"world");
    assert_eq!(kind(file.read_at(&mut buffer, 7)), ErrorKind::UnexpectedEof);
    assert_eq!(
        kind(file.read_at(&mut buffer, u64::MAX - 2)),
        ErrorKind::UnexpectedEof
    );
    file.read_at(&mut [], 11).unwrap();

    assert!(
        file.truncate(12).is_err(),
        "a file does not grow by being cut"
    );
    file.truncate(4).unwrap();
    file.append(b"!").unwrap();
    assert_eq!(file.len().unwrap(), 5);
    drop(file);

    let again = vfs.open_append(&path).unwrap();
    again.append(b"?").unwrap();
    again.read_at(&mut buffer, 1).unwrap();
    assert_eq!(&buffer, b"ell!?");
    let reader = vfs.open(&path).unwrap();
    assert_eq!(reader.len().unwrap(), 6);
    assert!(
        reader.append(b"x").is_err(),
        "a file opened for reading is not written to"
    );
    assert_eq!(reader.len().unwrap(), 6);

    // A rename replaces its target, and handles follow the file.
    let other = root.join("b");
    vfs.create(&other).unwrap().append(b"old").unwrap();
    vfs.rename(&path, &other).unwrap();
    assert_eq!(kind(vfs.open(&path)), ErrorKind::NotFound);
    assert_eq!(vfs.open(&other).unwrap().len().unwrap(), 6);
    assert_eq!(kind(vfs.rename(&path, &other)), ErrorKind::NotFound);
    drop((again, reader));
    vfs.remove(&other).unwrap();
    assert_eq!(vfs.list(root).unwrap(), []);
}

fn folders(vfs: &dyn Vfs, root: &Path) {
    let folder = root.join("d");
    assert_eq!(kind(vfs.list(&folder)), ErrorKind::NotFound);
    vfs.create_dir(&folder).unwrap();
    assert_eq!(kind(vfs.create_dir(&folder)), ErrorKind::AlreadyExists);
    assert_eq!(kind(vfs.create(&folder)), ErrorKind::AlreadyExists);
    assert_eq!(
        kind(vfs.create_dir(&root.join("no/such"))),
        ErrorKind::NotFound
    );
    assert!(vfs.open(&folder).is_err(), "a folder is not a file");
    assert!(vfs.map(&folder).is_err());
    for name in ["c", "a", "b"] {
        vfs.create(&folder.join(name))
            .unwrap()
            .append(name.repeat(3).as_bytes())
            .unwrap();
    }
    vfs.create_dir(&folder.join("aa")).unwrap();
    vfs.create(&folder.join("aa").join("inner")).unwrap();
    let found: Vec<_> = vfs
        .list(&folder)
        .unwrap()
        .into_iter()
        .map(|e| (e.name, e.is_dir, e.len))
        .collect();
    let wanted = [
        ("a", false, 3),
        ("aa", true, 0),
        ("b", false, 3),
        ("c", false, 3),
    ];
    assert_eq!(
        found,
        wanted.map(|(name, dir, len)| (name.to_owned(), dir, len))
    );
    vfs.sync_dir(&folder).unwrap();
    assert!(vfs.sync_dir(&root.join("none")).is_err());
    assert_eq!(kind(vfs.remove_dir(&folder)), ErrorKind::DirectoryNotEmpty);
    vfs.remove(&folder.join("aa").join("inner")).unwrap();
    vfs.remove_dir(&folder.join("aa")).unwrap();
    for name in ["a", "b", "c"] {
        vfs.remove(&folder.join(name)).unwrap();
    }
    vfs.remove_dir(&folder).unwrap();
    assert_eq!(kind(vfs.remove_dir(&folder)), ErrorKind::NotFound);
}

fn mappings(vfs: &dyn Vfs, root: &Path) {
    let path = root.join("m");
    assert_eq!(kind(vfs.map(&path)), ErrorKind::NotFound);
    let file = vfs.create(&path).unwrap();
    assert_eq!(vfs.map(&path).unwrap().bytes(), b"");
    let bytes: Vec<u8> = (0..10_000u32).map(|i| (i % 251) as u8).collect();
    file.append(&bytes).unwrap();
    file.sync().unwrap();
    let map = vfs.map(&path).unwrap();
    assert_eq!(map.bytes(), bytes);
    assert_eq!(
        map.bytes().as_ptr() as usize % 4096,
        0,
        "a mapping is aligned to a page"
    );
    drop(file);
    // Where a mapped file can be removed, the mapping stays.
    if vfs.remove(&path).is_ok() {
        assert_eq!(map.bytes(), bytes);
    }
    drop(map);
    let _ = vfs.remove(&path);
}

fn locks(vfs: &dyn Vfs, root: &Path) {
    let path = root.join("L");
    let held = vfs
        .lock(&path, "process 1")
        .unwrap_or_else(|e| panic!("{e:?}"));
    match vfs.lock(&path, "process 2").err() {
        // Some systems do not let others read a locked file.
        Some(LockError::Held(holder)) => assert!(holder.is_none_or(|h| h == "process 1")),
        other => panic!("{other:?}"),
    }
    assert!(vfs.holder(&path).unwrap().is_some());
    drop(held);
    assert_eq!(vfs.holder(&path).unwrap(), None, "given back");
    assert_eq!(vfs.holder(&root.join("no L")).unwrap(), None);
    drop(
        vfs.lock(&path, "process 3, with a longer text")
            .unwrap_or_else(|e| panic!("{e:?}")),
    );
    let held = vfs.lock(&path, "p4").unwrap_or_else(|e| panic!("{e:?}"));
    match vfs.lock(&path, "p5").err() {
        Some(LockError::Held(holder)) => {
            assert!(holder.is_none_or(|h| h == "p4"), "the old text is gone")
        }
        other => panic!("{other:?}"),
    }
    drop(held);
    vfs.remove(&path).unwrap();
}
