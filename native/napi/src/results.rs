//! Results with many numbers: they wait here until the caller has made arrays of the right length.

use std::sync::Arc;

use napi::bindgen_prelude::*;
use napi_derive::napi;
use omendb_store::KnnGraph;

use crate::arrays::{fill_f32, fill_u32};
use crate::failure::guard;
use crate::job::Job;
use crate::layout::{self, NativeLayout};
use crate::promise::on_thread;

/// Row numbers.
#[napi]
pub struct NativeRows {
    pub(crate) rows: Vec<u32>,
}

#[napi]
impl NativeRows {
    /// How many.
    #[napi(getter, catch_unwind)]
    pub fn length(&self) -> u32 {
        self.rows.len() as u32
    }

    /// Writes them into an array of that length.
    #[napi(catch_unwind)]
    pub fn copy(&self, mut out: Uint32ArraySlice<'_>) -> Result<()> {
        guard(|| fill_u32(&mut out, &self.rows))
    }
}

/// Points of the plane, one for each row number.
#[napi]
pub struct NativePoints {
    pub(crate) info: String,
    pub(crate) rows: Vec<u32>,
    pub(crate) xy: Vec<f32>,
}

#[napi]
impl NativePoints {
    /// How many points.
    #[napi(getter, catch_unwind)]
    pub fn length(&self) -> u32 {
        self.rows.len() as u32
    }

    /// Description of a saved map as JSON; "null" for a picture that is not saved.
    #[napi(getter, catch_unwind)]
    pub fn info(&self) -> String {
        self.info.clone()
    }

    /// Writes the row numbers into an array of that length.
    #[napi(catch_unwind)]
    pub fn rows(&self, mut out: Uint32ArraySlice<'_>) -> Result<()> {
        guard(|| fill_u32(&mut out, &self.rows))
    }

    /// Writes x0, y0, x1, y1, … into an array of twice that length.
    #[napi(catch_unwind)]
    pub fn xy(&self, mut out: Float32ArraySlice<'_>) -> Result<()> {
        guard(|| fill_f32(&mut out, &self.xy))
    }
}

/// The k nearest rows of each row.
#[napi]
pub struct NativeNeighbours {
    pub(crate) graph: Arc<KnnGraph>,
}

#[napi]
impl NativeNeighbours {
    /// How many rows.
    #[napi(getter, catch_unwind)]
    pub fn length(&self) -> u32 {
        self.graph.rows.len() as u32
    }

    /// Neighbours of each row.
    #[napi(getter, catch_unwind)]
    pub fn k(&self) -> u32 {
        self.graph.k as u32
    }

    /// Writes the row numbers into an array of that length.
    #[napi(catch_unwind)]
    pub fn rows(&self, mut out: Uint32ArraySlice<'_>) -> Result<()> {
        guard(|| fill_u32(&mut out, &self.graph.rows))
    }

    /// Writes length * k positions in `rows`, nearest first; 0xffffffff where there are fewer.
    #[napi(catch_unwind)]
    pub fn ids(&self, mut out: Uint32ArraySlice<'_>) -> Result<()> {
        guard(|| fill_u32(&mut out, &self.graph.ids))
    }

    /// Writes length * k distances.
    #[napi(catch_unwind)]
    pub fn distances(&self, mut out: Float32ArraySlice<'_>) -> Result<()> {
        guard(|| fill_f32(&mut out, &self.graph.distances))
    }

    /// A map of these rows that begins at `start`, two coordinates a row; `params`: JSON {minDist, spread, epochs, seed}.
    #[napi(catch_unwind, ts_return_type = "Promise<NativeLayout>")]
    pub fn layout<'env>(
        &self,
        env: &'env Env,
        job: &Job,
        start: Float32ArraySlice<'_>,
        params: String,
    ) -> Result<Object<'env>> {
        let params = guard(|| layout::params(&params))?;
        let (graph, start, job) = (Arc::clone(&self.graph), start.to_vec(), job.handle());
        on_thread(env, "graph", move || {
            NativeLayout::new(&graph, &start, params, &job)
        })
    }
}

/// Vectors of one dimension.
#[napi]
pub struct NativeVectors {
    pub(crate) dimension: usize,
    pub(crate) data: Vec<f32>,
}

#[napi]
impl NativeVectors {
    /// Numbers in each.
    #[napi(getter, catch_unwind)]
    pub fn dimension(&self) -> u32 {
        self.dimension as u32
    }

    /// Numbers in all of them together.
    #[napi(getter, catch_unwind)]
    pub fn length(&self) -> u32 {
        self.data.len() as u32
    }

    /// Writes them, one after the other, into an array of that length.
    #[napi(catch_unwind)]
    pub fn copy(&self, mut out: Float32ArraySlice<'_>) -> Result<()> {
        guard(|| fill_f32(&mut out, &self.data))
    }
}
