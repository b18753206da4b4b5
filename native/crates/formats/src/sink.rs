//! Where the text formats put their rows: a batch under construction that takes a row whole or not at all.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow_array::{ArrayRef, RecordBatch, RecordBatchOptions};
use arrow_schema::{Field, Schema, SchemaRef};

use crate::columns::ColumnBuf;
use crate::limits::{MAX_BATCH_CELL_BYTES, MAX_VECTORS, batch_rows};
use crate::plan::{ColumnPlan, ColumnType, OnError, ReadPlan};
use crate::reader::{Batch, VectorColumn};
use crate::reject::{Fault, RejectKind, Rejected, Rejections};
use crate::{Error, Result};

/// A vector column of a plan.
pub(crate) struct VectorPlan {
    pub source: String,
    pub name: String,
    /// None until the file tells it.
    pub dimension: Option<usize>,
}

/// The columns of a plan with the vectors apart, the id placed, types settled and names checked.
pub(crate) struct Layout {
    /// At least one.
    pub vectors: Vec<VectorPlan>,
    /// None of them of type `Vector`.
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
        let (further, mut columns): (Vec<_>, Vec<_>) = plan
            .columns
            .iter()
            .cloned()
            .partition(|c| c.ty == ColumnType::Vector);
        if further.len() >= MAX_VECTORS {
            return Err(Error::limit(
                path,
                format!(
                    "the plan has {} vector columns; at most {MAX_VECTORS} are possible",
                    further.len() + 1
                ),
            ));
        }
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
                            dimension: None,
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
        let mut all = columns.iter().chain(&further);
        if let Some(twice) = all.find(|c| !names.insert(c.name.as_str())) {
            return Err(Error::column(
                path,
                format!("two columns of the plan are named {:?}", twice.name),
            ));
        }
        let fields: Vec<Field> = columns.iter().map(|c| c.ty.field(&c.name)).collect();
        let first = VectorPlan {
            source: plan.vector.clone(),
            name: plan.vector.clone(),
            dimension: check_dimension(path, plan.dimension)?,
        };
        let mut vectors = vec![first];
        for column in further {
            vectors.push(VectorPlan {
                dimension: check_dimension(path, column.dimension)?,
                source: column.source,
                name: column.name,
            });
        }
        Ok(Self {
            vectors,
            columns,
            id,
            schema: Arc::new(Schema::new(fields)),
        })
    }

    /// The vector columns, once their dimensions are known.
    pub fn vector_columns(&self) -> Vec<VectorColumn> {
        let column = |v: &VectorPlan| VectorColumn {
            name: v.name.clone(),
            dimension: v.dimension.unwrap_or_default(),
        };
        self.vectors.iter().map(column).collect()
    }

    /// The file's name of a column, the vectors counted before the others.
    pub fn source(&self, at: usize) -> Option<&str> {
        let vectors = self.vectors.iter().map(|v| v.source.as_str());
        let columns = self.columns.iter().map(|c| c.source.as_str());
        vectors.chain(columns).nth(at)
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

/// Checks a dimension that a plan asks for.
pub(crate) fn check_dimension(path: &Path, planned: Option<usize>) -> Result<Option<usize>> {
    let max = crate::limits::MAX_DIMENSION;
    match planned {
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
    on_error: OnError,
    buffers: Vec<ColumnBuf>,
    /// Values of each of the layout's vectors.
    vectors: Vec<Vec<f32>>,
    rows: usize,
    pub rejections: Rejections,
}

impl Sink {
    pub fn new(path: &Path, on_error: OnError, layout: Layout) -> Self {
        let buffers = layout
            .columns
            .iter()
            .map(|c| ColumnBuf::new(c.ty))
            .collect();
        Self {
            path: path.into(),
            on_error,
            buffers,
            vectors: vec![Vec::new(); layout.vectors.len()],
            rows: 0,
            rejections: Rejections::default(),
            layout,
        }
    }

    pub fn schema(&self) -> SchemaRef {
        self.layout.schema.clone()
    }

    pub fn id(&self) -> Option<usize> {
        self.layout.id
    }

    /// The vector columns; their dimensions are known once a row was taken.
    pub fn vectors(&self) -> Vec<VectorColumn> {
        self.layout.vector_columns()
    }

    pub fn is_empty(&self) -> bool {
        self.rows == 0
    }

    pub fn is_full(&self) -> bool {
        let dimensions = self.layout.vectors.iter().filter_map(|v| v.dimension);
        self.rows >= batch_rows(dimensions.sum())
            || self
                .buffers
                .iter()
                .map(ColumnBuf::text_bytes)
                .sum::<usize>()
                >= MAX_BATCH_CELL_BYTES
    }

    /// Takes one row. `vector` appends the values of the i-th vector; `cell` appends the value of the i-th column to its buffer.
    pub fn row(
        &mut self,
        place: Place,
        mut vector: impl FnMut(usize, &mut Vec<f32>) -> Result<(), Fault>,
        mut cell: impl FnMut(usize, &mut ColumnBuf) -> Result<(), Fault>,
    ) -> Result<()> {
        let mut found = [0; MAX_VECTORS];
        let mut fault = None;
        let columns = self.vectors.iter_mut().zip(&self.layout.vectors);
        for (index, ((values, plan), found)) in columns.zip(&mut found).enumerate() {
            let start = values.len();
            let taken = vector(index, values);
            *found = values.len() - start;
            let checked = taken.and_then(|()| match plan.dimension {
                Some(wanted) if wanted != *found => Err(Fault::dimension(*found, wanted)),
                _ => Ok(()),
            });
            if let Err(bad) = checked {
                fault = Some(bad.at(place.row, place.line, Some(&plan.source)));
                break;
            }
        }
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
                for (plan, found) in self.layout.vectors.iter_mut().zip(found) {
                    plan.dimension.get_or_insert(found);
                }
                self.rows += 1;
                Ok(())
            }
            Some(rejected) => {
                for (values, found) in self.vectors.iter_mut().zip(found) {
                    values.truncate(values.len() - found);
                }
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
        let next = |values: &mut Vec<f32>| {
            let next = Vec::with_capacity(values.len());
            std::mem::replace(values, next)
        };
        Ok(Some(Batch {
            columns,
            vectors: self.vectors.iter_mut().map(next).collect(),
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
