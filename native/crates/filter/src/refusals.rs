//! What SQL can say and a filter cannot, and where in the text an expression stands.

use sqlparser::ast::{Expr, Spanned};

use crate::error::FilterError;
use crate::sql::place;

/// An error at a place that may be unknown.
pub(crate) fn unsupported(position: Option<(u64, u64)>, message: impl Into<String>) -> FilterError {
    FilterError {
        message: message.into(),
        position,
        hint: None,
    }
}

/// Everything else that SQL can say.
pub(crate) fn refused(expr: &Expr, at: Option<(u64, u64)>) -> FilterError {
    let (what, hint) = match expr {
        Expr::Subquery(_)
        | Expr::InSubquery { .. }
        | Expr::Exists { .. }
        | Expr::InUnnest { .. } => (
            "Subqueries are not accepted",
            "List the values: column IN (1, 2, 3)",
        ),
        Expr::Case { .. } => (
            "CASE is not available in filters",
            "Join conditions with AND and OR",
        ),
        Expr::Cast { .. } | Expr::Convert { .. } => (
            "Casts are not available in filters",
            "Compare a column with a value of its own type",
        ),
        Expr::IsDistinctFrom(..) | Expr::IsNotDistinctFrom(..) => (
            "IS DISTINCT FROM is not available in filters",
            "Write a <> b OR a IS NULL",
        ),
        Expr::SimilarTo { .. } | Expr::RLike { .. } => (
            "Regular expressions are not available in filters",
            "Use LIKE with % and _, ILIKE, starts_with() or contains()",
        ),
        Expr::JsonAccess { .. } | Expr::CompoundFieldAccess { .. } => (
            "Parts of a column cannot be reached in a filter",
            "Search the column's text: contains(column, 'word')",
        ),
        Expr::Tuple(_) => (
            "A list of values stands only after IN",
            "Write column IN (1, 2, 3)",
        ),
        Expr::Interval(_) => (
            "Intervals are not available in filters",
            "Write both ends as dates: created BETWEEN '2024-01-01' AND '2024-01-31'",
        ),
        Expr::Wildcard(_) | Expr::QualifiedWildcard(..) => ("* is not a column", "Name the column"),
        Expr::Array(_) | Expr::Struct { .. } | Expr::Map(_) | Expr::Dictionary(_) => (
            "Only plain values are accepted",
            "Write numbers, text in single quotes, TRUE or FALSE",
        ),
        _ => (
            "This kind of expression is not available in filters",
            "Use = <> < <= > >= + - * / % AND OR NOT IN BETWEEN LIKE ILIKE IS",
        ),
    };
    unsupported(at, what).hint(hint)
}

/// Where an expression starts, as far as sqlparser kept it. Only walks into the first operand, so
/// that long chains cost no recursion.
pub(crate) fn position(expr: &Expr) -> Option<(u64, u64)> {
    let mut expr = expr;
    loop {
        expr = match expr {
            Expr::BinaryOp { left, .. } => left,
            Expr::Nested(inner)
            | Expr::UnaryOp { expr: inner, .. }
            | Expr::IsNull(inner)
            | Expr::IsNotNull(inner)
            | Expr::IsTrue(inner)
            | Expr::IsNotTrue(inner)
            | Expr::IsFalse(inner)
            | Expr::IsNotFalse(inner)
            | Expr::IsUnknown(inner)
            | Expr::IsNotUnknown(inner) => inner,
            Expr::InList { expr, .. }
            | Expr::InSubquery { expr, .. }
            | Expr::Between { expr, .. }
            | Expr::Like { expr, .. }
            | Expr::ILike { expr, .. }
            | Expr::Cast { expr, .. } => expr,
            Expr::Identifier(_)
            | Expr::CompoundIdentifier(_)
            | Expr::Value(_)
            | Expr::TypedString(_) => {
                let start = expr.span().start;
                return (start.line > 0).then(|| place(start));
            }
            Expr::Function(function) => {
                let start = function.name.span().start;
                return (start.line > 0).then(|| place(start));
            }
            _ => return None,
        };
    }
}

/// A name as a message shows it: whole unless it is very long.
pub(crate) fn short(name: &str) -> String {
    if name.chars().count() <= 60 {
        return name.to_owned();
    }
    let head: String = name.chars().take(59).collect();
    format!("{head}…")
}
