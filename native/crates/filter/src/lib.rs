//! SQL `WHERE` expressions over Arrow record batches. Pure compute: no I/O, no state.
//!
//! ```text
//! text ─ sqlparser ─▶ syntax tree ─ names, types ─▶ Filter ─ Arrow kernels ─▶ BooleanArray
//! ```
//!
//! # The language
//!
//! - Comparison: `=` `==` `<>` `!=` `<` `<=` `>` `>=`, `BETWEEN`, `IN`, `IS NULL`, `IS TRUE`,
//!   `IS FALSE`, `IS UNKNOWN`, each with `NOT`; `AND`, `OR`, `NOT`; a bool column alone.
//! - Text: `LIKE` and `ILIKE` (`%` any characters, `_` one, `\` before either takes it
//!   literally), `starts_with(text, text)`, `contains(text, text)`, `length(text)` (characters,
//!   not bytes), `lower(text)`, `upper(text)`. Text is ordered by code point.
//! - Numbers: `+` `-` `*` `/` `%`, unary minus, `abs(number)`. `/` always gives a float: `7 / 2`
//!   is 3.5. A division by zero, an integer overflow and NaN are NULL. An int beside a float is
//!   compared as a float.
//! - Constants: numbers, `'text'` (a quote inside is written twice), `TRUE`, `FALSE`, `NULL`,
//!   `DATE '2024-01-31'`, `TIMESTAMP '2024-01-31 12:00:00'`. Text beside a timestamp column is
//!   read as a timestamp; without an offset it is UTC.
//! - Columns: a name alone, or in double quotes when it is odd. A name in another letter case is
//!   found if only one column fits; a quoted name is taken exactly.
//! - Columns of JSON are text to search in, not to compare. Vector columns can only be tested
//!   for NULL.
//!
//! SQL's three-valued logic holds: what involves NULL is unknown, and unknown does not match.

mod calls;
mod check;
mod columns;
mod dialect;
mod error;
mod eval;
mod literal;
mod names;
mod node;
mod operators;
mod refusals;
mod sql;
#[cfg(test)]
mod tests;

use arrow_array::{BooleanArray, RecordBatch};
use arrow_schema::Schema;

pub use error::FilterError;

/// Longest filter, in bytes. It also bounds the items of an IN list, to 32,767.
pub const MAX_EXPRESSION_BYTES: usize = 64 * 1024;
/// Deepest nesting of operators and parentheses; chains of AND and OR count as one level.
pub const MAX_DEPTH: usize = 64;
/// Most operators in one filter; minus signs and the items of IN lists do not count.
pub const MAX_OPERATORS: usize = 2_000;
/// Most items of one IN list that are not constants.
pub const MAX_COMPUTED_ITEMS: usize = 256;

/// A checked filter, ready to run over any number of batches, from any thread.
#[derive(Debug, Clone, PartialEq)]
pub struct Filter {
    root: node::Node,
    names: Vec<String>,
    types: Vec<node::Type>,
}

/// Reads `expression` against `schema`: grammar, names and types are all checked here.
///
/// # Errors
/// Any [`FilterError`]; its message says what is wrong, where, and what to write instead.
pub fn parse(expression: &str, schema: &Schema) -> Result<Filter, FilterError> {
    let names = names::Names::new(schema);
    let tree = sql::parse_expression(expression, &names)?;
    let mut checker = check::Checker::new(schema, &names);
    let root = checker.condition(&tree, 0)?;
    let (names, types) = checker.columns.into_iter().unzip();
    Ok(Filter { root, names, types })
}

impl Filter {
    /// The columns the filter reads, as the schema spells them, each once, in order of first use.
    /// Empty for a filter of constants only.
    pub fn columns(&self) -> &[String] {
        &self.names
    }

    /// True where the row matches; as long as the batch, never null (unknown does not match).
    ///
    /// The batch needs at least [`Filter::columns`], found by name, of the types that the schema
    /// had; further columns and the order do not matter.
    ///
    /// # Errors
    /// When a column is missing or of another type, or a LIKE pattern taken from a column is too
    /// complex.
    pub fn evaluate(&self, batch: &RecordBatch) -> Result<BooleanArray, FilterError> {
        let columns = self
            .names
            .iter()
            .zip(&self.types)
            .map(|(name, ty)| columns::load(batch, name, *ty))
            .collect::<Result<Vec<_>, _>>()?;
        let input = eval::Input {
            columns,
            rows: batch.num_rows(),
        };
        Ok(eval::matches(&input.condition(&self.root)?))
    }
}
