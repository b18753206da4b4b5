//! The history: what is listed, what can be looked at, and the way back, also after a kill.

mod support;

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use omendb_store::vfs::MemVfs;
use omendb_store::{
    ChangeKind, Collection, ColumnKind, HistoryRule, Id, ImportTarget, Snapshot, Store,
};
use serde_json::{Map, Value, json};
use support::*;

fn words(store: &Store) -> Arc<Collection> {
    store.collection("words").unwrap()
}

fn add(words: &Collection, pairs: &[(&str, i64)]) {
    let (columns, vectors) = rows(pairs);
    words.add(columns, &vectors).unwrap();
}

fn import(store: &Store, target: ImportTarget, pairs: &[(&str, i64)]) {
    let mut import = store.begin_import(target).unwrap();
    let (columns, vectors) = rows(pairs);
    import.append(&columns, &vectors).unwrap();
    import.commit().unwrap();
}

fn set(words: &Collection, id: &str, changes: Value) {
    let row = words.snapshot().row_of(&Id::from(id)).unwrap();
    let changes: Map<String, Value> = serde_json::from_value(changes).unwrap();
    words.edit_json(&[row], &changes, None).unwrap().unwrap();
}

/// Every live row with all its cells, by id.
fn state(snapshot: &Snapshot) -> Vec<Map<String, Value>> {
    let rows: Vec<u32> = snapshot.live_rows().iter().collect();
    let mut cells = snapshot.rows_json(&rows, None).unwrap();
    for (cells, row) in cells.iter_mut().zip(&rows) {
        // A column that was added later is null before.
        cells.retain(|_, v| !v.is_null());
        let vector = snapshot.vector(*row, 0).unwrap().to_vec();
        cells.insert("v".to_owned(), json!(vector));
        let id = Id::from(cells["id"].as_str().unwrap());
        assert_eq!(
            snapshot.row_of(&id),
            Some(*row),
            "the id {id} finds its row"
        );
    }
    cells.sort_by_key(|c| c["id"].as_str().unwrap().to_owned());
    cells
}

/// A history of every kind of change, with the state before each entry.
fn eventful(store: &Store) -> Vec<(u64, Vec<Map<String, Value>>)> {
    let mut states = Vec::new();
    store.create_collection(spec("words")).unwrap();
    let words = words(store);
    let mut step = |what: &dyn Fn()| {
        let before = state(&words.snapshot());
        what();
        states.push((store.history(1)[0].entry.seq, before));
    };
    step(&|| add(&words, &[("a", 1), ("b", 2), ("c", 3)]));
    step(&|| set(&words, "b", json!({ "tag": "x", "n": 20 })));
    step(&|| {
        words.delete_ids(&[Id::from("a")]).unwrap();
    });
    step(&|| {
        let target = ImportTarget::Existing("words".to_owned());
        import(store, target, &[("c", 30), ("d", 4), ("a", 10)]);
    });
    step(&|| set(&words, "d", json!({ "tag": "y" })));
    step(&|| set(&words, "b", json!({ "tag": null, "n": 21 })));
    store.checkpoint().unwrap();
    step(&|| add(&words, &[("b", 22), ("e", 5)]));
    step(&|| set(&words, "c", json!({ "n": 31 })));
    step(&|| {
        words.delete_ids(&[Id::from("c"), Id::from("e")]).unwrap();
    });
    step(&|| {
        store.revert(store.history(1)[0].entry.seq, None).unwrap();
    });
    step(&|| set(&words, "e", json!({ "tag": "z" })));
    states
}

// [H1]
#[test]
fn each_change_is_one_entry_that_says_what_it_did() {
    let vfs = MemVfs::new();
    let store = open(&vfs);
    eventful(&store);
    let said = |store: &Store| -> Vec<(ChangeKind, u64, u64, u64, u64)> {
        let entries = store.history(100).into_iter().rev();
        entries
            .map(|e| {
                let e = e.entry;
                (e.kind, e.added, e.removed, e.revived, e.changed)
            })
            .collect()
    };
    use ChangeKind::*;
    let wanted = [
        (Create, 0, 0, 0, 0),
        (Add, 3, 0, 0, 0),
        (Edit, 0, 0, 0, 1),
        (Delete, 0, 1, 0, 0),
        (Import, 3, 1, 0, 0),
        (Edit, 0, 0, 0, 1),
        (Edit, 0, 0, 0, 1),
        (Add, 2, 1, 0, 0),
        (Edit, 0, 0, 0, 1),
        (Delete, 0, 2, 0, 0),
        (Revert, 0, 0, 2, 0),
        (Edit, 0, 0, 0, 1),
    ];
    assert_eq!(said(&store), wanted);
    let undone: Vec<bool> = store.history(3).iter().map(|e| e.undone).collect();
    assert_eq!(undone, [false, false, true]);
    // The same after a kill, and after a close.
    assert_eq!(said(&open(&vfs.fork())), wanted);
    store.close().unwrap();
    let again = open(&vfs);
    assert_eq!(said(&again), wanted);
    again.checkpoint().unwrap();
    assert_eq!(said(&open(&vfs.fork())), wanted);
}

