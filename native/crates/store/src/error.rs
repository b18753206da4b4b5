//! Every way the store can fail, by whose fault: the caller's input, the machine, the bytes on disk, a bug of ours.
//!
//! [`Error::code`] is the closed union that crosses the FFI; [`Error::detail`] the facts as JSON; [`Error::remedy`] what the person can do.

use std::io;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

/// The result of every operation of the store.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// An error of the store. `Display` says what happened and to what.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// No collection of this name.
    #[error("there is no collection named {name:?}")]
    UnknownCollection {
        /// The name asked for.
        name: String,
    },
    /// No column of this name.
    #[error("collection {collection:?} has no column named {column:?}")]
    UnknownColumn {
        /// The collection.
        collection: String,
        /// The column asked for.
        column: String,
        /// Columns there are.
        known: Vec<String>,
    },
    /// No live row of this number.
    #[error("there is no row {row} (deleted, or never written)")]
    UnknownRow {
        /// The row number.
        row: u32,
    },
    /// No live row of this id.
    #[error("there is no row with the id {id}")]
    UnknownId {
        /// The id, as text.
        id: String,
    },
    /// No saved map of this name.
    #[error("there is no map named {name:?}")]
    UnknownMap {
        /// The name asked for.
        name: String,
    },
    /// A collection of this name is there already.
    #[error("a collection named {name:?} exists already")]
    CollectionExists {
        /// The name.
        name: String,
    },
    /// Rows that do not bring exactly the vector columns that the collection has.
    #[error("collection {collection:?} has the vector columns {}: {reason}", known.join(", "))]
    VectorColumns {
        /// The collection.
        collection: String,
        /// Which are missing, or too many.
        reason: String,
        /// Its vector columns.
        known: Vec<String>,
    },
    /// A vector has the wrong number of values.
    #[error("vector column {column:?} takes {expected} values, and {actual} were given")]
    DimensionMismatch {
        /// The vector column.
        column: String,
        /// Values expected.
        expected: usize,
        /// Values given.
        actual: usize,
    },
    /// A vector holds NaN or an infinite value.
    #[error("vector {row} of the batch is not usable: {reason}")]
    InvalidVector {
        /// 0-based position in the batch given.
        row: usize,
        /// Why.
        reason: String,
    },
    /// A filter expression that does not parse or does not fit the columns.
    #[error("the filter is not valid: {message}")]
    InvalidFilter {
        /// What is wrong with it.
        message: String,
        /// 1-based line and column, where known.
        position: Option<(u64, u64)>,
        /// What may have been meant.
        hint: Option<String>,
    },
    /// A name that cannot be used for a collection, a column or a map.
    #[error("the name {name:?} cannot be used: {reason}")]
    InvalidName {
        /// The name.
        name: String,
        /// Why not.
        reason: String,
    },
    /// Arguments that do not fit together.
    #[error("{reason}")]
    InvalidRequest {
        /// What does not fit.
        reason: String,
    },
    /// The folder is not a store.
    #[error("{} is not a store: {reason}", path.display())]
    NotAStore {
        /// The folder.
        path: PathBuf,
        /// What was found instead.
        reason: String,
    },
    /// A named limit is exceeded.
    #[error("{what}: {actual} is more than the limit of {limit}")]
    LimitExceeded {
        /// What is limited.
        what: String,
        /// The limit.
        limit: u64,
        /// What was asked for.
        actual: u64,
    },
    /// The caller cancelled the work.
    #[error("{what} was cancelled")]
    Cancelled {
        /// The work.
        what: String,
    },
    /// Another process (or another handle of this one) has the store open for writing.
    #[error("the store {} is open elsewhere{}", path.display(), holder.as_ref().map(|h| format!(" ({h})")).unwrap_or_default())]
    StoreLocked {
        /// The store's folder.
        path: PathBuf,
        /// The holder's own words: its pid and since when.
        holder: Option<String>,
        /// The holder's process id.
        pid: Option<u32>,
    },
    /// There is no change to undo, or no undo to redo.
    #[error("there is nothing to {what}")]
    NothingToUndo {
        /// `"undo"` or `"redo"`.
        what: &'static str,
    },
    /// An entry that the history does not hold (any more).
    #[error("the history holds no change {seq}")]
    HistoryPruned {
        /// The entry asked for.
        seq: u64,
    },
    /// A write through a read-only handle.
    #[error("the store is open for reading only")]
    ReadOnly,
    /// A reader wants a file that the writer removed since the reader last looked.
    #[error("{} is gone: another process changed the store since it was last refreshed", path.display())]
    OutOfDate {
        /// The path.
        path: PathBuf,
    },
    /// The file or folder is not there.
    #[error("{} was not found", path.display())]
    FileNotFound {
        /// The path.
        path: PathBuf,
    },
    /// The system refuses access.
    #[error("no permission to {operation} {}", path.display())]
    PermissionDenied {
        /// The path.
        path: PathBuf,
        /// What was tried.
        operation: &'static str,
    },
    /// No space left, or a quota is reached.
    #[error("the disk is full: could not {operation} {}{}", path.display(), needed.map(|n| format!("; it needs at least {} more", size(n))).unwrap_or_default())]
    DiskFull {
        /// The path.
        path: PathBuf,
        /// What was tried.
        operation: &'static str,
        /// Bytes that the failed write still had to put on disk; unknown when it was no write.
        needed: Option<u64>,
    },
    /// Another failure of the system.
    #[error("could not {operation} {}: {message}", path.display())]
    Io {
        /// The path.
        path: PathBuf,
        /// What was tried.
        operation: &'static str,
        /// The system's words.
        message: String,
    },
    /// An earlier write or sync failed, so what is on disk is unknown until the store is opened again.
    #[error("the store stopped writing after an earlier failure: {cause}")]
    Poisoned {
        /// The first failure.
        cause: String,
    },
    /// The handle was closed.
    #[error("the store is closed")]
    Closed,
    /// Bytes on disk are not what was written.
    #[error("{} is damaged{}{}: {reason}", file.display(), offset.map(|o| format!(" at byte {o}")).unwrap_or_default(), lsn.map(|l| format!(" (log record {l})")).unwrap_or_default())]
    Corrupt {
        /// The damaged file.
        file: PathBuf,
        /// Where in the file, if known.
        offset: Option<u64>,
        /// The log record that is damaged or missing, if it is the log.
        lsn: Option<u64>,
        /// What is wrong.
        reason: String,
    },
    /// A file of a format version that this build does not know.
    #[error("{} has format version {found}, and this build reads up to {supported}", file.display())]
    UnsupportedVersion {
        /// The file.
        file: PathBuf,
        /// Its version.
        found: u32,
        /// The newest version this build reads.
        supported: u32,
    },
    /// A bug of ours.
    #[error("internal error: {reason}")]
    Internal {
        /// What did not hold.
        reason: String,
    },
}

