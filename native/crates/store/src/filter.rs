//! Filters: a SQL `WHERE` condition becomes the bitmap of the live rows that match.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};

use arrow_array::{Array, ArrayRef, BooleanArray, RecordBatch, RecordBatchOptions, new_null_array};
use arrow_schema::{Field, Schema};
use omendb_filter::Filter;
use omendb_ivf::{Accepted, AcceptedSlots, Coded, IndexView, Rows, VectorsRef};
use rayon::prelude::*;
use roaring::RoaringBitmap;

use crate::column::array_in;
use crate::error::{Error, Result};
use crate::numbers::Numbers;
use crate::part::Part;
use crate::query::PARALLEL_ROWS;
use crate::snapshot::Snapshot;

/// A filter's vectors are copied up to so many bytes ...
const COPIED_BYTES: usize = 4 << 20;
/// ... and get small codes from so many rows on.
const CODED_ROWS: usize = 256;

/// The live rows that match a filter.
pub(crate) struct Matches {
    rows: Arc<RoaringBitmap>,
    parts: ByPart,
}

/// Rows by position, and by slot in an index, for each part of a snapshot that was searched.
pub(crate) struct ByPart(Vec<OfPart>);

struct OfPart {
    positions: OnceLock<Accepted>,
    /// For each vector column.
    columns: Vec<OfColumn>,
}

#[derive(Default)]
struct OfColumn {
    in_index: OnceLock<InIndex>,
    /// Whether the copy was asked for.
    asked: AtomicBool,
    copied: OnceLock<Copied>,
}

/// Rows of a part as its index knows them.
pub(crate) struct InIndex {
    /// Slots of those that are in it; `None` for all of it.
    pub slots: Option<AcceptedSlots>,
    /// Positions of those that are not: they were dead when it was built.
    pub beside: Vec<u32>,
}

/// Vectors of few rows, side by side, with small codes: several times faster to compare with than where they lie.
pub(crate) struct Copied {
    /// Positions of the rows in their part, ascending.
    pub positions: Vec<u32>,
    data: Vec<f32>,
    inv_norms: Vec<f32>,
    pub coded: Option<Coded>,
}

impl Copied {
    fn of(accepted: &Accepted, vectors: VectorsRef<'_>) -> Copied {
        let positions: Vec<u32> = accepted.within(0..vectors.len() as u32).collect();
        let mut data = Vec::with_capacity(positions.len() * vectors.dimension);
        for position in &positions {
            data.extend_from_slice(vectors.row(*position as usize));
        }
        let norm = |position: &u32| vectors.inv_norms.get(*position as usize).copied();
        let mut copied = Copied {
            inv_norms: positions.iter().filter_map(norm).collect(),
            positions,
            data,
            coded: None,
        };
        if copied.positions.len() >= CODED_ROWS {
            copied.coded = Coded::of(copied.vectors(vectors)).ok();
        }
        copied
    }

    /// The vectors, in the order of the positions; `like` are those that they were copied from.
    pub fn vectors<'a>(&'a self, like: VectorsRef<'_>) -> VectorsRef<'a> {
        VectorsRef {
            data: &self.data,
            inv_norms: &self.inv_norms,
            dimension: like.dimension,
            metric: like.metric,
        }
    }
}

impl ByPart {
    /// Of so many parts and vector columns.
    pub fn new(parts: usize, vectors: usize) -> ByPart {
        let of_part = || OfPart {
            positions: OnceLock::new(),
            columns: (0..vectors).map(|_| OfColumn::default()).collect(),
        };
        ByPart((0..parts).map(|_| of_part()).collect())
    }

    /// Those of `rows` in a part, which must be the one at `at`.
    fn among(&self, rows: &RoaringBitmap, at: usize, part: &Part) -> &Accepted {
        self.0[at].positions.get_or_init(|| {
            let mut accepted = Accepted::none(part.rows as usize);
            positions(part, rows).for_each(|position| accepted.insert(position));
            accepted
        })
    }

