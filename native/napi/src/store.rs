//! An open store: its life, its collections, its imports.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use napi::bindgen_prelude::*;
use napi_derive::napi;
use omendb_ingest::ImportRequest;
use omendb_store::{
    Collection, CollectionSpec, ColumnKind, Error as StoreError, IdKind, Memory, OpenOptions,
    Snapshot, Store, VectorSpec,
};
use serde::Deserialize;
use serde_json::json;

use crate::failure::{Failure, Outcome, guard, guarded, parse};
use crate::job::Job;
use crate::promise::on_thread;

/// Stands between a collection's name, in which it cannot be, and the number of an entry of the history.
const BEFORE: char = '\u{1f}';

/// How a store is opened.
#[napi(object)]
#[derive(Default)]
pub struct OpenHow {
    /// Make it if it is not there.
    pub create: Option<bool>,
    /// For reading only, beside another process that writes it.
    pub read_only: Option<bool>,
    /// What others are told who has it open.
    pub holder: Option<String>,
    /// Keep the indexes in memory and leave the vectors in their files.
    pub compact: Option<bool>,
}

/// A handle of an open store. After `close` every call fails with STORE_CLOSED.
#[napi]
pub struct NativeStore {
    store: Mutex<Option<Arc<Store>>>,
}

impl NativeStore {
    pub(crate) fn open(path: &str, how: OpenHow) -> Outcome<NativeStore> {
        let OpenHow {
            create,
            read_only,
            holder,
            compact,
        } = how;
        let read_only = read_only.unwrap_or(false);
        let options = OpenOptions {
            create: create.unwrap_or(false) && !read_only,
            background: !read_only,
            read_only,
            holder,
            memory: match compact {
                Some(true) => Memory::Compact,
                _ => Memory::Full,
            },
        };
        let store = Store::open(path.as_ref(), options)?;
        Ok(NativeStore {
            store: Mutex::new(Some(store)),
        })
    }

    pub(crate) fn store(&self) -> Outcome<Arc<Store>> {
        let store = self.store.lock().unwrap_or_else(PoisonError::into_inner);
        store.clone().ok_or_else(|| StoreError::Closed.into())
    }

    /// A collection to write to, or to read as it is. The past cannot be written to.
    pub(crate) fn collection(&self, name: &str) -> Outcome<Arc<Collection>> {
        if name.contains(BEFORE) {
            return Err(StoreError::ReadOnly.into());
        }
        Ok(self.store()?.collection(name)?)
    }

    /// A collection as it is, also for a name of its past: maps are not in the history.
    pub(crate) fn present(&self, name: &str) -> Outcome<Arc<Collection>> {
        self.collection(name.split(BEFORE).next().unwrap_or(name))
    }

