import { randomUUID } from 'node:crypto'
import { existsSync, mkdirSync, readdirSync, realpathSync, rmdirSync, rmSync } from 'node:fs'
import { basename, dirname, join, resolve } from 'node:path'
import { AppError, type Memory, type StoreInfo } from '../contract/index.ts'
import { addon, type NativeStore, nativeError } from './addon.ts'
import { readOnlyError } from './holder.ts'
import { storeInfo } from './info.ts'
import type { KeptLayout, KeptMaps } from './kept-maps.ts'

/** The open stores: one handle a path, whoever asks. */

export interface Session {
  readonly id: string
  readonly path: string
  /** Another one after a reader became a writer: to be asked for each time. */
  native: NativeStore
  readOnly: boolean
  readonly memory: Memory
  /** This opening made the store: there was nothing at its path before. */
  readonly made: boolean
  /** Added to the native revision, so that the sum grows also when the handle changes. */
  revisionBase: number
  /** Maps that could not be saved, because the store is only read. */
  readonly maps: KeptMaps
  /** The layout of the map that was drawn last, to go on with. */
  layout: KeptLayout | null
  /** The jobs that judge maps, by map. */
  readonly judging: Map<string, string>
}

export interface OpenHow {
  create: boolean
  readOnly: boolean
  memory: Memory
}

export class Sessions {
  #byId = new Map<string, Session>()
  /** The last opening of each path: the next one waits for it. */
  #opening = new Map<string, Promise<Session>>()
  #closing = new Set<Promise<void>>()
  #holder: string
  #jobsEnded: (store: string) => Promise<void>

  /** `holder`: the program's name, for others who find a store locked. */
  constructor(holder: string, jobsEnded: (store: string) => Promise<void>) {
    this.#holder = holder
    this.#jobsEnded = jobsEnded
  }

  get all(): Session[] {
    return [...this.#byId.values()]
  }

  /** Opens the store at a path, or gives the handle that is open. Throws what the store throws. */
  async open(path: string, how: OpenHow): Promise<Session> {
    const real = realPath(path)
    const last = this.#opening.get(real)
    const next = last
      ? last.then(
          () => this.#openNow(real, how),
          () => this.#openNow(real, how),
        )
      : this.#openNow(real, how)
    this.#opening.set(real, next)
    try {
      return await next
    } catch (error) {
      throw nativeError(error)
    } finally {
      if (this.#opening.get(real) === next) this.#opening.delete(real)
    }
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

  /** The same, to be written. Throws READ_ONLY too. */
  toWrite(id: string): Session {
    const session = this.get(id)
    if (session.readOnly) throw readOnlyError(storeInfo(session).writer)
    return session
  }

  /** `discardEmpty`: a store that was made in this session and holds nothing is removed from the disk. */
  async close(id: string, discardEmpty = false): Promise<void> {
    const session = this.get(id)
    const discard = discardEmpty && session.made && isEmpty(storeInfo(session))
    this.#byId.delete(id)
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

  async #openNow(path: string, { create, readOnly, memory }: OpenHow): Promise<Session> {
    // A store that is being closed still holds its lock.
    await Promise.all(this.#closing)
    const known = this.all.find((session) => session.path === path)
    if (known) {
      if (known.readOnly && !readOnly) await this.#writeFromNowOn(known)
      return known
    }
    if (create && !readOnly) mkdirSync(dirname(path), { recursive: true })
    const made = create && !readOnly && !existsSync(path)
    const native = await this.#native(path, { create: create && !readOnly, readOnly, memory })
    const session = {
      id: randomUUID(),
      path,
      native,
      readOnly,
      memory,
      made,
      revisionBase: 0,
      maps: new Map(),
      layout: null,
      judging: new Map(),
    }
    this.#byId.set(session.id, session)
    return session
  }

  #native(path: string, { create, readOnly, memory }: OpenHow): Promise<NativeStore> {
    const how = { create, readOnly, compact: memory === 'compact', holder: this.#holder }
    return addon().openStore(path, how)
  }

  /** Puts a writing handle in the place of a reading one. Throws STORE_LOCKED, and then reading goes on. */
  async #writeFromNowOn(session: Session): Promise<void> {
    const writer = await this.#native(session.path, {
      create: false,
      readOnly: false,
      memory: session.memory,
    })
    if (!this.#byId.has(session.id)) {
      await writer.close()
      this.get(session.id)
    }
    const reader = session.native
    session.revisionBase = revisionOf(session) + 1 - writer.revision()
    session.native = writer
    session.readOnly = false
    // Jobs under way may still use it.
    void this.#jobsEnded(session.id)
      .then(() => reader.close())
      .catch(() => undefined)
  }
}

/** Grows at every change that a reader can see. */
export function revisionOf(session: Session): number {
  return session.revisionBase + session.native.revision()
}

/** Without a collection, and without a history that could bring one back. */
function isEmpty({ collections, history }: StoreInfo): boolean {
  return collections.length === 0 && history.entries === 0
}

/** What an empty store's folder may hold; anything else in it is somebody's, and the folder stays. */
const STORE_ENTRY = /^(LOCK|MANIFEST-\d{20}|wal|maps|segments|history)$/

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
