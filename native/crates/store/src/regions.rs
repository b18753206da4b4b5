//! Where on a map the values of a column lie.

use std::collections::HashMap;

use serde::Serialize;

use crate::column::{ColumnReader, Value};
use crate::error::{Error, Result};
use crate::meta::ColumnKind;
use crate::snapshot::Snapshot;

/// A value of a column, and the middle of its points.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Region {
    /// The value.
    pub label: String,
    /// Points that have it.
    pub count: u64,
    /// The median of their first coordinates.
    pub x: f32,
    /// The median of their second coordinates.
    pub y: f32,
    /// How far half of its points lie from there at most, as a part of how far half of all points lie from their middle.
    pub width: f32,
}

impl Snapshot {
    /// The `most` most frequent values of a text column among the rows of a map, by falling count, then by value, and where they lie. Rows that were deleted since, and nulls,
    /// are left out.
    ///
    /// - `rows`: row numbers; `xy`: two coordinates for each.
    ///
    /// # Errors
    /// `UNKNOWN_COLUMN`, `INVALID_REQUEST` (the column is no text, or what does not fit together).
    pub fn regions(
        &self,
        column: &str,
        rows: &[u32],
        xy: &[f32],
        most: usize,
    ) -> Result<Vec<Region>> {
        let mut reader = ColumnReader::new(self, self.column_index(column)?)?;
        if reader.kind() != ColumnKind::Text || xy.len() != rows.len() * 2 {
            return Err(Error::invalid(
                "regions need a column of text and two coordinates for each row",
            ));
        }
        let mut points: HashMap<&str, Vec<u32>> = HashMap::new();
        for (at, row) in rows.iter().enumerate() {
            if self.contains(*row)
                && let Value::Text(text) = reader.get(*row)
            {
                points.entry(text).or_default().push(at as u32);
            }
        }
        let mut found: Vec<(&str, Vec<u32>)> = points.into_iter().collect();
        found.sort_unstable_by(|a, b| b.1.len().cmp(&a.1.len()).then_with(|| a.0.cmp(b.0)));
        found.truncate(most);
        let all: Vec<u32> = (0..rows.len() as u32).collect();
        let whole = middle(xy, &all).2;
        let region = |(label, points): (&str, Vec<u32>)| {
            let (x, y, width) = middle(xy, &points);
            Region {
                label: label.to_owned(),
                count: points.len() as u64,
                x,
                y,
                width: if whole > 0.0 { width / whole } else { 1.0 },
            }
        };
        Ok(found.into_iter().map(region).collect())
    }
}

/// The medians of some points' coordinates, and of the distances from there.
fn middle(xy: &[f32], points: &[u32]) -> (f32, f32, f32) {
    let along = |axis: usize| move |at: &u32| xy[2 * *at as usize + axis];
    let x = median(points.iter().map(along(0)).collect());
    let y = median(points.iter().map(along(1)).collect());
    let far = |at: &u32| (along(0)(at) - x).hypot(along(1)(at) - y);
    (x, y, median(points.iter().map(far).collect()))
}

/// The one in the middle; 0 of none.
fn median(mut values: Vec<f32>) -> f32 {
    if values.is_empty() {
        return 0.0;
    }
    let middle = values.len() / 2;
    *values.select_nth_unstable_by(middle, f32::total_cmp).1
}
