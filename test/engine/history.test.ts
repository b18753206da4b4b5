import { existsSync } from 'node:fs'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { AppError, HistoryEntry, Operation, Params } from '../../src/contract/index.ts'
import { Bench, csv, sample } from './support.ts'

let bench: Bench
beforeEach(() => {
  bench = new Bench()
})
afterEach(() => bench.close())

interface Place {
  store: string
  collection: string
}

/** A store with one collection of sample rows; rank counts from 0. */
async function imported(count = 40): Promise<Place> {
  const { store } = await bench.open()
  const end = await bench.import(store, bench.file('rows.csv', csv(sample(count))), 'rows')
  expect(end.error).toBeUndefined()
  return { store, collection: 'rows' }
}

async function failure<O extends Operation>(op: O, params: Params<O>): Promise<AppError | null> {
  return bench.engine.call(op, params).then(
    () => null,
    (thrown: AppError) => thrown,
  )
}

const history = (store: string): Promise<HistoryEntry[]> => bench.engine.call('store.history', { store })

async function seqOf(store: string, kind: HistoryEntry['kind']): Promise<number> {
  return (await history(store)).find((entry) => entry.kind === kind)?.seq ?? -1
}

/** Every cell of the collection, in the order of rows. */
async function cells(place: Place, before?: number): Promise<unknown[]> {
  const page = await bench.engine.call('table.page', { ...place, before, offset: 0, limit: 1_000 })
  return page.cells.map((row, index) => [
    page.rows[index],
    ...row.map((cell, column) => `${page.columns[column]}: ${JSON.stringify(cell)}`),
  ])
}

