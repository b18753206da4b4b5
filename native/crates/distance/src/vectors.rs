use std::fmt;
use std::ops::Range;

use crate::{Metric, Scorer};

/// A borrowed matrix of vectors, row-major, with its metric.
///
/// `data` holds `len() * dimension` floats. `inv_norms` holds one [`inv_norm`](crate::inv_norm) a row under cosine and is empty
/// otherwise. [`VectorsRef::new`] checks these shapes; [`VectorsRef::check`] checks a value built by hand.
#[derive(Clone, Copy, Debug)]
pub struct VectorsRef<'a> {
    /// The rows, one after another.
    pub data: &'a [f32],
    /// Floats in a row, at least 1.
    pub dimension: usize,
    /// How rows are compared.
    pub metric: Metric,
    /// One inverse norm a row under cosine, else empty.
    pub inv_norms: &'a [f32],
}

impl<'a> VectorsRef<'a> {
    /// A matrix, once its shape is checked.
    pub fn new(
        data: &'a [f32],
        dimension: usize,
        metric: Metric,
        inv_norms: &'a [f32],
    ) -> Result<VectorsRef<'a>, ShapeError> {
        let vectors = VectorsRef {
            data,
            dimension,
            metric,
            inv_norms,
        };
        vectors.check()?;
        Ok(vectors)
    }

    /// Whether the slices fit the dimension and the metric.
    pub fn check(&self) -> Result<(), ShapeError> {
        if self.dimension == 0 {
            return Err(ShapeError::new("the dimension is 0".to_owned()));
        }
        if !self.data.len().is_multiple_of(self.dimension) {
            return Err(ShapeError::new(format!(
                "{} floats are no whole number of rows of dimension {}",
                self.data.len(),
                self.dimension
            )));
        }
        let expected = if self.metric == Metric::Cosine {
            self.len()
        } else {
            0
        };
        if self.inv_norms.len() != expected {
            return Err(ShapeError::new(format!(
                "{} inverse norms for {} rows under {}: expected {expected}",
                self.inv_norms.len(),
                self.len(),
                self.metric
            )));
        }
        Ok(())
    }

    /// Whether a query has the dimension of the rows.
    pub fn check_query(&self, query: &[f32]) -> Result<(), ShapeError> {
        if query.len() == self.dimension {
            return Ok(());
        }
        Err(ShapeError::new(format!(
            "the query has dimension {}, the rows have {}",
            query.len(),
            self.dimension
        )))
    }

    /// Number of rows.
    #[inline]
    pub fn len(&self) -> usize {
        self.data.len().checked_div(self.dimension).unwrap_or(0)
    }

    /// Whether there is no row.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Row `i`, of `dimension` floats. Panics when `i >= len()`.
    #[inline]
    pub fn row(&self, i: usize) -> &'a [f32] {
        let start = i * self.dimension;
        &self.data[start..start + self.dimension]
    }

    /// The inverse norm of row `i` under cosine; 1 otherwise, where no score uses it. Panics when `i >= len()` under cosine.
    #[inline]
    pub fn inv_norm(&self, i: usize) -> f32 {
        if self.metric == Metric::Cosine {
            self.inv_norms[i]
        } else {
            1.0
        }
    }

    /// The rows `range` as a matrix of its own. Panics when the range reaches past `len()`.
    pub fn slice(&self, range: Range<usize>) -> VectorsRef<'a> {
        VectorsRef {
            data: &self.data[range.start * self.dimension..range.end * self.dimension],
            inv_norms: if self.metric == Metric::Cosine {
                &self.inv_norms[range]
            } else {
                &[]
            },
            ..*self
        }
    }

    /// A scorer for a query of the same dimension. Panics when the dimension differs: see [`VectorsRef::check_query`].
    pub fn scorer<'q>(&self, query: &'q [f32]) -> Scorer<'q> {
        assert_eq!(query.len(), self.dimension, "query of another dimension");
        Scorer::new(self.metric, query)
    }
}

/// Slices whose lengths do not fit together; a mistake of the calling code, not of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ShapeError {
    message: String,
}

impl ShapeError {
    /// An error with a message that names both lengths.
    pub fn new(message: String) -> ShapeError {
        ShapeError { message }
    }
}

impl fmt::Display for ShapeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for ShapeError {}
