import { useQuery } from '@tanstack/react-query'
import { useMemo } from 'react'
import type { CollectionInfo, MapInfo, Region } from '../../../contract/index.ts'
import { engine } from '../../client/engine.ts'
import { type Source, target } from '../../client/queries.ts'

/** Names written on the map where the values of the colouring column lie. */

/** A value whose points lie wider than this, of all points' own width, is nowhere in particular. */
const WIDTH_MAX = 0.6
/** Values of a smaller part of the points are not named. */
const SHARE_MIN = 0.0015
const NAMES_MAX = 60
/** One name says nothing that the legend does not. */
const NAMES_MIN = 2

/** The largest first; none unless a text column colours a saved map. */
export function useRegions(
  source: Source,
  collection: CollectionInfo,
  map: MapInfo | null,
  column: string | null,
): readonly Region[] {
  const isText = collection.columns.some(({ name, type }) => name === column && type === 'text')
  const { store, collection: name, revision, before } = source
  const query = useQuery({
    queryKey: ['data', store, name, revision, before ?? 'now', 'regions', column, map?.name, map?.created],
    queryFn: () =>
      engine.call('map.regions', { ...target(source), name: map?.name ?? '', column: column ?? '' }),
    enabled: map !== null && isText,
    gcTime: 120_000,
    // The old names stand until the new ones are there, of the same map and column only.
    placeholderData: (before, query) =>
      query?.queryKey[6] === column && query?.queryKey[8] === map?.created ? before : undefined,
  })
  const found = isText && map ? query.data : undefined
  return useMemo(() => named(found ?? [], map?.rows ?? 0), [found, map?.rows])
}

export function named(regions: readonly Region[], rows: number): readonly Region[] {
  const shown = regions
    .filter(({ width, count, label }) => width <= WIDTH_MAX && count >= rows * SHARE_MIN && label !== '')
    .slice(0, NAMES_MAX)
  return shown.length < NAMES_MIN ? [] : shown
}
