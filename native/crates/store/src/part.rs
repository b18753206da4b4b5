//! The neutral in-memory shape of rows that no longer change: a sealed segment (memory-mapped) or a
//! batch of the memtable (owned). Reads know nothing else; they never touch a file.

use std::collections::HashMap;
use std::ops::Range;
use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::types::Int64Type;
use arrow_array::{Array, RecordBatch};
use bytemuck::Pod;
use omendb_hnsw::format::Header;
use omendb_hnsw::{FormatError, GraphView, VectorsRef};

use crate::meta::Id;
use crate::vfs::Mapping;

/// Rows `first_row .. first_row + rows` of a collection.
pub(crate) struct Part {
    /// Row number of the part's first row.
    pub first_row: u32,
    /// Rows in this part, deleted ones included.
    pub rows: u32,
    /// Consecutive batches, together `rows` rows; all of one schema, which is the columns known when
    /// the part was written (the id column included). Empty only when `rows` is 0 or the
    /// collection had no column then.
    pub columns: Vec<RecordBatch>,
    /// One for each vector column of the collection, in its order.
    pub vectors: Vec<VectorColumn>,
    /// How an id is found in this part.
    pub ids: IdIndex,
    /// Position of each batch's first row; as long as `columns`.
    starts: Vec<u32>,
}

impl Part {
    /// A part whose row count is `rows`. `None` when the batches disagree with `rows` or among
    /// themselves about the schema, or row numbers would pass `u32::MAX`.
    pub fn new(
        first_row: u32,
        rows: u32,
        columns: Vec<RecordBatch>,
        vectors: Vec<VectorColumn>,
        ids: IdIndex,
    ) -> Option<Part> {
        first_row.checked_add(rows)?;
        let mut starts = Vec::with_capacity(columns.len());
        let mut at = 0u32;
        for batch in &columns {
            if batch.schema_ref().fields() != columns[0].schema_ref().fields() {
                return None;
            }
            starts.push(at);
            at = at.checked_add(u32::try_from(batch.num_rows()).ok()?)?;
        }
        if !columns.is_empty() && at != rows {
            return None;
        }
        Some(Part {
            first_row,
            rows,
            columns,
            vectors,
            ids,
            starts,
        })
    }

    /// The row numbers of this part.
    pub fn range(&self) -> Range<u32> {
        self.first_row..self.first_row + self.rows
    }

    /// Batch and offset in it of the row at `position`; `None` past the end or without columns.
    pub fn locate(&self, position: u32) -> Option<(usize, usize)> {
        if position >= self.rows {
            return None;
        }
        let batch = self
            .starts
            .partition_point(|&s| s <= position)
            .checked_sub(1)?;
        Some((batch, (position - self.starts[batch]) as usize))
    }

    /// Position of the first row of batch `batch`.
    pub fn batch_start(&self, batch: usize) -> u32 {
        self.starts[batch]
    }

    /// The id in column `column` (an index into the part's schema) of the row at `position`.
    pub fn id_at(&self, column: usize, position: u32) -> Option<Id> {
        let (batch, at) = self.locate(position)?;
        let array = self.columns[batch].columns().get(column)?;
        if array.is_null(at) {
            return None;
        }
        if let Some(ints) = array.as_primitive_opt::<Int64Type>() {
            return Some(Id::Int(ints.value(at)));
        }
        array
            .as_string_opt::<i32>()
            .map(|texts| Id::Text(texts.value(at).to_owned()))
    }

    /// Position of the last row in this part that has this id.
    pub fn position_of(&self, id: &Id) -> Option<u32> {
        self.ids.position_of(self, id)
    }
}

/// One vector column of a part.
pub(crate) struct VectorColumn {
    /// Row-major, `rows * dimension` numbers.
    pub data: Floats,
    /// One inverse norm a row under cosine, else empty.
    pub inv_norms: Floats,
    /// The HNSW graph over all rows of the part, once it is built.
    pub index: Option<Arc<IndexFile>>,
}

/// Plain numbers, owned or inside a file mapping.
#[derive(Clone)]
pub(crate) enum Slab<T: Pod> {
    /// On the heap.
    Owned(Arc<Vec<T>>),
    /// In a mapping; made by [`Slab::mapped`], which checked bounds and alignment.
    Mapped(MappedSlice<T>),
}

/// `f32` numbers.
pub(crate) type Floats = Slab<f32>;
/// Row positions.
pub(crate) type Positions = Slab<u32>;

