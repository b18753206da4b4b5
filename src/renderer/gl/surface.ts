import { type Box, type Candidate, representatives } from './labels.ts'
import { drawOverlay, type OverlayStyle } from './overlay.ts'
import type { Rgb } from './palette.ts'
import { boxPolygon, thinPolygon } from './polygon.ts'
import type { Region } from './regions.ts'
import { createScatter, type Scatter, type ScatterKind } from './scatter.ts'
import {
  easeOut,
  fitView,
  mainBounds,
  mixView,
  type Padding,
  panView,
  resizeView,
  screenX,
  screenY,
  type View,
  type ZoomLimits,
  zoomLimits,
  zoomView,
} from './view.ts'

/**
 * A map one can touch: a scatter, the overlay on it, the view and its motion, pointer and keys. It speaks of points by
 * their index and knows nothing of what they are.
 */

export type Tool = 'pan' | 'lasso' | 'box'
export type RegionMode = 'replace' | 'add' | 'remove'

export interface SurfaceEvents {
  /** The pointer is over a point (-1: over none), at a place in the host. */
  hover: (index: number, x: number, y: number) => void
  /** A click on a point, or on none (-1). */
  click: (index: number, mode: RegionMode) => void
  double: (index: number) => void
  /** A lasso or a box was closed around these points, ascending. */
  region: (indices: Uint32Array, mode: RegionMode) => void
  /** The view has come to rest: names for these points would be welcome. */
  names: (indices: number[]) => void
  /** A picture stands. */
  drawn: (kind: ScatterKind, took: number) => void
}

export interface Marks {
  /** Points that are ringed and numbered, best first. */
  hits: readonly { index: number; rank: number; label: string }[]
  active: { index: number; label: string } | null
  hover: number | null
  /** Lines from the point under the pointer to others. */
  links?: readonly { index: number; lost: boolean; label: string }[]
}

const MOTION_MS = 160
/** Pixels that the pointer may move in a click. */
const CLICK_SLOP = 4
/** The view rests this long before names are looked for, ms. */
const REST_MS = 120
const LABELS_MAX = 60
/** Parts of the map have names until the view is so much nearer than the whole of it; then points have. */
const REGIONS_ZOOM = 2.2
const KEY_STEP = 60
const ZOOM_STEP = 1.6
const ENTER_REACH = 60

export class Surface {
  readonly #host: HTMLElement
  readonly #events: SurfaceEvents
  #scatter: Scatter
  readonly #overlay: HTMLCanvasElement
  readonly #context: CanvasRenderingContext2D | null
  #view: View = { x: 0, y: 0, scale: 1, width: 1, height: 1 }
  #limits: ZoomLimits = { min: 1e-9, max: 1e9 }
  #padding: Padding = { top: 24, right: 24, bottom: 24, left: 24 }
  /** The view follows the points until the person moves it. */
  #following = true
  #ratio = 1
  #tool: Tool = 'pan'
  #marks: Marks = { hits: [], active: null, hover: null }
  #candidates: Candidate[] = []
  #regions: readonly Region[] = []
  /** Scale at which the whole is in sight. */
  #whole = 1
  #nameOf: (index: number) => string | null = () => null
  #rank: (index: number) => number = (index) => index
  #style: OverlayStyle = { text: '#000', halo: '#fff', accent: '#00f', onAccent: '#fff', font: 'sans-serif' }
  #taken: Box[] = []
  #stroke: number[] = []
  #gesture: { kind: 'pan' | 'lasso' | 'box'; id: number; x: number; y: number; moved: boolean } | null = null
  #motion: { from: View; to: View; start: number; ms: number } | null = null
  #frame = 0
  #restTimer: ReturnType<typeof setTimeout> | undefined
  #colours: { codes: Uint8Array | null; palette: Uint8Array } = { codes: null, palette: new Uint8Array(768) }
  #states: Uint8Array | null = null
  #dim: Rgb = [128, 128, 128]
  readonly #resize: ResizeObserver
  readonly #reduced = matchMedia('(prefers-reduced-motion: reduce)')
  /** Cross hairs in the middle: the map is being steered by keys. */
  #steering = false

