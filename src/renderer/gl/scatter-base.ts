import { type Appearance, appearanceOf, type Density, densityOf } from './appearance.ts'
import { buildGrid, type Grid, lasso, nearest } from './grid.ts'
import type { Rgb } from './palette.ts'
import { DIMMED, mixPoints, SELECTED } from './raster.ts'
import type { Scatter, ScatterEvents, ScatterKind } from './scatter.ts'
import { easeOut, type View, worldX, worldY } from './view.ts'

/** Above this many points the index is built in a worker. */
const GRID_HERE_MAX = 120_000
/** Above this many points they jump instead of travelling. */
const TWEEN_POINTS_MAX = 300_000
/** How far from a point's edge the pointer may be, CSS pixels. */
const PICK_REACH = 6

/** What both backends share: the data, the index, motion, and one frame at a time. */
export abstract class ScatterBase implements Scatter {
  abstract readonly kind: ScatterKind
  xy: Float32Array = new Float32Array(0)
  protected codes: Uint8Array | null = null
  protected palette: Uint8Array = new Uint8Array(768)
  protected states: Uint8Array | null = null
  protected dim: Rgb = [128, 128, 128]
  protected view: View = { x: 0, y: 0, scale: 1, width: 1, height: 1 }
  protected ratio = 1
  protected readonly events: ScatterEvents
  #grid: Grid | null = null
  #gridWorker: Worker | null = null
  #ticket = 0
  #waiting: ((grid: Grid | null) => void)[] = []
  #density: Density = { median: 0, high: 0 }
  #densityFrom: Density = { median: 0, high: 0 }
  #from: Float32Array | null = null
  #tweenStart = 0
  #tweenMs = 0
  #frame = 0
  #destroyed = false

  constructor(events: ScatterEvents) {
    this.events = events
  }

  get grid(): Grid | null {
    return this.#grid
  }

  protected abstract uploadPoints(xy: Float32Array, from: Float32Array | null): void
  protected abstract uploadCodes(codes: Uint8Array | null): void
  protected abstract uploadStates(states: Uint8Array | null): void
  protected abstract uploadStyle(palette: Uint8Array, dim: Rgb): void
  /** Draws one picture; false if it cannot now and will ask again by itself. */
  protected abstract draw(view: View, ratio: number, look: Appearance, t: number): boolean
  protected abstract dispose(): void

  setPoints(xy: Float32Array, tweenMs: number): void {
    const before = this.xy
    const moves = tweenMs > 0 && before.length === xy.length && xy.length / 2 <= TWEEN_POINTS_MAX
    const t = this.#progress()
    this.#from = !moves ? null : this.#from && t < 1 ? mixPoints(this.#from, before, t) : before
    this.#densityFrom = this.#density
    this.#density = densityOf(xy)
    this.xy = xy
    this.#tweenStart = performance.now()
    this.#tweenMs = moves ? tweenMs : 0
    this.#index()
    this.uploadPoints(xy, this.#from)
    this.invalidate()
  }

  #index(): void {
    const ticket = ++this.#ticket
    if (this.xy.length / 2 <= GRID_HERE_MAX) {
      this.#indexed(buildGrid(this.xy))
      return
    }
    this.#grid = null
    if (!this.#gridWorker) {
      this.#gridWorker = new Worker(new URL('./grid-worker.ts', import.meta.url), { type: 'module' })
      this.#gridWorker.onmessage = ({ data }: MessageEvent<{ ticket: number; grid: Grid }>) => {
        if (data.ticket === this.#ticket && !this.#destroyed) this.#indexed(data.grid)
      }
    }
    this.#gridWorker.postMessage({ ticket, xy: this.xy })
  }

  #indexed(grid: Grid): void {
    this.#grid = grid
    for (const resolve of this.#waiting.splice(0)) resolve(grid)
    this.events.indexed?.()
  }

  setColours(codes: Uint8Array | null, palette: Uint8Array): void {
    if (codes !== this.codes) this.uploadCodes(codes)
    this.codes = codes
    this.palette = palette
    this.uploadStyle(palette, this.dim)
    this.invalidate()
  }

  setStates(states: Uint8Array | null): void {
    this.states = states
    this.uploadStates(states)
    this.invalidate()
  }

  setDim(colour: Rgb): void {
    this.dim = colour
    this.uploadStyle(this.palette, colour)
    this.invalidate()
  }

  setView(view: View, ratio: number): void {
    this.view = view
    this.ratio = ratio
    this.invalidate()
  }

  pick(x: number, y: number, reach = PICK_REACH): number {
    if (!this.#grid) return -1
    const { view, states } = this
    const radius = this.radius()
    return nearest(
      this.#grid,
      this.xy,
      worldX(view, x),
      worldY(view, y),
      (radius + reach) / view.scale,
      // Grey points can still be picked, but only where no coloured one is near.
      states
        ? (index) =>
            (states[index] === DIMMED ? 0 : (states[index] === SELECTED ? 1.5 : 1) * PICK_REACH) / view.scale
        : undefined,
    )
  }

  async lasso(polygon: readonly number[]): Promise<Uint32Array> {
    const world = polygon.map((value, i) =>
      i % 2 === 0 ? worldX(this.view, value) : worldY(this.view, value),
    )
    const grid = this.#grid ?? (await new Promise<Grid | null>((resolve) => this.#waiting.push(resolve)))
    return grid ? lasso(grid, this.xy, world) : new Uint32Array(0)
  }

  get moving(): boolean {
    return this.#from !== null && this.#progress() < 1
  }

  placeOf(index: number): { x: number; y: number } | null {
    let x = this.xy[2 * index] ?? Number.NaN
    let y = this.xy[2 * index + 1] ?? Number.NaN
    if (this.#from) {
      const t = easeOut(this.#progress())
      const fromX = this.#from[2 * index] as number
      const fromY = this.#from[2 * index + 1] as number
      if (Number.isFinite(fromX)) x = fromX + (x - fromX) * t
      if (Number.isFinite(fromY)) y = fromY + (y - fromY) * t
    }
    return Number.isFinite(x) && Number.isFinite(y) ? { x, y } : null
  }

  radius(): number {
    return this.#look(1).radius
  }

  #progress(): number {
    if (this.#tweenMs <= 0) return 1
    return Math.min(1, (performance.now() - this.#tweenStart) / this.#tweenMs)
  }

  #look(t: number): Appearance {
    const now = appearanceOf(this.#density, this.view.scale)
    if (t >= 1 || this.#densityFrom.median === 0) return now
    const was = appearanceOf(this.#densityFrom, this.view.scale)
    const mix = (a: number, b: number): number => a + (b - a) * t
    return {
      radius: mix(was.radius, now.radius),
      alone: mix(was.alone, now.alone),
      full: mix(was.full, now.full),
    }
  }

  protected invalidate(): void {
    if (this.#frame === 0 && !this.#destroyed) this.#frame = requestAnimationFrame(this.#tick)
  }

  #tick = (): void => {
    this.#frame = 0
    const t = this.#progress()
    const eased = easeOut(t)
    const drew = this.draw(this.view, this.ratio, this.#look(eased), eased)
    if (drew && t >= 1) this.#from = null
    if (drew && t < 1) this.invalidate()
  }

  destroy(): void {
    this.#destroyed = true
    cancelAnimationFrame(this.#frame)
    this.#gridWorker?.terminate()
    for (const resolve of this.#waiting.splice(0)) resolve(null)
    this.dispose()
  }
}
