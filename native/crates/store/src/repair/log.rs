//! The log: every record that checks out is applied, and what is missing between them is told.

use std::collections::{BTreeMap, HashMap, HashSet};

use roaring::RoaringBitmap;

use super::Work;
use super::choose::Chosen;
use super::loss::Place;
use crate::error::Result;
use crate::ingest::ids_of;
use crate::meta::IdKind;
use crate::replay::{replay_edit, replay_entry, replay_revert};
use crate::state::{State, Written};
use crate::store::Store;
use crate::wal::{
    self, Delete, Edit, FILE_HEADER, Gap, Kind, Log, Record, Revert, Upsert, salvage_log,
};

/// Applies the log of the damaged store to the new one, and seals the outcome.
pub(super) fn replay(work: &mut Work<'_>, store: &Store, chosen: &Chosen) -> Result<()> {
    let logs = read(work, chosen)?;
    let shared = &store.shared;
    let (commit, mut state) = shared.publishing()?;
    let mut skipped: BTreeMap<String, u64> = BTreeMap::new();
    for log in &logs {
        for entry in log.entries().filter(|e| e.lsn > chosen.manifest.last_lsn) {
            // Rows in memory have no gaps between them: those before one are sealed first.
            if leaves_gap(&entry, &state) {
                forget(&mut state);
                shared.seal(&commit, &mut state, |_| Ok(()))?;
            }
            if let Err(why) = apply(work, chosen, &entry, &mut state) {
                *skipped.entry(why).or_default() += 1;
            }
        }
    }
    for (why, count) in skipped {
        work.note(format!(
            "{count} records of the log were not applied: {why}"
        ));
    }
    for (id, written) in &mut state.collections {
        // A record may have brought back what is lost.
        if let Some(loss) = work.lost.get(id) {
            written.bury(&loss.rows);
        }
        if !chosen.certain {
            let before = bury_doubles(written);
            if before > 0 {
                work.note(format!(
                    "{before} rows of {:?} are older ones with the id of another: the last one counts",
                    written.meta.name
                ));
            }
        }
        written.dirty = true;
    }
    forget(&mut state);
    shared.seal(&commit, &mut state, |_| Ok(()))?;
    let snapshots = shared.unseen(&mut state);
    shared.show(snapshots);
    Ok(())
}

/// The new store has no history: entries with gaps between them could not be taken back.
fn forget(state: &mut State) {
    state.ledger.pending.clear();
    state.ledger.take_unshown();
}

/// The log files of the damaged store that hold records after what the manifest contains, with notes of what is missing in them.
fn read(work: &mut Work<'_>, chosen: &Chosen) -> Result<Vec<Log>> {
    let folder = wal::folder(work.root);
    let mut firsts: Vec<u64> = work
        .from
        .list(&folder)
        .unwrap_or_default()
        .iter()
        .filter_map(|e| wal::parse_name(&e.name))
        .collect();
    firsts.sort_unstable();
    let needed = chosen.manifest.last_lsn.saturating_add(1);
    let begin = firsts.partition_point(|&f| f <= needed).saturating_sub(1);
    let mut next = needed;
    let mut logs = Vec::new();
    if firsts.is_empty() {
        work.note("there is no log: writes since the last checkpoint, if there were any, are lost");
    }
    for &first in &firsts[begin..] {
        let name = wal::file_name(first);
        let (log, gaps) = match salvage_log(work.from, &folder.join(&name), first) {
            Ok(read) => read,
            Err(e) => {
                work.note(format!("the log {name} cannot be read: {e}"));
                continue;
            }
        };
        // Without the newest manifest nobody knows which records the segments contain.
        if first > next && (chosen.certain || !logs.is_empty()) {
            work.note(missing(next, Some(first), "no file of the log holds them"));
        }
        if log.file_len() < FILE_HEADER as u64 {
            work.note(format!(
                "the log {name} is cut off before its first record: writes since the last checkpoint, if there were any, are lost"
            ));
        }
        for gap in gaps {
            if gap.next.is_none_or(|n| n > needed) {
                work.note(told_of_gap(&name, &gap));
            }
        }
        next = next.max(log.last_lsn(first).saturating_add(1));
        logs.push(log);
    }
    Ok(logs)
}

fn told_of_gap(name: &str, gap: &Gap) -> String {
    let Gap {
        offset,
        bytes,
        first,
        next,
    } = *gap;
    match next {
        Some(_) => missing(
            first,
            next,
            &format!("{bytes} bytes of {name} from byte {offset} on are damaged"),
        ),
        None => format!(
            "the last {bytes} bytes of {name}, from byte {offset} on, are no whole record: after a crash that is usual and nothing is lost; otherwise the last writes are"
        ),
    }
}

fn missing(first: u64, next: Option<u64>, why: &str) -> String {
    let last = next.map_or(first, |n| n.saturating_sub(1));
    let which = if first >= last {
        format!("record {first} of the log is")
    } else {
        format!("records {first} to {last} of the log are")
    };
    format!(
        "{which} lost, because {why}: rows written by them are lost, rows that they replaced are as before, and rows that they deleted are back"
    )
}

