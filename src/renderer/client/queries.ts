import { QueryClient, queryOptions } from '@tanstack/react-query'
import type { SortKey } from '../../contract/index.ts'
import { engine } from './engine.ts'

/**
 * Engine data by query key. Keys of a collection's data begin with ['data', store, collection, revision, before]: a
 * change of the store asks again, and what stands on the screen stays until the answer is there.
 */

/** Rows of one page of the table. */
export const PAGE_ROWS = 200

export const queryClient = new QueryClient({
  defaultOptions: {
    queries: {
      // The engine is on this machine: an error is an answer, not a bad connection, and nothing goes stale unnoticed.
      retry: false,
      networkMode: 'always',
      refetchOnWindowFocus: false,
      refetchOnReconnect: false,
      staleTime: Number.POSITIVE_INFINITY,
      gcTime: 60_000,
    },
  },
})

/** Which data a query is about. */
export interface Source {
  store: string
  collection: string
  revision: number
  /** Number of a change: the collection as it was before it. Absent: as it is. */
  before?: number
}

/** What a read is about, as the engine wants it. */
export function target({ store, collection, before }: Source): {
  store: string
  collection: string
  before?: number
} {
  return before === undefined ? { store, collection } : { store, collection, before }
}

function key({ store, collection, revision, before }: Source) {
  return ['data', store, collection, revision, before ?? 'now'] as const
}

export function pageQuery(source: Source, filter: string, sort: SortKey[], page: number) {
  return queryOptions({
    queryKey: [...key(source), 'page', filter, sort, page],
    queryFn: () =>
      engine.call('table.page', {
        ...target(source),
        filter,
        sort,
        offset: page * PAGE_ROWS,
        limit: PAGE_ROWS,
      }),
  })
}

export function rowQuery(source: Source, row: number) {
  return queryOptions({
    queryKey: [...key(source), 'row', row],
    queryFn: () => engine.call('row.get', { ...target(source), row }),
  })
}

/** Numbers of all rows that are there, ascending. */
export function liveQuery(source: Source) {
  return queryOptions({
    queryKey: [...key(source), 'live'],
    queryFn: () => engine.call('filter.rows', { ...target(source), filter: '' }),
    gcTime: 10_000,
  })
}

export function checkQuery(source: Source, filter: string) {
  return queryOptions({
    queryKey: [...key(source), 'check', filter],
    queryFn: () => engine.call('filter.check', { ...target(source), filter }),
    gcTime: 5_000,
  })
}

export function previewQuery(grant: string) {
  return queryOptions({
    queryKey: ['preview', grant],
    queryFn: () => engine.call('import.preview', { grant }),
    gcTime: 0,
  })
}
