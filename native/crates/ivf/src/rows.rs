//! Where a search takes the vectors from that it scores exactly.

use std::{fmt, io};

use omendb_distance::{Scorer, ShapeError, VectorsRef, prefetch};

/// Reads single vectors, from a file that stays out of memory.
pub trait ReadRow: Send + Sync {
    /// Fills `into`, of the rows' dimension, with row `row`, which is below the number of rows.
    fn read(&self, row: u32, into: &mut [f32]) -> io::Result<()>;
}

/// The rows of an index, in memory (or mapped) or read one by one.
#[derive(Clone, Copy)]
pub struct Rows<'a> {
    /// The shape, the inverse norms, and where there is no reader the vectors; with a reader their memory is not touched.
    pub vectors: VectorsRef<'a>,
    /// Reads the rows of `vectors`.
    pub reader: Option<&'a dyn ReadRow>,
}

impl<'a> From<VectorsRef<'a>> for Rows<'a> {
    fn from(vectors: VectorsRef<'a>) -> Rows<'a> {
        Rows {
            vectors,
            reader: None,
        }
    }
}

impl Rows<'_> {
    /// The exact score of a row; `buffer` is for its vector. Panics when there is no such row.
    #[inline]
    pub(crate) fn score(
        &self,
        scorer: &Scorer<'_>,
        row: usize,
        buffer: &mut Vec<f32>,
    ) -> io::Result<f32> {
        let inv_norm = self.vectors.inv_norm(row);
        let Some(reader) = self.reader else {
            return Ok(scorer.score(self.vectors.row(row), inv_norm));
        };
        buffer.resize(self.vectors.dimension, 0.0);
        reader.read(row as u32, buffer)?;
        Ok(scorer.score(buffer, inv_norm))
    }

    #[inline]
    pub(crate) fn prefetch(&self, row: usize) {
        if self.reader.is_none() && row < self.vectors.len() {
            prefetch(self.vectors.row(row));
        }
    }
}

/// Why a search found nothing.
#[derive(Debug)]
pub enum SearchError {
    /// Index, vectors and query do not fit together.
    Shape(ShapeError),
    /// A vector could not be read.
    Read(io::Error),
}

impl From<ShapeError> for SearchError {
    fn from(error: ShapeError) -> SearchError {
        SearchError::Shape(error)
    }
}

impl From<io::Error> for SearchError {
    fn from(error: io::Error) -> SearchError {
        SearchError::Read(error)
    }
}

impl fmt::Display for SearchError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            SearchError::Shape(error) => error.fmt(f),
            SearchError::Read(error) => write!(f, "a vector could not be read: {error}"),
        }
    }
}

impl std::error::Error for SearchError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            SearchError::Shape(error) => Some(error),
            SearchError::Read(error) => Some(error),
        }
    }
}
