import { describe, expect, it } from 'vitest'
import {
  boundsOf,
  carry,
  fitView,
  mainBounds,
  mixView,
  panView,
  screenX,
  screenY,
  type View,
  worldX,
  worldY,
  zoomView,
} from '../../src/renderer/gl/view.ts'
import { random } from './random.ts'

const PADDING = { top: 50, right: 170, bottom: 40, left: 20 }
const LIMITS = { min: 1e-6, max: 1e6 }

function someView(next: () => number): View {
  return {
    x: next() * 20 - 10,
    y: next() * 20 - 10,
    scale: 0.1 + next() * 200,
    width: 300 + next() * 900,
    height: 600,
  }
}

describe('the view', () => {
  it('takes a place on the screen to the world and back', () => {
    const next = random(1)
    for (let i = 0; i < 200; i++) {
      const view = someView(next)
      const x = next() * view.width
      const y = next() * view.height
      expect(screenX(view, worldX(view, x))).toBeCloseTo(x, 6)
      expect(screenY(view, worldY(view, y))).toBeCloseTo(y, 6)
    }
  })

  it('has y grow upwards in the world and downwards on the screen', () => {
    const view: View = { x: 0, y: 0, scale: 10, width: 100, height: 100 }
    expect(screenY(view, 1)).toBe(40)
    expect(screenX(view, 1)).toBe(60)
  })

  it('fits all bounds inside the padding and fills one direction', () => {
    const next = random(2)
    for (let i = 0; i < 100; i++) {
      const minX = next() * 100 - 50
      const minY = next() * 100 - 50
      const bounds = { minX, minY, maxX: minX + 0.01 + next() * 50, maxY: minY + 0.01 + next() * 50 }
      const view = fitView(bounds, 900, 600, PADDING)
      const left = screenX(view, bounds.minX)
      const right = screenX(view, bounds.maxX)
      const top = screenY(view, bounds.maxY)
      const bottom = screenY(view, bounds.minY)
      expect(left).toBeGreaterThanOrEqual(20 - 1e-6)
      expect(right).toBeLessThanOrEqual(730 + 1e-6)
      expect(top).toBeGreaterThanOrEqual(50 - 1e-6)
      expect(bottom).toBeLessThanOrEqual(560 + 1e-6)
      expect(Math.min(710 - (right - left), 510 - (bottom - top))).toBeCloseTo(0, 4)
    }
  })

  it('fits one point, many in one place, and none at all with a usable scale', () => {
    for (const bounds of [null, { minX: 3, maxX: 3, minY: -2, maxY: -2 }]) {
      const view = fitView(bounds, 500, 400, PADDING)
      expect(view.scale).toBeGreaterThan(0)
      expect(Number.isFinite(view.scale)).toBe(true)
      expect(Number.isFinite(view.x)).toBe(true)
    }
  })

  it('keeps the world point under the pointer when it zooms', () => {
    const next = random(3)
    for (let i = 0; i < 100; i++) {
      const view = someView(next)
      const x = next() * view.width
      const y = next() * view.height
      const zoomed = zoomView(view, 0.3 + next() * 4, x, y, LIMITS)
      expect(worldX(zoomed, x)).toBeCloseTo(worldX(view, x), 6)
      expect(worldY(zoomed, y)).toBeCloseTo(worldY(view, y), 6)
    }
  })

  it('does not zoom beyond its limits', () => {
    const view: View = { x: 0, y: 0, scale: 1, width: 100, height: 100 }
    expect(zoomView(view, 1e9, 5, 5, { min: 0.5, max: 8 }).scale).toBe(8)
    expect(zoomView(view, 1e-9, 5, 5, { min: 0.5, max: 8 }).scale).toBe(0.5)
  })

  it('follows the pointer when it is panned', () => {
    const view: View = { x: 1, y: 2, scale: 30, width: 200, height: 100 }
    const moved = panView(view, 12, -7)
    expect(screenX(moved, 1)).toBeCloseTo(screenX(view, 1) + 12)
    expect(screenY(moved, 2)).toBeCloseTo(screenY(view, 2) - 7)
  })

  it('moves from one view to another through both ends, and a zoom keeps its fixed point on the way', () => {
    const from: View = { x: 0, y: 0, scale: 10, width: 400, height: 300 }
    const to = zoomView(from, 6, 90, 40, LIMITS)
    expect(mixView(from, to, 0)).toEqual(from)
    expect(mixView(from, to, 1)).toBe(to)
    const half = mixView(from, to, 0.5)
    expect(worldX(half, 90)).toBeCloseTo(worldX(from, 90), 6)
    expect(worldY(half, 40)).toBeCloseTo(worldY(from, 40), 6)
  })

  it('carries an old picture to where the new view would draw it', () => {
    const next = random(4)
    for (let i = 0; i < 50; i++) {
      const drawn = someView(next)
      const now = someView(next)
      const { scale, x, y } = carry(drawn, now)
      const wx = next() * 10
      const wy = next() * 10
      expect(screenX(drawn, wx) * scale + x).toBeCloseTo(screenX(now, wx), 4)
      expect(screenY(drawn, wy) * scale + y).toBeCloseTo(screenY(now, wy), 4)
    }
  })
})

describe('bounds', () => {
  it('leave out points that are not finite', () => {
    const xy = Float32Array.of(1, 2, Number.NaN, 0, 3, -4, 5, Number.POSITIVE_INFINITY)
    expect(boundsOf(xy)).toEqual({ minX: 1, maxX: 3, minY: -4, maxY: 2 })
    expect(boundsOf(Float32Array.of(Number.NaN, 1))).toBeNull()
    expect(boundsOf(new Float32Array(0))).toBeNull()
  })

  it('are not stretched by a few far outliers', () => {
    const next = random(5)
    const xy = new Float32Array(20_000)
    for (let i = 0; i < xy.length; i++) xy[i] = next()
    xy[0] = 1_000
    xy[1] = -1_000
    const bounds = mainBounds(xy)
    expect(bounds?.maxX).toBeLessThan(1.2)
    expect(bounds?.minY).toBeGreaterThan(-0.2)
  })

  it('of an even cloud hold every point', () => {
    const next = random(6)
    const xy = Float32Array.from({ length: 4_000 }, () => next())
    expect(mainBounds(xy)).toEqual(boundsOf(xy))
  })
})