describe('the history', () => {
  test('[H1] lists each import, edit, delete and revert as one entry with what it did', async () => {
    const place = await imported()
    const started = Date.now()
    await bench.engine.call('rows.edit', {
      ...place,
      rows: Uint32Array.of(1, 2, 3),
      changes: { group: 'centre' },
      note: 'moved',
    })
    await bench.engine.call('row.delete', { ...place, rows: [5, 6] })
    await bench.engine.call('rows.add', {
      ...place,
      rows: sample(41)
        .slice(39)
        .map(({ vector, ...row }) => ({ ...row, embedding: vector })),
    })
    const target = await seqOf(place.store, 'delete')
    await bench.engine.call('history.revert', { store: place.store, seq: target, note: 'a slip' })
    const entries = await history(place.store)
    expect(entries.map(({ kind }) => kind)).toEqual(['revert', 'add', 'delete', 'edit', 'import'])
    const [revert, add, gone, edit, first] = entries
    expect(first).toMatchObject({
      collection: 'rows',
      added: 40,
      removed: 0,
      undone: false,
      note: 'rows.csv',
    })
    expect(edit).toMatchObject({ changed: 3, added: 0, removed: 0, note: 'moved', undone: false })
    expect(gone).toMatchObject({ removed: 2, undone: true })
    // One of the two rows takes the place of the one with its id.
    expect(add).toMatchObject({ added: 2, removed: 1, undone: true })
    expect(revert).toMatchObject({ target, revived: 3, removed: 2, note: 'a slip', undone: false })
    for (const { at, until } of entries.slice(0, 4)) {
      expect(until).toBeGreaterThanOrEqual(at)
      expect(at).toBeGreaterThanOrEqual(started - 1_000)
    }
    const seqs = entries.map(({ seq }) => seq)
    expect(seqs).toEqual([...new Set(seqs)].sort((a, b) => b - a))
    expect(await bench.engine.call('store.history', { store: place.store, limit: 2 })).toEqual(
      entries.slice(0, 2),
    )
  })

  test('[H2] the state before any entry can be looked at and gone back to, and going back can be undone', async () => {
    const place = await imported()
    const states: unknown[][] = []
    const seqs: number[] = []
    const changes: (() => Promise<unknown>)[] = [
      () => bench.engine.call('rows.edit', { ...place, rows: Uint32Array.of(0, 9), changes: { rank: 77 } }),
      () => bench.engine.call('row.delete', { ...place, rows: [3] }),
      () => bench.engine.call('rows.edit', { ...place, rows: Uint32Array.of(1), changes: { tag: 'new' } }),
      () => bench.import(place.store, bench.file('more.csv', csv(sample(50, 2))), 'rows'),
      () => bench.engine.call('rows.deleteIds', { ...place, ids: ['row-1', 'row-49'] }),
    ]
    for (const change of changes) {
      states.push(await cells(place))
      await change()
      seqs.push((await history(place.store))[0]?.seq ?? -1)
    }
    const now = await cells(place)
    for (const [index, seq] of seqs.entries()) {
      expect(withoutTag(await cells(place, seq)), `before ${seq}`).toEqual(withoutTag(states[index] ?? []))
    }
    for (const [index, seq] of seqs.entries()) {
      await bench.engine.call('history.revert', { store: place.store, seq })
      expect(withoutTag(await cells(place)), `back to before ${seq}`).toEqual(withoutTag(states[index] ?? []))
      await bench.engine.call('history.redo', place)
      expect(await cells(place), `back from ${seq}`).toEqual(now)
    }
  })

  test('[H2] of the past, searches, rows and filters are answered as they were', async () => {
    const place = await imported()
    await bench.engine.call('row.delete', { ...place, rows: [4] })
    await bench.engine.call('rows.edit', { ...place, rows: Uint32Array.of(8), changes: { group: 'none' } })
    const past = { ...place, before: await seqOf(place.store, 'delete') }
    const query = { by: 'row', row: 0 } as const
    const before = await bench.engine.call('search.run', { ...past, query, k: 39, exact: true })
    const after = await bench.engine.call('search.run', { ...place, query, k: 39, exact: true })
    expect(before.hits.map(({ row }) => row)).toContain(4)
    expect(after.hits.map(({ row }) => row)).not.toContain(4)
    expect(before.hits).toHaveLength(39)
    expect(after.hits).toHaveLength(38)
    expect((await bench.engine.call('row.get', { ...past, row: 8 })).fields.group).toBe('north')
    expect((await bench.engine.call('row.get', { ...place, row: 8 })).fields.group).toBe('none')
    expect(await bench.engine.call('row.find', { ...past, id: 'row-4' })).toBe(4)
    expect(await bench.engine.call('row.find', { ...place, id: 'row-4' })).toBeNull()
    const filter = "group = 'north'"
    expect(await bench.engine.call('filter.rows', { ...past, filter })).toHaveLength(10)
    expect(await bench.engine.call('filter.rows', { ...place, filter })).toHaveLength(8)
    expect(await bench.engine.call('row.labels', { ...past, column: 'id', rows: [4] })).toEqual(['row-4'])
    const rows = Uint32Array.of(8)
    expect(await bench.engine.call('column.values', { ...past, column: 'group', rows })).toMatchObject({
      labels: [{ label: 'north' }],
    })
  })

  test('the past cannot be written', async () => {
    const place = await imported()
    await bench.engine.call('row.delete', { ...place, rows: [4] })
    const past = { ...place, before: await seqOf(place.store, 'delete') }
    const now = await cells(place)
    const rows = Uint32Array.of(1)
    const tries: [Operation, unknown][] = [
      ['row.delete', { ...past, rows }],
      ['rows.deleteIds', { ...past, ids: ['row-1'] }],
      ['rows.edit', { ...past, rows, changes: { rank: 1 } }],
      ['rows.add', { ...past, rows: [{ id: 'x', embedding: [1, 2, 3, 4, 5, 6, 7, 8] }] }],
      ['rows.addVectors', { ...past, vectors: new Float32Array(8), ids: ['x'] }],
    ]
    for (const [op, params] of tries) {
      expect((await failure(op, params as Params<typeof op>))?.code, op).toBe('READ_ONLY')
    }
    expect(await cells(place)).toEqual(now)
  })

  test('undo and redo walk back and forth, and say when there is nothing more', async () => {
    const place = await imported(10)
    const info = async () => (await bench.engine.call('store.info', { store: place.store })).collections[0]
    expect(await info()).toMatchObject({ undo: { kind: 'import' }, redo: null })
    expect((await failure('history.redo', place))?.code).toBe('NOTHING_TO_UNDO')
    await bench.engine.call('row.delete', { ...place, rows: [1] })
    await bench.engine.call('row.delete', { ...place, rows: [2] })
    expect((await info())?.rows).toBe(8)
    await bench.engine.call('history.undo', place)
    expect(await info()).toMatchObject({ rows: 9, undo: { kind: 'delete' }, redo: { kind: 'revert' } })
    await bench.engine.call('history.undo', place)
    expect((await info())?.rows).toBe(10)
    await bench.engine.call('history.redo', place)
    await bench.engine.call('history.redo', place)
    expect(await info()).toMatchObject({ rows: 8, redo: null })
    // A new change after an undo ends the redoing.
    await bench.engine.call('history.undo', place)
    await bench.engine.call('row.delete', { ...place, rows: [7] })
    expect(await info()).toMatchObject({ rows: 8, redo: null })
    const nothing = await failure('history.redo', place)
    expect(nothing?.code).toBe('NOTHING_TO_UNDO')
    expect(nothing?.remedy).toBeTypeOf('string')
  })

  test('the first import undone leaves nothing to undo, and comes back with redo', async () => {
    const place = await imported(10)
    const whole = await cells(place)
    await bench.engine.call('history.undo', place)
    expect((await failure('history.undo', place))?.code).toBe('NOTHING_TO_UNDO')
    await bench.engine.call('history.redo', place)
    expect(await cells(place)).toEqual(whole)
  })

  test('keeps a store on the disk that would otherwise be taken for empty', async () => {
    const empty = await bench.open('empty.db')
    await bench.engine.call('store.close', { store: empty.store, discardEmpty: true })
    expect(existsSync(bench.path('empty.db'))).toBe(false)
    const place = await imported(10)
    await bench.engine.call('history.undo', place)
    await bench.engine.call('store.close', { store: place.store, discardEmpty: true })
    const { store } = await bench.open('test.db', false)
    await bench.engine.call('history.redo', { ...place, store })
    expect(await cells({ ...place, store })).toHaveLength(10)
  })

  test('a dropped collection comes back whole', async () => {
    const place = await imported(10)
    const whole = await cells(place)
    await bench.engine.call('collection.drop', place)
    const [dropped] = await history(place.store)
    expect(dropped).toMatchObject({ kind: 'drop', collection: 'rows', removed: 10 })
    await bench.engine.call('history.revert', { store: place.store, seq: dropped?.seq ?? -1 })
    expect(await cells(place)).toEqual(whole)
  })

  test('outlives closing and opening', async () => {
    const place = await imported(10)
    await bench.engine.call('row.delete', { ...place, rows: [1, 2] })
    const entries = await history(place.store)
    await bench.engine.call('store.close', { store: place.store })
    const { store } = await bench.open('test.db', false)
    expect(await history(store)).toEqual(entries)
    await bench.engine.call('history.undo', { ...place, store })
    expect(await cells({ ...place, store })).toHaveLength(10)
  })

  test('[H3] is pruned by its rule only, and says what was pruned', async () => {
    const place = await imported(10)
    const { store } = place
    for (const row of [1, 2, 3, 4]) await bench.engine.call('row.delete', { ...place, rows: [row] })
    const all = await history(store)
    expect(all).toHaveLength(5)
    const before = await bench.engine.call('store.info', { store })
    expect(before.history).toMatchObject({ entries: 5, pruned: null })
    const rule = { ...before.history.rule, maxEntries: 2 }
    await bench.engine.call('history.rule', { store, rule })
    await bench.engine.call('row.delete', { ...place, rows: [5] })
    // The rule is applied when the log is written into files.
    await bench.engine.call('store.close', { store })
    const reopened = await bench.open('test.db', false)
    expect(reopened.history.rule).toEqual(rule)
    expect(reopened.history.entries).toBeLessThanOrEqual(3)
    expect(reopened.history.pruned?.entries).toBe(6 - reopened.history.entries)
    expect(reopened.history.pruned?.until).toBeGreaterThan(0)
    const oldest = all.at(-1)?.seq ?? -1
    const gone = await failure('history.revert', { store: reopened.store, seq: oldest })
    expect(gone?.code).toBe('HISTORY_PRUNED')
    const look = { ...place, store: reopened.store, before: oldest, offset: 0, limit: 1 }
    expect((await failure('table.page', look))?.code).toBe('HISTORY_PRUNED')
    expect(reopened.collections[0]?.rows).toBe(5)
  })

  test('[H3] can be given up, and then says so', async () => {
    const place = await imported(10)
    await bench.engine.call('row.delete', { ...place, rows: [1] })
    expect(await bench.engine.call('history.forget', { store: place.store })).toEqual({ entries: 2 })
    const info = await bench.engine.call('store.info', { store: place.store })
    expect(info.history).toMatchObject({ entries: 0, pruned: { entries: 2 } })
    expect(info.collections[0]).toMatchObject({ rows: 9, undo: null, redo: null })
    expect((await failure('history.undo', place))?.code).toBe('NOTHING_TO_UNDO')
  })
})

