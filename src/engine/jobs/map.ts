import {
  AppError,
  defaultEpochs,
  type MapData,
  type MapInfo,
  type MapParams,
  type MapRows,
} from '../../contract/index.ts'
import { addon, type NativeLayout, type NativeSnapshot } from '../addon.ts'
import { nativeMapInfo } from '../info.ts'
import { keepMap, mapKey } from '../kept-maps.ts'
import { nativeName } from '../names.ts'
import { readMap } from '../saved-maps.ts'
import type { Session } from '../sessions.ts'
import { graphAfterIndex } from './index-first.ts'
import type { Emit, JobHandle } from './jobs.ts'
import { LAYOUT_ROWS_MIN, startPicture } from './layout.ts'
import { nativeJob } from './native.ts'
import { runNative } from './native-layout.ts'
import { orStopped } from './stoppable.ts'
import { following } from './target.ts'
import { copied, runUmapJs, UMAP_JS_ROWS_MAX } from './umap-js.ts'

/** A collection, now or before an entry of the history, and a map of it. */
export interface MapPlace {
  collection: string
  before?: number
  name: string
}

export interface MapOrder extends MapPlace {
  params: MapParams
  seed: number
  /** The vector column; absent: the first. */
  vector?: string
  /** Absent: all rows. */
  among?: MapRows
  /** A saved map that this one is turned to lie like. */
  onto?: string
}

type Frame = (
  stage: 'pca' | 'umap',
  epoch: number,
  epochs: number,
  xy: Float32Array,
  rows?: Uint32Array,
) => void

/** Tells of a map that forms. */
export function frames(job: JobHandle, session: Session, { collection, name }: MapPlace, emit: Emit): Frame {
  return (stage, epoch, epochs, xy, rows) =>
    emit('map.frame', { job: job.id, store: session.id, collection, name, stage, epoch, epochs, rows, xy })
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
  const among = chosenRows(session, order)
  const snapshot = session.native.snapshot(nativeName(order), order.vector)
  try {
    const of = order.among && { filter: order.among.by === 'filter' ? order.among.filter : null }
    const onto = order.onto === undefined ? undefined : readMap(session, { ...order, name: order.onto })
    const drawing = { ...order, among, of, onto }
    return await draw(job, session, snapshot, drawing, frames(job, session, order, emit))
  } finally {
    snapshot.release()
  }
}

/** The rows that a map is of, ascending; undefined for all. */
export function chosenRows(
  session: Session,
  { among, ...order }: Omit<MapPlace, 'name'> & Pick<MapOrder, 'among'>,
): Uint32Array | undefined {
  if (among?.by !== 'filter') return among && Uint32Array.from(new Set(among.rows)).sort()
  const found = session.native.filterRows(nativeName(order), among.filter)
  const rows = new Uint32Array(found.length)
  found.copy(rows)
  return rows
}

