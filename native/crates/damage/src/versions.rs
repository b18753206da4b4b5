//! Files of a later version, sound otherwise: refused, or left alone where they can be made again.

use omendb_store::{Plan, SearchRequest, Store};

use crate::files::Files;
use crate::forge::replace;
use crate::report::{Report, Verdict, survey};
use crate::seal::reseal;
use crate::stores;

/// Every file of ours that has a version, with a higher one.
pub fn later(files: &Files) -> Report {
    let ours: Vec<_> = files
        .all()
        .iter()
        .filter(|(_, bytes)| bytes.starts_with(b"OMEN"))
        .collect();
    let describe = |case| format!("{} of version 99", ours[case as usize].0.display());
    survey("versions", 0, ours.len() as u64, describe, |case| {
        let (path, bytes) = ours[case as usize];
        let mut later = bytes.clone();
        later[8..12].copy_from_slice(&99u32.to_le_bytes());
        reseal(path, &mut later);
        let vfs = files.fork();
        replace(files, &vfs, path, &later);
        let extension = path.extension().and_then(|e| e.to_str());
        match stores::open(&vfs) {
            Err(e) if matches!(e.code(), "UNSUPPORTED_VERSION" | "CORRUPT") => Verdict::Reported,
            Err(e) => Verdict::Failed(format!("opening says {}: {e}", e.code())),
            // An index is derived: it is not used, and made again.
            Ok(store) if extension == Some("ivf") && !all_indexed(&store) => Verdict::Reported,
            Ok(store) if extension == Some("map") && !maps_are_read(&store) => Verdict::Reported,
            Ok(store) if store.verify().is_ok_and(|v| !v.problems.is_empty()) => Verdict::Reported,
            Ok(_) => Verdict::Failed("it is taken for one of this version".to_owned()),
        }
    })
}

fn all_indexed(store: &Store) -> bool {
    let words = store.collection("words").expect("it is there").snapshot();
    words.meta().vectors.iter().enumerate().all(|(n, spec)| {
        let query = vec![0.5; spec.dimension];
        let request = SearchRequest {
            vector: n,
            // With the default one so few rows would be scanned.
            ef: Some(8),
            ..SearchRequest::new(&query, 3)
        };
        words
            .search(&request)
            .is_ok_and(|found| found.plan != Plan::Exact)
    })
}

fn maps_are_read(store: &Store) -> bool {
    let words = store.collection("words").expect("it is there");
    words
        .info()
        .maps
        .iter()
        .all(|map| words.map(&map.name).is_ok())
}
