// @vitest-environment happy-dom
import { beforeEach, describe, expect, it } from 'vitest'
import type { CollectionInfo, MapInfo, StoreInfo } from '../../src/contract/index.ts'
import { editableType, readCell, typedText } from '../../src/renderer/features/inspector/cells.ts'
import { shownName } from '../../src/renderer/features/map/making.ts'
import { onlyLive } from '../../src/renderer/features/map/rowindex.ts'
import { columnProblem, firstColumn, tagColumns } from '../../src/renderer/features/tag/choose.ts'
import { copyName } from '../../src/renderer/state/copies.ts'
import { resultWords } from '../../src/renderer/state/jobs.ts'
import { type EndedJob, useView, whyNotNow } from '../../src/renderer/state/view.ts'

const collection: CollectionInfo = {
  name: 'words',
  rows: 20_000,
  deleted: 0,
  id: { column: 'word', type: 'text' },
  columns: [
    { name: 'word', type: 'text' },
    { name: 'rank', type: 'int' },
    { name: 'kind', type: 'text' },
    { name: 'seen', type: 'timestamp' },
    { name: 'facts', type: 'json' },
  ],
  vectors: [
    { name: 'vector', dimension: 3, metric: 'cosine', index: { state: 'none', indexedRows: 0, progress: 0 } },
  ],
  maps: [],
  undo: null,
  redo: null,
}

const store: StoreInfo = {
  store: 's',
  name: 'words.db',
  path: '/words.db',
  generation: 1,
  revision: 1,
  walBytes: 0,
  diskBytes: 0,
  freeBytes: 0,
  readOnly: false,
  writer: null,
  history: {
    entries: 0,
    bytes: 0,
    pruned: null,
    rule: { maxAgeDays: 30, maxEntries: 10_000, maxBytes: 1e9 },
  },
  collections: [collection],
}

describe('a cell that is typed', () => {
  it('becomes a value of its column’s type', () => {
    expect(readCell('text', ' as it is ')).toEqual({ value: ' as it is ' })
    expect(readCell('int', ' -42 ')).toEqual({ value: -42 })
    expect(readCell('float', '2.5e-3')).toEqual({ value: 0.0025 })
    expect(readCell('bool', 'true')).toEqual({ value: true })
    expect(readCell('int', '9007199254740993')).toEqual({ value: '9007199254740993' })
    expect(readCell('timestamp', '2026-11-25T14:02:00Z')).toEqual({ value: '2026-11-25T14:02:00Z' })
    expect(readCell('timestamp', '2026-11-25 14:02 +02:00')).toEqual({ value: '2026-11-25T14:02:00+02:00' })
    expect(readCell('timestamp', '2026-11-25')).toEqual({ value: '2026-11-25' })
  })

  it('is refused in words where it is none', () => {
    for (const [type, text] of [
      ['int', '1.5'],
      ['int', ''],
      ['int', '9223372036854775808'],
      ['float', 'many'],
      ['float', ''],
      ['float', '1e999'],
      ['bool', 'perhaps'],
      ['timestamp', 'last week'],
      ['timestamp', '2026-13-01'],
      ['json', '{}'],
    ] as const) {
      expect(readCell(type, text), `${type} ${text}`).toHaveProperty('problem')
    }
  })

  it('is offered for columns that can be set, never for the id', () => {
    expect(editableType(collection, 'rank')).toBe('int')
    expect(editableType(collection, 'word')).toBeNull()
    expect(editableType(collection, 'facts')).toBeNull()
    expect(editableType(collection, 'no such')).toBeNull()
    expect(typedText(null)).toBe('')
    expect(typedText(0.5)).toBe('0.5')
  })
})

describe('the column of a tag', () => {
  it('is a text column or a new one', () => {
    expect(tagColumns(collection)).toEqual([{ value: 'kind' }])
    expect(columnProblem(collection, 'tag')).toBeNull()
    expect(columnProblem(collection, 'kind')).toBeNull()
    expect(columnProblem(collection, 'word')).toMatch(/ids/)
    expect(columnProblem(collection, 'rank')).toMatch(/int/)
    expect(columnProblem(collection, 'vector')).toMatch(/vectors/)
    expect(columnProblem(collection, '')).not.toBeNull()
  })

  it('is the last one, if it still fits', () => {
    expect(firstColumn(collection, null)).toBe('tag')
    expect(firstColumn(collection, 'kind')).toBe('kind')
    expect(firstColumn(collection, 'rank')).toBe('tag')
  })
})

