//! Delimited text: how a file is cut, what it holds, and its rows.

use std::borrow::Cow;
use std::path::Path;

use crate::infer::{self, Sampled, Script};
use crate::limits::{MAX_COLUMNS, MAX_LINE_BYTES, SAMPLE_BYTES, SAMPLE_ROWS};
use crate::parse;
use crate::plan::{ColumnType, CsvDialect, ReadPlan};
use crate::reject::{Fault, RejectKind};
use crate::sink::{Layout, Place, Sink, unknown};
use crate::source::SourceFile;
use crate::split::{Cut, Span, Split, split};
use crate::text::{RowFormat, TextSource};
use crate::window::{Grown, Window};
use crate::{Error, Result};

type Record = Vec<Vec<u8>>;

fn cut_of(path: &Path, dialect: CsvDialect) -> Result<Cut> {
    let delimiter = u8::try_from(dialect.delimiter)
        .ok()
        .filter(|d| b",\t;| ".contains(d))
        .ok_or_else(|| {
            Error::column(
                path,
                format!(
                    "{:?} is no delimiter; comma, tab, semicolon, bar and space are",
                    dialect.delimiter
                ),
            )
        })?;
    Ok(Cut {
        delimiter,
        quoting: delimiter != b' ',
    })
}

/// The first records of a text, blank lines left out. `last`: the file ends with the text.
fn records(text: &[u8], last: bool, cut: Cut, limit: usize) -> (Vec<Record>, usize) {
    let (mut found, mut spans, mut at) = (Vec::new(), Vec::new(), 0);
    while found.len() < limit {
        let rest = text.get(at..).unwrap_or_default();
        match split(rest, last, cut, &mut spans) {
            Split::Record { bytes, blank, .. } => {
                at += bytes;
                if !blank {
                    found.push(spans.iter().map(|s| s.of(rest).into_owned()).collect());
                }
            }
            Split::More | Split::End => break,
            // The reader will reject that line and go on; a preview may do without the rest.
            Split::Unclosed => match memchr::memchr(b'\n', rest) {
                Some(newline) => at += newline + 1,
                None => break,
            },
        }
    }
    (found, at)
}

/// Finds the delimiter, the header, and lines to skip.
pub(crate) fn detect(text: &[u8], last: bool, tsv: bool) -> CsvDialect {
    let mut best = (0, 0, ',');
    let order = if tsv {
        ['\t', ',', ';', '|', ' ']
    } else {
        [',', '\t', ';', '|', ' ']
    };
    for delimiter in order {
        let cut = Cut {
            delimiter: delimiter as u8,
            quoting: delimiter != ' ',
        };
        let (found, _) = records(text, last, cut, 50);
        // The width that most records have. A first line of its own width may still be a "count dimension" line.
        let mut widths: Vec<usize> = found.iter().map(Vec::len).collect();
        widths.sort_unstable();
        let width = widths.get(widths.len() / 2).copied().unwrap_or(0);
        let same = widths.iter().filter(|w| **w == width).count() * 100 / widths.len().max(1);
        // Spaces separate words too: they count only where nothing else does and the rows are long.
        let usable = if delimiter == ' ' {
            width >= 8 && best.1 == 0
        } else {
            width >= 2
        };
        if usable && (same, width) > (best.0, best.1) {
            best = (same, width, delimiter);
        }
    }
    let (_, width, delimiter) = best;
    let cut = Cut {
        delimiter: delimiter as u8,
        quoting: delimiter != ' ',
    };
    let (found, _) = records(text, last, cut, 20);
    let counts =
        |r: &Record| r.len() == 2 && r.iter().all(|c| parse::int(c).is_some_and(|n| n > 0));
    let skip = delimiter == ' ' && width > 2 && found.first().is_some_and(counts);
    let rows = found.get(usize::from(skip)..).unwrap_or_default();
    let header = delimiter != ' '
        && rows
            .split_first()
            .is_some_and(|(first, rest)| is_header(first, rest));
    CsvDialect {
        delimiter,
        header,
        skip_lines: u32::from(skip),
    }
}