// [H2]
#[test]
fn the_state_before_any_entry_can_be_looked_at_and_gone_back_to() {
    let vfs = MemVfs::new();
    let store = open(&vfs);
    let states = eventful(&store);
    let last = state(&words(&store).snapshot());
    // From the log, from files, and a mix; then after compacting.
    for round in 0..4 {
        let fork = vfs.fork();
        let store = open(&fork);
        match round {
            1 => store.checkpoint().unwrap(),
            2 => {
                store.checkpoint().unwrap();
                set(&words(&store), "d", json!({ "n": 99 }));
                store.undo("words").unwrap();
            }
            3 => drop(
                store
                    .compact(false, &|_, _| (), &Default::default())
                    .unwrap(),
            ),
            _ => {}
        }
        assert_eq!(state(&words(&store).snapshot()), last, "round {round}");
        for (seq, wanted) in &states {
            let past = store.before(*seq).unwrap();
            assert_eq!(&state(&past), wanted, "before {seq}, round {round}");
        }
        for (seq, wanted) in states.iter().rev() {
            let fork = fork.fork();
            let store = open(&fork);
            let entry = store.revert(*seq, Some("back")).unwrap();
            assert_eq!(entry.target, Some(*seq));
            assert_eq!(
                &state(&words(&store).snapshot()),
                wanted,
                "back before {seq}"
            );
            assert_eq!(store.verify().unwrap().problems, []);
            // The way back is a change like any other.
            let killed = open(&fork.fork());
            assert_eq!(&state(&words(&killed).snapshot()), wanted, "after a kill");
            killed.revert(entry.seq, None).unwrap();
            assert_eq!(state(&words(&killed).snapshot()), last, "and forth again");
            killed.checkpoint().unwrap();
            assert_eq!(killed.verify().unwrap().problems, []);
            let killed = open(&fork.fork());
            assert_eq!(&state(&words(&killed).snapshot()), wanted);
        }
    }
}

// [H2]
#[test]
fn undo_and_redo_go_through_all_changes_and_forth_again() {
    let vfs = MemVfs::new();
    let store = open(&vfs);
    store.create_collection(spec("words")).unwrap();
    let words = words(&store);
    let mut states = vec![state(&words.snapshot())];
    let mut step = |what: &dyn Fn()| {
        what();
        states.push(state(&words.snapshot()));
    };
    step(&|| {
        let target = ImportTarget::Existing("words".to_owned());
        import(&store, target, &[("a", 1), ("b", 2)]);
    });
    step(&|| set(&words, "a", json!({ "n": 5 })));
    step(&|| {
        words.delete_ids(&[Id::from("b")]).unwrap();
    });
    step(&|| set(&words, "a", json!({ "tag": "t" })));
    for wanted in states.iter().rev().skip(1) {
        store.undo("words").unwrap();
        assert_eq!(&state(&words.snapshot()), wanted);
    }
    assert_eq!(words.info().undo.unwrap().kind, ChangeKind::Create);
    for wanted in &states[1..] {
        store.redo("words").unwrap();
        assert_eq!(&state(&words.snapshot()), wanted);
    }
    assert_eq!(store.redo("words").unwrap_err().code(), "NOTHING_TO_UNDO");
    assert!(words.info().redo.is_none());
    // A new change after an undo: nothing to redo any more.
    store.undo("words").unwrap();
    add(&words, &[("z", 1)]);
    assert_eq!(store.redo("words").unwrap_err().code(), "NOTHING_TO_UNDO");
}

// [H2]
#[test]
fn undo_and_redo_time_and_again_take_no_more_each_time() {
    let vfs = MemVfs::new();
    let store = open(&vfs);
    let words = store.create_collection(spec("words")).unwrap();
    add(&words, &[("a", 1), ("b", 2)]);
    set(&words, "a", json!({"n": 5, "tag": "x"}));
    set(&words, "b", json!({"tag": "y"}));
    let now = state(&words.snapshot());
    let mut bytes = Vec::new();
    for _ in 0..24 {
        let before = store.info().disk_bytes;
        store.undo("words").unwrap();
        store.undo("words").unwrap();
        store.redo("words").unwrap();
        store.redo("words").unwrap();
        assert_eq!(state(&words.snapshot()), now);
        bytes.push(store.info().disk_bytes - before);
    }
    assert!(bytes[23] <= bytes[1], "{bytes:?}");
    let again = open(&vfs.fork());
    assert_eq!(state(&again.collection("words").unwrap().snapshot()), now);
}

