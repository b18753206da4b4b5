//! One error for every way a file can disappoint. Reading never changes a file, so nothing is ever lost by an error here.

use std::io;
use std::path::{Path, PathBuf};

use crate::reject::Rejected;

/// Result of everything in this crate.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// What went wrong with a file, a plan or a row.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// No file at this path.
    #[error("there is no file at {}", path.display())]
    FileNotFound {
        /// The path that was asked for.
        path: PathBuf,
    },
    /// The operating system refuses to open the file.
    #[error("{} may not be opened: permission denied", path.display())]
    PermissionDenied {
        /// The path that was asked for.
        path: PathBuf,
    },
    /// Not a format this crate reads, or not a regular file.
    #[error("{}: {what}", path.display())]
    UnsupportedFormat {
        /// The path that was asked for.
        path: PathBuf,
        /// What the file is instead.
        what: String,
        /// What the person can do about it.
        remedy: String,
    },
    /// The format is known, and the bytes break its rules (damaged, truncated, changed while read).
    #[error("{}: {what}", path.display())]
    InvalidFile {
        /// The path that was asked for.
        path: PathBuf,
        /// Which rule is broken, and where.
        what: String,
        /// What the person can do about it.
        remedy: String,
    },
    /// The file holds no row.
    #[error("{}: {what}", path.display())]
    EmptyInput {
        /// The path that was asked for.
        path: PathBuf,
        /// What is there instead of rows.
        what: String,
    },
    /// No column can serve as the vector.
    #[error("{}: {what}", path.display())]
    NoVectorColumn {
        /// The path that was asked for.
        path: PathBuf,
        /// Why not.
        what: String,
    },
    /// A row was refused and the plan says to stop at the first one.
    #[error("{}: {rejected}", path.display())]
    BadRow {
        /// The path that was asked for.
        path: PathBuf,
        /// The row and the reason.
        rejected: Rejected,
    },
    /// The file asks for more than this crate is willing to hold.
    #[error("{}: {what}", path.display())]
    LimitExceeded {
        /// The path that was asked for.
        path: PathBuf,
        /// Which limit, its value, and what the file asks for.
        what: String,
    },
    /// The plan names a column that the file does not have, or names one twice, or asks for a type it cannot become.
    #[error("{}: {what}", path.display())]
    UnknownColumn {
        /// The path that was asked for.
        path: PathBuf,
        /// The column and the columns there are.
        what: String,
    },
    /// Any other failure of the operating system.
    #[error("{}: {source}", path.display())]
    Io {
        /// The path that was asked for.
        path: PathBuf,
        /// What the operating system said.
        source: io::Error,
    },
}

impl Error {
    /// The stable code of this error, one of `FILE_NOT_FOUND`, `PERMISSION_DENIED`, `UNSUPPORTED_FORMAT`, `INVALID_FILE`,
    /// `EMPTY_INPUT`, `NO_VECTOR_COLUMN`, `BAD_ROW`, `LIMIT_EXCEEDED`, `UNKNOWN_COLUMN`, `IO`.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::FileNotFound { .. } => "FILE_NOT_FOUND",
            Self::PermissionDenied { .. } => "PERMISSION_DENIED",
            Self::UnsupportedFormat { .. } => "UNSUPPORTED_FORMAT",
            Self::InvalidFile { .. } => "INVALID_FILE",
            Self::EmptyInput { .. } => "EMPTY_INPUT",
            Self::NoVectorColumn { .. } => "NO_VECTOR_COLUMN",
            Self::BadRow { .. } => "BAD_ROW",
            Self::LimitExceeded { .. } => "LIMIT_EXCEEDED",
            Self::UnknownColumn { .. } => "UNKNOWN_COLUMN",
            Self::Io { .. } => "IO",
        }
    }

    /// What the person can do about it, as one sentence.
    #[must_use]
    pub fn remedy(&self) -> String {
        match self {
            Self::FileNotFound { .. } => "Check the path, and that the drive is still there.".into(),
            Self::PermissionDenied { .. } => {
                "Give yourself read permission on the file (write permission on the folder when exporting), or use a copy.".into()
            }
            Self::UnsupportedFormat { remedy, .. } | Self::InvalidFile { remedy, .. } => remedy.clone(),
            Self::EmptyInput { .. } => "Choose a file that holds at least one row.".into(),
            Self::NoVectorColumn { .. } => {
                "Choose a file with a column of number lists, or with at least 8 numbered numeric columns (v0, v1, …).".into()
            }
            Self::BadRow { .. } => "Correct that row, or import again and skip bad rows.".into(),
            Self::LimitExceeded { .. } => "Split the file or shorten what is too long.".into(),
            Self::UnknownColumn { .. } => "Choose columns that the preview lists, each name once.".into(),
            Self::Io { .. } => "Check the disk and the free space on it, then try again.".into(),
        }
    }

    /// The path the error is about.
    #[must_use]
    pub fn path(&self) -> &Path {
        match self {
            Self::FileNotFound { path }
            | Self::PermissionDenied { path }
            | Self::UnsupportedFormat { path, .. }
            | Self::InvalidFile { path, .. }
            | Self::EmptyInput { path, .. }
            | Self::NoVectorColumn { path, .. }
            | Self::BadRow { path, .. }
            | Self::LimitExceeded { path, .. }
            | Self::UnknownColumn { path, .. }
            | Self::Io { path, .. } => path,
        }
    }

    pub(crate) fn io(path: &Path, source: io::Error) -> Self {
        match source.kind() {
            io::ErrorKind::NotFound => Self::FileNotFound { path: path.into() },
            io::ErrorKind::PermissionDenied => Self::PermissionDenied { path: path.into() },
            _ => Self::Io {
                path: path.into(),
                source,
            },
        }
    }

    pub(crate) fn invalid(path: &Path, what: impl Into<String>) -> Self {
        Self::InvalidFile {
            path: path.into(),
            what: what.into(),
            remedy: "The file is damaged or incomplete: copy, download or export it again.".into(),
        }
    }

    pub(crate) fn unsupported(
        path: &Path,
        what: impl Into<String>,
        remedy: impl Into<String>,
    ) -> Self {
        Self::UnsupportedFormat {
            path: path.into(),
            what: what.into(),
            remedy: remedy.into(),
        }
    }

    pub(crate) fn empty(path: &Path, what: impl Into<String>) -> Self {
        Self::EmptyInput {
            path: path.into(),
            what: what.into(),
        }
    }

    pub(crate) fn limit(path: &Path, what: impl Into<String>) -> Self {
        Self::LimitExceeded {
            path: path.into(),
            what: what.into(),
        }
    }

    pub(crate) fn no_vector(path: &Path, what: impl Into<String>) -> Self {
        Self::NoVectorColumn {
            path: path.into(),
            what: what.into(),
        }
    }

    pub(crate) fn column(path: &Path, what: impl Into<String>) -> Self {
        Self::UnknownColumn {
            path: path.into(),
            what: what.into(),
        }
    }
}
