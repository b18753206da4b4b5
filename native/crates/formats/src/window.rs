//! A sliding window over a text file: never longer than one line may be.

use crate::Result;
use crate::limits::MAX_LINE_BYTES;
use crate::source::SourceFile;

const CHUNK: usize = 1 << 20;
const BOM: &[u8] = b"\xEF\xBB\xBF";

/// What asking for more bytes brought.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Grown {
    /// There is more, or the end of the file is now known.
    Yes,
    /// The window is as long as a line may be.
    Full,
}

pub(crate) struct Window {
    source: SourceFile,
    buffer: Vec<u8>,
    start: usize,
    end: usize,
    last: bool,
    /// Bytes of the file behind the window.
    pub consumed: u64,
    /// Physical line at the start of the window, from 1.
    pub line: u64,
}

impl Window {
    /// Starts at the beginning of the file, behind a byte order mark.
    pub fn new(mut source: SourceFile) -> Result<Self> {
        source.seek(0)?;
        let mut window = Self {
            source,
            buffer: vec![0; CHUNK],
            start: 0,
            end: 0,
            last: false,
            consumed: 0,
            line: 1,
        };
        while window.data().len() < BOM.len() && !window.last {
            window.grow()?;
        }
        if window.data().starts_with(BOM) {
            window.consume(BOM.len(), 0);
        }
        Ok(window)
    }

    pub fn source(&self) -> &SourceFile {
        &self.source
    }

    pub fn data(&self) -> &[u8] {
        self.buffer.get(self.start..self.end).unwrap_or_default()
    }

    /// Whether the file ends with the window.
    pub fn is_last(&self) -> bool {
        self.last
    }

    pub fn consume(&mut self, bytes: usize, lines: u64) {
        let bytes = bytes.min(self.end - self.start);
        self.start += bytes;
        self.consumed += bytes as u64;
        self.line += lines;
    }

    pub fn grow(&mut self) -> Result<Grown> {
        if self.last {
            return Ok(Grown::Yes);
        }
        if self.end - self.start > MAX_LINE_BYTES {
            return Ok(Grown::Full);
        }
        if self.start > 0 {
            self.buffer.copy_within(self.start..self.end, 0);
            self.end -= self.start;
            self.start = 0;
        }
        if self.end == self.buffer.len() {
            let longer = (self.buffer.len() * 2).min(MAX_LINE_BYTES + CHUNK);
            self.buffer.resize(longer, 0);
        }
        match self
            .source
            .read(self.buffer.get_mut(self.end..).unwrap_or_default())?
        {
            0 => self.last = true,
            n => self.end += n,
        }
        Ok(Grown::Yes)
    }

    /// Goes on behind the next line end, however far that is.
    pub fn skip_line(&mut self) -> Result<()> {
        loop {
            if let Some(at) = memchr::memchr(b'\n', self.data()) {
                self.consume(at + 1, 1);
                return Ok(());
            }
            self.consume(self.end - self.start, 0);
            if self.last {
                return Ok(());
            }
            self.grow()?;
        }
    }
}
