//! Constants: from SQL's spelling to a typed value.

use arrow_cast::parse::string_to_datetime;
use sqlparser::ast::Value;

use crate::check::Checked;
use crate::error::FilterError;
use crate::node::{Literal, Node, Type};

/// A literal of the filter; `negative` when a minus stands before the number, which matters for
/// the smallest integer.
pub(crate) fn from_sql(
    value: &Value,
    negative: bool,
    at: Option<(u64, u64)>,
) -> Result<Checked, FilterError> {
    let error = |message: String| FilterError {
        message,
        position: at,
        hint: None,
    };
    let checked = |literal: Literal, ty: Type, name: String| Checked {
        node: Node::Literal(literal),
        ty,
        at,
        name,
    };
    match value {
        Value::Number(digits, false) => {
            let text = if negative {
                format!("-{digits}")
            } else {
                digits.clone()
            };
            if let Ok(int) = text.parse::<i64>() {
                return Ok(checked(Literal::Int(int), Type::Int, text));
            }
            if !text.contains(['.', 'e', 'E']) {
                return Err(error(format!("{} does not fit a 64-bit integer", clip(&text)))
                    .hint("Integers go from -9223372036854775808 to 9223372036854775807; write a decimal point for a float"));
            }
            match text.parse::<f64>() {
                // Adding zero turns -0.0 into 0.0.
                Ok(float) if float.is_finite() => Ok(checked(
                    Literal::Float(float + 0.0),
                    Type::Float,
                    clip(&text),
                )),
                _ => Err(error(format!(
                    "{} is not a number that a float can hold",
                    clip(&text)
                ))
                .hint("Floats go up to about 1.8e308")),
            }
        }
        Value::SingleQuotedString(text) => {
            let name = format!("'{}'", clip(&text.replace('\'', "''")));
            Ok(checked(Literal::Text(text.clone()), Type::Text, name))
        }
        Value::Boolean(value) => {
            let name = if *value { "TRUE" } else { "FALSE" };
            Ok(checked(Literal::Bool(*value), Type::Bool, name.to_owned()))
        }
        Value::Null => Ok(Checked {
            node: Node::Unknown,
            ty: Type::Null,
            at,
            name: "NULL".to_owned(),
        }),
        other => Err(error(format!(
            "The value {} is not accepted",
            clip(&other.to_string())
        ))
        .hint("Write numbers in decimal and text in single quotes: 'text'")),
    }
}

/// `DATE '…'` and `TIMESTAMP '…'`.
pub(crate) fn timestamp(text: &str, at: Option<(u64, u64)>) -> Result<Checked, FilterError> {
    match parse_timestamp(text) {
        Some(micros) => Ok(Checked {
            node: Node::Literal(Literal::Timestamp(micros)),
            ty: Type::Timestamp,
            at,
            name: format!("'{}'", clip(text)),
        }),
        None => Err(not_a_timestamp(text, at)),
    }
}

pub(crate) fn not_a_timestamp(text: &str, position: Option<(u64, u64)>) -> FilterError {
    FilterError {
        message: format!("'{}' is not a date or time", clip(text)),
        position,
        hint: Some("Write '2024-01-31', '2024-01-31 12:00:00' or '2024-01-31T12:00:00+02:00'; without an offset, times are UTC".to_owned()),
    }
}

/// Microseconds since 1970-01-01 00:00 UTC; a text without an offset is UTC.
pub(crate) fn parse_timestamp(text: &str) -> Option<i64> {
    let text = text.trim();
    let utc: arrow_array::timezone::Tz = "+00:00".parse().ok()?;
    if let Ok(time) = string_to_datetime(&utc, text) {
        return Some(time.timestamp_micros());
    }
    // Arrow wants seconds: '2024-01-31 12:00' gets them.
    (text.len() == 16)
        .then(|| string_to_datetime(&utc, &format!("{text}:00")).ok())
        .flatten()
        .map(|t| t.timestamp_micros())
}

/// At most 40 characters of a text, for messages.
pub(crate) fn clip(text: &str) -> String {
    if text.chars().count() <= 40 {
        return text.to_owned();
    }
    let head: String = text.chars().take(39).collect();
    format!("{head}…")
}
