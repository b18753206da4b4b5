import { existsSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { AppError, isErrorData } from '../contract/index.ts'

/**
 * The only file that loads the native addon. Its functions speak JSON text where values are small or nested, and
 * write numbers into arrays that the caller owns (an Electron process may not hold memory of the addon's).
 * The shapes below are those of native/napi/index.d.ts.
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
}

/** k nearest rows of each row. */
export interface NativeNeighbours {
  readonly length: number
  readonly k: number
  rows(out: Uint32Array): void
  /** length * k positions in `rows`; 0xffffffff where there are fewer. */
  ids(out: Uint32Array): void
  distances(out: Float32Array): void
}

/** Vectors of one dimension, row-major. */
export interface NativeVectors {
  readonly dimension: number
  /** Numbers in all of them. */
  readonly length: number
  copy(out: Float32Array): void
}

/** One unchanging state of a collection. Keeps its files alive until it is released. */
export interface NativeSnapshot {
  readonly length: number
  readonly generation: number
  pca(job: NativeJob): Promise<NativePoints>
  knnGraph(job: NativeJob, k: number): Promise<NativeNeighbours>
  release(): void
}

export interface NativeStore {
  info(): string
  revision(): number
  createCollection(spec: string): Promise<void>
  dropCollection(name: string): Promise<void>
  import(job: NativeJob, request: string): Promise<string>
  verify(): Promise<string>
  /** True when every index is built, false when the time is over. */
  waitForIndex(milliseconds: number): Promise<boolean>
  close(): Promise<void>

  page(collection: string, filter: string, sort: string, offset: number, rows: Uint32Array): string
  position(collection: string, filter: string, sort: string, row: number): number | null
  filterRows(collection: string, filter: string): NativeRows
  checkFilter(collection: string, filter: string): void
  row(collection: string, row: number): string
  vector(collection: string, row: number, out: Float32Array): void
  rowOf(collection: string, id: string): number | null
  cells(collection: string, column: string, rows: Uint32Array): string
  search(
    collection: string,
    request: string,
    query: Float32Array,
    rows: Uint32Array,
    distances: Float32Array,
  ): string
  columnValues(
    collection: string,
    column: string,
    rows: Uint32Array,
    codes: Uint8Array,
    values: Float32Array,
  ): string

  addRows(collection: string, rows: string): Promise<string>
  addVectors(collection: string, vectors: Float32Array, ids: string): Promise<string>
  deleteRows(collection: string, rows: Uint32Array): Promise<number>
  deleteIds(collection: string, ids: string): Promise<number>

  snapshot(collection: string): NativeSnapshot
  map(collection: string, name: string): NativePoints
  saveMap(collection: string, info: string, rows: Uint32Array, xy: Float32Array): Promise<void>
  deleteMap(collection: string, name: string): Promise<void>
  exportMap(job: NativeJob, collection: string, name: string, path: string): Promise<string>
}

export interface Addon {
  version(): string
  isa(): string
  isaNote(): string | null
  inspect(path: string): Promise<string>
  fileVectors(path: string, max: number): Promise<NativeVectors>
  openStore(path: string, create: boolean): Promise<NativeStore>
  Job: new (onProgress?: (phase: string, done: number, total: number) => void) => NativeJob
}

/** How far above this file the repository or the installed package is looked for. */
const LEVELS_MAX = 6

let loaded: Addon | undefined

/** The addon, loaded once. Throws INTERNAL with the places that were tried. */
export function addon(): Addon {
  loaded ??= load()
  return loaded
}

function load(): Addon {
  const tried: string[] = []
  for (const path of candidates()) {
    tried.push(path)
    if (!existsSync(path)) continue
    try {
      return createRequire(import.meta.url)(path) as Addon
    } catch (error) {
      throw new AppError({
        code: 'INTERNAL',
        message: `The native engine ${path} does not load: ${error instanceof Error ? error.message : error}`,
        remedy: 'Run "npm run setup" to build it for this machine.',
        detail: { path },
      })
    }
  }
  throw new AppError({
    code: 'INTERNAL',
    message: 'The native engine omendb.node was not found.',
    remedy: 'Run "npm run setup" to build it.',
    detail: { tried },
  })
}

function* candidates(): Generator<string> {
  const named = process.env.OMENDB_ADDON
  if (named) {
    yield resolve(named)
    return
  }
  let folder = dirname(fileURLToPath(import.meta.url))
  for (let level = 0; level < LEVELS_MAX; level++) {
    yield join(folder, 'omendb.node')
    yield join(folder, 'native', 'napi', 'omendb.node')
    const above = dirname(folder)
    if (above === folder) return
    folder = above
  }
}

/** Any error that came out of the addon as an AppError: the addon's messages are JSON of one. */
export function nativeError(thrown: unknown): AppError {
  if (thrown instanceof AppError) return thrown
  const message = thrown instanceof Error ? thrown.message : String(thrown)
  if (message.startsWith('{')) {
    try {
      const data: unknown = JSON.parse(message)
      if (isErrorData(data)) return new AppError(data)
    } catch {
      // Not JSON after all: it goes on as it is.
    }
  }
  return AppError.from(thrown)
}
