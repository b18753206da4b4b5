import type { Handlers } from '../context.ts'

export const jobOperations: Handlers<'job.list' | 'job.cancel'> = {
  'job.list': (_, { jobs }) => jobs.list(),

  'job.cancel': ({ job }, { jobs }) => {
    jobs.cancel(job)
    return null
  },
}
