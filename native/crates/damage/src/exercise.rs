//! Everything that can be read of an open store: nothing of it may panic, whatever lies in the files.

use std::sync::atomic::AtomicBool;

use omendb_store::{Collection, ColumnKind, Id, SearchRequest, Snapshot, SortKey, Store};

/// Rows that are looked at.
const FEW: usize = 48;

/// Reads from every collection. `thoroughly` asks for graphs and projections too, which take their time.
///
/// # Errors
/// When a read gives what it must not give.
pub fn exercise(store: &Store, thoroughly: bool) -> Result<(), String> {
    let _ = store.info();
    for collection in store.collections() {
        let snapshot = collection.snapshot();
        let filters = filters(&snapshot);
        search(&snapshot, filters.first().map(String::as_str))?;
        page(&snapshot, &filters);
        for map in collection.info().maps {
            let _ = collection.map(&map.name);
        }
        if thoroughly {
            thorough(&collection, &snapshot);
        }
    }
    Ok(())
}

/// For each column a condition that reads it.
fn filters(snapshot: &Snapshot) -> Vec<String> {
    let columns = snapshot.meta().columns.iter();
    let filters = columns.map(|c| {
        let name = format!("\"{}\"", c.name.replace('"', "\"\""));
        match c.kind {
            ColumnKind::Bool => name,
            ColumnKind::Int => format!("{name} % 2 = 0"),
            ColumnKind::Float => format!("{name} > 0.5"),
            ColumnKind::Text => format!("lower({name}) LIKE '%1%'"),
            ColumnKind::Json => format!("contains({name}, '1')"),
            ColumnKind::Timestamp => format!("{name} > TIMESTAMP '2020-01-01'"),
        }
    });
    filters.collect()
}

fn search(snapshot: &Snapshot, filter: Option<&str>) -> Result<(), String> {
    for (n, spec) in snapshot.meta().vectors.iter().enumerate() {
        let query = vec![0.5; spec.dimension];
        for (exact, filter) in [(true, None), (false, None), (false, filter)] {
            let request = SearchRequest {
                vector: n,
                ef: Some(40),
                exact,
                filter,
                ..SearchRequest::new(&query, 10)
            };
            let Ok(found) = snapshot.search(&request) else {
                continue;
            };
            if let Some(hit) = found.hits.iter().find(|h| !snapshot.contains(h.row)) {
                return Err(format!("row {}, which is not there, was found", hit.row));
            }
        }
    }
    Ok(())
}

fn page(snapshot: &Snapshot, filters: &[String]) {
    let rows: Vec<u32> = snapshot.live_rows().iter().take(FEW).collect();
    let _ = snapshot.rows_json(&rows, None);
    for row in &rows {
        let _ = snapshot.vector(*row, 0);
        if let Ok(id) = snapshot.id_of(*row) {
            let _ = snapshot.row_of(&id);
        }
    }
    let _ = snapshot.row_of(&Id::from("row 9"));
    let _ = snapshot.row_of(&Id::Int(9));
    for (column, filter) in snapshot.meta().columns.iter().zip(filters) {
        let sort = SortKey {
            column: column.name.clone(),
            descending: true,
        };
        if let Ok(view) = snapshot.view(Some(filter), &[sort]) {
            let _ = snapshot.cells(view.page(2, FEW), None);
        }
        let _ = snapshot.column_values(&column.name, &rows);
    }
}

fn thorough(collection: &Collection, snapshot: &Snapshot) {
    let never = AtomicBool::new(false);
    for n in 0..snapshot.meta().vectors.len() {
        let _ = snapshot.knn_graph(n, None, 5, &never, &|_, _| {});
        let _ = snapshot.pca(n, None, &never);
    }
    let ids: Vec<Id> = ["row 1", "row 2"].map(Id::from).to_vec();
    let _ = collection.delete_ids(&ids);
    let _ = collection.delete_rows(&[5]);
}
