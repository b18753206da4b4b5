import { useState } from 'react'
import {
  AppError,
  type CollectionInfo,
  type MapChange,
  type MapInfo,
  type MapRows,
} from '../../../contract/index.ts'
import { engine } from '../../client/engine.ts'
import { MAP_NAME, useView } from '../../state/view.ts'
import type { DrawRequest, MapOf } from './DrawPopover.tsx'

/** What can be done with a collection's maps. */
export interface Making {
  /** Why the last of it could not begin. */
  error: AppError | null
  draw: (request: DrawRequest) => void
  goOn: (change: MapChange) => void
  /** Places the rows that came later. */
  place: () => void
  remove: () => void
}

interface Shown {
  store: string
  collection: CollectionInfo
  /** The map that is shown, and what it is. */
  name: string
  saved: MapInfo | null
  rows: Uint32Array
}

export function useMaking(shown: Shown, onStart: () => void): Making {
  const [error, setError] = useState<AppError | null>(null)
  const { collection, name } = shown
  const place = { store: shown.store, collection: collection.name }
  // A map says what it is by where there is a choice.
  const first = collection.vectors.length > 1 ? collection.vectors[0]?.name : undefined
  const start = (call: Promise<unknown>): void => {
    setError(null)
    onStart()
    call.catch((thrown: unknown) => setError(AppError.from(thrown)))
  }
  return {
    error,
    draw: ({ params, seed, name: wanted = name, vector = first, of = 'all', onto }) => {
      useView.getState().setMapName(wanted)
      const among = rowsOf(of, shown)
      start(engine.call('map.start', { ...place, name: wanted, params, seed, vector, among, onto }))
    },
    goOn: (change) => start(engine.call('map.goOn', { ...place, name, ...change })),
    place: () => start(engine.call('map.place', { ...place, name })),
    remove: () => {
      const next = collection.maps.find((map) => map.name !== name)?.name ?? MAP_NAME
      start(engine.call('map.delete', { ...place, name }).then(() => useView.getState().setMapName(next)))
    },
  }
}

function rowsOf(of: MapOf, { saved, rows }: Shown): MapRows | undefined {
  const { filter, selection } = useView.getState()
  const chosen = (some: Uint32Array): MapRows => ({ by: 'rows', rows: some as Uint32Array<ArrayBuffer> })
  if (of === 'filter') return { by: 'filter', filter }
  if (of === 'selection') return chosen(selection)
  if (of === 'all' || !saved?.of) return undefined
  return saved.of.filter === null ? chosen(rows) : { by: 'filter', filter: saved.of.filter }
}

/** The map that is asked for, or the first there is where there is none of that name, nor one forming. */
export function shownName(asked: string, maps: readonly MapInfo[], forming: string | undefined): string {
  if (asked === forming || maps.some((map) => map.name === asked)) return asked
  return maps[0]?.name ?? asked
}
