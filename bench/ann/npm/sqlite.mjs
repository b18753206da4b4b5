import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { ints } from '../set.mjs'
import { use } from './packages.mjs'

/** sqlite-vec has no index: it compares with every row, or with those that its own columns let pass. */
export class SqliteVec {
  about = 'exact, f32'
  columns = true
  fromMemory = true
  #Database = use('better-sqlite3')
  #vec = use('sqlite-vec')
  #db
  #search
  #below

  #open(path) {
    mkdirSync(path, { recursive: true })
    this.#db = new this.#Database(join(path, 'rows.sqlite'))
    this.#vec.load(this.#db)
  }

  build({ base, rows, dim, metric, path: set }, { columns, path }) {
    this.#open(path)
    const names = columns ? ['bucket', 'slope'] : []
    const values = names.map((name) => ints(join(set, `${name}.i32`)))
    const vector = `vector float[${dim}] distance_metric=${metric}`
    this.#db.exec(
      `create virtual table rows using vec0(${[vector, ...names.map((name) => `${name} integer`)].join(', ')})`,
    )
    const places = ['?', '?', ...names.map(() => '?')].join(', ')
    const insert = this.#db.prepare(`insert into rows(${['rowid', 'vector', ...names]}) values (${places})`)
    this.#db.transaction(() => {
      for (let row = 0; row < rows; row += 1) {
        const own = values.map((column) => BigInt(column[row]))
        insert.run(BigInt(row), base.subarray(row * dim, row * dim + dim), ...own)
      }
    })()
    this.filter(null)
  }

  load(_, path) {
    this.#open(path)
    this.filter(null)
  }

  filter(filter) {
    const and = filter ? ` and ${filter.column} < ?` : ''
    this.#below = filter ? [BigInt(filter.below)] : []
    this.#search = this.#db.prepare(`select rowid from rows where vector match ? and k = ?${and}`).pluck()
  }

  prepare() {}

  one(query, k) {
    return this.#search.all(query, k, ...this.#below)
  }

  many(queries, k) {
    const found = queries.map((query) => this.one(query, k))
    return (q) => found[q]
  }

  end() {
    this.#db?.close()
  }
}
