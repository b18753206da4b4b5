//! Clusters of rows, and where values lie on a map.

use std::sync::Arc;

use napi::bindgen_prelude::*;
use napi_derive::napi;
use omendb_store::RowClusters;
use serde::Deserialize;
use serde_json::json;

use crate::failure::{Failure, guard, guarded, parse};
use crate::job::Job;
use crate::promise::on_thread;
use crate::results::NativeNeighbours;
use crate::snapshot::NativeSnapshot;
use crate::store::NativeStore;

/// What clusters are wanted, as JSON.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Wanted {
    keywords: Option<String>,
    resolution: f64,
    seed: u32,
}

/// Rows divided into clusters that have names.
#[napi]
pub struct NativeClusters {
    found: Arc<RowClusters>,
}

#[napi]
impl NativeClusters {
    /// JSON {clusters, modularity, largest: [{name, rows}]}: up to `most` of them, by falling size.
    #[napi(catch_unwind)]
    pub fn info(&self, most: u32) -> Result<String> {
        guard(|| {
            let RowClusters { sizes, names, .. } = &*self.found;
            let pairs = names.iter().zip(sizes).take(most as usize);
            let largest: Vec<_> = pairs
                .map(|(name, rows)| json!({ "name": name, "rows": rows }))
                .collect();
            Ok(json!({
                "clusters": sizes.len(),
                "modularity": self.found.modularity,
                "largest": largest,
            })
            .to_string())
        })
    }
}

#[napi]
impl NativeSnapshot {
    /// Divides the rows of a neighbour graph of this snapshot into clusters; `wanted`: JSON {keywords, resolution, seed}, where `keywords` is the column that names come from,
    /// or null.
    #[napi(catch_unwind, ts_return_type = "Promise<NativeClusters>")]
    pub fn clusters<'env>(
        &self,
        env: &'env Env,
        job: &Job,
        neighbours: &NativeNeighbours,
        wanted: String,
    ) -> Result<Object<'env>> {
        let (snapshot, wanted) = guarded(|| {
            let wanted: Wanted = parse("what clusters are wanted", &wanted)?;
            Ok((self.get()?, wanted))
        })?;
        let (graph, job) = (Arc::clone(&neighbours.graph), job.handle());
        on_thread(env, "clusters", move || {
            let Wanted {
                keywords,
                resolution,
                seed,
            } = wanted;
            let words = keywords.as_deref();
            let found = snapshot.clusters(&graph, words, resolution, seed.into(), job.cancel())?;
            Ok(NativeClusters {
                found: Arc::new(found),
            })
        })
    }

    /// The `most` most frequent values of a text column among the rows of a map, and where they lie: JSON [{label, count, x, y, width}], by falling count.
    #[napi(catch_unwind, ts_return_type = "Promise<string>")]
    pub fn regions<'env>(
        &self,
        env: &'env Env,
        column: String,
        rows: Uint32ArraySlice<'_>,
        xy: Float32ArraySlice<'_>,
        most: u32,
    ) -> Result<Object<'env>> {
        let (snapshot, rows, xy) = guarded(|| Ok((self.get()?, rows.to_vec(), xy.to_vec())))?;
        on_thread(env, "regions", move || {
            let found = snapshot.regions(&column, &rows, &xy, most as usize)?;
            serde_json::to_string(&found).map_err(Failure::internal)
        })
    }
}

#[napi]
impl NativeStore {
    /// Writes the name of each row's cluster into a text column, which is made if it is not there; resolves to JSON `{changed, entry}`.
    #[napi(catch_unwind, ts_return_type = "Promise<string>")]
    pub fn write_clusters<'env>(
        &self,
        env: &'env Env,
        collection: String,
        clusters: &NativeClusters,
        column: String,
        note: Option<String>,
    ) -> Result<Object<'env>> {
        let collection = guarded(|| self.collection(&collection))?;
        let found = Arc::clone(&clusters.found);
        on_thread(env, "edit", move || {
            let entry = collection.write_clusters(&found, &column, note.as_deref())?;
            let changed = entry.as_ref().map_or(0, |e| e.changed);
            Ok(json!({ "changed": changed, "entry": entry }).to_string())
        })
    }
}
