import { describe, expect, test } from 'vitest'
import type { Cell, ImportPlan, MapInfo, Operation, Params } from '../../src/contract/index.ts'
import { type Bench, eachTest, sample } from './support.ts'

/** Collections with several vector columns. */

let bench: Bench
eachTest((one) => {
  bench = one
})
const codeOf = <O extends Operation>(op: O, params: Params<O>) => bench.codeOf(op, params)

interface Doc {
  id: string
  title: string
  text_embedding: number[]
  image_embedding: number[]
}

/** Rows whose texts lie in four groups by number, and whose pictures in five. */
function docs(count: number, seed = 1): Doc[] {
  return sample(count, seed).map(({ id, vector }, row) => ({
    id,
    title: `document ${row}`,
    text_embedding: vector,
    image_embedding: Array.from({ length: 40 }, (_, d) => (d === row % 5 ? 200 : (row * 7 + d * 13) % 16)),
  }))
}

const lines = (rows: object[]) => rows.map((row) => `${JSON.stringify(row)}\n`).join('')

/** The plan that takes the vector columns of a file as its preview suggests. */
async function planOf(grant: string): Promise<ImportPlan> {
  const preview = await bench.engine.call('import.preview', { grant })
  return {
    vector: preview.vector?.column ?? '',
    id: 'id',
    metric: preview.metric.metric,
    columns: preview.columns
      .filter(({ name }) => name !== preview.vector?.column)
      .map(({ name, type }) => ({ source: name, name, type })),
    onError: 'stop',
  }
}

async function importAll(store: string, grant: string, changes: Partial<ImportPlan> = {}) {
  const plan = { ...(await planOf(grant)), ...changes }
  const { job } = await bench.engine.call('import.start', { store, grant, collection: 'docs', plan })
  return bench.end(job)
}

async function imported(count = 300) {
  const { store } = await bench.open()
  const end = await importAll(store, bench.file('docs.jsonl', lines(docs(count))))
  expect(end.error).toBeUndefined()
  return { store, collection: 'docs' }
}

const groupOf = (ids: { id: string | number }[], size: number) => [
  ...new Set(ids.map(({ id }) => Number(String(id).slice(4)) % size)),
]

