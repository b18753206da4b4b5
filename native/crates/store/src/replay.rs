//! The log's records, applied to the written state and noted in the ledger: the same whether they are read back at an opening, by a reader
//! or by a repair. Nothing in them is believed.

use std::collections::BTreeMap;

use roaring::RoaringBitmap;

use crate::edit::read_cells;
use crate::error::{Error, Result};
use crate::history::{Cells, Change, ChangeKind, Entry, Inverse, Ledger, changed_rows};
use crate::ingest::{self, Batch};
use crate::manifest::Manifest;
use crate::state::Written;
use crate::wal::{Delete, Edit, Kind, Log, Record, Revert, Stamp, Upsert};

/// Applies the records of a log that the manifest does not contain.
pub(crate) fn replay(
    log: &Log,
    manifest: &Manifest,
    collections: &mut BTreeMap<u32, Written>,
    ledger: &mut Ledger,
) -> Result<()> {
    for entry in log.entries().filter(|e| e.lsn > manifest.last_lsn) {
        replay_entry(&entry, manifest, collections, ledger).map_err(|reason| Error::Corrupt {
            file: log.path().to_path_buf(),
            offset: Some(entry.offset),
            lsn: Some(entry.lsn),
            reason,
        })?;
    }
    Ok(())
}

/// Applies one record to the written state. On an error nothing was applied.
pub(crate) fn replay_entry(
    entry: &Record<'_>,
    manifest: &Manifest,
    collections: &mut BTreeMap<u32, Written>,
    ledger: &mut Ledger,
) -> Result<(), String> {
    let (payload, version) = (entry.payload, entry.version);
    match entry.kind {
        Kind::Upsert => {
            let upsert = Upsert::decode(payload, version)?;
            let written = target(upsert.stamp.collection, manifest, collections)?;
            written.map_or(Ok(()), |w| replay_upsert(upsert, w, ledger))
        }
        Kind::Delete => {
            let delete = Delete::decode(payload, version)?;
            let written = target(delete.stamp.collection, manifest, collections)?;
            written.map_or(Ok(()), |w| replay_delete(delete, w, ledger))
        }
        Kind::Edit => {
            let edit = Edit::decode(payload)?;
            let written = target(edit.stamp.collection, manifest, collections)?;
            written.map_or(Ok(()), |w| replay_edit(edit, w, ledger))
        }
        Kind::Revert => {
            let revert = Revert::decode(payload)?;
            let written = target(revert.stamp.collection, manifest, collections)?;
            written.map_or(Ok(()), |w| replay_revert(revert, w, ledger))
        }
        Kind::Mark => Ok(()),
    }
}

/// The collection of a record; `None` when it was dropped since.
fn target<'a>(
    id: u32,
    manifest: &Manifest,
    collections: &'a mut BTreeMap<u32, Written>,
) -> Result<Option<&'a mut Written>, String> {
    match collections.get_mut(&id) {
        Some(written) => Ok(Some(written)),
        None if id < manifest.next_collection => Ok(None),
        None => Err(format!("it is of a collection ({id}) that there never was")),
    }
}

/// Numbers of the history's entries: a file of version 1 has none, so they are given anew at each replay.
fn stamped(stamp: Stamp, fresh: Stamp) -> Stamp {
    if stamp.seq == 0 { fresh } else { stamp }
}

