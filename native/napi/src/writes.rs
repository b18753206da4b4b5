//! Writes: on a thread of their own, because they return when they are synced.

use std::path::PathBuf;
use std::sync::Arc;

use arrow_array::{ArrayRef, Int64Array, RecordBatch, RecordBatchOptions, StringArray};
use arrow_schema::Schema;
use napi::bindgen_prelude::*;
use napi_derive::napi;
use omendb_store::{Collection, Id, IdKind, MapMeta, MapPoints};
use serde_json::{Value, json};

use crate::failure::{Failure, Outcome, guarded, parse};
use crate::job::Job;
use crate::promise::on_thread;
use crate::reads::id_for;
use crate::store::NativeStore;

/// The columns of rows that have nothing but an id.
fn id_batch(collection: &Collection, ids: Option<Vec<Id>>, rows: usize) -> Outcome<RecordBatch> {
    let snapshot = collection.snapshot();
    let meta = snapshot.meta();
    let Some(name) = &meta.id_column else {
        if ids.is_some() {
            return Err(Failure::invalid(format!(
                "collection {:?} numbers its rows, so they take no ids",
                collection.info().name
            )));
        }
        let none = RecordBatchOptions::new().with_row_count(Some(rows));
        return RecordBatch::try_new_with_options(Arc::new(Schema::empty()), Vec::new(), &none)
            .map_err(Failure::internal);
    };
    let Some(ids) = ids else {
        return Err(Failure::invalid(format!(
            "collection {:?} needs an id for each row",
            collection.info().name
        )));
    };
    if ids.len() != rows {
        return Err(Failure::invalid(format!(
            "{} ids were given for {rows} vectors",
            ids.len()
        )));
    }
    let array: ArrayRef = match meta.id_kind {
        IdKind::Int => {
            let ids = ids.into_iter().map(|id| match id_for(IdKind::Int, id) {
                Id::Int(v) => Ok(v),
                Id::Text(v) => Err(Failure::invalid(format!(
                    "ids of this collection are whole numbers, and {:?} is none",
                    v.chars().take(40).collect::<String>()
                ))),
            });
            Arc::new(Int64Array::from(ids.collect::<Outcome<Vec<i64>>>()?))
        }
        _ => Arc::new(StringArray::from_iter_values(ids.iter().map(Id::to_string))),
    };
    RecordBatch::try_from_iter([(name.as_str(), array)]).map_err(Failure::internal)
}

fn added(range: std::ops::Range<u32>) -> String {
    json!({ "first": range.start, "count": range.len() }).to_string()
}

