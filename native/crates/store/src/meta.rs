//! What a collection is: names, types, ids and vector columns. This is what the manifest keeps as
//! JSON and what a snapshot answers questions with; it holds no rows.

use std::fmt;
use std::sync::Arc;

use arrow_schema::{DataType, Field, Schema, SchemaRef, TimeUnit};
use omendb_distance::Metric;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Most user columns (the id column included) in one collection.
pub const MAX_COLUMNS: usize = 10_000;
/// Most vector columns in one collection.
pub const MAX_VECTOR_COLUMNS: usize = 16;
/// Largest dimension of a vector column.
pub const MAX_DIMENSION: usize = 65_536;
/// Longest collection or column name, in bytes.
pub const MAX_NAME_BYTES: usize = 255;

/// Field metadata key that marks a text column as JSON (value `"json"`).
pub const TYPE_KEY: &str = "omendb.type";

/// A row's id as its user knows it.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Id {
    /// A 64-bit integer id; also the form of row numbers in a collection without an id column.
    Int(i64),
    /// A text id.
    Text(String),
}

impl fmt::Display for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Id::Int(v) => write!(f, "{v}"),
            Id::Text(v) => f.write_str(v),
        }
    }
}

impl From<i64> for Id {
    fn from(v: i64) -> Self {
        Id::Int(v)
    }
}

impl From<&str> for Id {
    fn from(v: &str) -> Self {
        Id::Text(v.to_owned())
    }
}

/// Where the ids of a collection come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum IdKind {
    /// An Int64 column.
    Int,
    /// A Utf8 column.
    Text,
    /// No id column: the row number is the id.
    RowNumber,
}

impl IdKind {
    /// `"int"`, `"text"` or `"rowNumber"`.
    pub fn as_str(self) -> &'static str {
        match self {
            IdKind::Int => "int",
            IdKind::Text => "text",
            IdKind::RowNumber => "rowNumber",
        }
    }
}

/// The type of a column, as people and the manifest name it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ColumnKind {
    /// Boolean.
    Bool,
    /// Int64.
    Int,
    /// Float64.
    Float,
    /// Utf8.
    Text,
    /// Microseconds since 1970-01-01 without a time zone.
    Timestamp,
    /// JSON text: Utf8 with the field metadata `omendb.type = json`.
    Json,
}

impl ColumnKind {
    /// The lower-case name that the manifest and the contract use.
    pub fn as_str(self) -> &'static str {
        match self {
            ColumnKind::Bool => "bool",
            ColumnKind::Int => "int",
            ColumnKind::Float => "float",
            ColumnKind::Text => "text",
            ColumnKind::Timestamp => "timestamp",
            ColumnKind::Json => "json",
        }
    }

    /// The nullable Arrow field that holds this kind.
    pub fn field(self, name: &str) -> Field {
        let data_type = match self {
            ColumnKind::Bool => DataType::Boolean,
            ColumnKind::Int => DataType::Int64,
            ColumnKind::Float => DataType::Float64,
            ColumnKind::Text | ColumnKind::Json => DataType::Utf8,
            ColumnKind::Timestamp => DataType::Timestamp(TimeUnit::Microsecond, None),
        };
        let field = Field::new(name, data_type, true);
        if self == ColumnKind::Json {
            field.with_metadata([(TYPE_KEY.to_owned(), "json".to_owned())])
        } else {
            field
        }
    }

    /// The kind of an Arrow field, or `None` when a collection cannot hold its type.
    pub fn of(field: &Field) -> Option<ColumnKind> {
        Some(match field.data_type() {
            DataType::Boolean => ColumnKind::Bool,
            DataType::Int64 => ColumnKind::Int,
            DataType::Float64 => ColumnKind::Float,
            DataType::Utf8 => match field.metadata().get(TYPE_KEY).map(String::as_str) {
                Some("json") => ColumnKind::Json,
                _ => ColumnKind::Text,
            },
            DataType::Timestamp(TimeUnit::Microsecond, None) => ColumnKind::Timestamp,
            _ => return None,
        })
    }
}

/// One column as the manifest names it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ColumnMeta {
    /// The column's name, unique in the collection.
    pub name: String,
    /// Its type.
    #[serde(rename = "type")]
    pub kind: ColumnKind,
}

/// One vector column.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct VectorSpec {
    /// The column's name.
    pub name: String,
    /// Numbers in each vector, 1 to [`MAX_DIMENSION`].
    pub dimension: usize,
    /// How two vectors are compared.
    #[serde(with = "metric_name")]
    pub metric: Metric,
}

mod metric_name {
    use super::*;

    pub fn serialize<S: Serializer>(metric: &Metric, s: S) -> Result<S::Ok, S::Error> {
        s.serialize_str(metric.as_str())
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(d: D) -> Result<Metric, D::Error> {
        let name = String::deserialize(d)?;
        Metric::parse(&name).map_err(serde::de::Error::custom)
    }
}

/// What a new collection shall be.
#[derive(Debug, Clone)]
pub struct CollectionSpec {
    /// Its name, unique in the store.
    pub name: String,
    /// Where ids come from.
    pub id_kind: IdKind,
    /// The id column's name; `None` exactly when `id_kind` is [`IdKind::RowNumber`].
    pub id_column: Option<String>,
    /// All columns but the id column, of types that [`ColumnKind`] names.
    pub columns: Vec<Field>,
    /// The vector columns, at least one.
    pub vectors: Vec<VectorSpec>,
}

/// A collection as the manifest names it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CollectionMeta {
    /// Its name.
    pub name: String,
    /// Where ids come from.
    pub id_kind: IdKind,
    /// The id column's name; it stands in `columns` too, as its first.
    pub id_column: Option<String>,
    /// All columns, the id column (if any) first.
    pub columns: Vec<ColumnMeta>,
    /// The vector columns, in the order in which parts store them.
    pub vectors: Vec<VectorSpec>,
}

impl CollectionMeta {
    /// The Arrow schema of a row: all columns, all nullable, in order; vectors are not in it.
    pub fn schema(&self) -> SchemaRef {
        let fields: Vec<Field> = self.columns.iter().map(|c| c.kind.field(&c.name)).collect();
        Arc::new(Schema::new(fields))
    }

    /// The column of this exact name.
    pub fn column(&self, name: &str) -> Option<&ColumnMeta> {
        self.columns.iter().find(|c| c.name == name)
    }
}
