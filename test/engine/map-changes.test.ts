import { describe, expect, test } from 'vitest'
import type { MapInfo, Operation, Params } from '../../src/contract/index.ts'
import { type Bench, eachTest, sample } from './support.ts'

let bench: Bench
eachTest((one) => {
  bench = one
})
const codeOf = <O extends Operation>(op: O, params: Params<O>) => bench.codeOf(op, params)

const PARAMS = { neighbours: 10, minDist: 0.1, spread: 1, epochs: 100, method: 'umap' as const }

type Target = Awaited<ReturnType<Bench['imported']>>

async function made(op: 'map.start' | 'map.place' | 'map.goOn', order: object): Promise<MapInfo> {
  const { job } = await bench.engine.call(op, order as Params<'map.place'>)
  const end = await bench.end(job)
  expect(end).toMatchObject({ state: 'done', kind: 'map' })
  return end.result as MapInfo
}

const draw = (order: object) => made('map.start', { params: PARAMS, ...order })

/** Adds rows of the sample with numbers from `first` on; their vectors lie in the same four groups. */
async function add(target: Target, first: number, count: number): Promise<void> {
  const rows = sample(first + count, 9)
    .slice(first)
    .map(({ vector, ...rest }) => ({ ...rest, embedding: vector }))
  await bench.engine.call('rows.add', { ...target, rows })
}

const middle = (points: [number, number][]): [number, number] =>
  points.reduce<[number, number]>(
    ([x, y], point) => [x + point[0] / points.length, y + point[1] / points.length],
    [0, 0],
  )

async function pointsOf(target: Target & { name?: string }): Promise<Map<number, [number, number]>> {
  const { rows, xy } = await bench.engine.call('map.get', target)
  return new Map([...rows].map((row, at) => [row, [xy[2 * at] ?? 0, xy[2 * at + 1] ?? 0]]))
}

describe('rows that came later', () => {
  test('are placed among their like and marked; the others stay', async () => {
    const target = await bench.imported(400)
    await draw(target)
    expect(await bench.engine.call('map.state', target)).toEqual({ newer: 0, gone: 0 })
    const before = await pointsOf(target)
    await add(target, 400, 80)
    await bench.engine.call('row.delete', { ...target, rows: [3, 4] })
    expect(await bench.engine.call('map.state', target)).toEqual({ newer: 80, gone: 2 })

    const info = await made('map.place', target)
    expect(info).toMatchObject({ rows: 480, placed: 80 })
    const { placed, rows } = await bench.engine.call('map.get', target)
    expect([...rows].filter((_, at) => placed?.[at] === 1)).toEqual(
      Array.from({ length: 80 }, (_, i) => 400 + i),
    )
    const after = await pointsOf(target)
    for (const [row, point] of before) expect(after.get(row)).toEqual(point)
    // Each lies nearest to the middle of its own of the four groups.
    const middles = [0, 1, 2, 3].map((group) =>
      middle([...before].filter(([row]) => row % 4 === group).map(([, point]) => point)),
    )
    const right = [...after].filter(([row, [x, y]]) => {
      const far = middles.map(([mx, my]) => Math.hypot(x - mx, y - my))
      return row >= 400 && far.indexOf(Math.min(...far)) === row % 4
    })
    expect(right.length).toBeGreaterThan(76)

    // It is judged with them, keeps the marks, and they survive.
    const { job } = await bench.engine.call('map.judge', target)
    const judged = await bench.end(job)
    expect(judged).toMatchObject({ state: 'done', kind: 'judge' })
    expect((judged.result as MapInfo).placed).toBe(80)
    await bench.engine.call('store.close', { store: target.store })
    const { store } = await bench.open('test.db', false)
    const again = await bench.engine.call('map.get', { ...target, store })
    expect(again.placed).toEqual(placed)
    expect(again.info.score).toBeDefined()
    expect(await bench.engine.call('map.state', { ...target, store })).toEqual({ newer: 0, gone: 2 })

    // Placing again changes nothing; going on lays all of them out.
    expect((await made('map.place', { ...target, store })).created).toBe(info.created)
    const moved = await made('map.goOn', { ...target, store, epochs: 150 })
    expect(moved).toMatchObject({ rows: 478, epoch: 150 })
    expect(moved.placed).toBeUndefined()
    expect((await bench.engine.call('map.get', { ...target, store })).placed).toBeNull()
  })

  test('are placed on a map of a filter where they match it, and on none of chosen rows', async () => {
    const target = await bench.imported(300)
    const filter = '"group" = \'north\''
    await draw({ ...target, name: 'north', among: { by: 'filter', filter } })
    await draw({
      ...target,
      name: 'chosen',
      among: { by: 'rows', rows: Uint32Array.from({ length: 60 }, (_, i) => i) },
    })
    await add(target, 300, 40)
    expect(await bench.engine.call('map.state', { ...target, name: 'north' })).toEqual({ newer: 10, gone: 0 })
    expect(await bench.engine.call('map.state', { ...target, name: 'chosen' })).toEqual({ newer: 0, gone: 0 })
    expect(await made('map.place', { ...target, name: 'north' })).toMatchObject({ rows: 85, placed: 10 })
    expect(await made('map.place', { ...target, name: 'chosen' })).toMatchObject({ rows: 60 })
    expect(await codeOf('map.place', { ...target, name: 'none' })).toBe('UNKNOWN_MAP')
    expect(await codeOf('map.state', { ...target, name: 'none' })).toBe('UNKNOWN_MAP')
  })

  test('cannot be placed where there is nothing to place them among', async () => {
    const target = await bench.imported(60)
    await draw(target)
    await bench.engine.call('row.delete', { ...target, rows: Array.from({ length: 60 }, (_, i) => i) })
    await add(target, 60, 5)
    const { job } = await bench.engine.call('map.place', target)
    expect((await bench.end(job)).error).toMatchObject({ code: 'INVALID_REQUEST' })
    expect((await bench.engine.call('map.get', target)).rows).toHaveLength(60)
  })
})

