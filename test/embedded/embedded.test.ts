import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { type CollectionOptions, type Database, open } from '../../src/embedded/index.ts'

let folder = ''
let db: Database
beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'omendb embedded '))
  db = await open(join(folder, 'vectors.db'))
})
afterEach(async () => {
  await db.close()
  rmSync(folder, { recursive: true, force: true })
})

test('vectors are added to the default collection and found', async () => {
  const ids = await db.add([[1, 0, 0], [0, 1, 0], new Float32Array([0, 0, 1])])
  expect(ids).toEqual([0, 1, 2])
  const hits = await db.search([0.9, 0.1, 0], { k: 2 })
  expect(hits.map(({ id }) => id)).toEqual([0, 1])
  expect(hits[0]?.distance).toBeCloseTo(1 - 0.9 / Math.hypot(0.9, 0.1), 5)
})

test('the README’s example does what it says', async () => {
  const words = db.collection('words', { dimension: 3, metric: 'cosine' })
  await words.add([
    { id: 'up', vector: [0, 1, 0], kind: 'direction' },
    { id: 'left', vector: [-1, 0, 0], kind: 'direction' },
  ])
  const hits = await words.search([0.1, 0.9, 0], { k: 1, filter: "kind = 'direction'" })
  expect(hits.map(({ id }) => id)).toEqual(['up'])
})

test('a collection with several vector columns takes a vector for each, and searches each', async () => {
  const vectors = { text: { dimension: 2 }, image: { dimension: 3, metric: 'l2' as const } }
  const docs = db.collection('docs', { vectors })
  await docs.add([
    { id: 'a', text: [1, 0], image: [0, 0, 1], title: 'first' },
    { id: 'b', text: [0, 1], image: new Float32Array([5, 5, 5]) },
  ])
  expect((await docs.info()).vectors).toMatchObject([
    { name: 'text', dimension: 2, metric: 'cosine' },
    { name: 'image', dimension: 3, metric: 'l2' },
  ])
  const ids = async (query: number[], vector?: string) =>
    (await docs.search(query, { vector, k: 1 })).map(({ id }) => id)
  expect(await ids([0.2, 0.9])).toEqual(['b'])
  expect(await ids([0, 0, 2], 'image')).toEqual(['a'])
  await expect(docs.search([1, 2], { vector: 'picture' })).rejects.toMatchObject({ code: 'UNKNOWN_COLUMN' })
  expect(await docs.get('a')).toEqual({
    id: 'a',
    title: 'first',
    vector: new Float32Array([1, 0]),
    text: new Float32Array([1, 0]),
    image: new Float32Array([0, 0, 1]),
  })
  const reader = await docs.reader({ vector: 'image' })
  const [rows, distances] = [new Uint32Array(1), new Float32Array(1)]
  expect(reader.dimension).toBe(3)
  expect(reader.search(new Float32Array([5, 5, 7]), rows, distances)).toBe(1)
  expect([...reader.ids(rows), distances[0]]).toEqual(['b', 2])
  const batch = new Float32Array([5, 5, 7, 0, 0, 0])
  expect(reader.searchBatch(batch, 1, new Uint32Array(2), new Float32Array(2))).toBe(1)
  reader.release()

  await expect(docs.add([{ id: 'c', text: [1, 1] }])).rejects.toMatchObject({ code: 'NO_VECTOR_COLUMN' })
  await expect(docs.add([[1, 1]])).rejects.toMatchObject({ code: 'NO_VECTOR_COLUMN' })
  const again = (options: CollectionOptions) => db.collection('docs', options).search([1, 0])
  expect(await again({ vectors })).toHaveLength(2)
  await expect(again({ dimension: 2 })).rejects.toMatchObject({ code: 'NO_VECTOR_COLUMN' })
  const wider = { ...vectors, image: { dimension: 4 } }
  await expect(again({ vectors: wider })).rejects.toMatchObject({ code: 'DIMENSION_MISMATCH' })
})

test('rows are read, replaced, deleted, and there again after closing', async () => {
  const rows = db.collection('rows', { dimension: 2, metric: 'l2' })
  await rows.add([
    { id: 'a', vector: [0, 0], size: 1 },
    { id: 'b', vector: [3, 4], size: 2 },
  ])
  expect((await rows.search([0, 0], { k: 2 })).map(({ distance }) => distance)).toEqual([0, 5])
  await rows.add([{ id: 'a', vector: [1, 1], size: 9 }])
  expect(await rows.get('a')).toMatchObject({ id: 'a', size: 9, vector: new Float32Array([1, 1]) })
  expect(await rows.delete(['b', 'nobody'])).toBe(1)
  expect(await rows.get('b')).toBeNull()
  await db.close()
  db = await open(join(folder, 'vectors.db'), { create: false })
  const again = db.collection('rows')
  expect((await again.info()).rows).toBe(1)
  expect(await again.get('a')).toMatchObject({ size: 9 })
})

