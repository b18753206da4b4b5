import type { JobInfo, JobKind } from '../../../contract/index.ts'
import { useView } from '../../state/view.ts'

/** The running job of a kind that works on a collection; with `map`, on that map of it. */
export function useJob(
  kind: JobKind,
  { store, collection }: { store: string; collection: string },
  map?: string,
): JobInfo | undefined {
  return useView((view) =>
    Object.values(view.jobs).find(
      (job) =>
        job.kind === kind &&
        job.store === store &&
        job.collection === collection &&
        (map === undefined || job.map === map),
    ),
  )
}
