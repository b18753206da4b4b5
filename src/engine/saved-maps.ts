import { AppError, type MapData } from '../contract/index.ts'
import { mapInfo, type NativeMapInfo } from './info.ts'
import { mapKey } from './kept-maps.ts'
import { nativeName } from './names.ts'
import type { Session } from './sessions.ts'

/** A map that is saved in the store or kept in memory. Throws UNKNOWN_MAP. */
export function readMap(
  { native, maps }: Session,
  { name, ...target }: { collection: string; before?: number; name: string },
): MapData {
  const collection = nativeName(target)
  const kept = maps.get(mapKey(collection, name))
  if (kept) return kept
  const map = native.map(collection, name)
  const rows = new Uint32Array(map.length)
  const xy = new Float32Array(map.length * 2)
  map.rows(rows)
  map.xy(xy)
  const keeps = map.judged ? new Uint8Array(map.length) : null
  if (keeps) map.kept(keeps)
  const placed = map.marked ? new Uint8Array(map.length) : null
  if (placed) map.placed(placed)
  return { info: mapInfo(JSON.parse(map.info) as NativeMapInfo), rows, xy, kept: keeps, placed }
}

/** Rows that a map has not but would have if it were drawn now, and those of its own that are gone; both ascend. */
export function changedSince(
  { native }: Session,
  { name: _, ...target }: { collection: string; before?: number; name: string },
  { info, rows }: MapData,
): { newer: Uint32Array; gone: number } {
  const collection = nativeName(target)
  const live = native.filterRows(collection, info.of?.filter ?? '')
  const now = new Uint32Array(live.length)
  live.copy(now)
  let [shared, at] = [0, 0]
  const newer = now.filter((row) => {
    while (at < rows.length && (rows[at] as number) < row) at += 1
    const there = rows[at] === row
    if (there) shared += 1
    return !there
  })
  // Nobody is added to rows that were chosen one by one.
  return { newer: info.of?.filter === null ? new Uint32Array() : newer, gone: rows.length - shared }
}

/** Whether the map is still the one that was made at that moment. */
export function isStill(
  session: Session,
  place: { collection: string; before?: number; name: string },
  created: string,
): boolean {
  try {
    return readMap(session, place).info.created === created
  } catch (thrown) {
    if (AppError.from(thrown).code === 'UNKNOWN_MAP') return false
    throw thrown
  }
}
