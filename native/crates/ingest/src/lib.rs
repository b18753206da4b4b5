//! Files into collections, and saved maps into files: the only crate that knows both the formats and the store.

mod error;
mod export;
mod import;
mod target;
mod vectors;

pub use error::{Error, Result};
pub use export::{Exported, export_map};
pub use import::{ImportRequest, Imported, Phase, import};
pub use vectors::{Vectors, read_vectors};
