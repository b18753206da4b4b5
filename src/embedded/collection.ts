import { AppError, type CollectionInfo, type HistoryEntry, type Id } from '../contract/index.ts'
import { engine } from './host.ts'
import { Reader } from './reader.ts'
import type {
  Changes,
  CollectionOptions,
  Hit,
  PastInfo,
  Row,
  SearchOptions,
  StoredRow,
  Vector,
  VectorOptions,
} from './types.ts'

/** The store's handle. Throws STORE_CLOSED, and READ_ONLY for a write to a database that was opened to be read. */
export type Access = (what: 'read' | 'write') => string

/** A collection of an open store. Got from {@link Database.collection}. */
export class Collection {
  readonly name: string
  #store: Access
  #options: CollectionOptions | undefined
  #known: CollectionInfo | null = null

  /** @internal */
  constructor(store: Access, name: string, options: CollectionOptions | undefined) {
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
    this.#store('write')
    const objects = rows.map(toRow)
    const info = await this.#ensure(objects[0])
    // With several vector columns each vector goes by its column's name already.
    const vectorName = (info.vectors.length === 1 && info.vectors[0]?.name) || 'vector'
    const idName = info.id.type === 'rownumber' ? 'id' : info.id.column
    const { first } = await engine.call('rows.add', {
      ...this.#target(),
      rows: objects.map(({ id, vector, ...fields }) => ({
        ...fields,
        ...(vector === undefined ? {} : { [vectorName]: vector }),
        ...(id === undefined ? {} : { [idName]: id }),
      })),
    })
    return objects.map(({ id }, index) => id ?? first + index)
  }

