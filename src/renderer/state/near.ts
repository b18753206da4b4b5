import type { CollectionInfo, Hit, Id, VectorInfo } from '../../contract/index.ts'
import { brief, cell, measure } from '../ui/format.ts'
import { norm, parseVector } from '../ui/vector.ts'
import type { Near } from './view.ts'

/** What a person typed into the Near field, before the engine is asked. */
export type Typed =
  | { kind: 'near'; near: Near }
  /** No id can look like this; it may be the text of a column. */
  | { kind: 'text'; column: string; text: string }
  | { kind: 'error'; message: string }

/** The column whose text names a row best: a text id, else the first text column, else none. */
export function labelColumn(collection: CollectionInfo): string | null {
  if (collection.id.type === 'text') return collection.id.column
  return collection.columns.find((c) => c.type === 'text')?.name ?? null
}

export function vectorNear(vector: Float32Array): Near {
  return { by: 'vector', vector, label: `vector, norm ${measure(norm(vector))}` }
}

/** The vector column of that name; the first for null. */
export function vectorColumn(collection: CollectionInfo, name: string | null): VectorInfo | undefined {
  return collection.vectors.find((vector) => vector.name === name) ?? collection.vectors[0]
}

/**
 * Reads an id or a vector of that dimension. Whole numbers are ids where ids are numbers, and row numbers where rows
 * have no ids.
 */
export function readNear(text: string, collection: CollectionInfo, dimension: number | null): Typed {
  const parsed = parseVector(text, dimension)
  if (parsed.kind === 'error') return parsed
  if (parsed.kind === 'vector') return { kind: 'near', near: vectorNear(parsed.vector) }
  const id = text.trim()
  if (id === '') return { kind: 'error', message: 'Type an id, or paste a vector.' }
  if (collection.id.type === 'text') return { kind: 'near', near: { by: 'id', id, label: id } }
  if (/^-?\d+$/.test(id)) {
    const number = Number(id)
    if (collection.id.type === 'rownumber') {
      if (number < 0 || number > 0xffff_ffff) return { kind: 'error', message: `There is no row ${id}.` }
      return { kind: 'near', near: { by: 'row', row: number, label: `row ${id}` } }
    }
    // Outside the safe range an id travels as its decimal text.
    return { kind: 'near', near: { by: 'id', id: Number.isSafeInteger(number) ? number : id, label: id } }
  }
  const column = labelColumn(collection)
  if (column !== null) return { kind: 'text', column, text: id }
  return {
    kind: 'error',
    message: `“${brief(id)}” is not an id: the ids of this collection are whole numbers.`,
  }
}

/** `"column" = 'text'` in the filter's SQL, quotes doubled. */
export function equals(column: string, value: string | number): string {
  const name = `"${column.replaceAll('"', '""')}"`
  return `${name} = ${typeof value === 'number' ? value : `'${value.replaceAll("'", "''")}'`}`
}

/** How a row is named in lists and chips. */
export function rowLabel(row: { id: Id; fields: Hit['fields'] }, collection: CollectionInfo): string {
  const column = labelColumn(collection)
  if (column === null || column === collection.id.column) return String(row.id)
  const text = cell(row.fields[column] ?? null)
  return text === '' ? String(row.id) : text
}

/** Names of all things a search is near to, as one phrase. */
export function nearLabel(near: readonly Near[]): string {
  if (near.length <= 1) return near[0]?.label ?? ''
  return near.length === 2
    ? `${near[0]?.label} and ${near[1]?.label}`
    : `${near[0]?.label} and ${near.length - 1} more`
}
