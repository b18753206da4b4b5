import { AppError, type Cell, type Hit, type Id, type SearchResult } from '../../contract/index.ts'
import type { NativeStore } from '../addon.ts'
import type { Handlers } from '../context.ts'
import { nativeName } from '../names.ts'

interface NativeSearch {
  count: number
  plan: SearchResult['plan']
  ef: number
  scored: number
  ids: Id[]
  columns: string[]
  cells: Cell[][]
}

const EMPTY = new Float32Array(0)

export const searchOperations: Handlers<'search.run'> = {
  'search.run': ({ store, query, vector: column, k, ef, exact, filter, ...target }, { sessions }) => {
    const { native } = sessions.get(store)
    const collection = nativeName(target)
    const started = performance.now()
    const like =
      query.by === 'vector' ? null : query.by === 'row' ? query.row : rowOf(native, target, query.id)
    const vector =
      query.by !== 'vector'
        ? EMPTY
        : query.vector instanceof Float32Array
          ? query.vector
          : Float32Array.from(query.vector)
    const rows = new Uint32Array(k)
    const distances = new Float32Array(k)
    const request = JSON.stringify({ like, vector: column, k, ef, exact, filter })
    const found = JSON.parse(native.search(collection, request, vector, rows, distances)) as NativeSearch
    const hits: Hit[] = []
    for (let rank = 0; rank < found.count; rank++) {
      const cells = found.cells[rank] ?? []
      hits.push({
        row: rows[rank] as number,
        id: found.ids[rank] as Id,
        distance: distances[rank] as number,
        fields: Object.fromEntries(found.columns.map((name, column) => [name, cells[column] ?? null])),
      })
    }
    const tookMs = performance.now() - started
    return { hits, tookMs, plan: found.plan, ef: found.ef, distances: found.scored }
  },
}

function rowOf(native: NativeStore, target: { collection: string; before?: number }, id: Id): number {
  const row = native.rowOf(nativeName(target), JSON.stringify(id))
  if (row === null) {
    const shown = String(id).slice(0, 80)
    throw new AppError({
      code: 'UNKNOWN_ID',
      message: `No row of collection "${target.collection}" has the id ${JSON.stringify(shown)}.`,
      remedy: 'Check the spelling; ids are compared letter by letter.',
      detail: { id: shown },
    })
  }
  return row
}
