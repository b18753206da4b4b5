import { describe, expect, test } from 'vitest'
import type { MapInfo, Operation, Params } from '../../src/contract/index.ts'
import { type Bench, eachTest } from './support.ts'

let bench: Bench
eachTest((one) => {
  bench = one
})
const codeOf = <O extends Operation>(op: O, params: Params<O>) => bench.codeOf(op, params)
const imported = (count?: number) => bench.imported(count)

const PARAMS = { neighbours: 10, minDist: 0.1, spread: 1, epochs: 60, method: 'umap' as const }

type Target = Awaited<ReturnType<typeof imported>>

/** Draws a map to its end. */
async function draw(order: Omit<Params<'map.start'>, 'params'> & { params?: object }): Promise<MapInfo> {
  const params = { ...PARAMS, ...order.params }
  const { job } = await bench.engine.call('map.start', { ...order, params })
  const end = await bench.end(job)
  expect(end).toMatchObject({ state: 'done', kind: 'map' })
  return end.result as MapInfo
}

async function goOn(order: Params<'map.goOn'>): Promise<MapInfo> {
  const { job } = await bench.engine.call('map.goOn', order)
  const end = await bench.end(job)
  expect(end).toMatchObject({ state: 'done', kind: 'map' })
  return end.result as MapInfo
}

async function judged(target: Target & { name?: string }): Promise<MapInfo> {
  const { job } = await bench.engine.call('map.judge', target)
  const end = await bench.end(job)
  expect(end).toMatchObject({ state: 'done', kind: 'judge' })
  return end.result as MapInfo
}

/** The distance to the nearest other point, in the middle of all. */
function crowding(xy: Float32Array): number {
  const points = Array.from(
    { length: xy.length / 2 },
    (_, i) => [xy[2 * i] ?? 0, xy[2 * i + 1] ?? 0] as const,
  )
  const nearest = points.map(([x, y], i) =>
    points.reduce(
      (least, [ox, oy], j) => (i === j ? least : Math.min(least, Math.hypot(x - ox, y - oy))),
      Number.POSITIVE_INFINITY,
    ),
  )
  return nearest.sort((a, b) => a - b)[nearest.length >> 1] ?? 0
}

describe('how much of a map is true', () => {
  test('is measured after it was drawn, and saved with it', async () => {
    const target = await imported(300)
    await draw(target)
    const end = await bench.event('job.end', ({ kind }) => kind === 'judge')
    expect(end).toMatchObject({ state: 'done', collection: 'rows' })
    const { info, rows, kept } = await bench.engine.call('map.get', target)
    expect(info.score).toMatchObject({ k: 15, sample: 300 })
    const score = info.score
    if (!score || !kept) throw new Error('not judged')
    expect(score.trustworthiness).toBeGreaterThan(0.8)
    expect(score.trustworthiness).toBeLessThan(1)
    expect(score.continuity).toBeGreaterThan(0.8)
    expect(kept).toHaveLength(300)
    const mean = kept.reduce((sum, count) => sum + count / 15, 0) / 300
    expect(score.kept).toBeCloseTo(mean, 5)

    const { collections } = await bench.engine.call('store.info', { store: target.store })
    expect(collections[0]?.maps).toMatchObject([{ name: 'map', score }])
    await bench.engine.call('store.close', { store: target.store })
    const { store } = await bench.open('test.db', false)
    const again = await bench.engine.call('map.get', { ...target, store })
    expect(again.info.score).toEqual(score)
    expect(again.kept).toEqual(kept)

    for (const at of [0, 77, 299]) {
      const row = rows[at] ?? 0
      const near = await bench.engine.call('map.neighbours', { ...target, store, row })
      expect(near).toHaveLength(15)
      expect(near.filter(({ lost }) => !lost)).toHaveLength(kept[at] ?? -1)
      expect(near.some((one) => one.row === row)).toBe(false)
    }
    expect(await codeOf('map.neighbours', { ...target, store, row: 5_000 })).toBe('UNKNOWN_ROW')
    expect(await codeOf('map.judge', { ...target, store, name: 'none' })).toBe('UNKNOWN_MAP')
  })

  test('of a map that is drawn again is that of the new one', async () => {
    const target = await imported(500)
    await draw(target)
    const second = await draw({ ...target, seed: 5 })
    const { score } = await judged(target)
    const { info } = await bench.engine.call('map.get', target)
    expect(info).toEqual({ ...second, score })
  })

  test('compares two maps of the same rows', async () => {
    const target = await imported(400)
    await draw({ ...target, name: 'long', params: { epochs: 300 } })
    await draw({ ...target, name: 'short', params: { epochs: 1 } })
    const [long, short] = [
      await judged({ ...target, name: 'long' }),
      await judged({ ...target, name: 'short' }),
    ]
    expect(long.score?.kept).toBeGreaterThan(short.score?.kept ?? 1)
    await bench.engine.call('map.delete', { ...target, name: 'short' })
    const { collections } = await bench.engine.call('store.info', { store: target.store })
    expect(collections[0]?.maps.map(({ name }) => name)).toEqual(['long'])
  })
})

