import type { AppErrorData } from './errors.ts'
import type { JobInfo, JobKind, JobResults } from './results.ts'
import type { StoreInfo } from './values.ts'

/** What the engine sends unasked. */

export interface JobEnd<K extends JobKind> {
  job: string
  kind: K
  store: string
  collection: string
  state: 'done' | 'failed' | 'cancelled'
  result?: JobResults[K]
  error?: AppErrorData
}

export interface Events {
  /** A store changed: rows, index progress, WAL, maps, history, who writes it. */
  'store.changed': StoreInfo
  'job.progress': JobInfo
  'job.end': { [K in JobKind]: JobEnd<K> }[JobKind]
  /** One picture of a map on its way. `rows` comes with the first frame of a job only. */
  'map.frame': {
    job: string
    store: string
    collection: string
    /** The map's. */
    name: string
    stage: 'pca' | 'umap'
    epoch: number
    epochs: number
    rows?: Uint32Array
    xy: Float32Array
  }
}
export type EventName = keyof Events