async function draw(
  job: JobHandle,
  session: Session,
  snapshot: NativeSnapshot,
  order: Omit<MapOrder, 'among' | 'onto'> & { among?: Uint32Array; of?: MapInfo['of']; onto?: MapData },
  frame: Frame,
): Promise<MapInfo> {
  const { collection, params, seed, among, onto } = order
  const count = among?.length ?? snapshot.length
  if (count === 0) throw nothingToDraw(collection, among !== undefined)
  if (params.method === 'umap-js' && count > UMAP_JS_ROWS_MAX) {
    throw new AppError({
      code: 'LIMIT_EXCEEDED',
      message: `umap-js takes up to ${UMAP_JS_ROWS_MAX} rows, and these are ${count}. Nothing was changed.`,
      remedy: 'Let the engine lay the map out.',
      detail: { rows: count, limit: UMAP_JS_ROWS_MAX },
    })
  }
  const laidOut = count >= LAYOUT_ROWS_MIN
  const epochs = laidOut ? params.epochs || defaultEpochs(count) : 0
  job.progress('first picture', 0, count, 'rows', true)
  const points = await snapshot.pca(nativeJob(job, 'rows', 'first picture'), among)
  job.check()
  const rows = new Uint32Array(points.length)
  const flat = new Float32Array(points.length * 2)
  points.rows(rows)
  points.xy(flat)
  const start = startPicture(flat)
  const turned = onto !== undefined && turnOnto(rows, start, onto) !== null
  frame('pca', 0, epochs, start, rows)

  const info: MapInfo = {
    name: order.name,
    params: { ...params, epochs },
    seed,
    rows: rows.length,
    ...(order.vector === undefined ? {} : { vector: order.vector }),
    ...(order.of ? { of: order.of } : {}),
    ...(turned ? { onto: onto.info.name } : {}),
    epoch: epochs,
    generation: snapshot.generation,
    created: new Date().toISOString(),
    method: laidOut ? params.method : 'pca',
  }
  if (!laidOut) return save(session, order, drawn(info, rows, start))
  job.progress('neighbour graph', 0, count, 'rows', true)
  const neighbours = Math.min(params.neighbours, rows.length)
  const k = neighbours - 1
  const found = await orStopped(job, (part) =>
    among === undefined && order.before === undefined
      ? graphAfterIndex(part, session, snapshot, { collection, vector: order.vector, rows, k })
      : snapshot.mapGraph(nativeJob(part, 'rows', 'neighbour graph'), k, among),
  )
  job.check()
  // The picture that is there is kept; only our own layout can go on from it.
  if (!found) {
    const method = params.method === 'umap' ? 'umap' : 'pca'
    return save(session, order, drawn({ ...info, epoch: 0, method }, rows, start))
  }
  job.progress('layout', 0, epochs, 'epochs', true)
  if (params.method === 'umap-js') {
    const show = (epoch: number, total: number, picture: Float32Array) => {
      job.progress('layout', epoch, total, 'epochs')
      frame('umap', epoch, total, picture)
    }
    const { xy, epoch } = await runUmapJs(job, { graph: copied(found), start, params, seed }, show)
    job.check()
    if (onto) turnOnto(rows, xy, onto)
    return save(session, order, drawn({ ...info, epoch, created: new Date().toISOString() }, rows, xy))
  }
  const { minDist, spread } = params
  const asked = JSON.stringify({ minDist, spread, epochs, seed })
  const pulled = await following(snapshot, found, params)
  const layout = await pulled.layout(nativeJob(job, 'epochs', 'layout'), start, asked)
  job.check()
  const { xy, epoch } = await runNative(job, layout, rows.length, (now, picture) =>
    frame('umap', now, epochs, picture),
  )
  job.check()
  const turn = onto ? turnOnto(rows, xy, onto) : null
  // What goes on later goes on as it lies now.
  if (turn) layout.turn(turn)
  const map = drawn({ ...info, epoch, created: new Date().toISOString() }, rows, xy)
  const saved = await save(session, order, map)
  keepLayout(session, order, saved, layout)
  return saved
}

/** The map can go on with this graph; where memory is short it gets a new one. */
export function keepLayout(
  session: Session,
  place: MapPlace,
  { created }: MapInfo,
  layout: NativeLayout,
): void {
  if (session.memory === 'compact') return
  session.layout = { key: mapKey(nativeName(place), place.name), created, layout }
}

/** Turns a picture to lie like a map; the turn, or null where they share too few rows. */
function turnOnto(rows: Uint32Array, xy: Float32Array, onto: MapData): Float32Array | null {
  const turn = new Float32Array(6)
  return addon().turnOnto(rows, xy, onto.rows, onto.xy, turn) ? turn : null
}

/** A map that was just laid out. */
export function drawn(info: MapInfo, rows: Uint32Array, xy: Float32Array): MapData {
  return { info, rows, xy, kept: null, placed: null }
}

/** Saves a map, or keeps it in memory where nothing can be saved. */
export async function save(session: Session, place: MapPlace, map: MapData): Promise<MapInfo> {
  const { info, rows, xy, kept, placed } = map
  const key = mapKey(nativeName(place), place.name)
  if (session.readOnly || place.before !== undefined) {
    const unsaved: MapInfo = { ...info, unsaved: true }
    keepMap(session.maps, key, { ...map, info: unsaved })
    session.revisionBase++
    return unsaved
  }
  const text = JSON.stringify(nativeMapInfo(info))
  const none = new Uint8Array()
  await session.native.saveMap(place.collection, text, rows, xy, kept ?? none, placed ?? none)
  session.maps.delete(key)
  return info
}

function nothingToDraw(collection: string, chosen: boolean): AppError {
  return new AppError({
    code: 'EMPTY_INPUT',
    message: chosen
      ? `No row of collection "${collection}" was chosen, so there is nothing to draw.`
      : `Collection "${collection}" has no rows, so there is nothing to draw.`,
    remedy: chosen ? 'Choose other rows, or another filter.' : 'Import rows first.',
  })
}
