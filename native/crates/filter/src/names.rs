//! Column names: finding the one that is meant, and the near ones when none is.

use std::collections::HashMap;

use arrow_schema::Schema;

/// At most this many names are listed in a message.
const MAX_LISTED: usize = 5;
/// Longer names are not measured for nearness: the distance costs length times length.
const MAX_MEASURED: usize = 64;

/// The names of a schema.
pub(crate) struct Names<'a> {
    schema: &'a Schema,
    exact: HashMap<&'a str, usize>,
    folded: HashMap<String, Vec<usize>>,
}

/// What a name turned out to be.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Lookup {
    /// The field's position in the schema.
    Found(usize),
    /// Several columns differ only in letter case.
    Ambiguous(Vec<String>),
    Unknown,
}

impl<'a> Names<'a> {
    pub(crate) fn new(schema: &'a Schema) -> Self {
        let mut exact = HashMap::new();
        let mut folded: HashMap<String, Vec<usize>> = HashMap::new();
        for (position, field) in schema.fields().iter().enumerate() {
            exact.entry(field.name().as_str()).or_insert(position);
            folded
                .entry(field.name().to_lowercase())
                .or_default()
                .push(position);
        }
        Self {
            schema,
            exact,
            folded,
        }
    }

    /// The exact name first; then, unless it was quoted, the only one that differs in case alone.
    pub(crate) fn find(&self, name: &str, quoted: bool) -> Lookup {
        if let Some(&position) = self.exact.get(name) {
            return Lookup::Found(position);
        }
        if quoted {
            return Lookup::Unknown;
        }
        match self.folded.get(&name.to_lowercase()).map(Vec::as_slice) {
            None | Some([]) => Lookup::Unknown,
            Some([position]) => Lookup::Found(*position),
            Some(several) => Lookup::Ambiguous(
                several
                    .iter()
                    .take(MAX_LISTED)
                    .map(|&p| self.schema.field(p).name().clone())
                    .collect(),
            ),
        }
    }

    /// The schema's spelling of an unquoted name, if it names one column.
    pub(crate) fn spelling(&self, name: &str) -> Option<&'a str> {
        match self.find(name, false) {
            Lookup::Found(position) => Some(self.schema.field(position).name()),
            _ => None,
        }
    }

    /// What to write instead of a name that does not exist.
    pub(crate) fn suggestion(&self, name: &str) -> String {
        let near = self.near(name);
        let fields = self.schema.fields();
        if let [only] = near.as_slice() {
            return format!("Did you mean {}?", quoted_if_needed(only));
        }
        if !near.is_empty() {
            return format!("Did you mean one of {}?", list(&near));
        }
        if fields.is_empty() {
            return "There are no columns to filter by".to_owned();
        }
        let all: Vec<&str> = fields
            .iter()
            .take(MAX_LISTED)
            .map(|f| f.name().as_str())
            .collect();
        let more = match fields.len() - all.len() {
            0 => String::new(),
            more => format!(" and {more} more"),
        };
        format!("The columns are {}{more}", list(&all))
    }

    /// The nearest names, best first.
    fn near(&self, name: &str) -> Vec<&'a str> {
        let wanted: Vec<char> = name.to_lowercase().chars().take(MAX_MEASURED + 1).collect();
        if wanted.is_empty() || wanted.len() > MAX_MEASURED {
            return Vec::new();
        }
        let allowed = (wanted.len() / 3).clamp(1, 4);
        let mut found: Vec<(usize, &str)> = Vec::new();
        for field in self.schema.fields() {
            let lower = field.name().to_lowercase();
            let candidate: Vec<char> = lower.chars().take(MAX_MEASURED + 1).collect();
            if candidate.len() > MAX_MEASURED {
                continue;
            }
            let distance = edit_distance(&wanted, &candidate);
            let part =
                wanted.len() >= 3 && lower.contains(wanted.iter().collect::<String>().as_str());
            if distance <= allowed {
                found.push((distance, field.name()));
            } else if part {
                found.push((allowed + 1, field.name()));
            }
        }
        found.sort();
        found
            .into_iter()
            .take(MAX_LISTED)
            .map(|(_, name)| name)
            .collect()
    }
}

/// Insertions, deletions, substitutions and swaps of neighbours between two words.
fn edit_distance(a: &[char], b: &[char]) -> usize {
    let mut before: Vec<usize> = Vec::new();
    let mut last: Vec<usize> = (0..=b.len()).collect();
    for (i, &x) in a.iter().enumerate() {
        let mut row = Vec::with_capacity(b.len() + 1);
        row.push(i + 1);
        for (j, &y) in b.iter().enumerate() {
            let mut best = (last[j] + usize::from(x != y))
                .min(last[j + 1] + 1)
                .min(row[j] + 1);
            if i > 0 && j > 0 && x == b[j - 1] && a[i - 1] == y {
                best = best.min(before[j - 1] + 1);
            }
            row.push(best);
        }
        before = std::mem::replace(&mut last, row);
    }
    last.last().copied().unwrap_or(0)
}

/// A name as a filter has to spell it.
pub(crate) fn quoted_if_needed(name: &str) -> String {
    let mut chars = name.chars();
    let plain = chars.next().is_some_and(|c| c.is_alphabetic() || c == '_')
        && chars.all(|c| c.is_alphanumeric() || c == '_')
        && !is_reserved(name);
    if plain {
        name.to_owned()
    } else {
        format!("\"{}\"", name.replace('"', "\"\""))
    }
}

/// The words of the grammar, which a column of that name must be quoted against.
pub(crate) fn is_reserved(word: &str) -> bool {
    const RESERVED: [&str; 12] = [
        "AND", "OR", "NOT", "IN", "IS", "BETWEEN", "LIKE", "ILIKE", "TRUE", "FALSE", "NULL",
        "ESCAPE",
    ];
    RESERVED
        .iter()
        .any(|reserved| reserved.eq_ignore_ascii_case(word))
}

fn list(names: &[&str]) -> String {
    names
        .iter()
        .map(|name| quoted_if_needed(name))
        .collect::<Vec<_>>()
        .join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn distance(a: &str, b: &str) -> usize {
        edit_distance(
            &a.chars().collect::<Vec<_>>(),
            &b.chars().collect::<Vec<_>>(),
        )
    }

    #[test]
    fn a_swap_a_slip_and_a_missing_letter_each_cost_one() {
        assert_eq!(distance("rank", "rnak"), 1);
        assert_eq!(distance("rank", "rink"), 1);
        assert_eq!(distance("rank", "ran"), 1);
        assert_eq!(distance("", "ab"), 2);
        assert_eq!(distance("same", "same"), 0);
    }

    #[test]
    fn names_that_the_grammar_would_misread_are_shown_quoted() {
        assert_eq!(quoted_if_needed("rank"), "rank");
        assert_eq!(quoted_if_needed("größe_2"), "größe_2");
        assert_eq!(quoted_if_needed("first letter"), "\"first letter\"");
        assert_eq!(quoted_if_needed("in"), "\"in\"");
        assert_eq!(quoted_if_needed("2x"), "\"2x\"");
        assert_eq!(quoted_if_needed("a\"b"), "\"a\"\"b\"");
    }
}
