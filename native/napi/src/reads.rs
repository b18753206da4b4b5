//! Reads: on the calling thread, over a snapshot, one crossing a question.

use napi::bindgen_prelude::*;
use napi_derive::napi;
use omendb_store::{ColumnValues, Id, IdKind, SearchRequest, Snapshot, SortKey, int_json};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::arrays::{fill_f32, fill_u8, fill_u32};
use crate::failure::{Failure, Outcome, guard, parse};
use crate::results::{NativePoints, NativeRows};
use crate::snapshot::NativeSnapshot;
use crate::store::NativeStore;

/// A search as the engine asks for it.
#[derive(Deserialize)]
struct Search {
    /// The row whose neighbours are looked for, itself not among them; null for the vector that comes along.
    like: Option<u32>,
    /// The vector column; null for the first.
    vector: Option<String>,
    k: usize,
    ef: Option<usize>,
    #[serde(default)]
    exact: bool,
    #[serde(default)]
    filter: String,
}

/// An id as JSON: a number where JavaScript holds it exactly, otherwise text.
pub(crate) fn id_json(id: Id) -> Value {
    match id {
        Id::Int(v) => int_json(v),
        Id::Text(v) => Value::String(v),
    }
}

/// An id from JavaScript as the collection's kind of id: digits mean a number where ids are numbers, and the other way round.
pub fn id_for(kind: IdKind, id: Id) -> Id {
    match (kind, id) {
        (IdKind::Int | IdKind::RowNumber, Id::Text(text)) => match text.parse() {
            Ok(v) => Id::Int(v),
            Err(_) => Id::Text(text),
        },
        (IdKind::Text, Id::Int(v)) => Id::Text(v.to_string()),
        (_, id) => id,
    }
}

/// The position of a vector column; that of the first where none is named.
fn vector_column(snapshot: &Snapshot, name: Option<&str>) -> Outcome<usize> {
    name.map_or(Ok(0), |name| Ok(snapshot.vector_column(name)?))
}

/// Names of the columns, and the cells of rows in their order.
fn cells(snapshot: &Snapshot, rows: &[u32]) -> Outcome<(Vec<String>, Vec<Vec<Value>>)> {
    let columns = snapshot
        .schema()
        .fields()
        .iter()
        .map(|f| f.name().clone())
        .collect();
    Ok((columns, snapshot.cells(rows, None)?))
}

#[napi]
impl NativeStore {
    /// A page of a view, as many rows as fit into `rows`: JSON `{total, count, columns, cells}`. `sort` is JSON `[{column,
    /// descending}]`.
    #[napi(catch_unwind)]
    pub fn page(
        &self,
        collection: String,
        filter: String,
        sort: String,
        offset: f64,
        mut rows: Uint32ArraySlice<'_>,
    ) -> Result<String> {
        guard(|| {
            let snapshot = self.snapshot_of(&collection)?;
            let sort: Vec<SortKey> = parse("the order", &sort)?;
            let view = snapshot.view(Some(&filter), &sort)?;
            let page = view.page(offset.max(0.0) as usize, rows.len());
            let (columns, cells) = cells(&snapshot, page)?;
            fill_u32(&mut rows, page)?;
            let page = json!({ "total": view.len(), "count": page.len(), "columns": columns, "cells": cells });
            Ok(page.to_string())
        })
    }

    /// Where a row stands in a view; null if the filter leaves it out.
    #[napi(catch_unwind)]
    pub fn position(
        &self,
        collection: String,
        filter: String,
        sort: String,
        row: u32,
    ) -> Result<Option<f64>> {
        guard(|| {
            let sort: Vec<SortKey> = parse("the order", &sort)?;
            let view = self.snapshot_of(&collection)?.view(Some(&filter), &sort)?;
            Ok(view.position_of(row).map(|at| at as f64))
        })
    }

    /// Row numbers that match a filter, ascending.
    #[napi(catch_unwind)]
    pub fn filter_rows(&self, collection: String, filter: String) -> Result<NativeRows> {
        guard(|| {
            let snapshot = self.snapshot_of(&collection)?;
            let rows = if filter.trim().is_empty() {
                snapshot.live_rows().into_iter().collect()
            } else {
                snapshot.filter(&filter)?.iter().collect()
            };
            Ok(NativeRows { rows })
        })
    }

    /// Throws what is wrong with a filter.
    #[napi(catch_unwind)]
    pub fn check_filter(&self, collection: String, filter: String) -> Result<()> {
        guard(|| {
            let snapshot = self.snapshot_of(&collection)?;
            if filter.trim().is_empty() {
                Ok(())
            } else {
                Ok(snapshot.check_filter(&filter)?)
            }
        })
    }

    /// A row without its vectors: JSON `{id, fields, vectors: [{name, dimension}]}`.
    #[napi(catch_unwind)]
    pub fn row(&self, collection: String, row: u32) -> Result<String> {
        guard(|| {
            let snapshot = self.snapshot_of(&collection)?;
            let fields = snapshot.rows_json(&[row], None)?.pop().unwrap_or_default();
            let vectors = snapshot.meta().vectors.iter();
            let vectors: Vec<Value> = vectors
                .map(|v| json!({ "name": v.name, "dimension": v.dimension }))
                .collect();
            Ok(json!({ "id": id_json(snapshot.id_of(row)?), "fields": fields, "vectors": vectors }).to_string())
        })
    }

