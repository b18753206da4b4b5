//! The four file systems do the same, and the two that misbehave do so as they say.

use std::io::ErrorKind;
use std::path::Path;
use std::sync::Arc;

use omendb_store::vfs::{MemVfs, RealVfs, Vfs};
use omendb_torture::conformance;
use omendb_torture::rng::Rng;
use omendb_torture::vfs::{Class, CrashVfs, Damage, FaultKind, FaultVfs, Gate, Op, Plan};

fn check(vfs: &dyn Vfs) {
    vfs.create_dir(Path::new("/r")).unwrap();
    conformance::check(vfs, Path::new("/r"));
}

fn faulty(at: u64, sticky: bool, kind: FaultKind, class: Class) -> (MemVfs, FaultVfs) {
    let inner = MemVfs::new();
    let plan = Plan {
        at,
        sticky,
        kind,
        class,
    };
    (inner.clone(), FaultVfs::new(Arc::new(inner), plan))
}

// [S5]
#[test]
fn the_real_file_system_conforms() {
    let folder = tempfile::tempdir().unwrap();
    conformance::check(&RealVfs, folder.path());
}

// [S5]
#[test]
fn the_memory_file_system_conforms() {
    check(&MemVfs::new());
}

// [S5]
#[test]
fn the_failing_file_system_conforms_while_nothing_fails() {
    check(&faulty(0, true, FaultKind::Io, Class::Everything).1);
}

