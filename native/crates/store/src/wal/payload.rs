//! What the records say: rows written, rows deleted, cells edited, a collection gone back to an earlier state.
//!
//! Each begins with a stamp: `seq u64 | time u64 (milliseconds since 1970) | collection u32`, where `seq` is the number of the history's
//! entry that it belongs to. In log files of version 1 the stamp is the collection alone. A *block* is a length u64 and that many bytes.
//!
//! - Upsert: `stamp | first row u32 | rows u32 | vector columns u32 | bytes of the columns u64 | columns as an
//!   Arrow IPC stream of one batch | for each vector column: dimension u32 and rows x dimension f32`.
//! - Delete: `stamp | roaring bitmap of row numbers`.
//! - Edit: `stamp | note (block) | rows (block: a roaring bitmap) | new values as an Arrow IPC stream of one batch`: one row of values for
//!   each row number, ascending, or one for all of them.
//! - Revert: `stamp | target u64 | step u32 (1 for undo and redo) | note (block) | rows that die (block) | rows that are revived (block) | layers of cells (a block each, rows and values as in an edit), to be
//!   put in place in this order`.

use arrow_array::RecordBatch;
use arrow_schema::ArrowError;
use roaring::RoaringBitmap;

use crate::bytes::{
    Input, batch_bytes, bitmap_bytes, layers_bytes, put_block, read_batch, read_bitmap, read_layers,
};
use crate::error::Result as StoreResult;
use crate::history::{Cells, MAX_NOTE_BYTES};
use crate::meta::{MAX_DIMENSION, MAX_VECTOR_COLUMNS};

/// What each record begins with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Stamp {
    /// Number of the history's entry; 0 in files of version 1.
    pub seq: u64,
    /// Milliseconds since 1970; 0 in files of version 1.
    pub at: u64,
    pub collection: u32,
}

impl Stamp {
    /// Bytes of an encoded stamp.
    const BYTES: usize = 20;

    fn put(self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.seq.to_le_bytes());
        out.extend_from_slice(&self.at.to_le_bytes());
        out.extend_from_slice(&self.collection.to_le_bytes());
    }

    fn read(input: &mut Input<'_>, version: u32) -> Result<Stamp, String> {
        let (seq, at) = match version {
            1 => (0, 0),
            _ => (input.u64()?, input.u64()?),
        };
        Ok(Stamp {
            seq,
            at,
            collection: input.u32()?,
        })
    }
}

/// Rows written.
#[derive(Debug, Clone)]
pub(crate) struct Upsert {
    pub stamp: Stamp,
    pub first_row: u32,
    pub rows: u32,
    /// Columns of the rows; none when the collection has no column.
    pub columns: Option<RecordBatch>,
    /// Row-major values of each vector column.
    pub vectors: Vec<Vec<f32>>,
}

/// Rows deleted.
#[derive(Debug, Clone)]
pub(crate) struct Delete {
    pub stamp: Stamp,
    pub rows: RoaringBitmap,
}

/// Cells edited.
#[derive(Debug, Clone)]
pub(crate) struct Edit {
    pub stamp: Stamp,
    pub note: Option<String>,
    pub cells: Cells,
}

/// A collection gone back to before entry `target`.
#[derive(Debug, Clone)]
pub(crate) struct Revert {
    pub stamp: Stamp,
    pub target: u64,
    /// Whether it was a step of undo or redo.
    pub step: bool,
    pub note: Option<String>,
    pub died: RoaringBitmap,
    pub revived: RoaringBitmap,
    pub cells: Vec<Cells>,
}

impl Upsert {
    pub fn encode(&self) -> Result<Vec<u8>, ArrowError> {
        let mut columns = Vec::new();
        if let Some(batch) = &self.columns {
            columns = batch_bytes(batch)?;
        }
        let floats: usize = self.vectors.iter().map(Vec::len).sum();
        let mut out = Vec::with_capacity(
            Stamp::BYTES + 20 + columns.len() + 4 * (self.vectors.len() + floats),
        );
        self.stamp.put(&mut out);
        out.extend_from_slice(&self.first_row.to_le_bytes());
        out.extend_from_slice(&self.rows.to_le_bytes());
        out.extend_from_slice(&(self.vectors.len() as u32).to_le_bytes());
        out.extend_from_slice(&(columns.len() as u64).to_le_bytes());
        out.extend_from_slice(&columns);
        for values in &self.vectors {
            let dimension = values.len() / (self.rows.max(1) as usize);
            out.extend_from_slice(&(dimension as u32).to_le_bytes());
            for value in values {
                out.extend_from_slice(&value.to_le_bytes());
            }
        }
        Ok(out)
    }

