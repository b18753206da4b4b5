import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { AppError, CompactResult, CopyResult, Events, RepairReport } from '../../src/contract/index.ts'
import { Bench, csv, sample } from './support.ts'

let bench: Bench
beforeEach(() => {
  bench = new Bench()
})
afterEach(() => bench.close())

async function imported(count = 400, name = 'test.db'): Promise<{ store: string; collection: string }> {
  const { store } = await bench.open(name)
  const end = await bench.import(store, bench.file(`${name}.csv`, csv(sample(count))), 'rows')
  expect(end.error).toBeUndefined()
  return { store, collection: 'rows' }
}

const place = (name: string) => bench.grant(bench.path(name), 'store')

async function ended(start: Promise<{ job: string }>): Promise<Events['job.end']> {
  return bench.end((await start).job)
}

/** The largest file with vectors, one byte of it changed. */
function damage(store: string): string {
  const files = readdirSync(store, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && /^vectors\./.test(entry.name))
    .map((entry) => join(entry.parentPath, entry.name))
  const file = files[0] ?? ''
  const bytes = readFileSync(file)
  const at = bytes.length >> 1
  bytes[at] = (bytes[at] ?? 0) ^ 1
  writeFileSync(file, bytes)
  return file
}

describe('a snapshot', () => {
  test('is a store of that moment, and restores to another', async () => {
    const target = await imported()
    await bench.engine.call('row.delete', { ...target, rows: [1, 2] })
    const snapshot = await ended(
      bench.engine.call('store.snapshot', { store: target.store, grant: place('copy.db') }),
    )
    expect(snapshot).toMatchObject({ kind: 'snapshot', state: 'done', store: target.store, collection: '' })
    expect((snapshot.result as CopyResult).files).toBeGreaterThan(0)
    expect((snapshot.result as CopyResult).bytes).toBeGreaterThan(0)
    await bench.engine.call('row.delete', { ...target, rows: [3] })

    const restored = await ended(
      bench.engine.call('store.restore', { from: place('copy.db'), to: place('restored.db') }),
    )
    expect(restored).toMatchObject({ kind: 'restore', state: 'done', store: '', collection: '' })
    const info = await bench.open('restored.db', false)
    expect(info.collections).toMatchObject([{ name: 'rows', rows: 398 }])
    // The history comes along.
    const undone = await bench.engine.call('history.undo', { store: info.store, collection: 'rows' })
    expect(undone).toMatchObject({ kind: 'revert', revived: 2 })
    expect((await bench.engine.call('store.verify', { store: info.store })).problems).toEqual([])
  })

  test('is never written over anything, and neither is a restored store', async () => {
    const target = await imported(20)
    await imported(30, 'other.db')
    for (const start of [
      bench.engine.call('store.snapshot', { store: target.store, grant: place('other.db') }),
      bench.engine.call('store.restore', { from: place('test.db'), to: place('other.db') }),
      bench.engine.call('store.repair', { from: place('test.db'), to: place('other.db') }),
    ]) {
      const end = await ended(start)
      expect(end).toMatchObject({ state: 'failed' })
      expect(end.error?.code).not.toBe('INTERNAL')
      expect(end.error?.remedy).not.toBe('')
    }
    expect((await bench.open('other.db', false)).collections).toMatchObject([{ rows: 30 }])
  })

  test('that is damaged is not restored, and nothing is left of the attempt', async () => {
    const target = await imported()
    await ended(bench.engine.call('store.snapshot', { store: target.store, grant: place('copy.db') }))
    damage(bench.path('copy.db'))
    const end = await ended(
      bench.engine.call('store.restore', { from: place('copy.db'), to: place('restored.db') }),
    )
    expect(end).toMatchObject({ state: 'failed', error: { code: 'CORRUPT' } })
    expect(existsSync(bench.path('restored.db'))).toBe(false)
  })

  test('[B2] that is cancelled leaves nothing, and neither does a repair', async () => {
    const target = await imported()
    const starts = [
      () => bench.engine.call('store.snapshot', { store: target.store, grant: place('copy.db') }),
      () => bench.engine.call('store.restore', { from: place('test.db'), to: place('copy.db') }),
      async () => {
        await bench.engine.call('store.close', { store: target.store })
        return bench.engine.call('store.repair', { from: place('test.db'), to: place('copy.db') })
      },
    ]
    for (const start of starts) {
      const { job } = await start()
      await bench.engine.call('job.cancel', { job })
      expect(await bench.end(job)).toMatchObject({ state: 'cancelled', error: { code: 'CANCELLED' } })
      expect(existsSync(bench.path('copy.db'))).toBe(false)
    }
    expect((await bench.open('test.db', false)).collections).toMatchObject([{ rows: 400 }])
  })

  test('needs grants for both places', async () => {
    const call = bench.engine.call('store.restore', { from: 'nothing', to: place('x.db') })
    const error: AppError = await call.catch((thrown) => thrown)
    expect(error.code).toBe('NOT_GRANTED')
  })
})

