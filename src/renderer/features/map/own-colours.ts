import { type ColumnValues, NOT_JUDGED } from '../../../contract/index.ts'
import { categoryPalette, type NumberScale, numberCodes, numberPalette } from '../../gl/palette.ts'
import { KEPT, MOVED, PLACED, SHARED } from '../../state/view.ts'
import type { Moves } from './beside.ts'
import type { Colouring, Picture } from './data.ts'

/** Colours by what a map itself is: how true, what came later, what moved. */

const OWN = new Set([KEPT, PLACED, MOVED, SHARED])
/** Of how far rows moved, the share that has a colour of its own; the farthest share one. */
const NEARER = 0.98

/** Whether it is none of the columns. */
export const isOwn = (by: string | null): boolean => by !== null && OWN.has(by)

/** Null where the map does not say. */
export function ownColouring(
  by: string | null,
  picture: Picture,
  k: number,
  moves: Moves | null,
): Colouring | null {
  const { rows, kept, placed } = picture
  if (by === KEPT && kept) {
    const values = Float32Array.from(kept, (count) => (count === NOT_JUDGED ? Number.NaN : count / k))
    return numbers('neighbours kept', values, 1)
  }
  if (by === PLACED && placed) return placedColouring(placed)
  if (!moves) return null
  const of = (value: (at: number) => number): Float32Array =>
    Float32Array.from(rows, (row) => {
      const at = moves.indexOf(row)
      return at < 0 ? Number.NaN : value(at)
    })
  const { found } = moves
  if (by === MOVED) {
    const values = of((at) => found.moved[at] as number)
    const sorted = values.filter((value) => !Number.isNaN(value)).sort()
    const max = sorted[Math.floor((sorted.length - 1) * NEARER)] ?? 0
    return numbers(`moved against ${moves.with}`, values, max > 0 ? max : 1)
  }
  if (by === SHARED && found.k > 0) {
    return numbers(
      `neighbours shared with ${moves.with}`,
      of((at) => (found.kept[at] as number) / found.k),
      1,
    )
  }
  return null
}

function numbers(column: string, values: Float32Array, max: number): Colouring {
  const nulls = values.reduce((sum, value) => sum + Number(Number.isNaN(value)), 0)
  const scale: NumberScale = { kind: 'linear', min: 0, max }
  const told: ColumnValues = { kind: 'number', values, min: 0, max, offset: 0, nulls }
  return { column, codes: numberCodes(values, scale), palette: numberPalette(), values: told, scale }
}

function placedColouring(placed: Uint8Array): Colouring {
  const later = placed.reduce((sum, mark) => sum + mark, 0)
  const labels = [
    { label: 'laid out', count: placed.length - later },
    { label: 'placed later', count: later },
  ]
  const values: ColumnValues = { kind: 'category', codes: placed, labels, others: 0, nulls: 0 }
  return { column: 'placed later', codes: placed, palette: categoryPalette(), values, scale: null }
}
