import { UMAP } from 'umap-js'
import { describe, expect, test } from 'vitest'
import { defaultEpochs } from '../../src/contract/index.ts'
import { fuzzyEdges, type Neighbours } from '../../src/engine/jobs/fuzzy.ts'
import { Layout, seededRandom, startPicture } from '../../src/engine/jobs/layout.ts'

const PARAMS = { neighbours: 10, minDist: 0.1, spread: 1, epochs: 0, method: 'umap-js' as const }

/** Points in `clusters` heaps of five dimensions, far apart. */
function points(count: number, clusters: number, seed: number): number[][] {
  const random = seededRandom(seed)
  return Array.from({ length: count }, (_, i) =>
    Array.from({ length: 5 }, (_, d) => (d === i % clusters ? 10 : 0) + random()),
  )
}

function distance(a: number[], b: number[]): number {
  return Math.hypot(...a.map((value, d) => value - (b[d] ?? 0)))
}

/** Exact neighbours, the point itself not among them. */
function neighbours(all: number[][], k: number): Neighbours {
  const ids = new Uint32Array(all.length * k)
  const distances = new Float32Array(all.length * k)
  for (const [i, a] of all.entries()) {
    const others = all
      .map((b, j) => ({ j, d: distance(a, b) }))
      .filter(({ j }) => j !== i)
      .sort((one, two) => one.d - two.d || one.j - two.j)
    for (let n = 0; n < k; n++) {
      ids[i * k + n] = others[n]?.j ?? 0xffff_ffff
      distances[i * k + n] = others[n]?.d ?? Number.POSITIVE_INFINITY
    }
  }
  return { count: all.length, k, ids, distances }
}

/** The graph that umap-js itself makes of the same neighbours, as "row,column" to weight. */
function reference(all: number[][], graph: Neighbours): Map<string, number> {
  const { k } = graph
  const umap = new UMAP({ nNeighbors: k + 1, random: seededRandom(1), nEpochs: 10 })
  umap.setPrecomputedKNN(
    all.map((_, i) => [i, ...graph.ids.slice(i * k, i * k + k)]),
    all.map((_, i) => [0, ...graph.distances.slice(i * k, i * k + k)]),
  )
  umap.initializeFit(all)
  const inner = umap as unknown as {
    graph: { getAll(): { row: number; col: number; value: number }[] }
  }
  return new Map(inner.graph.getAll().map(({ row, col, value }) => [`${row},${col}`, value]))
}

describe('the fuzzy simplicial set', () => {
  test.each([
    ['separate heaps', points(60, 3, 7)],
    ['one heap', points(40, 1, 8)],
    ['many duplicates', points(40, 2, 9).map((point, i) => (i < 30 ? [1, 2, 3, 4, 5] : point))],
  ])('has the weights that umap-js computes: %s', (_, all) => {
    const graph = neighbours(all, 9)
    const edges = fuzzyEdges(graph, 10, 1e12)
    const expected = reference(all, graph)
    const ours = new Map<string, number>(
      Array.from(edges.weight, (weight, at) => [`${edges.tail[at]},${edges.head[at]}`, weight] as const),
    )
    const strong = [...expected].filter(([, weight]) => weight > 1e-12)
    expect(strong.length).toBeGreaterThan(all.length)
    for (const [pair, weight] of strong) expect(ours.get(pair) ?? 0, pair).toBeCloseTo(weight, 5)
    for (const [pair, weight] of ours) expect(expected.get(pair) ?? 0, pair).toBeCloseTo(weight, 5)
  })

  test('holds every pair in both directions with one weight', () => {
    const edges = fuzzyEdges(neighbours(points(50, 2, 3), 6), 7, 200)
    const weights = new Map<string, number>(
      Array.from(edges.weight, (weight, at) => [`${edges.tail[at]},${edges.head[at]}`, weight] as const),
    )
    for (let at = 0; at < edges.weight.length; at++) {
      expect(weights.get(`${edges.head[at]},${edges.tail[at]}`)).toBe(edges.weight[at])
    }
  })

  test('takes rows with fewer neighbours than k, and distances below zero', () => {
    const graph: Neighbours = {
      count: 3,
      k: 2,
      ids: Uint32Array.of(1, 2, 0, 0xffff_ffff, 0xffff_ffff, 0xffff_ffff),
      distances: Float32Array.of(-5, -1, -5, Infinity, Infinity, Infinity),
    }
    const edges = fuzzyEdges(graph, 3, 100)
    expect([...edges.weight].every((weight) => weight > 0 && weight <= 1)).toBe(true)
    expect(edges.weight.length).toBe(4)
  })
})

describe('the layout', () => {
  test('starts from the given picture and parts separate heaps', () => {
    const all = points(120, 3, 5)
    const start = startPicture(Float32Array.from(all.flatMap(([x = 0, y = 0]) => [x, y])))
    const layout = new Layout(neighbours(all, 9), start, { ...PARAMS, epochs: 150 }, 42)
    for (const [at, value] of layout.picture().entries()) expect(value).toBeCloseTo(start[at] ?? 0, 2)
    while (!layout.done) layout.step()
    expect(layout.epoch).toBe(150)
    const xy = layout.picture()
    const at = (i: number) => [xy[i * 2] ?? 0, xy[i * 2 + 1] ?? 0]
    let right = 0
    for (let i = 0; i < 120; i++) {
      let nearest = -1
      let least = Number.POSITIVE_INFINITY
      for (let j = 0; j < 120; j++) {
        const d = distance(at(i), at(j))
        if (j !== i && d < least) {
          least = d
          nearest = j
        }
      }
      if (nearest % 3 === i % 3) right++
    }
    expect(right).toBeGreaterThan(110)
  })

  test('is the same again with the same seed, and another with another', () => {
    const all = points(60, 2, 6)
    const graph = neighbours(all, 9)
    const draw = (seed: number) => {
      const layout = new Layout(graph, new Float32Array(120), { ...PARAMS, epochs: 30 }, seed)
      while (!layout.done) layout.step()
      return layout.picture()
    }
    expect(draw(1)).toEqual(draw(1))
    expect(draw(1)).not.toEqual(draw(2))
    expect([...draw(1)].every(Number.isFinite)).toBe(true)
  })

  test('takes the number of epochs that umap-js would take', () => {
    expect([100, 2_500, 2_501, 5_001, 20_000].map(defaultEpochs)).toEqual([500, 500, 400, 300, 200])
  })

  test('a start picture keeps its shape, fits, and loses what is not finite', () => {
    expect([...startPicture(Float32Array.of(1, -2, Number.NaN, 4))]).toEqual([2.5, -5, 0, 10])
    expect([...startPicture(Float32Array.of(0, 0))]).toEqual([0, 0])
  })
})
