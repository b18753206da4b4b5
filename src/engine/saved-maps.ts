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
  return { info: mapInfo(JSON.parse(map.info) as NativeMapInfo), rows, xy, kept: keeps }
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