describe('a map that is stopped', () => {
  test.each(['umap' as const, 'umap-js' as const])('is kept as it is: %s', async (method) => {
    const target = await imported(1_500)
    const params = { ...PARAMS, epochs: 5_000, method }
    const { job } = await bench.engine.call('map.start', { ...target, params })
    expect(await codeOf('map.stop', { job: 'none' })).toBe('UNKNOWN_JOB')
    const frame = await bench.event('map.frame', ({ stage, epoch }) => stage === 'umap' && epoch > 0)
    await bench.engine.call('map.stop', { job })
    const end = await bench.end(job)
    expect(end.state).toBe('done')
    const { info, xy } = await bench.engine.call('map.get', target)
    expect(info.params.epochs).toBe(5_000)
    expect(info.epoch).toBeGreaterThanOrEqual(frame.epoch)
    expect(info.epoch).toBeLessThan(5_000)
    expect([...xy].every(Number.isFinite)).toBe(true)
    if (method === 'umap-js') {
      const { job: none } = await bench.engine.call('map.goOn', target)
      expect(await bench.end(none)).toMatchObject({ state: 'failed', error: { code: 'INVALID_REQUEST' } })
    }
  })

  test('goes on to the very map that it would have been', async () => {
    const target = await imported(600)
    await draw({ ...target, name: 'whole', params: { epochs: 3_000 } })
    const params = { ...PARAMS, epochs: 3_000 }
    const { job } = await bench.engine.call('map.start', { ...target, name: 'halved', params })
    await bench.event('map.frame', ({ name, epoch }) => name === 'halved' && epoch > 0)
    await bench.engine.call('map.stop', { job })
    const stopped = (await bench.end(job)).result as MapInfo
    const done = await goOn({ ...target, name: 'halved' })
    expect(done.epoch).toBe(3_000)
    expect(stopped.epoch).toBeLessThan(3_000)
    const xy = async (name: string) => (await bench.engine.call('map.get', { ...target, name })).xy
    expect(await xy('halved')).toEqual(await xy('whole'))
  })
})

describe('another spacing', () => {
  test('moves the map on the graph that is in memory, and on a new one after that', async () => {
    const target = await imported(500)
    await draw({ ...target, params: { minDist: 0, epochs: 200 } })
    const before = await bench.engine.call('map.get', target)
    const wide = await goOn({ ...target, minDist: 0.8 })
    expect(wide.params).toMatchObject({ minDist: 0.8, epochs: 200 })
    expect(wide.epoch).toBe(200)
    const after = await bench.engine.call('map.get', target)
    expect(after.rows).toEqual(before.rows)
    expect(crowding(after.xy)).toBeGreaterThan(2 * crowding(before.xy))
    const graphs = () =>
      bench.events.filter(
        ({ event, data }) =>
          event === 'job.progress' && (data as { phase: string }).phase === 'neighbour graph',
      ).length
    const made = graphs()
    await goOn({ ...target, minDist: 0.3 })
    expect(graphs()).toBe(made)

    // Rows that went meanwhile are left out.
    await bench.engine.call('row.delete', { ...target, rows: Uint32Array.of(3, 4) })
    await bench.engine.call('store.close', { store: target.store })
    const { store } = await bench.open('test.db', false)
    const tight = await goOn({ ...target, store, minDist: 0 })
    expect(graphs()).toBeGreaterThan(made)
    expect(tight.rows).toBe(498)
    const last = await bench.engine.call('map.get', { ...target, store })
    expect(last.rows).not.toContain(3)
    expect(crowding(last.xy)).toBeLessThan(crowding(after.xy))
  })
})

describe('a map of some rows', () => {
  test('is of a filter or of a selection, and says so', async () => {
    const target = await imported(400)
    const filter = '"group" = \'north\''
    const north = await draw({ ...target, name: 'north', among: { by: 'filter', filter } })
    expect(north).toMatchObject({ rows: 100, of: { filter } })
    const found = await bench.engine.call('filter.rows', { ...target, filter })
    const map = await bench.engine.call('map.get', { ...target, name: 'north' })
    expect(map.rows).toEqual(found)
    expect(map.info.of).toEqual({ filter })

    const rows = Uint32Array.of(9, 3, 200, 7, 7, 30, 31, 32)
    const chosen = await draw({ ...target, name: 'chosen', among: { by: 'rows', rows } })
    expect(chosen).toMatchObject({ rows: 7, of: { filter: null } })
    const few = await bench.engine.call('map.get', { ...target, name: 'chosen' })
    expect([...few.rows]).toEqual([3, 7, 9, 30, 31, 32, 200])
    expect((await judged({ ...target, name: 'chosen' })).score).toMatchObject({ k: 3, sample: 7 })
  })

  test('of none, or of rows that are not there, is refused', async () => {
    const target = await imported(50)
    const start = (among: Params<'map.start'>['among']) =>
      bench.engine.call('map.start', { ...target, params: PARAMS, among })
    const none = await start({ by: 'filter', filter: 'rank > 1000' })
    expect(await bench.end(none.job)).toMatchObject({ state: 'failed', error: { code: 'EMPTY_INPUT' } })
    const gone = await start({ by: 'rows', rows: Uint32Array.of(1, 99) })
    expect(await bench.end(gone.job)).toMatchObject({ state: 'failed', error: { code: 'UNKNOWN_ROW' } })
    const wrong = { ...target, params: PARAMS, among: { by: 'filter', filter: 'rank >' } as const }
    expect(await codeOf('map.start', wrong)).toMatch(/FILTER/)
    for (const name of ['', ' ', 'a\tb']) {
      expect(await codeOf('map.start', { ...target, params: PARAMS, name }), name).toBe('INVALID_REQUEST')
    }
  })

  test('of which nearly nothing is left does not go on', async () => {
    const target = await imported(30)
    await draw(target)
    const rows = Uint32Array.from({ length: 27 }, (_, row) => row)
    await bench.engine.call('row.delete', { ...target, rows })
    await bench.engine.call('store.close', { store: target.store })
    const { store } = await bench.open('test.db', false)
    const { job } = await bench.engine.call('map.goOn', { ...target, store, minDist: 0.5 })
    expect(await bench.end(job)).toMatchObject({ state: 'failed', error: { code: 'EMPTY_INPUT' } })
    expect((await bench.engine.call('map.get', { ...target, store })).rows).toHaveLength(30)
  })
})
