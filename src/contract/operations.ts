import * as v from 'valibot'
import { ClusterOrder } from './clusters.ts'
import { HistoryRule, Seq } from './history.ts'
import { LIMITS } from './limits.ts'
import { MapChange, MapName, MapParamsSchema, MapRows, OnMap } from './maps.ts'
import {
  CollectionName,
  ColumnType,
  Count,
  FilterText,
  Grant,
  Id,
  JobId,
  Memory,
  Metric,
  Name,
  Place,
  RowNumber,
  StoreId,
  Target,
} from './values.ts'

const Dimension = v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(LIMITS.dimensionMax))

export const ImportPlan = v.object({
  /** Column that holds the first vector, as named in the preview. */
  vector: v.string(),
  /** Column that holds the id; null numbers the rows. */
  id: v.nullable(v.string()),
  /** Of the first vector. */
  metric: Metric,
  /** Those of type 'vector' become further vector columns, up to LIMITS.vectorsMax with the first. */
  columns: v.pipe(
    v.array(
      v.object({
        source: v.string(),
        name: Name,
        type: ColumnType,
        /** Of a vector column; absent: the first good row tells it. */
        dimension: v.optional(Dimension),
        /** Of a vector column; absent: the one that fits its first rows, or that the collection has. */
        metric: v.optional(Metric),
      }),
    ),
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
/** Name of the vector column that is meant; absent: the first. */
const VectorName = v.optional(Name)
const rowList = v.union([v.instance(Uint32Array), v.array(RowNumber)])
const Note = v.pipe(v.string(), v.maxLength(LIMITS.noteCharsMax))
const idList = v.pipe(v.array(Id), v.maxLength(LIMITS.deleteRowsMax))
/** Column to its new value; null empties the cell. A column that is not there is made, of the value's type. */
const changes = v.pipe(
  v.record(Name, v.union([v.string(), v.pipe(v.number(), v.finite()), v.boolean(), v.null()])),
  v.minEntries(1),
  v.maxEntries(LIMITS.editColumnsMax),
)

/**
 * Every operation of the engine: parameters as a schema, result as a type. The router refuses what does
 * not pass; clients are typed from this table. Results may hold typed arrays (structured clone).
 */
export const operations = {
  'engine.hello': v.object({}),

  /**
   * Opens a granted store folder, or makes one. Opening it again gives the same handle. STORE_LOCKED if another process
   * writes it: then `readOnly` still opens it. `readOnly` gives the writing handle where this engine has one already;
   * without it a reading handle becomes, under the same name, a writing one as soon as nobody else writes. `memory` counts for
   * the first opening.
   */
  'store.open': v.object({
    grant: Grant,
    create: v.optional(v.boolean(), false),
    readOnly: v.optional(v.boolean(), false),
    memory: v.optional(Memory, 'full'),
  }),
  'store.info': v.object({ store: StoreId }),
  /** `discardEmpty`: if this session made the store and it holds no collection and no history, nothing of it stays. */
  'store.close': v.object({ store: StoreId, discardEmpty: v.optional(v.boolean(), false) }),
  /** Compares every byte with its checksum. Works on readers too. */
  'store.verify': v.object({ store: StoreId }),
  /** A reader looks for newer data at once; the engine itself looks about once a second. */
  'store.refresh': v.object({ store: StoreId }),
  /**
   * Starts a job that writes segments anew without the rows that neither the present nor the history needs; its end
   * carries a {@link CompactResult}. `forgetHistory` gives up the history first.
   */
  'store.compact': v.object({ store: StoreId, forgetHistory: v.optional(v.boolean(), false) }),
  /** Starts a job that copies the store to a granted new folder while it is in use; its end carries a {@link CopyResult}. */
  'store.snapshot': v.object({ store: StoreId, grant: Grant }),
  /** Starts a job that makes a store in a new folder of a snapshot, or of any closed store: a {@link CopyResult}. */
  'store.restore': v.object({ from: Grant, to: Grant }),
  /** Starts a job that saves what is sound of a damaged store into a new folder: a {@link RepairReport}. */
  'store.repair': v.object({ from: Grant, to: Grant }),

  /** The newest entries, newest first. */
  'store.history': v.object({
    store: StoreId,
    limit: v.optional(v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(LIMITS.historyMax)), 1_000),
  }),
  /** The entry's collection goes back to its state before the entry. That is an entry itself; redo takes it back. */
  'history.revert': v.object({ store: StoreId, seq: Seq, note: v.optional(Note) }),
  /**
   * Goes back before the collection's last change that is in force: after a revert, that is the one before the entry
   * that was gone back to. NOTHING_TO_UNDO if there is none.
   */
  'history.undo': v.object(Place),
  /** Takes the last undo or revert back, as long as nothing else was changed since. NOTHING_TO_UNDO otherwise. */
  'history.redo': v.object(Place),
  'history.rule': v.object({ store: StoreId, rule: HistoryRule }),
  /** Gives up every entry. Deleted rows take their space until the store is compacted. */
  'history.forget': v.object({ store: StoreId }),

  /** A new, empty collection. */
  'collection.create': v.object({
    ...Place,
    vectors: v.pipe(
      v.array(v.object({ name: Name, dimension: Dimension, metric: Metric })),
      v.minLength(1),
      v.maxLength(LIMITS.vectorsMax),
    ),
    /** Where ids come from: a column, or the row number. */
    id: v.optional(v.picklist(['int', 'text', 'rownumber']), 'text'),
    idColumn: v.optional(Name, 'id'),
    columns: v.optional(
      v.pipe(v.array(v.object({ name: Name, type: ColumnType })), v.maxLength(LIMITS.columnsMax)),
      [],
    ),
  }),
  'collection.drop': v.object(Place),
  /**
   * Starts a job that searches for the neighbours of so many of the collection's rows in every way; its end carries a
   * {@link TuneReport}.
   */
  'collection.tune': v.object({
    ...Target,
    vector: VectorName,
    queries: v.optional(
      v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(LIMITS.tuneQueriesMax)),
      200,
    ),
  }),

  /**
   * Starts a job that divides rows into clusters by their vectors and writes the clusters' names into a text column, as one entry of the history; its end carries a
   * {@link ClusterResult}.
   */
  'collection.cluster': ClusterOrder,

  /**
   * Adds rows, or replaces those with the same id; on return they are synced to disk. Each is an object with
   * a vector under the name of each vector column, its id under the id column's name and any other fields; fields
   * that the collection does not know yet become columns.
   */
  'rows.add': v.object({
    ...Target,
    rows: v.pipe(v.array(v.record(v.string(), v.unknown())), v.maxLength(LIMITS.addRowsMax)),
  }),
  /**
   * The same for vectors without fields: row-major, n times the dimension; `ids` where the collection has ids.
   * NO_VECTOR_COLUMN if it has several vector columns.
   */
  'rows.addVectors': v.object({
    ...Target,
    vectors: v.instance(Float32Array),
    ids: v.optional(v.pipe(v.array(Id), v.maxLength(LIMITS.addRowsMax))),
  }),
  /** Deletes the rows with these ids; ids that are not there are not an error. */
  'rows.deleteIds': v.object({ ...Target, ids: idList }),
  /** Sets these columns of these rows: one entry of the history. A tag is an edit of a text column. */
  'rows.edit': v.object({
    ...Target,
    rows: v.pipe(rowList, v.maxLength(LIMITS.editRowsMax)),
    changes,
    note: v.optional(Note),
  }),

  'import.preview': v.object({ grant: Grant }),
  /** The vectors of a .npy or .fvecs file (or any other that import reads), at most LIMITS.fileVectorsMax numbers. */
  'file.vectors': v.object({ grant: Grant }),
  /** Starts a job; its end carries an {@link ImportResult}. */
  'import.start': v.object({ store: StoreId, grant: Grant, collection: CollectionName, plan: ImportPlan }),

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
  /** The row numbers of these ids, in their order; ids that are not there are left out. */
  'rows.find': v.object({ ...Target, ids: idList }),
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
    vector: VectorName,
    k: v.optional(k, 10),
    /** Absent: the engine's default for this k. */
    ef: v.optional(ef),
    exact: v.optional(v.boolean(), false),
    filter: v.optional(FilterText, ''),
  }),

  /** Values of a column for colouring, in the order of `rows`. */
  'column.values': v.object({ ...Target, column: Name, rows: v.instance(Uint32Array) }),

  /** Starts a job that sends `map.frame` events and saves the finished map; it is judged then by a job of its own. */
  'map.start': v.object({
    ...OnMap,
    params: MapParamsSchema,
    seed: v.optional(v.pipe(v.number(), v.integer(), v.minValue(0), v.maxValue(0xffff_ffff)), 42),
    vector: VectorName,
    among: v.optional(MapRows),
    /** The saved map that the new one is turned to lie like. */
    onto: v.optional(MapName),
  }),
  /** Ends the layout of a forming map with this epoch: the map is saved as it is. */
  'map.stop': v.object({ job: JobId }),
  /**
   * Starts a job that goes on with a saved map from where its points are: with the epochs that are left or some more, or with another distance or spread. The neighbour
   * graph is the one before as long as it is in memory.
   */
  'map.goOn': v.object({ ...OnMap, ...MapChange.entries }),
  /** Starts a job that places the rows that are not on a saved map among those that are; these stay where they are, and the placed ones are marked. */
  'map.place': v.object(OnMap),
  /** How a map stands to the rows that it is of. */
  'map.state': v.object(OnMap),
  /** What moved between a map and another. */
  'map.moves': v.object({ ...OnMap, with: MapName }),
  /** Starts a job that compares the map with the vectors; its end, and the map from then on, carry a score. */
  'map.judge': v.object(OnMap),
  /** The true neighbours of a row on a map, nearest first, and which of them are its neighbours there too. */
  'map.neighbours': v.object({ ...OnMap, row: RowNumber }),
  /** Where the values of a text column lie on a saved map, the commonest first. */
  'map.regions': v.object({ ...OnMap, column: Name }),
  'map.get': v.object(OnMap),
  'map.delete': v.object(OnMap),

  /** Writes a saved map with the collection's columns to a granted file: `.csv` or `.parquet` by its name. */
  'map.export': v.object({ ...OnMap, grant: Grant }),

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
