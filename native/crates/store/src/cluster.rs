//! Clusters of a snapshot's rows, and their names as a column of the collection.

use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use arrow_array::builder::StringBuilder;
use arrow_array::{ArrayRef, RecordBatch};
use arrow_schema::Schema;
use omendb_projection::ProjectionError;
use omendb_projection::cluster::{ClusterParams, keywords, leiden};

use crate::behind::behind;
use crate::collection::Collection;
use crate::column::{ColumnReader, Value};
use crate::error::{Error, Result};
use crate::graph::KnnGraph;
use crate::history::Entry;
use crate::meta::ColumnKind;
use crate::snapshot::Snapshot;

/// Keywords that a cluster's name is made of.
const KEYWORDS: usize = 3;
/// Bytes of text that one array of a column can hold.
const COLUMN_BYTES: usize = i32::MAX as usize;

/// Rows divided into clusters that have names.
#[derive(Debug, Clone, PartialEq)]
pub struct RowClusters {
    /// Row numbers, ascending.
    pub rows: Vec<u32>,
    /// The cluster of each row; the largest is 0.
    pub of: Vec<u32>,
    /// Rows in each cluster, falling.
    pub sizes: Vec<u32>,
    /// The name of each cluster; no two are equal.
    pub names: Vec<String>,
    /// How much more of the neighbour graph lies within clusters than chance would put there, -0.5 to 1.
    pub modularity: f64,
}

impl Snapshot {
    /// Divides the rows of a neighbour graph of this snapshot into clusters (Leiden, by modularity with a `resolution` above 0), and names them by what the texts of column
    /// `words` have in common; without one, by number. `cancel` ends the work within moments.
    ///
    /// # Errors
    /// `UNKNOWN_COLUMN`, `INVALID_REQUEST` (`words` is no text, a resolution that is none), `CANCELLED`.
    pub fn clusters(
        &self,
        graph: &KnnGraph,
        words: Option<&str>,
        resolution: f64,
        seed: u64,
        cancel: &AtomicBool,
    ) -> Result<RowClusters> {
        if !(resolution > 0.0 && resolution.is_finite()) {
            return Err(Error::invalid("the resolution must be above 0"));
        }
        let cells = words.map(|words| self.texts(words, &graph.rows));
        let cells = cells.transpose()?;
        let params = ClusterParams { resolution, seed };
        // It takes one core for a while.
        let (found, names) = behind(|| {
            let fuzzy = graph.fuzzy(cancel)?;
            let found = leiden(&fuzzy, params, cancel).map_err(|e| match e {
                ProjectionError::Cancelled => Error::Cancelled {
                    what: "the search for clusters".to_owned(),
                },
                other => Error::internal(other.to_string()),
            })?;
            let words = match &cells {
                Some(cells) => keywords(&found, cells, &found.central(&fuzzy), KEYWORDS),
                None => vec![Vec::new(); found.sizes.len()],
            };
            Ok::<_, Error>((found, unlike(&words)))
        })?;
        Ok(RowClusters {
            rows: graph.rows.clone(),
            of: found.of,
            sizes: found.sizes,
            names,
            modularity: found.modularity,
        })
    }

    fn texts(&self, column: &str, rows: &[u32]) -> Result<Vec<Option<&str>>> {
        let mut reader = ColumnReader::new(self, self.column_index(column)?)?;
        if reader.kind() != ColumnKind::Text {
            return Err(Error::invalid(format!(
                "keywords come from a column of text, and {column:?} is none"
            )));
        }
        let text = |row: &u32| match reader.get(*row) {
            Value::Text(text) => Some(text),
            _ => None,
        };
        Ok(rows.iter().map(text).collect())
    }
}

impl Collection {
    /// Writes the name of each row's cluster into text column `column`, which is made if it is not there: one entry of the history. Rows that are gone are passed over; `None`
    /// when none is left. Rows of no cluster keep what they have.
    ///
    /// # Errors
    /// `INVALID_REQUEST` (the column is of another type, or holds the ids), `INVALID_NAME` (none that a column can have), `LIMIT_EXCEEDED` (more than 2 GiB of names), and those of any write.
    pub fn write_clusters(
        &self,
        found: &RowClusters,
        column: &str,
        note: Option<&str>,
    ) -> Result<Option<Arc<Entry>>> {
        self.check()?;
        let there = self.snapshot();
        if !found.rows.iter().any(|row| there.contains(*row)) {
            return Ok(None);
        }
        let field = ColumnKind::Text.field(column);
        let name = |cluster: &u32| found.names[*cluster as usize].as_str();
        let bytes: usize = found.of.iter().map(|cluster| name(cluster).len()).sum();
        if bytes > COLUMN_BYTES {
            return Err(Error::LimitExceeded {
                what: "bytes of clusters' names".to_owned(),
                limit: COLUMN_BYTES as u64,
                actual: bytes as u64,
            });
        }
        let mut names = StringBuilder::with_capacity(found.of.len(), bytes);
        found.of.iter().for_each(|c| names.append_value(name(c)));
        let names: ArrayRef = Arc::new(names.finish());
        let values = RecordBatch::try_new(Arc::new(Schema::new(vec![field.clone()])), vec![names])
            .map_err(|e| Error::internal(format!("names of clusters: {e}")))?;
        self.add_columns(&[field])?;
        self.edit(&found.rows, &values, note)
    }
}

/// Names out of keywords: equal ones are numbered, and what has none is called by its number.
fn unlike(words: &[Vec<String>]) -> Vec<String> {
    let mut taken: HashSet<String> = HashSet::new();
    let mut names = Vec::with_capacity(words.len());
    for (at, words) in words.iter().enumerate() {
        let base = match words.is_empty() {
            true => format!("Cluster {}", at + 1),
            false => words.join(", "),
        };
        let numbered = (2..).map(|n| format!("{base} ({n})"));
        let mut free = std::iter::once(base.clone()).chain(numbered);
        let name = free.find(|name| !taken.contains(name));
        let name = name.unwrap_or(base);
        taken.insert(name.clone());
        names.push(name);
    }
    names
}

#[cfg(test)]
mod tests {
    use super::unlike;

    #[test]
    fn no_two_clusters_have_one_name() {
        let words = [
            vec!["a"],
            vec![],
            vec!["a"],
            vec!["a", "b"],
            vec!["a"],
            vec!["Cluster 6"],
            vec![],
        ];
        let words = words.map(|words| words.into_iter().map(str::to_owned).collect());
        let names = unlike(&words);
        assert_eq!(names[..5], ["a", "Cluster 2", "a (2)", "a, b", "a (3)"]);
        assert_eq!(names[5..], ["Cluster 6", "Cluster 7"]);
    }
}
