import { AppError, type MapChange, type MapData, type MapInfo } from '../../contract/index.ts'
import type { NativeLayout } from '../addon.ts'
import { mapKey } from '../kept-maps.ts'
import { nativeName } from '../names.ts'
import { readMap } from '../saved-maps.ts'
import type { Session } from '../sessions.ts'
import type { Emit, JobHandle } from './jobs.ts'
import { LAYOUT_ROWS_MIN } from './layout.ts'
import { drawn, frames, keepLayout, type MapPlace, save } from './map.ts'
import { nativeJob } from './native.ts'
import { runNative } from './native-layout.ts'
import { following } from './target.ts'

/** A finished map that changes starts again as if so much were done: its points are in about the right places. */
const SETTLED = 0.5

/** Goes on with a saved map from where its points are. Rows that were deleted since are left out. */
export async function goOn(
  job: JobHandle,
  session: Session,
  place: MapPlace,
  change: MapChange,
  emit: Emit,
): Promise<MapInfo> {
  const map = readMap(session, place)
  const { info } = map
  if (info.method !== 'umap') {
    throw new AppError({
      code: 'INVALID_REQUEST',
      message: `Map "${info.name}" was made by ${info.method}; only a map that the engine laid out can go on. Nothing was changed.`,
      remedy: 'Draw it again.',
    })
  }
  const params = {
    ...info.params,
    minDist: change.minDist ?? info.params.minDist,
    spread: change.spread ?? info.params.spread,
    epochs: Math.max(change.epochs ?? info.params.epochs, info.epoch),
  }
  const bent = params.minDist !== info.params.minDist || params.spread !== info.params.spread
  const ready = await layoutOf(job, session, place, map)
  const from = bent ? Math.min(info.epoch, Math.floor(params.epochs * SETTLED)) : info.epoch
  const { minDist, spread, epochs } = params
  ready.layout.adjust(JSON.stringify({ minDist, spread, epochs, seed: info.seed }), from)
  const frame = frames(job, session, place, emit)
  job.progress('layout', from, epochs, 'epochs', true)
  frame('umap', from, epochs, ready.start, ready.rows)
  const { xy, epoch } = await runNative(job, ready.layout, ready.rows.length, (now, picture) =>
    frame('umap', now, epochs, picture),
  )
  job.check()
  const { score: _, unsaved: __, placed: ___, ...rest } = info
  const moved: MapInfo = {
    ...rest,
    params,
    rows: ready.rows.length,
    epoch,
    created: new Date().toISOString(),
  }
  const saved = await save(session, place, drawn(moved, ready.rows, xy))
  keepLayout(session, place, saved, ready.layout)
  return saved
}

interface Ready {
  layout: NativeLayout
  rows: Uint32Array
  start: Float32Array
}

/** The layout that became the map, or a new one on a new graph that begins with its points. */
async function layoutOf(job: JobHandle, session: Session, place: MapPlace, map: MapData): Promise<Ready> {
  const { info, rows, xy } = map
  const last = session.layout
  // It changes from here on, whatever becomes of it.
  session.layout = null
  if (last?.key === mapKey(nativeName(place), place.name) && last.created === info.created) {
    return { layout: last.layout, rows, start: xy }
  }
  const snapshot = session.native.snapshot(nativeName(place), info.vector)
  try {
    const found = session.native.filterRows(nativeName(place), '')
    const live = new Uint32Array(found.length)
    found.copy(live)
    const { rows: there, xy: start } = only(rows, xy, live)
    if (there.length < LAYOUT_ROWS_MIN) {
      throw new AppError({
        code: 'EMPTY_INPUT',
        message: `Of the rows of map "${info.name}" ${there.length} are left: too few to lay out. Nothing was changed.`,
        remedy: 'Draw a map of what is there now.',
      })
    }
    job.progress('neighbour graph', 0, there.length, 'rows', true)
    const neighbours = Math.min(info.params.neighbours, there.length)
    const graph = await snapshot.mapGraph(nativeJob(job, 'rows', 'neighbour graph'), neighbours - 1, there)
    job.check()
    const { minDist, spread, epochs } = info.params
    const asked = JSON.stringify({ minDist, spread, epochs, seed: info.seed })
    const pulled = await following(snapshot, graph, info.params)
    const layout = await pulled.layout(nativeJob(job, 'epochs', 'layout'), start, asked)
    job.check()
    return { layout, rows: there, start }
  } finally {
    snapshot.release()
  }
}

/** The points of live rows; both kinds of rows ascend. */
function only(
  rows: Uint32Array,
  xy: Float32Array,
  live: Uint32Array,
): { rows: Uint32Array; xy: Float32Array } {
  const there = { rows: new Uint32Array(rows.length), xy: new Float32Array(xy.length) }
  let [length, next] = [0, 0]
  for (const [at, row] of rows.entries()) {
    while (next < live.length && (live[next] as number) < row) next += 1
    if (live[next] !== row) continue
    there.rows[length] = row
    there.xy.set(xy.subarray(at * 2, at * 2 + 2), length * 2)
    length += 1
  }
  return { rows: there.rows.slice(0, length), xy: there.xy.slice(0, length * 2) }
}
