//! Types from sampled text cells: what a CSV cell or a JSON value looks like, and what a column of them is.

use std::collections::{BTreeMap, HashSet};

use serde_json::Value;

use crate::limits::{MIN_GROUP_COLUMNS, PREVIEW_ROWS, PREVIEW_VECTOR_VALUES};
use crate::parse;
use crate::plan::ColumnType;

/// Between the first and the last name of numbered columns that form one vector: `v0…v99`.
pub(crate) const GROUP_MARK: char = '…';

/// A sampled column, from whatever format.
#[derive(Debug, Default)]
pub(crate) struct Sampled {
    pub name: String,
    pub source_type: String,
    pub ty: Option<ColumnType>,
    pub dimension: Option<usize>,
    /// Numbered columns that were put together into this one; 0 otherwise.
    pub grouped: usize,
    pub nulls: usize,
    /// Whether no value occurs twice and none is null.
    pub unique: bool,
    /// Mean bytes of a value's text.
    pub mean_length: usize,
    /// The first rows as JSON.
    pub cells: Vec<Value>,
    /// Sampled vectors of the right dimension, one after the other.
    pub vectors: Vec<f32>,
}

/// How the cells of a sample are written.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Script {
    Csv,
    Json,
}

#[derive(PartialEq, Eq, Clone, Copy)]
enum Kind {
    Null,
    Bool,
    Int,
    Float,
    Text,
    Time,
    Json,
    /// A list of numbers in brackets, with its length.
    List(usize),
    /// Numbers with separators and no brackets.
    Bare(usize),
}

fn kind(cell: &[u8], script: Script, scratch: &mut Vec<f32>) -> Kind {
    let cell = parse::trim(cell);
    let Some(&first) = cell.first() else {
        return Kind::Null;
    };
    let valid_json = || {
        std::str::from_utf8(cell)
            .is_ok_and(|t| serde_json::from_str::<serde::de::IgnoredAny>(t).is_ok())
    };
    scratch.clear();
    match (script, first) {
        (Script::Json, b'"') => {
            let text = std::str::from_utf8(cell).ok().and_then(parse::json_string);
            match text {
                Some(text) if parse::timestamp(text.as_bytes()).is_some() => Kind::Time,
                Some(text) if text.starts_with('[') => {
                    parse::push_vector(text.as_bytes(), scratch).map_or(Kind::Text, Kind::List)
                }
                _ => Kind::Text,
            }
        }
        (Script::Json, b't' | b'f') => Kind::Bool,
        (Script::Json, b'n') => Kind::Null,
        (_, b'{') if script == Script::Json || valid_json() => Kind::Json,
        (_, b'[') => match parse::push_vector(cell, scratch) {
            Ok(n) => Kind::List(n),
            Err(_) if script == Script::Json || valid_json() => Kind::Json,
            Err(_) => Kind::Text,
        },
        _ if cell.eq_ignore_ascii_case(b"true") || cell.eq_ignore_ascii_case(b"false") => {
            Kind::Bool
        }
        _ => number_kind(cell).unwrap_or_else(|| {
            if parse::timestamp(cell).is_some() {
                return Kind::Time;
            }
            match parse::push_vector(cell, scratch) {
                Ok(n) if n >= 3 => Kind::Bare(n),
                _ => Kind::Text,
            }
        }),
    }
}

fn number_kind(cell: &[u8]) -> Option<Kind> {
    let digits = cell
        .strip_prefix(b"-")
        .or_else(|| cell.strip_prefix(b"+"))
        .unwrap_or(cell);
    if !digits.is_empty() && digits.iter().all(u8::is_ascii_digit) {
        // 007 is a code, and what overflows 64 bits would lose digits as a float: both are text.
        let code = digits.len() > 1 && digits.starts_with(b"0");
        return Some(if code || parse::int(cell).is_none() {
            Kind::Text
        } else {
            Kind::Int
        });
    }
    parse::float(cell).map(|_| Kind::Float)
}

/// Whether a cell is a number on its own.
pub(crate) fn is_number(cell: &[u8]) -> bool {
    matches!(
        number_kind(parse::trim(cell)),
        Some(Kind::Int | Kind::Float)
    )
}

