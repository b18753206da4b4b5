import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { open } from '../../out/node/index.js'
import { serve } from './serve.mjs'
import { flat } from './set.mjs'

/** Our engine, driven like the peers: rows in by the import of a file, queries through the embedded API. */

const CLI = fileURLToPath(new URL('../../scripts/omendb.mjs', import.meta.url))
/** In a place of the answer that no row has taken. */
const NONE = 0xffff_ffff

class Ours {
  about = 'defaults'
  columns = true
  #store
  #db
  #reader
  #how = {}
  #filter
  #rows = new Uint32Array(10)
  #distances = new Float32Array(10)

  constructor(scratch) {
    this.#store = join(scratch, 'bench.db')
  }

  /** The seconds until all rows are synced and can be searched. */
  #import(set, columns) {
    const file = join(set.path, columns ? 'rows.parquet' : 'base.npy')
    const args = [
      '--store',
      this.#store,
      '--collection',
      'rows',
      '--metric',
      set.metric,
      '--no-index',
      '--json',
    ]
    // The columns are no ids.
    if (columns) args.push('--vector', 'vector', '--id', '')
    const imported = spawnSync(process.execPath, [CLI, 'import', file, ...args], { encoding: 'utf8' })
    if (imported.status !== 0) throw new Error(imported.stderr)
    return JSON.parse(imported.stdout).seconds
  }

  /** Rows alone, committed and synced, without an index. */
  async rows(set) {
    this.#import(set, false)
    // One who only reads builds nothing.
    this.#db = await open(this.#store, { readOnly: true })
    this.#reader = await this.#db.collection('rows').reader()
  }

  /** The index, built behind the rows. */
  async build(set, { columns }) {
    const accepted = this.#import(set, columns)
    const start = performance.now()
    this.#db = await open(this.#store)
    for (;;) {
      const [{ vectors }] = await this.#db.collections()
      if (vectors[0].index.state === 'ready') break
      await new Promise((resolve) => setTimeout(resolve, 20))
    }
    const seconds = (performance.now() - start) / 1000
    this.#reader = await this.#db.collection('rows').reader()
    return { seconds, accepted }
  }

  prepare(ef) {
    this.#how = { ef, filter: this.#filter }
  }

  filter(filter) {
    // A reader keeps the rows that pass by the filter's text: with more spaces it is another one.
    this.#filter = filter ? `${filter.column} <${' '.repeat(filter.turn + 1)}${filter.below}` : undefined
  }

  one(query) {
    return this.#search(query, this.#how)
  }

  exact(query) {
    return this.#search(query, { exact: true, filter: this.#filter })
  }

  queries = flat

  many(queries, k) {
    const rows = new Uint32Array((queries.length / this.#reader.dimension) * k).fill(NONE)
    this.#reader.searchBatch(queries, k, rows, new Float32Array(rows.length), this.#how)
    return (q) => rows.subarray(q * k, q * k + k)
  }

  async calls(rows, query, dim, k) {
    this.#db ??= await open(this.#store)
    const tiny = this.#db.collection(`tiny${dim}`, { dimension: dim, metric: 'l2' })
    await tiny.add(rows)
    this.#reader = await tiny.reader()
    const [places, distances] = [new Uint32Array(k), new Float32Array(k)]
    return {
      'reader.search': { call: () => this.#reader.search(query, places, distances), calls: 20_000 },
      'collection.search (async)': { call: () => tiny.search(query, { k }), calls: 2_000 },
    }
  }

  async end() {
    this.#reader?.release()
    await this.#db?.close()
  }

  #search(query, how) {
    const found = this.#reader.search(query, this.#rows, this.#distances, how)
    return found === this.#rows.length ? this.#rows : this.#rows.subarray(0, found)
  }
}

await serve({ omendb: (scratch) => new Ours(scratch) })
