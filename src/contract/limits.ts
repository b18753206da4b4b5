/** Every limit that more than one side must agree on. Units are in the names. */
export const LIMITS = {
  /** Largest `k` of a search, hits. */
  kMax: 1_000,
  /** Largest `ef` of an indexed search, partitions. */
  efMax: 10_000,
  /** Largest vector dimension. */
  dimensionMax: 65_536,
  /** Vector columns of a collection. */
  vectorsMax: 16,
  /** Rows of one table page. */
  pageRowsMax: 1_000,
  /** Characters of a filter expression. */
  filterCharsMax: 65_536,
  /** Characters of a name of a collection, a column or a map. */
  nameCharsMax: 128,
  /** Characters of a text id. */
  idCharsMax: 1_024 * 1_024,
  /** Columns of a collection. */
  columnsMax: 10_000,
  /** Rows that one add may hold. */
  addRowsMax: 1_000_000,
  /** Rows that one delete may name. */
  deleteRowsMax: 10_000_000,
  /** Rows that one measurement of precision may take as queries. */
  tuneQueriesMax: 1_000,
  /** Rows that one edit may name. */
  editRowsMax: 10_000_000,
  /** Columns that one edit may set. */
  editColumnsMax: 1_000,
  /** Characters of the note of an entry of the history. */
  noteCharsMax: 250,
  /** Entries that one look at the history may ask for. */
  historyMax: 100_000,
  /** Requests that one connection may have in flight. */
  inFlightMax: 256,
  /** Characters of all strings in one request, together. */
  requestCharsMax: 8 * 1_024 * 1_024,
  /** Rejected rows that an import report names one by one; the count is always whole. */
  rejectedListMax: 1_000,
  /** Numbers (rows times dimension) that `file.vectors` reads. */
  fileVectorsMax: 64 * 1_024 * 1_024,
} as const