/// Whether a cell is plainly data: a number, a vector, a boolean, a date.
pub(crate) fn is_data(cell: &[u8]) -> bool {
    !matches!(
        kind(cell, Script::Csv, &mut Vec::new()),
        Kind::Text | Kind::Null
    )
}

/// Type and dimension of a column.
fn resolve(kinds: &[Kind], script: Script) -> (ColumnType, Option<usize>) {
    let has = |k: Kind| kinds.contains(&k);
    let present = kinds.iter().filter(|k| **k != Kind::Null).count();
    let mut lengths: BTreeMap<usize, usize> = BTreeMap::new();
    let mut bare = false;
    for kind in kinds {
        if let Kind::List(n) | Kind::Bare(n) = kind {
            *lengths.entry(*n).or_default() += 1;
            bare |= matches!(kind, Kind::Bare(_));
        }
    }
    if let Some((&dimension, &count)) = lengths.iter().max_by_key(|(n, count)| (**count, **n)) {
        // Most lists of the sample have this length. Short lists and bare numbers could be anything, so nearly all must.
        let strict = bare || dimension < 4;
        let enough = if strict {
            count * 10 >= present * 9
        } else {
            count * 2 >= present
        };
        if enough && dimension >= 2 {
            return (ColumnType::Vector, Some(dimension));
        }
    }
    let lists = kinds.iter().any(|k| matches!(k, Kind::List(_)));
    let structured = kinds
        .iter()
        .all(|k| matches!(k, Kind::Null | Kind::Json | Kind::List(_)));
    // JSON keeps the types of a column that has several, where text would not.
    let mixed = lists
        || has(Kind::Json)
        || (has(Kind::Bool) && kinds.iter().any(|k| matches!(k, Kind::Int | Kind::Float)));
    let only = |allowed: &[Kind]| {
        kinds
            .iter()
            .all(|k| *k == Kind::Null || allowed.contains(k))
    };
    let ty = if present == 0 {
        ColumnType::Text
    } else if only(&[Kind::Bool]) {
        ColumnType::Bool
    } else if only(&[Kind::Int]) {
        ColumnType::Int
    } else if only(&[Kind::Int, Kind::Float]) {
        ColumnType::Float
    } else if only(&[Kind::Time]) {
        ColumnType::Timestamp
    } else if structured || (script == Script::Json && mixed) {
        ColumnType::Json
    } else {
        ColumnType::Text
    };
    (ty, None)
}

/// Looks at one column's sampled cells, an absent one as empty.
pub(crate) fn column(name: &str, cells: &[&[u8]], script: Script) -> Sampled {
    let mut scratch = Vec::new();
    let kinds: Vec<Kind> = cells
        .iter()
        .map(|c| kind(c, script, &mut scratch))
        .collect();
    let (ty, dimension) = resolve(&kinds, script);
    let nulls = kinds.iter().filter(|k| **k == Kind::Null).count();
    let mut seen = HashSet::with_capacity(cells.len());
    let mut vectors = Vec::new();
    if let Some(dimension) = dimension {
        for cell in cells {
            push_if_whole(cell, dimension, script, &mut vectors);
        }
    }
    let total: usize = cells.iter().map(|c| c.len()).sum();
    Sampled {
        name: name.into(),
        source_type: match script {
            Script::Csv => "text".into(),
            Script::Json => json_type(&kinds).into(),
        },
        ty: Some(ty),
        dimension,
        grouped: 0,
        nulls,
        unique: nulls == 0 && cells.iter().all(|c| seen.insert(parse::trim(c))),
        mean_length: total / cells.len().max(1),
        cells: cells
            .iter()
            .take(PREVIEW_ROWS)
            .map(|c| preview_cell(c, ty, script))
            .collect(),
        vectors,
    }
}

fn json_type(kinds: &[Kind]) -> &'static str {
    let mut names: Vec<&str> = kinds
        .iter()
        .filter_map(|k| match k {
            Kind::Null => None,
            Kind::Bool => Some("boolean"),
            Kind::Int | Kind::Float => Some("number"),
            Kind::Text | Kind::Time => Some("string"),
            Kind::Json => Some("object"),
            Kind::List(_) | Kind::Bare(_) => Some("array"),
        })
        .collect();
    names.dedup();
    match names.as_slice() {
        [] => "null",
        [one] => one,
        _ => "mixed",
    }
}

