import { describe, expect, it } from 'vitest'
import { appearanceOf, densityOf } from '../../src/renderer/gl/appearance.ts'
import { categoryPalette, parseHex } from '../../src/renderer/gl/palette.ts'
import { DIMMED, NORMAL, Raster, SELECTED } from '../../src/renderer/gl/raster.ts'
import { fitView, mainBounds, screenX, screenY, type View } from '../../src/renderer/gl/view.ts'
import { cloud } from './random.ts'

const WIDTH = 200
const HEIGHT = 120
const VIEW: View = { x: 0, y: 0, scale: 10, width: WIDTH, height: HEIGHT }
const LOOK = { radius: 3, alone: 0.9, full: 5 }

function draw(
  xy: Float32Array,
  options: { codes?: Uint8Array; states?: Uint8Array; view?: View; ratio?: number } = {},
) {
  const ratio = options.ratio ?? 1
  const raster = new Raster()
  raster.setStyle({ palette: categoryPalette(), dim: [120, 120, 120] })
  raster.setPoints(xy, null)
  raster.setCodes(options.codes ?? null)
  raster.setStates(options.states ?? null)
  const out = new Uint32Array(WIDTH * ratio * HEIGHT * ratio).fill(0xdead)
  raster.render(out, WIDTH * ratio, HEIGHT * ratio, options.view ?? VIEW, ratio, LOOK, 1)
  const at = (x: number, y: number): [number, number, number, number] => {
    const pixel = out[Math.floor(y * ratio) * WIDTH * ratio + Math.floor(x * ratio)] as number
    return [pixel & 255, (pixel >> 8) & 255, (pixel >> 16) & 255, pixel >>> 24]
  }
  return { at, out }
}

describe('the raster', () => {
  it('draws a point where the view puts it, in its colour', () => {
    const { at, out } = draw(Float32Array.of(3, 2), { codes: Uint8Array.of(1) })
    const [red, green, blue, alpha] = at(screenX(VIEW, 3), screenY(VIEW, 2))
    const [r, g, b] = parseHex('#f36809')
    expect(Math.abs(red - r) + Math.abs(green - g) + Math.abs(blue - b)).toBeLessThanOrEqual(3)
    expect(alpha).toBeCloseTo(0.9 * 255, -1)
    expect(at(10, 10)[3]).toBe(0)
    // About the area of a disc of radius 3 with its soft edge, and nothing else.
    const touched = out.filter((pixel) => pixel !== 0).length
    expect(touched).toBeGreaterThan(25)
    expect(touched).toBeLessThan(64)
  })

  it('draws the same at twice the pixel ratio', () => {
    const { at } = draw(Float32Array.of(3, 2), { ratio: 2 })
    expect(at(130, 40)[3]).toBeGreaterThan(200)
    expect(at(136, 40)[3]).toBe(0)
  })

  it('does not depend on the order of the points', () => {
    const xy = cloud(500, 1)
    const codes = Uint8Array.from({ length: 500 }, (_, i) => i % 10)
    const back = new Float32Array(xy.length)
    for (let i = 0; i < 500; i++) back.set(xy.subarray(2 * i, 2 * i + 2), 2 * (499 - i))
    const a = draw(xy, { codes }).out
    const b = draw(back, { codes: codes.slice().reverse() }).out
    let worst = 0
    for (let i = 0; i < a.length; i++) {
      for (const shift of [0, 8, 16, 24]) {
        worst = Math.max(
          worst,
          Math.abs((((a[i] as number) >>> shift) & 255) - (((b[i] as number) >>> shift) & 255)),
        )
      }
    }
    expect(worst).toBeLessThanOrEqual(2)
  })

  it('draws dimmed points in grey at about a fifth and selected ones stronger than normal ones', () => {
    const strength = (state: number) => {
      const { at } = draw(Float32Array.of(0, 0), { codes: Uint8Array.of(3), states: Uint8Array.of(state) })
      return at(100, 60)
    }
    const dim = strength(DIMMED)
    expect(dim.slice(0, 3)).toEqual([120, 120, 120])
    expect(dim[3] / strength(NORMAL)[3]).toBeGreaterThan(0.15)
    expect(dim[3] / strength(NORMAL)[3]).toBeLessThan(0.3)
    expect(strength(SELECTED)[3]).toBeGreaterThan(strength(NORMAL)[3])
  })

  it('draws a selected point over any number of dimmed ones', () => {
    const xy = new Float32Array(2_000)
    const states = new Uint8Array(1_000)
    states[500] = SELECTED
    const [red, green, blue, alpha] = draw(xy, { states }).at(100, 60)
    const [r, g, b] = parseHex('#035fd5')
    expect(alpha).toBeGreaterThan(235)
    expect(Math.abs(red - r) + Math.abs(green - g) + Math.abs(blue - b)).toBeLessThan(60)
  })

  it('survives points that are not finite, far outside, and at the edges', () => {
    const far = 3e38
    const xy = Float32Array.of(
      Number.NaN,
      0,
      far,
      -far,
      Number.POSITIVE_INFINITY,
      0,
      10,
      6,
      -10,
      -6,
      10.2,
      6.2,
    )
    const { out } = draw(xy)
    expect(out.some((pixel) => pixel !== 0)).toBe(true)
    expect(out.includes(0xdead)).toBe(false)
  })

  it('draws points on their way between two places', () => {
    const raster = new Raster()
    raster.setStyle({ palette: categoryPalette(), dim: [0, 0, 0] })
    raster.setPoints(Float32Array.of(8, 0), Float32Array.of(-8, 0))
    const out = new Uint32Array(WIDTH * HEIGHT)
    raster.render(out, WIDTH, HEIGHT, VIEW, 1, LOOK, 0.5)
    expect((out[60 * WIDTH + 100] as number) >>> 24).toBeGreaterThan(200)
    raster.render(out, WIDTH, HEIGHT, VIEW, 1, LOOK, 1)
    expect(out[60 * WIDTH + 100]).toBe(0)
    expect((out[60 * WIDTH + 180] as number) >>> 24).toBeGreaterThan(200)
  })

  it('makes no blot of a million points: the densest places are not all alike and thin ones can be seen', () => {
    const xy = cloud(1_000_000, 2)
    const view = fitView(mainBounds(xy), 500, 400, { top: 10, right: 10, bottom: 10, left: 10 })
    const raster = new Raster()
    raster.setStyle({ palette: categoryPalette(), dim: [0, 0, 0] })
    raster.setPoints(xy, null)
    const out = new Uint32Array(500 * 400)
    raster.render(out, 500, 400, view, 1, appearanceOf(densityOf(xy), view.scale), 1)
    const alphas = [...out].map((pixel) => pixel >>> 24)
    const drawn = alphas.filter((alpha) => alpha > 0)
    expect(drawn.length).toBeGreaterThan(100_000)
    expect(drawn.filter((alpha) => alpha >= 249).length / drawn.length).toBeLessThan(0.5)
    expect(drawn.every((alpha) => alpha > 40)).toBe(true)
    expect(new Set(drawn).size).toBeGreaterThan(40)
  })
})
