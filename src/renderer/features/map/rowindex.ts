/** From row numbers to places on the map, and the states that follow from what is selected, found and filtered. */

import { DIMMED, NORMAL, SELECTED } from '../../gl/raster.ts'

/** Index of a row on the map, or -1. */
export type RowIndex = (row: number) => number

/** Ascending rows are searched; others are listed. */
export function rowIndex(rows: Uint32Array): RowIndex {
  let ascending = true
  for (let i = 1; i < rows.length && ascending; i++) {
    ascending = (rows[i - 1] as number) < (rows[i] as number)
  }
  if (!ascending) {
    const places = new Map<number, number>()
    for (let i = 0; i < rows.length; i++) places.set(rows[i] as number, i)
    return (row) => places.get(row) ?? -1
  }
  // Most often no row was ever deleted, and a row's number is its place.
  return (row) => {
    if (rows[row] === row) return row
    let low = 0
    let high = rows.length
    while (low < high) {
      const middle = (low + high) >>> 1
      if ((rows[middle] as number) < row) low = middle + 1
      else high = middle
    }
    return rows[low] === row ? low : -1
  }
}

export interface Focus {
  /** Rows of the applied filter; null: all. */
  matching: Uint32Array | null
  selection: Uint32Array
  hits: readonly number[]
}

/**
 * State per point. The filter greys what it leaves out; a selection of several rows, or hits, grey all else. Null: all
 * normal. One selected row alone greys nothing: its mark is enough.
 */
export function statesOf(count: number, indexOf: RowIndex, focus: Focus): Uint8Array | null {
  const { matching, selection, hits } = focus
  const strong = selection.length > 1 || hits.length > 0
  if (!matching && !strong) return null
  const states = new Uint8Array(count).fill(strong || matching ? DIMMED : NORMAL)
  const mark = (rows: ArrayLike<number>, state: number): void => {
    for (let i = 0; i < rows.length; i++) {
      const index = indexOf(rows[i] as number)
      if (index >= 0) states[index] = state
    }
  }
  if (matching && !strong) mark(matching, NORMAL)
  if (selection.length > 1) mark(selection, SELECTED)
  mark(hits, SELECTED)
  return states
}

/** Whether two maps hold the same rows in the same order, so that points can travel from one to the other. */
export function sameRows(a: Uint32Array, b: Uint32Array): boolean {
  return a === b || (a.length === b.length && a.every((row, i) => row === b[i]))
}

export interface MapPoints {
  rows: Uint32Array
  xy: Float32Array
  kept: Uint8Array | null
  placed: Uint8Array | null
}

/** The points whose rows are among `live` (ascending). The same arrays, if all are. */
export function onlyLive(points: MapPoints, live: Uint32Array): MapPoints {
  const { rows, xy, kept, placed } = points
  const isLive = rowIndex(live)
  let length = 0
  for (const row of rows) if (isLive(row) >= 0) length++
  if (length === rows.length) return points
  const left = {
    rows: new Uint32Array(length),
    xy: new Float32Array(length * 2),
    kept: kept && new Uint8Array(length),
    placed: placed && new Uint8Array(length),
  }
  let at = 0
  for (let i = 0; i < rows.length; i++) {
    if (isLive(rows[i] as number) < 0) continue
    left.rows[at] = rows[i] as number
    left.xy[at * 2] = xy[i * 2] as number
    left.xy[at * 2 + 1] = xy[i * 2 + 1] as number
    if (left.kept && kept) left.kept[at] = kept[i] as number
    if (left.placed && placed) left.placed[at] = placed[i] as number
    at++
  }
  return left
}
