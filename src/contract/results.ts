import type { ClusterResult, Region } from './clusters.ts'
import type { CompactResult, CopyResult, HistoryEntry, RepairReport } from './history.ts'
import type { MapData, MapInfo, MapMoves, MapState } from './maps.ts'
import type { Cell, ColumnType, Id, Metric, StoreInfo } from './values.ts'

/** What the operations answer. */

export interface PreviewColumn {
  name: string
  type: ColumnType
  /** The file's own type name, e.g. "list<float32>". */
  sourceType: string
  role: 'vector' | 'id' | 'field'
  dimension?: number
  sampleNulls: number
}

/** A vector cell of a preview: its first values, its length and its norm. */
export interface VectorCell {
  vector: number[]
  dimension: number
  norm: number
}

export interface ImportPreview {
  file: string
  bytes: number
  format: 'parquet' | 'csv' | 'jsonl' | 'npy' | 'fvecs'
  /** Rows, where the file says so cheaply. */
  rows: number | null
  /** Otherwise a guess from the first part of the file. */
  rowsEstimate: number | null
  columns: PreviewColumn[]
  vector: { column: string; dimension: number; reason: string } | null
  /**
   * All columns that could be vectors, the chosen one first. `planned`: it is better taken as a vector column than
   * left out: the chosen one, and each further one that no sampled row lacks and that is long or named like vectors.
   */
  vectorCandidates: {
    column: string
    dimension: number
    reason: string
    metric: { metric: Metric; reason: string }
    planned: boolean
  }[]
  id: { column: string; reason: string } | null
  metric: { metric: Metric; reason: string }
  /** Up to 50 rows, cells in the order of `columns`. */
  sample: (Cell | VectorCell)[][]
  csv: { delimiter: string; header: boolean } | null
}

export interface RejectedRow {
  /** 1-based. */
  row: number
  line: number | null
  column: string | null
  reason: string
}

export interface ImportResult {
  collection: string
  rows: number
  /** Rows that took the place of one with the same id. */
  replaced: number
  rejected: number
  /** The first of them, at most LIMITS.rejectedListMax. */
  rejectedRows: RejectedRow[]
  seconds: number
}

export interface TablePage {
  /** Rows of the whole view. */
  total: number
  offset: number
  rows: Uint32Array
  columns: string[]
  /** cells[i][j]: row i, column j. */
  cells: Cell[][]
}

export interface Hit {
  row: number
  id: Id
  /** In the metric's own sense; smaller is closer. */
  distance: number
  fields: Record<string, Cell>
}

export interface SearchResult {
  hits: Hit[]
  /** Time in the engine, milliseconds. */
  tookMs: number
  plan: 'exact' | 'indexed' | 'mixed'
  /** Partitions of indexes that were asked for, or looked at when it was not said how many; 0 without an index. */
  ef: number
  /** Distances that were computed. */
  distances: number
}

export interface RowDetail {
  row: number
  id: Id
  fields: Record<string, Cell>
  /** One for each vector column, in the collection's order; at least one. */
  vectors: RowVector[]
}

export interface RowVector {
  /** Of the vector column. */
  name: string
  vector: Float32Array
  norm: number
}

export type ColumnValues =
  | {
      kind: 'category'
      /** 0 to 9: `labels[code]`, by falling count; 10: other; 11: null. */
      codes: Uint8Array
      labels: { label: string; count: number }[]
      others: number
      nulls: number
    }
  | {
      kind: 'number'
      /** NaN where null. */
      values: Float32Array
      min: number
      max: number
      /**
       * What to add to `values`, `min` and `max` for the true numbers: not 0 only where 32-bit floats could not
       * tell them apart (large integers; timestamps, in microseconds since 1970).
       */
      offset: number
      nulls: number
    }

/** What each choice of precision and metric gives, measured on a sample of a collection's own rows. */
export interface TuneReport {
  rows: number
  dimension: number
  metric: Metric
  /** Rows of the sample: each was a query, and itself no hit. */
  queries: number
  /** Neighbours that were looked for. */
  k: number
  /** Rows that are in an index; the others are compared one by one. */
  indexedRows: number
  vectorBytes: number
  indexBytes: number
  /** The default first, then more and more partitions, and every row last; only that without an index. */
  choices: TuneChoice[]
  /** The share of the neighbours that are the same under each metric as under the collection's own, 0 to 1. */
  metrics: { metric: Metric; shared: number }[]
  /** The least and the greatest length of the sample's vectors. */
  norms: [number, number]
}

