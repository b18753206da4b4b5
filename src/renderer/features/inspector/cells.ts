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

export function readCell(type: ColumnType, text: string): Read {
  const typed = text.trim()
  switch (type) {
    case 'text':
      return { value: text }
    case 'int': {
      if (!/^[+-]?\d+$/.test(typed)) return { problem: 'A whole number, such as 42.' }
      const value = Number(typed)
      return Number.isSafeInteger(value)
        ? { value }
        : { problem: 'Whole numbers can be typed up to 9,007,199,254,740,991.' }
    }
    case 'float': {
      const value = typed === '' ? Number.NaN : Number(typed)
      return Number.isFinite(value) ? { value } : { problem: 'A number, such as 0.25.' }
    }
    case 'timestamp':
      return Number.isNaN(Date.parse(typed)) || !/^\d{4}-\d{2}-\d{2}/.test(typed)
        ? { problem: 'A date, or a date and time, such as 2026-11-25T14:02:00Z.' }
        : { value: typed }
    case 'bool':
      if (typed === 'true' || typed === 'false') return { value: typed === 'true' }
      return { problem: 'true or false.' }
    default:
      return { problem: `Values of the type ${type} cannot be typed here.` }
  }
}
