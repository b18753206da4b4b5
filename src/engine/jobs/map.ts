import { existsSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { Worker } from 'node:worker_threads'
import { AppError, type MapInfo, type MapParams } from '../../contract/index.ts'
import type { NativeNeighbours, NativeSnapshot } from '../addon.ts'
import { mapInfo, type NativeMapInfo } from '../info.ts'
import { keepMap, mapKey } from '../kept-maps.ts'
import { nativeName } from '../names.ts'
import type { Session } from '../sessions.ts'
import type { Neighbours } from './fuzzy.ts'
import { cancelledError, type Emit, type JobHandle } from './jobs.ts'
import { defaultEpochs, LAYOUT_ROWS_MIN, startPicture } from './layout.ts'
import { nativeJob } from './native.ts'
import { FRAME_EVERY_MS, type FromLayout, type LayoutTask } from './umap-protocol.ts'

/** Rows that umap-js is asked to lay out; beyond, it would take many minutes and gigabytes. */
export const UMAP_JS_ROWS_MAX = 100_000
/** Rows for each of which the pause between two frames grows by one shortest pause: larger pictures take longer to send. */
const ROWS_A_PAUSE = 250_000

export interface MapOrder {
  collection: string
  /** The entry of the history before which the collection is drawn; absent: as it is. */
  before?: number
  name: string
  params: MapParams
  seed: number
}

/**
 * Draws a map and saves it (keeps it in memory where the store is only read): the PCA at once as the first frame, then the neighbour graph, then UMAP from the
 * PCA: the engine's own, or umap-js on a thread of its own.
 */
export async function drawMap(
  job: JobHandle,
  session: Session,
  order: MapOrder,
  emit: Emit,
): Promise<MapInfo> {
  const snapshot = session.native.snapshot(nativeName(order))
  try {
    return await draw(job, session, snapshot, order, emit)
  } finally {
    snapshot.release()
  }
}

async function draw(
  job: JobHandle,
  session: Session,
  snapshot: NativeSnapshot,
  order: MapOrder,
  emit: Emit,
): Promise<MapInfo> {
  const { collection, name, params, seed } = order
  const count = snapshot.length
  if (count === 0) {
    throw new AppError({
      code: 'EMPTY_INPUT',
      message: `Collection "${collection}" has no rows, so there is nothing to draw.`,
      remedy: 'Import rows first.',
    })
  }
  if (params.method === 'umap-js' && count > UMAP_JS_ROWS_MAX) {
    throw new AppError({
      code: 'LIMIT_EXCEEDED',
      message: `umap-js takes up to ${UMAP_JS_ROWS_MAX} rows, and collection "${collection}" has ${count}. Nothing was changed.`,
      remedy: 'Let the engine lay the map out.',
      detail: { rows: count, limit: UMAP_JS_ROWS_MAX },
    })
  }
  const frame = (
    stage: 'pca' | 'umap',
    epoch: number,
    epochs: number,
    xy: Float32Array,
    rows?: Uint32Array,
  ) => emit('map.frame', { job: job.id, store: session.id, collection, stage, epoch, epochs, rows, xy })

  const layout = count >= LAYOUT_ROWS_MIN
  const epochs = layout ? params.epochs || defaultEpochs(count) : 0
  job.progress('first picture', 0, count, 'rows', true)
  const points = await snapshot.pca(nativeJob(job, 'rows', 'first picture'))
  job.check()
  const rows = new Uint32Array(points.length)
  const flat = new Float32Array(points.length * 2)
  points.rows(rows)
  points.xy(flat)
  const start = startPicture(flat)
  frame('pca', 0, epochs, start, rows)

  let xy: Float32Array = start
  if (layout) {
    job.progress('neighbour graph', 0, count, 'rows', true)
    const neighbours = Math.min(params.neighbours, rows.length)
    const found = await snapshot.knnGraph(nativeJob(job, 'rows', 'neighbour graph'), neighbours - 1)
    job.check()
    job.progress('layout', 0, epochs, 'epochs', true)
    const show = (epoch: number, total: number, picture: Float32Array) => {
      job.progress('layout', epoch, total, 'epochs')
      frame('umap', epoch, total, picture)
    }
    xy =
      params.method === 'umap-js'
        ? await runLayout(job, { graph: copied(found), start, params, seed }, show)
        : await layOut(job, found, start, { ...params, epochs, seed }, show)
  }
  job.check()
  const info: NativeMapInfo = {
    name,
    params: { ...params, epochs, method: layout ? params.method : 'pca' },
    seed,
    rows: rows.length,
    generation: snapshot.generation,
    created: Date.now(),
  }
  const key = mapKey(nativeName(order), name)
  if (session.readOnly || order.before !== undefined) {
    const unsaved: MapInfo = { ...mapInfo(info), unsaved: true }
    keepMap(session.maps, key, { info: unsaved, rows, xy })
    session.revisionBase++
    return unsaved
  }
  await session.native.saveMap(collection, JSON.stringify(info), rows, xy, new Uint8Array())
  session.maps.delete(key)
  return mapInfo(info)
}

function copied(found: NativeNeighbours): Neighbours {
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

/** Runs the engine's own layout to its end, and looks at it on the way. */
async function layOut(
  job: JobHandle,
  graph: NativeNeighbours,
  start: Float32Array,
  { minDist, spread, epochs, seed }: MapParams & { seed: number },
  onFrame: (epoch: number, epochs: number, xy: Float32Array) => void,
): Promise<Float32Array> {
  const native = nativeJob(job, 'epochs', 'layout')
  const layout = await graph.layout(native, start, JSON.stringify({ minDist, spread, epochs, seed }))
  job.check()
  let shown = 0
  const look = () => {
    const xy = new Float32Array(start.length)
    const epoch = layout.xy(xy)
    if (epoch > shown) onFrame(epoch, epochs, xy)
    shown = epoch
    return xy
  }
  const pause = FRAME_EVERY_MS * Math.max(1, start.length / 2 / ROWS_A_PAUSE)
  const looking = setInterval(look, pause)
  try {
    await layout.run(native)
  } finally {
    clearInterval(looking)
  }
  return look()
}

/** Runs umap-js to its end on its own thread; terminates the thread when the job is cancelled. */
function runLayout(
  job: JobHandle,
  task: Omit<LayoutTask, 'acknowledged'>,
  onFrame: (epoch: number, epochs: number, xy: Float32Array) => void,
): Promise<Float32Array> {
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
      void worker.terminate().then(act, act)
    }
    job.onCancel(() => settle(() => reject(cancelledError())))
    worker.on('message', (message: FromLayout) => {
      if (settled) return
      if (message.type === 'frame') {
        onFrame(message.epoch, message.epochs, message.xy)
        Atomics.add(acknowledged, 0, 1)
      } else if (message.type === 'done') {
        onFrame(message.epoch, message.epochs, message.xy)
        settle(() => resolve(message.xy))
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
