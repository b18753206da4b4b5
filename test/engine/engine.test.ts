import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import type { AppError, ImportResult, MapInfo, Operation, Params } from '../../src/contract/index.ts'
import { addon } from '../../src/engine/addon.ts'
import { type Bench, csv, eachTest, jsonl, npy, sample } from './support.ts'

let bench: Bench
eachTest((one) => {
  bench = one
})
const codeOf = <O extends Operation>(op: O, params: Params<O>) => bench.codeOf(op, params)
const imported = (count?: number) => bench.imported(count)

const MAP_PARAMS = { neighbours: 10, minDist: 0.1, spread: 1, epochs: 50, method: 'umap' as const }

describe('a store', () => {
  test('is made, is the same when opened again by another spelling, and is empty', async () => {
    const first = await bench.open('a.db')
    const again = await bench.engine.call('store.open', {
      grant: bench.grant(join(bench.folder, '.', 'x', '..', 'a.db'), 'store'),
    })
    expect(again.store).toBe(first.store)
    expect(first).toMatchObject({ name: 'a.db', collections: [] })
    expect(first.freeBytes).toBeGreaterThan(0)
  })

  test('opened twice at once is one handle', async () => {
    const [one, two] = await Promise.all([bench.open('b.db'), bench.open('b.db')])
    expect(one.store).toBe(two.store)
  })

  test('that is not there is an error with its path, unless it shall be made', async () => {
    const grant = bench.grant(bench.path('none.db'), 'store')
    const error: AppError = await bench.engine.call('store.open', { grant }).catch((thrown) => thrown)
    expect(['FILE_NOT_FOUND', 'NOT_A_STORE']).toContain(error.code)
    expect(error.remedy).not.toBe('')
    expect(JSON.stringify(error.detail)).toContain('none.db')
  })

  test('is closed, then unknown, and holds its rows when it is opened again', async () => {
    const target = await imported(50)
    await bench.engine.call('store.close', { store: target.store })
    expect(await codeOf('store.info', { store: target.store })).toBe('UNKNOWN_STORE')
    const reopened = await bench.open('test.db', false)
    expect(reopened.store).not.toBe(target.store)
    expect(reopened.collections).toMatchObject([{ name: 'rows', rows: 50 }])
  })

  test('says what a verification read', async () => {
    const { store } = await imported(50)
    const report = await bench.engine.call('store.verify', { store })
    expect(report.problems).toEqual([])
    expect(report.files).toBeGreaterThan(0)
    expect(report.bytes).toBeGreaterThan(0)
  })

  test('tells of its changes', async () => {
    const { store } = await imported(50)
    const seen = bench.event('store.changed', (info) => info.collections[0]?.rows === 49)
    await bench.engine.call('row.delete', { store, collection: 'rows', rows: [7] })
    expect((await seen).store).toBe(store)
  })
})

