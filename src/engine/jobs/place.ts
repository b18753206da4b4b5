import { AppError, type MapData, type MapInfo } from '../../contract/index.ts'
import { nativeName } from '../names.ts'
import { changedSince, readMap } from '../saved-maps.ts'
import type { Session } from '../sessions.ts'
import type { JobHandle } from './jobs.ts'
import { type MapPlace, save } from './map.ts'
import { nativeJob } from './native.ts'

/** Places the rows that a saved map does not have; the map as it was, where there are none. */
export async function placeRows(job: JobHandle, session: Session, place: MapPlace): Promise<MapInfo> {
  const map = readMap(session, place)
  const { info } = map
  const { newer, gone } = changedSince(session, place, map)
  if (newer.length === 0) return info
  if (info.method === 'pca' || gone === info.rows) {
    throw new AppError({
      code: 'INVALID_REQUEST',
      message:
        gone === info.rows
          ? `Map "${info.name}" has no row that is still there, so others cannot be placed among them. Nothing was changed.`
          : `Map "${info.name}" has too few rows for others to be placed among them. Nothing was changed.`,
      remedy: 'Draw it again.',
    })
  }
  job.progress('placing', 0, newer.length, 'rows', true)
  const snapshot = session.native.snapshot(nativeName(place), info.vector)
  try {
    const { neighbours, minDist, spread, epochs } = info.params
    const asked = JSON.stringify({ minDist, spread, epochs, seed: info.seed })
    const found = await snapshot.placeOnMap(
      nativeJob(job, 'rows', 'placing'),
      map.rows,
      map.xy,
      newer,
      neighbours,
      asked,
    )
    job.check()
    const xy = new Float32Array(newer.length * 2)
    found.xy(xy)
    return await save(session, place, joined(map, newer, xy))
  } finally {
    snapshot.release()
  }
}

/** A map with rows more, which are marked; all ascend. What each row kept is another question now. */
function joined({ info, ...old }: MapData, newer: Uint32Array, more: Float32Array): MapData {
  const count = old.rows.length + newer.length
  const rows = new Uint32Array(count)
  const xy = new Float32Array(count * 2)
  const placed = new Uint8Array(count)
  let [own, other] = [0, 0]
  for (let at = 0; at < count; at += 1) {
    const first = old.rows[own] ?? Number.POSITIVE_INFINITY
    const second = newer[other] ?? Number.POSITIVE_INFINITY
    if (first < second) {
      rows[at] = first
      xy.set(old.xy.subarray(own * 2, own * 2 + 2), at * 2)
      placed[at] = old.placed?.[own] ?? 0
      own += 1
    } else {
      rows[at] = second
      xy.set(more.subarray(other * 2, other * 2 + 2), at * 2)
      placed[at] = 1
      other += 1
    }
  }
  const { score: _, unsaved: __, ...rest } = info
  const told: MapInfo = {
    ...rest,
    rows: count,
    placed: placed.reduce((sum, mark) => sum + mark, 0),
    created: new Date().toISOString(),
  }
  return { info: told, rows, xy, kept: null, placed }
}
