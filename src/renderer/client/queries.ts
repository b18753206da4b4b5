import { keepPreviousData, QueryClient, queryOptions } from '@tanstack/react-query'
import type { SortKey } from '../../contract/index.ts'
import { engine } from './engine.ts'

/**
 * Engine data by query key. Keys of a collection's data begin with ['data', store, collection, revision]: a change
 * of the store asks again, and what stands on the screen stays until the answer is there.
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
}

function key({ store, collection, revision }: Source) {
  return ['data', store, collection, revision] as const
}

export function pageQuery(source: Source, filter: string, sort: SortKey[], page: number) {
  const { store, collection } = source
  return queryOptions({
    queryKey: [...key(source), 'page', filter, sort, page],
    queryFn: () =>
      engine.call('table.page', {
        store,
        collection,
        filter,
        sort,
        offset: page * PAGE_ROWS,
        limit: PAGE_ROWS,
      }),
    placeholderData: keepPreviousData,
  })
}

export function rowQuery(source: Source, row: number) {
  const { store, collection } = source
  return queryOptions({
    queryKey: [...key(source), 'row', row],
    queryFn: () => engine.call('row.get', { store, collection, row }),
  })
}

export function checkQuery(source: Source, filter: string) {
  const { store, collection } = source
  return queryOptions({
    queryKey: [...key(source), 'check', filter],
    queryFn: () => engine.call('filter.check', { store, collection, filter }),
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
