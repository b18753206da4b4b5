//! The Node-API skin over the store and the formats: convert, call, map errors; no logic of its own.
//!
//! - Every export survives a panic: it becomes an error with the code `INTERNAL` ([`failure::guard`]).
//! - An error crosses as a JavaScript `Error` whose message is JSON: `{code, message, remedy, detail, retry}`.
//! - Values that are small or nested cross as JSON text; numbers in bulk are written into typed arrays that the
//!   caller owns, because an Electron process may not hold memory of ours.
//! - Reads run on the calling thread. Whatever syncs, scans or takes long runs on a thread of its own and settles a promise.

mod arrays;
pub mod care;
mod clusters;
mod failure;
mod history;
mod job;
mod layout;
pub mod maps;
mod promise;
mod reads;
mod results;
mod searcher;
mod snapshot;
mod store;
mod writes;

use napi::bindgen_prelude::*;
use napi_derive::napi;

use crate::failure::{Failure, Outcome, guard};
use crate::promise::on_thread;
use crate::results::NativeVectors;
use crate::store::{NativeStore, OpenHow};

/// Version of the engine.
#[napi(catch_unwind)]
pub fn version() -> String {
    env!("CARGO_PKG_VERSION").to_owned()
}

/// Name of the instruction set that distances are computed with: "scalar", "avx2", "avx512" or "neon".
#[napi(catch_unwind)]
pub fn isa() -> String {
    omendb_distance::isa().as_str().to_owned()
}

/// What to tell the person when `OMENDB_ISA` cannot be honoured.
#[napi(catch_unwind)]
pub fn isa_note() -> Option<String> {
    omendb_distance::isa_note().map(str::to_owned)
}

/// Looks at the first rows of a file; resolves to the preview as JSON.
#[napi(catch_unwind, ts_return_type = "Promise<string>")]
pub fn inspect<'env>(env: &'env Env, path: String) -> Result<Object<'env>> {
    on_thread(env, "inspect", move || {
        let preview = omendb_formats::inspect(&path)?;
        serde_json::to_string(&preview).map_err(Failure::internal)
    })
}

/// The vectors of a file, at most `max` numbers; resolves to them.
#[napi(catch_unwind, ts_return_type = "Promise<NativeVectors>")]
pub fn file_vectors<'env>(env: &'env Env, path: String, max: u32) -> Result<Object<'env>> {
    on_thread(env, "vectors", move || {
        let omendb_ingest::Vectors { dimension, data } =
            omendb_ingest::read_vectors(path.as_ref(), max as usize)?;
        Ok(NativeVectors { dimension, data })
    })
}

/// Opens the store at a path. Resolves to it.
#[napi(catch_unwind, ts_return_type = "Promise<NativeStore>")]
pub fn open_store<'env>(env: &'env Env, path: String, how: OpenHow) -> Result<Object<'env>> {
    on_thread(env, "open", move || NativeStore::open(&path, how))
}

/// Panics on this thread, if `OMENDB_TEST_PANIC` is set: lets a test see what becomes of a panic.
#[napi(catch_unwind)]
pub fn test_panic() -> Result<()> {
    guard(panic_on_request)
}

/// As [`test_panic`], on a thread of its own.
#[napi(catch_unwind, ts_return_type = "Promise<void>")]
pub fn test_panic_on_thread<'env>(env: &'env Env) -> Result<Object<'env>> {
    on_thread(env, "panic", panic_on_request)
}

fn panic_on_request() -> Outcome<()> {
    assert!(
        std::env::var_os("OMENDB_TEST_PANIC").is_none(),
        "a panic on request"
    );
    Ok(())
}
