//! The read half over parts that are built in memory: no file is touched.

mod json;
mod maps;
mod search;
mod tables;
mod tune;

use std::collections::{BTreeMap, HashMap};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use arrow_array::builder::{
    BooleanBuilder, Float64Builder, Int64Builder, StringBuilder, TimestampMicrosecondBuilder,
};
use arrow_array::{ArrayRef, RecordBatch, RecordBatchOptions};
use arrow_schema::{Field, Schema};
use omendb_distance::{Metric, inv_norms};
use omendb_ivf::{BuildParams, Index, VectorsRef};
use roaring::RoaringBitmap;

use crate::column::Value;
use crate::meta::{CollectionMeta, ColumnKind, ColumnMeta, Id, IdKind, VectorSpec};
use crate::numbers::Numbers;
use crate::part::{Floats, IdIndex, IdMap, IndexFile, Part, VectorColumn};
use crate::snapshot::Snapshot;
use crate::vfs::{MemVfs, Vfs};

/// A small generator of numbers, so that a test is the same each time.
pub(super) struct Random(u64);

impl Random {
    pub fn new(seed: u64) -> Random {
        Random(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    pub fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    /// -1 to 1.
    pub fn float(&mut self) -> f32 {
        (self.next() >> 40) as f32 / (1u64 << 23) as f32 - 1.0
    }

    pub fn vector(&mut self, dimension: usize) -> Vec<f32> {
        (0..dimension).map(|_| self.float()).collect()
    }
}

/// A collection in the making.
pub(super) struct Fixture {
    pub meta: CollectionMeta,
    parts: Vec<Arc<Part>>,
    pub deleted: RoaringBitmap,
    next: u32,
}

impl Fixture {
    /// `id` names the id column, which must be among the columns.
    pub fn new(
        id: Option<(&str, IdKind)>,
        columns: &[(&str, ColumnKind)],
        dimension: usize,
        metric: Metric,
    ) -> Fixture {
        Fixture {
            meta: CollectionMeta {
                name: "things".to_owned(),
                id_kind: id.map_or(IdKind::RowNumber, |i| i.1),
                id_column: id.map(|i| i.0.to_owned()),
                columns: columns
                    .iter()
                    .map(|(name, kind)| ColumnMeta {
                        name: (*name).to_owned(),
                        kind: *kind,
                    })
                    .collect(),
                vectors: vec![VectorSpec {
                    name: "embedding".to_owned(),
                    dimension,
                    metric,
                }],
            },
            parts: Vec::new(),
            deleted: RoaringBitmap::new(),
            next: 0,
        }
    }

    pub fn add_column(&mut self, name: &str, kind: ColumnKind) {
        self.meta.columns.push(ColumnMeta {
            name: name.to_owned(),
            kind,
        });
    }

    /// Adds a part whose batches hold up to `batch` rows each; `cells[i]` are the values of row `i`, by column.
    pub fn part(&mut self, cells: &[Vec<Value<'_>>], vectors: &[f32], batch: usize, index: bool) {
        let spec = &self.meta.vectors[0];
        let rows = vectors.len() / spec.dimension;
        let batches = if self.meta.columns.is_empty() {
            Vec::new()
        } else {
            cells
                .chunks(batch)
                .map(|rows| batch_of(&self.meta.columns, rows))
                .collect()
        };
        let mut inverse = Vec::new();
        if spec.metric == Metric::Cosine {
            inv_norms(vectors, spec.dimension, &mut inverse);
        }
        let index = index.then(|| {
            let vectors = VectorsRef::new(vectors, spec.dimension, spec.metric, &inverse).unwrap();
            let index = Index::build(
                vectors,
                None,
                &BuildParams::default(),
                &|_, _| {},
                &AtomicBool::new(false),
            )
            .unwrap();
            let (files, path) = (MemVfs::new(), Path::new("/index"));
            files.write(path, &index.to_bytes()).unwrap();
            Arc::new(IndexFile::open(files.map(path).unwrap()).unwrap())
        });
        let column = VectorColumn {
            data: Floats::from(vectors.to_vec()),
            inv_norms: Floats::from(inverse),
            index,
            reader: None,
        };
        let at = self
            .meta
            .id_column
            .as_ref()
            .and_then(|n| self.meta.columns.iter().position(|c| c.name == *n));
        let id = |row: &Vec<Value<'_>>| match row[at.unwrap()] {
            Value::Int(v) => Id::Int(v),
            Value::Text(v) => Id::Text(v.to_owned()),
            other => panic!("{other:?} is no id"),
        };
        // Parts take turns between the two kinds of id index.
        let ids = match at {
            None => IdIndex::RowNumber,
            Some(column) if self.parts.len() % 2 == 1 => {
                let ids: Vec<Id> = cells.iter().map(id).collect();
                let mut order: Vec<u32> = (0..rows as u32).collect();
                order.sort_by_key(|p| (&ids[*p as usize], *p));
                IdIndex::Sorted {
                    order: order.into(),
                    column,
                }
            }
            Some(_) => {
                let last = cells.iter().zip(0u32..).map(|(r, i)| (id(r), i));
                IdIndex::Hash(Arc::new(IdMap::new(last.collect::<HashMap<_, _>>())))
            }
        };
        // Every other part lists its row numbers, as a compacted one does.
        let numbers = if self.parts.len() % 2 == 1 {
            let list: Vec<u32> = (self.next..self.next + rows as u32).collect();
            Numbers::sparse(list.into()).unwrap()
        } else {
            Numbers::dense(self.next, rows as u32).unwrap()
        };
        self.parts.push(Arc::new(
            Part::new(numbers, batches, vec![column], ids).unwrap(),
        ));
        self.next += rows as u32;
    }

    /// A part without columns whose index is one of other vectors.
    pub fn part_with_index_of(&mut self, vectors: &[f32], others: &[f32]) {
        self.part(&[], others, 1, true);
        let other = self.parts.pop().unwrap();
        let rows = (vectors.len() / self.meta.vectors[0].dimension) as u32;
        let column = VectorColumn {
            data: Floats::from(vectors.to_vec()),
            inv_norms: Floats::empty(),
            index: other.vectors[0].index.clone(),
            reader: None,
        };
        let first = other.range().start;
        let part = Part::new(
            Numbers::dense(first, rows).unwrap(),
            Vec::new(),
            vec![column],
            IdIndex::RowNumber,
        );
        self.parts.push(Arc::new(part.unwrap()));
        self.next = first + rows;
    }

    /// Leaves row numbers out, as a sealed part does whose rows were all deleted and dropped.
    pub fn skip(&mut self, rows: u32) {
        self.next += rows;
    }

    pub fn snapshot(&self) -> Snapshot {
        let mut parts = self.parts.clone();
        parts.reverse(); // any order will do
        Snapshot::new(
            Arc::new(self.meta.clone()),
            parts,
            Arc::new(self.deleted.clone()),
            1,
            1,
        )
    }
}

/// A record batch of these columns.
pub(super) fn batch_of(columns: &[ColumnMeta], rows: &[Vec<Value<'_>>]) -> RecordBatch {
    let fields: Vec<Field> = columns.iter().map(|c| c.kind.field(&c.name)).collect();
    let arrays: Vec<ArrayRef> = columns
        .iter()
        .enumerate()
        .map(|(i, c)| -> ArrayRef {
            macro_rules! array {
                ($builder:expr, $variant:path) => {{
                    let mut builder = $builder;
                    for row in rows {
                        match row[i] {
                            Value::Null => builder.append_null(),
                            $variant(v) => builder.append_value(v),
                            other => panic!("{other:?} in column {}", c.name),
                        }
                    }
                    Arc::new(builder.finish())
                }};
            }
            match c.kind {
                ColumnKind::Bool => array!(BooleanBuilder::new(), Value::Bool),
                ColumnKind::Int => array!(Int64Builder::new(), Value::Int),
                ColumnKind::Float => array!(Float64Builder::new(), Value::Float),
                ColumnKind::Text | ColumnKind::Json => array!(StringBuilder::new(), Value::Text),
                ColumnKind::Timestamp => {
                    array!(TimestampMicrosecondBuilder::new(), Value::Timestamp)
                }
            }
        })
        .collect();
    let options = RecordBatchOptions::new().with_row_count(Some(rows.len()));
    RecordBatch::try_new_with_options(Arc::new(Schema::new(fields)), arrays, &options).unwrap()
}

/// The distance as its definition says, in f64.
pub(super) fn true_distance(metric: Metric, a: &[f32], b: &[f32]) -> f64 {
    let pairs = || a.iter().zip(b).map(|(x, y)| (f64::from(*x), f64::from(*y)));
    let dot: f64 = pairs().map(|(x, y)| x * y).sum();
    match metric {
        Metric::L2 => pairs().map(|(x, y)| (x - y) * (x - y)).sum::<f64>().sqrt(),
        Metric::Dot => -dot,
        Metric::Cosine => {
            let norm = |v: &[f32]| {
                v.iter()
                    .map(|x| f64::from(*x) * f64::from(*x))
                    .sum::<f64>()
                    .sqrt()
            };
            let (na, nb) = (norm(a), norm(b));
            if na == 0.0 || nb == 0.0 {
                1.0
            } else {
                1.0 - dot / (na * nb)
            }
        }
    }
}

/// Live vectors by row number.
pub(super) fn live_vectors(snapshot: &Snapshot) -> BTreeMap<u32, Vec<f32>> {
    snapshot
        .live_rows()
        .iter()
        .map(|row| (row, snapshot.vector(row, 0).unwrap().to_vec()))
        .collect()
}
