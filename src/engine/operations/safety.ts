import type { CompactResult, CopyResult } from '../../contract/index.ts'
import { addon } from '../addon.ts'
import type { Handlers } from '../context.ts'
import { grantedPath } from '../grants.ts'
import { nativeJob } from '../jobs/native.ts'
import { repairReport } from '../reports.ts'

/** Copies, repair and giving space back: one native call each, as a job. */
export const safetyOperations: Handlers<
  'store.compact' | 'store.snapshot' | 'store.restore' | 'store.repair'
> = {
  'store.compact': ({ store, forgetHistory }, { sessions, jobs }) => {
    const session = sessions.toWrite(store)
    return {
      job: jobs.start('compact', { store, collection: '' }, async (job) => {
        const options = JSON.stringify({ forgetHistory })
        return JSON.parse(await session.native.compact(nativeJob(job, 'rows'), options)) as CompactResult
      }),
    }
  },

  'store.snapshot': ({ store, grant }, { grants, sessions, jobs }) => {
    const session = sessions.get(store)
    const path = grantedPath(grants, grant, 'store')
    return {
      job: jobs.start('snapshot', { store, collection: '' }, async (job) =>
        copied(await session.native.backup(nativeJob(job, 'bytes'), path)),
      ),
    }
  },

  'store.restore': ({ from, to }, { grants, jobs }) => {
    const [source, target] = [grantedPath(grants, from, 'store'), grantedPath(grants, to, 'store')]
    return {
      job: jobs.start('restore', { store: '', collection: '' }, async (job) =>
        copied(await addon().restoreStore(nativeJob(job, 'bytes'), source, target)),
      ),
    }
  },

  'store.repair': ({ from, to }, { grants, jobs }) => {
    const [source, target] = [grantedPath(grants, from, 'store'), grantedPath(grants, to, 'store')]
    return {
      job: jobs.start('repair', { store: '', collection: '' }, async (job) =>
        repairReport(await addon().repairStore(nativeJob(job, 'bytes'), source, target)),
      ),
    }
  },
}

function copied(text: string): CopyResult {
  return JSON.parse(text) as CopyResult
}