describe('a file with two vector columns', () => {
  test('is seen as such, each with a metric of its own', async () => {
    const grant = bench.file('docs.jsonl', lines(docs(50)))
    const { vectorCandidates } = await bench.engine.call('import.preview', { grant })
    expect(vectorCandidates).toMatchObject([
      { column: 'image_embedding', dimension: 40, planned: true, metric: { metric: 'l2' } },
      { column: 'text_embedding', dimension: 8, planned: true, metric: { metric: 'cosine' } },
    ])
  })

  test('becomes a collection with both, which are searched each by its own vectors', async () => {
    const target = await imported()
    const info = await bench.engine.call('store.info', { store: target.store })
    expect(info.collections[0]).toMatchObject({
      rows: 300,
      vectors: [
        { name: 'image_embedding', dimension: 40, metric: 'l2' },
        { name: 'text_embedding', dimension: 8, metric: 'cosine' },
      ],
      columns: [{ name: 'id' }, { name: 'title' }],
    })
    const found = async (vector?: string) => {
      const query = { by: 'id', id: 'row-11' } as const
      return (await bench.engine.call('search.run', { ...target, query, vector, k: 20 })).hits
    }
    expect(groupOf(await found(), 5)).toEqual([1])
    expect(groupOf(await found('image_embedding'), 5)).toEqual([1])
    expect(groupOf(await found('text_embedding'), 4)).toEqual([3])

    const { vectors } = await bench.engine.call('row.get', { ...target, row: 11 })
    expect(vectors.map(({ name, vector }) => [name, vector.length])).toEqual([
      ['image_embedding', 40],
      ['text_embedding', 8],
    ])
    const given = vectors[1]?.vector.slice() ?? new Float32Array()
    const query = { by: 'vector', vector: given } as const
    const near = await bench.engine.call('search.run', { ...target, query, vector: 'text_embedding', k: 1 })
    expect(near.hits).toMatchObject([{ id: 'row-11' }])
    expect(await codeOf('search.run', { ...target, query })).toBe('DIMENSION_MISMATCH')
    expect(await codeOf('search.run', { ...target, query, vector: 'title' })).toBe('UNKNOWN_COLUMN')
  })

  test('takes the names, metrics and dimensions of the plan', async () => {
    const { store } = await bench.open()
    const grant = bench.file('docs.jsonl', lines(docs(30)))
    const columns: ImportPlan['columns'] = [
      { source: 'text_embedding', name: 'text', type: 'vector', dimension: 8, metric: 'dot' },
    ]
    const end = await importAll(store, grant, { columns })
    expect(end).toMatchObject({ state: 'done', result: { rows: 30 } })
    const info = await bench.engine.call('store.info', { store })
    expect(info.collections[0]?.vectors).toMatchObject([
      { name: 'image_embedding', metric: 'l2' },
      { name: 'text', dimension: 8, metric: 'dot' },
    ])
  })

  test('stops at a row that lacks one of them, or leaves it out and says which', async () => {
    const { store } = await bench.open()
    const rows: Partial<Doc>[] = docs(20)
    rows[12] = { ...rows[12], image_embedding: [1, 2, 3] }
    delete rows[15]?.text_embedding
    const grant = bench.file('bad.jsonl', lines(rows))
    const columns: ImportPlan['columns'] = [
      { source: 'text_embedding', name: 'text_embedding', type: 'vector', dimension: 8 },
    ]
    expect(await importAll(store, grant, { columns })).toMatchObject({
      state: 'failed',
      error: { code: 'BAD_ROW', detail: { row: 13 } },
    })
    const end = await importAll(store, grant, { columns, onError: 'skip' })
    expect(end).toMatchObject({
      result: {
        rows: 18,
        rejectedRows: [
          { row: 13, column: 'image_embedding' },
          { row: 16, column: 'text_embedding' },
        ],
      },
    })
  })

  test('is added to a collection with the same vector columns, and to no other', async () => {
    const target = await imported(100)
    const more = bench.file('more.jsonl', lines(docs(150, 2)))
    expect(await importAll(target.store, more)).toMatchObject({ result: { rows: 150, replaced: 100 } })

    // Whichever of them the plan names first.
    const columns: ImportPlan['columns'] = [
      { source: 'image_embedding', name: 'image_embedding', type: 'vector' },
      { source: 'title', name: 'title', type: 'text' },
    ]
    const turned = await importAll(target.store, more, {
      vector: 'text_embedding',
      metric: 'cosine',
      columns,
    })
    expect(turned).toMatchObject({ result: { rows: 150, replaced: 150 } })
    const query = { by: 'id', id: 'row-11' } as const
    const near = await bench.engine.call('search.run', { ...target, query, vector: 'text_embedding', k: 20 })
    expect(groupOf(near.hits, 4)).toEqual([3])

    const one = await importAll(target.store, more, { columns: [] })
    expect(one).toMatchObject({
      state: 'failed',
      error: {
        code: 'NO_VECTOR_COLUMN',
        message: expect.stringContaining('no vectors for "text_embedding"') as string,
        detail: { known: ['image_embedding', 'text_embedding'] },
      },
    })
    const other = await importAll(target.store, more, {
      columns: [{ source: 'text_embedding', name: 'text_embedding', type: 'vector', metric: 'l2' }],
    })
    expect(other).toMatchObject({ state: 'failed', error: { code: 'INVALID_REQUEST' } })
    const info = await bench.engine.call('store.info', { store: target.store })
    expect(info.collections[0]?.rows).toBe(150)

    const single = { store: target.store, collection: 'single' }
    const vectors = [{ name: 'image_embedding', dimension: 40, metric: 'l2' as const }]
    await bench.engine.call('collection.create', { ...single, vectors, id: 'text' })
    const { job } = await bench.engine.call('import.start', {
      ...single,
      grant: more,
      plan: await planOf(more),
    })
    expect(await bench.end(job)).toMatchObject({ state: 'failed', error: { code: 'NO_VECTOR_COLUMN' } })
  })
})

test('rows are added with a vector for each column, or not at all', async () => {
  const { store } = await bench.open()
  const target = { store, collection: 'docs' }
  await bench.engine.call('collection.create', {
    ...target,
    vectors: [
      { name: 'text', dimension: 2, metric: 'cosine' },
      { name: 'image', dimension: 3, metric: 'l2' },
    ],
  })
  const rows = [
    { id: 'a', text: [1, 0], image: new Float32Array([0, 0, 1]), title: 'first' },
    { id: 'b', text: [0, 1], image: [5, 5, 5], title: 'second' },
  ]
  expect(await bench.engine.call('rows.add', { ...target, rows })).toEqual({ first: 0, count: 2 })
  const near = async (vector: string, query: number[]) => {
    const asked = { by: 'vector' as const, vector: query }
    const { hits } = await bench.engine.call('search.run', { ...target, vector, query: asked, k: 1 })
    return hits[0]?.id
  }
  expect(await near('text', [0.9, 0.1])).toBe('a')
  expect(await near('image', [5, 5, 4])).toBe('b')
  expect(await codeOf('rows.add', { ...target, rows: [{ id: 'c', text: [1, 1] }] })).toBe('NO_VECTOR_COLUMN')
  expect(await codeOf('rows.add', { ...target, rows: [{ id: 'c', vector: [1, 1] }] })).toBe(
    'NO_VECTOR_COLUMN',
  )
  expect(await codeOf('rows.add', { ...target, rows: [{ id: 'c', text: [1, 1], image: [1] }] })).toBe(
    'DIMENSION_MISMATCH',
  )
  const vectors = new Float32Array(10)
  expect(await codeOf('rows.addVectors', { ...target, vectors, ids: ['c', 'd'] })).toBe('NO_VECTOR_COLUMN')
  const info = await bench.engine.call('store.info', { store })
  expect(info.collections[0]?.rows).toBe(2)
})

