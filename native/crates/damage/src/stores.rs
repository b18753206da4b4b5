//! The stores that are damaged: made by the store itself, in memory.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use arrow_array::{
    ArrayRef, BooleanArray, Float64Array, Int64Array, RecordBatch, RecordBatchOptions, StringArray,
    TimestampMicrosecondArray,
};
use arrow_schema::Schema;
use omendb_store::vfs::MemVfs;
use omendb_store::{
    Collection, CollectionSpec, ColumnKind, IdKind, ImportTarget, MapMeta, MapPoints, MapScore,
    Metric, OpenOptions, Result, Store, VectorSpec,
};

use crate::random::Random;

const ROOT: &str = "/x.db";

/// The store's folder.
pub fn root() -> &'static Path {
    Path::new(ROOT)
}

/// Opens the store that is there, without background work.
///
/// # Errors
/// As [`Store::open`].
pub fn open(vfs: &MemVfs) -> Result<Arc<Store>> {
    let options = OpenOptions {
        create: false,
        background: false,
        ..OpenOptions::default()
    };
    Store::open_with(Arc::new(vfs.clone()), root(), options)
}

fn create(vfs: &MemVfs, background: bool) -> Arc<Store> {
    let options = OpenOptions {
        create: true,
        background,
        ..OpenOptions::default()
    };
    Store::open_with(Arc::new(vfs.clone()), root(), options).expect("an empty folder")
}

fn vector(name: &str, dimension: usize, metric: Metric) -> VectorSpec {
    VectorSpec {
        name: name.to_owned(),
        dimension,
        metric,
    }
}

fn spec(name: &str, id: Option<IdKind>, vectors: Vec<VectorSpec>) -> CollectionSpec {
    CollectionSpec {
        name: name.to_owned(),
        id_kind: id.unwrap_or(IdKind::RowNumber),
        id_column: id.map(|_| "id".to_owned()),
        columns: Vec::new(),
        vectors,
    }
}

/// Rows without columns.
fn bare(rows: usize) -> RecordBatch {
    let options = RecordBatchOptions::new().with_row_count(Some(rows));
    RecordBatch::try_new_with_options(Arc::new(Schema::empty()), Vec::new(), &options)
        .expect("it has no column")
}

fn floats(random: &mut Random, n: usize) -> Vec<f32> {
    (0..n).map(|_| random.float()).collect()
}

/// Rows with a column of every type; in each but the id some are null.
pub fn rows(range: std::ops::Range<i64>) -> RecordBatch {
    let some = |i: i64| i % 7 != 3;
    let each = || range.clone();
    let text = |i: i64| format!("text {} of {i}", i % 5);
    let columns: [(&str, ArrayRef); 7] = [
        (
            "id",
            Arc::new(
                each()
                    .map(|i| Some(format!("row {i}")))
                    .collect::<StringArray>(),
            ),
        ),
        (
            "n",
            Arc::new(
                each()
                    .map(|i| some(i).then_some(i * 3))
                    .collect::<Int64Array>(),
            ),
        ),
        (
            "x",
            Arc::new(
                each()
                    .map(|i| some(i).then_some(i as f64 / 3.0))
                    .collect::<Float64Array>(),
            ),
        ),
        (
            "good",
            Arc::new(
                each()
                    .map(|i| some(i).then_some(i % 2 == 0))
                    .collect::<BooleanArray>(),
            ),
        ),
        (
            "note",
            Arc::new(
                each()
                    .map(|i| some(i).then(|| text(i)))
                    .collect::<StringArray>(),
            ),
        ),
        (
            "at",
            Arc::new(
                each()
                    .map(|i| some(i).then_some(1_700_000_000_000_000 + i))
                    .collect::<TimestampMicrosecondArray>(),
            ),
        ),
        (
            "more",
            Arc::new(
                each()
                    .map(|i| some(i).then(|| format!("{{\"i\":{i}}}")))
                    .collect::<StringArray>(),
            ),
        ),
    ];
    let kinds = [
        ColumnKind::Text,
        ColumnKind::Int,
        ColumnKind::Float,
        ColumnKind::Bool,
        ColumnKind::Text,
        ColumnKind::Timestamp,
        ColumnKind::Json,
    ];
    let fields: Vec<_> = columns
        .iter()
        .zip(kinds)
        .map(|((name, _), kind)| kind.field(name))
        .collect();
    let arrays = columns.into_iter().map(|c| c.1).collect();
    RecordBatch::try_new(Arc::new(Schema::new(fields)), arrays).expect("columns of one length")
}

