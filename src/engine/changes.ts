import type { StoreInfo } from '../contract/index.ts'
import { storeInfo } from './info.ts'
import { revisionOf, type Session, type Sessions } from './sessions.ts'

/** How often the stores are asked whether something changed, milliseconds. */
const POLL_MS = 200
/** How often a reader looks for what another process wrote, milliseconds. */
const READERS_MS = 1_000

/**
 * Sends the new state of each open store whose revision moved, or whose indexes got further. Readers it makes look for
 * newer data first.
 */
export class Changes {
  #sessions: Sessions
  #send: (info: StoreInfo) => void
  #seen = new Map<string, Seen>()
  #timer: NodeJS.Timeout | null = null
  #refreshed = 0
  #refreshing = new Set<string>()

  constructor(sessions: Sessions, send: (info: StoreInfo) => void) {
    this.#sessions = sessions
    this.#send = send
  }

  /** To be called when a store was opened or closed: polling goes on while one is open. */
  update(): void {
    const open = this.#sessions.all
    const ids = new Set(open.map((session) => session.id))
    for (const id of this.#seen.keys()) if (!ids.has(id)) this.#seen.delete(id)
    for (const session of open) {
      if (!this.#seen.has(session.id)) this.#seen.set(session.id, seen(storeInfo(session)))
    }
    if (open.length > 0 && !this.#timer) {
      this.#timer = setInterval(() => this.#tick(), POLL_MS)
      // Watching is no reason to keep a program running.
      this.#timer.unref()
    } else if (open.length === 0 && this.#timer) {
      clearInterval(this.#timer)
      this.#timer = null
    }
  }

  /** Looks now. */
  check(): void {
    for (const session of this.#sessions.all) {
      try {
        const before = this.#seen.get(session.id)
        // Without a build under way, the revision alone says whether there is anything to look at.
        if (before && !before.building && before.revision === revisionOf(session)) continue
        this.#look(session)
      } catch {
        // A store that cannot say how it is says so to whoever uses it next.
      }
    }
  }

  #tick(): void {
    this.check()
    const now = performance.now()
    if (now - this.#refreshed < READERS_MS) return
    this.#refreshed = now
    for (const session of this.#sessions.all) {
      if (session.readOnly && !this.#refreshing.has(session.id)) void this.#refresh(session)
    }
  }

  async #refresh(session: Session): Promise<void> {
    this.#refreshing.add(session.id)
    try {
      await session.native.refresh()
      // Also without newer data: the writer may have come or gone.
      this.#look(session)
    } catch {
      // As in check: the old state can still be read, and who uses the store next is told.
    } finally {
      this.#refreshing.delete(session.id)
    }
  }

  #look(session: Session): void {
    const before = this.#seen.get(session.id)
    if (!before) return
    const info = storeInfo(session)
    const now = seen(info)
    this.#seen.set(session.id, now)
    if (before.revision !== now.revision || before.rest !== now.rest) this.#send(info)
  }

  stop(): void {
    if (this.#timer) clearInterval(this.#timer)
    this.#timer = null
  }
}

/** What of a store is compared. */
interface Seen {
  revision: number
  building: boolean
  /** What may change without the revision: the progress of indexes, who writes. */
  rest: string
}

function seen(info: StoreInfo): Seen {
  const indexes = info.collections.flatMap((collection) => collection.vectors.map((vector) => vector.index))
  return {
    revision: info.revision,
    building: indexes.some((index) => index.state === 'building'),
    rest: [
      ...indexes.map((index) => `${index.state} ${index.indexedRows} ${index.progress}`),
      info.readOnly,
      info.writer,
    ].join(),
  }
}
