//! A map that forms: its layout on a thread of its own, and the newest picture of it for whoever asks.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, TryLockError};

use napi::bindgen_prelude::*;
use napi_derive::napi;
use omendb_store::{KnnGraph, Layout, LayoutParams, Target};
use serde::Deserialize;

use crate::arrays::fill_f32;
use crate::failure::{Failure, Outcome, guard, parse};
use crate::job::{Handle, Job};
use crate::maps;
use crate::promise::on_thread;

/// Parameters of a layout, as JSON.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Params {
    min_dist: f64,
    spread: f64,
    epochs: u32,
    seed: u32,
}

/// Reads JSON {minDist, spread, epochs, seed}.
pub(crate) fn params(json: &str) -> Outcome<LayoutParams> {
    let Params {
        min_dist,
        spread,
        epochs,
        seed,
    } = parse("parameters of a layout", json)?;
    if !(min_dist >= 0.0 && min_dist.is_finite() && spread > 0.0 && spread.is_finite()) {
        return Err(Failure::invalid(
            "minDist must be 0 or more and spread above 0",
        ));
    }
    Ok(LayoutParams {
        min_dist,
        spread,
        epochs,
        seed: seed.into(),
        ..LayoutParams::default()
    })
}

struct Picture {
    epoch: u32,
    xy: Vec<f32>,
    /// Whether somebody took it, and so wants a newer one.
    taken: bool,
}

struct Shared {
    layout: Mutex<Layout>,
    picture: Mutex<Picture>,
    /// Whether the run is to end with what is there.
    stop: AtomicBool,
}

impl Shared {
    /// The layout, when it does not run.
    fn at_rest(&self) -> Outcome<MutexGuard<'_, Layout>> {
        match self.layout.try_lock() {
            Ok(layout) => Ok(layout),
            Err(TryLockError::Poisoned(layout)) => Ok(layout.into_inner()),
            Err(TryLockError::WouldBlock) => Err(Failure::invalid("the layout is at work already")),
        }
    }
}

impl Shared {
    fn show(&self, layout: &Layout) {
        let mut picture = self.picture.lock().unwrap_or_else(PoisonError::into_inner);
        picture.epoch = layout.epoch();
        picture.xy.clear();
        picture.xy.extend_from_slice(layout.points().as_flattened());
        picture.taken = false;
    }
}

/// A map that forms.
#[napi]
pub struct NativeLayout {
    shared: Arc<Shared>,
}

impl NativeLayout {
    pub(crate) fn new(
        graph: &KnnGraph,
        start: &[f32],
        params: LayoutParams,
        target: Option<(&Target, f32)>,
        job: &Handle,
    ) -> Outcome<NativeLayout> {
        let layout = graph.layout(start, params, target, job.cancel())?;
        let shared = Shared {
            picture: Mutex::new(Picture {
                epoch: 0,
                xy: layout.points().concat(),
                taken: true,
            }),
            layout: Mutex::new(layout),
            stop: AtomicBool::new(false),
        };
        Ok(NativeLayout {
            shared: Arc::new(shared),
        })
    }
}

#[napi]
impl NativeLayout {
    /// Goes on until all epochs are done or it is stopped; resolves to the number of those that are done. After a cancel it is rejected, and the picture stays as far as it
    /// came.
    #[napi(catch_unwind, ts_return_type = "Promise<number>")]
    pub fn run<'env>(&self, env: &'env Env, job: &Job) -> Result<Object<'env>> {
        let (shared, job) = (Arc::clone(&self.shared), job.handle());
        on_thread(env, "layout", move || {
            let mut layout = shared.at_rest()?;
            shared.stop.store(false, Ordering::Relaxed);
            let epochs = layout.params().epochs;
            let ends = || [job.cancel(), &shared.stop].map(|flag| flag.load(Ordering::Relaxed));
            while !layout.is_done() && ends() == [false, false] {
                layout.step();
                job.progress("layout", layout.epoch().into(), epochs.into());
                let picture = shared
                    .picture
                    .lock()
                    .unwrap_or_else(PoisonError::into_inner);
                let wanted = picture.taken;
                drop(picture);
                if wanted {
                    shared.show(&layout);
                }
            }
            shared.show(&layout);
            if !layout.is_done() && job.cancel().load(Ordering::Relaxed) {
                return Err(omendb_store::Error::Cancelled {
                    what: "the map".to_owned(),
                }
                .into());
            }
            Ok(layout.epoch())
        })
    }

    /// Ends the run after this epoch, with what is there.
    #[napi(catch_unwind)]
    pub fn stop(&self) {
        self.shared.stop.store(true, Ordering::Relaxed);
    }

    /// Other parameters from now on, JSON {minDist, spread, epochs, seed}, on the same graph: it goes on from where the points are, as if `epoch` of the epochs were done.
    #[napi(catch_unwind)]
    pub fn adjust(&self, params: String, epoch: u32) -> Result<()> {
        guard(|| {
            let params = self::params(&params)?;
            self.shared.at_rest()?.set_params(params, epoch);
            Ok(())
        })
    }

    /// Turns the map, and its newest picture: six numbers as `turnOnto` gives them.
    #[napi(catch_unwind)]
    pub fn turn(&self, turn: Float32ArraySlice<'_>) -> Result<()> {
        guard(|| {
            let turn = maps::turn(&turn)?;
            let mut layout = self.shared.at_rest()?;
            layout.turn(&turn);
            self.shared.show(&layout);
            Ok(())
        })
    }

    /// Copies the newest picture, x0, y0, x1, y1, …; gives the epochs that it is of.
    #[napi(catch_unwind)]
    pub fn xy(&self, mut out: Float32ArraySlice<'_>) -> Result<u32> {
        guard(|| {
            let shared = &self.shared;
            let mut picture = shared
                .picture
                .lock()
                .unwrap_or_else(PoisonError::into_inner);
            fill_f32(&mut out, &picture.xy)?;
            picture.taken = true;
            Ok(picture.epoch)
        })
    }
}
