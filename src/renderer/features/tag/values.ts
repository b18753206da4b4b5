import { engine } from '../../client/engine.ts'
import { liveQuery, queryClient, type Source, target } from '../../client/queries.ts'
import { count } from '../../ui/format.ts'
import type { Suggestion } from '../../ui/Suggest.tsx'

/** The commonest values of a text column, with the rows that have them. */
export async function valuesOf(source: Source, column: string): Promise<Suggestion[]> {
  const rows = await queryClient.fetchQuery(liveQuery(source))
  const values = await engine.call('column.values', {
    ...target(source),
    column,
    rows: rows as Uint32Array<ArrayBuffer>,
  })
  if (values.kind !== 'category') return []
  return values.labels.map(({ label, count: rows }) => ({ value: label, hint: count(rows) }))
}
