import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { AppError, Operation, Params, StoreInfo } from '../../src/contract/index.ts'
import { createEngine, type Engine } from '../../src/engine/index.ts'
import { Bench, csv, sample } from './support.ts'

/** The bench's engine reads what another engine, as another program would be, writes. */

let bench: Bench
let writer: Engine
let place: { store: string; collection: string }
beforeEach(async () => {
  bench = new Bench()
  writer = createEngine({ grants: bench.grants, holder: 'OmenDB Studio' })
  const { store } = await writer.call('store.open', {
    grant: bench.grant(bench.path('test.db'), 'store'),
    create: true,
  })
  place = { store, collection: 'rows' }
  await writer.call('collection.create', {
    ...place,
    vectors: [{ name: 'vector', dimension: 8, metric: 'l2' }],
  })
  await add(0, 40)
})
afterEach(async () => {
  await writer.close()
  await bench.close()
})

async function add(from: number, to: number): Promise<void> {
  await writer.call('rows.add', {
    ...place,
    rows: sample(to).slice(from) as unknown as Record<string, unknown>[],
  })
}

function open(readOnly: boolean): Promise<StoreInfo> {
  return bench.engine.call('store.open', { grant: bench.grant(bench.path('test.db'), 'store'), readOnly })
}

async function failure(call: Promise<unknown>): Promise<AppError> {
  return call.then(
    () => expect.unreachable('it went well'),
    (thrown: AppError) => thrown,
  )
}

