import type { Cell, Id, Metric, StoreInfo } from '../contract/index.ts'

/** A vector: numbers or a Float32Array of the collection's dimension. Values must be finite. */
export type Vector = Float32Array | readonly number[]

/** A row to add: a vector, an id of its own if wished, and any other fields. */
export interface Row {
  id?: Id
  vector: Vector
  [field: string]: unknown
}

export interface CollectionOptions {
  /** 1 to 65,536. */
  dimension: number
  /** How distances are measured; "cosine" unless said. */
  metric?: Metric
  /** What ids are. "auto": text or integer as in the first row, row numbers where it has none. */
  id?: 'text' | 'int' | 'none' | 'auto'
}

export interface SearchOptions {
  /** Neighbours wanted, 1 to 1,000; 10 unless said. */
  k?: number
  /** Partitions of the index to look at, at most; more is slower and finds more. A good number unless said. */
  ef?: number
  /** Compare with every row instead of the nearest partitions of the index. */
  exact?: boolean
  /** SQL `WHERE` expression over the columns. */
  filter?: string
}

export interface Hit {
  id: Id
  /** In the metric's own sense; smaller is closer. */
  distance: number
  /** Stable number of the row in its collection. */
  row: number
  /** The row's other columns. */
  fields: Record<string, Cell>
}

export type StoredRow = { id: Id; vector: Float32Array } & Record<string, Cell | Float32Array>

/** New values of columns; null empties the cell. A column that is not there yet is made, of the value's type. */
export type Changes = Record<string, string | number | boolean | null>

/** A collection as it was before an entry of the history. */
export interface PastInfo {
  name: string
  /** The entry before which it is meant. */
  before: number
  rows: number
  columns: string[]
}

export type DatabaseInfo = Pick<StoreInfo, 'path' | 'diskBytes' | 'writer' | 'history' | 'collections'> & {
  readOnly: boolean
}
