//! The part of SQL that sqlparser is to know here.

use sqlparser::dialect::Dialect;
use sqlparser::keywords::Keyword;

/// Standard expressions without the extensions of any database. Above all nothing is tried twice: where one reading of nested text fails and another
/// is tried at each level, the time doubles with each level.
#[derive(Debug)]
pub(crate) struct FilterDialect;

impl Dialect for FilterDialect {
    fn is_identifier_start(&self, ch: char) -> bool {
        ch.is_alphabetic() || ch == '_'
    }

    fn is_identifier_part(&self, ch: char) -> bool {
        ch.is_alphanumeric() || ch == '_'
    }

    /// A word of the grammar is never tried as a name after all: columns that are called so come quoted.
    fn is_reserved_for_identifier(&self, _: Keyword) -> bool {
        true
    }
}
