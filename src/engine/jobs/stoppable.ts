import type { JobHandle } from './jobs.ts'

/** Runs a part of a job that may be left out: null when the job is stopped meanwhile, which then goes on without it. */
export async function orStopped<T>(job: JobHandle, work: (job: JobHandle) => Promise<T>): Promise<T | null> {
  let stopped = false
  let cancel: (() => void) | null = null
  const part: JobHandle = {
    id: job.id,
    get cancelled() {
      return job.cancelled || stopped
    },
    check: () => {
      job.check()
      if (stopped) throw new Error('stopped')
    },
    progress: (...args) => job.progress(...args),
    onCancel: (stop) => {
      cancel = stop
      job.onCancel(stop)
      if (stopped) stop()
    },
    onStop: () => undefined,
  }
  job.onStop(() => {
    stopped = true
    cancel?.()
  })
  try {
    return await work(part)
  } catch (thrown) {
    job.check()
    if (stopped) return null
    throw thrown
  } finally {
    job.onStop(null)
  }
}
