/**
 * The native addon omendb.node as TypeScript sees it. Its functions speak JSON text where values are small or nested, and write
 * numbers into arrays that the caller owns (an Electron process may not hold memory of the addon's). Promises are settled
 * from threads of the addon's own. Errors are Errors whose message is JSON: {code, message, remedy, detail, retry}.
 */

/** Cancels a long call and hears of its progress. One call a job. */
export interface NativeJob {
  cancel(): void
}

/** Ascending row numbers. */
export interface NativeRows {
  readonly length: number
  copy(out: Uint32Array): void
}

/** Points of the plane, one for each row number. */
export interface NativePoints {
  readonly length: number
  /** JSON of the saved map's description; "null" for a picture that is not saved. */
  readonly info: string
  rows(out: Uint32Array): void
  /** Two numbers a point. */
  xy(out: Float32Array): void
  /** Whether the map was judged. */
  readonly judged: boolean
  /** For each point how many true neighbours it keeps; 255 where that is not known. */
  kept(out: Uint8Array): void
  /** Whether points were placed after the map was laid out. */
  readonly marked: boolean
  /** For each point 1 if it was placed later, else 0. */
  placed(out: Uint8Array): void
}

/** How much of a map is true. */
export interface NativeJudgement {
  /** JSON {k, sample, trustworthiness, continuity, kept}. */
  readonly score: string
  /** As of {@link NativePoints}. */
  kept(out: Uint8Array): void
}

/** k nearest rows of each row. */
export interface NativeNeighbours {
  readonly length: number
  readonly k: number
  rows(out: Uint32Array): void
  /** length * k positions in `rows`; 0xffffffff where there are fewer. */
  ids(out: Uint32Array): void
  distances(out: Float32Array): void
  /** `start`: two coordinates a row; `params`: JSON {minDist, spread, epochs, seed}. */
  layout(job: NativeJob, start: Float32Array, params: string): Promise<NativeLayout>
}

/** Rows divided into clusters that have names. */
export interface NativeClusters {
  /** JSON {clusters, modularity, largest: [{name, rows}]}: up to `most` of them, by falling size. */
  info(most: number): string
}

/** A map that forms. */
export interface NativeLayout {
  /** Resolves to the number of epochs that are done, once all are or it is stopped; rejected with CANCELLED after a cancel, the picture then stays. */
  run(job: NativeJob): Promise<number>
  /** Ends the run after this epoch. */
  stop(): void
  /** Other parameters from now on, on the same graph, as if `epoch` of the epochs were done. */
  adjust(params: string, epoch: number): void
  /** The newest picture; gives the epochs that it is of. */
  xy(out: Float32Array): number
  /** Turns the map: six numbers of {@link Addon.turnOnto}. */
  turn(turn: Float32Array): void
}

/** What moved between two maps, by the rows that both have. */
export interface NativeMoves {
  readonly length: number
  /** Neighbours that were compared. */
  readonly k: number
  rows(out: Uint32Array): void
  /** How far each moved; 1 is the map's radius. */
  moved(out: Float32Array): void
  /** How many of its k nearest on the first map are among its nearest on the other. */
  kept(out: Uint8Array): void
}

/** Vectors of one dimension, row-major. */
export interface NativeVectors {
  readonly dimension: number
  /** Numbers in all of them. */
  readonly length: number
  copy(out: Float32Array): void
}

export interface NativeSearcher {
  /** `places`: the query, `k` rows (a Uint32Array over the same buffer) and `k` distances, which are filled; how many there are. */
  run(places: Float32Array): number
  release(): void
}

