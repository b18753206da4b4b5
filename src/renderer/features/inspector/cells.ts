import type { Cell, CollectionInfo, ColumnType } from '../../../contract/index.ts'
import type { NewCell } from '../../state/changes.ts'

/** From what a person types into a field to the value of a cell, by the column's type. */

export type Read = { value: NewCell } | { problem: string }

/** Types whose cells can be typed in one go. */
const TYPED: ReadonlySet<ColumnType> = new Set<ColumnType>(['bool', 'int', 'float', 'text', 'timestamp'])

/** The type of a column whose cells can be changed; null for ids, vectors, and what is no column. */
export function editableType(collection: CollectionInfo, column: string): ColumnType | null {
  if (column === collection.id.column) return null
  const type = collection.columns.find((one) => one.name === column)?.type
  return type !== undefined && TYPED.has(type) ? type : null
}

/** What stands in the field at first. */
export function typedText(value: Cell): string {
  return value === null || typeof value === 'object' ? '' : String(value)
}

const INT_MIN = -(2n ** 63n)
const INT_MAX = 2n ** 63n - 1n
const TIME = /^(\d{4}-\d\d-\d\d)(?:[ T](\d\d:\d\d)(:\d\d(?:\.\d+)?)?\s*(Z|[+-]\d\d:?\d\d)?)?$/i

/** A date, or a date and time, with a space or a T between and seconds or not, as ISO 8601. */
function readTime(typed: string): Read {
  const [, date, minutes, seconds = ':00', zone = ''] = TIME.exec(typed) ?? []
  const value = minutes === undefined ? date : `${date}T${minutes}${seconds}${zone.toUpperCase()}`
  if (value === undefined || Number.isNaN(Date.parse(value))) {
    return { problem: 'A date, or a date and time, such as 2026-11-25 14:02.' }
  }
  return { value }
}

export function readCell(type: ColumnType, text: string): Read {
  const typed = text.trim()
  switch (type) {
    case 'text':
      return { value: text }
    case 'int': {
      if (!/^-?\d+$/.test(typed)) return { problem: 'A whole number, such as 42.' }
      if (BigInt(typed) < INT_MIN || BigInt(typed) > INT_MAX) return { problem: 'A whole number of 64 bits.' }
      const value = Number(typed)
      // Outside the safe range a whole number travels as its decimal text.
      return { value: Number.isSafeInteger(value) ? value : BigInt(typed).toString() }
    }
    case 'float': {
      const value = typed === '' ? Number.NaN : Number(typed)
      return Number.isFinite(value) ? { value } : { problem: 'A number, such as 0.25.' }
    }
    case 'timestamp':
      return readTime(typed)
    case 'bool':
      if (typed === 'true' || typed === 'false') return { value: typed === 'true' }
      return { problem: 'true or false.' }
    default:
      return { problem: `Values of the type ${type} cannot be typed here.` }
  }
}