describe('a store that another program writes', () => {
  test('[S1] is locked, says by whom, and opens to be read after that', async () => {
    const locked = await failure(open(false))
    expect(locked).toMatchObject({
      code: 'STORE_LOCKED',
      retry: true,
      detail: { holder: 'OmenDB Studio', pid: process.pid },
    })
    expect(locked.message).toContain('OmenDB Studio')
    const info = await open(true)
    expect(info).toMatchObject({ readOnly: true, writer: 'OmenDB Studio' })
    expect(info.collections).toMatchObject([{ name: 'rows', rows: 40 }])
    const hits = await bench.engine.call('search.run', {
      store: info.store,
      collection: 'rows',
      query: { by: 'id', id: 'row-3' },
    })
    expect(hits.hits).toHaveLength(10)
  })

  test('is followed by its readers', async () => {
    const { store } = await open(true)
    const more = bench.event('store.changed', (info) => info.collections[0]?.rows === 50)
    await add(40, 50)
    expect((await more).store).toBe(store)
    await writer.call('row.delete', { ...place, rows: [0, 1] })
    expect((await bench.engine.call('store.refresh', { store })).info.collections[0]?.rows).toBe(48)
    expect(await bench.engine.call('store.refresh', { store })).toMatchObject({ changed: false })
    const entries = await bench.engine.call('store.history', { store })
    expect(entries[0]).toMatchObject({ kind: 'delete', removed: 2 })
    const past = { store, collection: 'rows', before: entries[0]?.seq }
    expect(await bench.engine.call('filter.rows', { ...past, filter: '' })).toHaveLength(50)
  })

  test('is left alone by its readers: the writer goes on', async () => {
    const { store } = await open(true)
    await bench.engine.call('store.close', { store })
    await add(40, 45)
    expect((await writer.call('store.info', { store: place.store })).collections[0]?.rows).toBe(45)
  })

  test('[R2] refuses every write through a reader with READ_ONLY', async () => {
    const { store } = await open(true)
    const target = { store, collection: 'rows' }
    const rows = Uint32Array.of(1)
    const tries: { [O in Operation]?: Params<O> } = {
      'collection.create': {
        store,
        collection: 'more',
        vectors: [{ name: 'vector', dimension: 2, metric: 'l2' }],
      },
      'collection.drop': target,
      'rows.add': { ...target, rows: [{ id: 'x', vector: [1, 2, 3, 4, 5, 6, 7, 8] }] },
      'rows.addVectors': { ...target, vectors: new Float32Array(8), ids: ['x'] },
      'rows.deleteIds': { ...target, ids: ['row-1'] },
      'rows.edit': { ...target, rows, changes: { group: 'x' } },
      'row.delete': { ...target, rows },
      'store.compact': { store },
      'history.undo': target,
      'history.redo': target,
      'history.revert': { store, seq: 1 },
      'history.forget': { store },
      'history.rule': { store, rule: { maxAgeDays: 1, maxEntries: 1, maxBytes: 1 } },
    }
    for (const [op, params] of Object.entries(tries)) {
      const error = await failure(bench.engine.call(op as Operation, params as never))
      expect(error.code, op).toBe('READ_ONLY')
      expect(error.remedy, op).not.toBe('')
    }
    const imported = bench.import(store, bench.file('rows.csv', csv(sample(5))), 'others')
    expect((await failure(imported)).code).toBe('READ_ONLY')
    expect((await writer.call('store.info', { store: place.store })).collections).toMatchObject([
      { name: 'rows', rows: 40 },
    ])
  })

  test('is verified and copied through a reader', async () => {
    const { store } = await open(true)
    expect(await bench.engine.call('store.verify', { store })).toMatchObject({ problems: [] })
    const copy = bench.path('copy.db')
    const { job } = await bench.engine.call('store.snapshot', { store, grant: bench.grant(copy, 'store') })
    expect(await bench.end(job)).toMatchObject({ kind: 'snapshot', state: 'done' })
    const info = await bench.open('copy.db', false)
    expect(info).toMatchObject({ readOnly: false, writer: null })
    expect(info.collections).toMatchObject([{ name: 'rows', rows: 40 }])
  })

  test('has maps drawn in memory, until the reader is closed', async () => {
    // Of so few rows the first picture is the map.
    await writer.call('row.delete', { ...place, rows: Array.from({ length: 37 }, (_, i) => i) })
    const { store } = await open(true)
    const target = { store, collection: 'rows' }
    const params = { neighbours: 2, minDist: 0.1, spread: 1, epochs: 1 }
    const { job } = await bench.engine.call('map.start', { ...target, params })
    expect(await bench.end(job)).toMatchObject({ state: 'done', result: { rows: 3, unsaved: true } })
    const map = await bench.engine.call('map.get', target)
    expect(map.rows).toHaveLength(3)
    const [rows] = (await bench.engine.call('store.info', { store })).collections
    expect(rows?.maps).toMatchObject([{ name: 'map', unsaved: true }])
    const grant = bench.grant(bench.path('map.csv'), 'file')
    expect((await failure(bench.engine.call('map.export', { ...target, grant }))).code).toBe('READ_ONLY')
    await bench.engine.call('map.delete', target)
    expect((await failure(bench.engine.call('map.get', target))).code).toBe('UNKNOWN_MAP')
  })

  test('becomes writable under the same handle when the other program has closed it', async () => {
    const reader = await open(true)
    expect((await failure(open(false))).code).toBe('STORE_LOCKED')
    const target = { store: reader.store, collection: 'rows' }
    expect(await bench.engine.call('filter.rows', { ...target, filter: '' })).toHaveLength(40)
    const alone = bench.event('store.changed', (info) => info.writer === null)
    await writer.call('store.close', { store: place.store })
    expect((await alone).readOnly).toBe(true)
    const writable = bench.event('store.changed', (info) => !info.readOnly)
    const info = await open(false)
    expect(info).toMatchObject({ store: reader.store, readOnly: false, writer: null })
    expect(info.revision).toBeGreaterThan(reader.revision)
    expect((await writable).store).toBe(reader.store)
    expect(await bench.engine.call('row.delete', { ...target, rows: [1] })).toEqual({ deleted: 1 })
  })
})

test('opened to be read by who writes it already, a store is the same handle', async () => {
  const written = await bench.open('own.db')
  const read = await bench.engine.call('store.open', {
    grant: bench.grant(bench.path('own.db'), 'store'),
    readOnly: true,
  })
  expect(read).toMatchObject({ store: written.store, readOnly: false })
})

test('opened to be read and to be written at once, a store is one handle that writes', async () => {
  await writer.call('store.close', { store: place.store })
  const [read, write] = await Promise.all([open(true), open(false)])
  expect(write).toMatchObject({ store: read.store, readOnly: false })
})