fn is_header(first: &Record, rest: &[Record]) -> bool {
    let data = first.iter().filter(|c| infer::is_data(c)).count();
    if data == 0 {
        return true;
    }
    // Columns called 0, 1, 2, … are a header too, unless the rows below are such integers themselves.
    let numbers: Vec<i64> = first
        .iter()
        .filter_map(|c| parse::int(parse::trim(c)))
        .collect();
    let consecutive = numbers.len() >= 8
        && numbers.len() == data
        && numbers
            .windows(2)
            .all(|w| matches!(w, [a, b] if *b == a + 1));
    consecutive
        && rest
            .iter()
            .flatten()
            .any(|c| infer::is_number(c) && parse::int(parse::trim(c)).is_none())
}

fn names_of(path: &Path, first: &[Vec<u8>], header: bool) -> Result<Vec<String>> {
    if first.len() > MAX_COLUMNS {
        return Err(Error::limit(
            path,
            format!(
                "{} columns; at most {MAX_COLUMNS} are possible",
                first.len()
            ),
        ));
    }
    let name = |(index, cell): (usize, &Vec<u8>)| {
        let text = match header {
            true => std::str::from_utf8(cell).map_err(|_| Error::InvalidFile {
                path: path.into(),
                what: format!("the name of column {} is not UTF-8", index + 1),
                remedy: "Save the file as UTF-8.".into(),
            })?,
            false => "",
        };
        Ok(match text.trim() {
            "" => format!("column_{}", index + 1),
            name => name.to_owned(),
        })
    };
    Ok(infer::unique_names(
        first.iter().enumerate().map(name).collect::<Result<_>>()?,
    ))
}

/// The head of a file: enough for a sample, and for one whole record however long.
fn head(source: &mut SourceFile) -> Result<(Vec<u8>, bool)> {
    let mut text = source.head(SAMPLE_BYTES)?;
    if memchr::memchr(b'\n', &text).is_none() && source.len() > text.len() as u64 {
        text = source.head(MAX_LINE_BYTES + 1)?;
    }
    let last = text.len() as u64 >= source.len();
    if text.starts_with(b"\xEF\xBB\xBF") {
        text.drain(..3);
    }
    Ok((text, last))
}

fn skip_lines(text: &[u8], lines: u32) -> &[u8] {
    (0..lines).fold(text, |rest, _| {
        let end = memchr::memchr(b'\n', rest).map_or(rest.len(), |at| at + 1);
        rest.get(end..).unwrap_or_default()
    })
}

/// What a preview needs to know of a delimited file.
pub(crate) struct Sample {
    pub dialect: CsvDialect,
    pub columns: Vec<Sampled>,
    pub rows: Option<u64>,
    pub rows_estimate: Option<u64>,
}

pub(crate) fn sample(
    source: &mut SourceFile,
    tsv: bool,
    dialect: Option<CsvDialect>,
) -> Result<Sample> {
    let (text, last) = head(source)?;
    let dialect = dialect.unwrap_or_else(|| detect(&text, last, tsv));
    let path = source.path();
    let text = skip_lines(&text, dialect.skip_lines);
    let (mut rows, read) = records(
        text,
        last,
        cut_of(path, dialect)?,
        SAMPLE_ROWS + usize::from(dialect.header),
    );
    let Some(first) = rows.first() else {
        return Err(if last {
            Error::empty(path, "the file has no rows")
        } else {
            Error::limit(
                path,
                format!("the first line is longer than {} MiB", MAX_LINE_BYTES >> 20),
            )
        });
    };
    let names = names_of(path, first, dialect.header)?;
    if dialect.header {
        rows.remove(0);
    }
    let whole = last && read >= text.len();
    if rows.is_empty() && whole {
        return Err(Error::empty(path, "the file has a header and no rows"));
    }
    let seen = rows.len() as u64;
    rows.retain(|r| r.len() == names.len());
    let cell = |row: &'_ Record, column: usize| row.get(column).cloned().unwrap_or_default();
    let columns = (0..names.len())
        .map(|index| {
            let cells: Vec<&[u8]> = rows
                .iter()
                .map(|r| r.get(index).map_or(&[][..], Vec::as_slice))
                .collect();
            infer::column(
                names.get(index).map_or("", String::as_str),
                &cells,
                Script::Csv,
            )
        })
        .collect();
    let numeric = |index: usize| {
        let present: Vec<_> = rows
            .iter()
            .map(|r| cell(r, index))
            .filter(|c| !parse::trim(c).is_empty())
            .collect();
        let numbers = present.iter().filter(|c| infer::is_number(c)).count();
        numbers > 0 && numbers * 2 >= present.len()
    };
    let groups = infer::groups(&names, numeric);
    let columns = infer::put_together(&names, columns, &groups, "numbers", |group| {
        rows.iter()
            .map(|row| {
                let mut values = Vec::with_capacity(group.len());
                let whole = group
                    .iter()
                    .all(|i| parse::push_number(parse::trim(&cell(row, *i)), &mut values).is_ok());
                whole.then_some(values)
            })
            .collect()
    });
    let estimate = (source.len() as u128 * u128::from(seen) / (read.max(1) as u128)) as u64;
    Ok(Sample {
        dialect,
        columns,
        rows: whole.then_some(seen),
        rows_estimate: (!whole).then_some(estimate),
    })
}

