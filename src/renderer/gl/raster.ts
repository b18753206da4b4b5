import { type Appearance, coverage, opacity, vividness } from './appearance.ts'
import { buildGrid, cellRange, type Grid } from './grid.ts'
import type { View } from './view.ts'

/**
 * Our own drawing of points, for machines without a GPU: every point is written straight into sums per pixel, then
 * each touched pixel is toned once. No DOM in here: it runs in a worker, and in Node for tests.
 */

/** State of a point: how it takes part in the picture. */
export const DIMMED = 0
export const NORMAL = 1
export const SELECTED = 2

/** Strength of dimmed points, of 1. */
export const DIM_STRENGTH = 0.26
/** A selected point weighs and measures this many times a normal one. */
export const SELECTED_WEIGHT = 3
export const SELECTED_RADIUS = 1.2

/** Positions within a pixel that stamps are made for, per axis. */
const PHASES = 4
/** Writes that one frame may spend on stamps; above it each point is one pixel, if points are that small. */
const WRITES_MAX = 6_000_000
const DOT_RADIUS_MAX = 1.8
/** Largest radius in device pixels; the margin of the sums. */
const REACH_MAX = 24

/** Opacity by the upper bits of a float: 64 steps an octave from 2^-8 to 2^20. */
const TONE_SHIFT = 17
const TONE_FIRST = (127 - 8) << 6
const TONE_STEPS = 28 << 6

interface Stamp {
  reach: number
  /** PHASES² squares of (2 reach + 1)² weights. */
  weights: Float32Array
}

export interface RasterStyle {
  /** 256 colours, three bytes each. */
  palette: Uint8Array
  /** Colour of dimmed points, bytes. */
  dim: readonly [number, number, number]
}

export class Raster {
  #xy: Float32Array = new Float32Array(0)
  #from: Float32Array | null = null
  #codes: Uint8Array | null = null
  #states: Uint8Array | null = null
  #grid: Grid | null = null
  /** The same in the order of drawing: cell by cell, so that writes stay near one another. */
  #drawnXy: Float32Array = new Float32Array(0)
  #drawnCodes: Uint8Array = new Uint8Array(0)
  #drawnStates: Uint8Array = new Uint8Array(0)
  #stale = true
  #palette: Float32Array = new Float32Array(256 * 3)
  #dimColour: readonly [number, number, number] = [128, 128, 128]
  /** Sums per pixel: weighted red, green, blue, and the weight. */
  #sums: Float32Array = new Float32Array(0)
  #dimSums: Float32Array = new Float32Array(0)
  #tone: Float32Array = new Float32Array(TONE_STEPS)
  #vivid: Float32Array = new Float32Array(TONE_STEPS)

  /** `from`: where the points come from, of the same length, for frames with t below 1. */
  setPoints(xy: Float32Array, from: Float32Array | null): void {
    this.#xy = xy
    this.#from = from && from.length === xy.length ? from : null
    this.#grid = null
    this.#stale = true
  }

  setCodes(codes: Uint8Array | null): void {
    this.#codes = codes
    this.#stale = true
  }

  setStates(states: Uint8Array | null): void {
    this.#states = states
    this.#stale = true
  }

  setStyle(style: RasterStyle): void {
    for (let i = 0; i < 768; i++) this.#palette[i] = style.palette[i] ?? 0
    this.#dimColour = style.dim
  }

  /** Sorted copies for drawing; in passing (t < 1) the given order is as good. */
  #prepare(moving: boolean): void {
    const count = this.#xy.length >> 1
    if (moving) {
      this.#drawnCodes = this.#codes ?? new Uint8Array(count)
      this.#drawnStates = this.#states ?? new Uint8Array(count).fill(NORMAL)
      this.#stale = true
      return
    }
    if (!this.#stale) return
    if (!this.#grid) {
      this.#grid = buildGrid(this.#xy)
      const { order } = this.#grid
      this.#drawnXy = new Float32Array(order.length * 2)
      for (let at = 0; at < order.length; at++) {
        const index = order[at] as number
        this.#drawnXy[2 * at] = this.#xy[2 * index] as number
        this.#drawnXy[2 * at + 1] = this.#xy[2 * index + 1] as number
      }
    }
    const { order } = this.#grid
    const sorted = (values: Uint8Array | null, otherwise: number): Uint8Array => {
      const out = new Uint8Array(order.length)
      if (!values) return out.fill(otherwise)
      for (let at = 0; at < order.length; at++) out[at] = values[order[at] as number] ?? otherwise
      return out
    }
    this.#drawnCodes = sorted(this.#codes, 0)
    this.#drawnStates = sorted(this.#states, NORMAL)
    this.#stale = false
  }