    /// A collection as it is, or with `BEFORE` and the number of an entry behind its name as it was before that.
    pub(crate) fn snapshot_of(&self, name: &str) -> Outcome<Arc<Snapshot>> {
        match name.split_once(BEFORE) {
            None => Ok(self.collection(name)?.snapshot()),
            Some((name, seq)) => {
                let seq = seq
                    .parse()
                    .map_err(|_| Failure::invalid("the number of a change cannot be read"))?;
                Ok(self.store()?.collection_before(name, seq)?)
            }
        }
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct NewCollection {
    name: String,
    id_type: String,
    id_column: Option<String>,
    columns: Vec<NewColumn>,
    vectors: Vec<VectorSpec>,
}

#[derive(Deserialize)]
struct NewColumn {
    name: String,
    #[serde(rename = "type")]
    kind: ColumnKind,
}

impl NewCollection {
    fn spec(self) -> Outcome<CollectionSpec> {
        let id_kind = match self.id_type.as_str() {
            "int" => IdKind::Int,
            "text" => IdKind::Text,
            "rownumber" => IdKind::RowNumber,
            other => return Err(Failure::invalid(format!("{other:?} is no type of ids"))),
        };
        Ok(CollectionSpec {
            name: self.name,
            id_kind,
            id_column: self.id_column,
            columns: self.columns.iter().map(|c| c.kind.field(&c.name)).collect(),
            vectors: self.vectors,
        })
    }
}

#[napi]
impl NativeStore {
    /// The store and its collections as JSON.
    #[napi(catch_unwind)]
    pub fn info(&self) -> Result<String> {
        guard(|| serde_json::to_string(&self.store()?.info()).map_err(Failure::internal))
    }

    /// Grows with every change that a reader can see, progress of indexes included.
    #[napi(catch_unwind)]
    pub fn revision(&self) -> Result<f64> {
        guard(|| Ok(self.store()?.revision() as f64))
    }

    /// Makes an empty collection: `{name, idType: "int"|"text"|"rownumber", idColumn, columns: [{name, type}], vectors: [{name,
    /// dimension, metric}]}`.
    #[napi(catch_unwind, ts_return_type = "Promise<void>")]
    pub fn create_collection<'env>(&self, env: &'env Env, spec: String) -> Result<Object<'env>> {
        let store = guarded(|| self.store())?;
        on_thread(env, "create", move || {
            store.create_collection(parse::<NewCollection>("the collection", &spec)?.spec()?)?;
            Ok(())
        })
    }

    /// Removes a collection with all its rows, maps and indexes.
    #[napi(catch_unwind, ts_return_type = "Promise<void>")]
    pub fn drop_collection<'env>(&self, env: &'env Env, name: String) -> Result<Object<'env>> {
        let store = guarded(|| self.store())?;
        on_thread(env, "drop", move || Ok(store.drop_collection(&name)?))
    }

    /// Reads a file into a collection: `{path, collection, metric, metrics: {name: metric}, vector, id, columns: [{source, name, type, dimension}],
    /// onError}`. Resolves to JSON `{rows, replaced, rejected, rejectedRows, seconds}`.
    #[napi(catch_unwind, ts_return_type = "Promise<string>")]
    pub fn import<'env>(&self, env: &'env Env, job: &Job, request: String) -> Result<Object<'env>> {
        let store = guarded(|| self.store())?;
        let job = job.handle();
        on_thread(env, "import", move || {
            let request: ImportRequest = parse("the import", &request)?;
            let progress = |phase: omendb_ingest::Phase, done, total| {
                job.progress(phase.as_str(), done, total)
            };
            let done = omendb_ingest::import(&store, &request, &progress, job.cancel())?;
            Ok(json!({
                "rows": done.rows,
                "replaced": done.replaced,
                "rejected": done.rejections.count,
                "rejectedRows": done.rejections.first,
                "seconds": done.seconds,
            })
            .to_string())
        })
    }

    /// Reads every byte of the store and compares checksums; resolves to the report as JSON.
    #[napi(catch_unwind, ts_return_type = "Promise<string>")]
    pub fn verify<'env>(&self, env: &'env Env) -> Result<Object<'env>> {
        let store = guarded(|| self.store())?;
        on_thread(env, "verify", move || {
            serde_json::to_string(&store.verify()?).map_err(Failure::internal)
        })
    }

    /// Resolves to true when every index is built, to false when the time is over.
    #[napi(catch_unwind, ts_return_type = "Promise<boolean>")]
    pub fn wait_for_index<'env>(&self, env: &'env Env, milliseconds: u32) -> Result<Object<'env>> {
        let store = guarded(|| self.store())?;
        on_thread(env, "wait", move || {
            Ok(store.wait_for_index(Duration::from_millis(milliseconds.into())))
        })
    }

    /// Ends background work, syncs, and gives the lock back.
    #[napi(catch_unwind, ts_return_type = "Promise<void>")]
    pub fn close<'env>(&self, env: &'env Env) -> Result<Object<'env>> {
        let store = self
            .store
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        on_thread(env, "close", move || match store {
            Some(store) => Ok(store.close()?),
            None => Ok(()),
        })
    }
}
