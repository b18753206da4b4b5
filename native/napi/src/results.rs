//! Results with many numbers: they wait here until the caller has made arrays of the right length.

use std::sync::Arc;

use napi::bindgen_prelude::*;
use napi_derive::napi;
use omendb_store::{KnnGraph, MapJudgement, MapPoints, Target};

use crate::arrays::{fill_f32, fill_u8, fill_u32};
use crate::failure::{Failure, guard};
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
    pub(crate) points: MapPoints,
}

#[napi]
impl NativePoints {
    /// How many points.
    #[napi(getter, catch_unwind)]
    pub fn length(&self) -> u32 {
        self.points.rows.len() as u32
    }

    /// Description of a saved map as JSON; "null" for a picture that is not saved.
    #[napi(getter, catch_unwind)]
    pub fn info(&self) -> String {
        self.info.clone()
    }

    /// Writes the row numbers into an array of that length.
    #[napi(catch_unwind)]
    pub fn rows(&self, mut out: Uint32ArraySlice<'_>) -> Result<()> {
        guard(|| fill_u32(&mut out, &self.points.rows))
    }

    /// Writes x0, y0, x1, y1, … into an array of twice that length.
    #[napi(catch_unwind)]
    pub fn xy(&self, mut out: Float32ArraySlice<'_>) -> Result<()> {
        guard(|| fill_f32(&mut out, &self.points.xy))
    }

    /// Whether it is known what each row keeps of its neighbours.
    #[napi(getter, catch_unwind)]
    pub fn judged(&self) -> bool {
        !self.points.kept.is_empty()
    }

    /// Writes for each row how many of its true neighbours are its neighbours here, 255 where that is not known, into an array of that length.
    #[napi(catch_unwind)]
    pub fn kept(&self, mut out: Uint8ArraySlice<'_>) -> Result<()> {
        guard(|| fill_u8(&mut out, &self.points.kept))
    }

    /// Whether rows were placed on the map after it was laid out.
    #[napi(getter, catch_unwind)]
    pub fn marked(&self) -> bool {
        !self.points.placed.is_empty()
    }

    /// Writes for each row whether it was placed later, 1 or 0, into an array of that length.
    #[napi(catch_unwind)]
    pub fn placed(&self, mut out: Uint8ArraySlice<'_>) -> Result<()> {
        guard(|| fill_u8(&mut out, &self.points.placed))
    }
}

/// How much of a map is true.
#[napi]
pub struct NativeJudgement {
    pub(crate) judgement: MapJudgement,
}

#[napi]
impl NativeJudgement {
    /// The score as JSON {k, sample, trustworthiness, continuity, kept}.
    #[napi(getter, catch_unwind)]
    pub fn score(&self) -> Result<String> {
        guard(|| serde_json::to_string(&self.judgement.score).map_err(Failure::internal))
    }

    /// Writes for each row how many of its true neighbours are its neighbours on the map, 255 where that is not known.
    #[napi(catch_unwind)]
    pub fn kept(&self, mut out: Uint8ArraySlice<'_>) -> Result<()> {
        guard(|| fill_u8(&mut out, &self.judgement.kept))
    }
}

/// The k nearest rows of each row.
#[napi]
pub struct NativeNeighbours {
    pub(crate) graph: Arc<KnnGraph>,
    /// What a layout follows besides, and how much it counts.
    pub(crate) target: Option<Arc<(Target, f32)>>,
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
        let target = self.target.clone();
        on_thread(env, "graph", move || {
            let target = target.as_ref().map(|given| (&given.0, given.1));
            NativeLayout::new(&graph, &start, params, target, &job)
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
