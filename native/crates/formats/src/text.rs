//! What CSV and JSON Lines share: rows one at a time from a window into a sink.

use arrow_schema::SchemaRef;

use crate::reader::{Batch, Progress, RowSource, VectorColumn};
use crate::reject::Rejections;
use crate::sink::{Sink, all_rejected};
use crate::window::Window;
use crate::{Error, Result};

/// One text format.
pub(crate) trait RowFormat: Send {
    /// Reads one row into the sink, or rejects it there; false at the end of the file.
    fn advance(&mut self, sink: &mut Sink) -> Result<bool>;
    fn window(&self) -> &Window;
    fn rows_read(&self) -> u64;
}

pub(crate) struct TextSource<F> {
    format: F,
    sink: Sink,
}

impl<F: RowFormat> TextSource<F> {
    /// Reads on to the first good row, which tells the dimensions that the plan does not.
    pub fn new(mut format: F, mut sink: Sink) -> Result<Self> {
        while sink.is_empty() {
            if format.advance(&mut sink)? {
                continue;
            }
            let path = format.window().source().path();
            return Err(match sink.rejections.count {
                0 => Error::empty(path, "the file has no rows"),
                _ => all_rejected(path, &sink.rejections),
            });
        }
        Ok(Self { format, sink })
    }
}

impl<F: RowFormat> RowSource for TextSource<F> {
    fn schema(&self) -> SchemaRef {
        self.sink.schema()
    }

    fn id_column(&self) -> Option<usize> {
        self.sink.id()
    }

    fn vectors(&self) -> Vec<VectorColumn> {
        self.sink.vectors()
    }

    fn progress(&self) -> Progress {
        let window = self.format.window();
        Progress {
            bytes_read: window.consumed,
            bytes_total: window.source().len(),
            rows_read: self.format.rows_read(),
            rows_total: None,
        }
    }

    fn rejections(&self) -> &Rejections {
        &self.sink.rejections
    }

    fn next_batch(&mut self) -> Result<Option<Batch>> {
        while !self.sink.is_full() && self.format.advance(&mut self.sink)? {}
        self.format.window().source().check_unchanged()?;
        self.sink.take()
    }
}
