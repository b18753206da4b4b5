//! Where the text formats put their rows: a batch under construction that takes a row whole or not at all.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow_array::{ArrayRef, RecordBatch, RecordBatchOptions};
use arrow_schema::{Field, Schema, SchemaRef};

use crate::columns::ColumnBuf;
use crate::limits::{MAX_BATCH_CELL_BYTES, batch_rows};
use crate::plan::{ColumnPlan, ColumnType, OnError, ReadPlan};
use crate::reader::Batch;
use crate::reject::{Fault, RejectKind, Rejected, Rejections};
use crate::{Error, Result};

/// The columns of a plan with the id placed, types settled and names checked.
pub(crate) struct Layout {
    pub columns: Vec<ColumnPlan>,
    pub id: Option<usize>,
    pub schema: SchemaRef,
}

impl Layout {
    /// `natural` gives the type of a source column that the plan does not mention (the id); None: there is no such column.
    pub fn new(
        path: &Path,
        plan: &ReadPlan,
        natural: impl Fn(&str) -> Option<ColumnType>,
    ) -> Result<Self> {
        let mut columns = plan.columns.clone();
        let mut id = None;
        if let Some(source) = &plan.id {
            let index = match columns.iter().position(|c| &c.source == source) {
                Some(index) => index,
                None => {
                    let ty = natural(source).ok_or_else(|| unknown(path, source, &[]))?;
                    columns.insert(
                        0,
                        ColumnPlan {
                            source: source.clone(),
                            name: source.clone(),
                            ty,
                        },
                    );
                    0
                }
            };
            if let Some(column) = columns.get_mut(index).filter(|c| c.ty != ColumnType::Int) {
                column.ty = ColumnType::Text;
            }
            id = Some(index);
        }
        let mut names = std::collections::HashSet::new();
        if let Some(twice) = columns.iter().find(|c| !names.insert(c.name.as_str())) {
            return Err(Error::column(
                path,
                format!("two columns of the plan are named {:?}", twice.name),
            ));
        }
        let fields: Vec<Field> = columns.iter().map(|c| c.ty.field(&c.name)).collect();
        Ok(Self {
            columns,
            id,
            schema: Arc::new(Schema::new(fields)),
        })
    }
}

/// The error for a column that is not there, with the ones that are.
pub(crate) fn unknown(path: &Path, wanted: &str, known: &[&str]) -> Error {
    let mut what = format!("there is no column {wanted:?}");
    if !known.is_empty() {
        let listed: Vec<&str> = known.iter().take(20).copied().collect();
        let more = if known.len() > listed.len() {
            ", …"
        } else {
            ""
        };
        what.push_str(&format!("; there are {}{more}", listed.join(", ")));
    }
    Error::column(path, what)
}

/// Checks the dimension a plan asks for.
pub(crate) fn planned_dimension(path: &Path, plan: &ReadPlan) -> Result<Option<usize>> {
    let max = crate::limits::MAX_DIMENSION;
    match plan.dimension {
        Some(d) if d == 0 || d > max => Err(Error::limit(
            path,
            format!("the plan asks for {d} dimensions; 1 to {max} are possible"),
        )),
        other => Ok(other),
    }
}

/// A row's place in the file.
#[derive(Clone, Copy)]
pub(crate) struct Place {
    pub row: u64,
    pub line: Option<u64>,
}

/// The batch under construction.
pub(crate) struct Sink {
    path: PathBuf,
    layout: Layout,
    vector_name: String,
    on_error: OnError,
    dimension: Option<usize>,
    buffers: Vec<ColumnBuf>,
    vectors: Vec<f32>,
    rows: usize,
    pub rejections: Rejections,
}

impl Sink {
    pub fn new(path: &Path, plan: &ReadPlan, layout: Layout) -> Result<Self> {
        let buffers = layout
            .columns
            .iter()
            .map(|c| ColumnBuf::new(c.ty))
            .collect();
        Ok(Self {
            path: path.into(),
            vector_name: plan.vector.clone(),
            on_error: plan.on_error,
            dimension: planned_dimension(path, plan)?,
            buffers,
            vectors: Vec::new(),
            rows: 0,
            rejections: Rejections::default(),
            layout,
        })
    }