  /**
   * Draws into `out`, width x height pixels of RGBA bytes (not premultiplied), all of which it overwrites. `ratio`:
   * device pixels per CSS pixel. `t`: how far the points have moved from `from`, 0 to 1.
   */
  render(
    out: Uint32Array,
    width: number,
    height: number,
    view: View,
    ratio: number,
    look: Appearance,
    t: number,
  ): void {
    const moving = t < 1 && this.#from !== null
    this.#prepare(moving)
    const margin = REACH_MAX + 2
    const stride = width + 2 * margin
    const size = stride * (height + 2 * margin)
    if (this.#sums.length !== size * 4) {
      this.#sums = new Float32Array(size * 4)
      this.#dimSums = new Float32Array(size)
    } else {
      this.#sums.fill(0)
      this.#dimSums.fill(0)
    }
    const scale = view.scale * ratio
    const offsetX = (view.width / 2) * ratio - view.x * scale + margin
    const offsetY = (view.height / 2) * ratio + view.y * scale + margin
    const plane = { stride, lines: height + 2 * margin, scale, offsetX, offsetY }
    const radius = Math.min(REACH_MAX - 1, look.radius * ratio)

    let anyDim = false
    if (moving) {
      const xy = mixPoints(this.#from as Float32Array, this.#xy, t)
      anyDim = this.#splat(xy, [0, xy.length >> 1], plane, radius)
    } else if (this.#grid) {
      const spill = (margin - 1) / scale
      const range = cellRange(this.#grid, {
        minX: view.x - view.width / 2 / view.scale - spill,
        maxX: view.x + view.width / 2 / view.scale + spill,
        minY: view.y - view.height / 2 / view.scale - spill,
        maxY: view.y + view.height / 2 / view.scale + spill,
      })
      if (range) {
        const spans: number[] = []
        for (let line = range.line0; line <= range.line1; line++) {
          const base = line * this.#grid.columns
          const from = this.#grid.starts[base + range.column0] as number
          const to = this.#grid.starts[base + range.column1 + 1] as number
          if (to <= from) continue
          if (spans[spans.length - 1] === from) spans[spans.length - 1] = to
          else spans.push(from, to)
        }
        anyDim = this.#splat(this.#drawnXy, spans, plane, radius)
      }
    }
    this.#toneInto(out, width, height, margin, stride, look, anyDim)
  }

