import type { NativeNeighbours, NativeSnapshot } from '../addon.ts'
import type { Session } from '../sessions.ts'
import type { JobHandle } from './jobs.ts'
import { nativeJob } from './native.ts'

/** How often the index is looked at, ms. */
const LOOK_MS = 50
/** An index of so many rows takes a second where nothing else runs, or twice as long; behind a busy machine it may take forever. */
const ROWS_A_SECOND = 15_000
/** At least this long it is waited for, ms. */
const PATIENCE_MS = 1_000

interface Place {
  collection: string
  /** The vector column; absent: the first. */
  vector?: string
}

/** Whether the collection's index is being built, and how far it is, 0 to 1. */
function building({ native }: Session, { collection, vector }: Place): number | null {
  const { collections } = JSON.parse(native.info()) as {
    collections: { name: string; vectors: { name: string; index: { state: string; progress: number } }[] }[]
  }
  const { vectors = [] } = collections.find(({ name }) => name === collection) ?? {}
  const { index } = vectors.find(({ name }) => vector === undefined || name === vector) ?? {}
  return index?.state === 'building' ? index.progress : null
}

/**
 * The neighbours of all rows of a snapshot. An index that is being built behind is waited for a while: otherwise the graph would build a second one just for itself.
 * `rows`: those of the snapshot.
 */
export async function graphAfterIndex(
  job: JobHandle,
  session: Session,
  snapshot: NativeSnapshot,
  { rows, k, ...place }: Place & { rows: Uint32Array; k: number },
): Promise<NativeNeighbours> {
  const graphOf = async (of: NativeSnapshot) => {
    const found = await of.mapGraph(nativeJob(job, 'rows', 'neighbour graph'), k)
    job.check()
    return found
  }
  if (!(await waited(job, session, place, rows.length))) return graphOf(snapshot)
  const newer = session.native.snapshot(place.collection, place.vector)
  try {
    // Rows may have come or gone meanwhile; the picture is of those that were there.
    if (newer.length !== rows.length) return await graphOf(snapshot)
    const found = await graphOf(newer)
    const there = new Uint32Array(found.length)
    found.rows(there)
    return rows.every((row, at) => row === there[at]) ? found : await graphOf(snapshot)
  } finally {
    newer.release()
  }
}

/** Whether an index was being built, and is there now. */
async function waited(job: JobHandle, session: Session, place: Place, rows: number): Promise<boolean> {
  const until = performance.now() + Math.max(PATIENCE_MS, (rows / ROWS_A_SECOND) * 1_000)
  let before = building(session, place)
  if (before === null) return false
  while (performance.now() < until) {
    job.progress('index', Math.floor(before * rows), rows, 'rows')
    await new Promise((resolve) => setTimeout(resolve, LOOK_MS))
    job.check()
    const now = building(session, place)
    if (now === null) return true
    before = now
  }
  return false
}
