import { useQuery } from '@tanstack/react-query'
import { useMemo } from 'react'
import type { CollectionInfo, MapMoves } from '../../../contract/index.ts'
import { engine } from '../../client/engine.ts'
import { type Source, target } from '../../client/queries.ts'
import { type RowIndex, rowIndex } from './rowindex.ts'

/** Two maps of a collection side by side. */

/** What moved between the map that is worked with and the one beside it. */
export interface Moves {
  /** The one beside. */
  with: string
  found: MapMoves
  /** Place of a row in what was found, or -1. */
  indexOf: RowIndex
}

/** Null while no other map is beside, and until the answer. */
export function useMoves(
  source: Source,
  collection: CollectionInfo,
  name: string,
  beside: string | null,
): Moves | null {
  const created = (of: string | null) => collection.maps.find((map) => map.name === of)?.created
  const other = beside === name ? null : beside
  const { data } = useQuery({
    queryKey: [
      'data',
      source.store,
      source.collection,
      source.before ?? 'now',
      'moves',
      name,
      created(name),
      other,
      created(other),
    ],
    queryFn: () => engine.call('map.moves', { ...target(source), name, with: other ?? '' }),
    enabled: created(name) !== undefined && created(other) !== undefined,
    gcTime: 60_000,
  })
  return useMemo(
    () => (data && other !== null ? { with: other, found: data, indexOf: rowIndex(data.rows) } : null),
    [data, other],
  )
}

/** The newest of the other maps; null if there is none. */
export function otherMap({ maps }: CollectionInfo, name: string): string | null {
  const others = maps.filter((map) => map.name !== name)
  return others.toSorted((a, b) => b.created.localeCompare(a.created))[0]?.name ?? null
}
