/**
 * Where the map's plane stands on the screen. World coordinates are a map's own, y upwards; screen coordinates are
 * CSS pixels from the upper left corner of the drawing, y downwards.
 */
export interface View {
  /** World point in the middle of the drawing. */
  readonly x: number
  readonly y: number
  /** CSS pixels per world unit, above 0. */
  readonly scale: number
  /** Size of the drawing, CSS pixels. */
  readonly width: number
  readonly height: number
}

export interface Bounds {
  minX: number
  minY: number
  maxX: number
  maxY: number
}

export interface Padding {
  top: number
  right: number
  bottom: number
  left: number
}

export const screenX = (view: View, worldX: number): number => (worldX - view.x) * view.scale + view.width / 2
export const screenY = (view: View, worldY: number): number =>
  (view.y - worldY) * view.scale + view.height / 2
export const worldX = (view: View, x: number): number => (x - view.width / 2) / view.scale + view.x
export const worldY = (view: View, y: number): number => view.y - (y - view.height / 2) / view.scale

/** Bounds of all finite points of `xy` (x0, y0, x1, y1, …); null if there is none. */
export function boundsOf(xy: Float32Array): Bounds | null {
  let minX = Number.POSITIVE_INFINITY
  let minY = Number.POSITIVE_INFINITY
  let maxX = Number.NEGATIVE_INFINITY
  let maxY = Number.NEGATIVE_INFINITY
  for (let i = 0; i + 1 < xy.length; i += 2) {
    const x = xy[i] as number
    const y = xy[i + 1] as number
    // Infinity minus itself and NaN minus itself are both NaN: one test for "finite".
    if (x - x !== 0 || y - y !== 0) continue
    if (x < minX) minX = x
    if (x > maxX) maxX = x
    if (y < minY) minY = y
    if (y > maxY) maxY = y
  }
  return minX <= maxX ? { minX, minY, maxX, maxY } : null
}

/**
 * Index of the k-th sample when one in `step` is taken: anywhere within its stride, so that a pattern in the order of
 * the points does not fall in with the stride. The same each time.
 */
export function sampleAt(k: number, step: number): number {
  return step === 1 ? k : k * step + ((Math.imul(k + 1, 0x9e3779b1) >>> 8) % step)
}

/** Points that robust bounds are measured on. */
const BOUNDS_SAMPLE = 50_000

/**
 * Bounds that a few far outliers cannot stretch: the middle 99.6 % of the points in each axis and a tenth of its span
 * around, but never more than all of them. Small sets count whole. Null if no point is finite.
 */
export function mainBounds(xy: Float32Array): Bounds | null {
  const all = boundsOf(xy)
  const count = xy.length >> 1
  if (!all || count < 500) return all
  const step = Math.ceil(count / BOUNDS_SAMPLE)
  const axis = (from: number): [number, number] => {
    const values = new Float32Array(Math.ceil(count / step))
    let n = 0
    for (let k = 0; k < values.length; k++) {
      const value = xy[2 * sampleAt(k, step) + from] as number
      // Also false past the end, where there is no value.
      if (value - value === 0) values[n++] = value
    }
    const sorted = values.subarray(0, n).sort()
    const low = sorted[Math.floor((n - 1) * 0.002)] as number
    const high = sorted[Math.ceil((n - 1) * 0.998)] as number
    const room = (high - low) * 0.1
    return [low - room, high + room]
  }
  const [minX, maxX] = axis(0)
  const [minY, maxY] = axis(1)
  // A sample may hold no finite point at all; comparisons with undefined are false, and all of them stand.
  if (!(minX < maxX && minY < maxY)) return all
  return {
    minX: Math.max(all.minX, minX),
    minY: Math.max(all.minY, minY),
    maxX: Math.min(all.maxX, maxX),
    maxY: Math.min(all.maxY, maxY),
  }
}

/** Bounds of the points at `indices`; null if none of them is finite. */
export function boundsAt(xy: Float32Array, indices: ArrayLike<number>): Bounds | null {
  const some = new Float32Array(indices.length * 2)
  for (let i = 0; i < indices.length; i++) {
    const p = (indices[i] as number) * 2
    some[2 * i] = xy[p] ?? Number.NaN
    some[2 * i + 1] = xy[p + 1] ?? Number.NaN
  }
  return boundsOf(some)
}

