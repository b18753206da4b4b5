//! A collection as it was at one moment: immutable, shared, safe to read from any thread while writers go on.

use std::sync::Arc;

use arrow_schema::SchemaRef;
use omendb_ivf::{Rows, VectorsRef};
use roaring::RoaringBitmap;

use crate::error::{Error, Result};
use crate::filter::{ByPart, Matches};
use crate::lru::Lru;
use crate::meta::{CollectionMeta, Id, VectorSpec};
use crate::part::{Part, VectorColumn};
use crate::sync::Mutex;
use crate::view::{View, ViewKey};

/// Filter results kept for a snapshot.
const FILTERS_KEPT: usize = 16;
/// Views kept for a snapshot.
const VIEWS_KEPT: usize = 8;

/// The rows of a collection at one moment. Deleted rows are not in it, whatever the call.
pub struct Snapshot {
    meta: Arc<CollectionMeta>,
    schema: SchemaRef,
    /// Ascending by row number, not overlapping.
    parts: Vec<Arc<Part>>,
    deleted: Arc<RoaringBitmap>,
    live: u64,
    generation: u64,
    revision: u64,
    pub(crate) filters: Mutex<Lru<String, Arc<Matches>>>,
    /// The rows of each part that are not deleted.
    pub(crate) undeleted: ByPart,
    pub(crate) views: Mutex<Lru<ViewKey, Arc<View>>>,
}

impl std::fmt::Debug for Snapshot {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Snapshot")
            .field("collection", &self.meta.name)
            .field("rows", &self.live)
            .field("generation", &self.generation)
            .field("revision", &self.revision)
            .finish_non_exhaustive()
    }
}

impl Snapshot {
    /// `parts` in any order, with row numbers that do not overlap; each with one vector column for each of `meta.vectors`.
    pub(crate) fn new(
        meta: Arc<CollectionMeta>,
        mut parts: Vec<Arc<Part>>,
        deleted: Arc<RoaringBitmap>,
        generation: u64,
        revision: u64,
    ) -> Snapshot {
        parts.retain(|p| p.rows > 0);
        parts.sort_by_key(|p| p.range().start);
        debug_assert!(parts.windows(2).all(|w| w[0].numbers.before(&w[1].numbers)));
        let live = parts
            .iter()
            .map(|p| u64::from(p.rows) - p.numbers.count_in(&deleted) as u64)
            .sum();
        Snapshot {
            schema: meta.schema(),
            undeleted: ByPart::new(parts.len(), meta.vectors.len()),
            meta,
            parts,
            deleted,
            live,
            generation,
            revision,
            filters: Mutex::new(Lru::new(FILTERS_KEPT)),
            views: Mutex::new(Lru::new(VIEWS_KEPT)),
        }
    }

    /// What the collection is.
    pub fn meta(&self) -> &CollectionMeta {
        &self.meta
    }

    /// The columns of a row as an Arrow schema, the id column (if any) included, vectors not.
    pub fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    /// The manifest generation that this snapshot is of.
    pub fn generation(&self) -> u64 {
        self.generation
    }

    /// The store's revision when this snapshot was taken; it grows at every visible change.
    pub fn revision(&self) -> u64 {
        self.revision
    }

    /// Live rows.
    pub fn len(&self) -> u64 {
        self.live
    }

    /// Whether there is no live row.
    pub fn is_empty(&self) -> bool {
        self.live == 0
    }

    /// The row numbers of all live rows.
    pub fn live_rows(&self) -> RoaringBitmap {
        let mut rows = RoaringBitmap::new();
        for part in &self.parts {
            part.numbers.add_to(&mut rows);
        }
        rows -= &*self.deleted;
        rows
    }

    /// Whether `row` is a live row.
    pub fn contains(&self, row: u32) -> bool {
        self.part_of(row).is_some()
    }

    /// The live row with this id; the newest one where several were written.
    pub fn row_of(&self, id: &Id) -> Option<u32> {
        let live = |row| !self.deleted.contains(row);
        self.parts
            .iter()
            .rev()
            .find_map(|part| part.row_of(id, live))
    }

    /// The id of a live row: of its id column, or its row number where the collection has no id column.
    ///
    /// # Errors
    /// `UNKNOWN_ROW` when there is no such live row; `INTERNAL` when its id is missing.
    pub fn id_of(&self, row: u32) -> Result<Id> {
        let (part, position) = self.part_of(row).ok_or(Error::UnknownRow { row })?;
        let Some(name) = &self.meta.id_column else {
            return Ok(Id::Int(i64::from(row)));
        };
        part.columns
            .first()
            .and_then(|batch| batch.schema_ref().index_of(name).ok())
            .and_then(|column| part.id_at(column, position))
            .ok_or_else(|| Error::internal(format!("row {row} has no id in column {name:?}")))
    }