describe('an import', () => {
  const rows = sample(300)

  test.each([
    ['CSV', 'rows.csv', csv(rows), 'csv'],
    ['JSON Lines', 'rows.jsonl', jsonl(rows), 'jsonl'],
  ])('of %s is previewed and read', async (_, name, content, format) => {
    const { store } = await bench.open()
    const grant = bench.file(name, content)
    const preview = await bench.engine.call('import.preview', { grant })
    expect(preview).toMatchObject({ file: name, format, vector: { dimension: 8 }, id: { column: 'id' } })
    expect(preview.bytes).toBe(Buffer.byteLength(content))
    expect(preview.sample.length).toBe(50)
    expect(preview.columns.map((column) => column.type)).toEqual(['text', 'text', 'int', 'vector'])
    const end = await bench.import(store, grant, 'rows')
    expect(end).toMatchObject({ state: 'done', kind: 'import', collection: 'rows' })
    expect(end.result).toMatchObject({ rows: 300, rejected: 0, replaced: 0, rejectedRows: [] })
    const info = await bench.engine.call('store.info', { store })
    expect(info.collections[0]).toMatchObject({
      name: 'rows',
      rows: 300,
      id: { column: 'id', type: 'text' },
      vectors: [{ dimension: 8 }],
    })
    const page = await bench.engine.call('table.page', { store, collection: 'rows', offset: 10, limit: 2 })
    expect(page.total).toBe(300)
    const at = (column: string) => page.cells.map((row) => row[page.columns.indexOf(column)])
    expect(at('id')).toEqual(['row-10', 'row-11'])
    expect(at('rank')).toEqual([10, 11])
  })

  test('of .npy numbers its rows', async () => {
    const { store } = await bench.open()
    const grant = bench.file('rows.npy', npy(rows.map((row) => row.vector)))
    const end = await bench.import(store, grant, 'rows', { metric: 'l2' })
    expect(end.result).toMatchObject({ rows: 300 })
    const info = await bench.engine.call('store.info', { store })
    expect(info.collections[0]?.id.type).toBe('rownumber')
    const row = await bench.engine.call('row.get', { store, collection: 'rows', row: 5 })
    const own = row.vectors[0]?.vector ?? []
    expect([...own]).toEqual(rows[5]?.vector.map(Math.fround))
    const { vectors, dimension } = await bench.engine.call('file.vectors', { grant })
    expect(dimension).toBe(8)
    expect([...vectors.subarray(40, 48)]).toEqual([...own])
  })

  test('leaves bad rows out and names them, or stops and leaves nothing', async () => {
    const { store } = await bench.open()
    const lines = jsonl(rows.slice(0, 20)).split('\n')
    lines[3] = JSON.stringify({ ...rows[3], vector: [1, 2] })
    lines[9] = '{"id": "broken'
    const grant = bench.file('bad.jsonl', lines.join('\n'))
    const stopped = await bench.import(store, grant, 'bad')
    expect(stopped).toMatchObject({ state: 'failed', error: { code: 'BAD_ROW', detail: { row: 4 } } })
    expect((await bench.engine.call('store.info', { store })).collections).toEqual([])
    const skipped = await bench.import(store, grant, 'bad', { onError: 'skip' })
    const result = skipped.result as ImportResult
    expect(result).toMatchObject({ rows: 18, rejected: 2 })
    expect(result.rejectedRows.map((row) => [row.row, row.line])).toEqual([
      [4, 4],
      [10, 10],
    ])
    for (const { reason } of result.rejectedRows) expect(reason).not.toBe('')
  })

  test('into a collection that is there replaces rows by id', async () => {
    const target = await imported(100)
    const again = await bench.import(target.store, bench.file('more.csv', csv(sample(150, 2))), 'rows')
    expect(again.result).toMatchObject({ rows: 150, replaced: 100 })
    const info = await bench.engine.call('store.info', { store: target.store })
    expect(info.collections[0]?.rows).toBe(150)
  })

  test('into a collection that is there takes another name for the id, and brings new columns', async () => {
    const target = await imported(20)
    const rows = sample(30, 3).map(({ id, vector }) => ({ key: id, vector, note: `about ${id}` }))
    const grant = bench.file('other.jsonl', rows.map((row) => JSON.stringify(row)).join('\n'))
    const end = await bench.import(target.store, grant, 'rows', { id: 'key' })
    expect(end).toMatchObject({ state: 'done', result: { rows: 30, replaced: 20 } })
    const info = await bench.engine.call('store.info', { store: target.store })
    expect(info.collections[0]).toMatchObject({ rows: 30, id: { column: 'id', type: 'text' } })
    expect(info.collections[0]?.columns.map((column) => column.name)).toEqual(['id', 'group', 'rank', 'note'])
    const row = await bench.engine.call('row.find', { ...target, id: 'row-25' })
    expect((await bench.engine.call('row.get', { ...target, row: row ?? -1 })).fields).toEqual({
      id: 'row-25',
      group: null,
      rank: null,
      note: 'about row-25',
    })
  })

  test('of another metric or dimension into a collection that is there fails and changes nothing', async () => {
    const target = await imported(100)
    const metric = await bench.import(target.store, bench.file('b.csv', csv(sample(10))), 'rows', {
      metric: 'dot',
    })
    expect(metric).toMatchObject({ state: 'failed', error: { code: 'INVALID_REQUEST' } })
    const short = sample(10).map((row) => ({ ...row, vector: row.vector.slice(1) }))
    const dimension = await bench.import(target.store, bench.file('c.csv', csv(short)), 'rows')
    expect(dimension).toMatchObject({ state: 'failed', error: { code: 'DIMENSION_MISMATCH' } })
    const info = await bench.engine.call('store.info', { store: target.store })
    expect(info.collections[0]?.rows).toBe(100)
  })

  test('that is cancelled leaves nothing', async () => {
    const { store } = await bench.open()
    const before = files(bench.path('test.db'))
    const grant = bench.file('large.csv', csv(sample(60_000)))
    const preview = await bench.engine.call('import.preview', { grant })
    const { job } = await bench.engine.call('import.start', {
      store,
      grant,
      collection: 'rows',
      plan: { vector: preview.vector?.column ?? '', id: 'id', metric: 'l2', columns: [], onError: 'stop' },
    })
    await bench.event('job.progress', (info) => info.job === job && info.done > 0)
    expect(await bench.engine.call('job.list', {})).toMatchObject([{ job, kind: 'import' }])
    await bench.engine.call('job.cancel', { job })
    expect(await bench.end(job)).toMatchObject({ state: 'cancelled', error: { code: 'CANCELLED' } })
    expect((await bench.engine.call('store.info', { store })).collections).toEqual([])
    expect(files(bench.path('test.db'))).toEqual(before)
    expect(await bench.engine.call('job.list', {})).toEqual([])
    expect(await codeOf('job.cancel', { job })).toBe('UNKNOWN_JOB')
  })

  test('of a file that cannot be read ends with its reason', async () => {
    const { store } = await bench.open()
    const gone = bench.grant(bench.path('gone.csv'), 'file')
    expect(await codeOf('import.preview', { grant: gone })).toBe('FILE_NOT_FOUND')
    expect(await codeOf('import.preview', { grant: bench.file('empty.csv', '') })).toBe('EMPTY_INPUT')
    expect(await codeOf('import.preview', { grant: bench.file('a.parquet', 'PAR1 not at all') })).toBe(
      'INVALID_FILE',
    )
    const plan = { vector: 'v', id: null, metric: 'l2' as const, columns: [], onError: 'stop' as const }
    const { job } = await bench.engine.call('import.start', { store, grant: gone, collection: 'c', plan })
    expect(await bench.end(job)).toMatchObject({ state: 'failed', error: { code: 'FILE_NOT_FOUND' } })
  })

  test.runIf(existsSync('samples/words.parquet'))('of the sample words finds queen near king', async () => {
    const { store } = await bench.open()
    const end = await bench.import(store, bench.grant('samples/words.parquet', 'file'), 'words')
    expect(end.result).toMatchObject({ rows: 20_000, rejected: 0 })
    const { hits } = await bench.engine.call('search.run', {
      store,
      collection: 'words',
      query: { by: 'id', id: 'king' },
    })
    expect(hits.map((hit) => hit.id)).toContain('queen')
  })
})

