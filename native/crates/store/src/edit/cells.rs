//! New values for cells: checked, put into copies of the batches that they touch, and read back for the history.

use std::collections::BTreeSet;
use std::sync::Arc;

use arrow_array::{Array, ArrayRef, BooleanArray, RecordBatch, new_null_array};
use arrow_schema::{ArrowError, Schema};
use arrow_select::filter::filter_record_batch;
use arrow_select::interleave::interleave;
use roaring::RoaringBitmap;

use crate::error::{Error, Result};
use crate::history::Cells;
use crate::memtable::columns_of;
use crate::meta::{CollectionMeta, ColumnKind, IdKind};
use crate::part::Part;
use crate::segment::guard;
use crate::state::Written;

impl Cells {
    /// The position in the collection of each column of these cells, or why they do not fit it.
    pub fn positions(&self, meta: &CollectionMeta) -> Result<Vec<usize>, String> {
        let mut at = Vec::with_capacity(self.columns.num_columns());
        for field in self.columns.schema_ref().fields() {
            let found = meta.columns.iter().position(|c| c.name == *field.name());
            let found = found.ok_or_else(|| format!("there is no column {:?}", field.name()))?;
            if ColumnKind::of(field) != Some(meta.columns[found].kind) {
                return Err(format!("column {:?} is of another type", field.name()));
            }
            if found == 0 && meta.id_kind != IdKind::RowNumber {
                return Err(format!(
                    "column {:?} holds the ids, which stay",
                    field.name()
                ));
            }
            if at.contains(&found) {
                return Err(format!("column {:?} stands twice", field.name()));
            }
            at.push(found);
        }
        Ok(at)
    }
}

impl Cells {
    /// Leaves out the values of all rows but these.
    pub fn keep(&mut self, rows: &RoaringBitmap) -> Result<(), String> {
        if self.columns.num_rows() as u64 == self.rows.len() {
            let kept = self.rows.iter().map(|row| rows.contains(row));
            let kept = BooleanArray::from(kept.collect::<Vec<bool>>());
            self.columns = filter_record_batch(&self.columns, &kept).map_err(|e| e.to_string())?;
        }
        self.rows &= rows;
        Ok(())
    }
}

/// A part with these cells in it, and the columns that they are of; `None` when none of the rows is in the part.
fn patch(
    part: &Part,
    meta: &CollectionMeta,
    cells: &Cells,
) -> Result<Option<(Part, BTreeSet<usize>)>> {
    let columns = cells.positions(meta).map_err(Error::internal)?;
    let range = part.range();
    if range.is_empty() || cells.rows.range_cardinality(range.clone()) == 0 {
        return Ok(None);
    }
    let one = cells.columns.num_rows() == 1;
    let skipped = cells.rows.rank(range.start) - u64::from(cells.rows.contains(range.start));
    let mut wanted = cells
        .rows
        .range(range)
        .zip(skipped..)
        .filter_map(|(row, source)| {
            let source = if one { 0 } else { source as usize };
            Some((part.numbers.position(row)?, source))
        })
        .peekable();
    if wanted.peek().is_none() {
        return Ok(None);
    }
    let schema = meta.schema();
    let mut batches = columns_of(part, &schema)?;
    let mut start = 0u32;
    for batch in &mut batches {
        let end = start + batch.num_rows() as u32;
        let mut from: Vec<(usize, usize)> = (0..batch.num_rows()).map(|i| (0, i)).collect();
        let mut touched = false;
        while let Some((position, source)) = wanted.next_if(|(p, _)| *p < end) {
            from[(position - start) as usize] = (1, source);
            touched = true;
        }
        start = end;
        if !touched {
            continue;
        }
        let mut arrays = batch.columns().to_vec();
        for (values, &at) in cells.columns.columns().iter().zip(&columns) {
            arrays[at] =
                guard(|| interleave(&[&arrays[at], values], &from)).map_err(Error::internal)?;
        }
        *batch = RecordBatch::try_new(schema.clone(), arrays)
            .map_err(|e| Error::internal(format!("columns: {e}")))?;
    }
    let patched = part
        .with_columns(batches)
        .ok_or_else(|| Error::internal("the part does not fit together"))?;
    Ok(Some((patched, columns.into_iter().collect())))
}

