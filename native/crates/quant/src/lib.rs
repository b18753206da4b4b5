//! Small codes for vectors, and scores estimated from them.
//!
//! A [`Codec`] is fitted to a sample of the rows: each dimension gets a lowest value and a step of its own, those that make the squared
//! error on the sample least. A row becomes one 4-bit or 8-bit number a dimension ([`Codec::encode`]). A query stays finer, as signed 8-bit numbers
//! ([`Codec::query`]), and is scored against codes in integers; the estimate is unbiased but for values outside the sample's range, and its error
//! is what the codec says ([`Codec::error`]). The last candidates are for the caller to score exactly.
//!
//! Pure compute: no I/O and no state.

mod codec;
mod confusion;
mod fit;
mod query;
mod table;

pub use codec::Codec;
pub use confusion::confusion;
pub use fit::{FitError, FitParams};
pub use omendb_distance::codes::{CodeRows, Width};
pub use query::{CodeQueries, CodeQuery, CodeQueryRef, Codes};
pub use table::CodeTable;