    pub fn schema(&self) -> SchemaRef {
        self.layout.schema.clone()
    }

    pub fn id(&self) -> Option<usize> {
        self.layout.id
    }

    pub fn dimension(&self) -> Option<usize> {
        self.dimension
    }

    pub fn is_empty(&self) -> bool {
        self.rows == 0
    }

    pub fn is_full(&self) -> bool {
        self.rows >= batch_rows(self.dimension.unwrap_or(1))
            || self
                .buffers
                .iter()
                .map(ColumnBuf::text_bytes)
                .sum::<usize>()
                >= MAX_BATCH_CELL_BYTES
    }

    /// Takes one row. `vector` appends the vector's values; `cell` appends the value of the i-th column to its buffer.
    pub fn row(
        &mut self,
        place: Place,
        vector: impl FnOnce(&mut Vec<f32>) -> Result<(), Fault>,
        mut cell: impl FnMut(usize, &mut ColumnBuf) -> Result<(), Fault>,
    ) -> Result<()> {
        let start = self.vectors.len();
        let mut fault = vector(&mut self.vectors)
            .and_then(|()| self.check_dimension(self.vectors.len() - start))
            .map_err(|fault| fault.at(place.row, place.line, Some(&self.vector_name)))
            .err();
        for (index, buffer) in self.buffers.iter_mut().enumerate() {
            if fault.is_some() {
                break;
            }
            let result = cell(index, buffer).and_then(|()| {
                match self.layout.id == Some(index) && buffer.last_is_null() {
                    true => Err(Fault::new(RejectKind::MissingId, "the id is missing")),
                    false => Ok(()),
                }
            });
            if let Err(found) = result {
                let name = self.layout.columns.get(index).map(|c| c.source.as_str());
                fault = Some(found.at(place.row, place.line, name));
            }
        }
        match fault {
            None => {
                self.dimension.get_or_insert(self.vectors.len() - start);
                self.rows += 1;
                Ok(())
            }
            Some(rejected) => {
                self.vectors.truncate(start);
                for buffer in &mut self.buffers {
                    buffer.truncate(self.rows);
                }
                self.reject(rejected)
            }
        }
    }

    pub fn reject(&mut self, rejected: Rejected) -> Result<()> {
        self.rejections.reject(&self.path, self.on_error, rejected)
    }

    fn check_dimension(&self, found: usize) -> Result<(), Fault> {
        match self.dimension {
            Some(wanted) if wanted != found => Err(Fault::dimension(found, wanted)),
            _ => Ok(()),
        }
    }

    /// The rows taken since the last call; None if there are none.
    pub fn take(&mut self) -> Result<Option<Batch>> {
        if self.rows == 0 {
            return Ok(None);
        }
        let arrays = self
            .buffers
            .iter_mut()
            .map(ColumnBuf::finish)
            .collect::<Result<Vec<ArrayRef>, _>>()
            .map_err(|e| Error::invalid(&self.path, e.to_string()))?;
        let rows = std::mem::take(&mut self.rows);
        let columns = record_batch(&self.path, self.layout.schema.clone(), arrays, rows)?;
        // The next batch is likely as large as this one.
        let next = Vec::with_capacity(self.vectors.len());
        Ok(Some(Batch {
            columns,
            vectors: std::mem::replace(&mut self.vectors, next),
            rows,
        }))
    }
}

/// A record batch that knows its number of rows even without columns.
pub(crate) fn record_batch(
    path: &Path,
    schema: SchemaRef,
    arrays: Vec<ArrayRef>,
    rows: usize,
) -> Result<RecordBatch> {
    let options = RecordBatchOptions::new().with_row_count(Some(rows));
    RecordBatch::try_new_with_options(schema, arrays, &options)
        .map_err(|e| Error::invalid(path, e.to_string()))
}

/// The error for a file in which every row was refused.
pub(crate) fn all_rejected(path: &Path, rejections: &Rejections) -> Error {
    let first = rejections
        .first
        .first()
        .map(|r| format!("; the first: {r}"))
        .unwrap_or_default();
    Error::empty(
        path,
        format!("none of the {} rows can be read{first}", rejections.count),
    )
}