/// [`patch`] with several layers, later ones in force.
pub(crate) fn patch_all(
    part: &Part,
    meta: &CollectionMeta,
    layers: &[Cells],
) -> Result<Option<(Part, BTreeSet<usize>)>> {
    let mut patched: Option<(Part, BTreeSet<usize>)> = None;
    for cells in layers {
        let now = patched.as_ref().map_or(part, |(part, _)| part);
        if let Some((part, mut columns)) = patch(now, meta, cells)? {
            columns.extend(patched.iter().flat_map(|(_, columns)| columns));
            patched = Some((part, columns));
        }
    }
    Ok(patched)
}

/// The present values of some columns of some rows; all rows are in a part.
pub(crate) fn read_cells<'a>(
    parts: impl Iterator<Item = &'a Arc<Part>>,
    meta: &CollectionMeta,
    rows: &RoaringBitmap,
    columns: &[usize],
) -> Result<Cells> {
    let fields: Vec<_> = columns
        .iter()
        .map(|&at| meta.columns[at].kind.field(&meta.columns[at].name))
        .collect();
    let mut batches: Vec<Vec<ArrayRef>> = Vec::new();
    let mut from: Vec<(usize, usize)> = Vec::new();
    for part in parts {
        let range = part.range();
        if range.is_empty() || rows.range_cardinality(range.clone()) == 0 {
            continue;
        }
        let mut open: Option<usize> = None;
        for position in rows.range(range).filter_map(|r| part.numbers.position(r)) {
            let (batch, at) = part.locate(position).unwrap_or((0, 0));
            if open != Some(batch) {
                open = Some(batch);
                batches.push(
                    columns
                        .iter()
                        .zip(&fields)
                        .map(|(&column, field)| {
                            let values = part
                                .columns
                                .get(batch)
                                .and_then(|b| b.columns().get(column));
                            values.cloned().unwrap_or_else(|| {
                                let rows = part.columns.get(batch).map_or(1, |b| b.num_rows());
                                new_null_array(field.data_type(), rows)
                            })
                        })
                        .collect(),
                );
            }
            from.push((batches.len() - 1, at));
        }
    }
    if from.len() as u64 != rows.len() {
        return Err(Error::internal("a row is in no part"));
    }
    let schema = Arc::new(Schema::new(fields));
    if from.is_empty() {
        return Ok(Cells {
            rows: RoaringBitmap::new(),
            columns: RecordBatch::new_empty(schema),
        });
    }
    let arrays = (0..columns.len()).map(|n| {
        let values: Vec<&dyn Array> = batches.iter().map(|b| b[n].as_ref()).collect();
        guard(|| interleave(&values, &from))
    });
    let arrays = arrays
        .collect::<Result<Vec<_>, String>>()
        .map_err(Error::internal)?;
    let columns = RecordBatch::try_new(schema, arrays)
        .map_err(|e: ArrowError| Error::internal(format!("cells: {e}")))?;
    Ok(Cells {
        rows: rows.clone(),
        columns,
    })
}

/// Cells that are checked and put into copies of the parts, and not applied.
#[derive(Default)]
pub(crate) struct StagedCells {
    sealed: Vec<(usize, Part, BTreeSet<usize>)>,
    fresh: Vec<(usize, Part)>,
}

impl Written {
    /// What layers of cells would make of the parts. Nothing is changed yet.
    pub fn stage_cells(&self, layers: &[Cells]) -> Result<StagedCells> {
        let mut staged = StagedCells::default();
        for (at, part) in self.sealed.iter().enumerate() {
            if let Some((part, columns)) = patch_all(part, &self.meta, layers)? {
                staged.sealed.push((at, part, columns));
            }
        }
        for (at, part) in self.memtable.parts().iter().enumerate() {
            if let Some((part, _)) = patch_all(part, &self.meta, layers)? {
                staged.fresh.push((at, part));
            }
        }
        Ok(staged)
    }

    /// Carries out what was staged.
    pub fn apply_cells(&mut self, staged: StagedCells) {
        for (at, part, columns) in staged.sealed {
            self.sealed[at] = Arc::new(part);
            self.edited.entry(at).or_default().extend(columns);
        }
        for (at, part) in staged.fresh {
            self.memtable.replace(at, part);
        }
        self.dirty = true;
    }
}