    /// Sets stamp and first row number of an encoded record: they are known later than the rest.
    pub fn set_stamp(payload: &mut [u8], stamp: Stamp, first_row: u32) {
        let mut head = Vec::with_capacity(Stamp::BYTES + 4);
        stamp.put(&mut head);
        head.extend_from_slice(&first_row.to_le_bytes());
        payload[..head.len()].copy_from_slice(&head);
    }

    /// The rows of a payload whose checksum held; still nothing in it is believed.
    pub fn decode(payload: &[u8], version: u32) -> Result<Upsert, String> {
        let mut input = Input(payload);
        let stamp = Stamp::read(&mut input, version)?;
        let first_row = input.u32()?;
        let rows = input.u32()?;
        let count = input.u32()? as usize;
        if count > MAX_VECTOR_COLUMNS {
            return Err(format!("{count} vector columns"));
        }
        let columns = usize::try_from(input.u64()?).map_err(|_| "the columns are too long")?;
        let columns = decode_columns(input.bytes(columns)?, rows)?;
        let mut vectors = Vec::with_capacity(count);
        for _ in 0..count {
            let dimension = input.u32()? as usize;
            if dimension > MAX_DIMENSION {
                return Err(format!("a dimension of {dimension}"));
            }
            let bytes = (rows as usize)
                .checked_mul(dimension)
                .and_then(|n| n.checked_mul(4))
                .ok_or("the vectors are too long")?;
            let (values, _) = input.bytes(bytes)?.as_chunks::<4>();
            vectors.push(values.iter().map(|v| f32::from_le_bytes(*v)).collect());
        }
        if !input.0.is_empty() {
            return Err(format!("{} bytes too many", input.0.len()));
        }
        Ok(Upsert {
            stamp,
            first_row,
            rows,
            columns,
            vectors,
        })
    }
}

fn decode_columns(bytes: &[u8], rows: u32) -> Result<Option<RecordBatch>, String> {
    if bytes.is_empty() {
        return Ok(None);
    }
    let batch = read_batch(bytes)?;
    if batch.num_rows() != rows as usize {
        return Err(format!(
            "{} rows of columns for {rows} rows",
            batch.num_rows()
        ));
    }
    Ok(Some(batch))
}

impl Delete {
    pub fn encode(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(Stamp::BYTES + self.rows.serialized_size());
        self.stamp.put(&mut out);
        out.extend_from_slice(&bitmap_bytes(&self.rows));
        out
    }

    pub fn decode(payload: &[u8], version: u32) -> Result<Delete, String> {
        let mut input = Input(payload);
        let stamp = Stamp::read(&mut input, version)?;
        let rows = read_bitmap(input.0)?;
        Ok(Delete { stamp, rows })
    }
}

fn put_note(out: &mut Vec<u8>, note: Option<&str>) {
    put_block(out, note.unwrap_or_default().as_bytes());
}

fn read_note(input: &mut Input<'_>) -> Result<Option<String>, String> {
    let bytes = input.block()?;
    if bytes.len() > MAX_NOTE_BYTES {
        return Err("the note is too long".to_owned());
    }
    let text = std::str::from_utf8(bytes).map_err(|_| "the note is no text")?;
    Ok((!text.is_empty()).then(|| text.to_owned()))
}

impl Edit {
    pub fn encode(&self) -> StoreResult<Vec<u8>> {
        let mut out = Vec::new();
        self.stamp.put(&mut out);
        put_note(&mut out, self.note.as_deref());
        out.extend_from_slice(&self.cells.encode()?);
        Ok(out)
    }

    pub fn decode(payload: &[u8]) -> Result<Edit, String> {
        let mut input = Input(payload);
        Ok(Edit {
            stamp: Stamp::read(&mut input, 2)?,
            note: read_note(&mut input)?,
            cells: Cells::decode(input.0)?,
        })
    }
}

impl Revert {
    pub fn encode(&self) -> StoreResult<Vec<u8>> {
        let mut out = Vec::new();
        self.stamp.put(&mut out);
        out.extend_from_slice(&self.target.to_le_bytes());
        out.extend_from_slice(&u32::from(self.step).to_le_bytes());
        put_note(&mut out, self.note.as_deref());
        put_block(&mut out, &bitmap_bytes(&self.died));
        put_block(&mut out, &bitmap_bytes(&self.revived));
        out.extend_from_slice(&layers_bytes(&self.cells)?);
        Ok(out)
    }

    pub fn decode(payload: &[u8]) -> Result<Revert, String> {
        let mut input = Input(payload);
        Ok(Revert {
            stamp: Stamp::read(&mut input, 2)?,
            target: input.u64()?,
            step: match input.u32()? {
                0 => false,
                1 => true,
                other => return Err(format!("a step of {other}")),
            },
            note: read_note(&mut input)?,
            died: read_bitmap(input.block()?)?,
            revived: read_bitmap(input.block()?)?,
            cells: read_layers(input.0)?,
        })
    }
}
