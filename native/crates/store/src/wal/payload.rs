//! What the records say: rows written, rows deleted.
//!
//! Upsert: `collection u32 | first row u32 | rows u32 | vector columns u32 | bytes of the columns u64 | columns as an
//! Arrow IPC stream of one batch | for each vector column: dimension u32 and rows x dimension f32`.
//! Delete: `collection u32 | roaring bitmap of row numbers`.

use arrow_array::RecordBatch;
use arrow_buffer::Buffer;
use arrow_ipc::reader::StreamDecoder;
use arrow_ipc::writer::StreamWriter;
use arrow_schema::ArrowError;
use roaring::RoaringBitmap;

use crate::meta::{MAX_DIMENSION, MAX_VECTOR_COLUMNS};

/// Rows written.
#[derive(Debug, Clone)]
pub(crate) struct Upsert {
    pub collection: u32,
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
    pub collection: u32,
    pub rows: RoaringBitmap,
}

impl Upsert {
    pub fn encode(&self) -> Result<Vec<u8>, ArrowError> {
        let mut columns = Vec::new();
        if let Some(batch) = &self.columns {
            let mut writer = StreamWriter::try_new(&mut columns, batch.schema_ref())?;
            writer.write(batch)?;
            writer.finish()?;
        }
        let floats: usize = self.vectors.iter().map(Vec::len).sum();
        let mut out = Vec::with_capacity(24 + columns.len() + 4 * (self.vectors.len() + floats));
        out.extend_from_slice(&self.collection.to_le_bytes());
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

    /// Sets the first row number of an encoded record: it is known later than the rest.
    pub fn set_first_row(payload: &mut [u8], first_row: u32) {
        payload[4..8].copy_from_slice(&first_row.to_le_bytes());
    }

    /// The rows of a payload whose checksum held; still nothing in it is believed.
    pub fn decode(payload: &[u8]) -> Result<Upsert, String> {
        let mut input = Input(payload);
        let collection = input.u32()?;
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
            collection,
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
    let batch = crate::segment::guard(|| {
        // This decoder takes slices of what is there; a reader would first allocate whatever a length in it says.
        let mut input = Buffer::from_slice_ref(bytes);
        let mut decoder = StreamDecoder::new();
        let batch = decoder
            .decode(&mut input)?
            .ok_or_else(|| ArrowError::IpcError("no batch".into()))?;
        if decoder.decode(&mut input)?.is_some() {
            return Err(ArrowError::IpcError("more than one batch".into()));
        }
        decoder.finish()?;
        Ok(batch)
    })?;
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
        let mut out = Vec::with_capacity(4 + self.rows.serialized_size());
        out.extend_from_slice(&self.collection.to_le_bytes());
        self.rows
            .serialize_into(&mut out)
            .expect("writing into a vector does not fail");
        out
    }

    pub fn decode(payload: &[u8]) -> Result<Delete, String> {
        let mut input = Input(payload);
        let collection = input.u32()?;
        let rows = RoaringBitmap::deserialize_from(&mut input.0).map_err(|e| e.to_string())?;
        if !input.0.is_empty() {
            return Err(format!("{} bytes too many", input.0.len()));
        }
        Ok(Delete { collection, rows })
    }
}

struct Input<'a>(&'a [u8]);

impl<'a> Input<'a> {
    fn bytes(&mut self, n: usize) -> Result<&'a [u8], String> {
        let (head, rest) = self.0.split_at_checked(n).ok_or("it ends too early")?;
        self.0 = rest;
        Ok(head)
    }

    fn u32(&mut self) -> Result<u32, String> {
        let (head, rest) = self.0.split_first_chunk().ok_or("it ends too early")?;
        self.0 = rest;
        Ok(u32::from_le_bytes(*head))
    }

    fn u64(&mut self) -> Result<u64, String> {
        let (head, rest) = self.0.split_first_chunk().ok_or("it ends too early")?;
        self.0 = rest;
        Ok(u64::from_le_bytes(*head))
    }
}
