//! Delimited text to records and cells (RFC 4180, and as lenient as the `csv` crate). A function of bytes alone: it owns no buffer, so
//! its caller can bound memory and can go on after a quote that never closes.

use std::borrow::Cow;

/// The characters that cut the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Cut {
    pub delimiter: u8,
    /// Whether `"` quotes.
    pub quoting: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// The bytes are the cell.
    Plain,
    /// Inside of quotes, with `""` for `"`.
    Doubled,
    /// Starts with a quote, and goes on after the closing one.
    Trailing,
}

/// One cell as a range of the bytes that were split.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Span {
    start: usize,
    end: usize,
    kind: Kind,
}

impl Span {
    /// The cell's bytes; borrowed unless quotes have to be undone.
    pub fn of<'a>(&self, bytes: &'a [u8]) -> Cow<'a, [u8]> {
        let raw = bytes.get(self.start..self.end).unwrap_or_default();
        if self.kind == Kind::Plain {
            return Cow::Borrowed(raw);
        }
        let mut out = Vec::with_capacity(raw.len());
        let mut rest = if self.kind == Kind::Trailing {
            raw.get(1..).unwrap_or_default()
        } else {
            raw
        };
        while let Some(at) = memchr::memchr(b'"', rest) {
            out.extend_from_slice(rest.get(..at).unwrap_or_default());
            let doubled = rest.get(at + 1) == Some(&b'"');
            rest = rest
                .get(at + 1 + usize::from(doubled)..)
                .unwrap_or_default();
            if !doubled {
                break; // The closing quote; what follows is literal.
            }
            out.push(b'"');
        }
        out.extend_from_slice(rest);
        Cow::Owned(out)
    }
}

/// What stands at the start of the bytes.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Split {
    /// A record of this many bytes (terminator included) and line ends.
    Record {
        bytes: usize,
        lines: u64,
        blank: bool,
    },
    /// The record goes on behind these bytes.
    More,
    /// The text ends inside a quoted cell.
    Unclosed,
    /// No bytes at the end of the text.
    End,
}

/// Splits the first record off `bytes`; `last` says that the text ends with them.
pub(crate) fn split(bytes: &[u8], last: bool, cut: Cut, spans: &mut Vec<Span>) -> Split {
    spans.clear();
    if bytes.is_empty() {
        return if last { Split::End } else { Split::More };
    }
    let mut at = 0;
    let mut quoted = false;
    loop {
        let start = at;
        let mut span = Span {
            start,
            end: start,
            kind: Kind::Plain,
        };
        if cut.quoting && bytes.get(at) == Some(&b'"') {
            quoted = true;
            span.start = start + 1;
            let mut from = start + 1;
            let close = loop {
                let Some(found) = bytes
                    .get(from..)
                    .and_then(|rest| memchr::memchr(b'"', rest))
                else {
                    return if last { Split::Unclosed } else { Split::More };
                };
                let quote = from + found;
                match bytes.get(quote + 1) {
                    Some(b'"') => {
                        span.kind = Kind::Doubled;
                        from = quote + 2;
                    }
                    None if !last => return Split::More,
                    _ => break quote,
                }
            };
            span.end = close;
            at = close + 1;
        }
        // The cell ends at the next delimiter or line end. Behind a closing quote that is normally right here.
        let found = bytes
            .get(at..)
            .and_then(|rest| memchr::memchr3(cut.delimiter, b'\n', b'\r', rest));
        let end = match found {
            Some(found) => at + found,
            None if last => bytes.len(),
            None => return Split::More,
        };
        if span.start == start {
            span.end = end;
        } else if end > at {
            span = Span {
                start,
                end,
                kind: Kind::Trailing,
            };
        }
        spans.push(span);
        at = match bytes.get(end) {
            Some(b'\n') => end + 1,
            Some(b'\r') => match bytes.get(end + 1) {
                Some(b'\n') => end + 2,
                None if !last => return Split::More,
                _ => end + 1,
            },
            Some(_) => {
                at = end + 1;
                continue;
            }
            None => end,
        };
        let record = bytes.get(..at).unwrap_or_default();
        let lines = if quoted {
            memchr::memchr_iter(b'\n', record).count().max(1) as u64
        } else {
            1
        };
        return Split::Record {
            bytes: at,
            lines,
            blank: spans.len() == 1 && end == 0,
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const COMMA: Cut = Cut {
        delimiter: b',',
        quoting: true,
    };

    fn all(text: &[u8]) -> Option<Vec<Vec<Vec<u8>>>> {
        let (mut rest, mut spans, mut records) = (text, Vec::new(), Vec::new());
        loop {
            match split(rest, true, COMMA, &mut spans) {
                Split::Record { bytes, blank, .. } => {
                    if !blank {
                        records.push(spans.iter().map(|s| s.of(rest).into_owned()).collect());
                    }
                    rest = &rest[bytes..];
                }
                Split::End => return Some(records),
                Split::Unclosed => return None,
                Split::More => panic!("asked for more at the end of the text"),
            }
        }
    }

    #[test]
    fn quotes_line_ends_and_junk_behind_quotes_are_undone() {
        let text = b"a,\"b \"\"c\"\"\",\"d\ne\"\r\n\r\n\"x\"yz,,\rlast";
        let got = all(text).unwrap();
        let want: Vec<Vec<&[u8]>> = vec![
            vec![b"a", b"b \"c\"", b"d\ne"],
            vec![b"xyz", b"", b""],
            vec![b"last"],
        ];
        assert_eq!(got, want);
        assert_eq!(all(b"a,\"b\nc"), None);
    }

    #[test]
    fn a_prefix_of_a_text_never_gives_a_record_that_the_whole_does_not() {
        let text = b"a,\"b\"\"c\"\r\nd,e\n";
        let mut spans = Vec::new();
        let whole = split(text, false, COMMA, &mut spans);
        assert_eq!(
            whole,
            Split::Record {
                bytes: 10,
                lines: 1,
                blank: false
            }
        );
        for end in 0..10 {
            assert_eq!(
                split(&text[..end], false, COMMA, &mut spans),
                Split::More,
                "{end}"
            );
        }
    }

    proptest! {
        #[test]
        fn any_text_splits_as_the_csv_crate_splits_it(text in "[ab,\"\n\r]{0,40}") {
            if let Some(got) = all(text.as_bytes()) {
                let mut reader = csv::ReaderBuilder::new().has_headers(false).flexible(true).from_reader(text.as_bytes());
                let want: Vec<Vec<Vec<u8>>> = reader
                    .byte_records()
                    .map(|r| r.unwrap().iter().map(<[u8]>::to_vec).collect())
                    .collect();
                prop_assert_eq!(got, want);
            }
        }
    }
}
