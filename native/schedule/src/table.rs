//! The collection that all threads work on. Its rows come in pairs: each write touches both rows of a pair, with one stamp.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow_array::{ArrayRef, Int64Array, RecordBatch};
use omendb_store::{
    CollectionSpec, ColumnKind, Error, Id, IdKind, Metric, SearchRequest, Snapshot, Store,
    VectorSpec,
};

use crate::model::{Cells, State};

/// Its name.
pub const NAME: &str = "pairs";

/// What it is made of.
pub fn spec() -> CollectionSpec {
    CollectionSpec {
        name: NAME.to_owned(),
        id_kind: IdKind::Int,
        id_column: Some("id".to_owned()),
        columns: vec![ColumnKind::Int.field("stamp")],
        vectors: vec![VectorSpec {
            name: "v".to_owned(),
            dimension: 2,
            metric: Metric::L2,
        }],
    }
}

/// Both ids of a pair.
pub fn ids(pair: i64) -> [i64; 2] {
    [2 * pair, 2 * pair + 1]
}

/// Rows of some pairs as the store takes them.
pub fn rows(pairs: &[i64], stamp: i64) -> (RecordBatch, Vec<f32>) {
    let all: Vec<i64> = pairs.iter().flat_map(|pair| ids(*pair)).collect();
    let vectors = all.iter().flat_map(|id| [*id as f32, stamp as f32]);
    let vectors = vectors.collect();
    let stamps: ArrayRef = Arc::new(Int64Array::from(vec![stamp; all.len()]));
    let all: ArrayRef = Arc::new(Int64Array::from(all));
    let batch = RecordBatch::try_from_iter([("id", all), ("stamp", stamps)]);
    (batch.expect("two columns of one length"), vectors)
}

/// One value for the stamps of some rows.
pub fn stamp(stamp: i64) -> RecordBatch {
    let stamps: ArrayRef = Arc::new(Int64Array::from(vec![stamp]));
    RecordBatch::try_from_iter([("stamp", stamps)]).expect("one column")
}

/// What the collection is now.
pub fn snapshot(store: &Store) -> Option<Arc<Snapshot>> {
    match store.collection(NAME) {
        Ok(collection) => Some(collection.snapshot()),
        Err(Error::UnknownCollection { .. }) => None,
        Err(e) => panic!("{e}"),
    }
}

/// Everything that is in a snapshot.
pub fn read(snapshot: &Option<Arc<Snapshot>>) -> State {
    snapshot.as_ref().map(|s| read_rows(s))
}

fn read_rows(snapshot: &Snapshot) -> BTreeMap<i64, Cells> {
    let rows: Vec<u32> = snapshot.live_rows().iter().collect();
    assert_eq!(rows.len() as u64, snapshot.len(), "its own count is wrong");
    let columns = ["id".to_owned(), "stamp".to_owned()];
    let cells = snapshot.cells(&rows, Some(&columns)).expect("its cells");
    let mut found = BTreeMap::new();
    for (row, cells) in rows.iter().zip(cells) {
        let [id, stamp] = [&cells[0], &cells[1]].map(|cell| cell.as_i64().expect("a number"));
        let vector = snapshot.vector(*row, 0).expect("its vector");
        assert_eq!(vector[0], id as f32, "row {row} has another row's vector");
        assert_eq!(snapshot.row_of(&Id::Int(id)), Some(*row), "by its id");
        let twice = found.insert(id, (stamp, vector[1] as i64));
        assert_eq!(twice, None, "id {id} stands twice");
    }
    let request = SearchRequest::new(&[0.0, 0.0], rows.len().max(1));
    let hits = snapshot.search(&request).expect("a search").hits;
    let mut hits: Vec<u32> = hits.iter().map(|hit| hit.row).collect();
    hits.sort_unstable();
    assert_eq!(hits, rows, "a search finds other rows");
    found
}
