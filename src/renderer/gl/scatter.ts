import type { Grid } from './grid.ts'
import type { Rgb } from './palette.ts'
import { RasterScatter } from './raster-scatter.ts'
import type { View } from './view.ts'
import { openWebGl, WebGlScatter } from './webgl-scatter.ts'

/**
 * A drawing of many points: typed arrays in, pixels out. It knows positions, colour codes and states, and nothing of
 * rows, columns or stores. Two backends draw comparable pictures.
 */
export interface Scatter {
  readonly kind: ScatterKind
  /** Index over the points as they were last set; null while it is being built. */
  readonly grid: Grid | null
  readonly xy: Float32Array
  /** x0, y0, x1, y1, …; not copied, not to be changed afterwards. With `tweenMs` points travel there. */
  setPoints(xy: Float32Array, tweenMs: number): void
  /** A code per point into a palette of 256 colours, three bytes each; null: code 0 for all. */
  setColours(codes: Uint8Array | null, palette: Uint8Array): void
  /** DIMMED, NORMAL or SELECTED per point; null: all normal. */
  setStates(states: Uint8Array | null): void
  /** Colour of dimmed points. */
  setDim(colour: Rgb): void
  /** Where the drawing stands, its size in CSS pixels, and device pixels per CSS pixel. */
  setView(view: View, ratio: number): void
  /** Index of the point at a place on the screen, or -1; `reach`: how far off it may be. CSS pixels. */
  pick(x: number, y: number, reach?: number): number
  /** Indices of the points in a polygon on the screen (CSS pixels), ascending. */
  lasso(polygon: readonly number[]): Promise<Uint32Array>
  /** Where a point is seen now, world coordinates; it may be on its way. Null if it is nowhere. */
  placeOf(index: number): { x: number; y: number } | null
  /** Whether points are on their way. */
  readonly moving: boolean
  /** Radius at which points are drawn now, CSS pixels. */
  radius(): number
  destroy(): void
}

export type ScatterKind = 'webgl2' | 'raster'

export interface ScatterEvents {
  /** A picture stands: the view it shows, and what the drawing took, ms. */
  drawn?: (view: View, took: number) => void
  /** The index is ready. */
  indexed?: () => void
  /** The drawing was lost (a GPU reset); make another, with `raster`. */
  lost?: () => void
}

/** Overrides the choice of the backend, for tests and for machines whose GPU lies: 'webgl2' or 'raster'. */
export const RENDERER_KEY = 'omendb.renderer'

/** Makes a scatter that draws into `host`, which has to be positioned. */
export function createScatter(
  host: HTMLElement,
  events: ScatterEvents = {},
  wanted: ScatterKind | null = storedKind(),
): Scatter {
  if (wanted !== 'raster') {
    const canvas = host.ownerDocument.createElement('canvas')
    const gl = openWebGl(canvas, wanted === 'webgl2')
    if (gl) return new WebGlScatter(host, canvas, gl, events)
  }
  return new RasterScatter(host, events)
}

function storedKind(): ScatterKind | null {
  try {
    const kind = localStorage.getItem(RENDERER_KEY)
    return kind === 'webgl2' || kind === 'raster' ? kind : null
  } catch {
    return null
  }
}
