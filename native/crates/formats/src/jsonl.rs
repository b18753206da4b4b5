//! JSON Lines: one object a line, or one array of numbers a line.

use std::borrow::Cow;
use std::collections::HashMap;
use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, Visitor};
use serde_json::value::RawValue;

use crate::infer::{self, Sampled, Script};
use crate::limits::{MAX_COLUMNS, MAX_LINE_BYTES, SAMPLE_BYTES, SAMPLE_ROWS};
use crate::plan::{ColumnType, ReadPlan};
use crate::reject::{Fault, RejectKind};
use crate::sink::{Layout, Place, Sink};
use crate::source::SourceFile;
use crate::text::{RowFormat, TextSource};
use crate::window::{Grown, Window};
use crate::{Error, Result};

/// Name of the only column of a file whose lines are arrays.
pub(crate) const ARRAY_COLUMN: &str = "vector";

/// Feeds the members of one object to a function as raw JSON; a member it does not want costs no allocation.
struct Members<W, T>(W, T);

impl<'de, W, T> DeserializeSeed<'de> for Members<W, T>
where
    W: FnMut(&str) -> Option<usize>,
    T: FnMut(usize, &'de str),
{
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de, W, T> Visitor<'de> for Members<W, T>
where
    W: FnMut(&str) -> Option<usize>,
    T: FnMut(usize, &'de str),
{
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON object")
    }

    fn visit_map<A: MapAccess<'de>>(mut self, mut map: A) -> Result<(), A::Error> {
        while let Some(slot) = map.next_key_seed(Key(&mut self.0))? {
            match slot {
                Some(slot) => (self.1)(slot, map.next_value::<&RawValue>()?.get()),
                None => map.next_value::<IgnoredAny>().map(drop)?,
            }
        }
        Ok(())
    }
}

struct Key<'w, W>(&'w mut W);

impl<'de, W: FnMut(&str) -> Option<usize>> DeserializeSeed<'de> for Key<'_, W> {
    type Value = Option<usize>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl<W: FnMut(&str) -> Option<usize>> Visitor<'_> for Key<'_, W> {
    type Value = Option<usize>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a name")
    }

    fn visit_str<E>(self, name: &str) -> Result<Self::Value, E> {
        Ok((self.0)(name))
    }
}

/// Reads a line's members: `want` says where a name goes, `take` gets the raw values. Of a name given twice the last value counts.
fn members<'l>(
    line: &'l str,
    want: impl FnMut(&str) -> Option<usize>,
    take: impl FnMut(usize, &'l str),
) -> Result<(), Fault> {
    let mut deserializer = serde_json::Deserializer::from_str(line);
    Members(want, take)
        .deserialize(&mut deserializer)
        .and_then(|()| deserializer.end())
        .map_err(|error| json_fault(line, &error))
}

fn json_fault(line: &str, error: &serde_json::Error) -> Fault {
    // Python writes NaN and Infinity, which JSON does not have: say so rather than "expected value".
    let at = error.column().saturating_sub(1);
    let around = line
        .as_bytes()
        .get(at.saturating_sub(1)..)
        .unwrap_or_default();
    let names: [&[u8]; 3] = [b"NaN", b"Infinity", b"-Infinity"];
    if names
        .iter()
        .any(|n| around.starts_with(n) || around.get(1..).is_some_and(|r| r.starts_with(n)))
    {
        return Fault::new(
            RejectKind::NotFinite,
            format!(
                "NaN or Infinity at character {}, which is no JSON",
                error.column()
            ),
        );
    }
    Fault::new(RejectKind::InvalidJson, format!("no JSON object: {error}"))
}

/// Whether the line is a whole JSON array (of numbers or not).
fn array(line: &str) -> Result<&str, Fault> {
    serde_json::from_str::<IgnoredAny>(line)
        .map(|_| line)
        .map_err(|error| json_fault(line, &error))
}

fn is_array(line: &str) -> bool {
    line.starts_with('[')
}

pub(crate) struct Sample {
    pub columns: Vec<Sampled>,
    pub rows: Option<u64>,
    pub rows_estimate: Option<u64>,
}

/// Whole lines of a head; the last one only if the file ends with it.
fn lines(text: &[u8], last: bool) -> (Vec<&[u8]>, usize) {
    let (mut found, mut at) = (Vec::new(), 0);
    while found.len() < SAMPLE_ROWS {
        let rest = text.get(at..).unwrap_or_default();
        let end = match memchr::memchr(b'\n', rest) {
            Some(newline) => newline + 1,
            None if last && !rest.is_empty() => rest.len(),
            None => break,
        };
        at += end;
        let line = rest.get(..end).unwrap_or_default().trim_ascii();
        if !line.is_empty() {
            found.push(line);
        }
    }
    (found, at)
}

