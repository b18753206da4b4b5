import { AppError, JUDGED_NEIGHBOURS, type MapInfo, type MapScore } from '../../contract/index.ts'
import { mapKey } from '../kept-maps.ts'
import { nativeName } from '../names.ts'
import { isStill, readMap } from '../saved-maps.ts'
import type { Session } from '../sessions.ts'
import type { JobHandle, Jobs } from './jobs.ts'
import { type MapPlace, save } from './map.ts'
import { nativeJob } from './native.ts'

/** Up to so many rows all are looked at; beyond, a random sample. */
const ALL_ROWS = 100_000
const SAMPLE = 5_000
/** A map with fewer rows says nothing. */
const ROWS_MIN = 5

/** Neighbours that a map of so many rows is judged by: fewer than half of them. */
export const judgedNeighbours = (rows: number): number =>
  Math.max(1, Math.min(JUDGED_NEIGHBOURS, Math.floor((rows - 1) / 2)))

/** Starts the judging of a map, in the place of one that is under way. */
export function startJudging(jobs: Jobs, session: Session, place: MapPlace): string {
  const key = mapKey(nativeName(place), place.name)
  stopJudging(jobs, session, place)
  const job = jobs.start(
    'judge',
    { store: session.id, collection: place.collection, map: place.name },
    async (handle) => {
      try {
        return await judge(handle, session, place)
      } finally {
        if (session.judging.get(key) === handle.id) session.judging.delete(key)
      }
    },
  )
  session.judging.set(key, job)
  return job
}

/** What is judged is about to change. */
export function stopJudging(jobs: Jobs, session: Session, place: MapPlace): void {
  const running = session.judging.get(mapKey(nativeName(place), place.name))
  if (running !== undefined && jobs.list().some(({ job }) => job === running)) jobs.cancel(running)
}

/** Judges a map that was just made; what stands in the way is no error of the map. */
export function judgeLater(jobs: Jobs, session: Session, place: MapPlace, map: MapInfo): void {
  if (map.rows < ROWS_MIN) return
  try {
    startJudging(jobs, session, place)
  } catch (thrown) {
    if (AppError.from(thrown).code !== 'LIMIT_EXCEEDED') throw thrown
  }
}

async function judge(job: JobHandle, session: Session, place: MapPlace): Promise<MapInfo> {
  const { info, rows, xy, placed } = readMap(session, place)
  const most = rows.length <= ALL_ROWS ? rows.length : SAMPLE
  job.progress('judging', 0, most, 'rows', true)
  const snapshot = session.native.snapshot(nativeName(place), info.vector)
  try {
    const k = judgedNeighbours(rows.length)
    const found = await snapshot.judgeMap(nativeJob(job, 'rows', 'judging'), rows, xy, k, most)
    job.check()
    const kept = new Uint8Array(rows.length)
    found.kept(kept)
    const judged: MapInfo = { ...info, score: JSON.parse(found.score) as MapScore }
    // Another map may have taken its place meanwhile.
    if (!isStill(session, place, info.created)) return judged
    return await save(session, place, { info: judged, rows, xy, kept, placed })
  } finally {
    snapshot.release()
  }
}