/** One unchanging state of a collection by one of its vector columns. Keeps its files alive until it is released. */
export interface NativeSnapshot {
  readonly length: number
  readonly generation: number
  /** The nearest rows, as many as fit: numbers and distances go into the arrays. Gives how many there are. `ef` of 0 for a good one. */
  searchInto(
    query: Float32Array,
    rows: Uint32Array,
    distances: Float32Array,
    ef: number,
    exact: boolean,
    filter?: string,
  ): number
  searcher(k: number, ef: number, exact: boolean, filter?: string): NativeSearcher
  /** Many queries on all cores; each has `k` places in `rows` and `distances`. Gives how many of them are filled. */
  searchBatch(
    queries: Float32Array,
    k: number,
    rows: Uint32Array,
    distances: Float32Array,
    ef: number,
    exact: boolean,
    filter?: string,
  ): number
  /** The ids of rows, as a JSON array. */
  ids(rows: Uint32Array): string
  /** `among`: these rows alone, ascending. */
  pca(job: NativeJob, among?: Uint32Array): Promise<NativePoints>
  /** The neighbours that a map is drawn from. */
  mapGraph(job: NativeJob, k: number, among?: Uint32Array): Promise<NativeNeighbours>
  /** The same neighbours, whose layout follows a column besides: `weight` from 0 to 1. */
  supervised(neighbours: NativeNeighbours, column: string, weight: number): Promise<NativeNeighbours>
  /** Compares the k nearest rows of up to `most` rows with those on a map. */
  judgeMap(
    job: NativeJob,
    rows: Uint32Array,
    xy: Float32Array,
    k: number,
    most: number,
  ): Promise<NativeJudgement>
  /** Places for the rows `more`, which the map does not have, among the k of its rows that are nearest. `params`: JSON {minDist, spread, epochs, seed}. */
  placeOnMap(
    job: NativeJob,
    rows: Uint32Array,
    xy: Float32Array,
    more: Uint32Array,
    k: number,
    params: string,
  ): Promise<NativePoints>
  /** The true neighbours of a row on a map: JSON [[row, kept], …], nearest first. */
  neighboursOnMap(rows: Uint32Array, xy: Float32Array, row: number, k: number): Promise<string>
  /** `wanted`: JSON {keywords, resolution, seed}; the neighbours are of this snapshot. */
  clusters(job: NativeJob, neighbours: NativeNeighbours, wanted: string): Promise<NativeClusters>
  /** Where the commonest values of a text column lie on a map: JSON [{label, count, x, y, width}], by falling count. */
  regions(column: string, rows: Uint32Array, xy: Float32Array, most: number): Promise<string>
  /** JSON of a TuneReport. */
  tune(job: NativeJob, queries: number): Promise<string>
  release(): void
}

/** Reads take `name + '\u001f' + seq` too: the collection as it was before entry `seq` of the history. */
export interface NativeStore {
  /** JSON of the store and its collections. */
  info(): string
  /** Grows at every change that a reader can see; the progress of indexes is not one. */
  revision(): number
  /** `spec`: JSON {name, idType, idColumn, columns: [{name, type}], vectors: [{name, dimension, metric}]}. */
  createCollection(spec: string): Promise<void>
  dropCollection(name: string): Promise<void>
  /** `request`: JSON {path, collection, metric, metrics, vector, id, columns, onError}, `metrics` those of further vector columns by name; resolves to JSON {rows, replaced, rejected, rejectedRows, seconds}. */
  import(job: NativeJob, request: string): Promise<string>
  /** Resolves to JSON {files, bytes, problems: [{file, reason, derived}]}. */
  verify(): Promise<string>
  /** True when every index is built, false when the time is over. */
  waitForIndex(milliseconds: number): Promise<boolean>
  close(): Promise<void>
  /** A reader looks for what was written since; whether there was anything. */
  refresh(): Promise<boolean>

  /** JSON of the newest entries, newest first. */
  history(limit: number): Promise<string>
  /** The collection of entry `seq` goes back to its state before it; resolves to JSON of the new entry. */
  revert(seq: number, note: string | null): Promise<string>
  undo(collection: string): Promise<string>
  redo(collection: string): Promise<string>
  /** `changes`: JSON {column: value|null}; resolves to JSON {changed, entry}. */
  edit(collection: string, rows: Uint32Array, changes: string, note: string | null): Promise<string>
  /** `rule`: JSON {maxAgeDays, maxEntries, maxBytes}. */
  setHistoryRule(rule: string): Promise<void>
  /** Resolves to JSON {entries}. */
  forgetHistory(): Promise<string>
  /** `options`: JSON {forgetHistory}; resolves to JSON {bytesBefore, bytesAfter, freed, rowsDropped, segments, heldByHistory}. */
  compact(job: NativeJob, options: string): Promise<string>
  /** Resolves to JSON {files, bytes, generation, leftOut}. */
  backup(job: NativeJob, path: string): Promise<string>

