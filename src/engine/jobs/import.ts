import type { ImportPlan, ImportResult, RejectedRow } from '../../contract/index.ts'
import type { Session } from '../sessions.ts'
import type { JobHandle } from './jobs.ts'
import { nativeJob } from './native.ts'

interface NativeImportResult {
  rows: number
  replaced: number
  rejected: number
  rejectedRows: RejectedRow[]
  seconds: number
}

/** Reads a file into a collection: visible whole at the end, or not at all. */
export async function importFile(
  job: JobHandle,
  session: Session,
  collection: string,
  path: string,
  plan: ImportPlan,
): Promise<ImportResult> {
  const metrics = Object.fromEntries(
    plan.columns.flatMap(({ name, type, metric }) => (type === 'vector' && metric ? [[name, metric]] : [])),
  )
  const result = JSON.parse(
    await session.native.import(
      nativeJob(job, 'rows'),
      JSON.stringify({ path, collection, ...plan, metrics }),
    ),
  ) as NativeImportResult
  return {
    collection,
    rows: result.rows,
    replaced: result.replaced,
    rejected: result.rejected,
    rejectedRows: result.rejectedRows.map(({ row, line, column, reason }) => ({ row, line, column, reason })),
    seconds: result.seconds,
  }
}
