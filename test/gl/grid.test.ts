import { describe, expect, it } from 'vitest'
import { buildGrid, lasso, nearest } from '../../src/renderer/gl/grid.ts'
import { boxPolygon, insidePolygon, thinPolygon } from '../../src/renderer/gl/polygon.ts'
import { cloud, random } from './random.ts'

function slowNearest(xy: Float32Array, x: number, y: number, reach: number): number {
  let best = -1
  let least = reach
  for (let i = 0; i < xy.length / 2; i++) {
    const d = Math.hypot((xy[2 * i] as number) - x, (xy[2 * i + 1] as number) - y)
    if (d <= least) {
      if (d < least || best < 0) best = i
      least = d
    }
  }
  return best
}

describe('the grid', () => {
  it('lists every finite point once, in the cell it lies in', () => {
    const xy = cloud(5_000, 1)
    xy[10] = Number.NaN
    xy[21] = Number.NEGATIVE_INFINITY
    const grid = buildGrid(xy)
    expect(grid.order.length).toBe(4_998)
    expect(new Set(grid.order).size).toBe(4_998)
    expect(grid.order.includes(5)).toBe(false)
    for (let cell = 0; cell + 1 < grid.starts.length; cell++) {
      for (let at = grid.starts[cell] as number; at < (grid.starts[cell + 1] as number); at++) {
        const i = grid.order[at] as number
        const column = ((xy[2 * i] as number) - grid.bounds.minX) / grid.cellX
        expect(Math.abs(column - ((cell % grid.columns) + 0.5))).toBeLessThan(0.51)
      }
    }
  })

  it('stands for no points, one point, and a thousand in one place', () => {
    for (const xy of [new Float32Array(0), Float32Array.of(2, 3), new Float32Array(2_000).fill(7)]) {
      const grid = buildGrid(xy)
      expect(grid.order.length).toBe(xy.length / 2)
      expect(nearest(grid, xy, xy[0] ?? 0, xy[1] ?? 0, 1)).toBe(xy.length > 0 ? 0 : -1)
    }
  })

  it('finds the nearest point that a plain scan finds', () => {
    const xy = cloud(3_000, 2)
    const grid = buildGrid(xy)
    const next = random(3)
    for (let i = 0; i < 300; i++) {
      const x = next() * 24 - 12
      const y = next() * 24 - 12
      const reach = next() * 2
      const slow = slowNearest(xy, x, y, reach)
      const fast = nearest(grid, xy, x, y, reach)
      const far = (p: number) =>
        p < 0 ? -1 : Math.hypot((xy[2 * p] as number) - x, (xy[2 * p + 1] as number) - y)
      expect(far(fast)).toBeCloseTo(far(slow), 9)
    }
  })

  it('prefers a point with a bonus in a near tie', () => {
    const xy = Float32Array.of(0, 0, 1, 0)
    const grid = buildGrid(xy)
    expect(nearest(grid, xy, 0.4, 0, 2)).toBe(0)
    expect(nearest(grid, xy, 0.4, 0, 2, (i) => (i === 1 ? 0.5 : 0))).toBe(1)
  })

  it('gives for any lasso exactly the points inside its polygon, ascending', () => {
    const xy = cloud(4_000, 4)
    const grid = buildGrid(xy)
    const next = random(5)
    for (let i = 0; i < 60; i++) {
      const corners = 3 + Math.floor(next() * 30)
      const polygon = Array.from({ length: corners * 2 }, () => next() * 22 - 11)
      const expected: number[] = []
      for (let p = 0; p < xy.length / 2; p++) {
        if (insidePolygon(polygon, xy[2 * p] as number, xy[2 * p + 1] as number)) expected.push(p)
      }
      expect([...lasso(grid, xy, polygon)]).toEqual(expected)
    }
  })

  it('selects nothing with a line or a polygon beside all points', () => {
    const xy = cloud(100, 6)
    const grid = buildGrid(xy)
    expect(lasso(grid, xy, [0, 0, 1, 1]).length).toBe(0)
    expect(lasso(grid, xy, boxPolygon(100, 100, 120, 120)).length).toBe(0)
  })

  it('takes a million points and a lasso around half of them without a long wait', () => {
    const xy = cloud(1_000_000, 7)
    const start = performance.now()
    const grid = buildGrid(xy)
    const circle = Array.from({ length: 400 }, (_, i) =>
      i % 2 === 0 ? -4 + 3 * Math.cos((i * Math.PI) / 200) : -4 + 3 * Math.sin(((i - 1) * Math.PI) / 200),
    )
    expect(lasso(grid, xy, circle).length).toBeGreaterThan(200_000)
    expect(performance.now() - start).toBeLessThan(4_000)
  })
})

describe('polygons', () => {
  it('hold what a crossing loop went around twice', () => {
    const star = [0, 3, 2, -3, -3, 1, 3, 1, -2, -3]
    expect(insidePolygon(star, 0, 0)).toBe(true)
    expect(insidePolygon(star, 0, 2)).toBe(true)
    expect(insidePolygon(star, 2.5, -2)).toBe(false)
  })

  it('are thinned without losing their ends', () => {
    expect(thinPolygon([0, 0, 0.5, 0, 2, 0, 2.1, 0, 5, 5], 1)).toEqual([0, 0, 2, 0, 5, 5])
  })
})