test('a reader answers many questions into arrays of the caller’s, about one state', async () => {
  const rows = db.collection('rows', { dimension: 2, metric: 'l2' })
  await rows.add([
    { id: 'a', vector: [0, 0] },
    { id: 'b', vector: [3, 4] },
    { id: 'c', vector: [6, 8] },
  ])
  const reader = await rows.reader()
  await rows.delete('a')
  expect([reader.length, reader.dimension]).toEqual([3, 2])
  const [found, distances] = [new Uint32Array(2), new Float32Array(2)]
  expect(reader.search(new Float32Array([0, 1]), found, distances)).toBe(2)
  expect(reader.ids(found)).toEqual(['a', 'b'])
  expect([...distances]).toEqual([1, Math.fround(Math.sqrt(18))])

  const how = { exact: true, filter: "id <> 'b'" }
  expect(reader.search(new Float32Array([0, 1]), found, distances, how)).toBe(2)
  expect(reader.ids(found)).toEqual(['a', 'c'])

  const searcher = reader.searcher(2)
  const narrow = reader.searcher(5, how)
  for (const one of [searcher, narrow]) one.query.set([0, 1])
  expect([searcher.run(), ...reader.ids(searcher.rows)]).toEqual([2, 'a', 'b'])
  expect([...searcher.distances]).toEqual([1, Math.fround(Math.sqrt(18))])
  expect([narrow.run(), ...reader.ids(narrow.rows.subarray(0, 2))]).toEqual([2, 'a', 'c'])
  searcher.query.set([6, 7])
  expect([searcher.run(), ...reader.ids(searcher.rows)]).toEqual([2, 'c', 'b'])

  const many = new Uint32Array(4)
  const queries = new Float32Array([0, 0, 7, 8])
  expect(reader.searchBatch(queries, 2, many, new Float32Array(4))).toBe(2)
  expect(reader.ids(many)).toEqual(['a', 'b', 'c', 'b'])

  // Fewer rows than places: the rest stays.
  const places = new Uint32Array(5).fill(77)
  expect(reader.search(new Float32Array([0, 0]), places, new Float32Array(5))).toBe(3)
  expect([...places]).toEqual([0, 1, 2, 77, 77])

  const wrong = [
    () => reader.search(new Float32Array(3), found, distances),
    () => reader.search(new Float32Array([Number.NaN, 0]), found, distances),
    () => reader.search(new Float32Array(2), found, new Float32Array(1)),
    () => reader.searchBatch(new Float32Array(3), 1, found, distances),
    () => reader.search([0, 1] as unknown as Float32Array, found, distances),
    () => reader.search(new Float32Array(2), found, distances, { ef: -1 }),
    () => reader.search(new Float32Array(2), found, distances, { filter: 'nobody = 1' }),
    () => reader.ids(new Uint32Array([9])),
    () => reader.searcher(0),
    () => reader.searcher(2, { ef: 1.5 }),
    () => reader.searcher(2, { filter: 'nobody = 1' }),
    () => {
      searcher.query.fill(Number.POSITIVE_INFINITY)
      searcher.run()
    },
    () => {
      searcher.release()
      searcher.run()
    },
  ]
  const codes = wrong.map((call) => {
    try {
      call()
      return 'none'
    } catch (error) {
      return (error as { code: string }).code
    }
  })
  expect(codes).toEqual([
    'DIMENSION_MISMATCH',
    'INVALID_VECTOR',
    'INVALID_REQUEST',
    'INVALID_REQUEST',
    'INVALID_REQUEST',
    'INVALID_REQUEST',
    'INVALID_FILTER',
    'UNKNOWN_ROW',
    'INVALID_REQUEST',
    'INVALID_REQUEST',
    'INVALID_FILTER',
    'INVALID_VECTOR',
    'STORE_CLOSED',
  ])
  reader.release()
  expect(() => reader.length).toThrow('released')
})

test('[Q11] a store gives the same however much of it is kept in memory', async () => {
  const path = join(folder, 'compact.db')
  // Numbers that lie about evenly between -1 and 1.
  const vector = (row: number) =>
    Float32Array.from({ length: 16 }, (_, at) => Math.sin(row * 12.9898 + at * 78.233) ** 3)
  const db = await open(path)
  const rows = db.collection('rows', { dimension: 16, metric: 'l2' })
  await rows.add(Array.from({ length: 3_000 }, (_, row) => ({ vector: vector(row), n: row })))
  const ask = (from: typeof rows) =>
    Promise.all(
      [1.5, 70.2, 900.9].map((row) =>
        from.search(vector(row), { k: 20, exact: true, filter: row > 100 ? 'n > 50' : undefined }),
      ),
    )
  const expected = await ask(rows)
  await db.close()
  const compact = await open(path, { memory: 'compact' })
  expect(await ask(compact.collection('rows'))).toEqual(expected)
  await compact.close()
  // @ts-expect-error: there is no such way.
  await expect(open(path, { memory: 'none' })).rejects.toMatchObject({ code: 'INVALID_REQUEST' })
})

test('mistakes are errors with a code, and change nothing', async () => {
  const rows = db.collection('rows', { dimension: 2, metric: 'l2' })
  await rows.add([{ id: 'a', vector: [0, 0] }])
  await expect(
    rows.add([
      { id: 'b', vector: [1, 2] },
      { id: 'c', vector: [1] },
    ]),
  ).rejects.toMatchObject({
    code: expect.stringMatching(/DIMENSION_MISMATCH|INVALID_VECTOR/) as string,
  })
  await expect(rows.add([{ id: 'n', vector: [Number.NaN, 1] }])).rejects.toMatchObject({
    code: 'INVALID_VECTOR',
  })
  expect((await rows.info()).rows).toBe(1)
  await expect(rows.search([1, 2, 3])).rejects.toMatchObject({ code: 'DIMENSION_MISMATCH' })
  await expect(rows.search([1, 2], { filter: 'nope = 1' })).rejects.toMatchObject({ code: 'INVALID_FILTER' })
  await expect(db.collection('rows', { dimension: 3 }).search([1, 2, 3])).rejects.toMatchObject({
    code: 'DIMENSION_MISMATCH',
  })
  await expect(db.collection('nobody').search([1])).rejects.toMatchObject({ code: 'UNKNOWN_COLLECTION' })
  await expect(open(join(folder, 'nowhere.db'), { create: false })).rejects.toMatchObject({
    code: 'FILE_NOT_FOUND',
  })
  await db.close()
  await expect(db.search([1, 2])).rejects.toMatchObject({ code: 'STORE_CLOSED' })
})