/// A checked range of a mapping.
#[derive(Clone)]
pub(crate) struct MappedSlice<T> {
    map: Arc<dyn Mapping>,
    bytes: Range<usize>,
    kind: std::marker::PhantomData<T>,
}

impl<T: Pod> Slab<T> {
    /// No numbers.
    pub fn empty() -> Self {
        Slab::Owned(Arc::new(Vec::new()))
    }

    /// `len` numbers that start `offset` bytes into `map`; `None` when they do not lie in it or are
    /// not aligned.
    pub fn mapped(map: Arc<dyn Mapping>, offset: usize, len: usize) -> Option<Self> {
        let end = offset.checked_add(len.checked_mul(size_of::<T>())?)?;
        bytemuck::try_cast_slice::<u8, T>(map.bytes().get(offset..end)?).ok()?;
        Some(Slab::Mapped(MappedSlice {
            map,
            bytes: offset..end,
            kind: std::marker::PhantomData,
        }))
    }

    /// The numbers.
    pub fn as_slice(&self) -> &[T] {
        match self {
            Slab::Owned(v) => v,
            Slab::Mapped(m) => bytemuck::cast_slice(&m.map.bytes()[m.bytes.clone()]),
        }
    }
}

impl<T: Pod> From<Vec<T>> for Slab<T> {
    fn from(v: Vec<T>) -> Self {
        Slab::Owned(Arc::new(v))
    }
}

/// How ids are found in a part.
pub(crate) enum IdIndex {
    /// The collection has no id column: an integer id is the row number.
    RowNumber,
    /// Position of the last row with each id.
    Hash(HashMap<Id, u32>),
    /// All positions, sorted by (id, position): binary search through the id column.
    Sorted {
        /// The permutation, as long as the part has rows.
        order: Positions,
        /// The id column in the part's schema.
        column: usize,
    },
}

impl IdIndex {
    /// Position of the last row of `part` that has this id.
    pub fn position_of(&self, part: &Part, id: &Id) -> Option<u32> {
        match self {
            IdIndex::RowNumber => match id {
                Id::Int(row) => {
                    let row = u32::try_from(*row).ok()?;
                    part.range().contains(&row).then(|| row - part.first_row)
                }
                Id::Text(_) => None,
            },
            IdIndex::Hash(map) => map.get(id).copied(),
            IdIndex::Sorted { order, column } => {
                let order = order.as_slice();
                // The file may lie about its order; then an id is not found, nothing worse.
                let after = order.partition_point(|&p| part.le(*column, p, id));
                let last = *order.get(after.checked_sub(1)?)?;
                (part.id_at(*column, last).as_ref() == Some(id)).then_some(last)
            }
        }
    }
}

impl Part {
    /// Whether the id at `position` is not greater than `id`; without allocation.
    fn le(&self, column: usize, position: u32, id: &Id) -> bool {
        let Some((batch, at)) = self.locate(position) else {
            return false;
        };
        let Some(array) = self.columns[batch].columns().get(column) else {
            return false;
        };
        match id {
            Id::Int(v) => array
                .as_primitive_opt::<Int64Type>()
                .is_some_and(|a| a.value(at) <= *v),
            Id::Text(v) => array
                .as_string_opt::<i32>()
                .is_some_and(|a| a.value(at) <= v.as_str()),
        }
    }
}

/// The file of an HNSW graph over all rows of a part, parsed and validated.
pub(crate) struct IndexFile {
    map: Arc<dyn Mapping>,
    /// What `parse` read, so that the file is not read through again: its bytes do not change.
    header: Header,
}

impl IndexFile {
    /// Parses and validates the graph in `map`.
    pub fn open(map: Arc<dyn Mapping>) -> Result<IndexFile, FormatError> {
        let header = *GraphView::parse(map.bytes())?.header();
        Ok(IndexFile { map, header })
    }

    /// Whether the graph is one of these vectors. Another would come from a mixed-up file; the index is then left alone.
    pub fn fits(&self, vectors: VectorsRef<'_>) -> bool {
        self.header.nodes as usize == vectors.len()
            && self.header.dimension as usize == vectors.dimension
            && self.header.metric == vectors.metric
    }

    /// The graph; takes no time to speak of.
    pub fn view(&self) -> Result<GraphView<'_>, FormatError> {
        GraphView::reopen(self.map.bytes(), &self.header)
    }
}
