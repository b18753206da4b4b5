//! Reading formats that hold vectors and nothing else (npy, fvecs): bulk reads, then one pass for finiteness.

use std::path::Path;

use arrow_schema::{Schema, SchemaRef};

use crate::dense::{all_finite, finite_fault, retain_rows};
use crate::infer::Sampled;
use crate::plan::{ColumnType, OnError, ReadPlan};
use crate::reader::{Batch, Progress, RowSource, VectorColumn};
use crate::reject::{Rejected, Rejections};
use crate::sink::{check_dimension, record_batch, unknown};
use crate::source::SourceFile;
use crate::{Error, Result};

/// Name of the only column of such a file.
pub(crate) const COLUMN: &str = "vector";

/// Rows in bulk.
pub(crate) trait BlockReader: Send {
    fn dimension(&self) -> usize;
    fn rows_total(&self) -> Option<u64>;
    fn source(&self) -> &SourceFile;
    fn bytes_read(&self) -> u64;
    /// Reads the next rows (a batch at most) into `out` and their numbers (from 1) into `numbers`, or rejects them into `refused`.
    /// False at the end of the file.
    fn read(
        &mut self,
        out: &mut Vec<f32>,
        numbers: &mut Vec<u64>,
        refused: &mut Vec<Rejected>,
    ) -> Result<bool>;
}

pub(crate) struct MatrixSource<B> {
    reader: B,
    on_error: OnError,
    rejections: Rejections,
    rows_read: u64,
}

impl<B: BlockReader> MatrixSource<B> {
    pub fn new(reader: B, plan: &ReadPlan) -> Result<Self> {
        let path = reader.source().path();
        let named = plan
            .columns
            .iter()
            .map(|c| &c.source)
            .chain(&plan.id)
            .chain([&plan.vector]);
        if let Some(other) = named.into_iter().find(|name| *name != COLUMN) {
            return Err(unknown(path, other, &[COLUMN]));
        }
        if !plan.columns.is_empty() || plan.id.is_some() {
            return Err(Error::column(
                path,
                "the only column is the vector; it can be neither the id nor a column beside itself",
            ));
        }
        check_planned(path, plan.dimension, reader.dimension())?;
        Ok(Self {
            reader,
            on_error: plan.on_error,
            rejections: Rejections::default(),
            rows_read: 0,
        })
    }
}

/// A plan's dimension must be the one that the file's type tells.
pub(crate) fn check_planned(path: &Path, planned: Option<usize>, dimension: usize) -> Result<()> {
    match check_dimension(path, planned)? {
        Some(planned) if planned != dimension => Err(Error::column(
            path,
            format!(
                "the plan asks for {planned} dimensions and the file's vectors have {dimension}"
            ),
        )),
        _ => Ok(()),
    }
}

impl<B: BlockReader> RowSource for MatrixSource<B> {
    fn schema(&self) -> SchemaRef {
        Schema::empty().into()
    }

    fn id_column(&self) -> Option<usize> {
        None
    }

    fn vectors(&self) -> Vec<VectorColumn> {
        vec![VectorColumn {
            name: COLUMN.into(),
            dimension: self.reader.dimension(),
        }]
    }

    fn progress(&self) -> Progress {
        Progress {
            bytes_read: self.reader.bytes_read(),
            bytes_total: self.reader.source().len(),
            rows_read: self.rows_read,
            rows_total: self.reader.rows_total(),
        }
    }

    fn rejections(&self) -> &Rejections {
        &self.rejections
    }

    fn next_batch(&mut self) -> Result<Option<Batch>> {
        loop {
            let (mut vectors, mut numbers, mut refused) = (Vec::new(), Vec::new(), Vec::new());
            let more = self.reader.read(&mut vectors, &mut numbers, &mut refused)?;
            self.reader.source().check_unchanged()?;
            let path = self.reader.source().path();
            let dimension = self.reader.dimension();
            self.rows_read += (numbers.len() + refused.len()) as u64;
            if !all_finite(&vectors) {
                let mut keep = vec![true; numbers.len()];
                for ((row, number), keep) in
                    vectors.chunks_exact(dimension).zip(&numbers).zip(&mut keep)
                {
                    if let Some(fault) = finite_fault(row) {
                        refused.push(fault.at(*number, None, Some(COLUMN)));
                        *keep = false;
                    }
                }
                retain_rows(&mut vectors, dimension, &keep);
            }
            refused.sort_by_key(|r| r.row);
            for rejected in refused {
                self.rejections.reject(path, self.on_error, rejected)?;
            }
            let rows = vectors.len() / dimension;
            if rows > 0 {
                let columns = record_batch(path, self.schema(), Vec::new(), rows)?;
                return Ok(Some(Batch {
                    columns,
                    vectors: vec![vectors],
                    rows,
                }));
            }
            if !more {
                return Ok(None);
            }
        }
    }
}

/// The sampled column of such a file.
pub(crate) fn sampled(source_type: String, dimension: usize, vectors: Vec<f32>) -> Sampled {
    let mut kept = Vec::with_capacity(vectors.len());
    let mut cells = Vec::new();
    for row in vectors.chunks_exact(dimension) {
        if cells.len() < crate::limits::PREVIEW_ROWS {
            cells.push(crate::infer::vector_cell(row));
        }
        if all_finite(row) {
            kept.extend_from_slice(row);
        }
    }
    Sampled {
        name: COLUMN.into(),
        source_type,
        ty: Some(ColumnType::Vector),
        dimension: Some(dimension),
        cells,
        vectors: kept,
        ..Sampled::default()
    }
}

/// Rows of a sample: few enough to keep it under a batch's size.
pub(crate) fn sample_rows(dimension: usize) -> usize {
    crate::limits::batch_rows(dimension).min(crate::limits::SAMPLE_ROWS)
}
