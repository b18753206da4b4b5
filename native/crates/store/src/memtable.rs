//! Rows that are in the log and not yet in a segment: a list of immutable parts, ascending by row number.
//!
//! A new batch is merged with its neighbours like a binary counter, so that adding n rows one at a time copies each of them
//! about log2(n) times, and a snapshot has few parts to look into.

use std::sync::Arc;

use arrow_array::{RecordBatch, new_null_array};
use arrow_schema::SchemaRef;
use arrow_select::concat::concat_batches;

use crate::error::{Error, Result};
use crate::numbers::Numbers;
use crate::part::{Floats, IdIndex, IdMap, Part, VectorColumn};

/// Parts of at least this many rows are merged no further.
const MERGED_ROWS: u32 = 16_384;

#[derive(Clone, Default)]
pub(crate) struct Memtable {
    parts: Vec<Arc<Part>>,
    rows: u32,
    bytes: u64,
}

impl Memtable {
    pub fn parts(&self) -> &[Arc<Part>] {
        &self.parts
    }

    /// Puts another part in the place of one, with the same rows.
    pub fn replace(&mut self, at: usize, part: Part) {
        self.parts[at] = Arc::new(part);
    }

    pub fn rows(&self) -> u32 {
        self.rows
    }

    /// Bytes of vectors and columns held.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// A memtable with one more part, whose rows follow the last ones. `schema` is the collection's.
    pub fn with(&self, part: Part, schema: &SchemaRef) -> Result<Memtable> {
        let mut next = self.clone();
        next.rows = next
            .rows
            .checked_add(part.rows)
            .ok_or_else(|| Error::internal("memtable rows overflow"))?;
        next.bytes += bytes_of(&part);
        let mut merging = vec![Arc::new(part)];
        let mut rows = merging[0].rows;
        while let Some(last) = next
            .parts
            .last()
            .filter(|p| p.rows <= rows && p.rows < MERGED_ROWS)
        {
            rows += last.rows;
            merging.extend(next.parts.pop());
        }
        merging.reverse();
        next.parts.push(match <[Arc<Part>; 1]>::try_from(merging) {
            Ok([part]) => part,
            Err(parts) => Arc::new(merge(&parts, schema)?),
        });
        Ok(next)
    }
}

fn bytes_of(part: &Part) -> u64 {
    let columns: usize = part
        .columns
        .iter()
        .map(RecordBatch::get_array_memory_size)
        .sum();
    let floats: usize = part
        .vectors
        .iter()
        .map(|v| v.data.as_slice().len() + v.inv_norms.as_slice().len())
        .sum();
    columns as u64 + 4 * floats as u64
}

/// A batch with the columns of `schema`, of which its own are the first ones: the rest is null.
pub(crate) fn widen(batch: &RecordBatch, schema: &SchemaRef) -> Result<RecordBatch> {
    if batch.num_columns() == schema.fields().len() {
        return Ok(batch.clone());
    }
    let missing = schema.fields().iter().skip(batch.num_columns());
    let mut columns = batch.columns().to_vec();
    columns.extend(missing.map(|f| new_null_array(f.data_type(), batch.num_rows())));
    RecordBatch::try_new(schema.clone(), columns)
        .map_err(|e| Error::internal(format!("columns: {e}")))
}

/// A batch of nulls for a part that was written before the collection had a column.
pub(crate) fn columns_of(part: &Part, schema: &SchemaRef) -> Result<Vec<RecordBatch>> {
    if !part.columns.is_empty() {
        return part.columns.iter().map(|b| widen(b, schema)).collect();
    }
    let columns = schema
        .fields()
        .iter()
        .map(|f| new_null_array(f.data_type(), part.rows as usize))
        .collect();
    let batch = RecordBatch::try_new(schema.clone(), columns)
        .map_err(|e| Error::internal(format!("columns: {e}")))?;
    Ok(vec![batch])
}

fn merge(parts: &[Arc<Part>], schema: &SchemaRef) -> Result<Part> {
    let rows = parts.iter().map(|p| p.rows).sum();
    let columns = if schema.fields().is_empty() {
        Vec::new()
    } else {
        let mut batches = Vec::with_capacity(parts.len());
        for part in parts {
            batches.extend(columns_of(part, schema)?);
        }
        vec![
            concat_batches(schema, &batches)
                .map_err(|e| Error::internal(format!("columns: {e}")))?,
        ]
    };
    let joined = |pick: &dyn Fn(&Part) -> Option<&Floats>| {
        let slices: Vec<&[f32]> = parts
            .iter()
            .filter_map(|p| pick(p))
            .map(Floats::as_slice)
            .collect();
        Floats::from(slices.concat())
    };
    let vectors = (0..parts[0].vectors.len())
        .map(|n| VectorColumn {
            data: joined(&|p| p.vectors.get(n).map(|v| &v.data)),
            inv_norms: joined(&|p| p.vectors.get(n).map(|v| &v.inv_norms)),
            index: None,
            reader: None,
        })
        .collect();
    let mut offset = 0;
    let mut positions = IdMap::default();
    let mut hashed = false;
    for part in parts {
        if let IdIndex::Hash(map) = &part.ids {
            hashed = true;
            positions.append(map, offset);
        }
        offset += part.rows;
    }
    let ids = if hashed {
        IdIndex::Hash(Arc::new(positions))
    } else {
        IdIndex::RowNumber
    };
    Numbers::dense(parts[0].range().start, rows)
        .and_then(|numbers| Part::new(numbers, columns, vectors, ids))
        .ok_or_else(|| Error::internal("parts do not fit together"))
}
