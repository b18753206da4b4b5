//! The history: what was changed, and the way back.

use napi::bindgen_prelude::*;
use napi_derive::napi;
use omendb_store::{HistoryRule, ListedEntry};
use serde_json::{Map, Value, json};

use crate::failure::{Failure, Outcome, guarded, parse};
use crate::promise::on_thread;
use crate::store::NativeStore;

fn text<T: serde::Serialize>(value: &T) -> Outcome<String> {
    serde_json::to_string(value).map_err(Failure::internal)
}

#[napi]
impl NativeStore {
    /// The newest entries of the history, newest first, as JSON.
    #[napi(catch_unwind, ts_return_type = "Promise<string>")]
    pub fn history<'env>(&self, env: &'env Env, limit: u32) -> Result<Object<'env>> {
        let store = guarded(|| self.store())?;
        on_thread(env, "history", move || {
            let entries: Vec<ListedEntry> = store.history(limit as usize);
            text(&entries)
        })
    }

    /// Takes a collection back to its state before an entry; resolves to the new entry as JSON.
    #[napi(catch_unwind, ts_return_type = "Promise<string>")]
    pub fn revert<'env>(
        &self,
        env: &'env Env,
        seq: f64,
        note: Option<String>,
    ) -> Result<Object<'env>> {
        let store = guarded(|| self.store())?;
        on_thread(env, "revert", move || {
            text(&store.revert(seq.max(0.0) as u64, note.as_deref())?)
        })
    }

    /// Takes the last change of a collection back that is not undone; resolves to the new entry as JSON.
    #[napi(catch_unwind, ts_return_type = "Promise<string>")]
    pub fn undo<'env>(&self, env: &'env Env, collection: String) -> Result<Object<'env>> {
        let store = guarded(|| self.store())?;
        on_thread(env, "undo", move || text(&store.undo(&collection)?))
    }

    /// Takes the last undo of a collection back; resolves to the new entry as JSON.
    #[napi(catch_unwind, ts_return_type = "Promise<string>")]
    pub fn redo<'env>(&self, env: &'env Env, collection: String) -> Result<Object<'env>> {
        let store = guarded(|| self.store())?;
        on_thread(env, "redo", move || text(&store.redo(&collection)?))
    }

    /// Gives columns of rows new values: `changes` is JSON `{column: value|null}`. Resolves to JSON `{changed, entry}`; entry is null when none of the
    /// rows is live.
    #[napi(catch_unwind, ts_return_type = "Promise<string>")]
    pub fn edit<'env>(
        &self,
        env: &'env Env,
        collection: String,
        rows: Uint32ArraySlice<'_>,
        changes: String,
        note: Option<String>,
    ) -> Result<Object<'env>> {
        let (collection, rows) = guarded(|| Ok((self.collection(&collection)?, rows.to_vec())))?;
        on_thread(env, "edit", move || {
            let changes: Map<String, Value> = parse("the new values", &changes)?;
            let entry = collection.edit_json(&rows, &changes, note.as_deref())?;
            let changed = entry.as_ref().map_or(0, |e| e.changed);
            Ok(json!({ "changed": changed, "entry": entry }).to_string())
        })
    }

    /// Sets how long changes are kept: JSON `{maxAgeDays, maxEntries, maxBytes}`.
    #[napi(catch_unwind, ts_return_type = "Promise<void>")]
    pub fn set_history_rule<'env>(&self, env: &'env Env, rule: String) -> Result<Object<'env>> {
        let store = guarded(|| self.store())?;
        on_thread(env, "rule", move || {
            Ok(store.set_history_rule(parse::<HistoryRule>("the rule", &rule)?)?)
        })
    }

    /// Empties the history; resolves to JSON `{entries}`: how many there were.
    #[napi(catch_unwind, ts_return_type = "Promise<string>")]
    pub fn forget_history<'env>(&self, env: &'env Env) -> Result<Object<'env>> {
        let store = guarded(|| self.store())?;
        on_thread(env, "forget", move || {
            Ok(json!({ "entries": store.forget_history()? }).to_string())
        })
    }
}
