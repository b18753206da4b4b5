import { mainBounds, sampleAt } from './view.ts'

/**
 * How large and how strong a point is drawn. Both backends sum the coverage W of all points over each pixel (1 = one
 * point covers it) and turn the sum into an opacity here, so their pictures agree and the order of points does not
 * matter.
 */

/** Smallest and largest radius of a point, CSS pixels. */
const RADIUS_MIN = 0.75
const RADIUS_MAX = 5
/** Radius as a part of the usual distance between neighbours on the screen. */
const RADIUS_OF_SPACING = 0.55
/** Opacity of the densest places, and of a point that stands alone. */
const OPACITY_MAX = 0.98
const OPACITY_ALONE_MAX = 0.88
const OPACITY_ALONE_MIN = 0.4
/** Below 1: middling densities are drawn nearer to the densest than to a single point. */
const OPACITY_CURVE = 0.7
/** Points that the density is measured on; more would not change it. */
const DENSITY_SAMPLE = 200_000
const DENSITY_SIDE_MAX = 192

/** Points per square world unit, as a point finds it where it stands. */
export interface Density {
  /** Half of the points stand thinner than this. */
  median: number
  /** One in twelve stands denser. */
  high: number
}

export interface Appearance {
  /** CSS pixels. */
  radius: number
  /** Opacity at W = 1. */
  alone: number
  /** W at which the opacity reaches its maximum, at least e. */
  full: number
}

/** Measures the density on an even sample; 0 where there are no finite points. */
export function densityOf(xy: Float32Array): Density {
  const count = xy.length >> 1
  const step = Math.max(1, Math.ceil(count / DENSITY_SAMPLE))
  const bounds = mainBounds(xy)
  if (!bounds) return { median: 0, high: 0 }
  const { minX, minY, maxX, maxY } = bounds
  const span = Math.max(maxX - minX, maxY - minY)
  if (!(span > 0)) return { median: 0, high: 0 }
  const side = Math.max(3, Math.min(DENSITY_SIDE_MAX, Math.round(Math.sqrt(count / step / 6))))
  const cell = span / side
  const counts = new Uint32Array(side * side)
  let seen = 0
  for (let k = 0; k * step < count; k++) {
    const i = sampleAt(k, step)
    const x = xy[2 * i] as number
    const y = xy[2 * i + 1] as number
    // Also false for NaN, and past the end.
    if (!(x >= minX && x <= maxX && y >= minY && y <= maxY)) continue
    seen++
    const at =
      Math.min(side - 1, ((y - minY) / cell) | 0) * side + Math.min(side - 1, ((x - minX) / cell) | 0)
    counts[at] = (counts[at] as number) + 1
  }
  counts.sort()
  const perCell = step / (cell * cell)
  const quantile = (part: number): number => {
    let left = seen * part
    for (const n of counts) {
      left -= n
      if (n > 0 && left <= 0) return n * perCell
    }
    return (counts[counts.length - 1] as number) * perCell
  }
  return { median: quantile(0.5), high: quantile(0.92) }
}

/** Size and strength at a zoom of `scale` CSS pixels per world unit. */
export function appearanceOf(density: Density, scale: number): Appearance {
  const spacing = density.median > 0 ? scale / Math.sqrt(density.median) : Number.POSITIVE_INFINITY
  const radius = Math.min(RADIUS_MAX, Math.max(RADIUS_MIN, spacing * RADIUS_OF_SPACING))
  const crowd = (density.high / (scale * scale)) * Math.PI * radius * radius
  const full = Math.max(Math.E, crowd)
  const alone = Math.min(
    OPACITY_ALONE_MAX,
    Math.max(OPACITY_ALONE_MIN, OPACITY_ALONE_MAX - 0.11 * Math.log(Math.max(1, crowd))),
  )
  return { radius, alone, full }
}

/** Opacity of a pixel with coverage W: straight up to one point, then by the logarithm to the full density. */
export function opacity(w: number, look: Appearance): number {
  if (!(w > 0)) return 0
  if (w <= 1) return look.alone * w
  const rise = (Math.log(w) / Math.log(look.full)) ** OPACITY_CURVE
  return Math.min(OPACITY_MAX, look.alone + (OPACITY_MAX - look.alone) * rise)
}

/** Saturation of summed colours where the density is full; sums of many colours are duller than each of them. */
const VIVID = 1.25

/** Factor on the distance of a summed colour from its grey, 1 for a single point. */
export function vividness(w: number, look: Appearance): number {
  return w <= 1 ? 1 : 1 + (VIVID - 1) * Math.min(1, Math.log(w) / Math.log(look.full))
}

/** The same in GLSL ES 3.00. */
export const OPACITY_GLSL = `
float opacity(float w, float alone, float full) {
  if (w <= 1.0) return alone * w;
  float rise = pow(log(w) / log(full), ${OPACITY_CURVE.toFixed(3)});
  return min(${OPACITY_MAX.toFixed(3)}, alone + (${OPACITY_MAX.toFixed(3)} - alone) * rise);
}
vec3 vivid(vec3 colour, float w, float full) {
  float grey = dot(colour, vec3(0.3, 0.59, 0.11));
  float factor = w <= 1.0 ? 1.0 : 1.0 + ${(VIVID - 1).toFixed(3)} * min(1.0, log(w) / log(full));
  return clamp(grey + (colour - grey) * factor, 0.0, 1.0);
}`

/** Coverage of a pixel at `distance` from the centre of a point: 1 inside, a soft edge of one and a half pixels. */
export function coverage(distance: number, radius: number): number {
  const t = Math.min(1, Math.max(0, (radius + 0.75 - distance) / 1.5))
  return t * t * (3 - 2 * t)
}
