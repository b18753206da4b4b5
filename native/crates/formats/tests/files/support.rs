//! Files to read, and a read of a whole file.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow_array::{ArrayRef, FixedSizeListArray, Float32Array, RecordBatch};
use arrow_schema::{DataType, Field, Schema};
use omendb_formats::{Error, OnError, ReadPlan, Rejections, inspect, open, plan_from, write};
use tempfile::TempDir;

/// A file in a folder that goes away with it.
pub struct Fixture {
    folder: TempDir,
    pub path: PathBuf,
}

impl Fixture {
    pub fn new(name: &str, bytes: impl AsRef<[u8]>) -> Self {
        let fixture = Self::empty(name);
        std::fs::write(&fixture.path, bytes).unwrap();
        fixture
    }

    /// A name at which nothing is yet.
    pub fn empty(name: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        Self {
            path: folder.path().join(name),
            folder,
        }
    }

    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// The suggested plan, skipping bad rows.
    pub fn skip_plan(&self) -> ReadPlan {
        let mut plan = plan_from(&inspect(&self.path).unwrap()).expect("a vector");
        plan.on_error = OnError::Skip;
        plan
    }
}

/// Everything a reader gave.
#[derive(Debug)]
pub struct Table {
    /// Of the first vector column.
    pub vectors: Vec<f32>,
    /// Of the others.
    pub further: Vec<Vec<f32>>,
    pub dimension: usize,
    pub rows: usize,
    pub batches: Vec<RecordBatch>,
    pub rejections: Rejections,
}

impl Table {
    pub fn column(&self, name: &str) -> ArrayRef {
        let arrays: Vec<ArrayRef> = self
            .batches
            .iter()
            .map(|b| b.column_by_name(name).unwrap().clone())
            .collect();
        let arrays: Vec<_> = arrays.iter().map(|a| a.as_ref()).collect();
        arrow_select::concat::concat(&arrays).unwrap()
    }

    pub fn texts(&self, name: &str) -> Vec<Option<String>> {
        let text = arrow_cast::cast(&self.column(name), &DataType::Utf8).unwrap();
        let text = text
            .as_any()
            .downcast_ref::<arrow_array::StringArray>()
            .unwrap();
        text.iter().map(|t| t.map(str::to_owned)).collect()
    }

    /// Row, line and kind of each rejection.
    pub fn rejected(&self) -> Vec<(u64, Option<u64>, &'static str)> {
        self.rejections
            .first
            .iter()
            .map(|r| (r.row, r.line, r.kind.as_str()))
            .collect()
    }
}

pub fn read(path: &Path, plan: &ReadPlan) -> Result<Table, Error> {
    let mut reader = open(path, plan)?;
    let dimension = reader.dimension();
    let (mut vectors, mut rows, mut batches) = (Vec::new(), 0, Vec::new());
    let mut further = vec![Vec::new(); reader.vectors().len() - 1];
    while let Some(batch) = reader.next_batch()? {
        assert!(batch.rows > 0 && batch.rows <= 8192);
        for (values, column) in batch.vectors.iter().zip(reader.vectors()) {
            assert_eq!(values.len(), batch.rows * column.dimension);
        }
        assert_eq!(batch.vectors.len(), reader.vectors().len());
        assert_eq!(batch.columns.num_rows(), batch.rows);
        assert_eq!(batch.columns.schema(), reader.schema());
        for (all, values) in further.iter_mut().zip(&batch.vectors[1..]) {
            all.extend(values);
        }
        vectors.extend(&batch.vectors[0]);
        rows += batch.rows;
        batches.push(batch.columns);
    }
    assert_eq!(
        reader.progress().rows_read,
        rows as u64 + reader.rejections().count
    );
    Ok(Table {
        vectors,
        further,
        dimension,
        rows,
        batches,
        rejections: reader.rejections().clone(),
    })
}

pub fn code(result: Result<impl Sized, Error>) -> &'static str {
    match result {
        Ok(_) => "OK",
        Err(error) => {
            assert!(!error.to_string().is_empty() && !error.remedy().is_empty());
            error.code()
        }
    }
}

/// An npy file, version 1.
pub fn npy(descr: &str, fortran: bool, shape: &str, data: &[u8]) -> Vec<u8> {
    let order = if fortran { "True" } else { "False" };
    let mut header = format!("{{'descr': {descr}, 'fortran_order': {order}, 'shape': {shape}, }}");
    while (10 + header.len() + 1) % 64 != 0 {
        header.push(' ');
    }
    header.push('\n');
    let mut file = b"\x93NUMPY\x01\x00".to_vec();
    file.extend((header.len() as u16).to_le_bytes());
    file.extend(header.as_bytes());
    file.extend(data);
    file
}

pub fn le(values: &[f32]) -> Vec<u8> {
    values.iter().flat_map(|x| x.to_le_bytes()).collect()
}

pub fn fvecs(rows: &[&[f32]]) -> Vec<u8> {
    rows.iter()
        .flat_map(|row| [(row.len() as i32).to_le_bytes().to_vec(), le(row)].concat())
        .collect()
}

/// A batch with an integer id and a vector of `dimension`.
pub fn vector_batch(vectors: &[f32], dimension: usize) -> RecordBatch {
    let rows = vectors.len() / dimension;
    let item = Arc::new(Field::new("item", DataType::Float32, true));
    let child = Arc::new(Float32Array::from(vectors.to_vec()));
    let list = FixedSizeListArray::new(item, dimension as i32, child, None);
    let ids = arrow_array::Int64Array::from_iter_values(0..rows as i64);
    batch(vec![("id", Arc::new(ids)), ("vector", Arc::new(list))])
}

pub fn batch(columns: Vec<(&str, ArrayRef)>) -> RecordBatch {
    let fields: Vec<Field> = columns
        .iter()
        .map(|(n, a)| Field::new(*n, a.data_type().clone(), true))
        .collect();
    let arrays = columns.into_iter().map(|(_, a)| a).collect();
    RecordBatch::try_new(Arc::new(Schema::new(fields)), arrays).unwrap()
}

pub fn parquet(batch: RecordBatch) -> Fixture {
    let fixture = Fixture::empty("table.parquet");
    write::parquet::<Error>(&fixture.path, batch.schema(), [Ok(batch)]).unwrap();
    fixture
}
