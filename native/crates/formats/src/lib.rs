//! Files that hold vectors, to Arrow record batches and back. Knows nothing of a store.
//!
//! [`inspect`] looks at the first rows and suggests a plan, [`open`] reads by a plan in bounded memory, [`write`](mod@write) writes tables.
//! Every file is hostile until parsed: sizes are checked against the limits in [`limits`] and against the file itself before anything is
//! allocated, and a row that cannot be read is either the error that ends the read or counted with its reason, never dropped in silence.

mod arrow_cells;
mod arrow_vectors;
mod columns;
mod csv;
mod dense;
mod error;
mod fvecs;
mod infer;
mod jsonl;
pub mod limits;
mod matrix;
mod npy;
mod parquet;
mod parquet_fields;
mod parquet_pages;
mod parquet_sample;
mod parse;
mod plan;
mod preview;
mod reader;
mod reject;
mod sink;
mod sniff;
mod source;
mod split;
mod text;
mod window;
pub mod write;

pub use error::{Error, Result};
pub use plan::{
    ColumnPlan, ColumnType, CsvDialect, Format, MAX_PLANNED_JSON_VECTOR, OnError, ReadPlan,
    TYPE_KEY, plan_from,
};
pub use preview::{
    ColumnPreview, IdChoice, MetricChoice, Preview, Role, VectorCandidate, VectorChoice, inspect,
    inspect_with,
};
pub use reader::{Batch, Progress, Reader, VectorColumn, open};
pub use reject::{RejectKind, Rejected, Rejections};
pub use sniff::sniff;