describe('reads', () => {
  test('find the nearest rows by row, by id and by vector', async () => {
    const target = await imported()
    const byRow = await bench.engine.call('search.run', { ...target, query: { by: 'row', row: 8 }, k: 5 })
    expect(byRow.hits).toHaveLength(5)
    expect(byRow.hits.map((hit) => hit.row)).not.toContain(8)
    for (const hit of byRow.hits) expect(hit.fields.group).toBe('north')
    const distances = byRow.hits.map((hit) => hit.distance)
    expect(distances).toEqual([...distances].sort((a, b) => a - b))
    expect(byRow.tookMs).toBeGreaterThan(0)

    const byId = await bench.engine.call('search.run', { ...target, query: { by: 'id', id: 'row-8' }, k: 5 })
    expect(byId.hits).toEqual(byRow.hits)

    const [{ vector } = { vector: new Float32Array() }] = (
      await bench.engine.call('row.get', { ...target, row: 8 })
    ).vectors
    const byVector = await bench.engine.call('search.run', {
      ...target,
      query: { by: 'vector', vector: vector.slice() },
      k: 6,
    })
    expect(byVector.hits[0]).toMatchObject({ row: 8, id: 'row-8' })
    expect(byVector.hits.slice(1)).toEqual(byRow.hits)
    const asList = await bench.engine.call('search.run', {
      ...target,
      query: { by: 'vector', vector: [...vector] },
      k: 6,
      exact: true,
    })
    expect(asList.hits).toEqual(byVector.hits)
    expect(asList.plan).toBe('exact')
  })

  test('filter hits, rows and tables alike', async () => {
    const target = await imported()
    const filter = '"group" = \'east\' AND rank < 100'
    const rows = await bench.engine.call('filter.rows', { ...target, filter })
    expect([...rows]).toEqual(Array.from({ length: 25 }, (_, i) => i * 4 + 1))
    const { hits } = await bench.engine.call('search.run', {
      ...target,
      query: { by: 'row', row: 0 },
      k: 30,
      filter,
    })
    expect(new Set(hits.map((hit) => hit.row))).toEqual(new Set(rows))
    const page = await bench.engine.call('table.page', {
      ...target,
      filter,
      sort: [{ column: 'rank', descending: true }],
      offset: 0,
      limit: 3,
    })
    expect(page.total).toBe(25)
    expect([...page.rows]).toEqual([97, 93, 89])
    const position = { ...target, filter, sort: [{ column: 'rank', descending: true }] }
    expect(await bench.engine.call('table.position', { ...position, row: 89 })).toBe(2)
    expect(await bench.engine.call('table.position', { ...position, row: 2 })).toBeNull()
    expect(await bench.engine.call('filter.check', { ...target, filter })).toBeNull()
    expect([...(await bench.engine.call('filter.rows', { ...target, filter: '' }))]).toHaveLength(400)
  })

  test('give a row, labels and values for colours', async () => {
    const target = await imported()
    const row = await bench.engine.call('row.get', { ...target, row: 3 })
    expect(row).toMatchObject({ row: 3, id: 'row-3', fields: { id: 'row-3', group: 'west', rank: 3 } })
    const [{ vector, norm } = { vector: [], norm: -1 }] = row.vectors
    expect(norm).toBeCloseTo(Math.hypot(...vector), 4)
    expect(await bench.engine.call('row.find', { ...target, id: 'row-3' })).toBe(3)
    expect(await bench.engine.call('row.find', { ...target, id: 'none' })).toBeNull()
    const labels = await bench.engine.call('row.labels', {
      ...target,
      column: 'rank',
      rows: Uint32Array.of(9, 2),
    })
    expect(labels).toEqual(['9', '2'])
    const rows = Uint32Array.of(0, 1, 4)
    const groups = await bench.engine.call('column.values', { ...target, column: 'group', rows })
    if (groups.kind !== 'category') throw new Error('categories were expected')
    expect([...groups.codes].map((code) => groups.labels[code]?.label)).toEqual(['north', 'east', 'north'])
    const many = Uint32Array.from({ length: 400 }, (_, i) => i)
    const ranks = await bench.engine.call('column.values', { ...target, column: 'rank', rows: many })
    if (ranks.kind !== 'number') throw new Error('numbers were expected')
    expect(ranks).toMatchObject({ min: 0, max: 399, nulls: 0, offset: 0 })
    expect([...ranks.values.subarray(0, 3)]).toEqual([0, 1, 2])
  })

  test('say with a code what does not fit', async () => {
    const target = await imported(50)
    const search = (params: Partial<Params<'search.run'>>) =>
      codeOf('search.run', { ...target, query: { by: 'row', row: 0 }, ...params })
    expect(await search({ collection: 'none' })).toBe('UNKNOWN_COLLECTION')
    expect(await search({ query: { by: 'row', row: 4_000_000 } })).toBe('UNKNOWN_ROW')
    expect(await search({ query: { by: 'id', id: 'none' } })).toBe('UNKNOWN_ID')
    expect(await search({ query: { by: 'vector', vector: [1, 2] } })).toBe('DIMENSION_MISMATCH')
    const infinite = [1, 2, 3, 4, 5, 6, 7, 1e300]
    expect(await search({ query: { by: 'vector', vector: infinite } })).toBe('INVALID_VECTOR')
    expect(await search({ filter: 'rank <' })).toBe('INVALID_FILTER')
    expect(await codeOf('filter.check', { ...target, filter: 'nothing = 1' })).toMatch(
      /INVALID_FILTER|UNKNOWN_COLUMN/,
    )
    expect(await codeOf('row.labels', { ...target, column: 'nothing', rows: [1] })).toBe('UNKNOWN_COLUMN')
    expect(await codeOf('map.get', target)).toBe('UNKNOWN_MAP')
    expect(await codeOf('row.get', { ...target, row: 51 })).toBe('UNKNOWN_ROW')
  })
})

