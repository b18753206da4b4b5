import { spawnSync } from 'node:child_process'
import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { open } from '../../out/node/index.js'
import { serve } from './serve.mjs'
import { flat, floats } from './set.mjs'

/** Our engine, driven like the peers: rows in by the import of a file, queries through the embedded API. */

const CLI = fileURLToPath(new URL('../../scripts/omendb.mjs', import.meta.url))
/** In a place of the answer that no row has taken. */
const NONE = 0xffff_ffff
const K = 10
/** Background threads that did nothing for so long are done. */
const IDLE_MS = 1_500
const ROWS_AT_ONCE = 5_000

class Ours {
  columns = true
  #memory
  #store
  #db
  #reader
  #how = {}
  #filter
  #searcher
  /** For each row its number in the set, where these differ. */
  #ids
  #exact

  constructor(scratch, memory = 'full') {
    this.#store = join(scratch, 'bench.db')
    this.#memory = memory
  }

  get about() {
    return this.#memory === 'full' ? 'defaults' : 'memory: compact'
  }

  /** The seconds until all rows are synced and can be searched. */
  #import(set, columns, store = this.#store) {
    const file = join(set.path, columns ? 'rows.parquet' : 'base.npy')
    const args = ['--store', store, '--collection', 'rows', '--metric', set.metric, '--no-index', '--json']
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
  async build(set, { columns, changed, path }) {
    this.#store = path
    if (changed) return this.#change(set)
    const accepted = this.#import(set, columns)
    const start = performance.now()
    this.#db = await this.#open()
    for (;;) {
      const [{ vectors }] = await this.#db.collections()
      if (vectors[0].index.state === 'ready') break
      await new Promise((resolve) => setTimeout(resolve, 20))
    }
    const seconds = (performance.now() - start) / 1000
    await this.#read()
    return { seconds, accepted }
  }

  async load(_, path) {
    this.#store = path
    this.#db = await this.#open()
    await this.#read()
  }

  #open() {
    return open(this.#store, { memory: this.#memory })
  }

  /** Builds an index of other rows, and calls until it is there. */
  async behind(set, busy) {
    const own = join(this.#store, '..', 'behind.db')
    this.#import(set, false, own)
    const db = await open(own)
    for (;;) {
      const [{ vectors }] = await db.collections()
      if (vectors[0].index.state === 'ready') break
      await busy()
    }
    await db.close()
    rmSync(own, { recursive: true, force: true })
  }

  /** Other vectors for three rows in ten, and more rows; then the right ones by their ids, and the others deleted. */
  async #change(set) {
    const { dim, metric, rows: count } = set
    const base = floats(join(set.path, 'base.f32'))
    const vector = (row) => base.subarray(row * dim, (row + 1) * dim)
    this.#db = await open(this.#store)
    const rows = this.#db.collection('rows', { dimension: dim, metric, id: 'int' })
    const more = Math.floor(count * 0.15)
    const ids = Array.from({ length: count + more }, (_, id) => id)
    const other = (id) => vector((id * 7 + 3) % count)
    await addAll(rows, ids, (id) => (id < count && id % 10 > 2 ? vector(id) : other(id)))
    await this.#settle()
    await rows.delete(ids.slice(count))
    const replaced = ids.slice(0, count).filter((id) => id % 10 < 3)
    await addAll(rows, replaced, vector)
    const seconds = await this.#settle()
    await this.#read()
    // A row's number in the set is its id here.
    this.#ids = new Uint32Array(ids.length + replaced.length)
    for (let row = 0; row < this.#ids.length; row += 1) {
      try {
        this.#ids[row] = this.#reader.ids(Uint32Array.of(row))[0]
      } catch {
        this.#ids[row] = NONE
      }
    }
    return { seconds }
  }

  /** Waits until all rows are in an index and the background threads have been idle for a while; the seconds until they were. */
  async #settle() {
    const start = performance.now()
    let idle = start
    while (performance.now() - idle < IDLE_MS) {
      const before = process.cpuUsage()
      await new Promise((resolve) => setTimeout(resolve, 50))
      const { user, system } = process.cpuUsage(before)
      const [{ vectors }] = await this.#db.collections()
      if (user + system > 10_000 || vectors[0].index.state !== 'ready') idle = performance.now()
    }
    return (idle - start) / 1000
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

  /** What `one` found, by the numbers of the set. */
  named(rows) {
    return this.#ids ? rows.map((row) => this.#ids[row]) : rows
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

/** Adds rows with these ids, some thousands at once. */
async function addAll(collection, ids, vector) {
  for (let at = 0; at < ids.length; at += ROWS_AT_ONCE) {
    const some = ids.slice(at, at + ROWS_AT_ONCE)
    await collection.add(some.map((id) => ({ id, vector: vector(id) })))
  }
}

/** The engine, its program loaded: that of the others is too, before anything is measured. */
async function make(scratch, memory) {
  const nothing = await open(join(scratch, 'nothing.db'))
  await nothing.close()
  return new Ours(scratch, memory)
}

await serve({ omendb: make, 'omendb-compact': (scratch) => make(scratch, 'compact') })