/// Where a value of a row comes from.
enum From {
    Cell(usize),
    Group(Vec<usize>),
}

impl From {
    fn find(path: &Path, names: &[String], wanted: &str) -> Result<Self> {
        if let Some(index) = names.iter().position(|n| n == wanted) {
            return Ok(Self::Cell(index));
        }
        infer::group_columns(names, wanted)
            .map(Self::Group)
            .ok_or_else(|| {
                let known: Vec<&str> = names.iter().map(String::as_str).collect();
                unknown(path, wanted, &known)
            })
    }
}

struct Rows {
    window: Window,
    cut: Cut,
    spans: Vec<Span>,
    width: usize,
    vectors: Vec<From>,
    columns: Vec<From>,
    rows: u64,
}

pub(crate) fn open(
    mut source: SourceFile,
    tsv: bool,
    plan: &ReadPlan,
) -> Result<Box<dyn crate::reader::RowSource>> {
    let path = source.path().to_owned();
    let (text, last) = head(&mut source)?;
    let dialect = plan.csv.unwrap_or_else(|| detect(&text, last, tsv));
    let cut = cut_of(&path, dialect)?;
    let mut window = Window::new(source)?;
    for _ in 0..dialect.skip_lines {
        window.skip_line()?;
    }
    let mut rows = Rows {
        window,
        cut,
        spans: Vec::new(),
        width: 0,
        vectors: Vec::new(),
        columns: Vec::new(),
        rows: 0,
    };
    // The first record names the columns, or at least counts them.
    let (first, bytes, lines) = loop {
        match rows.next_split()? {
            Split::Record {
                bytes,
                lines,
                blank: true,
            } => rows.window.consume(bytes, lines),
            Split::Record { bytes, lines, .. } => {
                let data = rows.window.data();
                let first: Record = rows.spans.iter().map(|s| s.of(data).into_owned()).collect();
                break (first, bytes, lines);
            }
            Split::End => return Err(Error::empty(&path, "the file has no rows")),
            Split::Unclosed => {
                return Err(Error::invalid(
                    &path,
                    "a quote in the first line never closes",
                ));
            }
            Split::More => {
                return Err(Error::limit(
                    &path,
                    format!("the first line is longer than {} MiB", MAX_LINE_BYTES >> 20),
                ));
            }
        }
    };
    let names = names_of(&path, &first, dialect.header)?;
    if dialect.header {
        rows.window.consume(bytes, lines);
    }
    rows.width = names.len();
    let layout = Layout::new(&path, plan, |source| {
        names
            .iter()
            .any(|n| n == source)
            .then_some(ColumnType::Text)
    })?;
    rows.vectors = layout
        .vectors
        .iter()
        .map(|v| From::find(&path, &names, &v.source))
        .collect::<Result<_>>()?;
    rows.columns = layout
        .columns
        .iter()
        .map(|c| From::find(&path, &names, &c.source))
        .collect::<Result<_>>()?;
    let sink = Sink::new(&path, plan.on_error, layout);
    Ok(Box::new(TextSource::new(rows, sink)?))
}