/// Whether the record's rows do not follow the last ones of their collection.
fn leaves_gap(entry: &Record<'_>, state: &State) -> bool {
    if entry.kind != Kind::Upsert {
        return false;
    }
    let written = Upsert::decode(entry.payload, entry.version)
        .ok()
        .and_then(|u| Some((u.first_row, state.collections.get(&u.stamp.collection)?)));
    written.is_some_and(|(first, w)| first > w.next_row && w.memtable.rows() > 0)
}

/// Applies one record, if it can be told what it is about.
fn apply(
    work: &mut Work<'_>,
    chosen: &Chosen,
    entry: &Record<'_>,
    state: &mut State,
) -> Result<(), String> {
    let State {
        manifest,
        collections,
        ledger,
        ..
    } = state;
    match entry.kind {
        Kind::Upsert => {
            let upsert = Upsert::decode(entry.payload, entry.version)?;
            if let Some(written) = collections.get_mut(&upsert.stamp.collection) {
                if upsert.first_row < written.next_row && !chosen.certain {
                    return Err("their rows are in segments already".to_owned());
                }
                skip_lost(work, upsert.stamp.collection, written, upsert.first_row);
            }
            supersede(work, &upsert);
        }
        Kind::Delete => {
            let delete = Delete::decode(entry.payload, entry.version)?;
            told(chosen, delete.stamp.collection, &delete.rows)?;
            if let Some(loss) = work.lost.get_mut(&delete.stamp.collection) {
                loss.superseded |= &delete.rows;
            }
        }
        Kind::Edit => {
            let mut edit = Edit::decode(entry.payload)?;
            told(chosen, edit.stamp.collection, &edit.cells.rows)?;
            if let Some(written) = collections.get_mut(&edit.stamp.collection) {
                let there = present(written);
                edit.cells.keep(&there)?;
                return replay_edit(edit, written, ledger);
            }
        }
        Kind::Revert => {
            let mut revert = Revert::decode(entry.payload)?;
            let id = revert.stamp.collection;
            for rows in [&revert.died, &revert.revived] {
                told(chosen, id, rows)?;
            }
            for cells in &revert.cells {
                told(chosen, id, &cells.rows)?;
            }
            if let Some(written) = collections.get_mut(&id) {
                let there = present(written);
                for cells in &mut revert.cells {
                    cells.keep(&there)?;
                }
                return replay_revert(revert, written, ledger);
            }
        }
        Kind::Mark => {}
    }
    replay_entry(entry, manifest, collections, ledger)
}

/// Whether the row numbers of a record still mean the rows that they meant.
fn told(chosen: &Chosen, collection: u32, rows: &RoaringBitmap) -> Result<(), String> {
    let known = chosen.known_rows.get(&collection).copied();
    if !chosen.certain && rows.max() >= Some(known.unwrap_or_default()) {
        return Err("it cannot be told any more which rows they changed".to_owned());
    }
    Ok(())
}

/// The rows of a collection that are in a part.
fn present(written: &Written) -> RoaringBitmap {
    let mut rows = RoaringBitmap::new();
    for part in written.parts() {
        part.numbers.add_to(&mut rows);
    }
    rows
}

/// Row numbers that no record gives out any more are lost rows.
fn skip_lost(work: &mut Work<'_>, collection: u32, written: &mut Written, first_row: u32) {
    let next = written.next_row;
    if first_row <= next {
        return;
    }
    written.bury(next..first_row);
    written.next_row = first_row;
    let mut lost = RoaringBitmap::new();
    lost.insert_range(next..first_row);
    let why = "the record of the log that wrote them is damaged or missing";
    work.lost.entry(collection).or_default().add(Place {
        segment: "wal".to_owned(),
        ids: HashMap::new(),
        reasons: vec![(why.to_owned(), lost.clone())],
        lost,
    });
}

/// Lost rows whose id is written again are not missed.
fn supersede(work: &mut Work<'_>, upsert: &Upsert) {
    let loss = work.lost.get_mut(&upsert.stamp.collection);
    let Some(loss) = loss.filter(|l| !l.known.is_empty()) else {
        return;
    };
    let column = upsert.columns.as_ref().and_then(|b| b.columns().first());
    for id in column.and_then(|c| ids_of(c).ok()).unwrap_or_default() {
        if let Some(row) = loss.known.remove(&id) {
            loss.superseded.insert(row);
        }
    }
}

/// Marks all live rows but the last of each id as dead. Gives how many there were.
fn bury_doubles(written: &mut Written) -> u64 {
    if written.meta.id_kind == IdKind::RowNumber {
        return 0;
    }
    let mut seen = HashSet::new();
    let mut doubles = Vec::new();
    for part in written.parts().rev() {
        for position in (0..part.rows).rev() {
            let row = part.numbers.row(position);
            let Some(id) = part.id_at(0, position).filter(|_| written.is_live(row)) else {
                continue;
            };
            if !seen.insert(id) {
                doubles.push(row);
            }
        }
    }
    let count = doubles.len() as u64;
    written.bury(doubles);
    count
}
