import { addon } from '../addon.ts'
import type { Handlers } from '../context.ts'
import { grantedPath } from '../grants.ts'
import { storeInfo } from '../info.ts'
import { verifyReport } from '../reports.ts'

export const storeOperations: Handlers<
  'engine.hello' | 'store.open' | 'store.info' | 'store.close' | 'store.verify' | 'store.refresh'
> = {
  'engine.hello': () => ({ version: addon().version(), isa: addon().isa(), pid: process.pid }),

  'store.open': async ({ grant, ...how }, { grants, sessions, changes }) => {
    const session = await sessions.open(grantedPath(grants, grant, 'store'), how)
    changes.update()
    return storeInfo(session)
  },

  'store.info': ({ store }, { sessions }) => storeInfo(sessions.get(store)),

  'store.close': async ({ store, discardEmpty }, { sessions, jobs, changes }) => {
    sessions.get(store)
    await jobs.stop(store)
    await sessions.close(store, discardEmpty)
    changes.update()
    return null
  },

  'store.refresh': async ({ store }, { sessions, changes }) => {
    const session = sessions.get(store)
    const changed = session.readOnly && (await session.native.refresh())
    if (changed) changes.check()
    return { changed, info: storeInfo(session) }
  },

  'store.verify': async ({ store }, { sessions }) => verifyReport(await sessions.get(store).native.verify()),
}
