//! Parquet: which column is the vector, and its rows batch by batch.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};

use arrow_array::{Array, ArrayRef, BooleanArray, RecordBatch};
use arrow_schema::{DataType, SchemaRef};
use arrow_select::filter::filter;
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::{ParquetRecordBatchReader, ParquetRecordBatchReaderBuilder};

use crate::arrow_cells::{convert, convertible, is_number, list_item, natural, values};
use crate::arrow_vectors::{Vectors, group_vectors, list_vectors, text_vectors};
use crate::dense::retain_rows;
use crate::infer;
use crate::limits::{MAX_BATCH_CELL_BYTES, MAX_COLUMNS, MAX_DIMENSION, batch_rows};
use crate::matrix::check_planned;
use crate::parquet_pages::Pages;
use crate::plan::{OnError, ReadPlan};
use crate::reader::{Batch, Progress, RowSource, VectorColumn};
use crate::reject::{Fault, RejectKind, Rejections};
use crate::sink::{Layout, VectorPlan, all_rejected, record_batch, unknown};
use crate::source::SourceFile;
use crate::{Error, Result};

/// Rows of a batch while the dimension is not known.
const ROWS_UNTIL_KNOWN: usize = 256;

/// The library behind this may panic on a damaged file; that is the file's fault and stays an error.
pub(crate) fn guarded<T>(path: &Path, work: impl FnOnce() -> Result<T, String>) -> Result<T> {
    match catch_unwind(AssertUnwindSafe(work)) {
        Ok(Ok(value)) => Ok(value),
        Ok(Err(message)) => Err(Error::invalid(
            path,
            format!("damaged Parquet file: {message}"),
        )),
        Err(_) => Err(Error::invalid(
            path,
            "damaged Parquet file: its pages do not fit together",
        )),
    }
}

pub(crate) type Builder = ParquetRecordBatchReaderBuilder<Pages>;

/// Footer read, names made unique, limits checked.
pub(crate) struct Opened {
    pub builder: Builder,
    pub names: Vec<String>,
    pub types: Vec<DataType>,
    pub rows: u64,
    /// Bytes of a row when uncompressed, on average.
    pub row_bytes: usize,
}

pub(crate) fn open_file(source: &SourceFile) -> Result<Opened> {
    let path = source.path();
    let pages = Pages(source.try_clone_file()?);
    let builder = guarded(path, || Builder::try_new(pages).map_err(|e| e.to_string()))?;
    let fields = builder.schema().fields();
    if fields.len() > MAX_COLUMNS {
        return Err(Error::limit(
            path,
            format!(
                "{} columns; at most {MAX_COLUMNS} are possible",
                fields.len()
            ),
        ));
    }
    let names = infer::unique_names(fields.iter().map(|f| f.name().clone()).collect());
    let types = fields.iter().map(|f| f.data_type().clone()).collect();
    let rows = u64::try_from(builder.metadata().file_metadata().num_rows())
        .map_err(|_| Error::invalid(path, "the footer says that the file has fewer than 0 rows"))?;
    if rows == 0 {
        return Err(Error::empty(path, "the file has columns and no rows"));
    }
    let mut total = 0u64;
    for group in builder.metadata().row_groups() {
        total = total.saturating_add(u64::try_from(group.total_byte_size()).unwrap_or(0));
        let most = u64::try_from(group.num_rows())
            .unwrap_or(0)
            .saturating_mul(MAX_DIMENSION as u64);
        for column in group.columns() {
            if u64::try_from(column.num_values()).map_or(true, |n| n > most) {
                let name = column.column_path().string();
                return Err(Error::limit(
                    path,
                    format!("column {name:?} has lists of more than {MAX_DIMENSION} values"),
                ));
            }
        }
    }
    Ok(Opened {
        builder,
        names,
        types,
        rows,
        row_bytes: usize::try_from(total / rows).unwrap_or(usize::MAX),
    })
}

/// Rows that can be held at once.
fn rows_at_once(vectors: &[VectorPlan], row_bytes: usize) -> usize {
    let all: Option<usize> = vectors.iter().map(|v| v.dimension).sum();
    let by_vector = all.map_or(ROWS_UNTIL_KNOWN, batch_rows);
    by_vector
        .min(MAX_BATCH_CELL_BYTES / row_bytes.max(1))
        .max(1)
}