impl Rows {
    /// Splits the next record without consuming it. `More` means that it is longer than a line may be.
    fn next_split(&mut self) -> Result<Split> {
        loop {
            match split(
                self.window.data(),
                self.window.is_last(),
                self.cut,
                &mut self.spans,
            ) {
                Split::More => {
                    if self.window.grow()? == Grown::Full {
                        return Ok(Split::More);
                    }
                }
                // A record may come whole out of a longer read and still be over the limit.
                Split::Record { bytes, .. } if bytes > MAX_LINE_BYTES => return Ok(Split::More),
                other => return Ok(other),
            }
        }
    }

    /// Rejects the line at the window's start and goes on behind it.
    fn reject_line(&mut self, sink: &mut Sink, kind: RejectKind, reason: String) -> Result<bool> {
        self.rows += 1;
        sink.reject(Fault::new(kind, reason).at(self.rows, Some(self.window.line), None))?;
        self.window.skip_line()?;
        Ok(true)
    }
}

impl RowFormat for Rows {
    fn advance(&mut self, sink: &mut Sink) -> Result<bool> {
        let (bytes, lines) = match self.next_split()? {
            Split::End => return Ok(false),
            Split::Record {
                bytes,
                lines,
                blank: true,
            } => {
                self.window.consume(bytes, lines);
                return Ok(true);
            }
            Split::Record { bytes, lines, .. } => (bytes, lines),
            Split::Unclosed => {
                return self.reject_line(
                    sink,
                    RejectKind::UnclosedQuote,
                    "a quote opens here and never closes".into(),
                );
            }
            Split::More => {
                let limit = MAX_LINE_BYTES >> 20;
                let newline = memchr::memchr(b'\n', self.window.data());
                let several = newline.is_some_and(|at| at < limit << 20);
                return if several {
                    let reason =
                        format!("a quote opens here and does not close within {limit} MiB");
                    self.reject_line(sink, RejectKind::UnclosedQuote, reason)
                } else {
                    self.reject_line(
                        sink,
                        RejectKind::LineTooLong,
                        format!("the line is longer than {limit} MiB"),
                    )
                };
            }
        };
        self.rows += 1;
        let place = Place {
            row: self.rows,
            line: Some(self.window.line),
        };
        let data = self.window.data();
        let spans = &self.spans;
        if spans.len() != self.width {
            let reason = format!(
                "the row has {} cells where {} are expected",
                spans.len(),
                self.width
            );
            sink.reject(Fault::new(RejectKind::RaggedRow, reason).at(place.row, place.line, None))?;
            self.window.consume(bytes, lines);
            return Ok(true);
        }
        let cell = |index: usize| {
            spans
                .get(index)
                .map_or(Cow::Borrowed(&b""[..]), |s| s.of(data))
        };
        let vector = |index: usize, out: &mut Vec<f32>| match self.vectors.get(index) {
            Some(From::Cell(index)) => parse::push_vector(&cell(*index), out).map(drop),
            Some(From::Group(indices)) => indices
                .iter()
                .try_for_each(|i| parse::push_number(parse::trim(&cell(*i)), out)),
            None => Ok(()),
        };
        sink.row(place, vector, |index, buffer| {
            match self.columns.get(index) {
                Some(From::Cell(index)) => buffer.push_text(&cell(*index)),
                Some(From::Group(indices)) => {
                    let cells: Vec<_> = indices.iter().map(|i| cell(*i).into_owned()).collect();
                    buffer.push_text(&cells.join(&b','))
                }
                None => Ok(()),
            }
        })?;
        self.window.consume(bytes, lines);
        Ok(true)
    }

    fn window(&self) -> &Window {
        &self.window
    }

    fn rows_read(&self) -> u64 {
        self.rows
    }
}
