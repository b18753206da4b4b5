//! One file into one collection: a thread reads, the caller's thread writes, a short queue between them, so that memory
//! stays bounded whatever the file's size. The rows become visible together at the end; an import that fails, is
//! cancelled or dies leaves nothing.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::time::Instant;

use omendb_formats::{Batch, Error as FormatError, Progress, ReadPlan, Reader, Rejections};
use omendb_store::{BulkWriter, Error as StoreError, ImportTarget, Metric, Store};
use serde::Deserialize;

use crate::Result;
use crate::target::{adapted, fits, missing_columns, spec, vector_names};

/// Batches that wait between reader and writer; each holds at most 16 MiB of vectors.
const QUEUED_BATCHES: usize = 2;

/// What to import and where.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ImportRequest {
    /// The file.
    pub path: PathBuf,
    /// The collection; made if it is not there, otherwise added to (rows with a known id replace the old ones).
    pub collection: String,
    /// The metric of the first vector column; in a collection that exists it must have the same.
    #[serde(deserialize_with = "metric")]
    pub metric: Metric,
    /// Those of further vector columns by their names in the plan. Where none is said, a new collection gets the one that fits the sampled vectors, and
    /// one that exists keeps its own.
    #[serde(default, deserialize_with = "metrics")]
    pub metrics: BTreeMap<String, Metric>,
    /// What to read.
    #[serde(flatten)]
    pub plan: ReadPlan,
}

fn metric<'de, D: serde::Deserializer<'de>>(d: D) -> std::result::Result<Metric, D::Error> {
    let name = String::deserialize(d)?;
    Metric::parse(&name).map_err(serde::de::Error::custom)
}

fn metrics<'de, D: serde::Deserializer<'de>>(
    d: D,
) -> std::result::Result<BTreeMap<String, Metric>, D::Error> {
    let names = BTreeMap::<String, String>::deserialize(d)?;
    let parsed = names.into_iter().map(|(column, name)| {
        let metric = Metric::parse(&name).map_err(serde::de::Error::custom)?;
        Ok((column, metric))
    });
    parsed.collect()
}

/// What an import is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    /// Rows go from the file to the store.
    Reading,
    /// The rows are synced and published.
    Saving,
}

impl Phase {
    /// The phase as a phrase for a person.
    pub fn as_str(self) -> &'static str {
        match self {
            Phase::Reading => "reading",
            Phase::Saving => "saving",
        }
    }
}

/// What an import did.
#[derive(Debug, Clone, PartialEq)]
pub struct Imported {
    /// Rows written.
    pub rows: u64,
    /// Rows that took the place of one with the same id, in the collection or earlier in the file.
    pub replaced: u64,
    /// Rows that were left out, and why.
    pub rejections: Rejections,
    /// Time from the opening of the file to the commit, seconds.
    pub seconds: f64,
}

/// Reads a file into a collection.
///
/// `progress(phase, rows done, rows in all or 0)` is called after every batch on the calling thread. `cancel` is looked at
/// between batches.
///
/// # Errors
/// Those of [`omendb_formats::open`] and [`omendb_formats::Reader::next_batch`]; of the store's bulk writer; `CANCELLED`. After any of
/// them the store is as it was.
pub fn import(
    store: &Arc<Store>,
    request: &ImportRequest,
    progress: &dyn Fn(Phase, u64, u64),
    cancel: &AtomicBool,
) -> Result<Imported> {
    let started = Instant::now();
    let existing = match store.collection(&request.collection) {
        Ok(collection) => Some(collection),
        Err(StoreError::UnknownCollection { .. }) => None,
        Err(other) => return Err(other.into()),
    };
    let names = vector_names(&request.plan);
    let (reader, target, brought, order) = match existing {
        Some(collection) => {
            let order = fits(&collection.meta(), request, &names)?;
            let reader =
                omendb_formats::open(&request.path, &adapted(&request.plan, &collection.meta()))?;
            let brought = missing_columns(&collection, &reader);
            let target = ImportTarget::Existing(request.collection.clone());
            (reader, target, brought, order)
        }
        None => {
            let reader = omendb_formats::open(&request.path, &request.plan)?;
            let order = (0..names.len()).collect();
            let target = ImportTarget::New(spec(request, &reader, names)?);
            (reader, target, Vec::new(), order)
        }
    };
    let file = request.path.file_name().map(|name| name.to_string_lossy());
    let mut writer = store.begin_import_with(target, &brought, file.as_deref())?;

    let (sender, receiver) = sync_channel(QUEUED_BATCHES);
    let (written, read) = std::thread::scope(|scope| {
        let reading = scope.spawn(move || read(reader, sender));
        let written = write(&mut writer, receiver, &order, progress, cancel);
        // The receiver is gone by now, so a reader that still reads ends at its next send.
        (written, reading.join())
    });
    let read = read.unwrap_or_else(|panic| std::panic::resume_unwind(panic));
    let rows = written?;
    let rejections = read?;
    if rows == 0 {
        return Err(nothing_good(request, &rejections).into());
    }
    if cancel.load(Ordering::Relaxed) {
        return Err(cancelled().into());
    }
    progress(Phase::Saving, rows, rows);
    let committed = writer.commit()?;
    Ok(Imported {
        rows: committed.rows,
        replaced: committed.replaced,
        rejections,
        seconds: started.elapsed().as_secs_f64(),
    })
}

