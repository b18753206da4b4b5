//! The vectors of a file, without a store: queries for a batch of searches.

use std::path::Path;

use omendb_formats::{Error as FormatError, plan_from};

use crate::Result;

/// Vectors, row-major.
#[derive(Debug, Clone, PartialEq)]
pub struct Vectors {
    /// Numbers in each.
    pub dimension: usize,
    /// All of them, one after the other.
    pub data: Vec<f32>,
}

/// Reads the vectors of any file that import reads, from the column that the preview chooses; stops at a bad row.
///
/// # Errors
/// Those of the formats; `NO_VECTOR_COLUMN`; `LIMIT_EXCEEDED` for more than `max` numbers.
pub fn read_vectors(path: &Path, max: usize) -> Result<Vectors> {
    let preview = omendb_formats::inspect(path)?;
    let Some(mut plan) = plan_from(&preview) else {
        return Err(FormatError::NoVectorColumn {
            path: path.to_path_buf(),
            what: "no column holds vectors".to_owned(),
        }
        .into());
    };
    plan.id = None;
    plan.columns.clear();
    let mut reader = omendb_formats::open(path, &plan)?;
    let mut data = Vec::new();
    while let Some(batch) = reader.next_batch()? {
        let vectors = batch.vectors.first().map_or(&[][..], Vec::as_slice);
        if data.len() + vectors.len() > max {
            return Err(FormatError::LimitExceeded {
                path: path.to_path_buf(),
                what: format!("more than {max} numbers in all its vectors"),
            }
            .into());
        }
        data.extend_from_slice(vectors);
    }
    Ok(Vectors {
        dimension: reader.dimension(),
        data,
    })
}
