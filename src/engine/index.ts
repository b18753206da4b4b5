import type { EventName, Events, Operation, Params, Results } from '../contract/index.ts'
import { type NativeSnapshot, nativeError } from './addon.ts'
import { Changes } from './changes.ts'
import type { Context } from './context.ts'
import type { GrantMap } from './grants.ts'
import { Jobs } from './jobs/jobs.ts'
import { Router } from './router.ts'
import { Sessions } from './sessions.ts'

export { type NativeSearcher, type NativeSnapshot, nativeError } from './addon.ts'
export type { GrantedPath, GrantMap } from './grants.ts'
export { Router } from './router.ts'

export type EngineEvent = { [E in EventName]: { event: E; data: Events[E] } }[EventName]

/** The engine, the same in Electron's utility process, on the command line and embedded. */
export interface Engine {
  router: Router
  /** Runs one operation. Throws AppError. */
  call<O extends Operation>(op: O, params: Params<O>): Promise<Results[O]>
  /** One unchanging state of a collection, for who runs in the same process. Throws AppError. */
  snapshot(store: string, collection: string, vector?: string): NativeSnapshot
  /** Hears every event; returns the way to stop. */
  on(listener: (message: EngineEvent) => void): () => void
  /** Cancels the jobs and closes the stores. The engine may be used again afterwards. */
  close(): Promise<void>
}

export interface EngineOptions {
  /** Filled by the host, at any time; only paths in it are opened. */
  grants: GrantMap
  /** Name of the program, told to others who find a store locked. */
  holder?: string
}

export function createEngine({ grants, holder = 'a Node program' }: EngineOptions): Engine {
  const listeners = new Set<(message: EngineEvent) => void>()
  const emit = <E extends EventName>(event: E, data: Events[E]) => {
    for (const listener of [...listeners]) {
      try {
        listener({ event, data } as EngineEvent)
      } catch {
        // A listener's own trouble must not end a job.
      }
    }
  }
  const jobs = new Jobs(emit)
  const sessions = new Sessions(holder, (store) => jobs.ended(store))
  const changes = new Changes(sessions, (info) => emit('store.changed', info))
  const context: Context = { grants, sessions, jobs, changes, emit }
  const router = new Router(context)
  return {
    router,
    call: (op, params) => router.call(op, params),
    snapshot(store, collection, vector) {
      try {
        return sessions.get(store).native.snapshot(collection, vector)
      } catch (error) {
        throw nativeError(error)
      }
    },
    on(listener) {
      listeners.add(listener)
      return () => void listeners.delete(listener)
    },
    async close() {
      await jobs.stop()
      changes.stop()
      await Promise.allSettled(sessions.all.map((session) => sessions.close(session.id)))
      changes.update()
    },
  }
}
