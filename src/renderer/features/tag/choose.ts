import { type CollectionInfo, LIMITS } from '../../../contract/index.ts'
import type { Suggestion } from '../../ui/Suggest.tsx'

/** Which column a tag goes to. */

const FIRST = 'tag'

/** Text columns that can be set: not the id. */
export function tagColumns(collection: CollectionInfo): Suggestion[] {
  return collection.columns
    .filter(({ name, type }) => type === 'text' && name !== collection.id.column)
    .map(({ name }) => ({ value: name }))
}

/** What is wrong with a column's name for a tag; null if nothing is. */
export function columnProblem(collection: CollectionInfo, name: string): string | null {
  if (name === '') return 'Type the name of a column.'
  if (name.length > LIMITS.nameCharsMax) return `A name has at most ${LIMITS.nameCharsMax} characters.`
  if (name === collection.id.column) return `${name} holds the ids; they cannot be changed.`
  if (collection.vectors.some((vector) => vector.name === name)) return `${name} holds the vectors.`
  const column = collection.columns.find((one) => one.name === name)
  return !column || column.type === 'text' ? null : `${name} holds values of the type ${column.type}.`
}

/** Where tags went last in this collection, else "tag". */
export function firstColumn(collection: CollectionInfo, last: string | null): string {
  return last !== null && columnProblem(collection, last) === null ? last : FIRST
}

let remembered: string | null = null

export function lastColumn(): string | null {
  return remembered
}

export function rememberColumn(name: string): void {
  remembered = name
}
