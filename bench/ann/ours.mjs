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
const K = 10

class Ours {
  about = 'defaults'
  columns = true
  #store
  #db
  #reader
  #how = {}
  #filter
  #searcher
  #exact

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
    await this.#read()
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
    await this.#read()
    return { seconds, accepted }
  }

  async #read() {
    this.#reader = await this.#db.collection('rows').reader()
    this.#exact = this.#reader.searcher(K, { exact: true })
  }

  prepare(ef) {
    this.#how = { ef, filter: this.#filter }
    this.#searcher?.release()
    this.#searcher = this.#reader.searcher(K, this.#how)
  }

  filter(filter) {
    // A reader keeps the rows that pass by the filter's text: with more spaces it is another one.
    this.#filter = filter ? `${filter.column} <${' '.repeat(filter.turn + 1)}${filter.below}` : undefined
  }

  one(query) {
    const { query: place, rows } = this.#searcher
    place.set(query)
    const found = this.#searcher.run()
    return found === K ? rows : rows.subarray(0, found)
  }

  exact(query) {
    this.#exact.query.set(query)
    this.#exact.run()
    return this.#exact.rows
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
    const searcher = this.#reader.searcher(k)
    const ask = () => {
      searcher.query.set(query)
      return searcher.run()
    }
    return {
      'searcher.run': { call: ask, calls: 20_000 },
      'reader.search': { call: () => this.#reader.search(query, places, distances), calls: 20_000 },
      'collection.search (async)': { call: () => tiny.search(query, { k }), calls: 2_000 },
    }
  }

  async end() {
    for (const held of [this.#searcher, this.#exact, this.#reader]) held?.release()
    await this.#db?.close()
  }
}

await serve({ omendb: (scratch) => new Ours(scratch) })