/// Where a value of a row comes from: indices of the file's columns.
enum From {
    List(usize),
    Text(usize),
    Group(Vec<usize>),
}

struct ParquetSource {
    source: SourceFile,
    path: PathBuf,
    reader: ParquetRecordBatchReader,
    /// Place of each file column in the reader's batches.
    place: Vec<Option<usize>>,
    /// Where the layout's vectors and columns come from.
    vectors: Vec<From>,
    columns: Vec<From>,
    layout: Layout,
    on_error: OnError,
    rejections: Rejections,
    rows_read: u64,
    rows_total: u64,
    pending: Option<Batch>,
}

pub(crate) fn is_text(ty: &DataType) -> bool {
    match ty {
        DataType::Dictionary(_, values) => is_text(values),
        _ => ty.is_string(),
    }
}

pub(crate) fn open(source: SourceFile, plan: &ReadPlan) -> Result<Box<dyn RowSource>> {
    let Opened {
        builder,
        names,
        types,
        rows,
        row_bytes,
    } = open_file(&source)?;
    let path = source.path().to_owned();
    let known: Vec<&str> = names.iter().map(String::as_str).collect();
    let index_of = |wanted: &str| names.iter().position(|n| n == wanted);
    let type_of = |wanted: &str| types.get(index_of(wanted)?);
    let group = |wanted: &str| {
        let group = infer::group_columns(&names, wanted)?;
        group
            .iter()
            .all(|i| types.get(*i).is_some_and(is_number))
            .then_some(group)
    };
    let mut layout = Layout::new(&path, plan, |source| type_of(source).map(natural))?;
    let mut vectors = Vec::with_capacity(layout.vectors.len());
    for VectorPlan {
        source, dimension, ..
    } in &mut layout.vectors
    {
        vectors.push(match (index_of(source), type_of(source)) {
            (Some(index), Some(ty)) if list_item(ty).is_some_and(is_number) => {
                if let DataType::FixedSizeList(_, size) = ty {
                    let size = usize::try_from(*size).unwrap_or(0);
                    if !(1..=MAX_DIMENSION).contains(&size) {
                        return Err(Error::no_vector(
                            &path,
                            format!("the vectors in {source:?} have {size} dimensions"),
                        ));
                    }
                    check_planned(&path, *dimension, size)?;
                    *dimension = Some(size);
                }
                From::List(index)
            }
            (Some(index), Some(ty)) if is_text(ty) => From::Text(index),
            (Some(_), Some(ty)) => {
                return Err(Error::no_vector(
                    &path,
                    format!("column {source:?} is of type {ty}, which is no list of numbers"),
                ));
            }
            _ => {
                let group = group(source).ok_or_else(|| unknown(&path, source, &known))?;
                check_planned(&path, *dimension, group.len())?;
                *dimension = Some(group.len());
                From::Group(group)
            }
        });
    }
    let mut columns = Vec::with_capacity(layout.columns.len());
    for column in &layout.columns {
        columns.push(match (index_of(&column.source), type_of(&column.source)) {
            (Some(index), Some(ty)) if convertible(ty, column.ty) => From::List(index),
            (Some(_), Some(ty)) => {
                let what = format!(
                    "column {:?} is of type {ty} and cannot become {}",
                    column.source,
                    column.ty.as_str()
                );
                return Err(Error::column(&path, what));
            }
            _ => From::Group(
                group(&column.source).ok_or_else(|| unknown(&path, &column.source, &known))?,
            ),
        });
    }
    let mut wanted: Vec<usize> = columns
        .iter()
        .chain(&vectors)
        .flat_map(From::indices)
        .collect();
    wanted.sort_unstable();
    wanted.dedup();
    let place = (0..names.len())
        .map(|index| wanted.binary_search(&index).ok())
        .collect();
    let mask = ProjectionMask::roots(builder.parquet_schema(), wanted);
    let at_once = rows_at_once(&layout.vectors, row_bytes);
    let reader = guarded(&path, || {
        builder
            .with_projection(mask)
            .with_batch_size(at_once)
            .build()
            .map_err(|e| e.to_string())
    })?;
    let mut opened = ParquetSource {
        source,
        path,
        reader,
        place,
        vectors,
        columns,
        layout,
        on_error: plan.on_error,
        rejections: Rejections::default(),
        rows_read: 0,
        rows_total: rows,
        pending: None,
    };
    opened.pending = opened.read()?;
    if opened.pending.is_none() {
        return Err(match opened.rejections.count {
            0 => Error::empty(&opened.path, "the file has no rows"),
            _ => all_rejected(&opened.path, &opened.rejections),
        });
    }
    Ok(Box::new(opened))
}

