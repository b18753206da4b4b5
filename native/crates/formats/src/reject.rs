//! Rows that were not read, and why: counted all, kept up to a cap.

use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;

use serde::Serialize;

use crate::limits::MAX_KEPT_REJECTIONS;
use crate::plan::OnError;
use crate::{Error, Result};

/// The kind of a rejection; `as_str` is what `Rejections::by_reason` counts under.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum RejectKind {
    /// The vector has another number of values than the rest of the file.
    WrongDimension,
    /// NaN, an infinity, or a number outside the range of a 32-bit float.
    NotFinite,
    /// The vector is null, empty or absent.
    MissingVector,
    /// The id is null, empty or absent.
    MissingId,
    /// A cell that is not of its column's type.
    Unparsable,
    /// A line that is not valid JSON.
    InvalidJson,
    /// A CSV row with more or fewer cells than the first.
    RaggedRow,
    /// Bytes that are not UTF-8.
    NotUtf8,
    /// A line over the limit.
    LineTooLong,
    /// A quoted cell that never ends.
    UnclosedQuote,
    /// The file ends inside this row.
    Truncated,
}

impl RejectKind {
    /// The kind in words.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::WrongDimension => "wrong dimension",
            Self::NotFinite => "NaN or infinite value",
            Self::MissingVector => "missing vector",
            Self::MissingId => "missing id",
            Self::Unparsable => "unparsable cell",
            Self::InvalidJson => "invalid JSON",
            Self::RaggedRow => "wrong number of cells",
            Self::NotUtf8 => "not UTF-8",
            Self::LineTooLong => "line too long",
            Self::UnclosedQuote => "unclosed quote",
            Self::Truncated => "file ends inside the row",
        }
    }
}

/// One row that was not read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Rejected {
    /// Number of the row in the file, from 1; a header line and blank lines do not count.
    pub row: u64,
    /// Physical line in a text file, from 1.
    pub line: Option<u64>,
    /// The column at fault, where one is.
    pub column: Option<String>,
    /// What kind of fault.
    pub kind: RejectKind,
    /// The fault in words, for a person.
    pub reason: String,
}

impl fmt::Display for Rejected {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "row {}", self.row)?;
        if let Some(line) = self.line {
            write!(f, " (line {line})")?;
        }
        if let Some(column) = &self.column {
            write!(f, ", column {column:?}")?;
        }
        write!(f, ": {}", self.reason)
    }
}

/// All rejections of one reader so far.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Rejections {
    /// How many rows were rejected.
    pub count: u64,
    /// The first of them, at most [`MAX_KEPT_REJECTIONS`].
    pub first: Vec<Rejected>,
    /// How many by each reason (keys are [`RejectKind::as_str`]).
    pub by_reason: BTreeMap<&'static str, u64>,
}

impl Rejections {
    /// Counts a rejection, or turns it into the error that ends the read.
    pub(crate) fn reject(
        &mut self,
        path: &Path,
        on_error: OnError,
        rejected: Rejected,
    ) -> Result<()> {
        if on_error == OnError::Stop {
            return Err(Error::BadRow {
                path: path.into(),
                rejected,
            });
        }
        self.count += 1;
        *self.by_reason.entry(rejected.kind.as_str()).or_default() += 1;
        if self.first.len() < MAX_KEPT_REJECTIONS {
            self.first.push(rejected);
        }
        Ok(())
    }
}

/// Why one cell is refused, before the row is known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Fault {
    pub kind: RejectKind,
    pub reason: String,
}

impl Fault {
    pub fn new(kind: RejectKind, reason: impl Into<String>) -> Self {
        Self {
            kind,
            reason: reason.into(),
        }
    }

    pub fn unparsable(cell: &[u8], wanted: &str) -> Self {
        Self::new(
            RejectKind::Unparsable,
            format!("{} is not {wanted}", quoted(cell)),
        )
    }

    pub fn dimension(found: usize, wanted: usize) -> Self {
        Self::new(
            RejectKind::WrongDimension,
            format!("the vector has {found} values where {wanted} are expected"),
        )
    }

    pub fn at(self, row: u64, line: Option<u64>, column: Option<&str>) -> Rejected {
        Rejected {
            row,
            line,
            column: column.map(str::to_owned),
            kind: self.kind,
            reason: self.reason,
        }
    }
}

/// The start of a cell, printable and short, for a message.
pub(crate) fn quoted(cell: &[u8]) -> String {
    let text = String::from_utf8_lossy(cell.get(..160).unwrap_or(cell));
    let mut short: String = text.chars().take(40).collect();
    if short.len() < cell.len() {
        short.push('…');
    }
    format!("{short:?}")
}