  #splat(xy: Float32Array, spans: number[], plane: Plane, radius: number): boolean {
    let visible = 0
    for (let s = 0; s < spans.length; s += 2) visible += (spans[s + 1] as number) - (spans[s] as number)
    const stamp = stampOf(radius)
    const side = 2 * stamp.reach + 1
    const dots = radius <= DOT_RADIUS_MAX && visible * side * side > WRITES_MAX
    const strong = dots ? null : stampOf(radius * SELECTED_RADIUS)
    // One pixel has to carry the ink of a whole small stamp.
    const dotWeight = Math.min(1.5, stamp.weights.reduce((a, b) => a + b, 0) / (PHASES * PHASES))
    const { stride, scale, offsetX, offsetY } = plane
    const codes = this.#drawnCodes
    const states = this.#drawnStates
    const palette = this.#palette
    const sums = this.#sums
    const dimSums = this.#dimSums
    // Stamps reach this far around the pixel of the centre.
    const edge = dots ? 0 : (strong ?? stamp).reach
    const maxX = stride - edge - 1
    const maxY = plane.lines - edge - 1
    let anyDim = false
    for (let s = 0; s < spans.length; s += 2) {
      const to = spans[s + 1] as number
      for (let i = spans[s] as number; i < to; i++) {
        const fx = (xy[2 * i] as number) * scale + offsetX
        const fy = offsetY - (xy[2 * i + 1] as number) * scale
        // Also false for NaN.
        if (!(fx >= edge && fy >= edge && fx < maxX && fy < maxY)) continue
        const px = fx | 0
        const py = fy | 0
        const state = states[i] as number
        const colour = (codes[i] as number) * 3
        const red = palette[colour] as number
        const green = palette[colour + 1] as number
        const blue = palette[colour + 2] as number
        if (dots) {
          const pixel = py * stride + px
          if (state === DIMMED) {
            dimSums[pixel] = (dimSums[pixel] as number) + dotWeight
            anyDim = true
            continue
          }
          const weight = state === NORMAL ? dotWeight : dotWeight * SELECTED_WEIGHT
          const at = pixel << 2
          sums[at] = (sums[at] as number) + red * weight
          sums[at + 1] = (sums[at + 1] as number) + green * weight
          sums[at + 2] = (sums[at + 2] as number) + blue * weight
          sums[at + 3] = (sums[at + 3] as number) + weight
          continue
        }
        const chosen = state >= SELECTED && strong ? strong : stamp
        const { reach, weights } = chosen
        const width = 2 * reach + 1
        let k = ((((fy - py) * PHASES) | 0) * PHASES + (((fx - px) * PHASES) | 0)) * width * width
        let line = (py - reach) * stride + px - reach
        if (state === DIMMED) {
          anyDim = true
          for (let y = 0; y < width; y++, line += stride) {
            for (let x = 0; x < width; x++, k++) {
              dimSums[line + x] = (dimSums[line + x] as number) + (weights[k] as number)
            }
          }
          continue
        }
        const boost = state === NORMAL ? 1 : SELECTED_WEIGHT
        for (let y = 0; y < width; y++, line += stride) {
          let at = line << 2
          for (let x = 0; x < width; x++, k++, at += 4) {
            const weight = (weights[k] as number) * boost
            if (weight === 0) continue
            sums[at] = (sums[at] as number) + red * weight
            sums[at + 1] = (sums[at + 1] as number) + green * weight
            sums[at + 2] = (sums[at + 2] as number) + blue * weight
            sums[at + 3] = (sums[at + 3] as number) + weight
          }
        }
      }
    }
    return anyDim
  }

  #toneInto(
    out: Uint32Array,
    width: number,
    height: number,
    margin: number,
    stride: number,
    look: Appearance,
    anyDim: boolean,
  ): void {
    const tone = this.#tone
    const vivid = this.#vivid
    const bits = new Uint32Array(1)
    const asFloat = new Float32Array(bits.buffer)
    for (let i = 0; i < TONE_STEPS; i++) {
      bits[0] = ((TONE_FIRST + i) << TONE_SHIFT) >>> 0
      tone[i] = opacity(asFloat[0] as number, look)
      vivid[i] = vividness(asFloat[0] as number, look)
    }
    const sums = this.#sums
    const sumBits = new Uint32Array(sums.buffer)
    const dimSums = this.#dimSums
    const dimBits = new Uint32Array(dimSums.buffer)
    const [dimRed, dimGreen, dimBlue] = this.#dimColour
    const last = TONE_STEPS - 1
    for (let y = 0; y < height; y++) {
      let pixel = (y + margin) * stride + margin
      let at = y * width
      for (const end = at + width; at < end; at++, pixel++) {
        const s = pixel << 2
        const weight = sums[s + 3] as number
        let strength = 0
        let red = 0
        let green = 0
        let blue = 0
        if (weight > 0) {
          const step = Math.min(((sumBits[s + 3] as number) >>> TONE_SHIFT) - TONE_FIRST, last)
          if (step >= 0) {
            strength = tone[step] as number
            const factor = vivid[step] as number
            red = (sums[s] as number) / weight
            green = (sums[s + 1] as number) / weight
            blue = (sums[s + 2] as number) / weight
            if (factor > 1.01) {
              const lightness = 0.3 * red + 0.59 * green + 0.11 * blue
              red = Math.min(255, Math.max(0, lightness + (red - lightness) * factor))
              green = Math.min(255, Math.max(0, lightness + (green - lightness) * factor))
              blue = Math.min(255, Math.max(0, lightness + (blue - lightness) * factor))
            }
          }
        }
        let grey = 0
        if (anyDim && (dimSums[pixel] as number) > 0) {
          const step = ((dimBits[pixel] as number) >>> TONE_SHIFT) - TONE_FIRST
          grey = step < 0 ? 0 : (tone[Math.min(step, last)] as number) * DIM_STRENGTH * (1 - strength)
        }
        const alpha = strength + grey
        if (alpha === 0) {
          out[at] = 0
          continue
        }
        if (grey > 0) {
          const own = strength / alpha
          const rest = grey / alpha
          red = red * own + dimRed * rest
          green = green * own + dimGreen * rest
          blue = blue * own + dimBlue * rest
        }
        out[at] = ((alpha * 255 + 0.5) << 24) | ((blue + 0.5) << 16) | ((green + 0.5) << 8) | (red + 0.5)
      }
    }
  }
}

interface Plane {
  stride: number
  lines: number
  scale: number
  offsetX: number
  offsetY: number
}

/** Between two sets of points; a point that is not finite in one of them stands where the other has it. */
export function mixPoints(from: Float32Array, to: Float32Array, t: number): Float32Array {
  const mixed = new Float32Array(to.length)
  for (let i = 0; i < to.length; i++) {
    const a = from[i] as number
    const b = to[i] as number
    mixed[i] = a - a === 0 ? a + (b - a) * t : b
  }
  return mixed
}

const stamps = new Map<number, Stamp>()

function stampOf(radius: number): Stamp {
  const key = Math.round(radius * 32)
  const known = stamps.get(key)
  if (known) return known
  const r = key / 32
  const reach = Math.max(1, Math.ceil(r + 0.75 - 0.125))
  const side = 2 * reach + 1
  const weights = new Float32Array(PHASES * PHASES * side * side)
  let k = 0
  for (let phaseY = 0; phaseY < PHASES; phaseY++) {
    for (let phaseX = 0; phaseX < PHASES; phaseX++) {
      const centreX = reach + (phaseX + 0.5) / PHASES
      const centreY = reach + (phaseY + 0.5) / PHASES
      for (let y = 0; y < side; y++) {
        for (let x = 0; x < side; x++) {
          weights[k++] = coverage(Math.hypot(x + 0.5 - centreX, y + 0.5 - centreY), r)
        }
      }
    }
  }
  if (stamps.size > 64) stamps.clear()
  const stamp = { reach, weights }
  stamps.set(key, stamp)
  return stamp
}
