//! The one error of this crate, written for the person who typed the filter.

use std::fmt;

/// Why a filter was refused.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct FilterError {
    /// What is wrong, as a sentence without a full stop.
    pub message: String,
    /// Where: (line, column), both from 1; columns count Unicode scalar values, not bytes.
    pub position: Option<(u64, u64)>,
    /// What to write instead, as a sentence without a full stop.
    pub hint: Option<String>,
}

impl FilterError {
    /// An error without a place.
    pub(crate) fn new(message: impl Into<String>) -> Self {
        Self {
            message: message.into(),
            position: None,
            hint: None,
        }
    }

    /// An error at a place.
    pub(crate) fn at(position: (u64, u64), message: impl Into<String>) -> Self {
        Self {
            message: message.into(),
            position: Some(position),
            hint: None,
        }
    }

    /// Adds what to write instead.
    pub(crate) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }
}

impl fmt::Display for FilterError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)?;
        match self.position {
            Some((1, column)) => write!(f, " (column {column})")?,
            Some((line, column)) => write!(f, " (line {line}, column {column})")?,
            None => {}
        }
        match &self.hint {
            Some(hint) if hint.ends_with(['?', '.']) => write!(f, ". {hint}"),
            Some(hint) => write!(f, ". {hint}."),
            None => Ok(()),
        }
    }
}

impl std::error::Error for FilterError {}