describe('two maps of a collection', () => {
  test('lie alike when one is turned like the other', async () => {
    const target = await bench.imported(400)
    await draw(target)
    const one = await pointsOf(target)
    /** Squares of how far rows lie from where they are on the first map, when the other is turned (and mirrored) about its middle. */
    const off = async (name: string, angle = 0, mirror = 1): Promise<number> => {
      const other = await pointsOf({ ...target, name })
      const [mx, my] = middle([...other.values()])
      return [...other].reduce((sum, [row, [x, y]]) => {
        const [dx, dy] = [(x - mx) * mirror, y - my]
        const [tx, ty] = [
          mx + dx * Math.cos(angle) - dy * Math.sin(angle),
          my + dx * Math.sin(angle) + dy * Math.cos(angle),
        ]
        const [ox, oy] = one.get(row) ?? [Number.NaN, Number.NaN]
        return sum + (tx - ox) ** 2 + (ty - oy) ** 2
      }, 0)
    }
    const bestTurned = async (name: string): Promise<void> => {
      const least = await off(name)
      expect(least).toBeGreaterThan(0)
      for (const mirror of [1, -1]) {
        for (let angle = 0.2; angle < 6.2; angle += 0.4) {
          expect(await off(name, angle, mirror)).toBeGreaterThan(least * 0.9999)
        }
      }
    }
    const order = { ...target, seed: 7 }
    for (const method of ['umap', 'umap-js']) {
      const params = { ...PARAMS, neighbours: 25, method }
      const free = await draw({ ...order, params, name: 'free' })
      const turned = await draw({ ...order, params, name: method, onto: 'map' })
      expect([free.onto, turned.onto]).toEqual([undefined, 'map'])
      await bestTurned(method)
    }
    // It goes on as it lies.
    await draw({ ...order, name: 'umap', onto: 'map' })
    await made('map.goOn', { ...target, name: 'umap', epochs: 101 })
    const least = await off('umap')
    for (const angle of [0.5, 1, 2, 3, 4, 5]) expect(await off('umap', angle)).toBeGreaterThan(least)
    expect(await codeOf('map.start', { ...target, params: PARAMS, onto: 'none' })).toBe('UNKNOWN_MAP')
  })

  test('tell what moved between them', async () => {
    const target = await bench.imported(400)
    await draw(target)
    await draw({ ...target, name: 'other', seed: 3, among: { by: 'filter', filter: 'rank >= 100' } })
    const self = await bench.engine.call('map.moves', { ...target, with: 'map' })
    expect(Math.max(...self.moved)).toBeLessThan(1e-4)
    expect([...self.kept].every((kept) => kept === 15)).toBe(true)
    const { rows, moved, kept, k } = await bench.engine.call('map.moves', { ...target, with: 'other' })
    expect([...rows]).toEqual(Array.from({ length: 300 }, (_, i) => i + 100))
    expect(k).toBe(15)
    expect(moved.every((far) => far >= 0 && Number.isFinite(far))).toBe(true)
    const mean = kept.reduce((sum, count) => sum + count / k, 0) / kept.length
    expect(mean).toBeGreaterThan(0.1)
    expect(mean).toBeLessThan(1)
    expect(await codeOf('map.moves', { ...target, with: 'none' })).toBe('UNKNOWN_MAP')
  })
})

describe('a map that is stopped before its layout', () => {
  test.each(['umap' as const, 'umap-js' as const])('is kept as the first picture: %s', async (method) => {
    const target = await bench.imported(3_000)
    const params = { ...PARAMS, method, epochs: 50 }
    // The moment between the first picture and the layout is short: the job is stopped as soon as it can be.
    let stopped: MapInfo | null = null
    for (let tries = 0; tries < 20 && stopped === null; tries += 1) {
      const { job } = await bench.engine.call('map.start', {
        ...target,
        params: { ...params, neighbours: 100 },
      })
      await bench.event('map.frame', (frame) => frame.job === job && frame.stage === 'pca')
      while (
        (await bench.engine.call('job.list', {})).some((one) => one.job === job && one.phase !== 'layout') &&
        (await codeOf('map.stop', { job })) === 'INVALID_REQUEST'
      );
      const end = await bench.end(job)
      expect(end.state).toBe('done')
      const info = end.result as MapInfo
      if (info.epoch === 0) stopped = info
    }
    expect(stopped).toMatchObject({ epoch: 0, rows: 3_000, method: method === 'umap' ? 'umap' : 'pca' })
    const { xy } = await bench.engine.call('map.get', target)
    expect(xy.every(Number.isFinite)).toBe(true)
    if (method === 'umap-js') return
    expect(await made('map.goOn', target)).toMatchObject({ epoch: 50, method: 'umap' })
  })
})
