import { keepPreviousData, queryOptions, useQuery } from '@tanstack/react-query'
import { useEffect, useMemo } from 'react'
import type {
  AppError,
  CollectionInfo,
  ColumnInfo,
  ColumnValues,
  MapInfo,
  MapState,
} from '../../../contract/index.ts'
import { engine } from '../../client/engine.ts'
import { liveQuery, queryClient, type Source, target } from '../../client/queries.ts'
import {
  categoryPalette,
  type NumberScale,
  numberCodes,
  numberPalette,
  numberScale,
} from '../../gl/palette.ts'
import type { Moves } from './beside.ts'
import { mapKey, useLive } from './live.ts'
import { isOwn, ownColouring } from './own-colours.ts'
import { onlyLive } from './rowindex.ts'

/** What the map shows: points from the running job or from the store, and the values that colour them. */

export interface Picture {
  rows: Uint32Array
  xy: Float32Array
  /** 'saved', or how far a forming map is. */
  stage: 'saved' | 'pca' | 'umap'
  /** For each row how many of its true neighbours are its neighbours here; null while that is not known. */
  kept: Uint8Array | null
  /** For each row 1 if it was placed after the map was laid out; null where none was. */
  placed: Uint8Array | null
}

export interface ShownMap {
  picture: Picture | null
  saved: MapInfo | null
  loading: boolean
  error: AppError | null
}

export function useMap(source: Source, collection: CollectionInfo, name: string): ShownMap {
  const key = mapKey(source.store, source.collection, name)
  const live = useLive((state) => state.maps[key])
  const saved = collection.maps.find((map) => map.name === name) ?? null
  const query = useQuery({
    queryKey: [
      'data',
      source.store,
      source.collection,
      'map',
      name,
      saved?.created,
      saved?.score !== undefined,
    ],
    queryFn: () => engine.call('map.get', { store: source.store, collection: source.collection, name }),
    enabled: saved !== null,
    gcTime: 300_000,
    // The same map stands while its score is fetched.
    placeholderData: (before) => (before?.info.created === saved?.created ? before : undefined),
  })
  const fresh = live?.done === true && query.data !== undefined && saved?.created !== live.before
  useEffect(() => {
    if (fresh) useLive.getState().drop(key)
  }, [fresh, key])

  const data = saved ? query.data : undefined
  // A saved map keeps the places of rows that were deleted since: they are drawn again when the rows come back.
  const there = useQuery({
    ...liveQuery(source),
    enabled: data !== undefined,
    placeholderData: keepPreviousData,
  })
  const picture = useMemo<Picture | null>(() => {
    if (live && !fresh) return { rows: live.rows, xy: live.xy, stage: live.stage, kept: null, placed: null }
    if (!data) return null
    const { info: _, ...points } = data
    if (!there.data) return there.error ? { ...points, stage: 'saved' } : null
    return { ...onlyLive(points, there.data), stage: 'saved' }
  }, [live, fresh, data, there.data, there.error])
  return {
    picture,
    saved,
    loading: saved !== null && !picture && query.isPending,
    error: picture ? null : (query.error as AppError | null),
  }
}

/** How a saved map stands to the rows as they are; null while that is not known. */
export function useMapState(source: Source, name: string, saved: MapInfo | null): MapState | null {
  const { data } = useQuery({
    queryKey: ['data', source.store, source.collection, source.revision, 'map-state', name, saved?.created],
    queryFn: () => engine.call('map.state', { ...target(source), name }),
    enabled: saved !== null,
    gcTime: 30_000,
    placeholderData: keepPreviousData,
  })
  return saved ? (data ?? null) : null
}

export interface Colouring {
  column: string
  codes: Uint8Array
  palette: Uint8Array
  values: ColumnValues
  /** Of numbers. */
  scale: NumberScale | null
}

function valuesQuery(source: Source, column: string, rows: Uint32Array) {
  return queryOptions({
    // The rows' array itself is not in the key; its length and ends tell maps of one revision apart.
    queryKey: [
      'data',
      source.store,
      source.collection,
      source.revision,
      source.before ?? 'now',
      'colour',
      column,
      rows.length,
      rows[0],
      rows[rows.length - 1],
    ],
    queryFn: () =>
      engine.call('column.values', { ...target(source), column, rows: rows as Uint32Array<ArrayBuffer> }),
    gcTime: 120_000,
  })
}

/** Colours by a column or by what the map itself is asked; null for none, and until the first answer. */
export function useColouring(
  source: Source,
  by: string | null,
  picture: Picture | null,
  k: number,
  moves: Moves | null,
): Colouring | null {
  const own = useMemo(() => picture && ownColouring(by, picture, k, moves), [by, picture, k, moves])
  const column = useColumnColouring(source, isOwn(by) ? null : by, picture?.rows ?? null)
  return isOwn(by) ? own : column
}

function useColumnColouring(
  source: Source,
  column: string | null,
  rows: Uint32Array | null,
): Colouring | null {
  const query = useQuery({
    ...valuesQuery(source, column ?? '', rows ?? new Uint32Array(0)),
    enabled: column !== null && rows !== null && rows.length > 0,
    // Old colours stand until the new ones are there, for the same points only.
    placeholderData: (before) => (before && countOf(before) === rows?.length ? before : undefined),
  })
  const values = query.data
  return useMemo(() => {
    if (column === null || !values || !rows || countOf(values) !== rows.length) return null
    if (values.kind === 'category') {
      return { column, values, codes: values.codes, palette: categoryPalette(), scale: null }
    }
    const scale = numberScale(values.values, values.min, values.max)
    return { column, values, codes: numberCodes(values.values, scale), palette: numberPalette(), scale }
  }, [column, values, rows])
}

const countOf = (values: ColumnValues): number =>
  values.kind === 'category' ? values.codes.length : values.values.length

/** Columns that can colour a map. */
export function colourColumns(collection: CollectionInfo): ColumnInfo[] {
  return collection.columns.filter((column) => column.type !== 'vector')
}

/** Columns that are tried for a first colouring. */
const TRIES_MAX = 6

/** A column that divides the rows into few groups, the first in the table's order; null if there is none. */
export async function firstColouring(
  source: Source,
  collection: CollectionInfo,
  rows: Uint32Array,
): Promise<string | null> {
  const candidates = collection.columns.filter(
    (column) => (column.type === 'text' || column.type === 'bool') && column.name !== collection.id.column,
  )
  for (const { name } of candidates.slice(0, TRIES_MAX)) {
    const values = await queryClient.fetchQuery(valuesQuery(source, name, rows)).catch(() => null)
    if (values?.kind !== 'category' || values.labels.length < 2) continue
    const [most] = values.labels
    const known = rows.length - values.nulls
    if (values.others < known * 0.5 && most && most.count < known * 0.95) return name
  }
  return null
}
