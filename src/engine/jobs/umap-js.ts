import { existsSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { Worker } from 'node:worker_threads'
import { AppError } from '../../contract/index.ts'
import type { NativeNeighbours } from '../addon.ts'
import type { Neighbours } from './fuzzy.ts'
import { cancelledError, type JobHandle } from './jobs.ts'
import type { FromLayout, LayoutTask } from './umap-protocol.ts'

/** umap-js, on a thread of its own. */

/** Rows that it is asked to lay out; beyond, it would take many minutes and gigabytes. */
export const UMAP_JS_ROWS_MAX = 100_000

/** The neighbours, as it takes them. */
export function copied(found: NativeNeighbours): Neighbours {
  const graph: Neighbours = {
    count: found.length,
    k: found.k,
    ids: new Uint32Array(found.length * found.k),
    distances: new Float32Array(found.length * found.k),
  }
  found.ids(graph.ids)
  found.distances(graph.distances)
  return graph
}

/** Runs umap-js on its own thread, to its end or until the job is stopped; terminates the thread when the job is cancelled. */
export function runUmapJs(
  job: JobHandle,
  task: Omit<LayoutTask, 'acknowledged'>,
  onFrame: (epoch: number, epochs: number, xy: Float32Array) => void,
): Promise<{ xy: Float32Array; epoch: number }> {
  const acknowledged = new Int32Array(new SharedArrayBuffer(4))
  return new Promise((resolve, reject) => {
    const worker = new Worker(workerFile(), {
      workerData: { ...task, acknowledged } satisfies LayoutTask,
      transferList: [task.graph.ids.buffer as ArrayBuffer, task.graph.distances.buffer as ArrayBuffer],
      name: 'omendb-umap',
    })
    let settled = false
    const settle = (act: () => void) => {
      if (settled) return
      settled = true
      job.onStop(null)
      void worker.terminate().then(act, act)
    }
    job.onCancel(() => settle(() => reject(cancelledError())))
    worker.on('message', (message: FromLayout) => {
      if (settled) return
      if (message.type === 'frame') {
        const { epoch, xy } = message
        job.onStop(() => settle(() => resolve({ xy, epoch })))
        onFrame(epoch, message.epochs, xy)
        Atomics.add(acknowledged, 0, 1)
      } else if (message.type === 'done') {
        const { epoch, xy } = message
        onFrame(epoch, message.epochs, xy)
        settle(() => resolve({ xy, epoch }))
      } else {
        settle(() => reject(new AppError(message.error)))
      }
    })
    worker.on('error', (error) => settle(() => reject(AppError.from(error))))
    worker.on('exit', (code) => {
      if (settled) return
      settled = true
      reject(
        new AppError({
          code: 'INTERNAL',
          message: `The layout's thread ended with code ${code} before the map was done. No map was saved.`,
          remedy: 'Draw the map again; with fewer rows if it happens again.',
        }),
      )
    })
  })
}

/** The built worker: beside the running file, or above it, or where the build puts it. */
function workerFile(): string {
  const named = process.env.OMENDB_UMAP_WORKER
  if (named) return named
  const folder = dirname(fileURLToPath(import.meta.url))
  const places = [
    join(folder, 'umap-worker.js'),
    join(folder, '..', 'umap-worker.js'),
    join(folder, '..', '..', '..', 'out', 'node', 'umap-worker.js'),
  ]
  const found = places.find((place) => existsSync(place))
  if (found) return found
  throw new AppError({
    code: 'INTERNAL',
    message: 'The program of the map layout (umap-worker.js) was not found.',
    remedy: 'Run "npm run setup" to build it.',
    detail: { tried: places },
  })
}