/** The view that shows all of `bounds` in a drawing of this size, inside the padding. */
export function fitView(bounds: Bounds | null, width: number, height: number, padding: Padding): View {
  const w = Math.max(1, width)
  const h = Math.max(1, height)
  if (!bounds) return { x: 0, y: 0, scale: Math.min(w, h) / 2, width: w, height: h }
  const roomX = Math.max(w * 0.2, w - padding.left - padding.right)
  const roomY = Math.max(h * 0.2, h - padding.top - padding.bottom)
  const spanX = bounds.maxX - bounds.minX
  const spanY = bounds.maxY - bounds.minY
  // One point, or all in one place: any scale shows it; one unit across half the drawing is as good as any.
  const byX = spanX > 0 ? roomX / spanX : Number.POSITIVE_INFINITY
  const byY = spanY > 0 ? roomY / spanY : Number.POSITIVE_INFINITY
  const fitted = Math.min(byX, byY)
  const scale = Number.isFinite(fitted) ? fitted : Math.min(roomX, roomY) / 2
  const midX = padding.left + roomX / 2
  const midY = padding.top + roomY / 2
  return {
    x: (bounds.minX + bounds.maxX) / 2 - (midX - w / 2) / scale,
    y: (bounds.minY + bounds.maxY) / 2 + (midY - h / 2) / scale,
    scale,
    width: w,
    height: h,
  }
}

export function resizeView(view: View, width: number, height: number): View {
  return { ...view, width: Math.max(1, width), height: Math.max(1, height) }
}

/** Moves the picture by screen pixels: the world under the pointer follows it. */
export function panView(view: View, dx: number, dy: number): View {
  return { ...view, x: view.x - dx / view.scale, y: view.y + dy / view.scale }
}

/** Zooms by `factor` around a screen point, whose world point stays where it is. */
export function zoomView(view: View, factor: number, atX: number, atY: number, limits: ZoomLimits): View {
  const scale = Math.min(limits.max, Math.max(limits.min, view.scale * factor))
  if (!(scale > 0) || scale === view.scale) return view
  const wx = worldX(view, atX)
  const wy = worldY(view, atY)
  return {
    ...view,
    scale,
    x: wx - (atX - view.width / 2) / scale,
    y: wy + (atY - view.height / 2) / scale,
  }
}

export interface ZoomLimits {
  min: number
  max: number
}

/** From a quarter of the fitted size to where single precision still tells neighbours apart. */
export function zoomLimits(fitted: View): ZoomLimits {
  return { min: fitted.scale / 4, max: fitted.scale * 4_000 }
}

/** Between two views, t from 0 to 1; zoom moves evenly in its logarithm. */
export function mixView(a: View, b: View, t: number): View {
  if (t >= 1) return b
  if (t <= 0) return { ...a, width: b.width, height: b.height }
  const scale = Math.exp(Math.log(a.scale) * (1 - t) + Math.log(b.scale) * t)
  // The centre moves in step with the zoom, so that one world point stays put where there is one.
  const u =
    Math.abs(b.scale - a.scale) > 1e-9 * b.scale ? (1 / a.scale - 1 / scale) / (1 / a.scale - 1 / b.scale) : t
  return {
    x: a.x + (b.x - a.x) * u,
    y: a.y + (b.y - a.y) * u,
    scale,
    width: b.width,
    height: b.height,
  }
}

export const easeOut = (t: number): number => 1 - (1 - Math.min(1, Math.max(0, t))) ** 3

/** CSS transform that carries a picture drawn with `drawn` to where `now` would have it; origin 0 0. */
export function carry(drawn: View, now: View): { scale: number; x: number; y: number } {
  const scale = now.scale / drawn.scale
  return {
    scale,
    x: (drawn.x - now.x) * now.scale + now.width / 2 - (drawn.width / 2) * scale,
    y: (now.y - drawn.y) * now.scale + now.height / 2 - (drawn.height / 2) * scale,
  }
}
