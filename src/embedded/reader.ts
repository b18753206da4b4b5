import { AppError, type Id } from '../contract/index.ts'
import { type NativeSearcher, type NativeSnapshot, nativeError } from '../engine/index.ts'

/** The most hits of a search. */
const K_MAX = 100_000

/** How a reader searches. */
export interface ReaderSearch {
  /** Partitions of the index to look at, at most; more finds more of the true neighbours. Left out for a good number. */
  ef?: number
  /** Whether to compare with every row instead of the nearest partitions. */
  exact?: boolean
  /** A condition on the rows, as in SQL's WHERE. */
  filter?: string
}

/**
 * One unchanging state of a collection, searched without waiting and without objects: for programs that ask many
 * questions. Got from {@link Collection.reader}; {@link Reader.release} lets go of its files.
 */
export class Reader {
  #native: NativeSnapshot | null
  readonly dimension: number

  /** @internal */
  constructor(native: NativeSnapshot, dimension: number) {
    this.#native = native
    this.dimension = dimension
  }

  /** Live rows. */
  get length(): number {
    return this.#ask((native) => native.length)
  }

  /**
   * Puts the nearest rows to `query` into `rows` and their distances into `distances`, nearest first, as many as fit,
   * and returns how many there are. Runs on the calling thread. Throws DIMENSION_MISMATCH, INVALID_VECTOR,
   * INVALID_REQUEST, INVALID_FILTER.
   */
  search(query: Float32Array, rows: Uint32Array, distances: Float32Array, how: ReaderSearch = {}): number {
    const { ef = 0, exact = false, filter } = how
    checkCall(query, rows, distances, ef)
    return this.#ask((native) => native.searchInto(query, rows, distances, ef, exact, filter))
  }

  /**
   * Searches of one kind for the `k` nearest rows: the fastest way to ask one question after another, since nothing but
   * the query is looked at each time.
   */
  searcher(k: number, how: ReaderSearch = {}): Searcher {
    const { ef = 0, exact = false, filter } = how
    if (!Number.isInteger(k) || k < 1 || k > K_MAX) throw notWhole('k', k)
    if (!Number.isInteger(ef) || ef < 0) throw notWhole('ef', ef)
    return this.#ask((native) => new Searcher(native.searcher(k, ef, exact, filter), this.dimension, k))
  }

  /**
   * Many queries at once on all cores, one after another in `queries`; each has `k` places in `rows` and `distances`.
   * Returns how many of these are filled.
   */
  searchBatch(
    queries: Float32Array,
    k: number,
    rows: Uint32Array,
    distances: Float32Array,
    how: ReaderSearch = {},
  ): number {
    const { ef = 0, exact = false, filter } = how
    checkCall(queries, rows, distances, ef)
    return this.#ask((native) => native.searchBatch(queries, k, rows, distances, ef, exact, filter))
  }

  /** The ids of these rows. Throws UNKNOWN_ROW. */
  ids(rows: Uint32Array): Id[] {
    return this.#ask((native) => JSON.parse(native.ids(rows)))
  }

  /** Lets go of the state's files; calls afterwards throw STORE_CLOSED. */
  release(): void {
    this.#native?.release()
    this.#native = null
  }

  #ask<T>(question: (native: NativeSnapshot) => T): T {
    if (!this.#native) throw released('reader')
    try {
      return question(this.#native)
    } catch (error) {
      throw nativeError(error)
    }
  }
}

/**
 * Searches of one kind, with arrays of their own: write a query, {@link Searcher.run}, read the hits. Got from
 * {@link Reader.searcher}.
 */
export class Searcher {
  #native: NativeSearcher | null
  readonly #places: Float32Array
  /** The query, as many numbers as the vectors have dimensions. */
  readonly query: Float32Array
  /** Row numbers of the hits, nearest first. */
  readonly rows: Uint32Array
  /** Their distances. */
  readonly distances: Float32Array

  /** @internal */
  constructor(native: NativeSearcher, dimension: number, k: number) {
    this.#native = native
    // One array crosses to the engine several times faster than three.
    this.#places = new Float32Array(dimension + 2 * k)
    const { buffer, BYTES_PER_ELEMENT: bytes } = this.#places
    this.query = new Float32Array(buffer, 0, dimension)
    this.rows = new Uint32Array(buffer, dimension * bytes, k)
    this.distances = new Float32Array(buffer, (dimension + k) * bytes, k)
  }

  /**
   * Puts the rows nearest to what stands in `query` into `rows` and their distances into `distances`, and returns how many
   * there are. Runs on the calling thread. Throws INVALID_VECTOR.
   */
  run(): number {
    if (!this.#native) throw released('searcher')
    try {
      return this.#native.run(this.#places)
    } catch (error) {
      throw nativeError(error)
    }
  }

  /** Lets go of the state's files, which it keeps even when its reader has let go of them; it cannot be run afterwards. */
  release(): void {
    this.#native?.release()
    this.#native = null
  }
}

function released(what: string): AppError {
  return new AppError({
    code: 'STORE_CLOSED',
    message: `This ${what} was released.`,
    remedy: 'Take another one from the collection.',
  })
}

function notWhole(what: string, value: unknown): AppError {
  return new AppError({
    code: 'INVALID_REQUEST',
    message: `${what} is ${value}: it must be a whole number${what === 'k' ? ` from 1 to ${K_MAX}` : ''}.`,
    remedy: what === 'k' ? 'Ask for fewer hits.' : 'Leave it out for a good one.',
  })
}

/** The addon takes these kinds of arrays alone. */
function checkCall(query: unknown, rows: unknown, distances: unknown, ef: number): void {
  const kinds =
    query instanceof Float32Array && rows instanceof Uint32Array && distances instanceof Float32Array
  if (kinds && Number.isInteger(ef) && ef >= 0) return
  if (kinds) throw notWhole('ef', ef)
  throw new AppError({
    code: 'INVALID_REQUEST',
    message:
      'A reader takes a Float32Array of queries, a Uint32Array for rows and a Float32Array for distances.',
    remedy: 'Make arrays of these kinds once and use them for every search.',
  })
}
