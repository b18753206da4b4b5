//! Several vector columns: what is written is found in each, by its own dimension and metric, whatever the store goes through.

mod support;

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use arrow_array::{ArrayRef, RecordBatch, StringArray};
use omendb_store::vfs::MemVfs;
use omendb_store::{
    CollectionSpec, ColumnKind, Id, IdKind, ImportTarget, IndexState, Metric, OpenOptions, Plan,
    SearchRequest, Snapshot, Store, VectorSpec, repair, restore,
};
use omendb_torture::rng::Rng;
use serde_json::json;
use support::{ROOT, all_files, root, try_reader};

static GO_ON: AtomicBool = AtomicBool::new(false);

const TEXT: usize = 0;
const IMAGE: usize = 1;
const DIMENSIONS: [usize; 2] = [12, 5];

fn spec() -> CollectionSpec {
    let vector = |name: &str, dimension, metric| VectorSpec {
        name: name.to_owned(),
        dimension,
        metric,
    };
    CollectionSpec {
        name: "docs".to_owned(),
        id_kind: IdKind::Text,
        id_column: Some("id".to_owned()),
        columns: vec![ColumnKind::Text.field("tag")],
        vectors: vec![
            vector("text", DIMENSIONS[TEXT], Metric::Cosine),
            vector("image", DIMENSIONS[IMAGE], Metric::L2),
        ],
    }
}

/// The vector of a row, which says nothing of its other one.
fn vector(column: usize, n: u64) -> Vec<f32> {
    let mut rng = Rng::new(n * 2 + column as u64 + 1);
    let mut value = || rng.below(2_000) as f32 / 100.0 - 10.0;
    (0..DIMENSIONS[column]).map(|_| value()).collect()
}

/// The live rows as they should be: the number that each id's vectors are made of.
type Model = BTreeMap<String, u64>;

fn ids(range: &[u64]) -> RecordBatch {
    let ids: ArrayRef = Arc::new(
        range
            .iter()
            .map(|n| Some(format!("r{n}")))
            .collect::<StringArray>(),
    );
    RecordBatch::try_from_iter([("id", ids)]).unwrap()
}

fn import(store: &Store, target: ImportTarget, numbers: &[u64], model: &mut Model) {
    let of = |column| -> Vec<f32> { numbers.iter().flat_map(|n| vector(column, *n)).collect() };
    let mut import = store.begin_import(target).unwrap();
    import
        .append_each(&ids(numbers), &[&of(TEXT), &of(IMAGE)])
        .unwrap();
    import.commit().unwrap();
    model.extend(numbers.iter().map(|n| (format!("r{n}"), *n)));
}

fn distance(column: usize, a: &[f32], b: &[f32]) -> f32 {
    let dot = |x: &[f32], y: &[f32]| x.iter().zip(y).map(|(x, y)| x * y).sum::<f32>();
    match column {
        TEXT => 1.0 - dot(a, b) / (dot(a, a) * dot(b, b)).sqrt(),
        _ => a
            .iter()
            .zip(b)
            .map(|(x, y)| (x - y).powi(2))
            .sum::<f32>()
            .sqrt(),
    }
}

/// Compares a snapshot with what should be there: each vector of each row, and the true neighbours of some queries in both columns.
fn check(snapshot: &Snapshot, model: &Model) {
    assert_eq!(snapshot.len(), model.len() as u64);
    for (id, n) in model {
        let row = snapshot.row_of(&Id::from(id.as_str())).unwrap();
        for column in [TEXT, IMAGE] {
            assert_eq!(snapshot.vector(row, column).unwrap(), vector(column, *n));
        }
    }
    for column in [TEXT, IMAGE] {
        for query in [5_000_001, 5_000_002] {
            let query = vector(column, query);
            let mut nearest: Vec<f32> = model
                .values()
                .map(|n| distance(column, &query, &vector(column, *n)))
                .collect();
            nearest.sort_by(f32::total_cmp);
            let request = SearchRequest {
                vector: column,
                exact: true,
                ..SearchRequest::new(&query, 10)
            };
            let found = snapshot.search(&request).unwrap();
            for (hit, true_distance) in found.hits.iter().zip(&nearest) {
                assert!(
                    (hit.distance - true_distance).abs() < 1e-3,
                    "column {column}: {} for {true_distance}",
                    hit.distance
                );
            }
            let usual = SearchRequest {
                exact: false,
                ..request
            };
            let near = snapshot.search(&usual).unwrap();
            let same = near.hits.iter().filter(|h| found.hits.contains(h)).count();
            let all = found.hits.len();
            assert!(same * 10 >= all * 8, "{same} of {all} in column {column}");
        }
    }
}

