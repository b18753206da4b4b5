import { describe, expect, test } from 'vitest'
import type { MapInfo, MapParams } from '../../src/contract/index.ts'
import { type Bench, eachTest } from './support.ts'

let bench: Bench
eachTest((one) => {
  bench = one
})

const PARAMS = { neighbours: 12, minDist: 0.1, spread: 1, epochs: 200, method: 'umap' as const }
const COUNT = 400

/** Two classes that overlap: the first axis tells them apart a little, the others nothing. */
async function overlapping() {
  const noise = (i: number, axis: number) => {
    const x = Math.sin(i * 12.9898 + axis * 78.233) * 43_758.5453
    return (x - Math.floor(x) - 0.5) * 4
  }
  const rows = Array.from({ length: COUNT }, (_, i) => ({
    id: `r${i}`,
    side: i % 2 === 0 ? 'left' : 'right',
    height: noise(i, 50),
    known: i % 4 === 0 ? null : i % 2,
    vector: [0, 1, 2, 3, 4].map((axis) => noise(i, axis) + (axis === 0 && i % 2 === 0 ? 0.8 : 0)),
  }))
  const { store } = await bench.open()
  const file = bench.file('rows.jsonl', rows.map((row) => `${JSON.stringify(row)}\n`).join(''))
  const end = await bench.import(store, file, 'rows', { metric: 'l2' })
  expect(end.error).toBeUndefined()
  return { target: { store, collection: 'rows' }, rows }
}

async function draw(
  target: { store: string; collection: string },
  name: string,
  params: Partial<MapParams> = {},
): Promise<MapInfo> {
  const { job } = await bench.engine.call('map.start', { ...target, name, params: { ...PARAMS, ...params } })
  const end = await bench.end(job)
  expect(end).toMatchObject({ state: 'done', kind: 'map' })
  return end.result as MapInfo
}

/** How far the values of a point's ten nearest are from its own, on average. */
async function strangeness(
  target: { store: string; collection: string },
  name: string,
  far: (a: number, b: number) => number,
): Promise<number> {
  const { xy, rows } = await bench.engine.call('map.get', { ...target, name })
  let sum = 0
  for (const [i, row] of rows.entries()) {
    const others = [...rows.entries()]
      .filter(([j]) => j !== i)
      .map(([j, other]) => ({
        other,
        far: Math.hypot((xy[2 * i] ?? 0) - (xy[2 * j] ?? 0), (xy[2 * i + 1] ?? 0) - (xy[2 * j + 1] ?? 0)),
      }))
      .sort((a, b) => a.far - b.far)
      .slice(0, 10)
    for (const { other } of others) sum += far(row, other) / 10
  }
  return sum / rows.length
}

describe('a map that follows a column', () => {
  test('keeps classes apart that overlap, the more the more the column counts', async () => {
    const { target } = await overlapping()
    const other = (a: number, b: number) => (a + b) % 2
    const plain = await draw(target, 'plain')
    expect(plain.params.target).toBeUndefined()
    const pulled = await draw(target, 'pulled', { target: 'side' })
    expect(pulled.params).toMatchObject({ target: 'side' })
    await draw(target, 'weak', { target: 'side', targetWeight: 0 })
    const mixed = await strangeness(target, 'plain', other)
    expect(mixed).toBeGreaterThan(0.25)
    expect(await strangeness(target, 'pulled', other)).toBeLessThan(mixed / 4)
    expect(await strangeness(target, 'weak', other)).toBeGreaterThan(
      await strangeness(target, 'pulled', other),
    )
    // Integers with few values are classes too; rows without one go where their vectors are.
    await draw(target, 'known', { target: 'known' })
    expect(await strangeness(target, 'known', other)).toBeLessThan(mixed * 0.9)
  })

  test('puts like numbers together', async () => {
    const { target, rows } = await overlapping()
    const apart = (a: number, b: number) => Math.abs((rows[a]?.height ?? 0) - (rows[b]?.height ?? 0))
    await draw(target, 'plain')
    await draw(target, 'pulled', { target: 'height' })
    const plain = await strangeness(target, 'plain', apart)
    expect(plain).toBeGreaterThan(1)
    expect(await strangeness(target, 'pulled', apart)).toBeLessThan(plain / 2)
  })

  test('follows it still when it goes on from the disk', async () => {
    const { target } = await overlapping()
    const other = (a: number, b: number) => (a + b) % 2
    const drawn = await draw(target, 'map', { target: 'side', targetWeight: 0.9, epochs: 100 })
    await bench.engine.call('store.close', { store: target.store })
    const { store } = await bench.open('test.db', false)
    const { job } = await bench.engine.call('map.goOn', { ...target, store, epochs: 400 })
    const end = await bench.end(job)
    expect(end).toMatchObject({ state: 'done' })
    const { params } = end.result as MapInfo
    expect(params).toEqual({ ...drawn.params, epochs: 400 })
    expect(await strangeness({ ...target, store }, 'map', other)).toBeLessThan(0.05)
  })

  test('is refused where it cannot', async () => {
    const { target } = await overlapping()
    const refused = (params: Partial<MapParams>) =>
      bench.codeOf('map.start', { ...target, params: { ...PARAMS, ...params } })
    expect(await refused({ target: 'none' })).toBe('UNKNOWN_COLUMN')
    expect(await refused({ target: 'side', method: 'umap-js' })).toBe('INVALID_REQUEST')
    expect(await refused({ target: 'side', targetWeight: 1.5 })).toBe('INVALID_REQUEST')
    expect(await refused({ target: '' })).toBe('INVALID_REQUEST')
  })
})
