//! Reading small binary values from bytes that nobody vouches for, and writing the same.

use arrow_array::RecordBatch;
use arrow_buffer::Buffer;
use arrow_ipc::reader::StreamDecoder;
use arrow_ipc::writer::StreamWriter;
use arrow_schema::ArrowError;
use roaring::RoaringBitmap;

use crate::error::{Error, Result};
use crate::history::Cells;

/// What is left to read.
pub(crate) struct Input<'a>(pub &'a [u8]);

impl<'a> Input<'a> {
    pub fn bytes(&mut self, n: usize) -> Result<&'a [u8], String> {
        let (head, rest) = self.0.split_at_checked(n).ok_or("it ends too early")?;
        self.0 = rest;
        Ok(head)
    }

    pub fn u32(&mut self) -> Result<u32, String> {
        let (head, rest) = self.0.split_first_chunk().ok_or("it ends too early")?;
        self.0 = rest;
        Ok(u32::from_le_bytes(*head))
    }

    pub fn u64(&mut self) -> Result<u64, String> {
        let (head, rest) = self.0.split_first_chunk().ok_or("it ends too early")?;
        self.0 = rest;
        Ok(u64::from_le_bytes(*head))
    }

    /// A length u64 and that many bytes.
    pub fn block(&mut self) -> Result<&'a [u8], String> {
        let len = usize::try_from(self.u64()?).map_err(|_| "it is too long")?;
        self.bytes(len)
    }
}

/// Appends a length u64 and the bytes.
pub(crate) fn put_block(out: &mut Vec<u8>, bytes: &[u8]) {
    out.extend_from_slice(&(bytes.len() as u64).to_le_bytes());
    out.extend_from_slice(bytes);
}

pub(crate) fn bitmap_bytes(rows: &RoaringBitmap) -> Vec<u8> {
    let mut out = Vec::with_capacity(rows.serialized_size());
    rows.serialize_into(&mut out)
        .expect("writing into a vector does not fail");
    out
}

/// A bitmap that takes all of `bytes`.
pub(crate) fn read_bitmap(bytes: &[u8]) -> Result<RoaringBitmap, String> {
    let mut rest = bytes;
    let rows = RoaringBitmap::deserialize_from(&mut rest).map_err(|e| e.to_string())?;
    if rest.is_empty() {
        Ok(rows)
    } else {
        Err("bytes behind a bitmap".to_owned())
    }
}

/// A batch as an Arrow IPC stream.
pub(crate) fn batch_bytes(batch: &RecordBatch) -> Result<Vec<u8>, ArrowError> {
    let mut out = Vec::new();
    let mut writer = StreamWriter::try_new(&mut out, batch.schema_ref())?;
    writer.write(batch)?;
    writer.finish()?;
    drop(writer);
    Ok(out)
}

/// The one batch of an Arrow IPC stream.
pub(crate) fn read_batch(bytes: &[u8]) -> Result<RecordBatch, String> {
    crate::segment::guard(|| {
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
    })
}

impl Cells {
    /// A block with the rows (a roaring bitmap), then the columns as an Arrow IPC stream of one batch, to the end.
    pub fn encode(&self) -> Result<Vec<u8>> {
        let columns = batch_bytes(&self.columns)
            .map_err(|e| Error::internal(format!("cells cannot be written: {e}")))?;
        let mut out = Vec::new();
        put_block(&mut out, &bitmap_bytes(&self.rows));
        out.extend_from_slice(&columns);
        Ok(out)
    }

    /// Still nothing in it is believed: see [`Cells::fits`].
    pub fn decode(bytes: &[u8]) -> Result<Cells, String> {
        let mut input = Input(bytes);
        let rows = read_bitmap(input.block()?)?;
        let columns = read_batch(input.0)?;
        let cells = Cells { rows, columns };
        if cells.is_whole() {
            Ok(cells)
        } else {
            Err("its cells are not one for each row".to_owned())
        }
    }

    /// Whether there is one row of values for each row number, or one for all of them.
    pub fn is_whole(&self) -> bool {
        let values = self.columns.num_rows() as u64;
        values == self.rows.len() || values == 1 && !self.rows.is_empty()
    }
}

/// Several layers of cells: a block for each, to the end.
pub(crate) fn layers_bytes(layers: &[Cells]) -> Result<Vec<u8>> {
    let mut out = Vec::new();
    for cells in layers {
        put_block(&mut out, &cells.encode()?);
    }
    Ok(out)
}

/// What [`layers_bytes`] wrote.
pub(crate) fn read_layers(bytes: &[u8]) -> Result<Vec<Cells>, String> {
    let mut input = Input(bytes);
    let mut layers = Vec::new();
    while !input.0.is_empty() {
        layers.push(Cells::decode(input.block()?)?);
    }
    Ok(layers)
}