impl From {
    fn indices(&self) -> Vec<usize> {
        match self {
            Self::List(index) | Self::Text(index) => vec![*index],
            Self::Group(indices) => indices.clone(),
        }
    }
}

/// One batch in its planned types: vectors, columns, and the faults as row, column (the vectors first) and reason.
type Converted = (Vec<Vec<f32>>, Vec<ArrayRef>, Vec<(usize, usize, Fault)>);

impl ParquetSource {
    fn array<'b>(&self, batch: &'b RecordBatch, column: usize) -> Result<&'b ArrayRef, String> {
        let place = self.place.get(column).copied().flatten();
        place
            .and_then(|at| batch.columns().get(at))
            .ok_or_else(|| "a column is missing".into())
    }

    /// The values of one vector column; its dimension, if the batch told it.
    fn vector_column(
        &self,
        batch: &RecordBatch,
        from: &From,
        mut dimension: Option<usize>,
    ) -> Result<(Vectors, Option<usize>), String> {
        let found = match from {
            From::List(column) => list_vectors(self.array(batch, *column)?.clone(), &mut dimension),
            From::Text(column) => text_vectors(self.array(batch, *column)?, &mut dimension),
            From::Group(columns) => {
                let arrays: Vec<_> = columns
                    .iter()
                    .map(|c| self.array(batch, *c))
                    .collect::<Result<_, _>>()?;
                group_vectors(&arrays, batch.num_rows())
            }
        };
        Ok((found?, dimension))
    }

    /// One column in its planned type, and a fault for each value that does not fit.
    fn column(
        &self,
        batch: &RecordBatch,
        index: usize,
        faults: &mut Vec<(usize, Fault)>,
    ) -> Result<ArrayRef, String> {
        let (Some(from), Some(plan)) = (self.columns.get(index), self.layout.columns.get(index))
        else {
            return Err("a column is missing".into());
        };
        let array = match from {
            From::List(column) | From::Text(column) => self.array(batch, *column)?.clone(),
            From::Group(columns) => {
                let arrays: Vec<_> = columns
                    .iter()
                    .map(|c| self.array(batch, *c))
                    .collect::<Result<_, _>>()?;
                let found = group_vectors(&arrays, batch.num_rows())?;
                let texts = found
                    .values
                    .chunks_exact(arrays.len().max(1))
                    .map(|v| serde_json::to_string(v).ok());
                std::sync::Arc::new(texts.collect::<arrow_array::StringArray>())
            }
        };
        let converted = convert(&array, plan.ty).map_err(|e| e.to_string())?;
        let is_id = self.layout.id == Some(index);
        if converted.null_count() > 0 && (is_id || converted.null_count() != array.null_count()) {
            for row in (0..converted.len()).filter(|row| converted.is_null(*row)) {
                if !array.is_null(row) && *array.data_type() != DataType::Null {
                    let text = values(&array.slice(row, 1))
                        .ok()
                        .and_then(|mut v| v.pop())
                        .unwrap_or_default();
                    let text = text
                        .as_str()
                        .map_or_else(|| text.to_string(), str::to_owned);
                    faults.push((row, Fault::unparsable(text.as_bytes(), plan.ty.as_str())));
                } else if is_id {
                    faults.push((row, Fault::new(RejectKind::MissingId, "the id is missing")));
                }
            }
        }
        Ok(converted)
    }

    fn read(&mut self) -> Result<Option<Batch>> {
        loop {
            let path = self.path.clone();
            let next = guarded(&path, || {
                self.reader.next().transpose().map_err(|e| e.to_string())
            })?;
            self.source.check_unchanged()?;
            let Some(batch) = next else {
                if self.rows_read != self.rows_total {
                    let what = format!(
                        "the footer says {} rows and {} are there",
                        self.rows_total, self.rows_read
                    );
                    return Err(Error::invalid(&path, what));
                }
                return Ok(None);
            };
            let found = guarded(&path, || self.convert(&batch))?;
            let first = self.rows_read + 1;
            self.rows_read += batch.num_rows() as u64;
            if let Some(batch) = self.accept(first, batch.num_rows(), found)? {
                return Ok(Some(batch));
            }
        }
    }

    fn convert(&mut self, batch: &RecordBatch) -> Result<Converted, String> {
        let mut faults: Vec<(usize, usize, Fault)> = Vec::new();
        let mut vectors = Vec::with_capacity(self.vectors.len());
        let mut dimensions = Vec::with_capacity(self.vectors.len());
        for (at, (from, plan)) in self.vectors.iter().zip(&self.layout.vectors).enumerate() {
            let (found, dimension) = self.vector_column(batch, from, plan.dimension)?;
            faults.extend(found.faults.into_iter().map(|(row, f)| (row, at, f)));
            vectors.push(found.values);
            dimensions.push(dimension);
        }
        for (plan, dimension) in self.layout.vectors.iter_mut().zip(dimensions) {
            plan.dimension = dimension;
        }
        let mut arrays = Vec::with_capacity(self.columns.len());
        for index in 0..self.columns.len() {
            let mut bad = Vec::new();
            arrays.push(self.column(batch, index, &mut bad)?);
            let at = self.vectors.len() + index;
            faults.extend(bad.into_iter().map(|(row, f)| (row, at, f)));
        }
        Ok((vectors, arrays, faults))
    }

    /// Rejects the faulty rows and makes a batch of the others; None if no row is left.
    fn accept(
        &mut self,
        first: u64,
        rows: usize,
        (mut vectors, mut arrays, mut faults): Converted,
    ) -> Result<Option<Batch>> {
        let mut left = rows;
        if !faults.is_empty() {
            faults.sort_by_key(|(row, column, _)| (*row, *column));
            faults.dedup_by_key(|(row, ..)| *row);
            let mut keep = vec![true; rows];
            for (row, column, fault) in faults {
                let name = self.layout.source(column);
                let rejected = fault.at(first + row as u64, None, name);
                self.rejections
                    .reject(&self.path, self.on_error, rejected)?;
                if let Some(keep) = keep.get_mut(row) {
                    *keep = false;
                }
            }
            left = keep.iter().filter(|k| **k).count();
            for (values, plan) in vectors.iter_mut().zip(&self.layout.vectors) {
                retain_rows(values, plan.dimension.unwrap_or(0), &keep);
            }
            let mask = BooleanArray::from(keep);
            let kept: Result<Vec<ArrayRef>, _> = arrays.iter().map(|a| filter(a, &mask)).collect();
            arrays = kept.map_err(|e| Error::invalid(&self.path, e.to_string()))?;
        }
        if left == 0 {
            return Ok(None);
        }
        let columns = record_batch(&self.path, self.layout.schema.clone(), arrays, left)?;
        Ok(Some(Batch {
            columns,
            vectors,
            rows: left,
        }))
    }
}

impl RowSource for ParquetSource {
    fn schema(&self) -> SchemaRef {
        self.layout.schema.clone()
    }

    fn id_column(&self) -> Option<usize> {
        self.layout.id
    }

    fn vectors(&self) -> Vec<VectorColumn> {
        self.layout.vector_columns()
    }

    fn progress(&self) -> Progress {
        let total = self.source.len();
        let read =
            u128::from(total) * u128::from(self.rows_read) / u128::from(self.rows_total.max(1));
        Progress {
            bytes_read: u64::try_from(read).unwrap_or(total).min(total),
            bytes_total: total,
            rows_read: self.rows_read,
            rows_total: Some(self.rows_total),
        }
    }

    fn rejections(&self) -> &Rejections {
        &self.rejections
    }

    fn next_batch(&mut self) -> Result<Option<Batch>> {
        match self.pending.take() {
            Some(batch) => Ok(Some(batch)),
            None => self.read(),
        }
    }
}
