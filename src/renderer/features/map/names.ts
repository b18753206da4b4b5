import { LIMITS } from '../../../contract/index.ts'
import { engine } from '../../client/engine.ts'
import { type Source, target } from '../../client/queries.ts'

/** Texts of rows for labels, asked for in one go and kept. */
export class Names {
  readonly #texts = new Map<number, string>()
  readonly #asked = new Set<number>()
  #source: Source
  readonly #column: string | null
  readonly #changed: () => void

  /** `column`: null names no row. `changed` is called when texts have come. */
  constructor(source: Source, column: string | null, changed: () => void) {
    this.#source = source
    this.#column = column
    this.#changed = changed
  }

  /** The collection changed: texts stand until they are asked for anew. */
  renew(source: Source): void {
    if (source.revision === this.#source.revision && source.before === this.#source.before) return
    this.#source = source
    this.#asked.clear()
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
      .call('row.labels', { ...target(this.#source), column, rows: missing })
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
