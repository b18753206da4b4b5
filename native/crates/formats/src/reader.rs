//! The streaming reader: one type over all formats.

use std::path::Path;

use arrow_array::RecordBatch;
use arrow_schema::SchemaRef;
use serde::Serialize;

use crate::Result;
use crate::fvecs::Fvecs;
use crate::matrix::MatrixSource;
use crate::npy::Npy;
use crate::plan::{Format, ReadPlan};
use crate::preview::is_tsv;
use crate::reject::Rejections;
use crate::sniff::sniff_source;
use crate::source::SourceFile;

/// Some rows of a file: at most 8,192, with at most 16 MiB of vectors.
#[derive(Debug, Clone)]
pub struct Batch {
    /// The columns beside the vectors, the id among them, in the order of [`Reader::schema`].
    pub columns: RecordBatch,
    /// For each of [`Reader::vectors`] its values, row-major: `rows` x `dimension` finite numbers.
    pub vectors: Vec<Vec<f32>>,
    /// Number of rows, at least 1.
    pub rows: usize,
}

/// A vector column that is read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VectorColumn {
    /// Its name in the plan; of the first its name in the file.
    pub name: String,
    /// Values of each vector, 1 to 65,536.
    pub dimension: usize,
}

/// How far a reader has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Progress {
    /// Bytes of the file behind the reader (for Parquet in proportion to the rows).
    pub bytes_read: u64,
    /// Size of the file in bytes.
    pub bytes_total: u64,
    /// Rows seen, the rejected ones among them.
    pub rows_read: u64,
    /// Rows of the file, where the format tells.
    pub rows_total: Option<u64>,
}

/// What one format has to offer; [`Reader`] adds nothing but the name.
pub(crate) trait RowSource: Send {
    fn schema(&self) -> SchemaRef;
    fn id_column(&self) -> Option<usize>;
    /// Their dimensions are known once the source is open.
    fn vectors(&self) -> Vec<VectorColumn>;
    fn progress(&self) -> Progress;
    fn rejections(&self) -> &Rejections;
    fn next_batch(&mut self) -> Result<Option<Batch>>;
}

/// Reads a file batch by batch, in bounded memory whatever the file says.
pub struct Reader {
    format: Format,
    vectors: Vec<VectorColumn>,
    inner: Box<dyn RowSource>,
}

impl Reader {
    /// The format of the file.
    #[must_use]
    pub fn format(&self) -> Format {
        self.format
    }

    /// Schema of [`Batch::columns`]: the id first unless the plan places it, then the plan's columns.
    #[must_use]
    pub fn schema(&self) -> SchemaRef {
        self.inner.schema()
    }

    /// Index of the id in the schema. None: the plan names none.
    #[must_use]
    pub fn id_column(&self) -> Option<usize> {
        self.inner.id_column()
    }

    /// The vector columns, at least one: the plan's vector, then its columns of type `Vector` in their order.
    #[must_use]
    pub fn vectors(&self) -> &[VectorColumn] {
        &self.vectors
    }

    /// Values of each first vector, 1 to 65,536.
    #[must_use]
    pub fn dimension(&self) -> usize {
        self.vectors.first().map_or(0, |v| v.dimension)
    }

    /// How far it has come.
    #[must_use]
    pub fn progress(&self) -> Progress {
        self.inner.progress()
    }

    /// The rows left out so far.
    #[must_use]
    pub fn rejections(&self) -> &Rejections {
        self.inner.rejections()
    }

    /// The next rows, or None at the end of the file. Rejected rows are left out; a batch is never empty.
    ///
    /// # Errors
    /// `BAD_ROW` (under [`OnError::Stop`](crate::OnError)), `INVALID_FILE` (damaged, truncated, or changed while it was read),
    /// `LIMIT_EXCEEDED`, `IO`. After an error the reader is of no further use.
    pub fn next_batch(&mut self) -> Result<Option<Batch>> {
        self.inner.next_batch()
    }
}

/// Opens a file for reading by a plan.
///
/// Where neither the plan nor the type tells the dimensions, this reads on to the first good row.
///
/// # Errors
/// As [`inspect`](crate::inspect), and `UNKNOWN_COLUMN` for a plan that does not fit the file, `EMPTY_INPUT` if no row is good,
/// `BAD_ROW` if the first rows hold a bad one and the plan says stop.
pub fn open(path: impl AsRef<Path>, plan: &ReadPlan) -> Result<Reader> {
    let mut source = SourceFile::open(path.as_ref())?;
    let format = sniff_source(&mut source)?;
    let tsv = is_tsv(source.path());
    let inner: Box<dyn RowSource> = match format {
        Format::Parquet => crate::parquet::open(source, plan)?,
        Format::Csv => crate::csv::open(source, tsv, plan)?,
        Format::JsonLines => crate::jsonl::open(source, plan)?,
        Format::Npy => Box::new(MatrixSource::new(Npy::open(source)?, plan)?),
        Format::Fvecs => Box::new(MatrixSource::new(Fvecs::open(source)?, plan)?),
    };
    Ok(Reader {
        format,
        vectors: inner.vectors(),
        inner,
    })
}
