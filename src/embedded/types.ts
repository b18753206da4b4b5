import type { Cell, Id, Metric, StoreInfo } from '../contract/index.ts'

/** A vector: numbers or a Float32Array of the collection's dimension. Values must be finite. */
export type Vector = Float32Array | readonly number[]

/**
 * A row to add: a vector, an id of its own if wished, and any other fields. In a collection with several vector columns
 * there is a vector under the name of each instead of `vector`.
 */
export interface Row {
  id?: Id
  vector?: Vector
  [field: string]: unknown
}

/** A vector column. */
export interface VectorOptions {
  /** 1 to 65,536. */
  dimension: number
  /** How distances are measured; "cosine" unless said. */
  metric?: Metric
}

/** One vector column, or several by their names (up to 16). */
export type CollectionOptions = (VectorOptions | { vectors: Record<string, VectorOptions> }) & {
  /** What ids are. "auto": text or integer as in the first row, row numbers where it has none. */
  id?: 'text' | 'int' | 'none' | 'auto'
}

export interface SearchOptions {
  /** Name of the vector column to search in; the first unless said. */
  vector?: string
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

/** `vector` is that of the first vector column; where there are several, each stands under its column's name as well. */
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
