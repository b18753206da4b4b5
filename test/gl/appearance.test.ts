import { describe, expect, it } from 'vitest'
import { appearanceOf, coverage, densityOf, opacity, vividness } from '../../src/renderer/gl/appearance.ts'
import { fitView, mainBounds } from '../../src/renderer/gl/view.ts'
import { cloud } from './random.ts'

const PADDING = { top: 20, right: 20, bottom: 20, left: 20 }

function fitted(count: number) {
  const xy = cloud(count, 9)
  const view = fitView(mainBounds(xy), 1_000, 700, PADDING)
  return { xy, view, look: appearanceOf(densityOf(xy), view.scale) }
}

describe('the look of points', () => {
  it('gets smaller and fainter with more of them', () => {
    const looks = [200, 20_000, 1_000_000].map((count) => fitted(count).look)
    const [few, some, many] = looks
    if (!few || !some || !many) throw new Error('three looks')
    expect(few.radius).toBeGreaterThan(3)
    expect(some.radius).toBeLessThan(few.radius)
    expect(many.radius).toBeLessThanOrEqual(some.radius)
    expect(many.radius).toBeGreaterThan(0.5)
    expect(many.alone).toBeLessThan(few.alone)
    expect(many.alone).toBeGreaterThan(0.3)
  })

  it('gets larger as one zooms in, up to a limit', () => {
    const { xy, view } = fitted(20_000)
    const density = densityOf(xy)
    let before = 0
    for (let zoom = 1; zoom < 1_000; zoom *= 1.5) {
      const { radius } = appearanceOf(density, view.scale * zoom)
      expect(radius).toBeGreaterThanOrEqual(before)
      before = radius
    }
    expect(before).toBe(5)
  })

  it('is the same for a sample as for the whole', () => {
    const small = densityOf(cloud(150_000, 3))
    const large = densityOf(cloud(600_000, 3))
    expect(large.median / small.median).toBeGreaterThan(3)
    expect(large.median / small.median).toBeLessThan(5.3)
  })

  it('has a look for nothing, for one point and for points that are not finite', () => {
    for (const xy of [new Float32Array(0), Float32Array.of(1, 1), new Float32Array(100).fill(Number.NaN)]) {
      const look = appearanceOf(densityOf(xy), 100)
      expect(look.radius).toBe(5)
      expect(look.full).toBeGreaterThanOrEqual(Math.E)
    }
  })
})

describe('tone', () => {
  const { look } = fitted(1_000_000)

  it('rises with the coverage without a step and never beyond full', () => {
    let before = 0
    for (let w = 0; w < look.full * 10; w += 0.01 + w / 50) {
      const value = opacity(w, look)
      expect(value).toBeGreaterThanOrEqual(before)
      expect(value - before).toBeLessThan(0.12)
      expect(value).toBeLessThan(1)
      before = value
    }
    expect(before).toBeCloseTo(0.98)
  })

  it('gives nothing for nothing and for what is not a number', () => {
    expect(opacity(0, look)).toBe(0)
    expect(opacity(Number.NaN, look)).toBe(0)
    expect(opacity(-1, look)).toBe(0)
  })

  it('leaves a single point its own colour', () => {
    expect(vividness(1, look)).toBe(1)
    expect(vividness(1e9, look)).toBeLessThan(1.5)
  })

  it('draws points round with a soft edge', () => {
    expect(coverage(0, 3)).toBe(1)
    expect(coverage(3, 3)).toBeCloseTo(0.5)
    expect(coverage(4, 3)).toBe(0)
  })
})