describe('an edit', () => {
  test('sets columns, makes those that are not there, and empties cells', async () => {
    const place = await imported(6)
    const rows = Uint32Array.of(1, 4)
    const changes = { group: null, tag: 'seen', score: 0.5, size: 3, good: true }
    const { changed, entry } = await bench.engine.call('rows.edit', { ...place, rows, changes })
    expect(changed).toBe(2)
    expect(entry).toMatchObject({ kind: 'edit', changed: 2, collection: 'rows', undone: false })
    expect((await bench.engine.call('row.get', { ...place, row: 4 })).fields).toMatchObject(changes)
    expect((await bench.engine.call('row.get', { ...place, row: 3 })).fields).toMatchObject({
      group: 'west',
      tag: null,
      score: null,
    })
    const info = await bench.engine.call('store.info', { store: place.store })
    const types = Object.fromEntries((info.collections[0]?.columns ?? []).map((c) => [c.name, c.type]))
    expect(types).toMatchObject({ tag: 'text', score: 'float', size: 'int', good: 'bool' })
    expect(await bench.engine.call('filter.rows', { ...place, filter: "tag = 'seen'" })).toEqual(rows)
  })

  test('of rows that are not there changes nothing and is no entry', async () => {
    const place = await imported(6)
    const { changed, entry } = await bench.engine.call('rows.edit', {
      ...place,
      rows: Uint32Array.of(900),
      changes: { group: 'x' },
    })
    expect({ changed, entry }).toEqual({ changed: 0, entry: null })
    expect(await history(place.store)).toHaveLength(1)
  })

  test('of the id, of the vector, or of a wrong type is refused and changes nothing', async () => {
    const place = await imported(6)
    const now = await cells(place)
    const rows = Uint32Array.of(1)
    const wrong = { id: 'other', embedding: 'x', rank: 'many' }
    for (const [column, value] of Object.entries(wrong)) {
      const error = await failure('rows.edit', { ...place, rows, changes: { [column]: value } })
      expect(error?.code, column).toMatch(/^[A-Z_]+$/)
      expect(error?.code).not.toBe('INTERNAL')
    }
    expect(await cells(place)).toEqual(now)
    expect(await history(place.store)).toHaveLength(1)
  })
})

test('ids are looked up in their order, and those that are not there are left out', async () => {
  const place = await imported(6)
  const { rows } = await bench.engine.call('rows.find', { ...place, ids: ['row-4', 'nobody', 'row-0'] })
  expect([...rows]).toEqual([4, 0])
})

/** Columns are not taken away by going back: the rows of that time have nothing in them. */
function withoutTag(rows: unknown[]): unknown[] {
  return rows.map((row) => (row as unknown[]).filter((cell) => !String(cell).startsWith('tag: null')))
}
