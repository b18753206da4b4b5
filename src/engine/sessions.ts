import { randomUUID } from 'node:crypto'
import { existsSync, mkdirSync, readdirSync, realpathSync, rmdirSync, rmSync, statfsSync } from 'node:fs'
import { basename, dirname, join, resolve } from 'node:path'
import { AppError, type CollectionInfo, type MapInfo, type StoreInfo } from '../contract/index.ts'
import { addon, type NativeStore, nativeError } from './addon.ts'

/** The open stores: one handle a path, whoever asks. */

export interface Session {
  readonly id: string
  readonly path: string
  readonly native: NativeStore
  /** This opening made the store: there was nothing at its path before. */
  readonly made: boolean
}

export class Sessions {
  #byId = new Map<string, Session>()
  #byPath = new Map<string, Promise<Session>>()
  #closing = new Set<Promise<void>>()

  get all(): Session[] {
    return [...this.#byId.values()]
  }

  /** Opens the store at a path, or gives the handle that is open. Throws what the store throws. */
  async open(path: string, create: boolean): Promise<Session> {
    const real = realPath(path)
    const known = this.#byPath.get(real)
    if (known) return known
    // A store that is being closed still holds its lock.
    await Promise.all(this.#closing)
    const raced = this.#byPath.get(real)
    if (raced) return raced
    const opening = this.#open(real, create)
    this.#byPath.set(real, opening)
    opening.catch(() => this.#byPath.delete(real))
    return opening
  }

  /** Throws UNKNOWN_STORE. */
  get(id: string): Session {
    const session = this.#byId.get(id)
    if (!session) {
      throw new AppError({
        code: 'UNKNOWN_STORE',
        message: 'This store is not open.',
        remedy: 'Open it again. Nothing that was saved is affected.',
        detail: { store: id },
      })
    }
    return session
  }

  /** `discardEmpty`: a store that was made in this session and holds no collection is removed from the disk. */
  async close(id: string, discardEmpty = false): Promise<void> {
    const session = this.get(id)
    const discard = discardEmpty && session.made && storeInfo(session).collections.length === 0
    this.#byId.delete(id)
    this.#byPath.delete(session.path)
    const closing = session.native
      .close()
      .then(() => (discard ? removeEmptyStore(session.path) : undefined))
      .catch((error: unknown) => {
        throw nativeError(error)
      })
    const settled = closing.then(
      () => undefined,
      () => undefined,
    )
    this.#closing.add(settled)
    settled.finally(() => this.#closing.delete(settled))
    await closing
  }

  async #open(path: string, create: boolean): Promise<Session> {
    try {
      if (create) mkdirSync(dirname(path), { recursive: true })
      const made = create && !existsSync(path)
      const native = await addon().openStore(path, create)
      const session: Session = { id: randomUUID(), path, native, made }
      this.#byId.set(session.id, session)
      return session
    } catch (error) {
      throw nativeError(error)
    }
  }
}

/** What an empty store's folder may hold; anything else in it is somebody's, and the folder stays. */
const STORE_ENTRY = /^(LOCK|MANIFEST-\d{20}|wal|maps|segments)$/

function removeEmptyStore(path: string): void {
  const entries = readdirSync(path)
  if (!entries.every((name) => STORE_ENTRY.test(name))) return
  for (const name of entries) rmSync(join(path, name), { recursive: true, force: true })
  rmdirSync(path)
}

/** The path without links, as far as it exists, so that two spellings are one store. */
function realPath(path: string): string {
  const absolute = resolve(path)
  try {
    return realpathSync(absolute)
  } catch {
    try {
      return join(realpathSync(dirname(absolute)), basename(absolute))
    } catch {
      return absolute
    }
  }
}

/** What the addon says about a store. */
interface NativeInfo {
  generation: number
  revision: number
  walBytes: number
  diskBytes: number
  collections: (Omit<CollectionInfo, 'id' | 'maps'> & {
    idColumn: { name: string | null; type: string }
    maps: NativeMapInfo[]
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
}

export function storeInfo(session: Session): StoreInfo {
  const info = JSON.parse(session.native.info()) as NativeInfo
  return {
    store: session.id,
    name: basename(session.path),
    path: session.path,
    generation: info.generation,
    revision: info.revision,
    walBytes: info.walBytes,
    diskBytes: info.diskBytes,
    freeBytes: freeBytes(session.path),
    collections: info.collections.map(({ idColumn, maps, ...rest }) => ({
      ...rest,
      id: { column: idColumn.name ?? '', type: idType(idColumn.type) },
      maps: maps.map(mapInfo),
    })),
  }
}

function idType(type: string): CollectionInfo['id']['type'] {
  return type === 'int' || type === 'text' ? type : 'rownumber'
}

/** The method travels inside the parameters, where the store keeps whatever it is given. */
export function mapInfo(native: NativeMapInfo): MapInfo {
  const params = typeof native.params === 'object' && native.params !== null ? native.params : {}
  const { method, ...rest } = params as Partial<MapInfo['params']> & { method?: unknown }
  return {
    name: native.name,
    params: { neighbours: 15, minDist: 0.1, spread: 1, epochs: 0, ...rest },
    seed: native.seed,
    rows: native.rows,
    generation: native.generation,
    created: new Date(native.created).toISOString(),
    method: typeof method === 'string' ? method : 'unknown',
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
