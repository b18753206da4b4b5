//! Filter expressions, against rows with a column of every type.

use std::sync::LazyLock;

use arrow_array::{Array, RecordBatch};
use omendb_damage::rows;

static ROWS: LazyLock<RecordBatch> = LazyLock::new(|| rows(0..20));

pub fn filter(bytes: &[u8]) -> String {
    let Ok(text) = std::str::from_utf8(bytes) else {
        return "no text".to_owned();
    };
    let filter = match omendb_filter::parse(text, ROWS.schema_ref()) {
        Ok(filter) => filter,
        Err(e) => return e.to_string(),
    };
    match filter.evaluate(&ROWS) {
        Ok(matches) => {
            assert_eq!(matches.len(), ROWS.num_rows());
            assert_eq!(matches.null_count(), 0);
            format!("{filter:?}")
                .chars()
                .filter(|c| c.is_ascii_alphabetic())
                .take(60)
                .collect()
        }
        Err(e) => e.to_string(),
    }
}

pub fn seeds() -> Vec<Vec<u8>> {
    let texts = [
        "n = 3 AND x < 0.5 OR NOT good",
        "note LIKE '%1\\_%' AND id ILIKE 'ROW _'",
        "n BETWEEN 1 AND 9 AND id IN ('row 1', 'row 2')",
        "at >= TIMESTAMP '2023-11-14 22:13:20' AND at < DATE '2030-01-01'",
        "abs(n - 4) * 2 % 5 = 1 OR -x / 0 IS NULL",
        "contains(more, '\"i\":1') AND starts_with(lower(note), 'text') AND length(note) > 3",
        "good IS NOT TRUE AND (good IS UNKNOWN OR n IS NOT NULL)",
        "\"id\" NOT IN ('a') AND upper(note) <> 'it''s' AND n NOT BETWEEN -1 AND 1e3",
    ];
    texts.iter().map(|t| t.as_bytes().to_vec()).collect()
}