pub(crate) fn sample(source: &mut SourceFile) -> Result<Sample> {
    let mut text = source.head(SAMPLE_BYTES)?;
    if memchr::memchr(b'\n', &text).is_none() && source.len() > text.len() as u64 {
        text = source.head(MAX_LINE_BYTES + 1)?;
    }
    let last = text.len() as u64 >= source.len();
    let path = source.path();
    let text = text.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(&text);
    let (found, read) = lines(text, last);
    let whole = last && read >= text.len();
    if found.is_empty() {
        return Err(match whole {
            true => Error::empty(path, "the file has no rows"),
            false => Error::limit(
                path,
                format!("the first line is longer than {} MiB", MAX_LINE_BYTES >> 20),
            ),
        });
    }
    let mut names: Vec<String> = Vec::new();
    let mut slots: HashMap<String, usize> = HashMap::new();
    let mut rows: Vec<Vec<(usize, &str)>> = Vec::new();
    let mut arrays: Vec<&[u8]> = Vec::new();
    let mut first_fault = None;
    for line in &found {
        let Ok(line) = std::str::from_utf8(line) else {
            continue;
        };
        if is_array(line) {
            arrays.extend(array(line).ok().map(str::as_bytes));
            continue;
        }
        let mut row = Vec::new();
        let want = |name: &str| {
            if let Some(slot) = slots.get(name) {
                return Some(*slot);
            }
            names.push(name.to_owned());
            slots.insert(name.to_owned(), names.len() - 1);
            Some(names.len() - 1)
        };
        match members(line, want, |slot, raw| row.push((slot, raw))) {
            Ok(()) => rows.push(row),
            Err(fault) => drop(first_fault.get_or_insert(fault)),
        }
        if names.len() > MAX_COLUMNS {
            return Err(Error::limit(
                path,
                format!("more than {MAX_COLUMNS} columns"),
            ));
        }
    }
    let columns = if rows.is_empty() && !arrays.is_empty() {
        vec![infer::column(ARRAY_COLUMN, &arrays, Script::Json)]
    } else if rows.is_empty() {
        let why = first_fault
            .map(|f: Fault| f.reason)
            .unwrap_or_else(|| "the lines are not UTF-8".into());
        return Err(Error::unsupported(
            path,
            format!("no line is a JSON object of its own ({why})"),
            "Write one JSON object a line (JSON Lines).",
        ));
    } else {
        let mut cells: Vec<Vec<&[u8]>> = vec![vec![&b""[..]; rows.len()]; names.len()];
        for (index, row) in rows.iter().enumerate() {
            for (slot, raw) in row {
                if let Some(cell) = cells.get_mut(*slot).and_then(|c| c.get_mut(index)) {
                    *cell = raw.as_bytes();
                }
            }
        }
        names
            .iter()
            .zip(&cells)
            .map(|(name, cells)| infer::column(name, cells, Script::Json))
            .collect()
    };
    let seen = found.len() as u64;
    let estimate = (u128::from(source.len()) * u128::from(seen) / (read.max(1) as u128)) as u64;
    Ok(Sample {
        columns,
        rows: whole.then_some(seen),
        rows_estimate: (!whole).then_some(estimate),
    })
}

struct Rows {
    window: Window,
    /// Slots of each wanted name: first those of the vectors, then those of the columns. A column may share its name with a vector.
    wanted: HashMap<String, Vec<usize>>,
    slots: usize,
    array_lines: bool,
    /// Names of the vectors.
    vectors: Vec<String>,
    rows: u64,
}

pub(crate) fn open(
    source: SourceFile,
    plan: &ReadPlan,
) -> Result<Box<dyn crate::reader::RowSource>> {
    let path = source.path().to_owned();
    // A name that a sample does not hold may still come later, so names are not checked against one. The id's natural type is text.
    let layout = Layout::new(&path, plan, |_| Some(ColumnType::Text))?;
    let mut wanted: HashMap<String, Vec<usize>> = HashMap::new();
    let vectors: Vec<String> = layout.vectors.iter().map(|v| v.source.clone()).collect();
    let columns = layout.columns.iter().map(|c| &c.source);
    for (slot, source) in vectors.iter().chain(columns).enumerate() {
        wanted.entry(source.clone()).or_default().push(slot);
    }
    let slots = vectors.len() + layout.columns.len();
    let array_lines = slots == 1 && plan.vector == ARRAY_COLUMN;
    let rows = Rows {
        window: Window::new(source)?,
        wanted,
        slots,
        array_lines,
        vectors,
        rows: 0,
    };
    let sink = Sink::new(&path, plan.on_error, layout);
    Ok(Box::new(TextSource::new(rows, sink)?))
}

