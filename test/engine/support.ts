import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { build } from 'vite'
import { afterAll, afterEach, beforeAll, beforeEach, expect } from 'vitest'
import type {
  AppError,
  EventName,
  Events,
  ImportPlan,
  Operation,
  Params,
  StoreInfo,
} from '../../src/contract/index.ts'
import { createEngine, type Engine, type GrantMap } from '../../src/engine/index.ts'
import { seededRandom } from '../../src/engine/jobs/layout.ts'

/** An engine with a folder of its own, and the ways that tests use it. */
export class Bench {
  readonly folder = mkdtempSync(join(tmpdir(), 'omendb-engine-'))
  readonly grants: GrantMap = new Map()
  readonly engine: Engine = createEngine({ grants: this.grants })
  readonly events: { event: EventName; data: Events[EventName] }[] = []
  #tokens = 0

  constructor() {
    this.engine.on((message) => this.events.push(message))
  }

  path(name: string): string {
    return join(this.folder, name)
  }

  grant(path: string, kind: 'file' | 'store'): string {
    const token = `grant ${++this.#tokens}`
    this.grants.set(token, { path, kind })
    return token
  }

  /** Writes a file and grants it. */
  file(name: string, content: string | Uint8Array): string {
    writeFileSync(this.path(name), content)
    return this.grant(this.path(name), 'file')
  }

  open(name = 'test.db', create = true): Promise<StoreInfo> {
    return this.engine.call('store.open', { grant: this.grant(this.path(name), 'store'), create })
  }

  /** Resolves with the first event of this kind that fits, past ones included. */
  event<E extends EventName>(event: E, fits: (data: Events[E]) => boolean): Promise<Events[E]> {
    return new Promise((done) => {
      const look = (message: { event: EventName; data: Events[EventName] }) => {
        if (message.event !== event || !fits(message.data as Events[E])) return
        stop()
        done(message.data as Events[E])
      }
      const stop = this.engine.on(look)
      for (const past of [...this.events]) look(past)
    })
  }

  end(job: string): Promise<Events['job.end']> {
    return this.event('job.end', (data) => data.job === job)
  }

  /** Imports a granted file as its preview suggests. */
  async import(
    store: string,
    grant: string,
    collection: string,
    changes: Partial<ImportPlan> = {},
  ): Promise<Events['job.end']> {
    const preview = await this.engine.call('import.preview', { grant })
    const plan: ImportPlan = {
      vector: preview.vector?.column ?? '',
      id: preview.id?.column ?? null,
      metric: preview.metric.metric,
      columns: preview.columns
        .filter((column) => column.type !== 'vector')
        .map(({ name, type }) => ({ source: name, name, type })),
      onError: 'stop',
      ...changes,
    }
    const { job } = await this.engine.call('import.start', { store, grant, collection, plan })
    return this.end(job)
  }

  /** A store with one collection of sample rows. */
  async imported(count = 400): Promise<{ store: string; collection: string }> {
    const { store } = await this.open()
    const end = await this.import(store, this.file('rows.csv', csv(sample(count))), 'rows')
    expect(end.error).toBeUndefined()
    return { store, collection: 'rows' }
  }

  /** The code of the error that a call ends with. */
  async codeOf<O extends Operation>(op: O, params: Params<O>): Promise<string> {
    const error = await this.engine.call(op, params).then(
      () => null,
      (thrown: AppError) => thrown,
    )
    return error?.code ?? 'no error'
  }

  async close(): Promise<void> {
    await this.engine.close()
    rmSync(this.folder, { recursive: true, force: true })
  }
}

/** A new engine for each test of a file, with umap-js's worker at hand; `set` is given each. */
export function eachTest(set: (bench: Bench) => void): void {
  const worker = mkdtempSync(join(tmpdir(), 'omendb-worker-'))
  let bench: Bench
  beforeAll(() => buildWorker(worker))
  afterAll(() => rmSync(worker, { recursive: true, force: true }))
  beforeEach(() => {
    bench = new Bench()
    set(bench)
  })
  afterEach(() => bench.close())
}

/** Builds the layout's worker once into a folder and makes the engine find it. */
async function buildWorker(folder: string): Promise<void> {
  await build({
    configFile: false,
    logLevel: 'error',
    ssr: { noExternal: true },
    build: {
      ssr: resolve('src/engine/jobs/umap-worker.ts'),
      outDir: folder,
      target: 'node20.18',
      rolldownOptions: { output: { format: 'es', entryFileNames: 'umap-worker.mjs' } },
    },
  })
  process.env.OMENDB_UMAP_WORKER = join(folder, 'umap-worker.mjs')
}

export interface Sample {
  id: string
  group: string
  rank: number
  vector: number[]
}

/** Rows in four groups, each around a corner of its own in 8 dimensions. */
export function sample(count: number, seed = 1): Sample[] {
  const random = seededRandom(seed)
  return Array.from({ length: count }, (_, i) => ({
    id: `row-${i}`,
    group: ['north', 'east', 'south', 'west'][i % 4] ?? '',
    rank: i,
    vector: Array.from({ length: 8 }, (_, d) => Number(((d === i % 4 ? 5 : 0) + random()).toFixed(4))),
  }))
}

export function csv(rows: Sample[]): string {
  const lines = rows.map(
    ({ id, group, rank, vector }) => `${id},${group},${rank},"${JSON.stringify(vector)}"`,
  )
  return `id,group,rank,embedding\n${lines.join('\n')}\n`
}

export function jsonl(rows: Sample[]): string {
  return rows.map((row) => `${JSON.stringify(row)}\n`).join('')
}

/** A .npy file, version 1, of 32-bit floats. */
export function npy(rows: number[][]): Uint8Array {
  const shape = `(${rows.length}, ${rows[0]?.length ?? 0})`
  let header = `{'descr': '<f4', 'fortran_order': False, 'shape': ${shape}, }`
  header = `${header.padEnd(Math.ceil((header.length + 11) / 64) * 64 - 11)}\n`
  const data = Float32Array.from(rows.flat())
  const start = Buffer.from([
    0x93,
    0x4e,
    0x55,
    0x4d,
    0x50,
    0x59,
    1,
    0,
    header.length & 255,
    header.length >> 8,
  ])
  return Buffer.concat([start, Buffer.from(header, 'latin1'), Buffer.from(data.buffer)])
}
