//! Coded rows in memory.

use omendb_distance::{Metric, VectorsRef};

use crate::{Codec, Codes};

/// The codes of all rows of a matrix, and how they were made.
#[derive(Clone, Debug)]
pub struct CodeTable {
    codec: Codec,
    bytes: Vec<u8>,
    errors: Vec<f32>,
    terms: Vec<f32>,
}

impl CodeTable {
    /// Codes all rows, on `threads` threads. Panics when the codec is one of other vectors.
    pub fn new(vectors: VectorsRef<'_>, codec: Codec, threads: usize) -> CodeTable {
        let (n, row_bytes) = (vectors.len(), codec.row_bytes());
        let mut bytes = vec![0u8; n * row_bytes];
        let mut errors = vec![0f32; n];
        let mut terms = vec![0f32; if vectors.metric == Metric::L2 { n } else { 0 }];
        let rows = n.div_ceil(threads.max(1)).max(1);
        std::thread::scope(|scope| {
            let mut terms = terms.chunks_mut(rows);
            let parts = bytes
                .chunks_mut(rows * row_bytes)
                .zip(errors.chunks_mut(rows));
            for (i, (bytes, errors)) in parts.enumerate() {
                let start = i * rows;
                let part = vectors.slice(start..(start + rows).min(n));
                let terms = terms.next().unwrap_or_default();
                let codec = &codec;
                let mut work = move || codec.encode(part, bytes, errors, terms);
                // The last part is this thread's.
                if start + rows >= n {
                    work();
                } else {
                    scope.spawn(work);
                }
            }
        });
        CodeTable {
            codec,
            bytes,
            errors,
            terms,
        }
    }

    /// The codes, to be scored.
    pub fn view(&self) -> Codes<'_> {
        Codes::new(&self.codec, &self.bytes, &self.errors, &self.terms).expect("made by this codec")
    }
}
