import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { type Collection, type Database, open, repair, restore } from '../../src/embedded/index.ts'
import { createEngine } from '../../src/engine/index.ts'

let folder = ''
let db: Database
let words: Collection
const path = (name: string) => join(folder, name)

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'omendb embedded '))
  db = await open(path('vectors.db'))
  words = db.collection('words', { dimension: 2, metric: 'l2' })
  await words.add([
    { id: 'king', vector: [1, 0], length: 4 },
    { id: 'queen', vector: [0, 1], length: 5 },
    { id: 'prince', vector: [1, 1], length: 6 },
  ])
})
afterEach(async () => {
  await db.close()
  rmSync(folder, { recursive: true, force: true })
})

test('columns of rows are updated, and undo and redo take that back and forth', async () => {
  expect(await words.update(['king', 'queen', 'nobody'], { royal: true }, { note: 'crowned' })).toBe(2)
  expect(await words.get('queen')).toMatchObject({ royal: true, length: 5 })
  expect(await words.get('prince')).toMatchObject({ royal: null })
  const [latest] = await db.history()
  expect(latest).toMatchObject({ kind: 'edit', changed: 2, note: 'crowned', collection: 'words' })
  await words.undo()
  expect((await words.get('queen'))?.royal ?? null).toBeNull()
  await words.redo()
  expect(await words.get('queen')).toMatchObject({ royal: true })
  await expect(words.redo()).rejects.toMatchObject({ code: 'NOTHING_TO_UNDO' })
})

test('the past is read, and gone back to', async () => {
  await words.delete('king')
  const [entry] = await db.history()
  const seq = entry?.seq ?? -1
  const past = words.before(seq)
  expect(await past.info()).toMatchObject({ name: 'words', before: seq, rows: 3 })
  expect(await past.get('king')).toMatchObject({ id: 'king', length: 4, vector: new Float32Array([1, 0]) })
  expect((await past.search([1, 0], { k: 1 })).map(({ id }) => id)).toEqual(['king'])
  expect((await words.search([1, 0], { k: 1 })).map(({ id }) => id)).toEqual(['prince'])
  expect(await db.revert(seq, { note: 'a slip' })).toMatchObject({
    kind: 'revert',
    target: seq,
    note: 'a slip',
  })
  expect((await words.info()).rows).toBe(3)
})

test('a store is copied, checked and restored; nothing is written over', async () => {
  const { files } = await db.snapshot(path('copy.db'))
  expect(files).toBeGreaterThan(0)
  await words.delete('king')
  expect(await restore(path('copy.db'), path('restored.db'))).toMatchObject({ files })
  await expect(restore(path('copy.db'), path('vectors.db'))).rejects.toMatchObject({
    code: expect.any(String) as string,
  })
  await expect(restore(path('nowhere.db'), path('x.db'))).rejects.toMatchObject({ code: 'FILE_NOT_FOUND' })
  const restored = await open(path('restored.db'), { create: false })
  try {
    expect((await restored.collection('words').info()).rows).toBe(3)
    expect((await restored.verify()).problems).toEqual([])
  } finally {
    await restored.close()
  }
  expect((await words.info()).rows).toBe(2)
})

test('a store is compacted, with or without its history', async () => {
  await words.delete(['king', 'queen'])
  expect(await db.compact()).toMatchObject({ rowsDropped: 0 })
  await words.undo()
  await words.redo()
  expect(await db.compact({ forgetHistory: true })).toMatchObject({ heldByHistory: 0 })
  await expect(words.undo()).rejects.toMatchObject({ code: 'NOTHING_TO_UNDO' })
  expect((await words.search([1, 1])).map(({ id }) => id)).toEqual(['prince'])
})

test('a sound store is repaired to the same rows', async () => {
  await db.close()
  const report = await repair(path('vectors.db'), path('repaired.db'))
  expect(report.collections).toMatchObject([{ name: 'words', rowsKept: 3, rowsLost: 0 }])
  db = await open(path('repaired.db'), { create: false })
  expect((await db.collection('words').info()).rows).toBe(3)
})

test('[R2] a database opened to be read refuses every write, also beside one that writes', async () => {
  const reader = await open(path('vectors.db'), { readOnly: true })
  try {
    const rows = reader.collection('words')
    expect(await rows.get('king')).toMatchObject({ length: 4 })
    const writes = [
      () => rows.add([{ id: 'x', vector: [1, 2] }]),
      () => rows.update('king', { length: 1 }),
      () => rows.delete('king'),
      () => rows.undo(),
      () => rows.redo(),
      () => reader.revert(1),
      () => reader.compact(),
      () => reader.dropCollection('words'),
      () => reader.collection('more', { dimension: 2 }).add([[1, 2]]),
    ]
    for (const write of writes) await expect(write()).rejects.toMatchObject({ code: 'READ_ONLY' })
    expect(await reader.info()).toMatchObject({ readOnly: true, collections: [{ name: 'words', rows: 3 }] })
  } finally {
    await reader.close()
  }
})

test('a store that another program writes is read, and followed', async () => {
  const grants = new Map([['other', { path: path('other.db'), kind: 'store' as const }]])
  const other = createEngine({ grants, holder: 'another program' })
  try {
    const { store } = await other.call('store.open', { grant: 'other', create: true })
    const target = { store, collection: 'rows' }
    await other.call('collection.create', {
      ...target,
      vectors: [{ name: 'vector', dimension: 2, metric: 'l2' }],
    })
    await other.call('rows.add', { ...target, rows: [{ id: 'a', vector: [1, 2] }] })
    await expect(open(path('other.db'))).rejects.toMatchObject({
      code: 'STORE_LOCKED',
      detail: { holder: 'another program' },
    })
    const reader = await open(path('other.db'), { readOnly: true })
    try {
      expect((await reader.info()).writer).toBe('another program')
      await other.call('rows.add', { ...target, rows: [{ id: 'b', vector: [1, 2] }] })
      await reader.refresh()
      expect((await reader.collection('rows').info()).rows).toBe(2)
      expect(await reader.refresh()).toBe(false)
    } finally {
      await reader.close()
    }
  } finally {
    await other.close()
  }
})
