import { insidePolygon } from './polygon.ts'
import { type Bounds, boundsOf } from './view.ts'

/** Points that a cell holds on average; fewer cost memory, more cost time per question. */
const POINTS_PER_CELL = 4
const CELLS_PER_SIDE_MAX = 1_024

/**
 * A uniform grid over the points: `order` lists their indices cell by cell (rows of cells upwards, cells left to
 * right, indices ascending within a cell), and cell c holds order[starts[c]] to order[starts[c + 1] - 1]. Points
 * that are not finite are in no cell. Plain data, so that a worker can build it.
 */
export interface Grid {
  readonly bounds: Bounds
  readonly columns: number
  readonly lines: number
  /** World size of one cell, above 0. */
  readonly cellX: number
  readonly cellY: number
  readonly starts: Uint32Array
  readonly order: Uint32Array
}

export function buildGrid(xy: Float32Array): Grid {
  const count = xy.length >> 1
  const bounds = boundsOf(xy) ?? { minX: 0, minY: 0, maxX: 0, maxY: 0 }
  const spanX = Math.max(bounds.maxX - bounds.minX, 1e-30)
  const spanY = Math.max(bounds.maxY - bounds.minY, 1e-30)
  const cells = Math.max(1, count / POINTS_PER_CELL)
  const side = (ratio: number): number =>
    Math.max(1, Math.min(CELLS_PER_SIDE_MAX, Math.round(Math.sqrt(cells * ratio)) || 1))
  const columns = side(spanX / spanY)
  const lines = side(spanY / spanX)
  const cellX = spanX / columns
  const cellY = spanY / lines
  const starts = new Uint32Array(columns * lines + 1)
  const cellOf = new Int32Array(count)
  for (let i = 0; i < count; i++) {
    const x = xy[2 * i] as number
    const y = xy[2 * i + 1] as number
    if (x - x !== 0 || y - y !== 0) {
      cellOf[i] = -1
      continue
    }
    const column = Math.min(columns - 1, ((x - bounds.minX) / cellX) | 0)
    const line = Math.min(lines - 1, ((y - bounds.minY) / cellY) | 0)
    const cell = line * columns + column
    cellOf[i] = cell
    starts[cell + 1] = (starts[cell + 1] as number) + 1
  }
  for (let c = 1; c < starts.length; c++) starts[c] = (starts[c] as number) + (starts[c - 1] as number)
  const order = new Uint32Array(starts[starts.length - 1] as number)
  const next = starts.slice(0, -1)
  for (let i = 0; i < count; i++) {
    const cell = cellOf[i] as number
    if (cell < 0) continue
    const at = next[cell] as number
    order[at] = i
    next[cell] = at + 1
  }
  return { bounds, columns, lines, cellX, cellY, starts, order }
}

/** Cells that a world box touches, inclusive; null if it misses the grid. */
export function cellRange(
  grid: Grid,
  box: Bounds,
): { column0: number; column1: number; line0: number; line1: number } | null {
  const { bounds } = grid
  if (!(box.maxX >= bounds.minX && box.minX <= bounds.maxX)) return null
  if (!(box.maxY >= bounds.minY && box.minY <= bounds.maxY)) return null
  const clamp = (value: number, most: number): number => Math.min(most, Math.max(0, Math.floor(value)))
  return {
    column0: clamp((box.minX - bounds.minX) / grid.cellX, grid.columns - 1),
    column1: clamp((box.maxX - bounds.minX) / grid.cellX, grid.columns - 1),
    line0: clamp((box.minY - bounds.minY) / grid.cellY, grid.lines - 1),
    line1: clamp((box.maxY - bounds.minY) / grid.cellY, grid.lines - 1),
  }
}

/**
 * Index of the point nearest to a world point, at most `reach` world units away; -1 if there is none. `bonus`, in
 * world units, is taken off the distance of points that should win near ties (selected ones over grey ones).
 */
export function nearest(
  grid: Grid,
  xy: Float32Array,
  x: number,
  y: number,
  reach: number,
  bonus?: (index: number) => number,
): number {
  const range = cellRange(grid, { minX: x - reach, minY: y - reach, maxX: x + reach, maxY: y + reach })
  if (!range) return -1
  let best = -1
  let bestScore = Number.POSITIVE_INFINITY
  for (let line = range.line0; line <= range.line1; line++) {
    const from = grid.starts[line * grid.columns + range.column0] as number
    const to = grid.starts[line * grid.columns + range.column1 + 1] as number
    for (let at = from; at < to; at++) {
      const index = grid.order[at] as number
      const dx = (xy[2 * index] as number) - x
      const dy = (xy[2 * index + 1] as number) - y
      const distance = Math.sqrt(dx * dx + dy * dy)
      if (distance > reach) continue
      const score = bonus ? distance - bonus(index) : distance
      if (score < bestScore) {
        bestScore = score
        best = index
      }
    }
  }
  return best
}

/** Indices of the points inside a world polygon, ascending. */
export function lasso(grid: Grid, xy: Float32Array, polygon: ArrayLike<number>): Uint32Array {
  if (polygon.length < 6) return new Uint32Array(0)
  const box = boundsOf(Float32Array.from(polygon))
  const range = box && cellRange(grid, box)
  if (!range) return new Uint32Array(0)
  const { column0, column1, line0, line1 } = range
  const columns = column1 - column0 + 1
  // Only cells that an edge may cross need a test per point; one test decides for each of the others.
  const crossed = new Uint8Array(columns * (line1 - line0 + 1))
  const n = polygon.length
  for (let i = 0; i + 1 < n; i += 2) {
    const j = (i + n - 2) % n
    const edge = boundsOf(
      Float32Array.of(
        polygon[i] as number,
        polygon[i + 1] as number,
        polygon[j] as number,
        polygon[j + 1] as number,
      ),
    )
    const cells = edge && cellRange(grid, edge)
    if (!cells) continue
    for (let line = cells.line0; line <= cells.line1; line++) {
      const base = (line - line0) * columns - column0
      crossed.fill(1, base + cells.column0, base + cells.column1 + 1)
    }
  }
  const found = new Uint32Array(grid.order.length)
  let count = 0
  for (let line = line0; line <= line1; line++) {
    for (let column = column0; column <= column1; column++) {
      const cell = line * grid.columns + column
      const from = grid.starts[cell] as number
      const to = grid.starts[cell + 1] as number
      if (from === to) continue
      const each = crossed[(line - line0) * columns + column - column0] === 1
      if (!each) {
        const midX = grid.bounds.minX + (column + 0.5) * grid.cellX
        const midY = grid.bounds.minY + (line + 0.5) * grid.cellY
        if (!insidePolygon(polygon, midX, midY)) continue
      }
      for (let at = from; at < to; at++) {
        const index = grid.order[at] as number
        if (each && !insidePolygon(polygon, xy[2 * index] as number, xy[2 * index + 1] as number)) continue
        found[count++] = index
      }
    }
  }
  return found.slice(0, count).sort()
}
