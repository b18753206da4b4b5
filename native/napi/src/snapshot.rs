//! One unchanging state of a collection by one of its vector columns: what a map is drawn from.

use std::cell::RefCell;
use std::sync::Arc;

use napi::bindgen_prelude::*;
use napi_derive::napi;
use omendb_store::{Error as StoreError, How, MapPoints, Searcher, Snapshot};
use serde_json::Value;

use crate::arrays::{fill_f32, fill_u32};
use crate::failure::{Failure, Outcome, guard, guarded};
use crate::job::Job;
use crate::layout;
use crate::promise::on_thread;
use crate::reads::id_json;
use crate::results::{NativeJudgement, NativeNeighbours, NativePoints};
use crate::searcher::searcher_object;

/// A snapshot, and the vector column that all calls are about. Keeps its files on disk and mapped until it is released.
#[napi]
pub struct NativeSnapshot {
    snapshot: Option<Arc<Snapshot>>,
    column: usize,
}

impl NativeSnapshot {
    pub(crate) fn new(snapshot: Arc<Snapshot>, column: usize) -> NativeSnapshot {
        NativeSnapshot {
            snapshot: Some(snapshot),
            column,
        }
    }

    pub(crate) fn get(&self) -> Outcome<Arc<Snapshot>> {
        self.snapshot
            .clone()
            .ok_or_else(|| Failure::from(StoreError::Closed))
    }
}

/// Copies of a call's arrays: the caller's may overlap, and other threads read the query.
#[derive(Default)]
struct Work {
    query: Vec<f32>,
    rows: Vec<u32>,
    distances: Vec<f32>,
}

thread_local! {
    static WORK: RefCell<Work> = RefCell::default();
}

impl NativeSnapshot {
    fn answer(
        &self,
        query: &[f32],
        rows: &mut Uint32ArraySlice<'_>,
        distances: &mut Float32ArraySlice<'_>,
        search: impl FnOnce(&Snapshot, &mut Work) -> omendb_store::Result<usize>,
    ) -> Result<u32> {
        guard(|| {
            let snapshot = self.snapshot.as_ref().ok_or(StoreError::Closed)?;
            WORK.with_borrow_mut(|work| {
                work.query.clear();
                work.query.extend_from_slice(query);
                // What is not found stays as it is.
                work.rows.clear();
                work.rows.extend_from_slice(rows);
                work.distances.clear();
                work.distances.extend_from_slice(distances);
                let count = search(snapshot, work)?;
                fill_u32(rows, &work.rows)?;
                fill_f32(distances, &work.distances)?;
                Ok(count as u32)
            })
        })
    }
}

