import type { StoreInfo } from '../contract/index.ts'
import { type Sessions, storeInfo } from './sessions.ts'

/** How often the stores are asked whether something changed, milliseconds. */
const POLL_MS = 200

/** Sends the new state of each open store whose revision moved, or whose indexes got further. */
export class Changes {
  #sessions: Sessions
  #send: (info: StoreInfo) => void
  #seen = new Map<string, Seen>()
  #timer: NodeJS.Timeout | null = null

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
      this.#timer = setInterval(() => this.check(), POLL_MS)
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
        if (before && !before.building && before.revision === session.native.revision()) continue
        const info = storeInfo(session)
        const now = seen(info)
        this.#seen.set(session.id, now)
        if (before?.revision !== now.revision || before.progress !== now.progress) this.#send(info)
      } catch {
        // A store that cannot say how it is says so to whoever uses it next.
      }
    }
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
  progress: string
}

function seen(info: StoreInfo): Seen {
  const indexes = info.collections.flatMap((collection) => collection.vectors.map((vector) => vector.index))
  return {
    revision: info.revision,
    building: indexes.some((index) => index.state === 'building'),
    progress: indexes.map((index) => `${index.state} ${index.indexedRows} ${index.progress}`).join(),
  }
}
