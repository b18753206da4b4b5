//! A long run of writes to two collections, of which any moment can be told from any mixture of two.

use omendb_store::{Id, ImportTarget, Snapshot, Store};

use super::{content, numbered, spec};

/// Makes the two collections.
pub fn begin(store: &Store) {
    store.create_collection(spec("a")).unwrap();
    store.create_collection(spec("b")).unwrap();
}

/// Does one more step: the collections `a` and `b` hold the numbers up to it, the last 20 at most of them in `a`.
pub fn step(store: &Store, i: i64) {
    let (columns, vectors) = numbered(i..i + 1);
    if i % 5 == 4 {
        let mut import = store
            .begin_import(ImportTarget::Existing("a".to_owned()))
            .unwrap();
        import.append(&columns, &vectors).unwrap();
        import.commit().unwrap();
    } else {
        store
            .collection("a")
            .unwrap()
            .add(columns.clone(), &vectors)
            .unwrap();
    }
    store
        .collection("b")
        .unwrap()
        .add(columns, &vectors)
        .unwrap();
    if i >= 20 {
        let old = Id::Text(format!("r{}", i - 20));
        assert_eq!(
            store.collection("a").unwrap().delete_ids(&[old]).unwrap(),
            1
        );
    }
    if i % 7 == 6 {
        store.checkpoint().unwrap();
    }
}

/// Whether a reader shows one moment of these steps, and how many of them were done.
pub fn moment(store: &Store) -> i64 {
    let a = store.collection("a").unwrap().snapshot();
    let b = store.collection("b").unwrap().snapshot();
    let numbers = |s: &Snapshot| {
        let mut all: Vec<i64> = content(s).iter().map(|r| r.1).collect();
        all.sort_unstable();
        all
    };
    let (a, b) = (numbers(&a), numbers(&b));
    let done = b.len() as i64;
    assert_eq!(b, (0..done).collect::<Vec<_>>());
    // Between the two writes of a step `a` may be one ahead, and before its delete it is one longer.
    let last = a.last().map_or(0, |l| l + 1);
    let first = a.first().copied().unwrap_or_default();
    assert_eq!(a, (first..last).collect::<Vec<_>>());
    assert!(last == done || last == done + 1, "{last} of a, {done} of b");
    let oldest = (last - 20).max(0);
    assert!(
        first == oldest || first == (oldest - 1).max(0),
        "{first} with {last}"
    );
    done
}
