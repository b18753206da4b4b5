//! Every limit of this crate, in one place.

/// Longest line of a text file (one CSV record may span several lines and counts as one): 16 MiB.
pub const MAX_LINE_BYTES: usize = 16 << 20;
/// Most columns of a file.
pub const MAX_COLUMNS: usize = 10_000;
/// Most vector columns of a plan.
pub const MAX_VECTORS: usize = 16;
/// Most values of one vector.
pub const MAX_DIMENSION: usize = 65_536;
/// Deepest nesting of a JSON value (serde_json's own limit).
pub const MAX_JSON_DEPTH: usize = 127;
/// Longest header of an npy file.
pub const MAX_NPY_HEADER_BYTES: usize = 64 << 10;
/// Most rows of a [`Batch`](crate::Batch).
pub const MAX_BATCH_ROWS: usize = 8_192;
/// Most bytes of vectors of a [`Batch`](crate::Batch), all its vector columns together (one row may be larger than this only if the dimensions are).
pub const MAX_BATCH_VECTOR_BYTES: usize = 16 << 20;
/// A batch ends early when its other cells have grown past this.
pub const MAX_BATCH_CELL_BYTES: usize = 32 << 20;
/// Rejected rows that are kept with their reason; more are only counted.
pub const MAX_KEPT_REJECTIONS: usize = 1_000;
/// Rows a preview shows.
pub const PREVIEW_ROWS: usize = 50;
/// Values of a vector that a preview shows.
pub const PREVIEW_VECTOR_VALUES: usize = 16;
/// Rows that a preview looks at to infer types, the vector, the id and the metric.
pub const SAMPLE_ROWS: usize = 1_000;
/// Bytes of a text file that a preview looks at (at least one row, whatever its length).
pub const SAMPLE_BYTES: usize = 4 << 20;
/// Fewest numbered numeric columns that count as one vector.
pub const MIN_GROUP_COLUMNS: usize = 8;

/// Rows of a batch for rows of `dimension` values in all their vectors: at least 1.
pub(crate) fn batch_rows(dimension: usize) -> usize {
    (MAX_BATCH_VECTOR_BYTES / 4 / dimension.max(1)).clamp(1, MAX_BATCH_ROWS)
}