  constructor(host: HTMLElement, events: SurfaceEvents, wanted?: ScatterKind | null) {
    this.#host = host
    this.#events = events
    this.#scatter = this.#makeScatter(wanted)
    this.#overlay = host.ownerDocument.createElement('canvas')
    this.#overlay.setAttribute('aria-hidden', 'true')
    Object.assign(this.#overlay.style, { position: 'absolute', left: '0', top: '0', pointerEvents: 'none' })
    host.append(this.#overlay)
    this.#context = this.#overlay.getContext('2d')
    this.#resize = new ResizeObserver(() => this.#measure())
    this.#resize.observe(host)
    host.addEventListener('pointerdown', this.#down)
    host.addEventListener('pointermove', this.#move)
    host.addEventListener('pointerup', this.#up)
    host.addEventListener('pointercancel', this.#cancel)
    host.addEventListener('pointerleave', this.#leave)
    host.addEventListener('dblclick', this.#double)
    host.addEventListener('wheel', this.#wheel, { passive: false })
    host.addEventListener('keydown', this.#key)
    host.addEventListener('blur', this.#blur)
    this.#measure()
  }

  #makeScatter(wanted?: ScatterKind | null): Scatter {
    const scatter: Scatter = createScatter(
      this.#host,
      {
        drawn: (_, took) => {
          this.#events.drawn(scatter.kind, took)
          if (scatter.moving) this.#redraw()
        },
        indexed: () => this.#rested(),
        lost: () => this.#replaceScatter(),
      },
      wanted,
    )
    return scatter
  }

  /** The GPU went away: our own raster never does. */
  #replaceScatter(): void {
    const { xy } = this.#scatter
    this.#scatter.destroy()
    this.#scatter = this.#makeScatter('raster')
    this.#host.append(this.#overlay)
    this.#scatter.setColours(this.#colours.codes, this.#colours.palette)
    this.#scatter.setStates(this.#states)
    this.#scatter.setDim(this.#dim)
    this.#scatter.setPoints(xy, 0)
    this.#scatter.setView(this.#view, this.#ratio)
  }

  get kind(): ScatterKind {
    return this.#scatter.kind
  }

  get view(): View {
    return this.#motion?.to ?? this.#view
  }

  get following(): boolean {
    return this.#following
  }

  /** `tweenMs`: points travel there, if there are as many as before and motion is welcome. */
  setPoints(xy: Float32Array, tweenMs: number): void {
    const ms = this.#reduced.matches ? 0 : tweenMs
    const first = this.#scatter.xy.length === 0
    this.#scatter.setPoints(xy, ms)
    if (xy.length !== this.#states?.length) this.#candidates = []
    const fitted = this.#fitted()
    this.#limits = zoomLimits(fitted)
    if (this.#following) this.#go(fitted, first ? 0 : ms)
    this.#rested()
    this.#redraw()
  }

  setColours(codes: Uint8Array | null, palette: Uint8Array): void {
    this.#colours = { codes, palette }
    this.#scatter.setColours(codes, palette)
  }

  setStates(states: Uint8Array | null): void {
    this.#states = states
    this.#scatter.setStates(states)
    this.#rested()
  }

  setMarks(marks: Marks): void {
    this.#marks = marks
    this.#redraw()
  }

  setStyle(style: OverlayStyle, dim: Rgb): void {
    this.#style = style
    this.#dim = dim
    this.#scatter.setDim(dim)
    this.#redraw()
  }

  /** `nameOf`: text of a point, null while unknown. `rank`: which of close points deserves its name more; low wins. */
  setNames(nameOf: (index: number) => string | null, rank: (index: number) => number): void {
    this.#nameOf = nameOf
    this.#rank = rank
    this.#redraw()
  }

  /** Named parts of the map, the largest first; world places. */
  setRegions(regions: readonly Region[]): void {
    this.#regions = regions
    this.#redraw()
  }

  /** Names have come. */
  namesChanged(): void {
    this.#redraw()
  }

  /** Places of controls that lie on the map, and the room that fitting leaves around the points. */
  setRoom(taken: Box[], padding: Padding): void {
    this.#taken = taken
    this.#padding = padding
    if (this.#following && this.#scatter.xy.length > 0) this.#go(this.#fitted(), 0)
    this.#redraw()
  }

  setTool(tool: Tool): void {
    this.#tool = tool
    this.#host.style.cursor = tool === 'pan' ? 'grab' : 'crosshair'
  }

  /** Ends a lasso that is being drawn; false if there is none. */
  dropStroke(): boolean {
    const drawing = this.#gesture !== null && this.#gesture.kind !== 'pan'
    this.#gesture = null
    this.#stroke = []
    this.#redraw()
    return drawing
  }

  fit(): void {
    this.#following = true
    this.#go(this.#fitted(), MOTION_MS)
  }

  showView(view: View): void {
    this.#following = false
    this.#go(resizeView(view, this.#view.width, this.#view.height), 0)
  }

  zoomBy(factor: number): void {
    const { width, height } = this.#view
    this.#steer(zoomView(this.view, factor, width / 2, height / 2, this.#limits), MOTION_MS)
  }

  zoomIn(): void {
    this.zoomBy(ZOOM_STEP)
  }

  zoomOut(): void {
    this.zoomBy(1 / ZOOM_STEP)
  }

  /** Brings a point into the middle if it is not well inside the picture. */
  reveal(index: number): void {
    const place = this.#scatter.placeOf(index)
    if (!place) return
    const view = this.view
    const x = screenX(view, place.x)
    const y = screenY(view, place.y)
    const edge = 24
    if (x > edge && y > edge && x < view.width - edge && y < view.height - edge) return
    this.#steer({ ...view, x: place.x, y: place.y }, MOTION_MS)
  }

  /** Place of a point in the host, CSS pixels. */
  placeOf(index: number): { x: number; y: number } | null {
    const place = this.#scatter.placeOf(index)
    return place && { x: screenX(this.#view, place.x), y: screenY(this.#view, place.y) }
  }

  #fitted(): View {
    const bounds = mainBounds(this.#scatter.xy)
    const fitted = fitView(bounds, this.#view.width, this.#view.height, this.#padding)
    this.#whole = fitted.scale
    return fitted
  }

  #measure(): void {
    const { clientWidth, clientHeight } = this.#host
    if (clientWidth === 0 || clientHeight === 0) return
    this.#ratio = Math.min(3, Math.max(1, devicePixelRatio || 1))
    const width = Math.round(clientWidth * this.#ratio)
    const height = Math.round(clientHeight * this.#ratio)
    if (this.#overlay.width !== width) this.#overlay.width = width
    if (this.#overlay.height !== height) this.#overlay.height = height
    this.#overlay.style.width = `${clientWidth}px`
    this.#overlay.style.height = `${clientHeight}px`
    this.#motion = null
    this.#view = resizeView(this.#view, clientWidth, clientHeight)
    if (this.#scatter.xy.length > 0) {
      const fitted = this.#fitted()
      this.#limits = zoomLimits(fitted)
      if (this.#following) this.#view = fitted
    }
    this.#scatter.setView(this.#view, this.#ratio)
    this.#rested()
    this.#paint()
  }

  /** The person moves the view: it stops following the points. */
  #steer(view: View, ms: number): void {
    this.#following = false
    this.#go(view, ms)
  }

  #go(view: View, ms: number): void {
    if (ms <= 0 || this.#reduced.matches) {
      this.#motion = null
      this.#view = view
      this.#scatter.setView(view, this.#ratio)
    } else {
      this.#motion = { from: this.#view, to: view, start: performance.now(), ms }
    }
    this.#rested()
    this.#redraw()
  }

  #redraw(): void {
    if (this.#frame === 0) this.#frame = requestAnimationFrame(this.#tick)
  }

  #tick = (): void => {
    this.#frame = 0
    if (this.#motion) {
      const { from, to, start, ms } = this.#motion
      const t = (performance.now() - start) / ms
      this.#view = mixView(from, to, easeOut(t))
      if (t >= 1) this.#motion = null
      this.#scatter.setView(this.#view, this.#ratio)
    }
    this.#paint()
    if (this.#motion || this.#scatter.moving) this.#redraw()
  }

  #paint(): void {
    if (!this.#context) return
    const placed = <T extends { index: number }>(mark: T): (T & { x: number; y: number }) | null => {
      const place = this.#scatter.placeOf(mark.index)
      return place && { ...mark, ...place }
    }
    const { hits, active, hover, links = [] } = this.#marks
    const from = hover === null || links.length === 0 ? null : placed({ index: hover })
    const hitPoints = new Set(hits.map((hit) => hit.index))
    const far = this.#regions.length > 0 && this.#view.scale < this.#whole * REGIONS_ZOOM
    const candidates = far ? [] : this.#candidates
    const labels = candidates.flatMap(({ index }) => {
      if (hitPoints.has(index) || index === active?.index) return []
      const label = this.#nameOf(index)
      const mark = label ? placed({ index, label }) : null
      return mark ? [mark] : []
    })
    drawOverlay(
      this.#context,
      this.#view,
      this.#ratio,
      {
        hits: hits.map(placed).filter((hit) => hit !== null),
        labels,
        regions: far ? this.#regions : [],
        active: active && placed({ ...active, label: hitPoints.has(active.index) ? '' : active.label }),
        hover: hover === null || hover === active?.index ? null : placed({ index: hover }),
        links: from ? { from, to: links.map(placed).filter((link) => link !== null) } : null,
        stroke: this.#stroke,
        cross: this.#steering,
      },
      this.#style,
      this.#scatter.radius(),
      this.#taken,
    )
  }

  /** Looks for points worth naming, once nothing has moved for a moment. */
  #rested(): void {
    clearTimeout(this.#restTimer)
    this.#restTimer = setTimeout(() => {
      const { grid } = this.#scatter
      if (!grid || this.#motion || this.#gesture) return
      const states = this.#states
      this.#candidates = representatives(
        grid,
        this.#scatter.xy,
        this.#view,
        LABELS_MAX,
        this.#rank,
        states ? (index) => states[index] !== 0 : undefined,
      )
      this.#events.names(this.#candidates.map((candidate) => candidate.index))
      this.#redraw()
    }, REST_MS)
  }

  #at(event: MouseEvent): [number, number] {
    const box = this.#host.getBoundingClientRect()
    return [event.clientX - box.left, event.clientY - box.top]
  }

  #down = (event: PointerEvent): void => {
    // Controls that lie on the map handle their own pointer.
    if (event.target !== this.#host || (event.button !== 0 && event.button !== 1)) return
    const [x, y] = this.#at(event)
    this.#steering = false
    const drawing = this.#tool === 'box' ? 'box' : 'lasso'
    const draws = event.button === 0 && (this.#tool !== 'pan' || event.shiftKey)
    this.#gesture = { kind: draws ? drawing : 'pan', id: event.pointerId, x, y, moved: false }
    this.#stroke = []
    this.#host.setPointerCapture(event.pointerId)
    this.#host.focus({ preventScroll: true })
  }

  #move = (event: PointerEvent): void => {
    const [x, y] = this.#at(event)
    const gesture = this.#gesture
    if (!gesture) {
      const index = event.target === this.#host && !this.#scatter.moving ? this.#scatter.pick(x, y) : -1
      if (this.#tool === 'pan') this.#host.style.cursor = index >= 0 ? 'pointer' : 'grab'
      this.#events.hover(index, x, y)
      return
    }
    if (gesture.id !== event.pointerId) return
    if (!gesture.moved) {
      if (Math.hypot(x - gesture.x, y - gesture.y) < CLICK_SLOP) return
      gesture.moved = true
      this.#events.hover(-1, x, y)
      if (gesture.kind === 'pan') this.#host.style.cursor = 'grabbing'
      if (gesture.kind === 'lasso') this.#stroke = [gesture.x, gesture.y]
    }
    if (gesture.kind === 'pan') {
      this.#steer(panView(this.#view, x - gesture.x, y - gesture.y), 0)
      gesture.x = x
      gesture.y = y
    } else if (gesture.kind === 'box') {
      this.#stroke = boxPolygon(gesture.x, gesture.y, x, y)
    } else {
      this.#stroke.push(x, y)
    }
    this.#redraw()
  }

  #up = (event: PointerEvent): void => {
    const gesture = this.#gesture
    if (!gesture || gesture.id !== event.pointerId) return
    this.#gesture = null
    this.setTool(this.#tool)
    const mode: RegionMode = event.altKey ? 'remove' : event.shiftKey ? 'add' : 'replace'
    const stroke = thinPolygon(this.#stroke, 1.5)
    this.#stroke = []
    if (!gesture.moved) {
      const [x, y] = this.#at(event)
      if (event.button === 0) this.#events.click(this.#scatter.pick(x, y), mode)
    } else if (gesture.kind === 'pan') {
      this.#rested()
    } else {
      void this.#scatter.lasso(stroke).then((indices) => this.#events.region(indices, mode))
    }
    this.#redraw()
  }

  #cancel = (): void => void this.dropStroke()

  #leave = (): void => this.#events.hover(-1, 0, 0)

  #double = (event: MouseEvent): void => {
    if (event.target !== this.#host) return
    const index = this.#scatter.pick(...this.#at(event))
    if (index >= 0) this.#events.double(index)
  }

  #wheel = (event: WheelEvent): void => {
    if (event.target !== this.#host) return
    event.preventDefault()
    const lines = event.deltaMode === 1 ? 16 : event.deltaMode === 2 ? 400 : 1
    // A pinch comes as a wheel with Ctrl and much smaller steps.
    const speed = event.ctrlKey ? 0.01 : 0.0016
    const delta = Math.max(-400, Math.min(400, event.deltaY * lines))
    const [x, y] = this.#at(event)
    this.#steer(zoomView(this.view, Math.exp(-delta * speed), x, y, this.#limits), event.ctrlKey ? 0 : 90)
  }

  #key = (event: KeyboardEvent): void => {
    if (event.target !== this.#host || event.ctrlKey || event.metaKey || event.altKey) return
    const step = KEY_STEP * (event.shiftKey ? 3 : 1)
    const pan = (dx: number, dy: number): void => this.#steer(panView(this.view, dx, dy), MOTION_MS)
    if (event.key === 'ArrowLeft') pan(step, 0)
    else if (event.key === 'ArrowRight') pan(-step, 0)
    else if (event.key === 'ArrowUp') pan(0, step)
    else if (event.key === 'ArrowDown') pan(0, -step)
    else if (event.key === '+' || event.key === '=') this.zoomIn()
    else if (event.key === '-' || event.key === '_') this.zoomOut()
    else if (event.key === 'Home' || event.key === '0') this.fit()
    else if (event.key === 'Enter') {
      const { width, height } = this.#view
      this.#events.click(this.#scatter.pick(width / 2, height / 2, ENTER_REACH), 'replace')
    } else return
    this.#steering = true
    event.preventDefault()
    event.stopPropagation()
    this.#redraw()
  }

  #blur = (): void => {
    this.#steering = false
    this.#redraw()
  }

  destroy(): void {
    cancelAnimationFrame(this.#frame)
    clearTimeout(this.#restTimer)
    this.#resize.disconnect()
    const host = this.#host
    host.removeEventListener('pointerdown', this.#down)
    host.removeEventListener('pointermove', this.#move)
    host.removeEventListener('pointerup', this.#up)
    host.removeEventListener('pointercancel', this.#cancel)
    host.removeEventListener('pointerleave', this.#leave)
    host.removeEventListener('dblclick', this.#double)
    host.removeEventListener('wheel', this.#wheel)
    host.removeEventListener('keydown', this.#key)
    host.removeEventListener('blur', this.#blur)
    this.#overlay.remove()
    this.#scatter.destroy()
  }
}
