import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { floats, hitsOf, ints, K, readSet } from './set.mjs'

/**
 * One engine in a process of its own, driven by lines of JSON, as peers.py does it for engines from Python. An engine has
 * `about`, `build`, `prepare` (ef), `one` and `many`, and where it can `load`, `filter`, `rows`, `exact` and `calls`; `query`
 * and `queries` give its own form of one query and of many, `named` the set's numbers of rows, outside of the timing. With `fromMemory` it is given the
 * vectors, with `columns` it stores the columns that filters ask for.
 */

const WARM = 50
/** How long searches are timed that nothing disturbs. */
const ALONE_MS = 3_000

/** One query a call, one after another; `call` may answer at once or later. */
async function timed(set, queries, call, named = (found) => found) {
  const times = new Float64Array(queries)
  let [hits, all] = [0, 0]
  for (let q = 0; q < queries; q += 1) {
    const start = process.hrtime.bigint()
    let found = call(q)
    if (found instanceof Promise) found = await found
    times[q] = Number(process.hrtime.bigint() - start) / 1000
    const [own, possible] = hitsOf(set, q, named(found))
    hits += own
    all += possible
  }
  times.sort()
  return {
    recall: hits / all,
    p50: times[queries >> 1],
    p99: times[Math.floor(queries * 0.99)],
  }
}

/** Bytes that this process holds (`RSS`), or has held at most (`HWM`); null where the system does not say. */
function memory(what) {
  try {
    const found = new RegExp(`Vm${what}:\\s+(\\d+)`).exec(readFileSync('/proc/self/status', 'utf8'))
    return found ? Number(found[1]) * 1024 : null
  } catch {
    return what === 'RSS' ? process.memoryUsage().rss : null
  }
}

/** What was held before the index was built or loaded. */
let before = 0

/** Runs `body` and says what it took: seconds and bytes. */
async function measured(body) {
  try {
    // The system's mark of the most that was held goes back to now.
    writeFileSync('/proc/self/clear_refs', '5')
  } catch {
    // Then the mark also covers what went before.
  }
  before = memory('RSS')
  const start = performance.now()
  const own = await body()
  const seconds = (performance.now() - start) / 1000
  return { seconds, ...held(), ...own }
}

/** Bytes held now, and the most that were held meanwhile, above what was held before. */
function held() {
  const [now, most] = [memory('RSS'), memory('HWM')]
  // The mark may lag behind.
  return { bytes: now - before, peak: most === null ? null : Math.max(now, most) - before }
}