    /// A live row's vector in vector column `column` (its position among the vector columns).
    ///
    /// # Errors
    /// `UNKNOWN_ROW`, `UNKNOWN_COLUMN`.
    pub fn vector(&self, row: u32, column: usize) -> Result<&[f32]> {
        self.vector_spec(column)?;
        let (part, position) = self.part_of(row).ok_or(Error::UnknownRow { row })?;
        Ok(self.vectors_of(part, column)?.row(position as usize))
    }

    /// The position of a vector column by name.
    ///
    /// # Errors
    /// `UNKNOWN_COLUMN`.
    pub fn vector_column(&self, name: &str) -> Result<usize> {
        self.meta
            .vectors
            .iter()
            .position(|v| v.name == name)
            .ok_or_else(|| self.no_vector_column(name.to_owned()))
    }

    pub(crate) fn vector_spec(&self, column: usize) -> Result<&VectorSpec> {
        self.meta
            .vectors
            .get(column)
            .ok_or_else(|| self.no_vector_column(format!("vector column {column}")))
    }

    fn no_vector_column(&self, column: String) -> Error {
        Error::UnknownColumn {
            collection: self.meta.name.clone(),
            column,
            known: self.meta.vectors.iter().map(|v| v.name.clone()).collect(),
        }
    }

    /// Whether the other one shows the very same rows.
    pub(crate) fn is_like(&self, other: &Snapshot) -> bool {
        self.parts.len() == other.parts.len()
            && self
                .parts
                .iter()
                .zip(&other.parts)
                .all(|(a, b)| Arc::ptr_eq(a, b))
            && self.deleted == other.deleted
            && self.meta == other.meta
    }

    pub(crate) fn parts(&self) -> &[Arc<Part>] {
        &self.parts
    }

    pub(crate) fn deleted(&self) -> &RoaringBitmap {
        &self.deleted
    }

    /// Live rows of a part.
    pub(crate) fn live_in(&self, part: &Part) -> usize {
        part.rows as usize - part.numbers.count_in(&self.deleted)
    }

    /// The part and the position in it of a live row.
    pub(crate) fn part_of(&self, row: u32) -> Option<(&Part, u32)> {
        let after = self.parts.partition_point(|p| p.range().start <= row);
        let part = self.parts.get(after.checked_sub(1)?)?;
        let position = part.numbers.position(row)?;
        (!self.deleted.contains(row)).then_some((part, position))
    }

    /// All vectors of a part in vector column `column`, deleted rows included.
    pub(crate) fn vectors_of<'a>(
        &'a self,
        part: &'a Part,
        column: usize,
    ) -> Result<VectorsRef<'a>> {
        let spec = self.vector_spec(column)?;
        let stored = part.vectors.get(column).ok_or_else(|| {
            Error::internal(format!(
                "rows from {} lack vector column {:?}",
                part.range().start,
                spec.name
            ))
        })?;
        let vectors = VectorsRef::new(
            stored.data.as_slice(),
            spec.dimension,
            spec.metric,
            stored.inv_norms.as_slice(),
        )
        .map_err(|e| Error::internal(format!("vector column {:?}: {e}", spec.name)))?;
        if vectors.len() != part.rows as usize {
            return Err(Error::internal(format!(
                "vector column {:?} holds {} vectors for {} rows",
                spec.name,
                vectors.len(),
                part.rows
            )));
        }
        Ok(vectors)
    }

    /// The same, and how single ones of them are had.
    pub(crate) fn rows_of<'a>(&'a self, part: &'a Part, column: usize) -> Result<Rows<'a>> {
        let vectors = self.vectors_of(part, column)?;
        let reader = part.vectors[column].reader.as_deref();
        Ok(Rows { vectors, reader })
    }

    /// After work that looks at all vectors of a column.
    pub(crate) fn let_go(&self, column: usize) {
        let columns = self
            .parts()
            .iter()
            .filter_map(|part| part.vectors.get(column));
        columns.for_each(VectorColumn::let_go);
    }

    /// The index of a column by its exact name.
    ///
    /// # Errors
    /// `UNKNOWN_COLUMN`.
    pub(crate) fn column_index(&self, name: &str) -> Result<usize> {
        self.meta
            .columns
            .iter()
            .position(|c| c.name == name)
            .ok_or_else(|| Error::UnknownColumn {
                collection: self.meta.name.clone(),
                column: name.to_owned(),
                known: self
                    .meta
                    .columns
                    .iter()
                    .map(|c| c.name.clone())
                    .take(100)
                    .collect(),
            })
    }
}
