import type { JobInfo } from '../../contract/index.ts'
import { bytes, count, counted, scoreText } from '../ui/format.ts'
import type { EndedJob } from './view.ts'

/** Jobs in words. */

export function jobName({ kind, collection }: Pick<JobInfo, 'kind' | 'collection'>): string {
  switch (kind) {
    case 'import':
      return `Import into ${collection}`
    case 'map':
      return `Map of ${collection}`
    case 'judge':
      return `Score of the map of ${collection}`
    case 'cluster':
      return `Clusters of ${collection}`
    case 'compact':
      return 'Compact the store'
    case 'snapshot':
      return 'Snapshot of the store'
    case 'restore':
      return 'Restore a snapshot'
    case 'repair':
      return 'Repair into a new store'
    case 'tune':
      return `Precision of ${collection}`
  }
}

/** What a finished job came to; empty where it has nothing to say. */
export function resultWords(job: EndedJob): string {
  if (!job.result) return ''
  switch (job.kind) {
    case 'import': {
      const { rows, rejected } = job.result
      return `${counted(rows, 'row')}${rejected > 0 ? `, ${count(rejected)} left out` : ''}`
    }
    case 'map':
      return counted(job.result.rows, 'row')
    case 'judge': {
      const { score } = job.result
      return score
        ? `trustworthiness ${scoreText(score.trustworthiness)}, continuity ${scoreText(score.continuity)}`
        : ''
    }
    case 'cluster':
      return `${counted(job.result.clusters, 'cluster')} of ${counted(job.result.rows, 'row')}`
    case 'compact':
      return `${bytes(job.result.freed)} given back`
    case 'snapshot':
    case 'restore':
      return `${counted(job.result.files, 'file')}, ${bytes(job.result.bytes)}`
    case 'tune':
      return `measured with ${counted(job.result.queries, 'row')}`
    case 'repair': {
      const sum = (of: 'rowsKept' | 'rowsLost') =>
        job.result?.collections.reduce((all, one) => all + one[of], 0) ?? 0
      return `${counted(sum('rowsKept'), 'row')} kept, ${count(sum('rowsLost'))} lost`
    }
  }
}