fn how(ef: u32, exact: bool, filter: Option<&str>) -> How<'_> {
    How {
        ef: (ef > 0).then_some(ef as usize),
        exact,
        filter,
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

    /// The nearest rows to a query, as many as fit into `rows`: row numbers and distances go into the
    /// arrays. Gives how many there are. `ef` of 0 for a good one.
    #[napi(catch_unwind)]
    pub fn search_into(
        &self,
        query: Float32ArraySlice<'_>,
        mut rows: Uint32ArraySlice<'_>,
        mut distances: Float32ArraySlice<'_>,
        ef: u32,
        exact: bool,
        filter: Option<String>,
    ) -> Result<u32> {
        self.answer(&query, &mut rows, &mut distances, |snapshot, work| {
            let how = how(ef, exact, filter.as_deref());
            snapshot.search_into(
                self.column,
                &work.query,
                how,
                &mut work.rows,
                &mut work.distances,
            )
        })
    }

    /// Searches of one kind for the `k` nearest rows, whose filter is looked at once. `run` takes an array of the query, `k` rows (the bits of whole
    /// numbers) and `k` distances, fills these and gives how many there are; `release` lets go of the files.
    #[napi(catch_unwind, ts_return_type = "NativeSearcher")]
    pub fn searcher<'env>(
        &self,
        env: &'env Env,
        k: u32,
        ef: u32,
        exact: bool,
        filter: Option<String>,
    ) -> Result<Object<'env>> {
        let searcher = guarded(|| {
            let how = how(ef, exact, filter.as_deref());
            Ok(Searcher::new(self.get()?, self.column, k as usize, how)?)
        })?;
        searcher_object(env, searcher, k as usize)
    }

    /// Many queries at once, on all cores; each has `k` places in `rows` and `distances`. Gives how many of them are filled.
    #[napi(catch_unwind)]
    #[allow(
        clippy::too_many_arguments,
        reason = "an object of them would cost more than the crossing"
    )]
    pub fn search_batch(
        &self,
        queries: Float32ArraySlice<'_>,
        k: u32,
        mut rows: Uint32ArraySlice<'_>,
        mut distances: Float32ArraySlice<'_>,
        ef: u32,
        exact: bool,
        filter: Option<String>,
    ) -> Result<u32> {
        self.answer(&queries, &mut rows, &mut distances, |snapshot, work| {
            let how = how(ef, exact, filter.as_deref());
            let (rows, distances) = (&mut work.rows, &mut work.distances);
            let (column, k) = (self.column, k as usize);
            snapshot.search_batch(column, &work.query, k, how, rows, distances)
        })
    }

    /// The ids of rows, as a JSON array.
    #[napi(catch_unwind)]
    pub fn ids(&self, rows: Uint32ArraySlice<'_>) -> Result<String> {
        guard(|| {
            let snapshot = self.snapshot.as_ref().ok_or(StoreError::Closed)?;
            let ids = rows.iter().map(|row| Ok(id_json(snapshot.id_of(*row)?)));
            Ok(Value::Array(ids.collect::<Outcome<Vec<Value>>>()?).to_string())
        })
    }

    /// The first two principal components: of all rows, or of `among`.
    #[napi(catch_unwind, ts_return_type = "Promise<NativePoints>")]
    pub fn pca<'env>(
        &self,
        env: &'env Env,
        job: &Job,
        among: Option<Uint32ArraySlice<'_>>,
    ) -> Result<Object<'env>> {
        let (snapshot, among) = guarded(|| Ok((self.get()?, among.map(|rows| rows.to_vec()))))?;
        let column = self.column;
        let job = job.handle();
        on_thread(env, "pca", move || {
            let (rows, xy) = snapshot.pca(column, among.as_deref(), job.cancel())?;
            Ok(NativePoints {
                info: "null".to_owned(),
                points: MapPoints::new(rows, xy),
            })
        })
    }

    /// The neighbours that a map is drawn from, k a row; with `among` of these rows alone, among themselves.
    #[napi(catch_unwind, ts_return_type = "Promise<NativeNeighbours>")]
    pub fn map_graph<'env>(
        &self,
        env: &'env Env,
        job: &Job,
        k: u32,
        among: Option<Uint32ArraySlice<'_>>,
    ) -> Result<Object<'env>> {
        let (snapshot, among) = guarded(|| Ok((self.get()?, among.map(|rows| rows.to_vec()))))?;
        let column = self.column;
        let job = job.handle();
        on_thread(env, "knn", move || {
            let progress = |done: usize, total: usize| {
                job.progress("neighbour graph", done as u64, total as u64)
            };
            let among = among.as_deref();
            let graph = snapshot.map_graph(column, among, k as usize, job.cancel(), &progress)?;
            Ok(NativeNeighbours {
                graph: Arc::new(graph),
                target: None,
            })
        })
    }

    /// The same neighbours, with a column that a layout of them follows besides: `weight` from 0 to 1, 0.5 for both alike.
    #[napi(catch_unwind, ts_return_type = "Promise<NativeNeighbours>")]
    pub fn supervised<'env>(
        &self,
        env: &'env Env,
        neighbours: &NativeNeighbours,
        column: String,
        weight: f64,
    ) -> Result<Object<'env>> {
        let (snapshot, graph) = guarded(|| Ok((self.get()?, Arc::clone(&neighbours.graph))))?;
        on_thread(env, "target", move || {
            let target = snapshot.map_target(&column, &graph.rows)?;
            Ok(NativeNeighbours {
                graph,
                target: Some(Arc::new((target, weight as f32))),
            })
        })
    }

    /// How much of a map is true: compares the k nearest rows of up to `most` rows with those on the map.
    #[napi(catch_unwind, ts_return_type = "Promise<NativeJudgement>")]
    pub fn judge_map<'env>(
        &self,
        env: &'env Env,
        job: &Job,
        rows: Uint32ArraySlice<'_>,
        xy: Float32ArraySlice<'_>,
        k: u32,
        most: u32,
    ) -> Result<Object<'env>> {
        let (snapshot, rows, xy) = guarded(|| Ok((self.get()?, rows.to_vec(), xy.to_vec())))?;
        let column = self.column;
        let job = job.handle();
        on_thread(env, "judge", move || {
            let progress =
                |done: usize, total: usize| job.progress("judging", done as u64, total as u64);
            let (k, most) = (k as usize, most as usize);
            let cancel = job.cancel();
            let judgement = snapshot.judge_map(column, &rows, &xy, k, most, cancel, &progress)?;
            Ok(NativeJudgement { judgement })
        })
    }

    /// Places for rows that a map does not have, among its k nearest rows; `params`: JSON {minDist, spread, epochs, seed}.
    #[napi(catch_unwind, ts_return_type = "Promise<NativePoints>")]
    #[allow(clippy::too_many_arguments, reason = "each array is its own")]
    pub fn place_on_map<'env>(
        &self,
        env: &'env Env,
        job: &Job,
        rows: Uint32ArraySlice<'_>,
        xy: Float32ArraySlice<'_>,
        more: Uint32ArraySlice<'_>,
        k: u32,
        params: String,
    ) -> Result<Object<'env>> {
        let (snapshot, params) = guarded(|| Ok((self.get()?, layout::params(&params)?)))?;
        let (rows, xy, more) = (rows.to_vec(), xy.to_vec(), more.to_vec());
        let (column, job) = (self.column, job.handle());
        on_thread(env, "place", move || {
            let progress =
                |done: usize, total: usize| job.progress("placing", done as u64, total as u64);
            let (k, cancel) = (k as usize, job.cancel());
            let xy =
                snapshot.place_on_map(column, &rows, &xy, &more, k, params, cancel, &progress)?;
            Ok(NativePoints {
                info: "null".to_owned(),
                points: MapPoints::new(more, xy),
            })
        })
    }

    /// The k true neighbours of a row on a map, nearest first, each with whether it is one of the k nearest on the map too: JSON [[row, kept], …].
    #[napi(catch_unwind, ts_return_type = "Promise<string>")]
    pub fn neighbours_on_map<'env>(
        &self,
        env: &'env Env,
        rows: Uint32ArraySlice<'_>,
        xy: Float32ArraySlice<'_>,
        row: u32,
        k: u32,
    ) -> Result<Object<'env>> {
        let (snapshot, rows, xy) = guarded(|| Ok((self.get()?, rows.to_vec(), xy.to_vec())))?;
        let column = self.column;
        on_thread(env, "neighbours", move || {
            let found = snapshot.neighbours_on_map(column, &rows, &xy, row, k as usize)?;
            serde_json::to_string(&found).map_err(Failure::internal)
        })
    }

    /// What each choice of precision and metric gives on a sample of the rows: JSON of a `TuneReport`.
    #[napi(catch_unwind, ts_return_type = "Promise<string>")]
    pub fn tune<'env>(&self, env: &'env Env, job: &Job, queries: u32) -> Result<Object<'env>> {
        let snapshot = guarded(|| self.get())?;
        let (column, job) = (self.column, job.handle());
        on_thread(env, "tune", move || {
            let progress =
                |done: usize, total: usize| job.progress("searching", done as u64, total as u64);
            let report = snapshot.tune(column, queries as usize, job.cancel(), &progress)?;
            serde_json::to_string(&report).map_err(Failure::internal)
        })
    }

    /// Lets go of the files. Calls afterwards fail with STORE_CLOSED; those under way finish.
    #[napi(catch_unwind)]
    pub fn release(&mut self) {
        self.snapshot = None;
    }
}
