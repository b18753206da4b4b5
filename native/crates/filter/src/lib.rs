//! SQL `WHERE` expressions over Arrow record batches. Pure compute: no I/O, no state.

mod error;

use arrow_array::{BooleanArray, RecordBatch};
use arrow_schema::Schema;

pub use error::FilterError;

/// A checked filter, ready to run over any number of batches.
#[derive(Debug, Clone)]
pub struct Filter {
    columns: Vec<String>,
}

/// Reads `expression` against `schema`: grammar, names and types are all checked here.
pub fn parse(_expression: &str, _schema: &Schema) -> Result<Filter, FilterError> {
    Err(FilterError::new("filters are not implemented yet"))
}

impl Filter {
    /// The columns the filter reads, as the schema spells them, each once, in order of first use.
    /// Empty for a filter of constants only.
    pub fn columns(&self) -> &[String] {
        &self.columns
    }

    /// True where the row matches; as long as the batch, never null (an unknown result does not match).
    /// The batch needs at least [`Filter::columns`], found by name; further columns are ignored.
    pub fn evaluate(&self, _batch: &RecordBatch) -> Result<BooleanArray, FilterError> {
        Err(FilterError::new("filters are not implemented yet"))
    }
}
