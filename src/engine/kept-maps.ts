import { type MapData, NAME_BORDER } from '../contract/index.ts'
import type { NativeLayout } from './addon.ts'

/** Maps of stores that are only read, or of the past: drawn and kept in memory until the store is closed. */
export type KeptMaps = Map<string, MapData>

/** A layout with its graph, and the map that it became. */
export interface KeptLayout {
  key: string
  /** ISO 8601: when that map was made. */
  created: string
  layout: NativeLayout
}

/** Maps that one session keeps; the oldest go first. */
const KEPT_MAX = 8

/** `collection`: as the native side is asked for it. */
export function mapKey(collection: string, name: string): string {
  return `${collection}${NAME_BORDER}${NAME_BORDER}${name}`
}

export function keepMap(maps: KeptMaps, key: string, map: MapData): void {
  maps.delete(key)
  maps.set(key, map)
  const [oldest] = maps.keys()
  if (maps.size > KEPT_MAX && oldest !== undefined) maps.delete(oldest)
}
