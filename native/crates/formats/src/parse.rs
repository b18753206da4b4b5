//! Text to values: numbers, vectors, timestamps, JSON strings. No allocation on the vector path.

use std::borrow::Cow;

use arrow_array::timezone::Tz;
use arrow_array::types::TimestampMicrosecondType;
use arrow_cast::parse::{Parser, string_to_datetime};

use crate::limits::{MAX_DIMENSION, MAX_JSON_DEPTH};
use crate::reject::{Fault, RejectKind, quoted};

/// Cell without the white space around it.
pub(crate) fn trim(cell: &[u8]) -> &[u8] {
    cell.trim_ascii()
}

pub(crate) fn bool(cell: &[u8]) -> Option<bool> {
    match cell {
        b"true" | b"True" | b"TRUE" | b"t" | b"1" | b"yes" => Some(true),
        b"false" | b"False" | b"FALSE" | b"f" | b"0" | b"no" => Some(false),
        _ => None,
    }
}

pub(crate) fn int(cell: &[u8]) -> Option<i64> {
    std::str::from_utf8(cell).ok()?.parse().ok()
}

pub(crate) fn float(cell: &[u8]) -> Option<f64> {
    fast_float2::parse(cell).ok()
}

/// Microseconds since 1970 UTC from an ISO 8601 date or date and time.
pub(crate) fn timestamp(cell: &[u8]) -> Option<i64> {
    // The shape is checked first: the parser behind it takes more than dates.
    let dated = cell.len() >= 10
        && cell.iter().take(4).all(u8::is_ascii_digit)
        && cell.get(4) == Some(&b'-')
        && cell.get(7) == Some(&b'-');
    if !dated {
        return None;
    }
    let text = std::str::from_utf8(cell).ok()?;
    // The quick parser ends in 2262, where nanoseconds overflow; the other one does not.
    TimestampMicrosecondType::parse(text).or_else(|| {
        let utc: Tz = "+00:00".parse().ok()?;
        string_to_datetime(&utc, text)
            .ok()
            .map(|t| t.timestamp_micros())
    })
}

/// Appends one number as a vector's value.
pub(crate) fn push_number(cell: &[u8], out: &mut Vec<f32>) -> Result<(), Fault> {
    match fast_float2::parse::<f32, _>(cell) {
        Ok(value) if value.is_finite() => {
            out.push(value);
            Ok(())
        }
        Ok(_) => Err(not_finite(cell)),
        Err(_) if cell.is_empty() => Err(Fault::new(
            RejectKind::MissingVector,
            "a value of the vector is empty",
        )),
        Err(_) => Err(Fault::unparsable(cell, "a number")),
    }
}

fn not_finite(cell: &[u8]) -> Fault {
    let end = cell
        .iter()
        .position(|b| !(b.is_ascii_alphanumeric() || b"+-.".contains(b)))
        .unwrap_or(cell.len());
    Fault::new(
        RejectKind::NotFinite,
        format!(
            "{} is not a finite 32-bit number",
            quoted(cell.get(..end).unwrap_or(cell))
        ),
    )
}

/// Appends the numbers of a cell such as `[1, 2]`, `1 2 3`, `1;2;3` or `(1|2)`, and returns how many there were.
/// On a fault, `out` may hold some of them; the caller truncates.
pub(crate) fn push_vector(cell: &[u8], out: &mut Vec<f32>) -> Result<usize, Fault> {
    let cell = trim(cell);
    let inner = match (cell.first(), cell.last()) {
        (Some(b'['), Some(b']')) | (Some(b'('), Some(b')')) if cell.len() >= 2 => {
            trim(cell.get(1..cell.len() - 1).unwrap_or_default())
        }
        _ => cell,
    };
    if inner.is_empty() {
        return Err(Fault::new(RejectKind::MissingVector, "the vector is empty"));
    }
    let mut rest = inner;
    let mut count = 0usize;
    loop {
        let (value, used) =
            fast_float2::parse_partial::<f32, _>(rest).map_err(|_| element_fault(rest))?;
        if !value.is_finite() {
            return Err(not_finite(rest));
        }
        count += 1;
        if count > MAX_DIMENSION {
            return Err(Fault::new(
                RejectKind::WrongDimension,
                format!("the vector has more than {MAX_DIMENSION} values"),
            ));
        }
        out.push(value);
        let after = rest.get(used..).unwrap_or_default();
        if after.is_empty() {
            return Ok(count);
        }
        let tail = after.trim_ascii_start();
        rest = match tail.first() {
            Some(b',' | b';' | b'|') => tail.get(1..).unwrap_or_default().trim_ascii_start(),
            // Only white space between two numbers is a separator too; a letter glued to a number is not.
            Some(_) if tail.len() < after.len() => tail,
            _ => return Err(element_fault(rest)),
        };
    }
}

