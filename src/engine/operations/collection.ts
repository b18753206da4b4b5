import type { TuneReport } from '../../contract/index.ts'
import type { Handlers } from '../context.ts'
import { storeInfo } from '../info.ts'
import { nativeJob } from '../jobs/native.ts'
import { nativeName } from '../names.ts'

export const collectionOperations: Handlers<'collection.create' | 'collection.drop' | 'collection.tune'> = {
  'collection.create': async (params, { sessions }) => {
    const session = sessions.toWrite(params.store)
    const { collection, vectors, id, idColumn, columns } = params
    await session.native.createCollection(
      JSON.stringify({
        name: collection,
        idType: id,
        idColumn: id === 'rownumber' ? null : idColumn,
        columns,
        vectors,
      }),
    )
    return storeInfo(session)
  },

  'collection.drop': async ({ store, collection }, { sessions }) => {
    const session = sessions.toWrite(store)
    await session.native.dropCollection(collection)
    return storeInfo(session)
  },

  'collection.tune': (params, { sessions, jobs }) => {
    const { store, collection, vector, queries } = params
    const snapshot = sessions.get(store).native.snapshot(nativeName(params), vector)
    return {
      job: jobs.start('tune', { store, collection }, async (job) => {
        try {
          return JSON.parse(await snapshot.tune(nativeJob(job, 'queries'), queries)) as TuneReport
        } finally {
          snapshot.release()
        }
      }),
    }
  },
}
