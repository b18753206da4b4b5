//! Tables: the rows that a filter leaves, in an order, in pages.

use std::sync::{Arc, OnceLock};

use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use crate::column::{ColumnReader, Value};
use crate::error::{Error, Result};
use crate::snapshot::Snapshot;

/// Most columns that a view is sorted by.
pub const MAX_SORT_KEYS: usize = 8;

/// One column to sort by.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct SortKey {
    /// The column's name.
    pub column: String,
    /// Largest first. Nulls come last either way.
    #[serde(default)]
    pub descending: bool,
}

/// What a view is kept by.
#[derive(PartialEq, Eq)]
pub(crate) struct ViewKey {
    filter: String,
    sort: Vec<SortKey>,
}

/// The rows of a filter in an order.
#[derive(Debug)]
pub struct View {
    /// Row numbers, in order.
    pub rows: Vec<u32>,
    /// Whether `rows` ascends.
    ascending: bool,
    /// Positions in `rows`, by ascending row number; made when first asked for.
    by_row: OnceLock<Vec<u32>>,
}

impl View {
    fn new(rows: Vec<u32>, ascending: bool) -> View {
        View {
            rows,
            ascending,
            by_row: OnceLock::new(),
        }
    }

    /// Number of rows.
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// Whether no row is in it.
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// Up to `limit` rows from `offset` on; none past the end.
    pub fn page(&self, offset: usize, limit: usize) -> &[u32] {
        let start = offset.min(self.rows.len());
        let end = start.saturating_add(limit).min(self.rows.len());
        &self.rows[start..end]
    }

    /// Where a row stands; `None` when the filter leaves it out.
    pub fn position_of(&self, row: u32) -> Option<usize> {
        if self.ascending {
            return self.rows.binary_search(&row).ok();
        }
        let by_row = self.by_row.get_or_init(|| {
            let mut positions: Vec<u32> = (0..self.rows.len() as u32).collect();
            positions.par_sort_unstable_by_key(|&p| self.rows[p as usize]);
            positions
        });
        let at = by_row
            .binary_search_by_key(&row, |&p| self.rows[p as usize])
            .ok()?;
        Some(by_row[at] as usize)
    }
}

impl Snapshot {
    /// The rows that a filter leaves (`None` or blank: all), sorted by the keys in turn: nulls last, NaN above every number, text by
    /// its bytes, equal rows by row number. The views asked for last are kept.
    ///
    /// # Errors
    /// `INVALID_FILTER`, `UNKNOWN_COLUMN`, `LIMIT_EXCEEDED` (more than [`MAX_SORT_KEYS`] keys).
    pub fn view(&self, filter: Option<&str>, sort: &[SortKey]) -> Result<Arc<View>> {
        if sort.len() > MAX_SORT_KEYS {
            return Err(Error::LimitExceeded {
                what: "columns to sort by".to_owned(),
                limit: MAX_SORT_KEYS as u64,
                actual: sort.len() as u64,
            });
        }
        let key = ViewKey {
            filter: filter.unwrap_or_default().trim().to_owned(),
            sort: sort.to_vec(),
        };
        if let Some(view) = self.views.lock().get(&key) {
            return Ok(view);
        }
        let mut rows: Vec<u32> = if key.filter.is_empty() {
            self.live_rows()
        } else {
            (*self.filter(&key.filter)?).clone()
        }
        .into_iter()
        .collect();
        // Stable sorts from the last key to the first give the order by all of them.
        for sort_key in sort.iter().rev() {
            let column = self.column_index(&sort_key.column)?;
            rows = sort_rows(ColumnReader::new(self, column)?, rows, sort_key.descending);
        }
        let view = Arc::new(View::new(rows, sort.is_empty()));
        self.views.lock().put(key, Arc::clone(&view));
        Ok(view)
    }
}

/// Sorts rows by a column, keeping the order of equal ones.
fn sort_rows(mut reader: ColumnReader<'_>, rows: Vec<u32>, descending: bool) -> Vec<u32> {
    // Numbers become unsigned integers of the same order; text its first eight bytes, then itself.
    let mut numbers: Vec<(u64, u32)> = Vec::new();
    let mut texts: Vec<(u64, &str, u32)> = Vec::new();
    let mut nulls: Vec<u32> = Vec::new();
    for row in rows {
        match reader.get(row) {
            Value::Null => nulls.push(row),
            Value::Bool(v) => numbers.push((u64::from(v), row)),
            Value::Int(v) | Value::Timestamp(v) => numbers.push((ordered_int(v), row)),
            Value::Float(v) => numbers.push((ordered_float(v), row)),
            Value::Text(v) => texts.push((prefix(v), v, row)),
        }
    }
    if descending {
        numbers.par_sort_by(|a, b| b.0.cmp(&a.0));
        texts.par_sort_by(|a, b| b.0.cmp(&a.0).then_with(|| b.1.cmp(a.1)));
    } else {
        numbers.par_sort_by_key(|a| a.0);
        texts.par_sort_by(|a, b| a.0.cmp(&b.0).then_with(|| a.1.cmp(b.1)));
    }
    // A column has one type, so one of the two lists is empty.
    numbers
        .iter()
        .map(|n| n.1)
        .chain(texts.iter().map(|t| t.2))
        .chain(nulls)
        .collect()
}

fn ordered_int(v: i64) -> u64 {
    (v as u64) ^ (1 << 63)
}

/// -inf < numbers < inf < NaN; both zeros are equal, and so are all NaN.
fn ordered_float(v: f64) -> u64 {
    if v.is_nan() {
        return u64::MAX;
    }
    let bits = (v + 0.0).to_bits();
    if bits >> 63 == 1 {
        !bits
    } else {
        bits | (1 << 63)
    }
}

fn prefix(v: &str) -> u64 {
    let mut first = [0u8; 8];
    let n = v.len().min(8);
    first[..n].copy_from_slice(&v.as_bytes()[..n]);
    u64::from_be_bytes(first)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn keys_of_floats_order_as_the_floats_do(a in any::<f64>(), b in any::<f64>()) {
            let expected = match (a.is_nan(), b.is_nan()) {
                (false, false) => a.partial_cmp(&b).unwrap(),
                (x, y) => x.cmp(&y),
            };
            prop_assert_eq!(ordered_float(a).cmp(&ordered_float(b)), expected);
        }

        #[test]
        fn keys_of_integers_order_as_the_integers_do(a in any::<i64>(), b in any::<i64>()) {
            prop_assert_eq!(ordered_int(a).cmp(&ordered_int(b)), a.cmp(&b));
        }

        #[test]
        fn prefixes_never_contradict_the_order_of_texts(a in "\\PC{0,12}", b in "\\PC{0,12}") {
            prop_assert_eq!(prefix(&a).cmp(&prefix(&b)).then_with(|| a.cmp(&b)), a.cmp(&b));
        }
    }
}
