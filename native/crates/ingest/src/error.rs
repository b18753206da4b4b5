//! An error is one of the formats' or one of the store's; both keep their code, message and remedy.

use serde_json::{Value, json};

/// The result of everything in this crate.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// What went wrong, and on which side.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// With the file.
    #[error(transparent)]
    Format(#[from] omendb_formats::Error),
    /// With the store.
    #[error(transparent)]
    Store(#[from] omendb_store::Error),
}

impl Error {
    /// The stable code, of either side's closed union.
    pub fn code(&self) -> &'static str {
        match self {
            Error::Format(e) => e.code(),
            Error::Store(e) => e.code(),
        }
    }

    /// What the person can do about it.
    pub fn remedy(&self) -> String {
        match self {
            Error::Format(e) => e.remedy(),
            Error::Store(e) => e.remedy().to_owned(),
        }
    }

    /// The facts as a JSON object; for a file its path, and for a bad row its place.
    pub fn detail(&self) -> Value {
        match self {
            Error::Store(e) => e.detail(),
            Error::Format(e) => {
                let path = e.path().to_string_lossy();
                match e {
                    omendb_formats::Error::BadRow { rejected, .. } => json!({
                        "path": path,
                        "row": rejected.row,
                        "line": rejected.line,
                        "column": rejected.column,
                        "reason": rejected.reason,
                    }),
                    _ => json!({ "path": path }),
                }
            }
        }
    }
}