impl Error {
    /// The stable code of the error, from a closed union.
    pub fn code(&self) -> &'static str {
        match self {
            Error::UnknownCollection { .. } => "UNKNOWN_COLLECTION",
            Error::UnknownColumn { .. } => "UNKNOWN_COLUMN",
            Error::UnknownRow { .. } => "UNKNOWN_ROW",
            Error::UnknownId { .. } => "UNKNOWN_ID",
            Error::UnknownMap { .. } => "UNKNOWN_MAP",
            Error::CollectionExists { .. } => "COLLECTION_EXISTS",
            Error::VectorColumns { .. } => "NO_VECTOR_COLUMN",
            Error::DimensionMismatch { .. } => "DIMENSION_MISMATCH",
            Error::InvalidVector { .. } => "INVALID_VECTOR",
            Error::InvalidFilter { .. } => "INVALID_FILTER",
            Error::InvalidName { .. } => "INVALID_NAME",
            Error::InvalidRequest { .. } => "INVALID_REQUEST",
            Error::NotAStore { .. } => "NOT_A_STORE",
            Error::LimitExceeded { .. } => "LIMIT_EXCEEDED",
            Error::Cancelled { .. } => "CANCELLED",
            Error::StoreLocked { .. } => "STORE_LOCKED",
            Error::NothingToUndo { .. } => "NOTHING_TO_UNDO",
            Error::HistoryPruned { .. } => "HISTORY_PRUNED",
            Error::ReadOnly => "READ_ONLY",
            Error::FileNotFound { .. } | Error::OutOfDate { .. } => "FILE_NOT_FOUND",
            Error::PermissionDenied { .. } => "PERMISSION_DENIED",
            Error::DiskFull { .. } => "DISK_FULL",
            Error::Io { .. } => "IO",
            Error::Poisoned { .. } => "STORE_POISONED",
            Error::Closed => "STORE_CLOSED",
            Error::Corrupt { .. } => "CORRUPT",
            Error::UnsupportedVersion { .. } => "UNSUPPORTED_VERSION",
            Error::Internal { .. } => "INTERNAL",
        }
    }

    /// The facts of the error as a JSON object (empty where the message says all).
    pub fn detail(&self) -> Value {
        let path = |p: &Path| p.to_string_lossy().into_owned();
        match self {
            Error::UnknownCollection { name }
            | Error::UnknownMap { name }
            | Error::CollectionExists { name } => json!({ "name": name }),
            Error::UnknownColumn {
                collection,
                column,
                known,
            } => json!({ "collection": collection, "column": column, "known": known }),
            Error::VectorColumns {
                collection,
                reason,
                known,
            } => json!({ "collection": collection, "reason": reason, "known": known }),
            Error::NothingToUndo { what } => json!({ "what": what }),
            Error::HistoryPruned { seq } => json!({ "seq": seq }),
            Error::UnknownRow { row } => json!({ "row": row }),
            Error::UnknownId { id } => json!({ "id": id }),
            Error::DimensionMismatch {
                column,
                expected,
                actual,
            } => json!({ "column": column, "expected": expected, "actual": actual }),
            Error::InvalidVector { row, reason } => json!({ "row": row, "reason": reason }),
            Error::InvalidFilter {
                message,
                position,
                hint,
            } => json!({
                "message": message,
                "line": position.map(|p| p.0),
                "column": position.map(|p| p.1),
                "hint": hint,
            }),
            Error::InvalidName { name, reason } => json!({ "name": name, "reason": reason }),
            Error::InvalidRequest { reason } | Error::Internal { reason } => {
                json!({ "reason": reason })
            }
            Error::NotAStore { path: p, reason } => json!({ "path": path(p), "reason": reason }),
            Error::LimitExceeded {
                what,
                limit,
                actual,
            } => json!({ "what": what, "limit": limit, "actual": actual }),
            Error::Cancelled { what } => json!({ "what": what }),
            Error::StoreLocked {
                path: p,
                holder,
                pid,
            } => json!({ "path": path(p), "holder": holder, "pid": pid }),
            Error::FileNotFound { path: p } | Error::OutOfDate { path: p } => {
                json!({ "path": path(p) })
            }
            Error::PermissionDenied { path: p, operation } => {
                json!({ "path": path(p), "operation": operation })
            }
            Error::DiskFull {
                path: p,
                operation,
                needed,
            } => json!({ "path": path(p), "operation": operation, "needed": needed }),
            Error::Io {
                path: p,
                operation,
                message,
            } => json!({ "path": path(p), "operation": operation, "message": message }),
            Error::Poisoned { cause } => json!({ "cause": cause }),
            Error::Corrupt {
                file,
                offset,
                lsn,
                reason,
            } => json!({ "file": path(file), "offset": offset, "lsn": lsn, "reason": reason }),
            Error::UnsupportedVersion {
                file,
                found,
                supported,
            } => json!({ "file": path(file), "found": found, "supported": supported }),
            Error::ReadOnly | Error::Closed => json!({}),
        }
    }

    /// What was kept, and what the person can do next.
    pub fn remedy(&self) -> &'static str {
        match self {
            Error::UnknownCollection { .. } => {
                "Nothing was changed. List the collections and pick one of them."
            }
            Error::UnknownColumn { .. } => {
                "Nothing was changed. Use one of the collection's columns, or add the column first."
            }
            Error::UnknownRow { .. } | Error::UnknownId { .. } => {
                "Nothing was changed. The row may have been deleted or replaced: refresh and pick another."
            }
            Error::UnknownMap { .. } => {
                "Nothing was changed. Compute the map, or pick one of the saved ones."
            }
            Error::CollectionExists { .. } => {
                "Nothing was changed. Choose another name, or import into the existing collection."
            }
            Error::VectorColumns { .. } => {
                "Nothing was written. Give each row a vector in each of these columns, under the column's name, and in no other."
            }
            Error::DimensionMismatch { .. } => {
                "Nothing was written. Use vectors of the column's dimension (the same embedding model)."
            }
            Error::InvalidVector { .. } => {
                "Nothing was written. Remove the rows with NaN or infinite values, or skip them at import."
            }
            Error::InvalidFilter { .. } => {
                "Nothing was changed. Correct the expression: it is a SQL WHERE condition over the columns."
            }
            Error::InvalidName { .. } => "Nothing was changed. Choose another name.",
            Error::InvalidRequest { .. } => "Nothing was changed. Correct the request.",
            Error::NotAStore { .. } => {
                "Nothing was changed. Choose a store's folder, or an empty one to create a store in."
            }
            Error::LimitExceeded { .. } => {
                "Nothing was changed. Split the work into smaller parts."
            }
            Error::Cancelled { .. } => "Nothing was left behind. Start again whenever you like.",
            Error::StoreLocked { .. } => {
                "Nothing was changed. Open the store for reading only, or close it in the other process and try again."
            }
            Error::NothingToUndo { .. } => "Nothing was changed.",
            Error::HistoryPruned { .. } => {
                "Nothing was changed. The history keeps changes for a limited time: list it to see which can be taken back."
            }
            Error::ReadOnly => {
                "Nothing was changed. To write, open the store again without read-only, once no other process has it open for writing."
            }
            Error::OutOfDate { .. } => "Nothing was changed. Refresh the store, then try again.",
            Error::FileNotFound { .. } => {
                "Check that the path is right and that the drive is connected."
            }
            Error::PermissionDenied { .. } => {
                "Give your user access to the file, or choose another folder."
            }
            Error::DiskFull { .. } => {
                "Everything acknowledged before is kept. Free space on the drive, then open the store again."
            }
            Error::Io { .. } => {
                "Everything acknowledged before is kept. Check the drive, then open the store again."
            }
            Error::Poisoned { .. } => {
                "Everything acknowledged before is kept. Close the store and open it again."
            }
            Error::Closed => "Open the store again.",
            Error::Corrupt { .. } => {
                "Nothing was changed. Restore the store from a backup, or let repair make a new one of all rows that are sound; keep the folder until then."
            }
            Error::UnsupportedVersion { .. } => {
                "Nothing was changed. Open the store with a newer version of the app."
            }
            Error::Internal { .. } => {
                "Everything acknowledged before is kept. Please report this with the message."
            }
        }
    }

    /// Classifies a failure of the system on `path`.
    pub(crate) fn io(operation: &'static str, path: &Path, error: &io::Error) -> Error {
        let path = path.to_path_buf();
        match error.kind() {
            io::ErrorKind::NotFound => Error::FileNotFound { path },
            io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => {
                Error::PermissionDenied { path, operation }
            }
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => Error::DiskFull {
                path,
                operation,
                needed: None,
            },
            _ => Error::Io {
                path,
                operation,
                message: error.to_string(),
            },
        }
    }

    /// Damage in `file` without a known place.
    pub(crate) fn corrupt(file: &Path, reason: impl Into<String>) -> Error {
        Error::Corrupt {
            file: file.to_path_buf(),
            offset: None,
            lsn: None,
            reason: reason.into(),
        }
    }

    /// Arguments that do not fit together.
    pub(crate) fn invalid(reason: impl Into<String>) -> Error {
        Error::InvalidRequest {
            reason: reason.into(),
        }
    }

    /// Something that must hold and does not.
    pub(crate) fn internal(reason: impl Into<String>) -> Error {
        Error::Internal {
            reason: reason.into(),
        }
    }
}

/// Bytes for people.
fn size(bytes: u64) -> String {
    match bytes {
        0..1024 => format!("{bytes} bytes"),
        1024..0x10_0000 => format!("{:.1} KiB", bytes as f64 / 1024.0),
        0x10_0000..0x4000_0000 => format!("{:.1} MiB", bytes as f64 / f64::from(1 << 20)),
        _ => format!("{:.1} GiB", bytes as f64 / f64::from(1 << 30)),
    }
}