function orders(engine, scratch) {
  let set
  const form = (query) => (engine.query ? engine.query(query) : query)
  /** What the searches took that `ask` makes in rounds, one for each query. */
  const again = async (ask) => {
    const asked = set.queries.map(form)
    const times = []
    await ask(async () => {
      for (const query of asked) {
        const start = process.hrtime.bigint()
        engine.one(query, K)
        times.push(Number(process.hrtime.bigint() - start) / 1000)
      }
      // News of the engine's other threads get through.
      await new Promise((resolve) => setImmediate(resolve))
    })
    times.sort((a, b) => a - b)
    const part = (share) => times[Math.floor(times.length * share)]
    return { calls: times.length, p50: part(0.5), p99: part(0.99), p999: part(0.999) }
  }
  return {
    open({ set: path }) {
      set = readSet(path)
      return { about: engine.about, columns: engine.columns ?? false, filters: 'filter' in engine }
    },
    async build({ threads, columns = false, save, changed = false }) {
      // The vectors that an engine is given lie in memory before.
      if (engine.fromMemory) set.base ??= floats(join(set.path, 'base.f32'))
      const path = save ?? join(scratch, 'index')
      rmSync(path, { recursive: true, force: true })
      return measured(() => engine.build(set, { threads, columns, path, changed }))
    },
    async load({ path, ef }) {
      return measured(async () => {
        await engine.load(set, path)
        await engine.prepare(ef)
        await engine.one(form(set.queries[0]), K)
      })
    },
    held,
    /**
     * What the searches that follow are asked for: rows whose `column` is less than `below`; all without a column. Answers with
     * the time, in us, until the first such search has its answer. `turn` makes a filter new to an engine that keeps them.
     */
    async filter({ column, below, ef, turn }) {
      const name = column ? `truth-${column}-${below}.i32` : 'truth.i32'
      set.truth = ints(join(set.path, name))
      const filter = column ? { column, below, turn, values: ints(join(set.path, `${column}.i32`)) } : null
      const query = form(set.queries[0])
      await engine.prepare(ef)
      const start = process.hrtime.bigint()
      await engine.filter(filter)
      await engine.prepare(ef)
      await engine.one(query, K)
      return { first: Number(process.hrtime.bigint() - start) / 1000 }
    },
    async sweep({ efs, queries }) {
      const asked = set.queries.slice(0, Math.max(queries, WARM)).map(form)
      const rows = []
      for (const ef of efs) {
        await engine.prepare(ef)
        for (let q = 0; q < WARM; q += 1) await engine.one(asked[q], K)
        const ask = (q) => engine.one(asked[q], K)
        rows.push({ ef, ...(await timed(set, queries, ask, engine.named?.bind(engine))) })
      }
      return { rows }
    },
    /** `count` queries at once: the first `queries`, again and again. */
    async batch({ efs, queries, threads, count }) {
      const all = Array.from({ length: count }, (_, q) => set.queries[q % queries])
      const forms = (list) => (engine.queries ? engine.queries(list) : list.map(form))
      const [first, asked] = [forms(all.slice(0, Math.ceil(count / 10))), forms(all)]
      const rows = []
      for (const ef of efs) {
        await engine.prepare(ef)
        await engine.many(first, K, threads)
        const start = performance.now()
        const found = await engine.many(asked, K, threads)
        const took = (performance.now() - start) / 1000
        let [hits, all] = [0, 0]
        for (let q = 0; q < queries; q += 1) {
          const [own, possible] = hitsOf(set, q, found(q))
          hits += own
          all += possible
        }
        rows.push({ ef, recall: hits / all, qps: count / took })
      }
      return { rows }
    },
    /** One query a call, again and again for a while, with nothing else going on. */
    async alone({ ef }) {
      await engine.prepare(ef)
      const until = performance.now() + ALONE_MS
      return again(async (round) => {
        while (performance.now() < until) await round()
      })
    },
    /** The same while an index of the same rows is built in the background. */
    async behind({ ef }) {
      await engine.prepare(ef)
      return again((round) => engine.behind(set, round))
    },
    /** Rows alone, without an index. */
    async rows() {
      await engine.rows(set)
      return {}
    },
    /** Every row compared. */
    async exact({ queries }) {
      const asked = set.queries.slice(0, queries).map(form)
      await engine.prepare(0)
      const way = engine.exact ? 'exact' : 'one'
      return timed(set, queries, (q) => engine[way](asked[q], K))
    },
    /** What a call costs on ten rows: nanoseconds for each of `batches` batches of calls. */
    async calls({ dim, batches }) {
      const { rows, query } = tiny(dim)
      const ways = await engine.calls(rows, query, dim, K)
      const found = []
      for (const [label, { call, calls }] of Object.entries(ways)) {
        const times = []
        for (let batch = 0; batch <= batches; batch += 1) {
          const start = process.hrtime.bigint()
          for (let n = 0; n < calls; n += 1) {
            const answer = call()
            if (answer instanceof Promise) await answer
          }
          const each = Number(process.hrtime.bigint() - start) / calls
          // The first one warms up.
          if (batch > 0) times.push(each)
        }
        found.push({ label, times })
      }
      return { ways: found }
    },
  }
}

/** Ten rows and a query, always the same. */
function tiny(dim) {
  const value = (n) => Math.sin(n * 12.9898) * 0.5
  const rows = Array.from({ length: 10 }, (_, row) =>
    Float32Array.from({ length: dim }, (_, at) => value(row * dim + at + 1)),
  )
  return { rows, query: Float32Array.from({ length: dim }, (_, at) => value(at + 0.5)) }
}

export async function serve(makers) {
  const scratch = mkdtempSync(join(tmpdir(), 'omendb-bench-'))
  let answers
  let engine
  for await (const line of createInterface({ input: process.stdin })) {
    const order = JSON.parse(line)
    let answer
    try {
      if (!answers) {
        engine = await makers[order.peer](scratch)
        answers = orders(engine, scratch)
      }
      answer = answers[order.op] ? await answers[order.op](order) : { error: `no operation ${order.op}` }
    } catch (error) {
      answer = { error: `${error.code ?? error.name}: ${error.message}` }
    }
    console.log(JSON.stringify(answer))
  }
  await engine?.end?.()
  rmSync(scratch, { recursive: true, force: true })
}