describe('a saved map', () => {
  it('shows the rows that are there, in its own order', () => {
    const rows = Uint32Array.of(5, 1, 9, 3)
    const xy = Float32Array.of(0, 1, 2, 3, 4, 5, 6, 7)
    const points = { rows, xy, kept: Uint8Array.of(9, 8, 7, 6), placed: Uint8Array.of(0, 1, 0, 1) }
    const left = onlyLive(points, Uint32Array.of(1, 3, 4, 5))
    expect([...left.rows]).toEqual([5, 1, 3])
    expect([...left.xy]).toEqual([0, 1, 2, 3, 6, 7])
    expect([...(left.kept ?? [])]).toEqual([9, 8, 6])
    expect([...(left.placed ?? [])]).toEqual([0, 1, 1])
    expect(onlyLive(points, Uint32Array.of(1, 3, 5, 9))).toBe(points)
    expect(onlyLive({ ...points, kept: null }, new Uint32Array(0))).toMatchObject({ kept: null })
  })
})

describe('which map is shown', () => {
  const maps = ['one', 'two'].map((name) => ({ name }) as MapInfo)

  it('is the one that is asked for, or that forms, or the first there is', () => {
    expect(shownName('two', maps, undefined)).toBe('two')
    expect(shownName('map', maps, undefined)).toBe('one')
    expect(shownName('new', maps, 'new')).toBe('new')
    expect(shownName('map', [], undefined)).toBe('map')
  })
})

describe('the view', () => {
  beforeEach(() => useView.getState().setStore(null, null))

  it('says why rows cannot be changed', () => {
    expect(whyNotNow({ store, looking: null })).toBeNull()
    const reader = { ...store, readOnly: true }
    expect(whyNotNow({ store: reader, looking: null })).toBe('This store is open read-only')
    const writer = 'process 4 since 2026-11-25T20:52:33Z (omendb import)'
    expect(whyNotNow({ store: { ...reader, writer }, looking: null })).toMatch(/omendb import writes it$/)
  })

  it('notes when it followed a writer, and only then', () => {
    const view = useView.getState()
    view.setStore({ ...store, readOnly: true }, 'grant')
    view.storeChanged({ ...store, readOnly: true })
    expect(useView.getState().followedMs).toBeNull()
    view.storeChanged({ ...store, readOnly: true, revision: 2 })
    expect(useView.getState().followedMs).toBeGreaterThan(0)
  })

  it('keeps what is shown when its store is opened again', () => {
    const view = useView.getState()
    view.setStore(store, 'grant')
    view.setCollection('words')
    view.setFilter('rank < 3', Uint32Array.of(1, 2))
    view.setReopened({ ...store, store: 'other', revision: 4 })
    expect(useView.getState()).toMatchObject({ collection: 'words', filter: 'rank < 3', trouble: null })
    view.setReopened({ ...store, store: 'third', collections: [] })
    expect(useView.getState()).toMatchObject({ collection: null, filter: '', screen: 'store' })
  })
})

describe('copies and jobs', () => {
  it('have names that say what they are', () => {
    const noon = new Date(2026, 10, 5, 12).getTime()
    expect(copyName('words.db', 'snapshot', noon)).toBe('words 2026-11-05')
    expect(copyName('words.db', 'repair', noon)).toBe('words repaired')
  })

  it('say what they came to', () => {
    const job = { state: 'done', error: null } as Partial<EndedJob>
    const repair = {
      generation: 2,
      notes: [],
      collections: [{ name: 'words', rowsKept: 90, rowsLost: 10, lost: [] }],
    }
    expect(resultWords({ ...job, kind: 'repair', result: repair } as unknown as EndedJob)).toBe(
      '90 rows kept, 10 lost',
    )
    expect(resultWords({ ...job, kind: 'map', result: null } as unknown as EndedJob)).toBe('')
  })
})