// [H2]
#[test]
fn a_dropped_collection_and_an_undone_import_come_back() {
    let vfs = MemVfs::new();
    let store = open(&vfs);
    import(
        &store,
        ImportTarget::New(spec("words")),
        &[("a", 1), ("b", 2)],
    );
    add(&words(&store), &[("c", 3)]);
    let all = state(&words(&store).snapshot());
    store.drop_collection("words").unwrap();
    let dropped = store.history(1)[0].entry.seq;
    assert_eq!(state(&store.before(dropped).unwrap()), all);
    let killed = open(&vfs.fork());
    assert!(killed.collections().is_empty());
    killed.undo("words").unwrap();
    assert_eq!(state(&words(&killed).snapshot()), all);

    // Its name was taken meanwhile.
    store.create_collection(spec("words")).unwrap();
    let taken = store.revert(dropped, None).unwrap_err();
    assert_eq!(taken.code(), "COLLECTION_EXISTS");
    store.drop_collection("words").unwrap();
    store.revert(dropped, None).unwrap();
    assert_eq!(state(&words(&store).snapshot()), all);
    assert_eq!(state(&words(&open(&vfs.fork())).snapshot()), all);
    // Going back to some chosen state is undone like any change.
    store.undo("words").unwrap();
    assert!(store.collections().is_empty());
    store.redo("words").unwrap();
    assert_eq!(state(&words(&store).snapshot()), all);
    assert_eq!(store.verify().unwrap().problems, []);
}

// [H2]
#[test]
fn undoing_the_import_that_made_a_collection_takes_it_away_and_redo_brings_it_back() {
    let vfs = MemVfs::new();
    let store = open(&vfs);
    import(
        &store,
        ImportTarget::New(spec("words")),
        &[("a", 1), ("b", 2)],
    );
    add(&words(&store), &[("c", 3)]);
    let all = state(&words(&store).snapshot());
    store.undo("words").unwrap();
    assert_eq!(words(&store).snapshot().len(), 2);
    store.undo("words").unwrap();
    assert!(store.collections().is_empty());
    assert!(open(&vfs.fork()).collections().is_empty());
    store.redo("words").unwrap();
    assert_eq!(words(&store).snapshot().len(), 2);
    store.redo("words").unwrap();
    assert_eq!(state(&words(&store).snapshot()), all);
    assert_eq!(state(&words(&open(&vfs.fork())).snapshot()), all);
}

// [H3]
#[test]
fn the_history_is_pruned_by_its_rule_and_says_so() {
    let vfs = MemVfs::new();
    let store = open(&vfs);
    eventful(&store);
    let first = store.history(100).last().unwrap().entry.seq;
    assert!(store.info().history.pruned.is_none());
    let rule = HistoryRule {
        max_entries: 3,
        ..HistoryRule::default()
    };
    store.set_history_rule(rule).unwrap();
    assert_eq!(store.history(100).len(), 3);
    let pruned = store.info().history.pruned.unwrap();
    assert_eq!(pruned.entries, 9);
    assert_eq!(
        store.revert(first, None).unwrap_err().code(),
        "HISTORY_PRUNED"
    );
    assert_eq!(store.before(first).unwrap_err().code(), "HISTORY_PRUNED");
    // The rule stays, and goes on.
    let again = open(&vfs.fork());
    assert_eq!(again.info().history.rule, rule);
    add(&words(&again), &[("q", 1)]);
    again.checkpoint().unwrap();
    assert_eq!(again.history(100).len(), 3);
    assert_eq!(again.info().history.pruned.unwrap().entries, 10);
    let before = state(&words(&again).snapshot());
    assert_eq!(again.forget_history().unwrap(), 3);
    assert!(again.history(100).is_empty());
    assert_eq!(again.undo("words").unwrap_err().code(), "NOTHING_TO_UNDO");
    assert_eq!(state(&words(&again).snapshot()), before);
}