    /// Writes a row's vector in one vector column, by its position among these, into an array of its dimension.
    #[napi(catch_unwind)]
    pub fn vector(
        &self,
        collection: String,
        row: u32,
        column: u32,
        mut out: Float32ArraySlice<'_>,
    ) -> Result<()> {
        guard(|| {
            let snapshot = self.snapshot_of(&collection)?;
            fill_f32(&mut out, snapshot.vector(row, column as usize)?)
        })
    }

    /// The row number of an id (JSON: a number or a text); null if there is no such row.
    #[napi(catch_unwind)]
    pub fn row_of(&self, collection: String, id: String) -> Result<Option<u32>> {
        guard(|| {
            let snapshot = self.snapshot_of(&collection)?;
            let id: Id = parse("the id", &id)?;
            Ok(snapshot.row_of(&id_for(snapshot.meta().id_kind, id)))
        })
    }

    /// One column's cells for some rows, as a JSON array.
    #[napi(catch_unwind)]
    pub fn cells(
        &self,
        collection: String,
        column: String,
        rows: Uint32ArraySlice<'_>,
    ) -> Result<String> {
        guard(|| {
            let cells = self
                .snapshot_of(&collection)?
                .cells(&rows, Some(&[column]))?;
            let column: Vec<Value> = cells.into_iter().filter_map(|mut row| row.pop()).collect();
            Ok(Value::Array(column).to_string())
        })
    }

    /// Nearest rows: `request` is JSON `{like, vector, k, ef, exact, filter}`; row numbers and distances go into the arrays, the rest into
    /// JSON `{count, plan, ef, scored, ids, columns, cells}`.
    #[napi(catch_unwind)]
    pub fn search(
        &self,
        collection: String,
        request: String,
        query: Float32ArraySlice<'_>,
        mut rows: Uint32ArraySlice<'_>,
        mut distances: Float32ArraySlice<'_>,
    ) -> Result<String> {
        guard(|| {
            let snapshot = self.snapshot_of(&collection)?;
            let search: Search = parse("the search", &request)?;
            let vector = vector_column(&snapshot, search.vector.as_deref())?;
            // A copy: other threads read it, and the array is the caller's.
            let query = match search.like {
                Some(row) => snapshot.vector(row, vector)?.to_vec(),
                None => query.to_vec(),
            };
            let found = snapshot.search(&SearchRequest {
                vector,
                query: &query,
                k: search.k,
                ef: search.ef,
                exact: search.exact,
                filter: Some(&search.filter),
                exclude: search.like,
            })?;
            let hits: Vec<u32> = found.hits.iter().map(|hit| hit.row).collect();
            let away: Vec<f32> = found.hits.iter().map(|hit| hit.distance).collect();
            let ids = hits
                .iter()
                .map(|row| Ok(id_json(snapshot.id_of(*row)?)))
                .collect::<Outcome<Vec<Value>>>()?;
            let (columns, cells) = cells(&snapshot, &hits)?;
            fill_u32(&mut rows, &hits)?;
            fill_f32(&mut distances, &away)?;
            let answer = json!({
                "count": hits.len(),
                "plan": found.plan.as_str(),
                "ef": found.ef,
                "scored": found.distances,
                "ids": ids,
                "columns": columns,
                "cells": cells,
            });
            Ok(answer.to_string())
        })
    }

    /// A column's values for colouring: codes or numbers go into one of the arrays (each as long as `rows`), the rest into JSON
    /// `{kind: "category", labels, others, nulls}` or `{kind: "number", min, max, offset, nulls}`.
    #[napi(catch_unwind)]
    pub fn column_values(
        &self,
        collection: String,
        column: String,
        rows: Uint32ArraySlice<'_>,
        mut codes: Uint8ArraySlice<'_>,
        mut values: Float32ArraySlice<'_>,
    ) -> Result<String> {
        guard(|| {
            let answer = match self
                .snapshot_of(&collection)?
                .column_values(&column, &rows)?
            {
                ColumnValues::Category {
                    codes: found,
                    labels,
                    others,
                    nulls,
                } => {
                    fill_u8(&mut codes, &found)?;
                    json!({ "kind": "category", "labels": labels, "others": others, "nulls": nulls })
                }
                ColumnValues::Number {
                    values: found,
                    min,
                    max,
                    offset,
                    nulls,
                } => {
                    fill_f32(&mut values, &found)?;
                    json!({ "kind": "number", "min": min, "max": max, "offset": offset, "nulls": nulls })
                }
            };
            Ok(answer.to_string())
        })
    }

    /// The collection as it is now, by one of its vector columns; the first unless it is named.
    #[napi(catch_unwind)]
    pub fn snapshot(&self, collection: String, vector: Option<String>) -> Result<NativeSnapshot> {
        guard(|| {
            let snapshot = self.snapshot_of(&collection)?;
            let column = vector_column(&snapshot, vector.as_deref())?;
            Ok(NativeSnapshot::new(snapshot, column))
        })
    }

    /// A saved map.
    #[napi(catch_unwind)]
    pub fn map(&self, collection: String, name: String) -> Result<NativePoints> {
        guard(|| {
            let (meta, points) = self.present(&collection)?.map(&name)?;
            let info = serde_json::to_string(&meta).map_err(Failure::internal)?;
            Ok(NativePoints { info, points })
        })
    }
}