// [S5]
#[test]
fn the_recording_file_system_conforms_also_behind_a_door() {
    check(&CrashVfs::new(1));
    check(&Gate::new(Arc::new(CrashVfs::new(1))));
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

#[test]
fn a_fault_strikes_the_operation_that_was_named_once_or_for_good() {
    let path = Path::new("/f");
    for sticky in [false, true] {
        let (inner, vfs) = faulty(2, sticky, FaultKind::NoSpace, Class::Changes);
        let file = vfs.create(path).unwrap();
        assert_eq!(
            file.append(b"abc").unwrap_err().kind(),
            ErrorKind::StorageFull
        );
        assert_eq!(inner.read(path).unwrap(), b"");
        assert_eq!(file.append(b"abc").is_err(), sticky);
        let hit = vfs.hit().unwrap();
        assert_eq!(
            (hit.operation, hit.path.as_path(), hit.change),
            ("append", path, true)
        );
        assert_eq!(
            vfs.list(Path::new("/")).unwrap().len(),
            1,
            "reads do not count"
        );
    }
    let (inner, vfs) = faulty(2, false, FaultKind::ShortWrite, Class::Changes);
    let file = vfs.create(path).unwrap();
    assert!(file.append(b"abcdef").is_err());
    assert_eq!(inner.read(path).unwrap(), b"abcd");
    let (_, vfs) = faulty(1, false, FaultKind::Denied, Class::Everything);
    assert_eq!(
        vfs.list(Path::new("/")).unwrap_err().kind(),
        ErrorKind::PermissionDenied
    );
}

#[test]
fn a_power_cut_keeps_what_was_synced_and_may_lose_the_rest() {
    let (root, a, b) = (Path::new("/"), Path::new("/a"), Path::new("/b"));
    let vfs = CrashVfs::new(1);
    let file = vfs.create(a).unwrap();
    file.append(&[1; 5000]).unwrap();
    file.sync().unwrap();
    let mut rng = Rng::new(1);
    let dropped = |vfs: &CrashVfs| vfs.medium().image(Damage::Dropped, &mut Rng::new(1));
    assert!(dropped(&vfs).files().is_empty(), "the name was not synced");
    vfs.sync_dir(root).unwrap();
    file.append(&[2; 5000]).unwrap();
    vfs.rename(a, b).unwrap();
    assert_eq!(dropped(&vfs).read(a).unwrap(), [1; 5000]);

    let medium = vfs.medium();
    let mut seen = [0; 3];
    for _ in 0..200 {
        let torn = medium.image(Damage::Torn512, &mut rng);
        let bytes = torn.read(b).or(torn.read(a)).unwrap();
        assert_eq!(bytes[..5000], [1; 5000]);
        assert!(bytes.len() == 10_000 || bytes.len().is_multiple_of(512) || bytes.len() == 5000);
        let garbage = medium.image(Damage::Garbage, &mut rng).read(b).unwrap();
        let changed = garbage[5000..].iter().filter(|&&byte| byte != 2).count();
        assert!((1..=512).contains(&changed) && garbage[..5000] == [1; 5000]);
        let lost = medium.image(Damage::NameLost, &mut rng);
        assert_eq!(lost.read(a).unwrap().len(), 10_000);
        let zeroed = medium.image(Damage::Zeroed, &mut rng).read(b).unwrap();
        assert_eq!(zeroed.len(), 10_000);
        // Either may come through without the other.
        let reordered = medium.image(Damage::Reordered, &mut rng);
        match (reordered.read(a), reordered.read(b)) {
            (Ok(old), Err(_)) if old.len() == 10_000 => seen[0] += 1,
            (Err(_), Ok(new)) if new.len() == 5000 => seen[1] += 1,
            (Ok(old), Err(_)) if old.len() == 5000 => seen[2] += 1,
            other => panic!("{other:?}"),
        }
    }
    assert!(seen.iter().all(|&n| n > 0), "{seen:?}");
    let same = |seed| {
        medium
            .image(Damage::RandomSubset, &mut Rng::new(seed))
            .files()
    };
    assert_eq!(same(7), same(7));
}

#[test]
fn a_manifest_that_names_what_is_not_synced_is_noticed() {
    let vfs = CrashVfs::new(1);
    for folder in ["/s", "/s/wal", "/s/maps"] {
        vfs.create_dir(Path::new(folder)).unwrap();
    }
    let map = vfs.create(Path::new("/s/maps/1.map")).unwrap();
    map.append(b"map").unwrap();
    let log = vfs
        .create(Path::new("/s/wal/00000000000000000001.wal"))
        .unwrap();
    log.append(b"header").unwrap();
    log.sync().unwrap();
    let publish = |generation: u32| {
        let tmp = Path::new("/s/MANIFEST.tmp");
        let file = vfs.create(tmp).unwrap();
        let body =
            r#"{"lastLsn":0,"maps":[{"id":1,"file":{"name":"1.map","bytes":3,"crc32c":0}}]}"#;
        file.append(&[&[0; 24], body.as_bytes()].concat()).unwrap();
        file.sync().unwrap();
        let to = format!("/s/MANIFEST-{generation:020}");
        vfs.rename(tmp, Path::new(&to)).unwrap();
    };
    publish(1);
    assert_eq!(vfs.breaches().len(), 2, "{:?}", vfs.breaches());
    for folder in ["/s/maps", "/s/wal", "/s", "/"] {
        vfs.sync_dir(Path::new(folder)).unwrap();
    }
    publish(2);
    assert_eq!(vfs.breaches().len(), 3, "the map's bytes are not synced");
    map.sync().unwrap();
    publish(3);
    assert_eq!(vfs.breaches().len(), 3);
}

#[test]
fn many_writers_share_syncs_and_lose_nothing() {
    use omendb_torture::ledger::{Expected, Ledger, State};
    use omendb_torture::workload::{Bench, rows};

    let vfs = CrashVfs::new(1);
    let mut bench = Bench::new(Arc::new(vfs.clone()), false, 1, Ledger::new(|| 0));
    bench.open().unwrap();
    bench.create("words").unwrap();
    let words = bench.collection("words").unwrap();
    std::thread::scope(|scope| {
        for thread in 0..4 {
            let words = &words;
            scope.spawn(move || {
                for n in 0..100 {
                    let (columns, vectors) = rows(&[(thread * 100 + n, 1)]);
                    let range = words.add(columns, &vectors).unwrap();
                    assert!(words.snapshot().contains(range.start), "visible on return");
                }
            });
        }
    });
    let (mut medium, ops) = vfs.record();
    let syncs = ops.iter().filter(|op| matches!(op, Op::Sync(_))).count();
    assert!(syncs <= 410, "{syncs}");
    ops.iter().for_each(|op| medium.apply(op));
    let wanted = Expected::exactly(State::of(bench.store().unwrap()).unwrap());
    assert_eq!(wanted.acked.tables["words"].rows.len(), 400);
    let left = medium.image(Damage::Dropped, &mut Rng::new(1));
    let mut again = Bench::new(Arc::new(left), false, 1, Ledger::new(|| 0));
    again.open().unwrap();
    wanted
        .check(&State::of(again.store().unwrap()).unwrap())
        .unwrap();
}
