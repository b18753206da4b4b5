import { useQuery } from '@tanstack/react-query'
import { useEffect, useState } from 'react'
import { engine } from '../../client/engine.ts'
import { type Source, target } from '../../client/queries.ts'

/** The pointer rests this long on a point before its neighbours are looked for, ms. */
const WAIT_MS = 90

export interface Neighbour {
  row: number
  /** It is not among the nearest on the map. */
  lost: boolean
}

const NONE: Neighbour[] = []

/** The true neighbours of the row under the pointer; none while `row` is null, and until the answer. */
export function useNeighbours(
  source: Source,
  name: string,
  created: string | undefined,
  row: number | null,
): Neighbour[] {
  const [asked, setAsked] = useState<number | null>(null)
  useEffect(() => {
    const timer = setTimeout(() => setAsked(row), row === null ? 0 : WAIT_MS)
    return () => clearTimeout(timer)
  }, [row])
  const wanted = asked === row ? asked : null
  const { data } = useQuery({
    queryKey: ['data', source.store, source.collection, source.revision, 'neighbours', name, created, wanted],
    queryFn: () => engine.call('map.neighbours', { ...target(source), name, row: wanted ?? 0 }),
    enabled: wanted !== null && created !== undefined,
    retry: false,
    gcTime: 30_000,
  })
  return wanted === null ? NONE : (data ?? NONE)
}