fn push_if_whole(cell: &[u8], dimension: usize, script: Script, out: &mut Vec<f32>) -> bool {
    let start = out.len();
    let whole = matches!(push_cell_vector(cell, script, out), Ok(n) if n == dimension);
    if !whole {
        out.truncate(start);
    }
    whole
}

/// Appends the vector of a CSV cell or of a JSON array or string.
pub(crate) fn push_cell_vector(
    cell: &[u8],
    script: Script,
    out: &mut Vec<f32>,
) -> Result<usize, crate::reject::Fault> {
    if script == Script::Json {
        if cell == b"null" {
            return parse::push_vector(b"", out);
        }
        if let Some(text) = std::str::from_utf8(cell)
            .ok()
            .filter(|c| c.starts_with('"'))
            .and_then(parse::json_string)
        {
            return parse::push_vector(text.as_bytes(), out);
        }
    }
    parse::push_vector(cell, out)
}

fn preview_cell(cell: &[u8], ty: ColumnType, script: Script) -> Value {
    let cell = if ty == ColumnType::Text {
        cell
    } else {
        parse::trim(cell)
    };
    if cell.is_empty() || (script == Script::Json && cell == b"null") {
        return Value::Null;
    }
    if ty == ColumnType::Vector {
        let mut vector = Vec::new();
        if push_cell_vector(cell, script, &mut vector).is_ok() {
            return vector_cell(&vector);
        }
    }
    let text = String::from_utf8_lossy(cell);
    if script == Script::Json {
        return serde_json::from_str(&text).map_or(Value::Null, safe_numbers);
    }
    match ty {
        ColumnType::Bool => parse::bool(cell).map_or(Value::String(text.into()), Value::Bool),
        ColumnType::Int => parse::int(cell).map_or(Value::String(text.into()), int_cell),
        ColumnType::Float => parse::float(cell).map_or(Value::String(text.into()), float_cell),
        ColumnType::Json => serde_json::from_str(&text).map_or(Value::Null, safe_numbers),
        _ => Value::String(text.into()),
    }
}

/// Integers that JavaScript cannot hold become strings.
pub(crate) fn safe_numbers(value: Value) -> Value {
    match value.as_i64() {
        Some(n) => int_cell(n),
        None if value.is_u64() => Value::String(value.to_string()),
        None => value,
    }
}

pub(crate) fn int_cell(n: i64) -> Value {
    if n.unsigned_abs() <= 1 << 53 {
        n.into()
    } else {
        Value::String(n.to_string())
    }
}

pub(crate) fn float_cell(x: f64) -> Value {
    serde_json::Number::from_f64(x).map_or_else(|| Value::String(x.to_string()), Value::Number)
}

/// A vector as a preview shows it.
pub(crate) fn vector_cell(vector: &[f32]) -> Value {
    let shown: Vec<Value> = vector
        .iter()
        .take(PREVIEW_VECTOR_VALUES)
        .map(|x| float_cell(shortest(*x)))
        .collect();
    let mut cell = serde_json::Map::new();
    cell.insert("vector".into(), shown.into());
    cell.insert("dimension".into(), vector.len().into());
    cell.insert("norm".into(), float_cell(norm(vector)));
    cell.into()
}

/// The double that prints with the same digits as the float.
fn shortest(x: f32) -> f64 {
    x.to_string().parse().unwrap_or(f64::from(x))
}

/// Euclidean length.
pub(crate) fn norm(vector: &[f32]) -> f64 {
    vector
        .iter()
        .map(|x| f64::from(*x).powi(2))
        .sum::<f64>()
        .sqrt()
}

/// `v12` as (`v`, 12). None without digits at the end.
fn numbered(name: &str) -> Option<(&str, u32)> {
    let prefix = name.trim_end_matches(|c: char| c.is_ascii_digit());
    let digits = name
        .get(prefix.len()..)
        .filter(|d| (1..=6).contains(&d.len()))?;
    Some((prefix, digits.parse().ok()?))
}