    /// All but those of `rows`.
    fn but(&self, rows: &RoaringBitmap, at: usize, part: &Part) -> &Accepted {
        self.0[at].positions.get_or_init(|| {
            let mut accepted = Accepted::all(part.rows as usize);
            positions(part, rows).for_each(|position| accepted.remove(position));
            accepted
        })
    }

    /// The accepted rows as an index knows them, which must be that of vector column `vector`.
    fn in_index(
        &self,
        at: usize,
        vector: usize,
        accepted: &Accepted,
        index: &IndexView<'_>,
    ) -> &InIndex {
        self.0[at].columns[vector].in_index.get_or_init(|| {
            let mut slots = Accepted::none(index.slots());
            let mut beside = Vec::new();
            for position in accepted.within(0..index.len() as u32) {
                match index.slot(position) {
                    Some(slot) => slots.insert(slot),
                    None => beside.push(position),
                }
            }
            InIndex {
                slots: (slots.count() < index.indexed()).then(|| index.accept(slots)),
                beside,
            }
        })
    }
}

fn positions(part: &Part, rows: &RoaringBitmap) -> impl Iterator<Item = u32> {
    let rows = rows.range(part.range());
    rows.filter_map(|row| part.numbers.position(row))
}

impl Snapshot {
    /// Which rows of a part a search may give; `None` for all. `at` is the part's place.
    pub(crate) fn accepted<'a>(
        &'a self,
        filter: Option<&'a Matches>,
        at: usize,
        part: &Part,
    ) -> Option<&'a Accepted> {
        let accepted = match filter {
            Some(matches) => matches.parts.among(&matches.rows, at, part),
            None if self.deleted().is_empty() => return None,
            None => self.undeleted.but(self.deleted(), at, part),
        };
        (accepted.count() < part.rows as usize).then_some(accepted)
    }

    /// The rows that [`Snapshot::accepted`] gave, as the index of a vector column knows them; `None` when they are all of those in it.
    pub(crate) fn in_index<'a>(
        &'a self,
        filter: Option<&'a Matches>,
        at: usize,
        vector: usize,
        accepted: Option<&Accepted>,
        index: &IndexView<'_>,
    ) -> Option<&'a InIndex> {
        if accepted.is_none() && index.indexed() == index.len() {
            return None;
        }
        let by_part = filter.map_or(&self.undeleted, |matches| &matches.parts);
        let all;
        let accepted = match accepted {
            Some(accepted) => accepted,
            None => {
                all = Accepted::all(index.len());
                &all
            }
        };
        Some(by_part.in_index(at, vector, accepted, index))
    }

    /// The vectors of a filter's rows in a part, where these are few and were asked for before: a filter that comes once is not worth a copy. Where
    /// vectors shall not stay in memory there is none.
    pub(crate) fn copied<'a>(
        &self,
        filter: Option<&'a Matches>,
        at: usize,
        vector: usize,
        accepted: Option<&Accepted>,
        rows: Rows<'_>,
    ) -> Option<&'a Copied> {
        let (filter, accepted) = filter.zip(accepted)?;
        let vectors = rows.vectors;
        if rows.reader.is_some() || accepted.count() * size_of_val(vectors.row(0)) > COPIED_BYTES {
            return None;
        }
        let column = &filter.parts.0[at].columns[vector];
        column
            .asked
            .swap(true, Ordering::Relaxed)
            .then(|| column.copied.get_or_init(|| Copied::of(accepted, vectors)))
    }

    /// The live rows that match a SQL `WHERE` condition; a blank one matches all. Kept, so that asking again costs nothing.
    ///
    /// # Errors
    /// `INVALID_FILTER`.
    pub fn filter(&self, expression: &str) -> Result<Arc<RoaringBitmap>> {
        Ok(Arc::clone(&self.matches(expression)?.rows))
    }

    /// As [`Snapshot::filter`], for searches.
    pub(crate) fn matches(&self, expression: &str) -> Result<Arc<Matches>> {
        let expression = expression.trim();
        if let Some(rows) = self.filters.lock().get(expression) {
            return Ok(rows);
        }
        let rows = if expression.is_empty() {
            self.live_rows()
        } else {
            let filter = omendb_filter::parse(expression, self.schema()).map_err(invalid_filter)?;
            let mut rows = self.evaluate(&filter)?;
            rows -= self.deleted();
            rows
        };
        let matches = Arc::new(Matches {
            rows: Arc::new(rows),
            parts: ByPart::new(self.parts().len(), self.meta().vectors.len()),
        });
        self.filters
            .lock()
            .put(expression.to_owned(), Arc::clone(&matches));
        Ok(matches)
    }

    /// Checks a filter's grammar, columns and types without running it; a blank one is right.
    ///
    /// # Errors
    /// `INVALID_FILTER`.
    pub fn check_filter(&self, expression: &str) -> Result<()> {
        if expression.trim().is_empty() {
            return Ok(());
        }
        omendb_filter::parse(expression, self.schema())
            .map(drop)
            .map_err(invalid_filter)
    }

    /// Matching rows, deleted ones included.
    fn evaluate(&self, filter: &Filter) -> Result<RoaringBitmap> {
        let columns: Vec<(usize, &Field)> = filter
            .columns()
            .iter()
            .map(|name| {
                let index = self.column_index(name)?;
                Ok((index, self.schema().field(index)))
            })
            .collect::<Result<_>>()?;
        let schema = Arc::new(Schema::new(
            columns
                .iter()
                .map(|(_, f)| (*f).clone())
                .collect::<Vec<_>>(),
        ));
        let mut batches: Vec<Chunk<'_>> = Vec::new();
        for part in self.parts() {
            if part.columns.is_empty() {
                batches.push((&part.numbers, 0, part.rows as usize, None));
            }
            for (i, batch) in part.columns.iter().enumerate() {
                batches.push((
                    &part.numbers,
                    part.batch_start(i),
                    batch.num_rows(),
                    Some(batch),
                ));
            }
        }
        let run = |&(numbers, start, rows, batch): &Chunk<'_>| -> Result<RoaringBitmap> {
            let arrays: Vec<ArrayRef> = columns
                .iter()
                .map(|(index, field)| {
                    batch
                        .and_then(|b| array_in(b, *index, field.name()))
                        .cloned()
                        .unwrap_or_else(|| new_null_array(field.data_type(), rows))
                })
                .collect();
            let options = RecordBatchOptions::new().with_row_count(Some(rows));
            let batch = RecordBatch::try_new_with_options(Arc::clone(&schema), arrays, &options)
                .map_err(|e| Error::internal(format!("rows from position {start}: {e}")))?;
            let matches = filter.evaluate(&batch).map_err(invalid_filter)?;
            if matches.len() != rows {
                return Err(Error::internal("a filter gave another number of rows"));
            }
            Ok(true_rows(numbers, start, &matches))
        };
        let found: Vec<RoaringBitmap> =
            if batches.iter().map(|b| b.2).sum::<usize>() >= PARALLEL_ROWS {
                batches.par_iter().map(run).collect::<Result<_>>()?
            } else {
                batches.iter().map(run).collect::<Result<_>>()?
            };
        let mut rows = RoaringBitmap::new();
        for batch in found {
            rows |= batch;
        }
        Ok(rows)
    }
}

/// A batch of a part: its row numbers, the position of the batch's first row, its rows, its columns if it has any.
type Chunk<'a> = (&'a Numbers, u32, usize, Option<&'a RecordBatch>);

/// The rows that are true and not null; the first one is at the position `start`.
fn true_rows(numbers: &Numbers, start: u32, matches: &BooleanArray) -> RoaringBitmap {
    let bits = match matches.nulls() {
        Some(nulls) => matches.values() & nulls.inner(),
        None => matches.values().clone(),
    };
    let mut rows = RoaringBitmap::new();
    for (from, to) in bits.set_slices() {
        numbers.add_positions(start + from as u32, start + to as u32, &mut rows);
    }
    rows
}

fn invalid_filter(error: omendb_filter::FilterError) -> Error {
    Error::InvalidFilter {
        message: error.message,
        position: error.position,
        hint: error.hint,
    }
}
