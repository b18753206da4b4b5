import { AppError } from '../../contract/index.ts'
import { addon } from '../addon.ts'
import type { Handlers } from '../context.ts'
import { grantedPath } from '../grants.ts'
import { mapInfo, type NativeMapInfo } from '../info.ts'
import { drawMap } from '../jobs/map.ts'
import { mapKey } from '../kept-maps.ts'
import { nativeName } from '../names.ts'

export const mapOperations: Handlers<'map.start' | 'map.get' | 'map.delete' | 'map.export'> = {
  'map.start': ({ store, params, seed, name, ...target }, { sessions, jobs, emit }) => {
    const session = sessions.get(store)
    // An unknown collection is the caller's error now, not the job's later.
    session.native.checkFilter(nativeName(target), '')
    return {
      job: jobs.start('map', store, target.collection, (job) =>
        drawMap(job, session, { ...target, name, params, seed }, emit),
      ),
    }
  },

  'map.get': ({ store, name, ...target }, { sessions }) => {
    const { native, maps } = sessions.get(store)
    const collection = nativeName(target)
    const kept = maps.get(mapKey(collection, name))
    if (kept) return kept
    const map = native.map(collection, name)
    const rows = new Uint32Array(map.length)
    const xy = new Float32Array(map.length * 2)
    map.rows(rows)
    map.xy(xy)
    return { info: mapInfo(JSON.parse(map.info) as NativeMapInfo), rows, xy }
  },

  'map.delete': async ({ store, name, ...target }, { sessions }) => {
    const session = sessions.get(store)
    const collection = nativeName(target)
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

function notSaved(name: string): AppError {
  return new AppError({
    code: 'READ_ONLY',
    message: `Map "${name}" is only in memory, because what it is of can only be read; saved maps alone can be exported. Nothing was written.`,
    remedy: 'Save a snapshot of the store, open that, and draw the map there.',
  })
}
