import { parentPort, workerData } from 'node:worker_threads'
import { AppError } from '../../contract/index.ts'
import { Layout } from './layout.ts'
import { FRAME_EVERY_MS, type FromLayout, type LayoutTask } from './umap-protocol.ts'

/**
 * The layout's thread: runs umap-js to its end, sending pictures on the way. It is cancelled by being terminated.
 */

function run(task: LayoutTask, send: (message: FromLayout, transfer?: ArrayBuffer[]) => void): void {
  const layout = new Layout(task.graph, task.start, task.params, task.seed)
  let sent = 0
  let last = performance.now()
  while (!layout.done) {
    layout.step()
    const now = performance.now()
    if (layout.done || now - last < FRAME_EVERY_MS) continue
    if (Atomics.load(task.acknowledged, 0) < sent) continue
    last = now
    sent++
    const xy = layout.picture()
    send({ type: 'frame', epoch: layout.epoch, epochs: layout.epochs, xy }, [xy.buffer as ArrayBuffer])
  }
  const xy = layout.picture()
  send({ type: 'done', epoch: layout.epoch, epochs: layout.epochs, xy }, [xy.buffer as ArrayBuffer])
}

const port = parentPort
if (port) {
  try {
    run(workerData as LayoutTask, (message, transfer) => port.postMessage(message, transfer))
  } catch (error) {
    port.postMessage({ type: 'failed', error: AppError.from(error).toData() } satisfies FromLayout)
  }
}
