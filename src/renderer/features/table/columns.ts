import type { Cell, CollectionInfo, ColumnType, TablePage } from '../../../contract/index.ts'
import { cell } from '../../ui/format.ts'

/** Columns of the table: their order, their widths, and how wide they should be at first. */

export interface TableColumn {
  name: string
  type: ColumnType | 'id'
  numeric: boolean
  width: number
}

export const WIDTH_MIN = 56
export const WIDTH_MAX = 1_200
const FIRST_WIDTH_MAX = 320
const ID_WIDTH_MIN = 144
const EMPTY_WIDTH_MIN = 112
/** Pixels of a character of 13 px and of 12 px Inter, about; and of the cell's padding, with the sort mark above. */
const CHARACTER = 7
const HEAD_CHARACTER = 6.5
const PADDING = 22
const HEAD_PADDING = 36
/** Rows that a first width looks at. */
const LOOK_AT = 60

/** Widths that the person set, by column name. */
export type Widths = Record<string, number>

export function tableColumns(collection: CollectionInfo, page: TablePage, widths: Widths): TableColumn[] {
  return page.columns.map((name, at) => {
    const type = typeOf(collection, name)
    const numeric = type === 'int' || type === 'float' || (type === 'id' && collection.id.type !== 'text')
    return { name, type, numeric, width: widths[name] ?? firstWidth(name, at, page, type) }
  })
}

export function sameColumns(a: Pick<TablePage, 'columns'>, b: Pick<TablePage, 'columns'>): boolean {
  return a.columns.length === b.columns.length && a.columns.every((name, at) => name === b.columns[at])
}

function typeOf(collection: CollectionInfo, name: string): TableColumn['type'] {
  if (collection.id.column === name) return 'id'
  return collection.columns.find((column) => column.name === name)?.type ?? 'text'
}

function firstWidth(name: string, at: number, page: TablePage, type: TableColumn['type']): number {
  const lengths = page.cells
    .slice(0, LOOK_AT)
    .map((row) => shown(row[at] ?? null).length)
    .sort((a, b) => a - b)
  // One long text among many short ones does not widen the column.
  const most = lengths[Math.floor(lengths.length * 0.95)] ?? 0
  const wanted = Math.max(name.length * HEAD_CHARACTER + HEAD_PADDING, most * CHARACTER + PADDING)
  // The first rows of a sorted file may all be short: an id gets room for longer ones. So does a text that none has yet.
  const empty = type === 'text' && page.cells.slice(0, LOOK_AT).every((row) => (row[at] ?? null) === null)
  const least = type === 'id' ? ID_WIDTH_MIN : empty ? EMPTY_WIDTH_MIN : 72
  return Math.round(Math.min(FIRST_WIDTH_MAX, Math.max(least, wanted)))
}

/** Characters of a cell that are drawn; the rest shows on hover and in the inspector. */
const SHOWN_MAX = 300

/** A cell on one line, cut to what could ever fit. */
export function shown(value: Cell): string {
  const text = cell(value)
  return (text.length > SHOWN_MAX ? `${text.slice(0, SHOWN_MAX)}…` : text).replace(/\s+/g, ' ')
}

const PREFIX = 'omendb.widths:'

export function loadWidths(key: string): Widths {
  try {
    const parsed: unknown = JSON.parse(localStorage.getItem(PREFIX + key) ?? '{}')
    if (typeof parsed !== 'object' || parsed === null) return {}
    const pairs = Object.entries(parsed).filter(
      ([, width]) => typeof width === 'number' && width >= WIDTH_MIN && width <= WIDTH_MAX,
    )
    return Object.fromEntries(pairs)
  } catch {
    return {}
  }
}

export function saveWidths(key: string, widths: Widths): void {
  try {
    localStorage.setItem(PREFIX + key, JSON.stringify(widths))
  } catch {
    // Widths are a comfort; without room for them they last as long as the window.
  }
}