describe('a damaged store', () => {
  test('is verified with the file named, and repaired: what is sound is kept, what is lost is said', async () => {
    const target = await imported()
    const more = await bench.import(target.store, bench.file('b.csv', csv(sample(50, 3))), 'others')
    expect(more.state).toBe('done')
    await bench.engine.call('store.close', { store: target.store })
    const file = damage(bench.path('test.db'))
    // So small a file is compared with its checksum when it is opened.
    const error: AppError = await bench.open('test.db', false).catch((thrown) => thrown)
    expect(error).toMatchObject({
      code: 'CORRUPT',
      detail: { file: expect.stringContaining('vectors') as string },
    })
    expect(error.message).toContain(file)

    const end = await ended(
      bench.engine.call('store.repair', { from: place('test.db'), to: place('repaired.db') }),
    )
    expect(end).toMatchObject({ kind: 'repair', state: 'done', store: '' })
    const report = end.result as RepairReport
    const kept = report.collections.reduce((sum, { rowsKept }) => sum + rowsKept, 0)
    const lost = report.collections.reduce((sum, { rowsLost }) => sum + rowsLost, 0)
    expect(lost).toBeGreaterThan(0)
    expect(kept + lost).toBe(450)
    const named = report.collections.flatMap((collection) => collection.lost)
    expect(named.length).toBeGreaterThan(0)
    for (const { segment, reason } of named) expect([segment, reason]).not.toContain('')
    const repaired = await bench.open('repaired.db', false)
    expect((await bench.engine.call('store.verify', { store: repaired.store })).problems).toEqual([])
    expect(repaired.collections.reduce((sum, { rows }) => sum + rows, 0)).toBe(kept)
  })
})

describe('compacting', () => {
  test('gives back what nothing needs, keeps what the history needs, and says both', async () => {
    const target = await imported(2_000)
    const rows = Array.from({ length: 1_000 }, (_, i) => i)
    await bench.engine.call('row.delete', { ...target, rows })
    const held = await ended(bench.engine.call('store.compact', { store: target.store }))
    expect(held).toMatchObject({ kind: 'compact', state: 'done', store: target.store, collection: '' })
    const kept = held.result as CompactResult
    expect(kept.heldByHistory).toBeGreaterThan(0)
    expect(kept.rowsDropped).toBe(0)
    await bench.engine.call('history.undo', target)
    await bench.engine.call('history.redo', target)

    const before = await bench.engine.call('table.page', { ...target, offset: 0, limit: 1_000 })
    const freed = await ended(
      bench.engine.call('store.compact', { store: target.store, forgetHistory: true }),
    )
    const result = freed.result as CompactResult
    expect(result.rowsDropped).toBe(1_000)
    expect(result.freed).toBeGreaterThan(0)
    expect(result.bytesBefore - result.bytesAfter).toBe(result.freed)
    expect(result.heldByHistory).toBe(0)
    expect(await bench.engine.call('table.page', { ...target, offset: 0, limit: 1_000 })).toEqual(before)
    const info = await bench.engine.call('store.info', { store: target.store })
    expect(info.collections[0]).toMatchObject({ rows: 1_000, deleted: 0, undo: null })
    expect((await bench.engine.call('store.verify', { store: target.store })).problems).toEqual([])
  })
})