fn options(background: bool) -> OpenOptions {
    OpenOptions {
        create: true,
        background,
        ..OpenOptions::default()
    }
}

fn open(vfs: &MemVfs, background: bool) -> Arc<Store> {
    Store::open_with(Arc::new(vfs.clone()), root(), options(background)).unwrap()
}

fn docs(store: &Store) -> Arc<Snapshot> {
    store.collection("docs").unwrap().snapshot()
}

// [Q12]
#[test]
fn two_vector_columns_live_through_all_that_a_store_does() {
    let vfs = MemVfs::new();
    let store = open(&vfs, true);
    let mut model = Model::new();
    let numbers: Vec<u64> = (0..1500).collect();
    import(&store, ImportTarget::New(spec()), &numbers, &mut model);
    let collection = store.collection("docs").unwrap();
    check(&collection.snapshot(), &model);

    // Rows through the log, one of which replaces another.
    let rows: Vec<_> = (1490..1510u64)
        .map(|n| json!({ "id": format!("r{n}"), "text": vector(TEXT, n + 1_000_000), "image": vector(IMAGE, n + 1_000_000), "tag": "new" }))
        .collect();
    collection.add_json(&rows).unwrap();
    model.extend((1490..1510).map(|n| (format!("r{n}"), n + 1_000_000)));
    check(&collection.snapshot(), &model);

    // Deleted, brought back, and some of them deleted for good.
    let dead: Vec<Id> = (0..600).map(|n| Id::Text(format!("r{n}"))).collect();
    let whole = model.clone();
    collection.delete_ids(&dead).unwrap();
    model.retain(|id, _| !dead.contains(&Id::from(id.as_str())));
    check(&collection.snapshot(), &model);
    store.undo("docs").unwrap();
    check(&collection.snapshot(), &whole);
    collection.delete_ids(&dead).unwrap();
    check(&collection.snapshot(), &model);

    // A kill: the log says it all.
    check(&docs(&open(&vfs.fork(), false)), &model);

    // Two more segments, which are joined, and compacting.
    for part in [2000..2700u64, 2700..3000] {
        let numbers: Vec<u64> = part.collect();
        let target = ImportTarget::Existing("docs".to_owned());
        import(&store, target, &numbers, &mut model);
    }
    let wait = || assert!(store.wait_for_index(Duration::from_secs(60)));
    wait();
    check(&collection.snapshot(), &model);
    let report = store.compact(true, &|_, _| {}, &GO_ON).unwrap();
    assert!(report.rows_dropped > 0, "{report:?}");
    wait();
    check(&collection.snapshot(), &model);
    assert_eq!(store.verify().unwrap().problems, []);
    let info = collection.info();
    for (vector, dimension) in info.vectors.iter().zip(DIMENSIONS) {
        assert_eq!(vector.dimension, dimension);
        assert_eq!(vector.index.state, IndexState::Ready, "{}", vector.name);
        assert!(vector.index.indexed_rows > 0);
    }

    // A reader, a copy, the copy restored, and the store opened again.
    check(&docs(&try_reader(Arc::new(vfs.clone())).unwrap()), &model);
    let copy = Path::new("/copy.db");
    store.backup(copy, &|_, _| {}, &GO_ON).unwrap();
    let restored = Path::new("/restored.db");
    restore(Arc::new(vfs.clone()), copy, restored, &|_, _| {}, &GO_ON).unwrap();
    let opened = Store::open_with(Arc::new(vfs.clone()), restored, options(false)).unwrap();
    check(&docs(&opened), &model);
    drop(collection);
    store.close().unwrap();
    drop(store);
    let again = open(&vfs, false);
    check(&docs(&again), &model);
    for column in [TEXT, IMAGE] {
        let query = vector(column, 2_100);
        let request = SearchRequest {
            vector: column,
            ..SearchRequest::new(&query, 1)
        };
        let found = docs(&again).search(&request).unwrap();
        assert_ne!(
            found.plan,
            Plan::Exact,
            "through the index of column {column}"
        );
        let own = docs(&again).row_of(&Id::from("r2100")).unwrap();
        assert_eq!(found.hits[0].row, own);
    }
}

