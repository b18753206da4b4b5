//! What a file holds, seen from its first rows: columns, types, which is the vector, which the id, which metric fits.

use std::path::Path;

use serde::Serialize;
use serde_json::Value;

use crate::Result;
use crate::plan::{ColumnType, CsvDialect, Format};

/// What [`inspect`] found. Serialises to camelCase JSON.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Preview {
    /// The format, by content first and by extension second.
    pub format: Format,
    /// Size of the file in bytes.
    pub file_bytes: u64,
    /// Rows, where the format tells without reading everything, or the sample is the whole file.
    pub rows: Option<u64>,
    /// Otherwise an estimate from the length of the first rows.
    pub rows_estimate: Option<u64>,
    /// The columns in the order of the file; numbered columns that form a vector are one, named like `v0…v99`.
    pub columns: Vec<ColumnPreview>,
    /// The column taken for the vector, and why. None: nothing here looks like a vector.
    pub vector: Option<VectorChoice>,
    /// All columns that could be the vector, the chosen one first.
    pub vector_candidates: Vec<VectorCandidate>,
    /// The column taken for the id, and why. None: rows get ids of their own.
    pub id: Option<IdChoice>,
    /// The metric that fits the sampled vectors, and why.
    pub metric: MetricChoice,
    /// The first rows (at most 50), one JSON cell a column in the order of `columns`. A vector is
    /// `{"vector": [first 16 values], "dimension": n, "norm": x}`; integers beyond 2^53 and non-finite numbers are strings.
    pub sample: Vec<Vec<Value>>,
    /// How a delimited text file is cut; None for other formats.
    pub csv: Option<CsvDialect>,
}

/// What part a column plays in the suggested plan.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// The chosen vector.
    Vector,
    /// The chosen id.
    Id,
    /// Any other column.
    Field,
}

/// One column of a preview.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ColumnPreview {
    /// Name, unique in the file (a second `a` is called `a_2`).
    pub name: String,
    /// Type it is read as.
    #[serde(rename = "type")]
    pub ty: ColumnType,
    /// Type in the file, in the format's own words.
    pub source_type: String,
    /// Its part in the suggested plan.
    pub role: Role,
    /// Values of each vector, for a vector column.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dimension: Option<usize>,
    /// Nulls (or empty cells) among the sampled rows.
    pub sample_nulls: usize,
}

/// The chosen vector column.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct VectorChoice {
    /// Its name in `columns`.
    pub column: String,
    /// Values of each vector.
    pub dimension: usize,
    /// Why this one, for a person.
    pub reason: String,
}

/// A column that could be the vector.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct VectorCandidate {
    /// Its name in `columns`.
    pub column: String,
    /// Values of each vector.
    pub dimension: usize,
}

/// The chosen id column.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct IdChoice {
    /// Its name in `columns`.
    pub column: String,
    /// Why this one, for a person.
    pub reason: String,
}

/// The suggested metric.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct MetricChoice {
    /// `cosine` or `l2`.
    pub metric: &'static str,
    /// Why, for a person.
    pub reason: String,
}

/// Looks at the first rows of a file.
///
/// Reads at most [`SAMPLE_ROWS`](crate::limits::SAMPLE_ROWS) rows or about 4 MiB of text, whatever the file's size.
///
/// # Errors
/// `FILE_NOT_FOUND`, `PERMISSION_DENIED`, `UNSUPPORTED_FORMAT`, `INVALID_FILE`, `EMPTY_INPUT` (no rows), `NO_VECTOR_COLUMN`
/// (an array file with 0 dimensions), `LIMIT_EXCEEDED`, `IO`. A table without any vector column is not an error: `vector` is None.
pub fn inspect(path: impl AsRef<Path>) -> Result<Preview> {
    let path = path.as_ref();
    let source = crate::source::SourceFile::open(path)?;
    Err(crate::Error::unsupported(
        source.path(),
        "not readable yet",
        "",
    ))
}
