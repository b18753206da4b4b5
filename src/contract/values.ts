import * as v from 'valibot'
import { type HistoryEntry, type HistoryInfo, Seq } from './history.ts'
import { LIMITS } from './limits.ts'
import type { MapInfo } from './maps.ts'

/** Shared building blocks of the operations' schemas. */

export const Name = v.pipe(v.string(), v.minLength(1), v.maxLength(LIMITS.nameCharsMax))
/** Stable number of a row in its collection: an unsigned 32-bit integer, never reused. */
export const RowNumber = v.pipe(v.number(), v.integer(), v.minValue(0), v.maxValue(0xffff_ffff))
export const Count = v.pipe(v.number(), v.integer(), v.minValue(0), v.maxValue(Number.MAX_SAFE_INTEGER))
/** A row's id: text, or an integer (a decimal string outside the safe range). */
export const Id = v.union([
  v.pipe(v.string(), v.maxLength(LIMITS.idCharsMax)),
  v.pipe(v.number(), v.safeInteger()),
])
/** Opaque token for one path that the person dropped, picked or opened. */
export const Grant = v.pipe(v.string(), v.minLength(1), v.maxLength(64))
/** Handle of an open store, given by `store.open`. */
export const StoreId = v.pipe(v.string(), v.minLength(1), v.maxLength(64))
export const JobId = v.pipe(v.string(), v.minLength(1), v.maxLength(64))
export const Metric = v.picklist(['l2', 'cosine', 'dot'])
/** What an open store keeps in memory: all that searches come across, or the indexes alone. */
export const Memory = v.picklist(['full', 'compact'])
export const ColumnType = v.picklist(['bool', 'int', 'float', 'text', 'timestamp', 'json', 'vector'])
/** SQL `WHERE` expression; empty means every row. */
export const FilterText = v.pipe(v.string(), v.maxLength(LIMITS.filterCharsMax))
/** Unit separator: the native side takes it as the border between a name and a moment of the past. */
export const NAME_BORDER = '\u001f'
export const CollectionName = v.pipe(Name, v.excludes(NAME_BORDER, 'a name without control characters'))
/** A collection as it is. */
export const Place = { store: StoreId, collection: CollectionName }
/** The same, or as it was before an entry of the history: such a one can be read; writing to it fails with READ_ONLY. */
export const Target = { ...Place, before: v.optional(Seq) }

export type Id = v.InferOutput<typeof Id>
export type Memory = v.InferOutput<typeof Memory>
export type Metric = v.InferOutput<typeof Metric>
export type ColumnType = v.InferOutput<typeof ColumnType>

/** One cell of a table: JSON; timestamps are ISO 8601 text, json columns are parsed. */
export type Cell = string | number | boolean | null | Cell[] | { [key: string]: Cell }

export interface ColumnInfo {
  name: string
  type: ColumnType
}

export interface IndexInfo {
  state: 'none' | 'building' | 'ready'
  /** Rows that the index covers; the others are scanned. */
  indexedRows: number
  /** 0 to 1 while building. */
  progress: number
}

export interface VectorInfo {
  name: string
  dimension: number
  metric: Metric
  index: IndexInfo
}

export interface CollectionInfo {
  name: string
  /** Live rows. */
  rows: number
  /** Deleted rows whose space is not yet given back. */
  deleted: number
  /** `rownumber`: rows have no id of their own. */
  id: { column: string; type: 'int' | 'text' | 'rownumber' }
  columns: ColumnInfo[]
  vectors: VectorInfo[]
  maps: MapInfo[]
  /** What undo would take back; null if there is nothing. */
  undo: HistoryEntry | null
  /** The revert that redo would take back. */
  redo: HistoryEntry | null
}

export interface StoreInfo {
  store: string
  /** Base name, for titles. */
  name: string
  /** For display only: paths are never taken from the page. */
  path: string
  generation: number
  /** Bumps at every change that a reader can see. */
  revision: number
  walBytes: number
  diskBytes: number
  freeBytes: number
  /** Opened for reading only: it follows what the writer does, about once a second. */
  readOnly: boolean
  /** For a reader: the program that writes the store, as far as it is known; null if none does. */
  writer: string | null
  history: HistoryInfo
  collections: CollectionInfo[]
}
