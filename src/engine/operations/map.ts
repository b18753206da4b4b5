import { addon } from '../addon.ts'
import type { Handlers } from '../context.ts'
import { grantedPath } from '../grants.ts'
import { drawMap } from '../jobs/map.ts'
import { mapInfo, type NativeMapInfo } from '../sessions.ts'

export const mapOperations: Handlers<'map.start' | 'map.get' | 'map.delete' | 'map.export'> = {
  'map.start': ({ store, collection, name, params, seed }, { sessions, jobs, emit }) => {
    const session = sessions.get(store)
    // An unknown collection is the caller's error now, not the job's later.
    session.native.checkFilter(collection, '')
    return {
      job: jobs.start('map', store, collection, (job) =>
        drawMap(job, session, { collection, name, params, seed }, emit),
      ),
    }
  },

  'map.get': ({ store, collection, name }, { sessions }) => {
    const map = sessions.get(store).native.map(collection, name)
    const rows = new Uint32Array(map.length)
    const xy = new Float32Array(map.length * 2)
    map.rows(rows)
    map.xy(xy)
    return { info: mapInfo(JSON.parse(map.info) as NativeMapInfo), rows, xy }
  },

  'map.delete': async ({ store, collection, name }, { sessions }) => {
    await sessions.get(store).native.deleteMap(collection, name)
    return null
  },

  'map.export': async ({ store, collection, name, grant }, { sessions, grants }) => {
    const path = grantedPath(grants, grant, 'file')
    const job = new (addon().Job)()
    const written = await sessions.get(store).native.exportMap(job, collection, name, path)
    return JSON.parse(written) as { rows: number; bytes: number }
  },
}
