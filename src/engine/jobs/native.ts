import type { JobInfo } from '../../contract/index.ts'
import { addon, type NativeJob } from '../addon.ts'
import type { JobHandle } from './jobs.ts'

/** A handle for one long native call: it tells the job how far it is and is cancelled with it. */
export function nativeJob(job: JobHandle, unit: JobInfo['unit'], phase?: string): NativeJob {
  const native = new (addon().Job)((now, done, total) => job.progress(phase ?? now, done, total, unit))
  job.onCancel(() => native.cancel())
  return native
}
