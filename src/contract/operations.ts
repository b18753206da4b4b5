import * as v from 'valibot'
import { LIMITS } from './limits.ts'
import {
  type Cell,
  ColumnType,
  Count,
  FilterText,
  Grant,
  Id,
  JobId,
  type MapInfo,
  Metric,
  Name,
  RowNumber,
  StoreId,
  type StoreInfo,
  Target,
} from './values.ts'

/**
 * Every operation of the engine: parameters as a schema, result as a type. The router refuses what does
 * not pass; clients are typed from this table. Results may hold typed arrays (structured clone).
 */

export const MapParamsSchema = v.object({
  /** n_neighbors of UMAP, 2 to 200. */
  neighbours: v.pipe(v.number(), v.integer(), v.minValue(2), v.maxValue(200)),
  /** min_dist of UMAP, 0 to 1. */
  minDist: v.pipe(v.number(), v.minValue(0), v.maxValue(1)),
  /** spread of UMAP, above 0, at most 10. */
  spread: v.pipe(v.number(), v.gtValue(0), v.maxValue(10)),
  /** Epochs of the layout; 0 lets the number of rows decide. */
  epochs: v.pipe(v.number(), v.integer(), v.minValue(0), v.maxValue(5_000)),
})

export const ImportPlan = v.object({
  /** Column that holds the vector, as named in the preview. */
  vector: v.string(),
  /** Column that holds the id; null numbers the rows. */
  id: v.nullable(v.string()),
  metric: Metric,
  columns: v.pipe(
    v.array(v.object({ source: v.string(), name: Name, type: ColumnType })),
    v.maxLength(LIMITS.columnsMax),
  ),
  /** What a bad row does: stop the import, which then leaves nothing, or be counted and left out. */
  onError: v.picklist(['stop', 'skip']),
})

export const SortKey = v.object({ column: Name, descending: v.boolean() })

/** What to be near to. A row that is asked for, by number or by id, itself is no hit. */
export const SearchQuery = v.variant('by', [
  v.object({ by: v.literal('row'), row: RowNumber }),
  v.object({ by: v.literal('id'), id: Id }),
  v.object({
    by: v.literal('vector'),
    vector: v.union([
      v.pipe(v.array(v.number()), v.minLength(1), v.maxLength(LIMITS.dimensionMax)),
      v.instance(Float32Array),
    ]),
  }),
])

const k = v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(LIMITS.kMax))
const ef = v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(LIMITS.efMax))
const rowList = v.union([v.instance(Uint32Array), v.array(RowNumber)])

export const operations = {
  'engine.hello': v.object({}),

  /** Opens a granted store folder, or makes one. Opening it again gives the same handle. */
  'store.open': v.object({ grant: Grant, create: v.optional(v.boolean(), false) }),
  'store.info': v.object({ store: StoreId }),
  /** `discardEmpty`: if this session made the store and it holds no collection, nothing of it stays on the disk. */
  'store.close': v.object({ store: StoreId, discardEmpty: v.optional(v.boolean(), false) }),
  'store.verify': v.object({ store: StoreId }),

  /** A new, empty collection with one vector column named "vector". */
  'collection.create': v.object({
    ...Target,
    dimension: v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(LIMITS.dimensionMax)),
    metric: Metric,
    /** Where ids come from: a column, or the row number. */
    id: v.optional(v.picklist(['int', 'text', 'rownumber']), 'text'),
    idColumn: v.optional(Name, 'id'),
    columns: v.optional(
      v.pipe(v.array(v.object({ name: Name, type: ColumnType })), v.maxLength(LIMITS.columnsMax)),
      [],
    ),
  }),
  'collection.drop': v.object(Target),

  /**
   * Adds rows, or replaces those with the same id; on return they are synced to disk. Each is an object with
   * its vector under the vector column's name, its id under the id column's name and any other fields; fields
   * that the collection does not know yet become columns.
   */
  'rows.add': v.object({
    ...Target,
    rows: v.pipe(v.array(v.record(v.string(), v.unknown())), v.maxLength(LIMITS.addRowsMax)),
  }),
  /** The same for vectors without fields: row-major, n times the dimension; `ids` where the collection has ids. */
  'rows.addVectors': v.object({
    ...Target,
    vectors: v.instance(Float32Array),
    ids: v.optional(v.pipe(v.array(Id), v.maxLength(LIMITS.addRowsMax))),
  }),
  /** Deletes the rows with these ids; ids that are not there are not an error. */
  'rows.deleteIds': v.object({
    ...Target,
    ids: v.pipe(v.array(Id), v.maxLength(LIMITS.deleteRowsMax)),
  }),

  'import.preview': v.object({ grant: Grant }),
  /** The vectors of a .npy or .fvecs file (or any other that import reads), at most LIMITS.fileVectorsMax numbers. */
  'file.vectors': v.object({ grant: Grant }),
  /** Starts a job; its end carries an {@link ImportResult}. */
  'import.start': v.object({ store: StoreId, grant: Grant, collection: Name, plan: ImportPlan }),

  'table.page': v.object({
    ...Target,
    filter: v.optional(FilterText, ''),
    sort: v.optional(v.pipe(v.array(SortKey), v.maxLength(8)), []),
    offset: Count,
    limit: v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(LIMITS.pageRowsMax)),
  }),
  /** Where a row stands in a view; null if the filter leaves it out. */
  'table.position': v.object({
    ...Target,
    filter: v.optional(FilterText, ''),
    sort: v.optional(v.pipe(v.array(SortKey), v.maxLength(8)), []),
    row: RowNumber,
  }),
  /** Row numbers that match a filter, ascending. */
  'filter.rows': v.object({ ...Target, filter: FilterText }),
  /** Parses a filter without running it. */
  'filter.check': v.object({ ...Target, filter: FilterText }),

  'row.get': v.object({ ...Target, row: RowNumber }),
  /** The row number of an id; null if there is no such row. */
  'row.find': v.object({ ...Target, id: Id }),
  'row.delete': v.object({ ...Target, rows: v.pipe(rowList, v.maxLength(LIMITS.deleteRowsMax)) }),
  /** Text of one column for many rows: hover cards and labels. */
  'row.labels': v.object({
    ...Target,
    column: Name,
    rows: v.pipe(rowList, v.maxLength(LIMITS.pageRowsMax)),
  }),

  'search.run': v.object({
    ...Target,
    query: SearchQuery,
    k: v.optional(k, 10),
    /** Absent: the engine's default for this k. */
    ef: v.optional(ef),
    exact: v.optional(v.boolean(), false),
    filter: v.optional(FilterText, ''),
  }),

  /** Values of a column for colouring, in the order of `rows`. */
  'column.values': v.object({ ...Target, column: Name, rows: v.instance(Uint32Array) }),

  /** Starts a job that sends `map.frame` events and saves the finished map. */
  'map.start': v.object({
    ...Target,
    name: v.optional(Name, 'map'),
    params: MapParamsSchema,
    seed: v.optional(v.pipe(v.number(), v.integer(), v.minValue(0), v.maxValue(0xffff_ffff)), 42),
  }),
  'map.get': v.object({ ...Target, name: v.optional(Name, 'map') }),
  'map.delete': v.object({ ...Target, name: v.optional(Name, 'map') }),

  /** Writes a saved map with the collection's columns to a granted file: `.csv` or `.parquet` by its name. */
  'map.export': v.object({ ...Target, name: v.optional(Name, 'map'), grant: Grant }),

  'job.list': v.object({}),
  'job.cancel': v.object({ job: JobId }),
} as const

