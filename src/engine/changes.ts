import type { StoreInfo } from '../contract/index.ts'
import { type Sessions, storeInfo } from './sessions.ts'

/** How often the stores are asked whether something changed, milliseconds. */
const POLL_MS = 200

/** Sends the new state of each open store whose revision moved. */
export class Changes {
  #sessions: Sessions
  #send: (info: StoreInfo) => void
  #seen = new Map<string, number>()
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
      if (!this.#seen.has(session.id)) this.#seen.set(session.id, session.native.revision())
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
        const revision = session.native.revision()
        if (revision === this.#seen.get(session.id)) continue
        this.#seen.set(session.id, revision)
        this.#send(storeInfo(session))
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