export interface TuneChoice {
  /** Partitions of the index, at most; null for the default, and for comparing with every row. */
  ef: number | null
  exact: boolean
  /** The share of the true neighbours that was found, 0 to 1. */
  recall: number
  /** Microseconds that half of the queries, and 99 of 100, took at most, on one thread. */
  p50Us: number
  p99Us: number
  /** Distances that a query computed, by small codes or exactly, on average. */
  distances: number
}

export interface VerifyReport {
  files: number
  bytes: number
  /** `derived`: an index or such; it can be built again, and no row is lost. */
  problems: { file: string; what: string; derived: boolean }[]
  /** What else is there and does no harm: leftovers of a crash, files that are not the store's. */
  notes: string[]
}

/** What the end of each kind of job carries. */
export interface JobResults {
  import: ImportResult
  map: MapInfo
  judge: MapInfo
  compact: CompactResult
  snapshot: CopyResult
  restore: CopyResult
  repair: RepairReport
  tune: TuneReport
  cluster: ClusterResult
}
export type JobKind = keyof JobResults
export type JobResult = JobResults[JobKind]

export interface JobInfo {
  job: string
  kind: JobKind
  /** Empty for jobs that belong to no open store: restore and repair. */
  store: string
  /** Empty for jobs of a whole store. */
  collection: string
  /** The map's name, for jobs of one. */
  map?: string
  /** What it does at the moment, as a phrase: "reading", "neighbour graph", "layout". */
  phase: string
  done: number
  /** 0 where unknown. */
  total: number
  unit: 'rows' | 'bytes' | 'epochs' | 'files' | 'queries'
  /** Units a second. */
  rate: number
  startedMs: number
}

export interface Results {
  'engine.hello': { version: string; isa: string; pid: number }
  'store.open': StoreInfo
  'store.info': StoreInfo
  'store.close': null
  'store.verify': VerifyReport
  'store.refresh': { changed: boolean; info: StoreInfo }
  'store.compact': { job: string }
  'store.snapshot': { job: string }
  'store.restore': { job: string }
  'store.repair': { job: string }
  'store.history': HistoryEntry[]
  /** The new entry. */
  'history.revert': HistoryEntry
  'history.undo': HistoryEntry
  'history.redo': HistoryEntry
  'history.rule': StoreInfo
  /** How many entries were given up. */
  'history.forget': { entries: number }
  'collection.create': StoreInfo
  'collection.drop': StoreInfo
  'collection.tune': { job: string }
  'collection.cluster': { job: string }
  /** Row numbers `first` to `first + count - 1`. */
  'rows.add': { first: number; count: number }
  'rows.addVectors': { first: number; count: number }
  'rows.deleteIds': { deleted: number }
  /** `entry` is null where no row was there to change. */
  'rows.edit': { changed: number; entry: HistoryEntry | null }
  'rows.find': { rows: Uint32Array<ArrayBuffer> }
  'import.preview': ImportPreview
  /** Row-major. */
  'file.vectors': { dimension: number; vectors: Float32Array }
  'import.start': { job: string }
  'table.page': TablePage
  'table.position': number | null
  'filter.rows': Uint32Array
  'filter.check': null
  'row.get': RowDetail
  'row.find': number | null
  'row.delete': { deleted: number }
  'row.labels': string[]
  'search.run': SearchResult
  'column.values': ColumnValues
  'map.start': { job: string }
  'map.stop': null
  'map.goOn': { job: string }
  'map.place': { job: string }
  'map.state': MapState
  'map.moves': MapMoves
  'map.judge': { job: string }
  /** `lost`: not among the k nearest on the map. */
  'map.neighbours': { row: number; lost: boolean }[]
  'map.regions': Region[]
  'map.get': MapData
  'map.delete': null
  'map.export': { rows: number; bytes: number }
  'job.list': JobInfo[]
  'job.cancel': null
}