describe('writes', () => {
  test('make a collection and add, replace, find and delete rows', async () => {
    const { store } = await bench.open()
    const target = { store, collection: 'mine' }
    const info = await bench.engine.call('collection.create', {
      ...target,
      vectors: [{ name: 'vector', dimension: 3, metric: 'cosine' }],
    })
    expect(info.collections[0]).toMatchObject({ name: 'mine', rows: 0, id: { column: 'id', type: 'text' } })
    expect(
      await codeOf('collection.create', {
        ...target,
        vectors: [{ name: 'vector', dimension: 3, metric: 'l2' }],
      }),
    ).toBe('COLLECTION_EXISTS')
    const added = await bench.engine.call('rows.add', {
      ...target,
      rows: [
        { id: 'a', vector: [1, 0, 0], colour: 'red' },
        { id: 'b', vector: Float32Array.of(0, 1, 0), size: 7 },
      ],
    })
    expect(added).toEqual({ first: 0, count: 2 })
    const more = await bench.engine.call('rows.addVectors', {
      ...target,
      vectors: Float32Array.of(0, 0, 1, 1, 1, 0),
      ids: ['c', 'a'],
    })
    expect(more).toEqual({ first: 2, count: 2 })
    const { hits } = await bench.engine.call('search.run', {
      ...target,
      query: { by: 'vector', vector: [1, 1, 0] },
    })
    expect(hits.map((hit) => hit.id)).toEqual(['a', 'b', 'c'])
    expect(hits[0]?.distance).toBeCloseTo(0, 6)
    expect(hits[1]?.fields).toMatchObject({ size: 7, colour: null })
    expect(await bench.engine.call('rows.deleteIds', { ...target, ids: ['a', 'none'] })).toEqual({
      deleted: 1,
    })
    expect(await bench.engine.call('row.find', { ...target, id: 'a' })).toBeNull()
    expect((await bench.engine.call('collection.drop', target)).collections).toEqual([])
    expect(await codeOf('collection.drop', target)).toBe('UNKNOWN_COLLECTION')
  })

  test('refuse rows that do not fit, and keep nothing of the call', async () => {
    const { store } = await bench.open()
    const target = { store, collection: 'mine' }
    await bench.engine.call('collection.create', {
      ...target,
      vectors: [{ name: 'vector', dimension: 2, metric: 'l2' }],
      id: 'int',
    })
    const good = { id: 1, vector: [1, 2] }
    const add = (row: Record<string, unknown>) => codeOf('rows.add', { ...target, rows: [good, row] })
    expect(await add({ id: 2, vector: [1] })).toBe('DIMENSION_MISMATCH')
    expect(await add({ id: 2, vector: [1, null] })).toMatch(/INVALID/)
    expect(await add({ vector: [1, 2] })).toBe('INVALID_REQUEST')
    expect(await add({ id: 'x', vector: [1, 2] })).toBe('INVALID_REQUEST')
    const vectors = Float32Array.of(1, 2)
    expect(await codeOf('rows.addVectors', { ...target, vectors, ids: ['x'] })).toBe('INVALID_REQUEST')
    expect(await codeOf('rows.addVectors', { ...target, vectors })).toBe('INVALID_REQUEST')
    expect(await codeOf('rows.addVectors', { ...target, vectors: Float32Array.of(1), ids: [1] })).toBe(
      'INVALID_REQUEST',
    )
    expect(await codeOf('rows.addVectors', { ...target, vectors: Float32Array.of(NaN, 1), ids: [1] })).toBe(
      'INVALID_VECTOR',
    )
    const info = await bench.engine.call('store.info', { store })
    expect(info.collections[0]?.rows).toBe(0)
  })
})

