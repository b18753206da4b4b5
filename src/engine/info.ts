import { statfsSync } from 'node:fs'
import { basename } from 'node:path'
import type {
  CollectionInfo,
  HistoryEntry,
  HistoryInfo,
  MapInfo,
  MapScore,
  StoreInfo,
} from '../contract/index.ts'
import { holderName } from './holder.ts'
import { mapKey } from './kept-maps.ts'
import type { Session } from './sessions.ts'

/** What the addon says, as the contract has it. */

interface NativeInfo {
  generation: number
  revision: number
  walBytes: number
  diskBytes: number
  readOnly: boolean
  writer: string | null
  history: HistoryInfo
  collections: (Omit<CollectionInfo, 'id' | 'maps' | 'undo' | 'redo'> & {
    idColumn: { name: string | null; type: string }
    maps: NativeMapInfo[]
    undo: NativeEntry | null
    redo: NativeEntry | null
  })[]
}

export interface NativeMapInfo {
  name: string
  params: unknown
  seed: number
  rows: number
  generation: number
  /** Milliseconds since 1970. */
  created: number
  score?: MapScore
}

/** Absent where there is nothing to say. */
export type NativeEntry = Omit<HistoryEntry, 'note' | 'target' | 'step' | 'undone'> &
  Partial<Pick<HistoryEntry, 'note' | 'target' | 'step' | 'undone'>>

export function storeInfo(session: Session): StoreInfo {
  const info = JSON.parse(session.native.info()) as NativeInfo
  return {
    store: session.id,
    name: basename(session.path),
    path: session.path,
    generation: info.generation,
    revision: session.revisionBase + info.revision,
    walBytes: info.walBytes,
    diskBytes: info.diskBytes,
    freeBytes: freeBytes(session.path),
    readOnly: session.readOnly,
    writer: info.writer === null ? null : holderName(info.writer),
    history: historyInfo(info.history),
    collections: info.collections.map(({ idColumn, maps, undo, redo, ...rest }) => ({
      ...rest,
      id: { column: idColumn.name ?? '', type: idType(idColumn.type) },
      maps: withKept(session, rest.name, maps.map(mapInfo)),
      undo: undo ? historyEntry(undo) : null,
      redo: redo ? historyEntry(redo) : null,
    })),
  }
}

/** What is told of the history and no more: the native side says things that only it needs. */
function historyInfo({ entries, bytes, pruned, rule }: HistoryInfo): HistoryInfo {
  return { entries, bytes, pruned: pruned && { entries: pruned.entries, until: pruned.until }, rule }
}

export function historyEntry(native: NativeEntry): HistoryEntry {
  const { seq, at, until, kind, collection, added, removed, revived, changed } = native
  const { note = null, target = null, step = false, undone = false } = native
  return { seq, at, until, kind, collection, added, removed, revived, changed, note, target, step, undone }
}

function idType(type: string): CollectionInfo['id']['type'] {
  return type === 'int' || type === 'text' ? type : 'rownumber'
}

/** A map in memory is newer than a saved one of its name. */
function withKept(session: Session, collection: string, saved: MapInfo[]): MapInfo[] {
  const prefix = mapKey(collection, '')
  const kept = [...session.maps].filter(([key]) => key.startsWith(prefix)).map(([, { info }]) => info)
  return [...saved.filter(({ name }) => !kept.some((map) => map.name === name)), ...kept]
}

/** What the store does not know of travels inside the parameters, where it keeps whatever it is given. */
interface KeptParams {
  method: string
  epoch: number
  vector: string
  of: { filter: string | null }
  placed: number
  onto: string
}

export function mapInfo(native: NativeMapInfo): MapInfo {
  const given = typeof native.params === 'object' && native.params !== null ? native.params : {}
  const { method, epoch, vector, of, placed, onto, ...rest } = given as Partial<
    Omit<MapInfo['params'], 'method'> & KeptParams
  >
  const params: MapInfo['params'] = {
    neighbours: 15,
    minDist: 0.1,
    spread: 1,
    epochs: 0,
    method: method === 'umap-js' ? method : 'umap',
    ...rest,
  }
  return {
    name: native.name,
    params,
    seed: native.seed,
    rows: native.rows,
    ...(vector === undefined ? {} : { vector }),
    ...(of === undefined ? {} : { of }),
    ...(placed ? { placed } : {}),
    ...(onto === undefined ? {} : { onto }),
    epoch: epoch ?? params.epochs,
    generation: native.generation,
    created: new Date(native.created).toISOString(),
    method: method ?? 'unknown',
    ...(native.score ? { score: native.score } : {}),
  }
}

/** The other way round. */
export function nativeMapInfo(info: MapInfo): NativeMapInfo {
  const { name, params, seed, rows, generation, created, score } = info
  const { method, epoch, vector, of, placed, onto } = info
  // What is undefined does not travel.
  const kept = { ...params, method, epoch, vector, of, placed, onto }
  return {
    name,
    params: kept,
    seed,
    rows,
    generation,
    created: Date.parse(created),
    ...(score ? { score } : {}),
  }
}

/** Bytes that this user may still write on the store's drive; 0 where the system does not say. */
function freeBytes(path: string): number {
  try {
    const { bavail, bsize } = statfsSync(path)
    return bavail * bsize
  } catch {
    return 0
  }
}
