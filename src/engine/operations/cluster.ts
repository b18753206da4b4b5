import { AppError, type ClusterOrder, REGIONS_MAX, type Region } from '../../contract/index.ts'
import type { Handlers } from '../context.ts'
import { storeInfo } from '../info.ts'
import { cluster } from '../jobs/cluster.ts'
import { nativeName } from '../names.ts'
import { readMap } from '../saved-maps.ts'
import type { Session } from '../sessions.ts'

export const clusterOperations: Handlers<'collection.cluster' | 'map.regions'> = {
  'collection.cluster': ({ store, ...order }, { sessions, jobs }) => {
    const session = sessions.toWrite(store)
    // What cannot work is the caller's error now, not the job's later.
    const { collection, among } = order
    session.native.checkFilter(collection, among?.by === 'filter' ? among.filter : '')
    checkColumns(session, order)
    return { job: jobs.start('cluster', { store, collection }, (job) => cluster(job, session, order)) }
  },

  'map.regions': async ({ store, column, ...place }, { sessions }) => {
    const session = sessions.get(store)
    const { rows, xy } = readMap(session, place)
    const snapshot = session.native.snapshot(nativeName(place))
    try {
      return JSON.parse(await snapshot.regions(column, rows, xy, REGIONS_MAX)) as Region[]
    } finally {
      snapshot.release()
    }
  },
}

/** Refuses columns that names cannot come from, or go into. */
function checkColumns(session: Session, order: Omit<ClusterOrder, 'store'>): void {
  const { collection, column, keywords } = order
  const info = storeInfo(session).collections.find(({ name }) => name === collection)
  const typeOf = (name: string) => info?.columns.find((one) => one.name === name)?.type
  if (keywords !== undefined) {
    const type = typeOf(keywords)
    if (type === undefined) {
      throw new AppError({
        code: 'UNKNOWN_COLUMN',
        message: `Collection "${collection}" has no column "${keywords}". Nothing was changed.`,
        remedy: 'Name a column of text.',
      })
    }
    if (type !== 'text') {
      throw refused(
        `Keywords come from a column of text, and "${keywords}" is of type ${type}.`,
        'Name a column of text, or none.',
      )
    }
  }
  const type = typeOf(column)
  const vector = info?.vectors.some(({ name }) => name === column) === true
  if (column !== info?.id.column && !vector && (type === undefined || type === 'text')) return
  const held = vector ? 'vectors' : column === info?.id.column ? 'the ids' : `values of type ${type}`
  throw refused(
    `Column "${column}" holds ${held}, so the names of clusters cannot be written into it.`,
    'Name another column; it is made if it is not there.',
  )
}

function refused(what: string, remedy: string): AppError {
  return new AppError({ code: 'INVALID_REQUEST', message: `${what} Nothing was changed.`, remedy })
}
