//! Which format a file is: by its content first, by its extension only where the content does not tell.

use std::path::Path;

use crate::plan::Format;
use crate::source::SourceFile;
use crate::{Error, Result};

const HEAD: usize = 64 << 10;

/// Formats that people have and that are not read here: their first bytes, what they are, and what to do.
const OTHERS: [(&[u8], &str, &str); 9] = [
    (b"\x1F\x8B", "a gzip archive", "Decompress it first."),
    (
        b"\x28\xB5\x2F\xFD",
        "a Zstandard archive",
        "Decompress it first.",
    ),
    (
        b"PK\x03\x04",
        "a zip archive (npz and xlsx are such)",
        "Unpack it, or save one array as npy, or the sheet as CSV.",
    ),
    (b"ARROW1", "an Arrow IPC file", "Save it as Parquet."),
    (
        b"SQLite format 3",
        "an SQLite database",
        "Export the table as CSV or Parquet.",
    ),
    (b"\x89HDF", "an HDF5 file", "Save the vectors as npy."),
    (
        b"\x80",
        "a pickle, which is never loaded because it can run code",
        "Save the vectors as npy.",
    ),
    (b"\xFF\xFE", "UTF-16 text", "Save it as UTF-8."),
    (b"\xFE\xFF", "UTF-16 text", "Save it as UTF-8."),
];

/// Tells the format of a regular file.
///
/// # Errors
/// `FILE_NOT_FOUND`, `PERMISSION_DENIED`, `IO`, `EMPTY_INPUT` (no bytes, or only white space), `UNSUPPORTED_FORMAT`.
pub fn sniff(path: impl AsRef<Path>) -> Result<Format> {
    sniff_source(&mut SourceFile::open(path.as_ref())?)
}

/// The extension, lower case.
pub(crate) fn extension(path: &Path) -> String {
    path.extension()
        .map(|e| e.to_string_lossy().to_ascii_lowercase())
        .unwrap_or_default()
}

pub(crate) fn sniff_source(source: &mut SourceFile) -> Result<Format> {
    let head = source.head(HEAD)?;
    let (path, len) = (source.path(), source.len());
    let extension = extension(path);
    if head.is_empty() {
        return Err(Error::empty(path, "the file is empty"));
    }
    if head.starts_with(b"PAR1") {
        return Ok(Format::Parquet);
    }
    if head.starts_with(crate::npy::MAGIC) {
        return Ok(Format::Npy);
    }
    if extension == "fvecs" {
        return Ok(Format::Fvecs);
    }
    let text = head.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(&head);
    // NUL is in every binary format and in no text. The two-byte marks of UTF-16 may also start fvecs, so those come later.
    let binary = text.contains(&0);
    if binary && crate::fvecs::plausible(&head, len) {
        return Ok(Format::Fvecs);
    }
    let is_text = !binary
        && matches!(
            extension.as_str(),
            "csv" | "tsv" | "txt" | "tab" | "jsonl" | "ndjson" | "json" | "vec"
        );
    if let Some((_, what, remedy)) = OTHERS
        .iter()
        .find(|(magic, ..)| head.starts_with(magic) && (!is_text || magic.len() > 1))
    {
        return Err(Error::unsupported(path, format!("this is {what}"), *remedy));
    }
    if binary {
        let (what, remedy) = match extension.as_str() {
            "parquet" | "npy" => (
                "its first bytes are not those of its extension",
                "The file is damaged: export it again.",
            ),
            _ => (
                "the format is unknown",
                "Choose a Parquet, CSV, JSON Lines, npy or fvecs file.",
            ),
        };
        return Err(Error::unsupported(path, what, remedy));
    }
    if matches!(extension.as_str(), "parquet" | "npy") {
        return Err(Error::invalid(
            path,
            format!("this is no {extension} file: its first bytes are missing"),
        ));
    }
    let trimmed = text.trim_ascii_start();
    if trimmed.is_empty() {
        return Err(Error::empty(path, "the file holds only white space"));
    }
    let json_name = matches!(extension.as_str(), "jsonl" | "ndjson");
    let lines: Vec<&[u8]> = trimmed
        .split(|b| *b == b'\n')
        .filter(|l| !l.trim_ascii().is_empty())
        .take(20)
        .collect();
    let first = lines.first().copied().unwrap_or_default();
    // A line longer than the head cannot be judged whole.
    let cut_off = lines.len() == 1 && len > head.len() as u64;
    // Bad lines are the reader's to reject; a document spread over lines has few that stand alone.
    let good = || {
        lines
            .iter()
            .filter(|l| crate::jsonl::looks_like_line(l))
            .count()
    };
    let starts_json = matches!(first.first(), Some(b'{' | b'['));
    let starts_line = first.starts_with(b"{") || !first.contains(&b'{');
    if json_name || (starts_json && ((cut_off && starts_line) || good() * 2 > lines.len())) {
        return Ok(Format::JsonLines);
    }
    if extension == "json" || first.starts_with(b"{") {
        return Err(Error::unsupported(
            path,
            "this is one JSON document, not one object a line",
            "Write one JSON object a line (jq -c '.[]' does it).",
        ));
    }
    Ok(Format::Csv)
}