fn replay_upsert(upsert: Upsert, written: &mut Written, ledger: &mut Ledger) -> Result<(), String> {
    if upsert.first_row != written.next_row {
        return Err(format!(
            "its rows begin at {}, and the next row is {}",
            upsert.first_row, written.next_row
        ));
    }
    let meta = written.meta.clone();
    let fits = upsert.vectors.len() == meta.vectors.len()
        && upsert
            .vectors
            .iter()
            .zip(&meta.vectors)
            .all(|(v, spec)| v.len() == upsert.rows as usize * spec.dimension);
    if !fits {
        return Err("its vectors are not those of the collection".to_owned());
    }
    for values in &upsert.vectors {
        if values.iter().any(|v| !v.is_finite()) {
            return Err("a vector has a value that is not finite".to_owned());
        }
    }
    let rows = upsert.rows;
    let columns = upsert
        .columns
        .map(|batch| ingest::fit_columns(&meta, &written.schema, &batch, rows as usize))
        .transpose()
        .map_err(|e| e.to_string())?
        .flatten();
    let staged =
        Batch::new(&meta, rows, columns, upsert.vectors).and_then(|batch| written.stage(batch));
    let staged = staged.map_err(|e| e.to_string())?;
    let stamp = upsert.stamp;
    let stamp = stamped(stamp, ledger.stamp_rows(stamp.collection, stamp.at));
    let dead = staged.dead.iter().copied();
    ledger.add_rows(stamp, &meta.name, &staged.rows, dead);
    written.apply(staged);
    Ok(())
}

/// Whether all of these rows were once given out.
fn known(rows: &RoaringBitmap, written: &Written) -> Result<(), String> {
    match rows.max() {
        Some(row) if row >= written.next_row => Err(format!(
            "it is of row {row}, and there never was such a row"
        )),
        _ => Ok(()),
    }
}

fn replay_delete(delete: Delete, written: &mut Written, ledger: &mut Ledger) -> Result<(), String> {
    known(&delete.rows, written)?;
    let stamp = delete.stamp;
    let stamp = stamped(stamp, ledger.stamp(stamp.collection, stamp.at));
    let rows = delete.rows - &*written.deleted;
    let change = Change::delete(stamp, &written.meta.name, written.next_row, rows);
    written.turn(&change.inverse);
    ledger.push(change);
    Ok(())
}

/// The present values of what layers of cells will change, once the cells are found to fit.
fn cells_before(layers: &[Cells], written: &Written) -> Result<Vec<Cells>, String> {
    layers
        .iter()
        .map(|cells| {
            known(&cells.rows, written)?;
            let columns = cells.positions(&written.meta)?;
            read_cells(written.parts(), &written.meta, &cells.rows, &columns)
                .map_err(|e| e.to_string())
        })
        .collect()
}

pub(crate) fn replay_edit(
    edit: Edit,
    written: &mut Written,
    ledger: &mut Ledger,
) -> Result<(), String> {
    let Edit { stamp, note, cells } = edit;
    let layers = [cells];
    let before = cells_before(&layers, written)?;
    let staged = written.stage_cells(&layers).map_err(|e| e.to_string())?;
    let name = &written.meta.name;
    let (id, next) = (stamp.collection, written.next_row);
    let mut entry = Entry::new(stamp.seq, stamp.at, ChangeKind::Edit, id, name, next);
    entry.changed = layers[0].rows.len();
    entry.note = note;
    ledger.push(Change {
        entry,
        inverse: Inverse {
            cells: before,
            ..Inverse::default()
        },
    });
    written.apply_cells(staged);
    Ok(())
}

pub(crate) fn replay_revert(
    revert: Revert,
    written: &mut Written,
    ledger: &mut Ledger,
) -> Result<(), String> {
    let Revert {
        stamp,
        target,
        step,
        note,
        died,
        revived,
        cells,
    } = revert;
    known(&died, written)?;
    known(&revived, written)?;
    let before = cells_before(&cells, written)?;
    let staged = written.stage_cells(&cells).map_err(|e| e.to_string())?;
    let name = &written.meta.name;
    let (id, next) = (stamp.collection, written.next_row);
    let mut entry = Entry::new(stamp.seq, stamp.at, ChangeKind::Revert, id, name, next);
    entry.target = Some(target);
    entry.step = step;
    entry.note = note;
    entry.removed = died.len();
    entry.revived = revived.len();
    entry.changed = changed_rows(&cells);
    let change = Change {
        entry,
        inverse: Inverse {
            died,
            revived,
            cells: before,
        },
    };
    written.turn(&change.inverse);
    ledger.push(change);
    written.apply_cells(staged);
    Ok(())
}