  /** As many rows as fit into `rows`; JSON {total, count, columns, cells}. `sort`: JSON [{column, descending}]. */
  page(collection: string, filter: string, sort: string, offset: number, rows: Uint32Array): string
  position(collection: string, filter: string, sort: string, row: number): number | null
  filterRows(collection: string, filter: string): NativeRows
  checkFilter(collection: string, filter: string): void
  /** JSON {id, fields, vectors: [{name, dimension}]}. */
  row(collection: string, row: number): string
  /** `column`: position of the vector column among these. */
  vector(collection: string, row: number, column: number, out: Float32Array): void
  /** `id`: JSON number or text. */
  rowOf(collection: string, id: string): number | null
  /** JSON array, one cell a row. */
  cells(collection: string, column: string, rows: Uint32Array): string
  /** `request`: JSON {like, vector, k, ef, exact, filter}, `vector` the name of a vector column or absent for the first; JSON {count, plan, ef, scored, ids, columns, cells}. */
  search(
    collection: string,
    request: string,
    query: Float32Array,
    rows: Uint32Array,
    distances: Float32Array,
  ): string
  /** JSON {kind: 'category', labels, others, nulls} and `codes`, or {kind: 'number', min, max, offset, nulls} and `values`. */
  columnValues(
    collection: string,
    column: string,
    rows: Uint32Array,
    codes: Uint8Array,
    values: Float32Array,
  ): string

  /** `rows`: JSON array of objects; resolves to JSON {first, count}. */
  addRows(collection: string, rows: string): Promise<string>
  /** `ids`: JSON array or null; resolves to JSON {first, count}. */
  addVectors(collection: string, vectors: Float32Array, ids: string): Promise<string>
  deleteRows(collection: string, rows: Uint32Array): Promise<number>
  deleteIds(collection: string, ids: string): Promise<number>

  /** Writes the name of each row's cluster into a text column; resolves to JSON {changed, entry}. */
  writeClusters(
    collection: string,
    clusters: NativeClusters,
    column: string,
    note: string | null,
  ): Promise<string>

  /** `vector`: the name of a vector column; the first unless said. */
  snapshot(collection: string, vector?: string): NativeSnapshot
  map(collection: string, name: string): NativePoints
  /** `info`: JSON {name, params, seed, rows, generation, created (milliseconds since 1970), score?}; `kept` is empty without a score, `placed` (1 or 0 a row) where none was placed. */
  saveMap(
    collection: string,
    info: string,
    rows: Uint32Array,
    xy: Float32Array,
    kept: Uint8Array,
    placed: Uint8Array,
  ): Promise<void>
  deleteMap(collection: string, name: string): Promise<void>
  /** Writes a saved map to a .csv or .parquet file; resolves to JSON {rows, bytes}. */
  exportMap(job: NativeJob, collection: string, name: string, path: string): Promise<string>
}

/** How a store is opened. */
export type OpenHow = {
  create?: boolean
  readOnly?: boolean
  /** What other processes are told who has the store open. */
  holder?: string
  /** Keeps the indexes in memory and leaves the vectors in their files. */
  compact?: boolean
}

export interface Addon {
  version(): string
  /** "scalar", "avx2", "avx512" or "neon". */
  isa(): string
  isaNote(): string | null
  /** Resolves to the preview as JSON. */
  inspect(path: string): Promise<string>
  /** Fails with LIMIT_EXCEEDED past `max` numbers. */
  fileVectors(path: string, max: number): Promise<NativeVectors>
  /** Turns `xy` so that its rows lie as `ontoXy` has them (both rows ascend); the turn goes into `out`, six numbers. False, and nothing changes, where they share too few rows. */
  turnOnto(
    rows: Uint32Array,
    xy: Float32Array,
    ontoRows: Uint32Array,
    ontoXy: Float32Array,
    out: Float32Array,
  ): boolean
  mapMoves(
    rows: Uint32Array,
    xy: Float32Array,
    otherRows: Uint32Array,
    otherXy: Float32Array,
    k: number,
  ): Promise<NativeMoves>
  /** Panics inside, if OMENDB_TEST_PANIC is set: for tests of what a panic becomes. */
  testPanic(): void
  testPanicOnThread(): Promise<void>
  openStore(path: string, how: OpenHow): Promise<NativeStore>
  /** Resolves to JSON {files, bytes, generation, leftOut}. */
  restoreStore(job: NativeJob, from: string, to: string): Promise<string>
  /** Resolves to JSON {generation, collections: [{name, rowsKept, rowsLost, lost}], notes}. */
  repairStore(job: NativeJob, from: string, to: string): Promise<string>
  Job: new (onProgress?: (phase: string, done: number, total: number) => void) => NativeJob
}
