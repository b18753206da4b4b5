import { randomUUID } from 'node:crypto'
import { existsSync } from 'node:fs'
import { resolve } from 'node:path'
import { AppError, type Cell, type CollectionInfo, type Id, type Metric } from '../contract/index.ts'
import { createEngine, type GrantMap } from '../engine/index.ts'

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

export { AppError, type CollectionInfo, type ErrorCode, type Id, type Metric } from '../contract/index.ts'

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
  /** Candidates that an indexed search keeps; more is slower and finds more. Chosen by `k` unless said. */
  ef?: number
  /** Compare with every row instead of walking the index. */
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

/** Collection that `db.add` and `db.search` use. */
const DEFAULT_COLLECTION = 'vectors'

const grants: GrantMap = new Map()
const engine = createEngine({ grants })
/** How many databases of this program share a store's handle. */
const users = new Map<string, number>()

/**
 * Opens a store folder; makes it if it is not there, unless `create` is false.
 * Throws STORE_LOCKED if another process writes it, NOT_A_STORE, CORRUPT, and what the file system says.
 */
export async function open(path: string, { create = true }: { create?: boolean } = {}): Promise<Database> {
  if (!create && !existsSync(path)) {
    throw new AppError({
      code: 'FILE_NOT_FOUND',
      message: `There is no store at ${path}.`,
      remedy: 'Check the path, or open it with create: true.',
    })
  }
  const grant = randomUUID()
  grants.set(grant, { path: resolve(path), kind: 'store' })
  try {
    const { store } = await engine.call('store.open', { grant, create })
    users.set(store, (users.get(store) ?? 0) + 1)
    return new Database(store, path)
  } finally {
    grants.delete(grant)
  }
}

/** An open store. */
export class Database {
  readonly path: string
  #store: string
  #closed = false

  /** @internal Use {@link open}. */
  constructor(store: string, path: string) {
    this.#store = store
    this.path = path
  }

