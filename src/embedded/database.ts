import {
  AppError,
  type CollectionInfo,
  type CompactResult,
  type CopyResult,
  type HistoryEntry,
  type HistoryRule,
  type Id,
  type VerifyReport,
} from '../contract/index.ts'
import { type Access, Collection, toRow } from './collection.ts'
import { engine, finish, granted } from './host.ts'
import type { CollectionOptions, DatabaseInfo, Hit, Row, SearchOptions, StoredRow, Vector } from './types.ts'

/** Collection that `db.add` and `db.search` use. */
const DEFAULT_COLLECTION = 'vectors'

function dimensionOf({ vector }: Row): number {
  if (vector) return vector.length
  throw new AppError({
    code: 'NO_VECTOR_COLUMN',
    message: 'The first row has no vector. Nothing was written.',
    remedy: 'Give it as `vector`, or name the vector columns: db.collection(name, { vectors: … }).',
  })
}

/** How many databases of this program share a store's handle. */
const users = new Map<string, number>()

/** An open store. */
export class Database {
  readonly path: string
  /** Opened with `readOnly`: every write throws READ_ONLY. */
  readonly readOnly: boolean
  #store: string
  #closed = false
  #access: Access = (what) => this.#open(what)

  /** @internal Use `open`. */
  constructor(store: string, path: string, readOnly: boolean) {
    this.#store = store
    this.path = path
    this.readOnly = readOnly
    users.set(store, (users.get(store) ?? 0) + 1)
  }

  /** What is in the store, its size and its history; for a reader also who writes it. */
  async info(): Promise<DatabaseInfo> {
    const info = await engine.call('store.info', { store: this.#open('read') })
    const { path, diskBytes, writer, history, collections } = info
    return { path, readOnly: this.readOnly, diskBytes, writer, history, collections }
  }

  /** What is in the store: rows, columns, index state. */
  async collections(): Promise<CollectionInfo[]> {
    return (await this.info()).collections
  }

  /**
   * A collection by name. With options it is made at its first use if it is not there yet; if it is there, they
   * must agree with it (DIMENSION_MISMATCH, INVALID_REQUEST otherwise).
   */
  collection(name: string, options?: CollectionOptions): Collection {
    return new Collection(this.#access, name, options)
  }

  async dropCollection(name: string): Promise<void> {
    await engine.call('collection.drop', { store: this.#open('write'), collection: name })
  }

  /** Adds vectors or rows to the default collection; the first ones fix its dimension. Returns their ids. */
  async add(rows: readonly Vector[] | readonly Row[]): Promise<Id[]> {
    const first = rows[0]
    if (first === undefined) return []
    const known = (await this.collections()).some(({ name }) => name === DEFAULT_COLLECTION)
    const options = known ? undefined : { dimension: dimensionOf(toRow(first)) }
    return this.collection(DEFAULT_COLLECTION, options).add(rows)
  }

  search(query: Vector, options?: SearchOptions): Promise<Hit[]> {
    return this.collection(DEFAULT_COLLECTION).search(query, options)
  }

  get(id: Id): Promise<StoredRow | null> {
    return this.collection(DEFAULT_COLLECTION).get(id)
  }

  delete(ids: Id | readonly Id[]): Promise<number> {
    return this.collection(DEFAULT_COLLECTION).delete(ids)
  }

  /**
   * For a reader: looks for what the writer has done since; true if there was something. It also looks by itself, about
   * once a second.
   */
  async refresh(): Promise<boolean> {
    return (await engine.call('store.refresh', { store: this.#open('read') })).changed
  }

  /** The newest entries of the history, newest first: each import, add, edit, delete and revert. */
  async history({ limit = 1_000 }: { limit?: number } = {}): Promise<HistoryEntry[]> {
    return engine.call('store.history', { store: this.#open('read'), limit })
  }

  /**
   * The entry's collection goes back to its state before entry `seq`. That is a new entry; `redo` of the collection
   * takes it back.
   * Throws HISTORY_PRUNED if the entry is no longer kept.
   */
  async revert(seq: number, { note }: { note?: string } = {}): Promise<HistoryEntry> {
    return engine.call('history.revert', { store: this.#open('write'), seq, note })
  }

  /** How much of the history is kept. */
  async setHistoryRule(rule: HistoryRule): Promise<void> {
    await engine.call('history.rule', { store: this.#open('write'), rule })
  }

  /**
   * Gives the space of deleted rows back. Rows that the history still needs stay, unless `forgetHistory` gives up the
   * history first.
   */
  async compact({ forgetHistory = false }: { forgetHistory?: boolean } = {}): Promise<CompactResult> {
    const store = this.#open('write')
    return finish(() => engine.call('store.compact', { store, forgetHistory }))
  }

  /** Compares every byte of the store with its checksum. An empty list of `problems` means that all is sound. */
  async verify(): Promise<VerifyReport> {
    return engine.call('store.verify', { store: this.#open('read') })
  }

  /** Copies the store, as it is at this moment, into a new folder; it can be written meanwhile. */
  async snapshot(path: string): Promise<CopyResult> {
    const store = this.#open('read')
    return granted([path], (grant = '') => finish(() => engine.call('store.snapshot', { store, grant })))
  }

  /** Closes the store. All that was acknowledged is on disk already. */
  async close(): Promise<void> {
    if (this.#closed) return
    this.#closed = true
    const left = (users.get(this.#store) ?? 1) - 1
    users.set(this.#store, left)
    if (left > 0) return
    users.delete(this.#store)
    await engine.call('store.close', { store: this.#store })
  }

  #open(what: 'read' | 'write'): string {
    if (what === 'write' && this.readOnly && !this.#closed) {
      throw new AppError({
        code: 'READ_ONLY',
        message: `The store ${this.path} was opened to be read only. Nothing was changed.`,
        remedy: 'Open it without readOnly.',
      })
    }
    if (!this.#closed) return this.#store
    throw new AppError({
      code: 'STORE_CLOSED',
      message: `The store ${this.path} was closed.`,
      remedy: 'Open it again.',
    })
  }
}
