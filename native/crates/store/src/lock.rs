//! The lock of a store: one process writes it, and says who it is.

use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

use crate::error::{Error, Result};
use crate::vfs::{Disk, Lock, LockError};

/// The file that is locked; its text tells the holder's process, since when, and the program.
pub(crate) const LOCK: &str = "LOCK";

/// Takes the lock of the store in `root`, or tells who has it.
pub(crate) fn take(disk: &Disk, root: &Path, program: Option<&str>) -> Result<Box<dyn Lock>> {
    let holder = format!(
        "process {} since {} ({})",
        std::process::id(),
        utc_now(),
        program_name(program)
    );
    let path = root.join(LOCK);
    disk.vfs().lock(&path, &holder).map_err(|e| match e {
        LockError::Io(e) => Error::io("lock", &path, &e),
        LockError::Held(holder) => locked(root, holder),
    })
}

/// What is said of a store that somebody else writes; `holder` in their words.
pub(crate) fn locked(root: &Path, holder: Option<String>) -> Error {
    let pid = holder
        .as_deref()
        .and_then(|h| h.split_whitespace().nth(1)?.parse().ok());
    Error::StoreLocked {
        path: root.to_path_buf(),
        holder,
        pid,
    }
}

/// What the program calls itself, or else the name of its file.
fn program_name(given: Option<&str>) -> String {
    let name = given.map(str::to_owned).or_else(|| {
        let path = std::env::current_exe().ok()?;
        Some(path.file_name()?.to_string_lossy().into_owned())
    });
    let printable = |name: String| name.chars().filter(|c| !c.is_control()).take(100).collect();
    name.map_or_else(|| "unknown program".to_owned(), printable)
}

/// Now, as `2026-01-31T23:59:59Z`.
fn utc_now() -> String {
    let seconds = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |d| d.as_secs());
    let (days, rest) = (seconds / 86_400, seconds % 86_400);
    // Days to a civil date, counting years from March so that the leap day comes last.
    let z = days + 719_468;
    let era = z / 146_097;
    let day_of_era = z % 146_097;
    let year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted + 2) / 5 + 1;
    let month = if shifted < 10 {
        shifted + 3
    } else {
        shifted - 9
    };
    let year = year_of_era + era * 400 + u64::from(month <= 2);
    format!(
        "{year:04}-{month:02}-{day:02}T{:02}:{:02}:{:02}Z",
        rest / 3600,
        rest / 60 % 60,
        rest % 60
    )
}
