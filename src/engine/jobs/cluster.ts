import { AppError, CLUSTERS_NAMED_MAX, type ClusterOrder, type ClusterResult } from '../../contract/index.ts'
import type { Session } from '../sessions.ts'
import type { JobHandle } from './jobs.ts'
import { chosenRows } from './map.ts'
import { nativeJob } from './native.ts'

/**
 * Divides rows into clusters, in the space of their vectors, and writes the clusters' names into a column: one change, which undo takes back. Before that nothing is
 * changed.
 */
export async function cluster(
  job: JobHandle,
  session: Session,
  order: Omit<ClusterOrder, 'store'>,
): Promise<ClusterResult> {
  const { collection, keywords = null, column, resolution, seed } = order
  const start = performance.now()
  const among = chosenRows(session, order)
  const snapshot = session.native.snapshot(collection, order.vector)
  try {
    const rows = among?.length ?? snapshot.length
    if (rows === 0) throw nothingToDivide(collection, among !== undefined)
    job.progress('neighbour graph', 0, rows, 'rows', true)
    const neighbours = Math.max(2, Math.min(order.neighbours, rows))
    const graph = await snapshot.mapGraph(nativeJob(job, 'rows', 'neighbour graph'), neighbours - 1, among)
    job.check()
    job.progress('clusters', 0, 0, 'rows', true)
    const wanted = JSON.stringify({ keywords, resolution, seed })
    const found = await snapshot.clusters(nativeJob(job, 'rows', 'clusters'), graph, wanted)
    job.check()
    const info = JSON.parse(found.info(CLUSTERS_NAMED_MAX)) as Pick<
      ClusterResult,
      'clusters' | 'modularity' | 'largest'
    >
    job.progress('writing names', 0, 0, 'rows', true)
    const note = `${info.clusters} cluster${info.clusters === 1 ? '' : 's'}`
    await session.native.writeClusters(collection, found, column, note)
    return { ...info, rows, column, seconds: (performance.now() - start) / 1_000 }
  } finally {
    snapshot.release()
  }
}

function nothingToDivide(collection: string, chosen: boolean): AppError {
  return new AppError({
    code: 'EMPTY_INPUT',
    message: chosen
      ? `No row of collection "${collection}" was chosen, so there is nothing to divide. Nothing was changed.`
      : `Collection "${collection}" has no rows, so there is nothing to divide. Nothing was changed.`,
    remedy: chosen ? 'Choose other rows, or another filter.' : 'Import rows first.',
  })
}
