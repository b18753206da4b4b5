//! What a file holds, seen from its first rows: columns, types, which is the vector, which the id, which metric fits.

use std::path::Path;

use serde::Serialize;
use serde_json::Value;

use crate::Result;
use crate::fvecs::Fvecs;
use crate::infer::{Sampled, norm};
use crate::limits::MAX_VECTORS;
use crate::npy::Npy;
use crate::plan::{ColumnType, CsvDialect, Format, MAX_PLANNED_JSON_VECTOR};
use crate::sniff::{extension, sniff_source};
use crate::source::SourceFile;

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
    /// The metric that fits its sampled vectors, and why.
    pub metric: MetricChoice,
    /// Whether the suggested plan has it as a vector column: the chosen one, and each further one that no sampled row lacks and that is longer than
    /// [`MAX_PLANNED_JSON_VECTOR`] or named like vectors.
    pub planned: bool,
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
    inspect_with(path, None)
}

/// As [`inspect`], with a delimited text file cut as the person says rather than as detected. Other formats ignore `csv`.
///
/// # Errors
/// As [`inspect`], and `UNKNOWN_COLUMN` for an impossible delimiter.
pub fn inspect_with(path: impl AsRef<Path>, csv: Option<CsvDialect>) -> Result<Preview> {
    let mut source = SourceFile::open(path.as_ref())?;
    let format = sniff_source(&mut source)?;
    let file_bytes = source.len();
    let tsv = is_tsv(source.path());
    let (columns, rows, rows_estimate, csv) = match format {
        Format::Parquet => {
            let (columns, rows) = crate::parquet_sample::sample(&source)?;
            (columns, Some(rows), None, None)
        }
        Format::Npy => {
            let (column, rows) = Npy::open(source)?.sample()?;
            (vec![column], Some(rows), None, None)
        }
        Format::Fvecs => {
            let (column, rows) = Fvecs::open(source)?.sample()?;
            (vec![column], Some(rows), None, None)
        }
        Format::Csv => {
            let s = crate::csv::sample(&mut source, tsv, csv)?;
            (s.columns, s.rows, s.rows_estimate, Some(s.dialect))
        }
        Format::JsonLines => {
            let s = crate::jsonl::sample(&mut source)?;
            (s.columns, s.rows, s.rows_estimate, None)
        }
    };
    Ok(assemble(
        format,
        file_bytes,
        columns,
        rows,
        rows_estimate,
        csv,
    ))
}

/// Whether a path's extension promises tabs.
pub(crate) fn is_tsv(path: &Path) -> bool {
    matches!(extension(path).as_str(), "tsv" | "tab")
}

fn assemble(
    format: Format,
    file_bytes: u64,
    columns: Vec<Sampled>,
    rows: Option<u64>,
    rows_estimate: Option<u64>,
    csv: Option<CsvDialect>,
) -> Preview {
    let mut candidates: Vec<&Sampled> = columns.iter().filter(|c| c.dimension.is_some()).collect();
    // A telling name first, then the longest; the sort is stable, so the first of equals stays first.
    candidates.sort_by_key(|c| (!named_like_vector(&c.name), std::cmp::Reverse(c.dimension)));
    let chosen = candidates.first().copied();
    let vector = chosen.map(|c| VectorChoice {
        column: c.name.clone(),
        dimension: c.dimension.unwrap_or_default(),
        reason: vector_reason(c, candidates.len()),
    });
    let id = choose_id(&columns);
    let planned = |c: &Sampled, at: usize| {
        let is_long = c.dimension.is_some_and(|d| d > MAX_PLANNED_JSON_VECTOR);
        at == 0 || at < MAX_VECTORS && c.nulls == 0 && (is_long || named_like_vector(&c.name))
    };
    let role = |name: &str| match (&vector, &id) {
        (Some(v), _) if v.column == name => Role::Vector,
        (_, Some(i)) if i.column == name => Role::Id,
        _ => Role::Field,
    };
    let shown = columns.iter().map(|c| c.cells.len()).max().unwrap_or(0);
    let sample = (0..shown)
        .map(|row| {
            columns
                .iter()
                .map(|c| c.cells.get(row).cloned().unwrap_or_default())
                .collect()
        })
        .collect();
    Preview {
        format,
        file_bytes,
        rows,
        rows_estimate,
        vector_candidates: candidates
            .iter()
            .enumerate()
            .map(|(at, c)| VectorCandidate {
                column: c.name.clone(),
                dimension: c.dimension.unwrap_or_default(),
                metric: choose_metric(Some(c)),
                planned: planned(c, at),
            })
            .collect(),
        metric: choose_metric(chosen),
        columns: columns
            .iter()
            .map(|c| ColumnPreview {
                name: c.name.clone(),
                ty: c.ty.unwrap_or(ColumnType::Text),
                source_type: c.source_type.clone(),
                role: role(&c.name),
                dimension: c.dimension,
                sample_nulls: c.nulls,
            })
            .collect(),
        vector,
        id,
        sample,
        csv,
    }
}

