import { describe, expect, test } from 'vitest'
import {
  type Cell,
  type ClusterResult,
  LIMITS,
  type Operation,
  type Params,
} from '../../src/contract/index.ts'
import { type Bench, eachTest } from './support.ts'

let bench: Bench
eachTest((one) => {
  bench = one
})
const codeOf = <O extends Operation>(op: O, params: Params<O>) => bench.codeOf(op, params)

const TOPICS = ['ripe red apples', 'fast new cars', 'cold grey rain']

/** Rows in three heaps, one after another in turn, with a text of their heap. */
async function heaps(count = 300) {
  const rows = Array.from({ length: count }, (_, i) => {
    const vector = [0, 1, 2].map((axis) => (i % 3 === axis ? 5 : 0) + Math.sin(i * 12.9898 + axis * 78.233))
    return { id: `r${i}`, topic: `${TOPICS[i % 3]} and the rest of it`, number: i, vector }
  })
  const { store } = await bench.open()
  const end = await bench.import(
    store,
    bench.file('rows.jsonl', rows.map((row) => `${JSON.stringify(row)}\n`).join('')),
    'rows',
    { metric: 'l2' },
  )
  expect(end.error).toBeUndefined()
  return { store, collection: 'rows' }
}

async function clustered(order: Params<'collection.cluster'>): Promise<ClusterResult> {
  const { job } = await bench.engine.call('collection.cluster', order)
  const end = await bench.end(job)
  expect(end).toMatchObject({ state: 'done', kind: 'cluster' })
  return end.result as ClusterResult
}

async function cells(target: { store: string; collection: string }, column: string): Promise<Cell[]> {
  const page = await bench.engine.call('table.page', { ...target, offset: 0, limit: LIMITS.pageRowsMax })
  const at = page.columns.indexOf(column)
  return page.cells.map((row) => row[at] ?? null)
}