  /** What is in the store: rows, columns, index state. */
  async collections(): Promise<CollectionInfo[]> {
    return (await engine.call('store.info', { store: this.#open() })).collections
  }

  /**
   * A collection by name. With options it is made at its first use if it is not there yet; if it is there, they
   * must agree with it (DIMENSION_MISMATCH, INVALID_REQUEST otherwise).
   */
  collection(name: string, options?: CollectionOptions): Collection {
    return new Collection(() => this.#open(), name, options)
  }

  async dropCollection(name: string): Promise<void> {
    await engine.call('collection.drop', { store: this.#open(), collection: name })
  }

  /** Adds vectors or rows to the default collection; the first ones fix its dimension. Returns their ids. */
  async add(rows: readonly Vector[] | readonly Row[]): Promise<Id[]> {
    const first = rows[0]
    if (first === undefined) return []
    const known = (await this.collections()).some(({ name }) => name === DEFAULT_COLLECTION)
    const options = known ? undefined : { dimension: toRow(first).vector.length }
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

  #open(): string {
    if (!this.#closed) return this.#store
    throw new AppError({
      code: 'STORE_CLOSED',
      message: `The store ${this.path} was closed.`,
      remedy: 'Open it again.',
    })
  }
}

/** A collection of an open store. Got from {@link Database.collection}. */
export class Collection {
  readonly name: string
  #store: () => string
  #options: CollectionOptions | undefined
  #known: CollectionInfo | null = null

  /** @internal */
  constructor(store: () => string, name: string, options: CollectionOptions | undefined) {
    this.#store = store
    this.name = name
    this.#options = options
  }

  /** What the collection is now. Throws UNKNOWN_COLLECTION. */
  async info(): Promise<CollectionInfo> {
    const found = await this.#find()
    if (found) return found
    throw new AppError({
      code: 'UNKNOWN_COLLECTION',
      message: `There is no collection "${this.name}" in this store.`,
      remedy: 'Name its dimension and metric to make it, or add rows first.',
    })
  }

  /**
   * Adds rows and resolves when they are on disk; a row whose id is there already takes its place. All rows are
   * added, or none. Returns their ids, in order.
   */
  async add(rows: readonly Vector[] | readonly Row[]): Promise<Id[]> {
    if (rows.length === 0) return []
    const objects = rows.map(toRow)
    const info = await this.#ensure(objects[0])
    const vectorName = info.vectors[0]?.name ?? 'vector'
    const idName = info.id.type === 'rownumber' ? 'id' : info.id.column
    const { first } = await engine.call('rows.add', {
      ...this.#target(),
      rows: objects.map(({ id, vector, ...fields }) => ({
        ...fields,
        [vectorName]: vector,
        ...(id === undefined ? {} : { [idName]: id }),
      })),
    })
    return objects.map(({ id }, index) => id ?? first + index)
  }

  /**
   * The nearest rows, closest first.
   * Throws DIMENSION_MISMATCH, INVALID_FILTER, INVALID_REQUEST.
   */
  async search(query: Vector, options: SearchOptions = {}): Promise<Hit[]> {
    await this.#ensure()
    const vector = Float32Array.from(query)
    const { hits } = await engine.call('search.run', {
      ...this.#target(),
      query: { by: 'vector', vector },
      ...options,
    })
    return hits
  }

  /** A row by id, or null. */
  async get(id: Id): Promise<StoredRow | null> {
    await this.#ensure()
    const row = await engine.call('row.find', { ...this.#target(), id })
    if (row === null) return null
    const found = await engine.call('row.get', { ...this.#target(), row })
    return { ...found.fields, id: found.id, vector: found.vector }
  }

  /** Deletes rows by id and resolves, when that is on disk, to how many there were. */
  async delete(ids: Id | readonly Id[]): Promise<number> {
    await this.#ensure()
    const list = typeof ids === 'string' || typeof ids === 'number' ? [ids] : [...ids]
    return (await engine.call('rows.deleteIds', { ...this.#target(), ids: list })).deleted
  }

  #target(): { store: string; collection: string } {
    return { store: this.#store(), collection: this.name }
  }

  async #find(): Promise<CollectionInfo | undefined> {
    const { collections } = await engine.call('store.info', { store: this.#store() })
    return collections.find(({ name }) => name === this.name)
  }

  async #ensure(first?: Row): Promise<CollectionInfo> {
    if (this.#known) return this.#known
    const there = await this.#find()
    if (there && this.#options) checkAgrees(there, this.#options)
    if (!there && this.#options) {
      const { dimension, metric = 'cosine', id = 'auto' } = this.#options
      await engine.call('collection.create', { ...this.#target(), dimension, metric, id: idType(id, first) })
    }
    this.#known = there ?? (await this.info())
    return this.#known
  }
}

function idType(
  wanted: NonNullable<CollectionOptions['id']>,
  first: Row | undefined,
): 'text' | 'int' | 'rownumber' {
  if (wanted === 'none') return 'rownumber'
  if (wanted !== 'auto') return wanted
  if (first?.id === undefined) return 'rownumber'
  return typeof first.id === 'number' ? 'int' : 'text'
}

function checkAgrees(info: CollectionInfo, options: CollectionOptions): void {
  const vector = info.vectors[0]
  if (vector && vector.dimension !== options.dimension) {
    throw new AppError({
      code: 'DIMENSION_MISMATCH',
      message: `Collection "${info.name}" holds vectors of ${vector.dimension} dimensions, not ${options.dimension}.`,
      remedy: 'Use its own dimension, or another name for a new collection.',
      detail: { have: vector.dimension, want: options.dimension },
    })
  }
  if (vector && options.metric && vector.metric !== options.metric) {
    throw new AppError({
      code: 'INVALID_REQUEST',
      message: `Collection "${info.name}" measures distances as ${vector.metric}, not ${options.metric}.`,
      remedy: 'Leave the metric out, or use another name for a new collection.',
    })
  }
}

function toRow(row: Vector | Row): Row {
  return row instanceof Float32Array || Array.isArray(row) ? { vector: row } : (row as Row)
}