fn named_like_vector(name: &str) -> bool {
    let name = name.to_lowercase();
    ["embedding", "vector", "emb", "vec", "feature"]
        .iter()
        .any(|hint| name.contains(hint))
}

fn vector_reason(column: &Sampled, candidates: usize) -> String {
    let dimension = column.dimension.unwrap_or_default();
    match (column.grouped, candidates) {
        (n, _) if n > 0 => format!("{n} numeric columns with consecutive numbers, one a dimension"),
        (_, 1) => format!("the only column of number lists ({dimension} values each)"),
        _ if named_like_vector(&column.name) => {
            format!("number lists ({dimension} values each), and its name says so")
        }
        _ => {
            format!("the longest of {candidates} columns of number lists ({dimension} values each)")
        }
    }
}

/// Names that say that a column is an id, the surest first.
const ID_NAMES: [&str; 16] = [
    "id",
    "_id",
    "uuid",
    "guid",
    "key",
    "pk",
    "doc_id",
    "document_id",
    "docid",
    "chunk_id",
    "word",
    "token",
    "url",
    "path",
    "filename",
    "name",
];

/// Longer texts than this are content rather than ids.
const MAX_ID_BYTES: usize = 256;

fn choose_id(columns: &[Sampled]) -> Option<IdChoice> {
    let able = |c: &&Sampled| {
        c.unique
            && c.mean_length <= MAX_ID_BYTES
            && matches!(c.ty, Some(ColumnType::Int | ColumnType::Text))
    };
    let by_name = ID_NAMES.iter().find_map(|name| {
        columns
            .iter()
            .find(|c| c.name.eq_ignore_ascii_case(name) && able(c))
    });
    let by_suffix = || {
        columns
            .iter()
            .find(|c| c.name.to_lowercase().ends_with("_id") && able(c))
    };
    if let Some(column) = by_name.or_else(by_suffix) {
        let reason = format!(
            "named {:?}, and no value occurs twice in the sample",
            column.name
        );
        return Some(IdChoice {
            column: column.name.clone(),
            reason,
        });
    }
    let first = columns.iter().find(able)?;
    let kind = if first.ty == Some(ColumnType::Int) {
        "integer"
    } else {
        "text"
    };
    let reason = format!("the first {kind} column in whose sample no value occurs twice");
    Some(IdChoice {
        column: first.name.clone(),
        reason,
    })
}

fn choose_metric(vector: Option<&Sampled>) -> MetricChoice {
    let choice = |metric, reason: String| MetricChoice { metric, reason };
    let Some((column, dimension)) = vector.and_then(|c| Some((c, c.dimension.filter(|d| *d > 0)?)))
    else {
        return choice(
            "cosine",
            "no vectors were seen; cosine suits most embeddings".into(),
        );
    };
    if column.vectors.is_empty() {
        return choice(
            "cosine",
            "no vectors were seen; cosine suits most embeddings".into(),
        );
    }
    let norms = column.vectors.chunks_exact(dimension).map(norm);
    let (least, most) = norms.fold((f64::INFINITY, 0f64), |(a, b), n| (a.min(n), b.max(n)));
    if (least - 1.0).abs() <= 1e-3 && (most - 1.0).abs() <= 1e-3 {
        return choice("cosine", "every sampled vector has length 1".into());
    }
    let (low, high) = column
        .vectors
        .iter()
        .fold((f32::INFINITY, f32::NEG_INFINITY), |(a, b), x| {
            (a.min(*x), b.max(*x))
        });
    if column.vectors.iter().all(|x| x.fract() == 0.0) {
        return choice(
            "l2",
            format!("all values are whole numbers ({low} to {high}), as in counts and pixels"),
        );
    }
    if low >= 0.0 && high > 16.0 {
        return choice(
            "l2",
            format!("values from {low} to {high} and none negative, as in counts and pixels"),
        );
    }
    choice(
        "cosine",
        format!(
            "lengths vary from {least:.3} to {most:.3}; in text-like embeddings the direction carries the meaning"
        ),
    )
}
