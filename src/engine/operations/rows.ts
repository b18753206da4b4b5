import { AppError, type Cell, type Id } from '../../contract/index.ts'
import type { Handlers } from '../context.ts'
import { cellText } from './text.ts'

interface NativeRow {
  id: Id
  fields: Record<string, Cell>
  dimension: number
}

/** Numbers of one add across all its vectors: a gigabyte. */
const ADD_NUMBERS_MAX = 268_435_456

export const rowOperations: Handlers<
  | 'row.get'
  | 'row.find'
  | 'row.labels'
  | 'row.delete'
  | 'rows.add'
  | 'rows.addVectors'
  | 'rows.deleteIds'
  | 'column.values'
> = {
  'row.get': ({ store, collection, row }, { sessions }) => {
    const { native } = sessions.get(store)
    const { dimension, ...found } = JSON.parse(native.row(collection, row)) as NativeRow
    const vector = new Float32Array(dimension)
    native.vector(collection, row, vector)
    let squares = 0
    for (const value of vector) squares += value * value
    return { row, ...found, vector, norm: Math.sqrt(squares) }
  },

  'row.find': ({ store, collection, id }, { sessions }) =>
    sessions.get(store).native.rowOf(collection, JSON.stringify(id)),

  'row.labels': ({ store, collection, column, rows }, { sessions }) => {
    const cells = JSON.parse(sessions.get(store).native.cells(collection, column, rowNumbers(rows))) as Cell[]
    return cells.map(cellText)
  },

  'row.delete': async ({ store, collection, rows }, { sessions }) => ({
    deleted: await sessions.get(store).native.deleteRows(collection, rowNumbers(rows)),
  }),

  'rows.add': async ({ store, collection, rows }, { sessions }) => {
    const text = JSON.stringify(rows, (_, value: unknown) =>
      value instanceof Float32Array || value instanceof Float64Array
        ? Array.from(value)
        : typeof value === 'bigint'
          ? value.toString()
          : value,
    )
    return JSON.parse(await sessions.get(store).native.addRows(collection, text)) as {
      first: number
      count: number
    }
  },

  'rows.addVectors': async ({ store, collection, vectors, ids }, { sessions }) => {
    if (vectors.length > ADD_NUMBERS_MAX) {
      throw new AppError({
        code: 'LIMIT_EXCEEDED',
        message: `One call adds up to ${ADD_NUMBERS_MAX} numbers, and ${vectors.length} were given. Nothing was written.`,
        remedy: 'Add them in several calls.',
      })
    }
    return JSON.parse(
      await sessions.get(store).native.addVectors(collection, vectors, JSON.stringify(ids ?? null)),
    ) as { first: number; count: number }
  },

  'rows.deleteIds': async ({ store, collection, ids }, { sessions }) => ({
    deleted: await sessions.get(store).native.deleteIds(collection, JSON.stringify(ids)),
  }),

  'column.values': ({ store, collection, column, rows }, { sessions }) => {
    const codes = new Uint8Array(rows.length)
    const values = new Float32Array(rows.length)
    const found = JSON.parse(
      sessions.get(store).native.columnValues(collection, column, rows, codes, values),
    ) as
      | { kind: 'category'; labels: { label: string; count: number }[]; others: number; nulls: number }
      | { kind: 'number'; min: number; max: number; offset: number; nulls: number }
    return found.kind === 'category' ? { ...found, codes } : { ...found, values }
  },
}

function rowNumbers(rows: Uint32Array | number[]): Uint32Array {
  return rows instanceof Uint32Array ? rows : Uint32Array.from(rows)
}