const PARAMS = { neighbours: 10, minDist: 0.1, spread: 1, epochs: 60, method: 'umap' as const }

async function mapOf(call: Promise<{ job: string }>): Promise<MapInfo> {
  const end = await bench.end((await call).job)
  expect(end.error).toBeUndefined()
  return end.result as MapInfo
}

/** How far apart the means of groups lie, in the mean distance of a point from that of its group. */
function apart(xy: Float32Array, groups: number): number {
  const points = Array.from({ length: xy.length / 2 }, (_, i) => [xy[2 * i] ?? 0, xy[2 * i + 1] ?? 0])
  const mean = (of: number[][]) =>
    [0, 1].map((axis) => of.reduce((sum, p) => sum + (p[axis] ?? 0), 0) / of.length)
  const away = ([x = 0, y = 0]: number[], [ox = 0, oy = 0]: number[]) => Math.hypot(x - ox, y - oy)
  const members = Array.from({ length: groups }, (_, group) => points.filter((_, i) => i % groups === group))
  const centres = members.map(mean)
  const within = members.flatMap((of, group) => of.map((p) => away(p, centres[group] ?? [])))
  const between = centres.flatMap((a, i) => centres.slice(i + 1).map((b) => away(a, b)))
  return Math.min(...between) / (within.reduce((sum, x) => sum + x, 0) / within.length)
}

test('a map is drawn, judged, gone on with and looked at by the vector column that it is of', async () => {
  const target = await imported(200)
  const text = { ...target, name: 'text' }
  const drawn = await mapOf(
    bench.engine.call('map.start', { ...text, params: PARAMS, vector: 'text_embedding' }),
  )
  expect(drawn.vector).toBe('text_embedding')
  const first = await mapOf(bench.engine.call('map.start', { ...target, params: PARAMS }))
  expect(first.vector).toBeUndefined()
  const xyOf = async (place: Params<'map.get'>) => (await bench.engine.call('map.get', place)).xy
  expect(apart(await xyOf(text), 4)).toBeGreaterThan(2)
  expect(apart(await xyOf(target), 5)).toBeGreaterThan(2)
  expect(apart(await xyOf(target), 4)).toBeLessThan(1)

  const neighbours = await bench.engine.call('map.neighbours', { ...text, row: 11 })
  expect([...new Set(neighbours.map(({ row }) => row % 4))]).toEqual([3])
  const judged = await mapOf(bench.engine.call('map.judge', text))
  expect(judged.vector).toBe('text_embedding')
  expect(judged.score?.kept).toBeGreaterThan(0.2)

  // Of the store that is opened again, whose layout is no longer in memory.
  await bench.engine.call('store.close', { store: target.store })
  const { store } = await bench.open('test.db', false)
  const again = await mapOf(bench.engine.call('map.goOn', { ...text, store, epochs: 120 }))
  expect(again).toMatchObject({ vector: 'text_embedding', epoch: 120 })
  expect(apart(await xyOf({ ...text, store }), 4)).toBeGreaterThan(2)
  expect(await codeOf('map.start', { ...target, store, params: PARAMS, vector: 'title' })).toBe(
    'UNKNOWN_COLUMN',
  )
})

test('each column is measured by itself', async () => {
  const target = await imported(200)
  const measured = async (vector?: string) =>
    (await bench.end((await bench.engine.call('collection.tune', { ...target, vector, queries: 20 })).job))
      .result
  expect(await measured()).toMatchObject({ dimension: 40, metric: 'l2' })
  expect(await measured('text_embedding')).toMatchObject({ dimension: 8, metric: 'cosine' })
  expect(await codeOf('collection.tune', { ...target, vector: 'none' })).toBe('UNKNOWN_COLUMN')
})

test('a CSV file and undo bring both vectors back', async () => {
  const { store } = await bench.open()
  const cell = (values: Cell | number[]) => `"${JSON.stringify(values)}"`
  const rows = docs(20).map((row) => `${row.id},${cell(row.text_embedding)},${cell(row.image_embedding)}`)
  const grant = bench.file('docs.csv', `id,text_embedding,image_embedding\n${rows.join('\n')}\n`)
  expect(await importAll(store, grant)).toMatchObject({ state: 'done', result: { rows: 20 } })
  const target = { store, collection: 'docs' }
  const row = async () => (await bench.engine.call('row.get', { ...target, row: 7 })).vectors
  const before = await row()
  await bench.engine.call('rows.deleteIds', { ...target, ids: ['row-7'] })
  expect(await codeOf('row.get', { ...target, row: 7 })).toBe('UNKNOWN_ROW')
  await bench.engine.call('history.undo', target)
  expect(await row()).toEqual(before)
  expect(before.map(({ name }) => name)).toEqual(['image_embedding', 'text_embedding'])
})