describe('a map', () => {
  test.each(['umap' as const, 'umap-js' as const])(
    'starts with its rows and the PCA, forms in frames, is saved and exported: %s',
    async (method) => {
      const target = await imported(600)
      const { job } = await bench.engine.call('map.start', {
        ...target,
        params: { ...MAP_PARAMS, epochs: 400, method },
      })
      const end = await bench.end(job)
      expect(end).toMatchObject({ state: 'done', kind: 'map' })
      const frames = bench.events.flatMap(({ event, data }) => (event === 'map.frame' ? [data] : [])) as {
        stage: string
        epoch: number
        epochs: number
        rows?: Uint32Array
        xy: Float32Array
      }[]
      expect(frames[0]).toMatchObject({ stage: 'pca', epoch: 0, epochs: 400 })
      expect(frames[0]?.rows).toHaveLength(600)
      expect(frames.length).toBeGreaterThan(1)
      for (const frame of frames.slice(1)) {
        expect(frame.rows).toBeUndefined()
        expect(frame.xy).toHaveLength(1_200)
        expect([...frame.xy].every(Number.isFinite)).toBe(true)
      }
      const epochs = frames.map((frame) => frame.epoch)
      expect(epochs).toEqual([...epochs].sort((a, b) => a - b))
      expect(epochs.at(-1)).toBe(400)

      const saved = await bench.engine.call('map.get', target)
      // It is judged from now on.
      const { score: _, ...info } = saved.info
      expect(info).toEqual(end.result as MapInfo)
      expect(saved.info).toMatchObject({
        name: 'map',
        seed: 42,
        rows: 600,
        method,
        params: { ...MAP_PARAMS, epochs: 400, method },
      })
      expect(saved.rows).toEqual(frames[0]?.rows)
      expect(saved.xy).toEqual(frames.at(-1)?.xy)
      expect(purity(saved.xy)).toBeGreaterThan(0.95)

      const out = bench.path('map.csv')
      const written = await bench.engine.call('map.export', { ...target, grant: bench.grant(out, 'file') })
      const lines = readFileSync(out, 'utf8').trimEnd().split('\n')
      expect(lines[0]).toBe('id,group,rank,x,y')
      expect(lines).toHaveLength(601)
      expect(written).toEqual({ rows: 600, bytes: readFileSync(out).length })
      const parquet = bench.grant(bench.path('map.parquet'), 'file')
      expect((await bench.engine.call('map.export', { ...target, grant: parquet })).rows).toBe(600)

      await bench.engine.call('store.close', { store: target.store })
      const { store } = await bench.open('test.db', false)
      expect((await bench.engine.call('map.get', { ...target, store })).xy).toEqual(saved.xy)
      await bench.engine.call('map.delete', { ...target, store })
      expect(await codeOf('map.get', { ...target, store })).toBe('UNKNOWN_MAP')
    },
  )

  test('is the same again with the same seed', async () => {
    const target = await imported(200)
    const draw = async (name: string) => {
      const { job } = await bench.engine.call('map.start', { ...target, name, params: MAP_PARAMS, seed: 7 })
      expect(await bench.end(job)).toMatchObject({ state: 'done' })
      return (await bench.engine.call('map.get', { ...target, name })).xy
    }
    expect(await draw('one')).toEqual(await draw('two'))
  })

  test('that is cancelled is not saved, at whatever stage', async () => {
    const target = await imported(3_000)
    for (const stage of ['pca', 'umap'] as const) {
      const params = { ...MAP_PARAMS, epochs: 5_000 }
      const { job } = await bench.engine.call('map.start', { ...target, params })
      await bench.event('map.frame', (frame) => frame.job === job && frame.stage === stage)
      await bench.engine.call('job.cancel', { job })
      expect(await bench.end(job)).toMatchObject({ state: 'cancelled', error: { code: 'CANCELLED' } })
      const after = bench.events.length
      await new Promise((wait) => setTimeout(wait, 200))
      const late = bench.events.slice(after).filter(({ event }) => event !== 'store.changed')
      expect(late).toEqual([])
    }
    expect(await codeOf('map.get', target)).toBe('UNKNOWN_MAP')
  })

  test.each([1, 2, 4, 6])('is drawn of %i rows', async (count) => {
    const target = await imported(count)
    const { job } = await bench.engine.call('map.start', { ...target, params: MAP_PARAMS })
    expect(await bench.end(job)).toMatchObject({ state: 'done', result: { rows: count } })
    const { xy } = await bench.engine.call('map.get', target)
    expect([...xy].every(Number.isFinite)).toBe(true)
  })

  test('of nothing says so', async () => {
    const { store } = await bench.open()
    await bench.engine.call('collection.create', {
      store,
      collection: 'c',
      vectors: [{ name: 'vector', dimension: 2, metric: 'l2' }],
    })
    const { job } = await bench.engine.call('map.start', { store, collection: 'c', params: MAP_PARAMS })
    expect(await bench.end(job)).toMatchObject({ state: 'failed', error: { code: 'EMPTY_INPUT' } })
    expect(await codeOf('map.start', { store, collection: 'none', params: MAP_PARAMS })).toBe(
      'UNKNOWN_COLLECTION',
    )
  })

  test('does not keep a store from closing', async () => {
    const target = await imported(3_000)
    const { job } = await bench.engine.call('map.start', {
      ...target,
      params: { ...MAP_PARAMS, epochs: 5_000 },
    })
    await bench.event('map.frame', (frame) => frame.stage === 'umap')
    await bench.engine.call('store.close', { store: target.store })
    expect(await bench.end(job)).toMatchObject({ state: 'cancelled' })
  })
})

