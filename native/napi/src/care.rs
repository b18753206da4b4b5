//! Taking care of a store: compacting it, copying it, following another process's writes.

use std::path::PathBuf;
use std::sync::Arc;

use napi::bindgen_prelude::*;
use napi_derive::napi;
use omendb_store::vfs::RealVfs;
use serde::Deserialize;

use crate::failure::{Failure, guarded, parse};
use crate::job::Job;
use crate::promise::on_thread;
use crate::store::NativeStore;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct CompactOptions {
    #[serde(default)]
    forget_history: bool,
}

#[napi]
impl NativeStore {
    /// A reader looks for what was written since; resolves to whether there was anything.
    #[napi(catch_unwind, ts_return_type = "Promise<boolean>")]
    pub fn refresh<'env>(&self, env: &'env Env) -> Result<Object<'env>> {
        let store = guarded(|| self.store())?;
        on_thread(env, "refresh", move || Ok(store.refresh()?))
    }

    /// Gives disk back: options are JSON `{forgetHistory}`; resolves to the report as JSON.
    #[napi(catch_unwind, ts_return_type = "Promise<string>")]
    pub fn compact<'env>(
        &self,
        env: &'env Env,
        job: &Job,
        options: String,
    ) -> Result<Object<'env>> {
        let store = guarded(|| self.store())?;
        let job = job.handle();
        on_thread(env, "compact", move || {
            let options: CompactOptions = parse("the options", &options)?;
            let progress = |done, total| job.progress("compacting", done, total);
            let report = store.compact(options.forget_history, &progress, job.cancel())?;
            serde_json::to_string(&report).map_err(Failure::internal)
        })
    }

    /// Copies the store into a new folder while writing goes on; resolves to the report as JSON.
    #[napi(catch_unwind, ts_return_type = "Promise<string>")]
    pub fn backup<'env>(&self, env: &'env Env, job: &Job, path: String) -> Result<Object<'env>> {
        let store = guarded(|| self.store())?;
        let job = job.handle();
        on_thread(env, "backup", move || {
            let progress = |done, total| job.progress("copying", done, total);
            let report = store.backup(&PathBuf::from(path), &progress, job.cancel())?;
            serde_json::to_string(&report).map_err(Failure::internal)
        })
    }
}

/// Copies a store that nobody writes into a new folder, each byte checked; resolves to the report as JSON.
#[napi(catch_unwind, ts_return_type = "Promise<string>")]
pub fn restore_store<'env>(
    env: &'env Env,
    job: &Job,
    from: String,
    to: String,
) -> Result<Object<'env>> {
    let job = job.handle();
    on_thread(env, "restore", move || {
        let progress = |done, total| job.progress("copying", done, total);
        let (from, to) = (PathBuf::from(from), PathBuf::from(to));
        let report = omendb_store::restore(Arc::new(RealVfs), &from, &to, &progress, job.cancel())?;
        serde_json::to_string(&report).map_err(Failure::internal)
    })
}

/// Makes a whole store of what is provably good in a damaged one; resolves to the report as JSON.
#[napi(catch_unwind, ts_return_type = "Promise<string>")]
pub fn repair_store<'env>(
    env: &'env Env,
    job: &Job,
    from: String,
    to: String,
) -> Result<Object<'env>> {
    let job = job.handle();
    on_thread(env, "repair", move || {
        let progress = |done, total| job.progress("repairing", done, total);
        let (from, to) = (PathBuf::from(from), PathBuf::from(to));
        let report = omendb_store::repair(Arc::new(RealVfs), &from, &to, &progress, job.cancel())?;
        serde_json::to_string(&report).map_err(Failure::internal)
    })
}
