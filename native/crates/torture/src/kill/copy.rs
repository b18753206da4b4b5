//! Copies that a process makes of its store, and those that it was killed over.

use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use omendb_store::{Error, OpenOptions, Result, Store};

use super::ops::{Rows, read};
use super::script::SMALL;

/// What the name of a copy begins with; it lies beside the store.
const NAME: &str = "copy-";
/// The name of one that is not needed any more: while it is removed it may lack anything.
const GONE: &str = "gone-";

fn open(path: &Path) -> Result<Arc<Store>> {
    let options = OpenOptions {
        read_only: true,
        ..OpenOptions::default()
    };
    Store::open(path, options)
}

/// Without the collection that the other writer changes meanwhile.
fn still(mut rows: Rows, alone: bool) -> Rows {
    if !alone {
        rows.remove(SMALL);
    }
    rows
}

/// Copies the store, compares and removes the copy.
pub fn make(store: &Store, n: i64, alone: bool) -> Result<()> {
    let path = store.path().with_file_name(format!("{NAME}{n}"));
    store.backup(&path, &|_, _| (), &AtomicBool::new(false))?;
    let (copy, here) = (read(&*open(&path)?), read(store));
    let same = copy.and_then(|copy| Ok(still(copy, alone) == still(here?, alone)));
    if same != Ok(true) {
        let reason = format!("the copy is not what was copied: {same:?}");
        return Err(Error::Internal { reason });
    }
    let gone = path.with_file_name(format!("{GONE}{n}"));
    // One that stays is looked at and removed after the kill.
    let _ = fs::rename(&path, &gone).and_then(|()| fs::remove_dir_all(&gone));
    Ok(())
}

/// Looks at the copies that were being made beside a store when its process was killed, and removes them: each is no store, or whole.
pub fn left(store: &Path, rows: &Rows, alone: bool) -> Result<(), String> {
    let folder = store.parent().ok_or("the store lies nowhere")?;
    let entries = fs::read_dir(folder).map_err(|e| e.to_string())?;
    let paths = entries.filter_map(|entry| Some(entry.ok()?.path()));
    for path in paths {
        let name = path.file_name().and_then(|name| name.to_str());
        let begins = |with| name.is_some_and(|name| name.starts_with(with));
        if begins(GONE) {
            fs::remove_dir_all(&path).map_err(|e| e.to_string())?;
        }
        if !begins(NAME) {
            continue;
        }
        let what = format!("the copy {}", path.display());
        match open(&path) {
            Ok(copy) => {
                let found = read(&copy).map_err(|e| format!("{what}: {e}"))?;
                if still(found, alone) != still(rows.clone(), alone) {
                    return Err(format!("{what} is whole, and is not what was copied"));
                }
                let report = copy.verify().map_err(|e| format!("{what}: {e}"))?;
                if !report.problems.is_empty() {
                    return Err(format!("{what}: {:?}", report.problems));
                }
            }
            Err(Error::NotAStore { .. } | Error::FileNotFound { .. }) => {}
            Err(e) => return Err(format!("{what}: {} {e}", e.code())),
        }
        fs::remove_dir_all(&path).map_err(|e| format!("{what}: {e}"))?;
    }
    Ok(())
}