describe('the addon', () => {
  test('turns a panic into an error with a code, on its own threads too', async () => {
    const { testPanic, testPanicOnThread } = addon()
    process.env.OMENDB_TEST_PANIC = '1'
    try {
      expect(testPanic).toThrow(/"code":"INTERNAL".*a panic on request/)
      await expect(testPanicOnThread()).rejects.toThrow(/"code":"INTERNAL".*a panic on request/)
    } finally {
      delete process.env.OMENDB_TEST_PANIC
    }
    expect(() => testPanic()).not.toThrow()
  })

  test('has exactly the functions that its declarations name', () => {
    const declared = new Map<string, string[]>()
    for (const [, name = '', body = ''] of readFileSync('native/napi/index.d.ts', 'utf8').matchAll(
      /export interface (\w+) \{\n(.*?)\n\}/gs,
    )) {
      declared.set(
        name,
        [...body.matchAll(/^ {2}(?:readonly )?(\w+)[(:]/gm)].map((match) => match[1] ?? '').sort(),
      )
    }
    const names = (value: object) =>
      Object.getOwnPropertyNames(value).filter((name) => name !== 'constructor')
    const native = addon() as unknown as Record<string, { prototype: object }>
    const functions = Object.keys(native).filter((name) => /^[a-z]/.test(name))
    expect([...functions, 'Job'].sort()).toEqual(declared.get('Addon'))
    expect(declared.get('NativeSearcher')).toEqual(['release', 'run'])
    for (const [name, members] of declared) {
      // A searcher is a plain object of two functions.
      if (name === 'Addon' || name === 'NativeSearcher') continue
      const class_ = native[name === 'NativeJob' ? 'Job' : name]
      expect(class_, name).toBeDefined()
      if (class_) expect(names(class_.prototype).sort(), name).toEqual(members)
    }
  })

  test('says what it is', async () => {
    const hello = await bench.engine.call('engine.hello', {})
    expect(hello.pid).toBe(process.pid)
    expect(['scalar', 'avx2', 'avx512', 'neon']).toContain(hello.isa)
    expect(hello.version).toMatch(/^\d+\.\d+\.\d+/)
  })
})

/** Every file under a folder. */
function files(folder: string): string[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .sort()
}

/** Part of the points whose nearest neighbour on the map is of their group (i modulo 4). */
function purity(xy: Float32Array): number {
  const count = xy.length / 2
  let pure = 0
  for (let i = 0; i < count; i++) {
    let nearest = -1
    let least = Number.POSITIVE_INFINITY
    for (let j = 0; j < count; j++) {
      const dx = (xy[i * 2] ?? 0) - (xy[j * 2] ?? 0)
      const dy = (xy[i * 2 + 1] ?? 0) - (xy[j * 2 + 1] ?? 0)
      if (j !== i && dx * dx + dy * dy < least) {
        least = dx * dx + dy * dy
        nearest = j
      }
    }
    if (nearest % 4 === i % 4) pure++
  }
  return pure / count
}
