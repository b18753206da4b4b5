import { basename } from 'node:path'
import type { ImportPreview } from '../../contract/index.ts'
import { addon, nativeError } from '../addon.ts'
import type { Handlers } from '../context.ts'
import { grantedPath } from '../grants.ts'
import { importFile } from '../jobs/import.ts'

export const importOperations: Handlers<'import.preview' | 'import.start'> = {
  'import.preview': async ({ grant }, { grants }) => {
    const path = grantedPath(grants, grant, 'file')
    const preview = await addon()
      .inspect(path)
      .catch((error: unknown) => {
        throw nativeError(error)
      })
    return { ...(JSON.parse(preview) as Omit<ImportPreview, 'file'>), file: basename(path) }
  },

  'import.start': ({ store, grant, collection, plan }, { grants, sessions, jobs }) => {
    const session = sessions.get(store)
    const path = grantedPath(grants, grant, 'file')
    return {
      job: jobs.start('import', store, collection, (job) => importFile(job, session, collection, path, plan)),
    }
  },
}