#[napi]
impl NativeStore {
    /// Adds or replaces rows given as a JSON array of objects; resolves to JSON `{first, count}`.
    #[napi(catch_unwind, ts_return_type = "Promise<string>")]
    pub fn add_rows<'env>(
        &self,
        env: &'env Env,
        collection: String,
        rows: String,
    ) -> Result<Object<'env>> {
        let collection = guarded(|| self.collection(&collection))?;
        on_thread(env, "add", move || {
            let rows: Vec<Value> = parse("the rows", &rows)?;
            Ok(added(collection.add_json(&rows)?))
        })
    }

    /// Adds or replaces rows that have a vector and at most an id (`ids`: JSON array, or null); resolves to JSON `{first, count}`.
    #[napi(catch_unwind, ts_return_type = "Promise<string>")]
    pub fn add_vectors<'env>(
        &self,
        env: &'env Env,
        collection: String,
        vectors: Float32ArraySlice<'_>,
        ids: String,
    ) -> Result<Object<'env>> {
        let (collection, vectors) =
            guarded(|| Ok((self.collection(&collection)?, vectors.to_vec())))?;
        on_thread(env, "add", move || {
            let ids: Option<Vec<Id>> = parse("the ids", &ids)?;
            let meta = collection.meta();
            if meta.vectors.len() > 1 {
                return Err(omendb_store::Error::VectorColumns {
                    collection: meta.name.clone(),
                    reason:
                        "vectors alone are taken where there is one; with several, rows are objects"
                            .to_owned(),
                    known: meta.vectors.iter().map(|v| v.name.clone()).collect(),
                }
                .into());
            }
            let dimension = meta.vectors.first().map_or(0, |v| v.dimension);
            if dimension == 0 || vectors.len() % dimension != 0 {
                return Err(Failure::invalid(format!(
                    "{} numbers are no whole number of vectors of dimension {dimension}",
                    vectors.len()
                )));
            }
            let columns = id_batch(&collection, ids, vectors.len() / dimension)?;
            Ok(added(collection.add(columns, &vectors)?))
        })
    }

    /// Deletes rows by number; resolves to how many there were.
    #[napi(catch_unwind, ts_return_type = "Promise<number>")]
    pub fn delete_rows<'env>(
        &self,
        env: &'env Env,
        collection: String,
        rows: Uint32ArraySlice<'_>,
    ) -> Result<Object<'env>> {
        let (collection, rows) = guarded(|| Ok((self.collection(&collection)?, rows.to_vec())))?;
        on_thread(env, "delete", move || {
            Ok(collection.delete_rows(&rows)? as f64)
        })
    }

    /// Deletes rows by id (JSON array); resolves to how many there were.
    #[napi(catch_unwind, ts_return_type = "Promise<number>")]
    pub fn delete_ids<'env>(
        &self,
        env: &'env Env,
        collection: String,
        ids: String,
    ) -> Result<Object<'env>> {
        let collection = guarded(|| self.collection(&collection))?;
        on_thread(env, "delete", move || {
            let ids: Vec<Id> = parse("the ids", &ids)?;
            let kind = collection.snapshot().meta().id_kind;
            let ids: Vec<Id> = ids.into_iter().map(|id| id_for(kind, id)).collect();
            Ok(collection.delete_ids(&ids)? as f64)
        })
    }

    /// Saves a map, in the place of one with the same name. `info` is JSON `{name, params, seed, rows, generation, created, score?}`; `kept` is empty unless there is
    /// a score, `placed` unless rows were placed on it.
    #[napi(catch_unwind, ts_return_type = "Promise<void>")]
    #[allow(clippy::too_many_arguments, reason = "each array is its own")]
    pub fn save_map<'env>(
        &self,
        env: &'env Env,
        collection: String,
        info: String,
        rows: Uint32ArraySlice<'_>,
        xy: Float32ArraySlice<'_>,
        kept: Uint8ArraySlice<'_>,
        placed: Uint8ArraySlice<'_>,
    ) -> Result<Object<'env>> {
        let (collection, points) = guarded(|| {
            let points = MapPoints {
                rows: rows.to_vec(),
                xy: xy.to_vec(),
                kept: kept.to_vec(),
                placed: placed.to_vec(),
            };
            Ok((self.collection(&collection)?, points))
        })?;
        on_thread(env, "save-map", move || {
            let info: MapMeta = parse("the map", &info)?;
            Ok(collection.save_map(info, &points)?)
        })
    }

    /// Deletes a saved map.
    #[napi(catch_unwind, ts_return_type = "Promise<void>")]
    pub fn delete_map<'env>(
        &self,
        env: &'env Env,
        collection: String,
        name: String,
    ) -> Result<Object<'env>> {
        let collection = guarded(|| self.collection(&collection))?;
        on_thread(env, "delete-map", move || Ok(collection.delete_map(&name)?))
    }

    /// Writes a saved map with the collection's columns to a .csv or .parquet file; resolves to JSON `{rows, bytes}`.
    #[napi(catch_unwind, ts_return_type = "Promise<string>")]
    pub fn export_map<'env>(
        &self,
        env: &'env Env,
        job: &Job,
        collection: String,
        name: String,
        path: String,
    ) -> Result<Object<'env>> {
        let collection = guarded(|| self.collection(&collection))?;
        let job = job.handle();
        on_thread(env, "export", move || {
            let progress = |done, total| job.progress("writing", done, total);
            let done = omendb_ingest::export_map(
                &collection,
                &name,
                &PathBuf::from(path),
                &progress,
                job.cancel(),
            )?;
            Ok(json!({ "rows": done.rows, "bytes": done.bytes }).to_string())
        })
    }
}