/// Groups of at least 8 columns with one prefix and consecutive numbers, each as column indices in the order of the numbers.
pub(crate) fn groups(names: &[String], numeric: impl Fn(usize) -> bool) -> Vec<Vec<usize>> {
    let mut by_prefix: BTreeMap<&str, BTreeMap<u32, usize>> = BTreeMap::new();
    for (index, name) in names.iter().enumerate() {
        if let Some((prefix, number)) = numbered(name).filter(|_| numeric(index)) {
            by_prefix
                .entry(prefix)
                .or_default()
                .entry(number)
                .or_insert(index);
        }
    }
    let mut found = Vec::new();
    for columns in by_prefix.into_values() {
        let mut run: Vec<usize> = Vec::new();
        let mut next = None;
        for (number, index) in columns {
            if next != Some(number) && !run.is_empty() {
                found.push(std::mem::take(&mut run));
            }
            run.push(index);
            next = number.checked_add(1);
        }
        found.push(run);
    }
    found.retain(|run| run.len() >= MIN_GROUP_COLUMNS);
    found.sort();
    found
}

/// `v0…v99`.
pub(crate) fn group_name(names: &[String], group: &[usize]) -> String {
    let at = |index: Option<&usize>| index.and_then(|i| names.get(*i)).map_or("", String::as_str);
    format!("{}{GROUP_MARK}{}", at(group.first()), at(group.last()))
}

/// The columns behind a name such as `v0…v99`. None if the name is no such name or a column is missing.
pub(crate) fn group_columns(names: &[String], group: &str) -> Option<Vec<usize>> {
    let (first, last) = group.split_once(GROUP_MARK)?;
    let ((prefix, from), (prefix_of_last, to)) = (numbered(first)?, numbered(last)?);
    if prefix != prefix_of_last {
        return None;
    }
    let by_number: BTreeMap<u32, usize> = names
        .iter()
        .enumerate()
        .rev() // The first of two columns with the same number wins, as in `groups`.
        .filter_map(|(index, name)| Some((numbered(name).filter(|(p, _)| *p == prefix)?.1, index)))
        .collect();
    (from..=to)
        .map(|number| by_number.get(&number).copied())
        .collect()
}

/// Makes names unique: a second `a` is `a_2`.
pub(crate) fn unique_names(names: Vec<String>) -> Vec<String> {
    let mut taken: HashSet<String> = HashSet::new();
    let mut count: std::collections::HashMap<String, usize> = Default::default();
    names
        .into_iter()
        .map(|name| {
            let mut candidate = name.clone();
            while !taken.insert(candidate.clone()) {
                let n = count.entry(name.clone()).or_insert(1);
                *n += 1;
                candidate = format!("{name}_{n}");
            }
            candidate
        })
        .collect()
}

/// Puts grouped columns of a sample together. `vectors` gives each row's values, None where a cell is no number.
pub(crate) fn grouped(
    name: String,
    source_type: &str,
    rows: impl Iterator<Item = Option<Vec<f32>>>,
    width: usize,
) -> Sampled {
    let mut sampled = Sampled {
        name,
        source_type: format!("{width} columns of {source_type}"),
        ty: Some(ColumnType::Vector),
        dimension: Some(width),
        grouped: width,
        ..Sampled::default()
    };
    for row in rows {
        sampled.nulls += usize::from(row.is_none());
        if sampled.cells.len() < PREVIEW_ROWS {
            sampled
                .cells
                .push(row.as_deref().map_or(Value::Null, vector_cell));
        }
        sampled.vectors.extend(row.unwrap_or_default());
    }
    sampled
}

/// Replaces the columns of each group by one, at the place of its first.
pub(crate) fn put_together(
    names: &[String],
    columns: Vec<Sampled>,
    groups: &[Vec<usize>],
    source_type: &str,
    vectors: impl Fn(&[usize]) -> Vec<Option<Vec<f32>>>,
) -> Vec<Sampled> {
    let mut out = Vec::with_capacity(columns.len());
    let member: BTreeMap<usize, usize> = groups
        .iter()
        .enumerate()
        .flat_map(|(g, columns)| columns.iter().map(move |c| (*c, g)))
        .collect();
    let mut placed = HashSet::new();
    for (index, column) in columns.into_iter().enumerate() {
        match member.get(&index).and_then(|g| Some((*g, groups.get(*g)?))) {
            None => out.push(column),
            Some((g, group)) => {
                if placed.insert(g) {
                    out.push(grouped(
                        group_name(names, group),
                        source_type,
                        vectors(group).into_iter(),
                        group.len(),
                    ));
                }
            }
        }
    }
    out
}
