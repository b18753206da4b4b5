//! Rows as JSON, for people: pages, hits, the inspector.

use arrow_array::timezone::Tz;
use arrow_cast::parse::string_to_datetime;
use serde_json::{Map, Number, Value as Json};

use crate::column::{ColumnReader, Value};
use crate::error::{Error, Result};
use crate::meta::ColumnKind;
use crate::snapshot::Snapshot;

/// Largest integer that a JavaScript number holds exactly; larger ones become text.
pub const MAX_SAFE_INTEGER: u64 = (1 << 53) - 1;

impl Snapshot {
    /// The cells of live rows as JSON, `result[i][j]` of row `rows[i]` and column `columns[j]` (`None`: all columns, in the schema's
    /// order).
    ///
    /// Integers past 2^53 - 1 either way and floats that are not finite are text; timestamps are ISO 8601 text; JSON columns are
    /// parsed.
    ///
    /// # Errors
    /// `UNKNOWN_COLUMN`, `UNKNOWN_ROW` (a row that is not live).
    pub fn cells(&self, rows: &[u32], columns: Option<&[String]>) -> Result<Vec<Vec<Json>>> {
        let mut readers = self.readers(columns)?;
        rows.iter()
            .map(|&row| {
                self.live(row)?;
                Ok(readers
                    .iter_mut()
                    .map(|(_, reader)| cell(reader, row))
                    .collect())
            })
            .collect()
    }

    /// As [`Snapshot::cells`], each row as an object by column name.
    ///
    /// # Errors
    /// `UNKNOWN_COLUMN`, `UNKNOWN_ROW` (a row that is not live).
    pub fn rows_json(
        &self,
        rows: &[u32],
        columns: Option<&[String]>,
    ) -> Result<Vec<Map<String, Json>>> {
        let mut readers = self.readers(columns)?;
        rows.iter()
            .map(|&row| {
                self.live(row)?;
                Ok(readers
                    .iter_mut()
                    .map(|(name, reader)| (name.clone(), cell(reader, row)))
                    .collect())
            })
            .collect()
    }

    fn live(&self, row: u32) -> Result<()> {
        if self.contains(row) {
            Ok(())
        } else {
            Err(Error::UnknownRow { row })
        }
    }

    fn readers(&self, columns: Option<&[String]>) -> Result<Vec<(String, ColumnReader<'_>)>> {
        match columns {
            Some(names) => names
                .iter()
                .map(|name| {
                    Ok((
                        name.clone(),
                        ColumnReader::new(self, self.column_index(name)?)?,
                    ))
                })
                .collect(),
            None => self
                .meta()
                .columns
                .iter()
                .enumerate()
                .map(|(i, column)| Ok((column.name.clone(), ColumnReader::new(self, i)?)))
                .collect(),
        }
    }
}

fn cell(reader: &mut ColumnReader<'_>, row: u32) -> Json {
    match reader.get(row) {
        Value::Null => Json::Null,
        Value::Bool(v) => Json::Bool(v),
        Value::Int(v) => int_json(v),
        Value::Float(v) => float_json(v),
        Value::Timestamp(v) => Json::String(timestamp_text(v)),
        Value::Text(v) if reader.kind() == ColumnKind::Json => {
            // What does not parse was not written by us; show it rather than hide it.
            serde_json::from_str(v).unwrap_or_else(|_| Json::String(v.to_owned()))
        }
        Value::Text(v) => Json::String(v.to_owned()),
    }
}

/// An integer as a JSON number, or as text where JavaScript would round it.
pub fn int_json(v: i64) -> Json {
    if v.unsigned_abs() <= MAX_SAFE_INTEGER {
        Json::Number(v.into())
    } else {
        Json::String(v.to_string())
    }
}

fn float_json(v: f64) -> Json {
    match Number::from_f64(v) {
        Some(n) => Json::Number(n),
        None if v.is_nan() => Json::String("NaN".to_owned()),
        None if v > 0.0 => Json::String("Infinity".to_owned()),
        None => Json::String("-Infinity".to_owned()),
    }
}

/// ISO 8601 without a zone, with as many digits of the second as needed (none, three or six).
fn timestamp_text(micros: i64) -> String {
    let (days, of_day) = (
        micros.div_euclid(86_400_000_000),
        micros.rem_euclid(86_400_000_000),
    );
    let (year, month, day) = civil_from_days(days);
    let (seconds, fraction) = (of_day / 1_000_000, of_day % 1_000_000);
    let (h, m, s) = (seconds / 3_600, seconds / 60 % 60, seconds % 60);
    let sign = if year < 0 {
        "-"
    } else if year > 9_999 {
        "+"
    } else {
        ""
    };
    let width = if (0..=9_999).contains(&year) { 4 } else { 6 };
    let mut text = format!(
        "{sign}{:0width$}-{month:02}-{day:02}T{h:02}:{m:02}:{s:02}",
        year.abs()
    );
    if fraction % 1_000 != 0 {
        text.push_str(&format!(".{fraction:06}"));
    } else if fraction != 0 {
        text.push_str(&format!(".{:03}", fraction / 1_000));
    }
    text
}

/// Year, month and day of a day counted from 1970-01-01 (Gregorian, also before its time).
fn civil_from_days(days: i64) -> (i64, i64, i64) {
    let z = days + 719_468;
    let (era, of_era) = (z.div_euclid(146_097), z.rem_euclid(146_097));
    let year_of_era = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let from_march = (5 * of_year + 2) / 153;
    let day = of_year - (153 * from_march + 2) / 5 + 1;
    let month = if from_march < 10 {
        from_march + 3
    } else {
        from_march - 9
    };
    (year_of_era + era * 400 + i64::from(month <= 2), month, day)
}

/// Microseconds since 1970 of an ISO 8601 date or date and time; a zone is taken off, none counts as UTC.
pub(crate) fn parse_timestamp(text: &str) -> Option<i64> {
    let utc: Tz = "+00:00".parse().ok()?;
    string_to_datetime(&utc, text.trim())
        .ok()
        .map(|t| t.timestamp_micros())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_timestamp_survives_its_text(micros in -62_135_596_800_000_000i64..253_402_300_800_000_000) {
            prop_assert_eq!(parse_timestamp(&timestamp_text(micros)), Some(micros));
        }

        #[test]
        fn any_integer_is_told_exactly(v in any::<i64>()) {
            let told = match int_json(v) {
                Json::Number(n) => n.as_f64().map(|f| f as i64),
                Json::String(s) => s.parse().ok(),
                _ => None,
            };
            prop_assert_eq!(told, Some(v));
        }

        #[test]
        fn any_timestamp_has_a_text(micros in any::<i64>()) {
            prop_assert!(timestamp_text(micros).contains('T'));
        }
    }

    #[test]
    fn timestamps_read_as_people_write_them() {
        assert_eq!(timestamp_text(0), "1970-01-01T00:00:00");
        assert_eq!(
            timestamp_text(1_709_210_096_500_000),
            "2024-02-29T12:34:56.500"
        );
        assert_eq!(timestamp_text(-1), "1969-12-31T23:59:59.999999");
        assert_eq!(parse_timestamp("2024-02-29"), Some(1_709_164_800_000_000));
        assert_eq!(
            parse_timestamp("2024-02-29T12:34:56.500Z"),
            Some(1_709_210_096_500_000)
        );
        assert_eq!(
            parse_timestamp("2024-02-29T14:34:56.500+02:00"),
            Some(1_709_210_096_500_000)
        );
        assert_eq!(parse_timestamp("yesterday"), None);
    }
}
