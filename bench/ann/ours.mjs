import { spawnSync } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { open } from '../../out/node/index.js'

/** Our engine, driven like the peers (see peers.py): rows in by the import of an .fvecs file, queries through the embedded API. */

const CLI = fileURLToPath(new URL('../../scripts/omendb.mjs', import.meta.url))

let set
let db
let reader
let folder
let store

const floats = (path) => {
  const { buffer, byteOffset, byteLength } = readFileSync(path)
  return new Float32Array(buffer, byteOffset, byteLength / 4)
}

const ORDERS = {
  open({ set: path }) {
    const about = JSON.parse(readFileSync(join(path, 'set.json'), 'utf8'))
    const truth = readFileSync(join(path, 'truth.i32'))
    set = {
      ...about,
      path,
      query: floats(join(path, 'query.f32')),
      truth: new Int32Array(truth.buffer, truth.byteOffset, truth.byteLength / 4),
    }
    return { about: 'defaults' }
  },
  /** Rows alone, committed and synced, without an index. */
  async rows() {
    folder = mkdtempSync(join(tmpdir(), 'omendb-bench-'))
    store = join(folder, 'bench.db')
    const file = join(set.path, 'base.npy')
    const metric = ['--metric', set.metric]
    const args = ['import', file, '--store', store, '--collection', 'rows', ...metric, '--no-index', '--json']
    const imported = spawnSync(process.execPath, [CLI, ...args], { encoding: 'utf8' })
    if (imported.status !== 0) throw new Error(imported.stderr)
    // One who only reads builds nothing.
    db = await open(store, { readOnly: true })
    reader = await db.collection('rows').reader()
    return { accepted: JSON.parse(imported.stdout).seconds }
  },
  /** The index, built behind the rows. */
  async build() {
    const { accepted } = await ORDERS.rows()
    reader.release()
    await db.close()
    const before = process.memoryUsage().rss
    const start = performance.now()
    db = await open(store)
    for (;;) {
      const [{ vectors }] = await db.collections()
      if (vectors[0].index.state === 'ready') break
      await new Promise((resolve) => setTimeout(resolve, 20))
    }
    const end = performance.now()
    reader = await db.collection('rows').reader()
    return {
      seconds: (end - start) / 1000,
      accepted,
      bytes: process.memoryUsage().rss - before,
    }
  },
  sweep({ efs, queries }) {
    const [rows, distances] = [new Uint32Array(10), new Float32Array(10)]
    const found = efs.map((ef) => {
      const how = { ef }
      const times = new Float64Array(queries)
      let hits = 0
      for (let q = 0; q < 50; q += 1) reader.search(queryOf(q), rows, distances, how)
      for (let q = 0; q < queries; q += 1) {
        const query = queryOf(q)
        const start = process.hrtime.bigint()
        reader.search(query, rows, distances, how)
        times[q] = Number(process.hrtime.bigint() - start) / 1000
        hits += hitsOf(q, rows)
      }
      times.sort()
      return {
        ef,
        recall: hits / (queries * 10),
        p50: times[queries >> 1],
        p99: times[Math.floor(queries * 0.99)],
      }
    })
    return { rows: found }
  },
  /** Every row compared; without an index by its vector, with one by its code. */
  exact({ queries }) {
    const [rows, distances] = [new Uint32Array(10), new Float32Array(10)]
    const times = new Float64Array(queries)
    let hits = 0
    for (let q = 0; q < queries; q += 1) {
      const query = queryOf(q)
      const start = process.hrtime.bigint()
      reader.search(query, rows, distances, { exact: true })
      times[q] = Number(process.hrtime.bigint() - start) / 1000
      hits += hitsOf(q, rows)
    }
    times.sort()
    return { recall: hits / (queries * 10), p50: times[queries >> 1] }
  },
  batch({ efs, queries }) {
    const count = Math.max(queries, 2000)
    const all = new Float32Array(count * set.dim)
    for (let q = 0; q < count; q += 1) all.set(queryOf(q % queries), q * set.dim)
    const [rows, distances] = [new Uint32Array(count * 10), new Float32Array(count * 10)]
    const found = efs.map((ef) => {
      reader.searchBatch(all, 10, rows, distances, { ef })
      const start = performance.now()
      reader.searchBatch(all, 10, rows, distances, { ef })
      const took = (performance.now() - start) / 1000
      let hits = 0
      for (let q = 0; q < queries; q += 1) hits += hitsOf(q, rows.subarray(q * 10, q * 10 + 10))
      return { ef, recall: hits / (queries * 10), qps: count / took }
    })
    return { rows: found }
  },
}

const queryOf = (q) => set.query.subarray(q * set.dim, (q + 1) * set.dim)

function hitsOf(q, rows) {
  const wide = set.truth.length / set.queries
  const truth = new Set(set.truth.subarray(q * wide, q * wide + 10))
  return rows.reduce((hits, row) => hits + (truth.has(row) ? 1 : 0), 0)
}

for await (const line of createInterface({ input: process.stdin })) {
  const order = JSON.parse(line)
  let answer
  try {
    answer = await ORDERS[order.op](order)
  } catch (error) {
    answer = { error: `${error.code ?? error.name}: ${error.message}` }
  }
  console.log(JSON.stringify(answer))
}
reader?.release()
await db?.close()
if (folder && existsSync(folder)) rmSync(folder, { recursive: true, force: true })
