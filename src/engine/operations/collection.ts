import type { Handlers } from '../context.ts'
import { storeInfo } from '../info.ts'

export const collectionOperations: Handlers<'collection.create' | 'collection.drop'> = {
  'collection.create': async (params, { sessions }) => {
    const session = sessions.toWrite(params.store)
    const { collection, dimension, metric, id, idColumn, columns } = params
    await session.native.createCollection(
      JSON.stringify({
        name: collection,
        idType: id,
        idColumn: id === 'rownumber' ? null : idColumn,
        columns,
        vectors: [{ name: 'vector', dimension, metric }],
      }),
    )
    return storeInfo(session)
  },

  'collection.drop': async ({ store, collection }, { sessions }) => {
    const session = sessions.toWrite(store)
    await session.native.dropCollection(collection)
    return storeInfo(session)
  },
}
