import { AppError, JUDGED_NEIGHBOURS, type MapInfo } from '../../contract/index.ts'
import { addon } from '../addon.ts'
import type { Context, Handlers } from '../context.ts'
import { grantedPath } from '../grants.ts'
import { goOn } from '../jobs/go-on.ts'
import type { JobHandle } from '../jobs/jobs.ts'
import { judgedNeighbours, judgeLater, startJudging, stopJudging } from '../jobs/judge.ts'
import { drawMap, type MapPlace } from '../jobs/map.ts'
import { placeRows } from '../jobs/place.ts'
import { checkTarget } from '../jobs/target.ts'
import { mapKey } from '../kept-maps.ts'
import { nativeName } from '../names.ts'
import { changedSince, readMap } from '../saved-maps.ts'
import type { Session } from '../sessions.ts'

type MapOperation =
  | 'start'
  | 'stop'
  | 'goOn'
  | 'place'
  | 'state'
  | 'moves'
  | 'judge'
  | 'neighbours'
  | 'get'
  | 'delete'
  | 'export'

export const mapOperations: Handlers<`map.${MapOperation}`> = {
  'map.start': ({ store, ...order }, context) => {
    const session = context.sessions.get(store)
    // An unknown collection or vector column is the caller's error now, not the job's later.
    session.native.checkFilter(nativeName(order), order.among?.by === 'filter' ? order.among.filter : '')
    session.native.snapshot(nativeName(order), order.vector).release()
    if (order.onto !== undefined) readMap(session, { ...order, name: order.onto })
    checkTarget(session, order.collection, order.params)
    return making(context, session, order, (job) => drawMap(job, session, order, context.emit))
  },

  'map.stop': ({ job }, { jobs }) => {
    jobs.finish(job)
    return null
  },

  'map.goOn': ({ store, minDist, spread, epochs, ...place }, context) => {
    const session = context.sessions.get(store)
    readMap(session, place)
    const change = { minDist, spread, epochs }
    return making(context, session, place, (job) => goOn(job, session, place, change, context.emit))
  },

  'map.place': ({ store, ...place }, context) => {
    const session = context.sessions.get(store)
    readMap(session, place)
    return making(context, session, place, (job) => placeRows(job, session, place))
  },

  'map.state': ({ store, ...place }, { sessions }) => {
    const session = sessions.get(store)
    const { newer, gone } = changedSince(session, place, readMap(session, place))
    return { newer: newer.length, gone }
  },

  'map.moves': async ({ store, with: other, ...place }, { sessions }) => {
    const session = sessions.get(store)
    const [one, two] = [readMap(session, place), readMap(session, { ...place, name: other })]
    const found = await addon().mapMoves(one.rows, one.xy, two.rows, two.xy, JUDGED_NEIGHBOURS)
    const rows = new Uint32Array(found.length)
    const moved = new Float32Array(found.length)
    const kept = new Uint8Array(found.length)
    found.rows(rows)
    found.moved(moved)
    found.kept(kept)
    return { rows, moved, kept, k: found.k }
  },

  'map.judge': ({ store, ...place }, { sessions, jobs }) => {
    const session = sessions.get(store)
    readMap(session, place)
    return { job: startJudging(jobs, session, place) }
  },

  'map.neighbours': async ({ store, row, ...place }, { sessions }) => {
    const session = sessions.get(store)
    const { info, rows, xy } = readMap(session, place)
    const snapshot = session.native.snapshot(nativeName(place), info.vector)
    try {
      const found = await snapshot.neighboursOnMap(rows, xy, row, judgedNeighbours(rows.length))
      return (JSON.parse(found) as [number, boolean][]).map(([row, kept]) => ({ row, lost: !kept }))
    } finally {
      snapshot.release()
    }
  },

  'map.get': ({ store, ...place }, { sessions }) => readMap(sessions.get(store), place),

  'map.delete': async ({ store, name, ...target }, { sessions, jobs }) => {
    const session = sessions.get(store)
    const collection = nativeName(target)
    stopJudging(jobs, session, { ...target, name })
    if (session.maps.delete(mapKey(collection, name))) session.revisionBase++
    else await session.native.deleteMap(collection, name)
    return null
  },

  'map.export': async ({ store, name, grant, ...target }, { sessions, grants }) => {
    const path = grantedPath(grants, grant, 'file')
    const { native, maps } = sessions.get(store)
    const collection = nativeName(target)
    if (maps.has(mapKey(collection, name))) throw notSaved(name)
    const written = await native.exportMap(new (addon().Job)(), collection, name, path)
    return JSON.parse(written) as { rows: number; bytes: number }
  },
}

/** Starts the job that makes a map, and judges it after that. */
function making(
  { jobs }: Context,
  session: Session,
  place: MapPlace,
  make: (job: JobHandle) => Promise<MapInfo>,
): { job: string } {
  stopJudging(jobs, session, place)
  const job = jobs.start(
    'map',
    { store: session.id, collection: place.collection, map: place.name },
    async (handle) => {
      const map = await make(handle)
      judgeLater(jobs, session, place, map)
      return map
    },
  )
  return { job }
}

function notSaved(name: string): AppError {
  return new AppError({
    code: 'READ_ONLY',
    message: `Map "${name}" is only in memory, because what it is of can only be read; saved maps alone can be exported. Nothing was written.`,
    remedy: 'Save a snapshot of the store, open that, and draw the map there.',
  })
}
