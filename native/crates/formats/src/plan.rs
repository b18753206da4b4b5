//! What is to be read: formats, column types, and the plan that a person may edit between preview and import.

use std::collections::HashMap;

use arrow_schema::{DataType, Field, TimeUnit};
use serde::{Deserialize, Serialize};

use crate::preview::Preview;

/// The file formats.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Format {
    /// Apache Parquet.
    Parquet,
    /// Delimited text: commas, tabs, semicolons, bars or spaces.
    Csv,
    /// One JSON object (or one array of numbers) a line.
    JsonLines,
    /// NumPy's array file.
    Npy,
    /// Vectors with a 4-byte count before each (TEXMEX).
    Fvecs,
}

impl Format {
    /// Name in the contract: `parquet`, `csv`, `jsonlines`, `npy`, `fvecs`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Parquet => "parquet",
            Self::Csv => "csv",
            Self::JsonLines => "jsonlines",
            Self::Npy => "npy",
            Self::Fvecs => "fvecs",
        }
    }
}

/// The types a column can have in a collection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ColumnType {
    /// true or false.
    Bool,
    /// 64-bit signed integer.
    Int,
    /// 64-bit float.
    Float,
    /// UTF-8 text.
    Text,
    /// Microseconds since 1970-01-01 00:00 UTC.
    Timestamp,
    /// A JSON value as text.
    Json,
    /// A list of numbers.
    Vector,
}

/// Metadata key that tells a JSON column from a text column.
pub const TYPE_KEY: &str = "omendb.type";

impl ColumnType {
    /// Name in the contract, lower case.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Bool => "bool",
            Self::Int => "int",
            Self::Float => "float",
            Self::Text => "text",
            Self::Timestamp => "timestamp",
            Self::Json => "json",
            Self::Vector => "vector",
        }
    }

    /// The Arrow type of a column of this type. Vector columns are no columns of a batch's table; their text would be JSON.
    #[must_use]
    pub fn arrow(self) -> DataType {
        match self {
            Self::Bool => DataType::Boolean,
            Self::Int => DataType::Int64,
            Self::Float => DataType::Float64,
            Self::Text | Self::Json | Self::Vector => DataType::Utf8,
            Self::Timestamp => DataType::Timestamp(TimeUnit::Microsecond, None),
        }
    }

    /// A nullable Arrow field of this type; JSON carries the metadata `omendb.type` = `json`.
    #[must_use]
    pub fn field(self, name: &str) -> Field {
        let field = Field::new(name, self.arrow(), true);
        match self {
            Self::Json | Self::Vector => {
                field.with_metadata(HashMap::from([(TYPE_KEY.to_owned(), "json".to_owned())]))
            }
            _ => field,
        }
    }
}

/// What happens at a row that cannot be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum OnError {
    /// The read ends with `BAD_ROW`.
    #[default]
    Stop,
    /// The row is counted, with its reason, and left out.
    Skip,
}

/// One column to read beside the first vector.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ColumnPlan {
    /// Name in the file, as the preview gives it.
    pub source: String,
    /// Name in the batches.
    pub name: String,
    /// Type in the batches. `Vector` makes it a further vector column: not in the batches' tables, but among their vectors.
    #[serde(rename = "type")]
    pub ty: ColumnType,
    /// Of a vector column: values of each vector, 1 to 65,536. None: the type says, or else the first good row.
    #[serde(default)]
    pub dimension: Option<usize>,
}

/// How a delimited text file is cut.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CsvDialect {
    /// The character between cells: one of `,` tab `;` `|` or a space (a space also turns quoting off).
    pub delimiter: char,
    /// Whether the first record names the columns; otherwise they are `column_1`, `column_2`, …
    pub header: bool,
    /// Lines before the header or the first row that belong to neither (word2vec's "count dimension" line).
    #[serde(default)]
    pub skip_lines: u32,
}

/// What to read from a file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ReadPlan {
    /// Column of the first vector, as the preview names it (also `v0…v99` for one column a dimension).
    pub vector: String,
    /// Column of the id. It is read as `Int` or `Text`, and a row without one is rejected. None: rows have no id of their own.
    #[serde(default)]
    pub id: Option<String>,
    /// The other columns, in the order of the batches. The id need not be among them; it then comes first.
    #[serde(default)]
    pub columns: Vec<ColumnPlan>,
    /// What happens at a bad row.
    #[serde(default)]
    pub on_error: OnError,
    /// Values of each first vector, 1 to 65,536. None: the type says, or else the first good row.
    #[serde(default)]
    pub dimension: Option<usize>,
    /// How a delimited text file is cut. None: detected, as in the preview.
    #[serde(default)]
    pub csv: Option<CsvDialect>,
}

/// Lists of numbers up to this length that no preview takes for vectors are planned as JSON columns; longer ones are left out.
pub const MAX_PLANNED_JSON_VECTOR: usize = 32;

/// The plan that a preview suggests: its vectors, its id, every other column under its own name, stop at a bad row.
/// Lists of numbers that it does not take for vectors ([`VectorCandidate::planned`](crate::VectorCandidate)) are read as JSON if they are short
/// ([`MAX_PLANNED_JSON_VECTOR`]) and left out otherwise. None if the preview found no vector.
#[must_use]
pub fn plan_from(preview: &Preview) -> Option<ReadPlan> {
    let vector = preview.vector.as_ref()?;
    let planned = |name: &str| {
        let mut candidates = preview.vector_candidates.iter();
        candidates.any(|c| c.column == name && c.planned)
    };
    let columns = preview
        .columns
        .iter()
        .filter(|c| c.name != vector.column)
        .filter_map(|c| {
            let ty = match (c.ty, c.dimension) {
                (ColumnType::Vector, _) if planned(&c.name) => ColumnType::Vector,
                (ColumnType::Vector, Some(d)) if d > MAX_PLANNED_JSON_VECTOR => return None,
                (ColumnType::Vector, _) => ColumnType::Json,
                (other, _) => other,
            };
            Some(ColumnPlan {
                source: c.name.clone(),
                name: c.name.clone(),
                ty,
                dimension: c.dimension.filter(|_| ty == ColumnType::Vector),
            })
        })
        .collect();
    Some(ReadPlan {
        vector: vector.column.clone(),
        id: preview.id.as_ref().map(|id| id.column.clone()),
        columns,
        on_error: OnError::Stop,
        dimension: Some(vector.dimension),
        csv: preview.csv,
    })
}
