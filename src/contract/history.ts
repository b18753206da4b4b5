import * as v from 'valibot'

/** What is said of the history of a store, of its copies and of its repair. */

/** Number of an entry of the history, counted through the whole store and never used again. */
export const Seq = v.pipe(v.number(), v.integer(), v.minValue(0), v.maxValue(Number.MAX_SAFE_INTEGER))

/** How much of the history is kept: whatever goes beyond one of these is taken out, oldest first. */
export const HistoryRule = v.object({
  /** Days that an entry is kept. */
  maxAgeDays: v.pipe(v.number(), v.integer(), v.minValue(0), v.maxValue(36_500)),
  maxEntries: v.pipe(v.number(), v.integer(), v.minValue(0), v.maxValue(1_000_000)),
  /** Bytes that the files of the history may take. */
  maxBytes: v.pipe(v.number(), v.integer(), v.minValue(0), v.maxValue(Number.MAX_SAFE_INTEGER)),
})
export type HistoryRule = v.InferOutput<typeof HistoryRule>

export const HISTORY_KINDS = [
  'create',
  'drop',
  'import',
  'add',
  'edit',
  'delete',
  'revert',
  'columns',
] as const
export type HistoryKind = (typeof HISTORY_KINDS)[number]

/** One change of a collection: it can be looked at and gone back to. */
export interface HistoryEntry {
  seq: number
  /** When it began, milliseconds since 1970. */
  at: number
  /** When it ended; later than `at` for small writes that followed one another, which are one entry. */
  until: number
  kind: HistoryKind
  /** The collection's name at that time. */
  collection: string
  /** Rows that came. */
  added: number
  /** Rows that went: deleted, or replaced by one with the same id. */
  removed: number
  /** Rows that were deleted before and came back. */
  revived: number
  /** Rows of which cells got other values. */
  changed: number
  note: string | null
  /** For a revert: the entry before which it went back. */
  target: number | null
  /** For a revert: whether it was a step of undo or redo. Going back to some chosen state is a change like any other. */
  step: boolean
  /** A later revert took it back. */
  undone: boolean
}

export interface HistoryInfo {
  /** Entries that are kept. */
  entries: number
  /** Bytes of its files. */
  bytes: number
  /** What was taken out so far, and the time of the newest of it; null if nothing was. */
  pruned: { entries: number; until: number } | null
  rule: HistoryRule
}

export interface CompactResult {
  bytesBefore: number
  bytesAfter: number
  freed: number
  /** Deleted rows whose space was given back. */
  rowsDropped: number
  /** Segments that were written anew. */
  segments: number
  /** Bytes of deleted rows that only the history still needs. */
  heldByHistory: number
}

/** A snapshot of a store, or a store restored from one: every file was compared with its checksum. */
export interface CopyResult {
  files: number
  bytes: number
  generation: number
  /** Damaged indexes that were left out: the copy builds them anew. */
  leftOut: string[]
}

export interface RepairReport {
  /** The generation that was saved; null if no manifest could be read. */
  generation: number | null
  collections: {
    name: string
    rowsKept: number
    rowsLost: number
    /** Runs of lost rows: where they were, the first row number, how many, and up to 100 ids that can still be read. */
    lost: { segment: string; first: number; rows: number; ids: (string | number)[]; reason: string }[]
  }[]
  /** What else was found, and what it may mean. */
  notes: string[]
}