export type Operation = keyof typeof operations
/** Parameters as a caller writes them (defaults may be left out). */
export type Params<O extends Operation> = v.InferInput<(typeof operations)[O]>
/** Parameters after validation, defaults filled in. */
export type ParsedParams<O extends Operation> = v.InferOutput<(typeof operations)[O]>
export type ImportPlan = v.InferOutput<typeof ImportPlan>
export type SortKey = v.InferOutput<typeof SortKey>
export type SearchQuery = v.InferOutput<typeof SearchQuery>

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
  vectorCandidates: { column: string; dimension: number; reason: string }[]
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
  ef: number
  /** Distances that were computed. */
  distances: number
}

export interface RowDetail {
  row: number
  id: Id
  fields: Record<string, Cell>
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

export interface MapData {
  info: MapInfo
  rows: Uint32Array
  /** x0, y0, x1, y1, … in the order of `rows`. */
  xy: Float32Array
}

export interface VerifyReport {
  files: number
  bytes: number
  problems: { file: string; what: string }[]
}

export interface JobInfo {
  job: string
  kind: 'import' | 'map'
  store: string
  collection: string
  /** What it does at the moment, as a phrase: "reading", "neighbour graph", "layout". */
  phase: string
  done: number
  /** 0 where unknown. */
  total: number
  unit: 'rows' | 'bytes' | 'epochs'
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
  'collection.create': StoreInfo
  'collection.drop': StoreInfo
  /** Row numbers `first` to `first + count - 1`. */
  'rows.add': { first: number; count: number }
  'rows.addVectors': { first: number; count: number }
  'rows.deleteIds': { deleted: number }
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
  'map.get': MapData
  'map.delete': null
  'map.export': { rows: number; bytes: number }
  'job.list': JobInfo[]
  'job.cancel': null
}

/** What the engine sends unasked. */
export interface Events {
  /** A store changed: rows, index progress, WAL, maps. */
  'store.changed': StoreInfo
  'job.progress': JobInfo
  'job.end': {
    job: string
    kind: JobInfo['kind']
    store: string
    collection: string
    state: 'done' | 'failed' | 'cancelled'
    result?: ImportResult | MapInfo
    error?: import('./errors.ts').AppErrorData
  }
  /** One picture of a map on its way. `rows` comes with the first frame of a job only. */
  'map.frame': {
    job: string
    store: string
    collection: string
    stage: 'pca' | 'umap'
    epoch: number
    epochs: number
    rows?: Uint32Array
    xy: Float32Array
  }
}
export type EventName = keyof Events
