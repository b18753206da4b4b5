import { existsSync } from 'node:fs'
import { AppError, type CopyResult, type RepairReport } from '../contract/index.ts'
import { Database } from './database.ts'
import { engine, finish, granted } from './host.ts'

/**
 * OmenDB inside a Node program.
 *
 * ```js
 * import { open } from 'omendb'
 * const db = await open('./vectors.db')
 * await db.add([[1, 0], [0, 1]])
 * console.log(await db.search([0.9, 0.1]))
 * await db.close()
 * ```
 *
 * Every error is an {@link AppError} with a `code`, a `message` and a `remedy`.
 */

export {
  AppError,
  type CollectionInfo,
  type CompactResult,
  type CopyResult,
  type ErrorCode,
  type HistoryEntry,
  type HistoryRule,
  type Id,
  type Metric,
  type RepairReport,
  type VerifyReport,
} from '../contract/index.ts'
export type { Collection, PastCollection } from './collection.ts'
export type { Database } from './database.ts'
export type { Reader, ReaderSearch, Searcher } from './reader.ts'
export type {
  Changes,
  CollectionOptions,
  DatabaseInfo,
  Hit,
  PastInfo,
  Row,
  SearchOptions,
  StoredRow,
  Vector,
  VectorOptions,
} from './types.ts'

export interface OpenOptions {
  /** Make the store if it is not there; true unless said. */
  create?: boolean
  /**
   * Only read it: works while another process writes it, and follows what that one does. Nothing in the folder is
   * changed.
   */
  readOnly?: boolean
  /**
   * `full` (unless said) keeps in memory what searches come across. `compact` keeps the indexes and leaves the vectors in
   * their files: a fraction of the memory, and searches take somewhat longer. Of several openings of one store in
   * this process the first one counts.
   */
  memory?: 'full' | 'compact'
}

/**
 * Opens a store folder; makes it if it is not there, unless `create` is false.
 * Throws STORE_LOCKED if another process writes it (then `readOnly` still opens it), NOT_A_STORE, CORRUPT, and what the
 * file system says.
 */
export async function open(
  path: string,
  { create = true, readOnly = false, memory = 'full' }: OpenOptions = {},
): Promise<Database> {
  if ((!create || readOnly) && !existsSync(path)) throw notThere(path)
  return granted([path], async (grant = '') => {
    const { store } = await engine.call('store.open', {
      grant,
      create: create && !readOnly,
      readOnly,
      memory,
    })
    return new Database(store, path, readOnly)
  })
}

/**
 * Makes a store in the new folder `to` of a snapshot (or of any store that nobody writes), each file compared with its
 * checksum. Throws what is wrong with the snapshot, and then leaves nothing.
 */
export async function restore(from: string, to: string): Promise<CopyResult> {
  if (!existsSync(from)) throw notThere(from)
  return granted([from, to], (a = '', b = '') =>
    finish(() => engine.call('store.restore', { from: a, to: b })),
  )
}

/**
 * Saves what is sound of a damaged store into the new folder `to`, and tells what was kept and lost. The damaged store
 * stays as it is.
 */
export async function repair(from: string, to: string): Promise<RepairReport> {
  if (!existsSync(from)) throw notThere(from)
  return granted([from, to], (a = '', b = '') =>
    finish(() => engine.call('store.repair', { from: a, to: b })),
  )
}

function notThere(path: string): AppError {
  return new AppError({
    code: 'FILE_NOT_FOUND',
    message: `There is no store at ${path}.`,
    remedy: 'Check the path, or open it with create: true.',
  })
}