#[test]
fn damage_to_one_vector_column_costs_its_rows_and_no_others() {
    let vfs = MemVfs::new();
    let store = open(&vfs, false);
    let mut model = Model::new();
    let numbers: Vec<u64> = (0..4000).collect();
    import(&store, ImportTarget::New(spec()), &numbers, &mut model);
    store.close().unwrap();
    drop(store);
    // One block of the second column's vectors.
    let path = all_files(&vfs)
        .into_iter()
        .map(|f| f.0)
        .find(|f| f.ends_with("vectors.1.f32"))
        .unwrap();
    let mut bytes = vfs.read(&path).unwrap();
    bytes[70_000] ^= 0x40;
    vfs.write(&path, &bytes).unwrap();
    let to = Path::new("/repaired.db");
    let report = repair(
        Arc::new(vfs.clone()),
        Path::new(ROOT),
        to,
        &|_, _| {},
        &GO_ON,
    )
    .unwrap();
    let told = &report.collections[0];
    assert!(told.rows_lost > 0 && told.rows_kept > 0, "{told:?}");
    for lost in &told.lost {
        for n in lost.rows[0]..=lost.rows[1] {
            model.remove(&format!("r{n}"));
        }
    }
    let opened = Store::open_with(Arc::new(vfs), to, options(false)).unwrap();
    check(&docs(&opened), &model);
}

// [Q12]
#[test]
fn rows_that_lack_a_vector_or_have_a_bad_one_are_refused_whole_and_the_column_is_named() {
    let vfs = MemVfs::new();
    let store = open(&vfs, false);
    let collection = store.create_collection(spec()).unwrap();
    let good = json!({ "id": "a", "text": vector(TEXT, 1), "image": vector(IMAGE, 1) });
    let refused = |row: serde_json::Value, code: &str, words: &str| {
        let error = collection.add_json(&[good.clone(), row]).unwrap_err();
        assert_eq!(error.code(), code, "{error}");
        assert!(error.to_string().contains(words), "{error}");
        assert!(collection.snapshot().is_empty());
    };
    let text = vector(TEXT, 1);
    refused(
        json!({ "id": "b", "text": text }),
        "NO_VECTOR_COLUMN",
        "row 1 has no vector in \"image\"",
    );
    refused(
        json!({ "id": "b", "text": text, "image": [1, 2] }),
        "DIMENSION_MISMATCH",
        "\"image\" takes 5 values, and 2 were given",
    );
    refused(
        json!({ "id": "b", "text": text, "image": [1, 2, 3, 4, 1e60] }),
        "INVALID_VECTOR",
        "\"image\"",
    );
    refused(
        json!({ "id": "b", "text": text, "image": [1, 2, 3, 4, 5], "vector": [1] }),
        "NO_VECTOR_COLUMN",
        "row 1 gives \"vector\"",
    );

    let mut import = store
        .begin_import(ImportTarget::Existing("docs".to_owned()))
        .unwrap();
    let (text, image) = (vector(TEXT, 1), vector(IMAGE, 1));
    let one = ids(&[1]);
    let code = |result: omendb_store::Result<()>| result.unwrap_err().code();
    assert_eq!(code(import.append_each(&one, &[&text])), "INVALID_REQUEST");
    assert_eq!(
        code(import.append_each(&one, &[&image, &text])),
        "DIMENSION_MISMATCH"
    );
    let mut bad = image.clone();
    bad[2] = f32::NAN;
    assert_eq!(
        code(import.append_each(&one, &[&text, &bad])),
        "INVALID_VECTOR"
    );
    // One after the other in one slice is the same.
    import.append(&one, &[text, image].concat()).unwrap();
    import.commit().unwrap();
    check(&collection.snapshot(), &Model::from([("r1".to_owned(), 1)]));
}
