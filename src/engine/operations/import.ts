import { basename } from 'node:path'
import { type ImportPreview, LIMITS } from '../../contract/index.ts'
import { addon } from '../addon.ts'
import type { Handlers } from '../context.ts'
import { grantedPath } from '../grants.ts'
import { importFile } from '../jobs/import.ts'

export const importOperations: Handlers<'import.preview' | 'import.start' | 'file.vectors'> = {
  'import.preview': async ({ grant }, { grants }) => {
    const path = grantedPath(grants, grant, 'file')
    return preview(basename(path), JSON.parse(await addon().inspect(path)) as NativePreview)
  },

  'file.vectors': async ({ grant }, { grants }) => {
    const found = await addon().fileVectors(grantedPath(grants, grant, 'file'), LIMITS.fileVectorsMax)
    const vectors = new Float32Array(found.length)
    found.copy(vectors)
    return { dimension: found.dimension, vectors }
  },

  'import.start': ({ store, grant, collection, plan }, { grants, sessions, jobs }) => {
    const session = sessions.toWrite(store)
    const path = grantedPath(grants, grant, 'file')
    return {
      job: jobs.start('import', { store, collection }, (job) =>
        importFile(job, session, collection, path, plan),
      ),
    }
  },
}

/** The preview as the native side has it. */
type NativePreview = Omit<ImportPreview, 'file' | 'bytes' | 'format' | 'vectorCandidates'> & {
  fileBytes: number
  format: 'parquet' | 'csv' | 'jsonlines' | 'npy' | 'fvecs'
  vectorCandidates: Omit<ImportPreview['vectorCandidates'][number], 'reason'>[]
}

function preview(file: string, native: NativePreview): ImportPreview {
  const { fileBytes, format, vectorCandidates, csv, ...rest } = native
  return {
    ...rest,
    file,
    bytes: fileBytes,
    format: format === 'jsonlines' ? 'jsonl' : format,
    vectorCandidates: vectorCandidates.map((candidate) => ({
      ...candidate,
      reason:
        candidate.column === native.vector?.column
          ? native.vector.reason
          : `${candidate.dimension} numbers a row`,
    })),
    csv: csv && { delimiter: csv.delimiter, header: csv.header },
  }
}