impl RowFormat for Rows {
    fn advance(&mut self, sink: &mut Sink) -> Result<bool> {
        let mut searched = 0;
        let bytes = loop {
            let data = self.window.data();
            match memchr::memchr(b'\n', data.get(searched..).unwrap_or_default()) {
                Some(at) if searched + at < MAX_LINE_BYTES => break searched + at + 1,
                None if self.window.is_last() && data.len() <= MAX_LINE_BYTES => break data.len(),
                None if !self.window.is_last() => {
                    searched = data.len();
                    if self.window.grow()? != Grown::Full {
                        continue;
                    }
                }
                _ => {}
            }
            self.rows += 1;
            let reason = format!("the line is longer than {} MiB", MAX_LINE_BYTES >> 20);
            sink.reject(Fault::new(RejectKind::LineTooLong, reason).at(
                self.rows,
                Some(self.window.line),
                None,
            ))?;
            self.window.skip_line()?;
            return Ok(true);
        };
        if bytes == 0 {
            return Ok(false);
        }
        let line = self
            .window
            .data()
            .get(..bytes)
            .unwrap_or_default()
            .trim_ascii();
        if !line.is_empty() {
            self.rows += 1;
            let place = Place {
                row: self.rows,
                line: Some(self.window.line),
            };
            let mut raws: Vec<Option<&str>> = vec![None; self.slots];
            match self.values(line, &mut raws) {
                Err(fault) => sink.reject(fault.at(place.row, place.line, None))?,
                Ok(()) => {
                    let raw = |slot: usize| raws.get(slot).copied().flatten();
                    let vector = |index: usize, out: &mut Vec<f32>| match raw(index) {
                        Some("null") | None => Err(Fault::new(
                            RejectKind::MissingVector,
                            format!("there is no {:?}", self.vectors[index]),
                        )),
                        Some(cell) => {
                            infer::push_cell_vector(cell.as_bytes(), Script::Json, out).map(drop)
                        }
                    };
                    let first = self.vectors.len();
                    sink.row(place, vector, |index, buffer| match raw(first + index) {
                        Some(cell) => buffer.push_json(cell),
                        None => {
                            buffer.push_null();
                            Ok(())
                        }
                    })?;
                }
            }
        }
        self.window.consume(bytes, 1);
        Ok(true)
    }

    fn window(&self) -> &Window {
        &self.window
    }

    fn rows_read(&self) -> u64 {
        self.rows
    }
}

impl Rows {
    /// Finds the raw values of the wanted names in a line.
    fn values<'l>(&self, line: &'l [u8], raws: &mut [Option<&'l str>]) -> Result<(), Fault> {
        let line = std::str::from_utf8(line).map_err(|_| crate::columns::not_utf8(line))?;
        if self.array_lines && is_array(line) {
            if let Some(slot) = raws.first_mut() {
                *slot = Some(array(line)?);
            }
            return Ok(());
        }
        // Names with several takers are rare: the first taker's slot stands for all and is copied afterwards.
        members(
            line,
            |name| {
                self.wanted
                    .get(name)
                    .and_then(|slots| slots.first().copied())
            },
            |slot, raw| {
                if let Some(place) = raws.get_mut(slot) {
                    *place = Some(raw);
                }
            },
        )?;
        for slots in self.wanted.values().filter(|s| s.len() > 1) {
            let value = slots.first().and_then(|s| raws.get(*s).copied().flatten());
            for slot in slots {
                if let Some(place) = raws.get_mut(*slot) {
                    *place = value;
                }
            }
        }
        Ok(())
    }
}

/// The text of a line for sniffing: its first JSON value's start.
pub(crate) fn looks_like_line(line: &[u8]) -> bool {
    let text = String::from_utf8_lossy(line);
    let trimmed: Cow<'_, str> = Cow::Borrowed(text.trim());
    match trimmed.as_bytes().first() {
        Some(b'{') => members(&trimmed, |_| None, |_, _| {}).is_ok(),
        Some(b'[') => array(&trimmed).is_ok() && !trimmed.contains('{'),
        _ => false,
    }
}
