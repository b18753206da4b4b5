import type { Grid } from './grid.ts'
import type { View } from './view.ts'

/** Labels on the map: which points deserve one, and where text fits without touching other text. */

/** Size of a tile on the screen that may name one point, CSS pixels; between half and all of it, by zoom. */
const TILE = 118
/** Sub-tiles per axis in which a tile's densest spot is looked for. */
const SPOTS = 4

/** A tile with less than this part of the fullest tile's points is not worth a name. */
const LONELY = 0.015
/** Outward search for a place: distance between rings, CSS pixels, and places on each. */
const RING_STEP = 16
const DIRECTIONS = 12

export interface Candidate {
  /** Index of the point. */
  index: number
  /** Points in its tile. */
  weight: number
}

/**
 * Points that stand for their surroundings, weightiest first: of each tile of the plane, the point with the lowest
 * rank in the tile's densest spot. Tiles are fixed to the world and halve with the zoom, so names stay put while the
 * map is panned. `rank` orders the points of a spot (files often begin with what matters most).
 */
export function representatives(
  grid: Grid,
  xy: Float32Array,
  view: View,
  most: number,
  rank: (index: number) => number,
  eligible?: (index: number) => boolean,
): Candidate[] {
  const size = 2 ** Math.round(Math.log2(TILE / view.scale))
  const spot = size / SPOTS
  const halfX = view.width / 2 / view.scale
  const halfY = view.height / 2 / view.scale
  const tileX0 = Math.floor((view.x - halfX) / size)
  const tileX1 = Math.floor((view.x + halfX) / size)
  const tileY0 = Math.floor((view.y - halfY) / size)
  const tileY1 = Math.floor((view.y + halfY) / size)
  const columns = tileX1 - tileX0 + 1
  const tiles = columns * (tileY1 - tileY0 + 1)
  if (!(tiles > 0 && tiles < 10_000)) return []
  const counts = new Uint32Array(tiles * SPOTS * SPOTS)
  const firsts = new Int32Array(counts.length).fill(-1)
  const { bounds } = grid
  const clamp = (value: number, last: number): number => Math.min(last, Math.max(0, Math.floor(value)))
  const column0 = clamp((tileX0 * size - bounds.minX) / grid.cellX, grid.columns - 1)
  const column1 = clamp(((tileX1 + 1) * size - bounds.minX) / grid.cellX, grid.columns - 1)
  const line0 = clamp((tileY0 * size - bounds.minY) / grid.cellY, grid.lines - 1)
  const line1 = clamp(((tileY1 + 1) * size - bounds.minY) / grid.cellY, grid.lines - 1)
  for (let line = line0; line <= line1; line++) {
    const to = grid.starts[line * grid.columns + column1 + 1] as number
    for (let at = grid.starts[line * grid.columns + column0] as number; at < to; at++) {
      const index = grid.order[at] as number
      if (eligible && !eligible(index)) continue
      const spotX = Math.floor((xy[2 * index] as number) / spot) - tileX0 * SPOTS
      const spotY = Math.floor((xy[2 * index + 1] as number) / spot) - tileY0 * SPOTS
      if (spotX < 0 || spotY < 0 || spotX >= columns * SPOTS) continue
      const tile = ((spotY / SPOTS) | 0) * columns + ((spotX / SPOTS) | 0)
      if (tile >= tiles) continue
      const slot = tile * SPOTS * SPOTS + (spotY % SPOTS) * SPOTS + (spotX % SPOTS)
      counts[slot] = (counts[slot] as number) + 1
      const first = firsts[slot] as number
      if (first < 0 || rank(index) < rank(first)) firsts[slot] = index
    }
  }
  const found: Candidate[] = []
  for (let tile = 0; tile < tiles; tile++) {
    let weight = 0
    let best = -1
    for (let slot = tile * SPOTS * SPOTS; slot < (tile + 1) * SPOTS * SPOTS; slot++) {
      weight += counts[slot] as number
      if ((counts[slot] as number) > 0 && (best < 0 || (counts[slot] as number) > (counts[best] as number)))
        best = slot
    }
    if (best >= 0) found.push({ index: firsts[best] as number, weight })
  }
  found.sort((a, b) => b.weight - a.weight || a.index - b.index)
  const least = (found[0]?.weight ?? 0) * LONELY
  return found.filter(({ weight }) => weight >= least).slice(0, most)
}

export interface Box {
  x: number
  y: number
  width: number
  height: number
}

export interface LabelRequest {
  /** Place of the point on the screen. */
  x: number
  y: number
  width: number
  height: number
  /** Distance to keep from the point's centre. */
  offset: number
  /** Whether the label lies on the point itself. */
  centred: boolean
  /** Further places that are tried outwards, with room for a line to the point; 0 for none. */
  rings: number
}

/**
 * Gives each label, in order of importance, the first place where it touches nothing that is already there and does
 * not leave the drawing; null where there is none. `taken` are places that are in use from the start.
 */
export function placeLabels(
  requests: readonly LabelRequest[],
  width: number,
  height: number,
  taken: readonly Box[] = [],
): (Box | null)[] {
  const boxes: Box[] = [...taken]
  return requests.map((request) => {
    for (const box of places(request)) {
      if (box.x < 2 || box.y < 2 || box.x + box.width > width - 2 || box.y + box.height > height - 2) continue
      if (boxes.some((other) => overlaps(box, other))) continue
      boxes.push(box)
      return box
    }
    return null
  })
}

export function overlaps(a: Box, b: Box): boolean {
  return a.x < b.x + b.width && b.x < a.x + a.width && a.y < b.y + b.height && b.y < a.y + a.height
}

function places({ x, y, width, height, offset, centred, rings }: LabelRequest): Box[] {
  const at = (left: number, top: number): Box => ({ x: left, y: top, width, height })
  if (centred) return [at(x - width / 2, y - height / 2)]
  const near = [
    at(x + offset, y - height / 2),
    at(x - offset - width, y - height / 2),
    at(x - width / 2, y - offset - height),
    at(x - width / 2, y + offset),
    at(x + offset * 0.7, y - offset * 0.7 - height),
    at(x + offset * 0.7, y + offset * 0.7),
    at(x - offset * 0.7 - width, y - offset * 0.7 - height),
    at(x - offset * 0.7 - width, y + offset * 0.7),
  ]
  for (let ring = 1; ring <= rings; ring++) {
    const reach = offset + ring * RING_STEP
    for (let i = 0; i < DIRECTIONS; i++) {
      const angle = (i / DIRECTIONS) * 2 * Math.PI
      const cos = Math.cos(angle)
      // The side that faces the point lies on the ring.
      near.push(at(x + cos * reach - (cos < 0 ? width : 0), y + Math.sin(angle) * reach - height / 2))
    }
  }
  return near
}