describe('clusters', () => {
  test('are heaps of vectors, named by their texts, in a column that undo empties', async () => {
    const target = await heaps()
    const found = await clustered({ ...target, keywords: 'topic', resolution: 0.1 })
    expect(found).toMatchObject({ clusters: 3, rows: 300, column: 'cluster' })
    expect(found.modularity).toBeGreaterThan(0.6)
    expect(found.largest.map(({ rows }) => rows)).toEqual([100, 100, 100])
    const named = await cells(target, 'cluster')
    for (const [i, name] of named.entries()) {
      const words = String(name).split(', ')
      expect(words).toHaveLength(3)
      for (const word of words) expect(TOPICS[i % 3]).toContain(word)
    }
    const [entry] = await bench.engine.call('store.history', { store: target.store, limit: 1 })
    expect(entry).toMatchObject({ kind: 'edit', changed: 300, note: '3 clusters' })
    const filter = `cluster = '${found.largest[0]?.name}'`
    expect(await bench.engine.call('filter.rows', { ...target, filter })).toHaveLength(100)

    await bench.engine.call('history.undo', target)
    expect(new Set(await cells(target, 'cluster'))).toEqual(new Set([null]))
    await bench.engine.call('history.redo', target)
    expect(await cells(target, 'cluster')).toEqual(named)
  })

  test('are more at a higher resolution, and the same again with the same seed', async () => {
    const target = await heaps()
    const few = await clustered({ ...target, resolution: 0.1 })
    const many = await clustered({ ...target, resolution: 20, column: 'fine' })
    expect(few.largest.map(({ name }) => name)).toEqual(['Cluster 1', 'Cluster 2', 'Cluster 3'])
    expect(many.clusters).toBeGreaterThan(10)
    const before = await cells(target, 'fine')
    await clustered({ ...target, resolution: 20, column: 'fine' })
    expect(await cells(target, 'fine')).toEqual(before)
  })

  test('of some rows leave the others as they are', async () => {
    const target = await heaps()
    const among = { by: 'filter', filter: 'number < 90' } as const
    const some = await clustered({ ...target, among, neighbours: 30, resolution: 0.05 })
    expect(some).toMatchObject({ clusters: 3, rows: 90 })
    const named = await cells(target, 'cluster')
    expect(named.filter((name) => name !== null)).toHaveLength(90)
    await clustered({ ...target, among: { by: 'rows', rows: Uint32Array.of(299, 0) }, keywords: 'topic' })
    const after = await cells(target, 'cluster')
    expect(after[299]).not.toBeNull()
    expect(after.slice(1, 299)).toEqual(named.slice(1, 299))
  })

  test('are cancelled, or refused before anything is done', async () => {
    const target = await heaps(6_000)
    const { job } = await bench.engine.call('collection.cluster', target)
    await bench.engine.call('job.cancel', { job })
    expect(await bench.end(job)).toMatchObject({ state: 'cancelled', error: { code: 'CANCELLED' } })
    const history = await bench.engine.call('store.history', { store: target.store })
    expect(history).toHaveLength(1)
    const refused = (order: Partial<Params<'collection.cluster'>>) =>
      codeOf('collection.cluster', { ...target, ...order })
    expect(await refused({ collection: 'none' })).toBe('UNKNOWN_COLLECTION')
    expect(await refused({ keywords: 'none' })).toBe('UNKNOWN_COLUMN')
    expect(await refused({ keywords: 'number' })).toBe('INVALID_REQUEST')
    expect(await refused({ column: 'number' })).toBe('INVALID_REQUEST')
    expect(await refused({ column: 'id' })).toBe('INVALID_REQUEST')
    expect(await refused({ column: 'vector' })).toBe('INVALID_REQUEST')
    expect(await refused({ resolution: 0 })).toBe('INVALID_REQUEST')
    expect(await refused({ among: { by: 'filter', filter: 'number <' } })).toBe('INVALID_FILTER')
    const among = { by: 'filter', filter: 'number < 0' } as const
    const { job: none } = await bench.engine.call('collection.cluster', { ...target, among })
    expect(await bench.end(none)).toMatchObject({ state: 'failed', error: { code: 'EMPTY_INPUT' } })
  })

  test('of one row, of two, and of equal ones', async () => {
    const { store } = await bench.open()
    await bench.engine.call('collection.create', {
      store,
      collection: 'few',
      vectors: [{ name: 'vector', dimension: 2, metric: 'l2' }],
    })
    const target = { store, collection: 'few' }
    const add = (ids: string[]) =>
      bench.engine.call('rows.add', { ...target, rows: ids.map((id) => ({ id, vector: [1, 1], text: id })) })
    await add(['one'])
    expect(await clustered({ ...target, keywords: 'text' })).toMatchObject({
      clusters: 1,
      largest: [{ name: 'one', rows: 1 }],
    })
    await add(['two'])
    expect((await clustered(target)).clusters).toBe(1)
    await add(Array.from({ length: 50 }, (_, i) => `same ${i}`))
    expect((await clustered(target)).rows).toBe(52)
  })

  test('have their middles on a map', async () => {
    const target = await heaps()
    await clustered({ ...target, keywords: 'topic', resolution: 0.1 })
    const params = { neighbours: 10, minDist: 0.1, spread: 1, epochs: 60, method: 'umap' as const }
    const { job } = await bench.engine.call('map.start', { ...target, params })
    expect(await bench.end(job)).toMatchObject({ state: 'done' })
    const regions = await bench.engine.call('map.regions', { ...target, column: 'cluster' })
    expect(regions.map(({ count }) => count)).toEqual([100, 100, 100])
    const { xy } = await bench.engine.call('map.get', target)
    const named = await cells(target, 'cluster')
    for (const { label, x, y, width } of regions) {
      expect(width).toBeLessThan(0.6)
      // Its own points lie around it.
      const nearest = named
        .map((name, i) => ({ name, far: Math.hypot((xy[2 * i] ?? 0) - x, (xy[2 * i + 1] ?? 0) - y) }))
        .sort((a, b) => a.far - b.far)
      for (const { name } of nearest.slice(0, 20)) expect(name).toBe(label)
    }
    expect(await codeOf('map.regions', { ...target, column: 'number' })).toBe('INVALID_REQUEST')
    expect(await codeOf('map.regions', { ...target, column: 'none' })).toBe('UNKNOWN_COLUMN')
    expect(await codeOf('map.regions', { ...target, column: 'cluster', name: 'none' })).toBe('UNKNOWN_MAP')
  })
})