/// The log of a store that was opened and closed a few times: upserts with and without columns, deletes, marks.
pub(crate) fn log(len: usize) -> (Vec<u8>, u64) {
    let vfs = MemVfs::new();
    let mut random = Random::new(1, 0);
    let store = create(&vfs, false);
    let mut words = spec(
        "words",
        Some(IdKind::Text),
        vec![vector("v", 4, Metric::L2)],
    );
    words.columns = vec![ColumnKind::Int.field("n")];
    store.create_collection(words).expect("a new store");
    let points = spec("points", None, vec![vector("v", 12, Metric::Cosine)]);
    store.create_collection(points).expect("a new store");
    drop(store);
    let mut next = 0;
    loop {
        let store = open(&vfs).expect("it was closed");
        let (words, points) = (store.collection("words"), store.collection("points"));
        let (words, points) = (words.expect("it is there"), points.expect("it is there"));
        for step in 0..9 {
            if step % 3 == 0 {
                let few = rows(next..next + 1).project(&[0, 1]).expect("two columns");
                words.add(few, &floats(&mut random, 4)).expect("a row");
                next += 1;
            } else if step == 5 {
                edit(&words, &[next as u32 - 1], "n", next.into());
            } else if step == 8 {
                store.undo("words").expect("an edit to undo");
            } else if step == 4 {
                points
                    .delete_rows(&[next as u32, 2 * next as u32])
                    .expect("rows");
            } else {
                points
                    .add(bare(3), &floats(&mut random, 36))
                    .expect("three rows");
            }
        }
        drop(store);
        let path = newest_log(&vfs);
        let bytes = vfs.read(&path).expect("the log");
        if bytes.len() >= len {
            let name = path
                .file_stem()
                .and_then(|n| n.to_str())
                .and_then(|n| n.parse().ok());
            return (bytes, name.expect("a log is named by its first LSN"));
        }
    }
}

fn edit(collection: &Collection, rows: &[u32], column: &str, value: serde_json::Value) {
    let changes = serde_json::Map::from_iter([(column.to_owned(), value)]);
    let entry = collection.edit_json(rows, &changes, Some("an edit"));
    entry.expect("a column").expect("live rows");
}

/// The log with the highest first LSN.
pub(crate) fn newest_log(vfs: &MemVfs) -> PathBuf {
    let files = vfs.files().into_iter();
    let logs = files.filter(|f| f.extension().is_some_and(|e| e == "wal"));
    logs.max().expect("every store has a log")
}

/// A store with every kind of file: indexes under all metrics if there are 1,000 rows or more, columns of every type, text,
/// integer and no ids, deleted rows, gaps in the row numbers, edited columns, a history, a map, two generations, a log.
pub fn whole(n: u32) -> MemVfs {
    let vfs = MemVfs::new();
    let mut random = Random::new(2, 0);
    let store = create(&vfs, true);
    let mut words = spec(
        "words",
        Some(IdKind::Text),
        vec![vector("v", 6, Metric::Cosine), vector("w", 3, Metric::L2)],
    );
    let batch = rows(0..i64::from(n));
    let fields = batch.schema();
    words.columns = fields
        .fields()
        .iter()
        .skip(1)
        .map(|f| f.as_ref().clone())
        .collect();
    let mut import = store
        .begin_import(ImportTarget::New(words))
        .expect("a new collection");
    import
        .append(&batch, &floats(&mut random, n as usize * 9))
        .expect("rows");
    import.commit().expect("rows");
    let points = spec(
        "points",
        Some(IdKind::Int),
        vec![vector("v", 4, Metric::Dot)],
    );
    let points = store.create_collection(points).expect("a new collection");
    let ids: ArrayRef = Arc::new(Int64Array::from_iter_values(0..i64::from(n / 3)));
    let ids = RecordBatch::try_from_iter([("id", ids)]).expect("one column");
    points
        .add(ids, &floats(&mut random, (n / 3 * 4) as usize))
        .expect("rows");
    let plain = spec("plain", None, vec![vector("v", 2, Metric::L2)]);
    let plain = store.create_collection(plain).expect("a new collection");
    plain.add(bare(4), &floats(&mut random, 8)).expect("rows");
    store.checkpoint().expect("a store that can be written to");
    let words = store.collection("words").expect("it is there");
    words.delete_rows(&[10, 11, n - 5]).expect("rows");
    let compacted = store.compact(true, &|_, _| (), &AtomicBool::new(false));
    assert_eq!(compacted.expect("rows to drop").rows_dropped, 3);
    drop(words);
    assert!(
        store.wait_for_index(Duration::from_secs(60)),
        "the index is built"
    );

    let words = store.collection("words").expect("it is there");
    words.delete_rows(&[3, 4, n - 1]).expect("rows");
    let on_map: Vec<u32> = words.snapshot().live_rows().iter().take(200).collect();
    let meta = MapMeta {
        name: "map".to_owned(),
        params: serde_json::json!({ "k": 15 }),
        seed: 7,
        rows: 0,
        generation: 1,
        created: 0,
        score: Some(MapScore {
            k: 15,
            sample: 100,
            trustworthiness: 0.9,
            continuity: 0.9,
            kept: 0.3,
        }),
    };
    let points = MapPoints {
        xy: floats(&mut random, 2 * on_map.len()),
        kept: vec![4; on_map.len()],
        placed: on_map.iter().map(|row| u8::from(*row > 50)).collect(),
        rows: on_map,
    };
    words.save_map(meta, &points).expect("a map");
    edit(&words, &[20, 21, n - 6], "note", "edited".into());
    plain.delete_rows(&[1]).expect("a row");
    store.checkpoint().expect("a store that can be written to");
    edit(&words, &[n / 2], "n", 3.into());
    store.undo("words").expect("an edit to undo");
    let more = i64::from(n) - 1;
    words
        .add(rows(more..more + 3), &floats(&mut random, 27))
        .expect("rows");
    plain.add(bare(2), &floats(&mut random, 4)).expect("rows");
    words.delete_rows(&[5, n + 1]).expect("rows");
    drop((words, points, plain));
    drop(store);
    vfs
}
