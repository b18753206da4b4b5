import { LIMITS } from '../../../contract/index.ts'
import { engine } from '../../client/engine.ts'

/** Texts of rows for labels, asked for in one go and kept. */
export class Names {
  readonly #texts = new Map<number, string>()
  readonly #asked = new Set<number>()
  readonly #store: string
  readonly #collection: string
  readonly #column: string | null
  readonly #changed: () => void

  /** `column`: null names no row. `changed` is called when texts have come. */
  constructor(store: string, collection: string, column: string | null, changed: () => void) {
    this.#store = store
    this.#collection = collection
    this.#column = column
    this.#changed = changed
  }

  get(row: number): string | null {
    return this.#texts.get(row) ?? null
  }

  want(rows: readonly number[]): void {
    const column = this.#column
    if (column === null) return
    const missing = rows.filter((row) => !this.#asked.has(row)).slice(0, LIMITS.pageRowsMax)
    if (missing.length === 0) return
    for (const row of missing) this.#asked.add(row)
    engine
      .call('row.labels', { store: this.#store, collection: this.#collection, column, rows: missing })
      .then((texts) => {
        missing.forEach((row, i) => {
          this.#texts.set(row, (texts[i] ?? '').replace(/\s+/g, ' ').trim())
        })
        this.#changed()
      })
      // A map without names is still a map; the next rest of the view asks again.
      .catch(() => {
        for (const row of missing) this.#asked.delete(row)
      })
  }
}
