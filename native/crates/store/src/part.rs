//! The neutral in-memory shape of rows that no longer change: a sealed segment (memory-mapped) or a
//! batch of the memtable (owned). Reads know nothing else; they never touch a file.

use std::collections::HashMap;
use std::ops::Range;
use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::types::Int64Type;
use arrow_array::{Array, RecordBatch};
use bytemuck::Pod;
use omendb_ivf::{FormatError, IndexHeader, IndexView, ReadRow, VectorsRef};

use crate::meta::Id;
use crate::numbers::Numbers;
use crate::vfs::Mapping;

/// Some rows of a collection.
pub(crate) struct Part {
    /// The row number of each position.
    pub numbers: Numbers,
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
    /// `None` when the batches disagree with the number of rows, or among themselves about the schema.
    pub fn new(
        numbers: Numbers,
        columns: Vec<RecordBatch>,
        vectors: Vec<VectorColumn>,
        ids: IdIndex,
    ) -> Option<Part> {
        let rows = numbers.len();
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
            numbers,
            rows,
            columns,
            vectors,
            ids,
            starts,
        })
    }

    /// The smallest range that holds the row numbers of this part.
    pub fn range(&self) -> Range<u32> {
        self.numbers.range()
    }

    /// The same rows with other columns; `None` as for [`Part::new`].
    pub fn with_columns(&self, columns: Vec<RecordBatch>) -> Option<Part> {
        Part::new(
            self.numbers.clone(),
            columns,
            self.vectors.clone(),
            self.ids.clone(),
        )
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

    /// The row with this id that `live` accepts; of several the last one.
    pub fn row_of(&self, id: &Id, live: impl Fn(u32) -> bool) -> Option<u32> {
        let live = |position: &u32| live(self.numbers.row(*position));
        match &self.ids {
            IdIndex::RowNumber => match id {
                Id::Int(row) => self
                    .numbers
                    .position(u32::try_from(*row).ok()?)
                    .filter(live),
                Id::Text(_) => None,
            },
            IdIndex::Hash(ids) => ids.positions(id).find(live),
            IdIndex::Sorted { order, column } => {
                let order = order.as_slice();
                // The file may lie about its order; then an id is not found, nothing worse.
                let after = order.partition_point(|&p| self.le(*column, p, id));
                let same = |p: &&u32| self.id_at(*column, **p).as_ref() == Some(id);
                let positions = order[..after].iter().rev().take_while(same);
                positions.copied().find(live)
            }
        }
        .map(|position| self.numbers.row(position))
    }
}

/// One vector column of a part.
#[derive(Clone)]
pub(crate) struct VectorColumn {
    /// Row-major, `rows * dimension` numbers.
    pub data: Floats,
    /// One inverse norm a row under cosine, else empty.
    pub inv_norms: Floats,
    /// The index of the rows of the part, once it is built.
    pub index: Option<Arc<IndexFile>>,
    /// Reads single vectors, where all of them shall not stay in memory.
    pub reader: Option<Arc<dyn ReadRow>>,
}

impl VectorColumn {
    /// After all vectors were looked at: the memory that holds them is let go, if it shall not be kept.
    pub fn let_go(&self) {
        if let (Some(_), Slab::Mapped(vectors)) = (&self.reader, &self.data) {
            vectors.map.let_go();
        }
    }
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
#[derive(Clone)]
pub(crate) enum IdIndex {
    /// The collection has no id column: an integer id is the row number.
    RowNumber,
    /// For rows in memory.
    Hash(Arc<IdMap>),
    /// All positions, sorted by (id, position): binary search through the id column.
    Sorted {
        /// The permutation, as long as the part has rows.
        order: Positions,
        /// The id column in the part's schema.
        column: usize,
    },
}

/// Positions by id. Where an id stands more than once, each position leads to the one before.
#[derive(Default)]
pub(crate) struct IdMap {
    last: HashMap<Id, u32>,
    before: HashMap<u32, u32>,
}

impl IdMap {
    /// The last position of each id.
    pub fn new(last: HashMap<Id, u32>) -> IdMap {
        IdMap {
            last,
            before: HashMap::new(),
        }
    }

    /// Positions of an id, the last one first.
    pub fn positions(&self, id: &Id) -> impl Iterator<Item = u32> {
        std::iter::successors(self.last.get(id).copied(), |p| self.before.get(p).copied())
    }

    /// Takes in the positions of rows that follow, `offset` behind their own.
    pub fn append(&mut self, later: &IdMap, offset: u32) {
        self.before
            .extend(later.before.iter().map(|(p, q)| (p + offset, q + offset)));
        for (id, &last) in &later.last {
            if let Some(earlier) = self.last.insert(id.clone(), last + offset) {
                let first = later.positions(id).last().unwrap_or(last);
                self.before.insert(first + offset, earlier);
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

/// The file of an index over all rows of a part, parsed and validated.
pub(crate) struct IndexFile {
    map: Arc<dyn Mapping>,
    /// What `parse` read, so that the file is not read through again: its bytes do not change.
    header: IndexHeader,
}

impl IndexFile {
    /// Parses and validates the index in `map`.
    pub fn open(map: Arc<dyn Mapping>) -> Result<IndexFile, FormatError> {
        let header = IndexHeader::parse(map.bytes())?;
        Ok(IndexFile { map, header })
    }

    /// Whether the index is one of these vectors. Another would come from a mixed-up file; the index is then left alone.
    pub fn fits(&self, vectors: VectorsRef<'_>) -> bool {
        self.header.shape() == (vectors.len(), vectors.dimension, vectors.metric)
    }

    /// Length of the file.
    pub fn bytes(&self) -> u64 {
        self.map.bytes().len() as u64
    }

    /// The index; takes no time to speak of.
    pub fn view(&self) -> Result<IndexView<'_>, FormatError> {
        self.header.view(self.map.bytes())
    }
}