  /**
   * The nearest rows, closest first.
   * Throws DIMENSION_MISMATCH, INVALID_FILTER, INVALID_REQUEST, UNKNOWN_COLUMN.
   */
  async search(query: Vector, options: SearchOptions = {}): Promise<Hit[]> {
    await this.#ensure()
    return search(this.#target(), query, options)
  }

  /**
   * The collection as it is now, for many fast searches in its vector column of that name, the first unless said.
   * Throws UNKNOWN_COLUMN.
   */
  async reader({ vector }: { vector?: string } = {}): Promise<Reader> {
    const { vectors } = await this.#ensure()
    const { store, collection } = this.#target()
    const native = engine.snapshot(store, collection, vector)
    const column = vectors.find(({ name }) => name === vector) ?? vectors[0]
    return new Reader(native, column?.dimension ?? 0)
  }

  /** A row by id, or null. */
  async get(id: Id): Promise<StoredRow | null> {
    await this.#ensure()
    return get(this.#target(), id)
  }

  /** Deletes rows by id and resolves, when that is on disk, to how many there were. */
  async delete(ids: Id | readonly Id[]): Promise<number> {
    this.#store('write')
    await this.#ensure()
    return (await engine.call('rows.deleteIds', { ...this.#target(), ids: listOf(ids) })).deleted
  }

  /**
   * Sets columns of rows and resolves, when that is on disk, to how many rows there were. One entry of the history,
   * with `note` on it.
   *
   * ```js
   * await words.update(['king', 'queen'], { royal: true })
   * ```
   */
  async update(ids: Id | readonly Id[], changes: Changes, { note }: { note?: string } = {}): Promise<number> {
    this.#store('write')
    await this.#ensure()
    const { rows } = await engine.call('rows.find', { ...this.#target(), ids: listOf(ids) })
    return (await engine.call('rows.edit', { ...this.#target(), rows, changes: { ...changes }, note }))
      .changed
  }

  /** Takes the last change of this collection back. Throws NOTHING_TO_UNDO. */
  undo(): Promise<HistoryEntry> {
    return this.#walk('history.undo')
  }

  /** Takes the last undo or revert back, if nothing else was changed since. Throws NOTHING_TO_UNDO otherwise. */
  redo(): Promise<HistoryEntry> {
    return this.#walk('history.redo')
  }

  /**
   * This collection as it was before entry `seq` of {@link Database.history}: to be read, not written. Its reads throw
   * HISTORY_PRUNED if that is no longer kept.
   */
  before(seq: number): PastCollection {
    return new PastCollection(this.#store, this.name, seq)
  }

  async #walk(op: 'history.undo' | 'history.redo'): Promise<HistoryEntry> {
    this.#store('write')
    const entry = await engine.call(op, this.#target())
    // The collection itself may have gone or come back.
    this.#known = null
    return entry
  }

  #target(): { store: string; collection: string } {
    return { store: this.#store('read'), collection: this.name }
  }

  async #find(): Promise<CollectionInfo | undefined> {
    const { collections } = await engine.call('store.info', { store: this.#store('read') })
    return collections.find(({ name }) => name === this.name)
  }

  async #ensure(first?: Row): Promise<CollectionInfo> {
    if (this.#known) return this.#known
    const there = await this.#find()
    if (there && this.#options) checkAgrees(there, this.#options)
    if (!there && this.#options) {
      this.#store('write')
      const { id = 'auto' } = this.#options
      const vectors = vectorsOf(this.#options).map((one) => ({ metric: 'cosine' as const, ...one }))
      await engine.call('collection.create', { ...this.#target(), vectors, id: idType(id, first) })
    }
    this.#known = there ?? (await this.info())
    return this.#known
  }
}

/** A collection as it was before an entry of the history. Got from {@link Collection.before}. */
export class PastCollection {
  readonly name: string
  /** The entry before which it is meant. */
  readonly seq: number
  #store: Access

  /** @internal */
  constructor(store: Access, name: string, seq: number) {
    this.#store = store
    this.name = name
    this.seq = seq
  }

  async info(): Promise<PastInfo> {
    const { total, columns } = await engine.call('table.page', { ...this.#target(), offset: 0, limit: 1 })
    return { name: this.name, before: this.seq, rows: total, columns }
  }

  /** As {@link Collection.search}, among the rows of that time. */
  async search(query: Vector, options: SearchOptions = {}): Promise<Hit[]> {
    return search(this.#target(), query, options)
  }

  /** A row as it was then, or null. */
  async get(id: Id): Promise<StoredRow | null> {
    return get(this.#target(), id)
  }

  #target(): { store: string; collection: string; before: number } {
    return { store: this.#store('read'), collection: this.name, before: this.seq }
  }
}

interface Target {
  store: string
  collection: string
  before?: number
}

async function search(target: Target, query: Vector, options: SearchOptions): Promise<Hit[]> {
  const vector = Float32Array.from(query)
  return (await engine.call('search.run', { ...target, query: { by: 'vector', vector }, ...options })).hits
}

async function get(target: Target, id: Id): Promise<StoredRow | null> {
  const row = await engine.call('row.find', { ...target, id })
  if (row === null) return null
  const found = await engine.call('row.get', { ...target, row })
  const { fields, vectors } = found
  const named = vectors.length === 1 ? [] : vectors.map(({ name, vector }) => [name, vector])
  return {
    ...fields,
    ...Object.fromEntries(named),
    id: found.id,
    vector: vectors[0]?.vector ?? new Float32Array(),
  }
}

function listOf(ids: Id | readonly Id[]): Id[] {
  return typeof ids === 'string' || typeof ids === 'number' ? [ids] : [...ids]
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

/** The vector columns that options name. A single one is called "vector" unless a collection has it under another name. */
function vectorsOf(options: CollectionOptions): (VectorOptions & { name: string })[] {
  if ('vectors' in options) {
    return Object.entries(options.vectors).map(([name, { dimension, metric }]) => ({
      name,
      dimension,
      ...(metric && { metric }),
    }))
  }
  const { dimension, metric } = options
  return [{ name: 'vector', dimension, ...(metric && { metric }) }]
}

function checkAgrees({ name: collection, vectors }: CollectionInfo, options: CollectionOptions): void {
  const wanted = vectorsOf(options)
  const named = 'vectors' in options
  const lacking = wanted.find(({ name }) => named && !vectors.some((one) => one.name === name))
  if (lacking || wanted.length !== vectors.length) {
    const there = vectors.map(({ name }) => `"${name}"`).join(', ')
    throw new AppError({
      code: 'NO_VECTOR_COLUMN',
      message: `Collection "${collection}" has the vector column${vectors.length === 1 ? '' : 's'} ${there}, not ${lacking ? `"${lacking.name}"` : `${wanted.length}`}.`,
      remedy: 'Name the vector columns that it has, or use another name for a new collection.',
      detail: { known: vectors.map(({ name }) => name) },
    })
  }
  for (const [at, { name, dimension, metric }] of wanted.entries()) {
    const vector = named ? vectors.find((one) => one.name === name) : vectors[at]
    if (vector && vector.dimension !== dimension) {
      throw new AppError({
        code: 'DIMENSION_MISMATCH',
        message: `Collection "${collection}" holds vectors of ${vector.dimension} dimensions in "${vector.name}", not ${dimension}.`,
        remedy: 'Use its own dimension, or another name for a new collection.',
        detail: { have: vector.dimension, want: dimension },
      })
    }
    if (vector && metric && vector.metric !== metric) {
      throw new AppError({
        code: 'INVALID_REQUEST',
        message: `Collection "${collection}" measures distances in "${vector.name}" as ${vector.metric}, not ${metric}.`,
        remedy: 'Leave the metric out, or use another name for a new collection.',
      })
    }
  }
}

export function toRow(row: Vector | Row): Row {
  return row instanceof Float32Array || Array.isArray(row) ? { vector: row } : (row as Row)
}