/// One thing that the reader hands over.
struct Chunk {
    batch: Batch,
    progress: Progress,
}

/// Reads to the end of the file, or until the writer is gone. Dropping the sender says that nothing more comes.
fn read(mut reader: Reader, sender: SyncSender<Chunk>) -> Result<Rejections> {
    while let Some(batch) = reader.next_batch()? {
        let progress = reader.progress();
        if sender.send(Chunk { batch, progress }).is_err() {
            break;
        }
    }
    Ok(reader.rejections().clone())
}

/// Writes what comes until no more does; returns the rows. `order` says which of a batch's vectors go into each vector column. Dropping the receiver
/// stops the reader.
fn write(
    writer: &mut BulkWriter,
    receiver: Receiver<Chunk>,
    order: &[usize],
    progress: &dyn Fn(Phase, u64, u64),
    cancel: &AtomicBool,
) -> Result<u64> {
    let mut rows = 0u64;
    for Chunk {
        batch,
        progress: at,
    } in receiver
    {
        if cancel.load(Ordering::Relaxed) {
            return Err(cancelled().into());
        }
        let vectors: Vec<&[f32]> = order.iter().map(|at| &*batch.vectors[*at]).collect();
        writer.append_each(&batch.columns, &vectors)?;
        rows += batch.rows as u64;
        progress(Phase::Reading, at.rows_read, expected_rows(&at));
    }
    Ok(rows)
}

/// Rows of the file, known or extrapolated from the bytes behind the reader; 0 while there is nothing to go by.
fn expected_rows(at: &Progress) -> u64 {
    if let Some(rows) = at.rows_total {
        return rows;
    }
    if at.bytes_read == 0 {
        return 0;
    }
    let rows = u128::from(at.rows_read) * u128::from(at.bytes_total) / u128::from(at.bytes_read);
    u64::try_from(rows).unwrap_or(u64::MAX).max(at.rows_read)
}

fn cancelled() -> StoreError {
    StoreError::Cancelled {
        what: "the import".to_owned(),
    }
}

fn nothing_good(request: &ImportRequest, rejections: &Rejections) -> FormatError {
    let why = match rejections.first.first() {
        Some(first) => format!(
            "none of its {} rows could be read; {first}",
            rejections.count
        ),
        None => "it holds no row".to_owned(),
    };
    FormatError::EmptyInput {
        path: request.path.clone(),
        what: why,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_to_come_are_extrapolated_from_the_bytes_read() {
        let at = |bytes_read, rows_read, rows_total| Progress {
            bytes_read,
            bytes_total: 1_000,
            rows_read,
            rows_total,
        };
        assert_eq!(expected_rows(&at(100, 7, None)), 70);
        assert_eq!(expected_rows(&at(0, 0, None)), 0);
        assert_eq!(expected_rows(&at(100, 7, Some(9))), 9);
        assert_eq!(expected_rows(&at(1, u64::MAX, None)), u64::MAX);
    }
}
