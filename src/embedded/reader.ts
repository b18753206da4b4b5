import { AppError, type Id } from '../contract/index.ts'
import { type NativeSnapshot, nativeError } from '../engine/index.ts'

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
    if (!this.#native) {
      throw new AppError({
        code: 'STORE_CLOSED',
        message: 'This reader was released.',
        remedy: 'Take another one from the collection.',
      })
    }
    try {
      return question(this.#native)
    } catch (error) {
      throw nativeError(error)
    }
  }
}

/** The addon takes these kinds of arrays alone. */
function checkCall(query: unknown, rows: unknown, distances: unknown, ef: number): void {
  const kinds =
    query instanceof Float32Array && rows instanceof Uint32Array && distances instanceof Float32Array
  if (kinds && Number.isInteger(ef) && ef >= 0) return
  throw new AppError({
    code: 'INVALID_REQUEST',
    message: kinds
      ? `ef is ${ef}: it must be a whole number.`
      : 'A reader takes a Float32Array of queries, a Uint32Array for rows and a Float32Array for distances.',
    remedy: kinds
      ? 'Leave it out for a good one.'
      : 'Make arrays of these kinds once and use them for every search.',
  })
}
