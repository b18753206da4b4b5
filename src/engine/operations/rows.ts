import { AppError, type Cell, type Id } from '../../contract/index.ts'
import type { Handlers } from '../context.ts'
import { historyEntry, type NativeEntry } from '../info.ts'
import { nativeName } from '../names.ts'
import { cellText } from './text.ts'

interface NativeRow {
  id: Id
  fields: Record<string, Cell>
  vectors: { name: string; dimension: number }[]
}

/** Numbers of one add across all its vectors: a gigabyte. */
const ADD_NUMBERS_MAX = 268_435_456
/** Ids that are looked up before others get a turn. */
const FIND_AT_ONCE = 10_000

export const rowOperations: Handlers<
  | 'row.get'
  | 'row.find'
  | 'row.labels'
  | 'row.delete'
  | 'rows.add'
  | 'rows.addVectors'
  | 'rows.deleteIds'
  | 'rows.edit'
  | 'rows.find'
  | 'column.values'
> = {
  'row.get': ({ store, row, ...target }, { sessions }) => {
    const { native } = sessions.get(store)
    const collection = nativeName(target)
    const { vectors, ...found } = JSON.parse(native.row(collection, row)) as NativeRow
    return {
      row,
      ...found,
      vectors: vectors.map(({ name, dimension }, column) => {
        const vector = new Float32Array(dimension)
        native.vector(collection, row, column, vector)
        let squares = 0
        for (const value of vector) squares += value * value
        return { name, vector, norm: Math.sqrt(squares) }
      }),
    }
  },

  'row.find': ({ store, id, ...target }, { sessions }) =>
    sessions.get(store).native.rowOf(nativeName(target), JSON.stringify(id)),

  'rows.find': async ({ store, ids, ...target }, { sessions }) => {
    const collection = nativeName(target)
    const rows = new Uint32Array(ids.length)
    let found = 0
    for (const [index, id] of ids.entries()) {
      if (index % FIND_AT_ONCE === FIND_AT_ONCE - 1) await new Promise((resolve) => setImmediate(resolve))
      const row = sessions.get(store).native.rowOf(collection, JSON.stringify(id))
      if (row !== null) rows[found++] = row
    }
    return { rows: rows.slice(0, found) }
  },

  'row.labels': ({ store, column, rows, ...target }, { sessions }) => {
    const { native } = sessions.get(store)
    const cells = JSON.parse(native.cells(nativeName(target), column, rowNumbers(rows))) as Cell[]
    return cells.map(cellText)
  },

  'row.delete': async ({ store, rows, ...target }, { sessions }) => ({
    deleted: await sessions.toWrite(store).native.deleteRows(nativeName(target), rowNumbers(rows)),
  }),

  'rows.add': async ({ store, rows, ...target }, { sessions }) => {
    const text = JSON.stringify(rows, (_, value: unknown) =>
      value instanceof Float32Array || value instanceof Float64Array
        ? Array.from(value)
        : typeof value === 'bigint'
          ? value.toString()
          : value,
    )
    return JSON.parse(await sessions.toWrite(store).native.addRows(nativeName(target), text)) as {
      first: number
      count: number
    }
  },

  'rows.addVectors': async ({ store, vectors, ids, ...target }, { sessions }) => {
    if (vectors.length > ADD_NUMBERS_MAX) {
      throw new AppError({
        code: 'LIMIT_EXCEEDED',
        message: `One call adds up to ${ADD_NUMBERS_MAX} numbers, and ${vectors.length} were given. Nothing was written.`,
        remedy: 'Add them in several calls.',
      })
    }
    return JSON.parse(
      await sessions
        .toWrite(store)
        .native.addVectors(nativeName(target), vectors, JSON.stringify(ids ?? null)),
    ) as { first: number; count: number }
  },

  'rows.deleteIds': async ({ store, ids, ...target }, { sessions }) => ({
    deleted: await sessions.toWrite(store).native.deleteIds(nativeName(target), JSON.stringify(ids)),
  }),

  'rows.edit': async ({ store, rows, changes, note, ...target }, { sessions }) => {
    const { native } = sessions.toWrite(store)
    const edited = JSON.parse(
      await native.edit(nativeName(target), rowNumbers(rows), JSON.stringify(changes), note ?? null),
    ) as { changed: number; entry: NativeEntry | null }
    return { changed: edited.changed, entry: edited.entry && historyEntry(edited.entry) }
  },

  'column.values': ({ store, column, rows, ...target }, { sessions }) => {
    const codes = new Uint8Array(rows.length)
    const values = new Float32Array(rows.length)
    const found = JSON.parse(
      sessions.get(store).native.columnValues(nativeName(target), column, rows, codes, values),
    ) as
      | { kind: 'category'; labels: { label: string; count: number }[]; others: number; nulls: number }
      | { kind: 'number'; min: number; max: number; offset: number; nulls: number }
    return found.kind === 'category' ? { ...found, codes } : { ...found, values }
  },
}

function rowNumbers(rows: Uint32Array | number[]): Uint32Array {
  return rows instanceof Uint32Array ? rows : Uint32Array.from(rows)
}
