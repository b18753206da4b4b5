import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { ImportResult } from '../../src/contract/index.ts'
import { createEngine, type Engine, type GrantMap } from '../../src/engine/index.ts'

const SAMPLE = fileURLToPath(new URL('../../samples/words.parquet', import.meta.url))
const QUERIES = 400

let folder = ''
let engine: Engine
let store = ''
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'omendb recall '))
  const grants: GrantMap = new Map([
    ['sample', { path: SAMPLE, kind: 'file' as const }],
    ['store', { path: join(folder, 'words.db'), kind: 'store' as const }],
  ])
  engine = createEngine({ grants })
  store = (await engine.call('store.open', { grant: 'store', create: true })).store
  const preview = await engine.call('import.preview', { grant: 'sample' })
  const ended = new Promise<ImportResult>((resolve) => {
    engine.on((message) => {
      if (message.event === 'job.end') resolve(message.data.result as ImportResult)
    })
  })
  await engine.call('import.start', {
    store,
    grant: 'sample',
    collection: 'words',
    plan: {
      vector: 'vector',
      id: 'word',
      metric: preview.metric.metric,
      onError: 'stop',
      columns: preview.columns
        .filter(({ type }) => type !== 'vector')
        .map(({ name, type }) => ({ source: name, name, type })),
    },
  })
  await ended
  for (;;) {
    const info = await engine.call('store.info', { store })
    if (info.collections[0]?.vectors[0]?.index.state === 'ready') return
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
})
afterAll(async () => {
  await engine.close()
  rmSync(folder, { recursive: true, force: true })
})

test('[Q5] recall@10 on the sample is at least 0.95 at default settings, against exact search', async () => {
  let found = 0
  for (let query = 0; query < QUERIES; query += 1) {
    const like = { by: 'row' as const, row: query * 50 }
    const indexed = await engine.call('search.run', { store, collection: 'words', query: like, k: 10 })
    const exact = await engine.call('search.run', {
      store,
      collection: 'words',
      query: like,
      k: 10,
      exact: true,
    })
    expect(indexed.plan).toBe('indexed')
    expect(exact.plan).toBe('exact')
    const true10 = new Set(exact.hits.map(({ row }) => row))
    found += indexed.hits.filter(({ row }) => true10.has(row)).length
  }
  expect(found / (QUERIES * 10)).toBeGreaterThanOrEqual(0.95)
})
