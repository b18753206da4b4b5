//! One unchanging state of a collection: what a map is drawn from.

use std::sync::Arc;

use napi::bindgen_prelude::*;
use napi_derive::napi;
use omendb_store::{Error as StoreError, Snapshot};

use crate::failure::{Failure, Outcome, guard, guarded};
use crate::job::Job;
use crate::promise::on_thread;
use crate::results::{NativeNeighbours, NativePoints};

/// A snapshot. Keeps its files on disk and mapped until it is released.
#[napi]
pub struct NativeSnapshot {
    snapshot: Option<Arc<Snapshot>>,
}

impl NativeSnapshot {
    pub(crate) fn new(snapshot: Arc<Snapshot>) -> NativeSnapshot {
        NativeSnapshot {
            snapshot: Some(snapshot),
        }
    }

    fn get(&self) -> Outcome<Arc<Snapshot>> {
        self.snapshot
            .clone()
            .ok_or_else(|| Failure::from(StoreError::Closed))
    }
}

#[napi]
impl NativeSnapshot {
    /// Live rows.
    #[napi(getter, catch_unwind)]
    pub fn length(&self) -> Result<f64> {
        guard(|| Ok(self.get()?.len() as f64))
    }

    /// The generation of the store that it is of.
    #[napi(getter, catch_unwind)]
    pub fn generation(&self) -> Result<f64> {
        guard(|| Ok(self.get()?.generation() as f64))
    }

    /// The first two principal components of the first vector column.
    #[napi(catch_unwind, ts_return_type = "Promise<NativePoints>")]
    pub fn pca<'env>(&self, env: &'env Env, job: &Job) -> Result<Object<'env>> {
        let snapshot = guarded(|| self.get())?;
        let job = job.handle();
        on_thread(env, "pca", move || {
            let (rows, xy) = snapshot.pca(0, job.cancel())?;
            Ok(NativePoints {
                info: "null".to_owned(),
                rows,
                xy,
            })
        })
    }

    /// The k nearest rows of every row by the first vector column.
    #[napi(catch_unwind, ts_return_type = "Promise<NativeNeighbours>")]
    pub fn knn_graph<'env>(&self, env: &'env Env, job: &Job, k: u32) -> Result<Object<'env>> {
        let snapshot = guarded(|| self.get())?;
        let job = job.handle();
        on_thread(env, "knn", move || {
            let progress = |done: usize, total: usize| {
                job.progress("neighbour graph", done as u64, total as u64)
            };
            let graph = snapshot.knn_graph(0, k as usize, job.cancel(), &progress)?;
            Ok(NativeNeighbours {
                k: graph.k,
                rows: graph.rows,
                ids: graph.ids,
                distances: graph.distances,
            })
        })
    }

    /// Lets go of the files. Calls afterwards fail with STORE_CLOSED; those under way finish.
    #[napi(catch_unwind)]
    pub fn release(&mut self) {
        self.snapshot = None;
    }
}