// [H3]
#[test]
fn going_back_needs_no_row_that_was_pruned_and_compacted_away() {
    let vfs = MemVfs::new();
    let store = open(&vfs);
    let words = store.create_collection(spec("words")).unwrap();
    add(&words, &[("a", 1)]);
    let target = {
        set(&words, "a", json!({"n": 2}));
        store.history(1)[0].entry.seq
    };
    // A row that comes, is edited and goes after the entry that is gone back to.
    add(&words, &[("b", 1)]);
    set(&words, "b", json!({"n": 2}));
    words.delete_ids(&[Id::from("b")]).unwrap();
    let before = state(&words.snapshot());
    store.revert(target, None).unwrap();
    let last = store.history(1)[0].entry.seq;
    store.checkpoint().unwrap();
    let rule = HistoryRule {
        max_entries: 1,
        ..HistoryRule::default()
    };
    store.set_history_rule(rule).unwrap();
    let go_on = AtomicBool::new(false);
    assert_eq!(
        store
            .compact(false, &|_, _| (), &go_on)
            .unwrap()
            .rows_dropped,
        1
    );
    assert_eq!(state(&store.before(last).unwrap()), before);
    store.revert(last, None).unwrap();
    assert_eq!(state(&words.snapshot()), before);
}

#[test]
fn what_cannot_be_edited_is_refused_and_changes_nothing() {
    let vfs = MemVfs::new();
    let store = open(&vfs);
    store.create_collection(spec("words")).unwrap();
    let words = words(&store);
    add(&words, &[("a", 1), ("b", 2)]);
    let edit = |rows: &[u32], changes: Value| {
        let changes: Map<String, Value> = serde_json::from_value(changes).unwrap();
        words.edit_json(rows, &changes, None)
    };
    let code = |rows: &[u32], changes: Value| edit(rows, changes).unwrap_err().code();
    assert_eq!(code(&[0], json!({ "id": "x" })), "INVALID_REQUEST");
    assert_eq!(code(&[0], json!({ "v": [1, 2, 3, 4] })), "INVALID_REQUEST");
    assert_eq!(code(&[0], json!({ "n": "many" })), "INVALID_REQUEST");
    let (batch, _) = rows(&[("x", 1)]);
    assert_eq!(
        words.edit(&[0], &batch, None).unwrap_err().code(),
        "INVALID_REQUEST"
    );
    assert!(edit(&[], json!({ "n": 1 })).unwrap().is_none());
    assert!(edit(&[7, 9], json!({ "new": 1 })).unwrap().is_none());
    assert!(words.meta().column("new").is_none(), "no row, no column");
    // A row that is gone and one that stands twice.
    words.delete_ids(&[Id::from("b")]).unwrap();
    assert_eq!(
        edit(&[0, 1, 0], json!({ "n": 7 }))
            .unwrap()
            .unwrap()
            .changed,
        1
    );
    assert_eq!(state(&words.snapshot())[0]["n"], json!(7));
}

#[test]
fn new_columns_of_an_import_come_with_its_commit_alone() {
    let vfs = MemVfs::new();
    let store = open(&vfs);
    store.create_collection(spec("words")).unwrap();
    let target = ImportTarget::Existing("words".to_owned());
    let fields = [ColumnKind::Text.field("extra")];
    let begun = store.begin_import_with(target.clone(), &fields, Some("more.csv"));
    let mut import = begun.unwrap();
    let (columns, vectors) = rows(&[("a", 1)]);
    import.append(&columns, &vectors).unwrap();
    drop(import);
    assert!(words(&store).meta().column("extra").is_none());
    let mut import = store
        .begin_import_with(target, &fields, Some("more.csv"))
        .unwrap();
    import.append(&columns, &vectors).unwrap();
    import.commit().unwrap();
    assert!(words(&store).meta().column("extra").is_some());
    assert_eq!(store.history(1)[0].entry.note.as_deref(), Some("more.csv"));
    let again = open(&vfs.fork());
    assert!(words(&again).meta().column("extra").is_some());
    assert_eq!(words(&again).snapshot().len(), 1);
}

// [W1]
// A change too large for a record of the log was sealed, and not shown before the next one.
#[test]
fn an_edit_too_large_for_the_log_is_seen_at_once() {
    let vfs = MemVfs::new();
    let store = open(&vfs);
    store.create_collection(spec("words")).unwrap();
    let words = words(&store);
    add(&words, &[("a", 1)]);
    let text = "x".repeat((64 << 20) + 1);
    set(&words, "a", json!({ "text": text }));
    let seen = state(&words.snapshot());
    assert!(seen[0]["text"] == json!(text), "it is not seen");
    assert_eq!(store.history(1)[0].entry.kind, ChangeKind::Edit);
    drop((words, store));
    let again = open(&vfs);
    assert!(state(&again.collection("words").unwrap().snapshot()) == seen);
}
