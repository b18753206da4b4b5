//! Edits of cells: values from a caller become a change that the log holds and the history can take back.

mod cells;

use std::sync::Arc;

use arrow_array::RecordBatch;
use arrow_schema::Field;
use roaring::RoaringBitmap;

use crate::changes::check_note;
use crate::collection::Collection;
use crate::error::{Error, Result};
use crate::history::{Cells, Change, ChangeKind, Entry, Inverse, now};
use crate::state::Written;
use crate::wal::{Edit, Kind};

pub(crate) use cells::{patch_all, read_cells};

impl Collection {
    /// Gives cells new values, durably: `values` holds some of the collection's columns (not the id column), with one row for each number in
    /// `rows`, or one row for all of them. Numbers of no live row are passed over. Gives the history's entry; `None` when there was no live row.
    ///
    /// # Errors
    /// `UNKNOWN_COLUMN`, `INVALID_REQUEST` (wrong types, the id column), `LIMIT_EXCEEDED`, and those of any write.
    pub fn edit(
        &self,
        rows: &[u32],
        values: &RecordBatch,
        note: Option<&str>,
    ) -> Result<Option<Arc<Entry>>> {
        self.check()?;
        check_note(note)?;
        if values.num_rows() != 1 && values.num_rows() != rows.len() {
            return Err(Error::invalid(format!(
                "{} rows of values were given for {} rows",
                values.num_rows(),
                rows.len()
            )));
        }
        let shared = &self.shared;
        let (commit, mut state) = shared.publishing()?;
        let at = now();
        let state = &mut *state;
        let stamp = state.ledger.stamp(self.core.id, at);
        let written = state
            .collections
            .get(&self.core.id)
            .ok_or_else(|| self.gone())?;
        let meta = written.meta.clone();
        let Some(cells) = live_cells(written, rows, values)? else {
            return Ok(None);
        };
        for field in cells.columns.schema_ref().fields() {
            if meta.column(field.name()).is_none() {
                return Err(Error::UnknownColumn {
                    collection: meta.name.clone(),
                    column: field.name().clone(),
                    known: meta.columns.iter().map(|c| c.name.clone()).collect(),
                });
            }
        }
        let columns = cells.positions(&meta).map_err(Error::invalid)?;
        let before = read_cells(written.parts(), &meta, &cells.rows, &columns)?;
        let mut entry = Entry::new(
            stamp.seq,
            at,
            ChangeKind::Edit,
            self.core.id,
            &meta.name,
            written.next_row,
        );
        entry.changed = cells.rows.len();
        entry.note = note.map(str::to_owned);
        let edit = Edit {
            stamp,
            note: entry.note.clone(),
            cells,
        };
        let change = Change {
            entry: entry.clone(),
            inverse: Inverse {
                cells: vec![before],
                ..Inverse::default()
            },
        };
        let payload = edit.encode()?;
        shared.carry_out(&commit, state, change, Kind::Edit, &payload, &[edit.cells])?;
        Ok(Some(Arc::new(entry)))
    }

    /// As [`Collection::edit`], with one value for each column: columns that are not there are made, of the type of the value.
    ///
    /// # Errors
    /// Those of [`Collection::edit`] and [`Collection::add_columns`].
    pub fn edit_json(
        &self,
        rows: &[u32],
        changes: &serde_json::Map<String, serde_json::Value>,
        note: Option<&str>,
    ) -> Result<Option<Arc<Entry>>> {
        self.check()?;
        let batch = crate::json_rows::cells_from_json(changes, &self.core.meta.load())?;
        let fields: Vec<Field> = batch
            .schema_ref()
            .fields()
            .iter()
            .map(|f| f.as_ref().clone())
            .collect();
        let live = self.snapshot();
        if rows.iter().any(|row| live.contains(*row)) {
            self.add_columns(&fields)?;
        }
        self.edit(rows, &batch, note)
    }
}

/// The values for those of the rows that are live, ascending; of a row that stands twice the last value.
fn live_cells(written: &Written, rows: &[u32], values: &RecordBatch) -> Result<Option<Cells>> {
    let one = values.num_rows() == 1 && rows.len() != 1;
    let mut order: Vec<(u32, u32)> = rows
        .iter()
        .copied()
        .zip(0u32..)
        .filter(|(row, _)| written.is_live(*row))
        .collect();
    order.sort_unstable();
    order.dedup_by(|next, kept| {
        let same = next.0 == kept.0;
        if same {
            kept.1 = next.1;
        }
        same
    });
    if order.is_empty() || values.num_columns() == 0 {
        return Ok(None);
    }
    let in_order =
        one || order.len() == rows.len() && order.iter().zip(0u32..).all(|(o, i)| o.1 == i);
    let columns = if in_order {
        values.clone()
    } else {
        let from: arrow_array::UInt32Array = order.iter().map(|o| o.1).collect::<Vec<_>>().into();
        arrow_select::take::take_record_batch(values, &from)
            .map_err(|e| Error::internal(format!("values: {e}")))?
    };
    let rows = RoaringBitmap::from_sorted_iter(order.iter().map(|o| o.0))
        .map_err(|_| Error::internal("row numbers out of order"))?;
    Ok(Some(Cells { rows, columns }))
}