fn element_fault(rest: &[u8]) -> Fault {
    let end = rest
        .iter()
        .position(|b| b",;| \t\n".contains(b))
        .unwrap_or(rest.len());
    let element = rest.get(..end).unwrap_or(rest);
    match element {
        b"null" | b"None" | b"NULL" => {
            Fault::new(RejectKind::Unparsable, "a value of the vector is null")
        }
        _ => Fault::new(
            RejectKind::Unparsable,
            format!("{} in the vector is not a number", quoted(element)),
        ),
    }
}

/// Whether brackets nest deeper than the limit. `raw` is valid JSON.
pub(crate) fn too_deep(raw: &[u8]) -> bool {
    let (mut depth, mut in_string, mut escaped) = (0usize, false, false);
    for &byte in raw {
        if in_string {
            match byte {
                _ if escaped => escaped = false,
                b'\\' => escaped = true,
                b'"' => in_string = false,
                _ => {}
            }
            continue;
        }
        match byte {
            b'"' => in_string = true,
            b'[' | b'{' => {
                depth += 1;
                if depth > MAX_JSON_DEPTH {
                    return true;
                }
            }
            b']' | b'}' => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    false
}

/// The text of a JSON string literal (with its quotes). None if it is no string, or holds half a surrogate pair.
pub(crate) fn json_string(raw: &str) -> Option<Cow<'_, str>> {
    let inner = raw.strip_prefix('"')?.strip_suffix('"')?;
    if memchr::memchr(b'\\', inner.as_bytes()).is_none() {
        return Some(Cow::Borrowed(inner));
    }
    serde_json::from_str::<String>(raw).ok().map(Cow::Owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn vector(text: &str) -> Result<Vec<f32>, RejectKind> {
        let mut out = Vec::new();
        push_vector(text.as_bytes(), &mut out)
            .map(|_| out)
            .map_err(|f| f.kind)
    }

    #[test]
    fn every_spelling_of_a_vector_gives_the_same_values() {
        for text in [
            "[1, 2.5, -3e-1]",
            "1 2.5 -0.3",
            "1;2.5;-0.3",
            "(1|2.5|-.3)",
            " [ 1.0\n 2.50\t-0.30 ] ",
            "1,2.5 ; -0.3",
        ] {
            assert_eq!(vector(text), Ok(vec![1.0, 2.5, -0.3]), "{text:?}");
        }
    }

    #[test]
    fn what_is_no_vector_says_why() {
        assert_eq!(vector(""), Err(RejectKind::MissingVector));
        assert_eq!(vector("[]"), Err(RejectKind::MissingVector));
        assert_eq!(vector("[1, NaN]"), Err(RejectKind::NotFinite));
        assert_eq!(vector("1 -inf"), Err(RejectKind::NotFinite));
        assert_eq!(vector("1e39"), Err(RejectKind::NotFinite));
        for text in [
            "[1, null]",
            "[1,,2]",
            "[1,2,]",
            "[1 2",
            "1x 2",
            "[[1]]",
            "[\"1\"]",
            "1-2",
            "a",
        ] {
            assert_eq!(vector(text), Err(RejectKind::Unparsable), "{text:?}");
        }
        assert_eq!(
            vector(&"1 ".repeat(MAX_DIMENSION + 1)),
            Err(RejectKind::WrongDimension)
        );
    }

    #[test]
    fn brackets_inside_strings_do_not_count_as_depth() {
        assert!(!too_deep(
            format!("\"{}\\\"[\"", "[".repeat(300)).as_bytes()
        ));
        assert!(!too_deep("[".repeat(MAX_JSON_DEPTH).as_bytes()));
        assert!(too_deep("[".repeat(MAX_JSON_DEPTH + 1).as_bytes()));
    }

    #[test]
    fn only_iso_dates_are_timestamps() {
        assert_eq!(timestamp(b"1970-01-01"), Some(0));
        assert_eq!(timestamp(b"1970-01-01T00:00:01.5Z"), Some(1_500_000));
        assert_eq!(timestamp(b"1970-01-01 01:00:00+01:00"), Some(0));
        assert_eq!(timestamp(b"9999-12-31"), Some(253_402_214_400_000_000));
        assert_eq!(timestamp(b"19700101"), None);
        assert_eq!(timestamp(b"1970-13-01"), None);
        assert_eq!(timestamp(b"hello-world-1"), None);
    }
}
