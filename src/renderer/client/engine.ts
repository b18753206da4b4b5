import {
  AppError,
  ENGINE_PORT,
  type EngineStatus,
  type EventName,
  type Events,
  type FromEngine,
  type Operation,
  type Params,
  type Results,
  type StoreInfo,
} from '../../contract/index.ts'

/**
 * The page's end of the port to the engine. The engine may die and come back; this file hides that as far as it
 * honestly can: stores are opened again under the handle that the page already knows, reads in flight are asked
 * once more, and writes in flight fail with ENGINE_RESTARTED because nobody can know whether they happened.
 */

/** Operations that change nothing and may therefore be asked twice. */
const READS: ReadonlySet<Operation> = new Set<Operation>([
  'engine.hello',
  'store.open',
  'store.info',
  'store.verify',
  'store.refresh',
  'store.history',
  'import.preview',
  'table.page',
  'table.position',
  'filter.rows',
  'filter.check',
  'row.get',
  'row.find',
  'rows.find',
  'row.labels',
  'search.run',
  'column.values',
  'map.get',
  'job.list',
])

/** Waits between attempts to reopen a store whose lock the dead engine may not have given back yet, ms. */
const REOPEN_WAITS_MS = [0, 200, 600, 1_500]

interface Call {
  op: Operation
  params: Record<string, unknown>
  resolve: (value: unknown) => void
  reject: (error: AppError) => void
  /** How often it was handed to an engine. */
  sent: number
}

interface OpenStore {
  grant: string
  /** It was opened for reading only, and is opened so again. */
  readOnly: boolean
  /** The running engine's handle; null until the store is open again. */
  inner: string | null
}

type Listener = (data: never) => void
type FailureListener = (error: AppError, store: string) => void

export type EnginePort = Pick<MessagePort, 'postMessage' | 'addEventListener' | 'start' | 'close'>

export class EngineClient {
  #port: EnginePort | null = null
  /** False between the arrival of a port and the reopening of the stores. */
  #ready = false
  #nextId = 1
  #inFlight = new Map<number, Call>()
  #waiting: Call[] = []
  #listeners = new Map<EventName, Set<Listener>>()
  #statusListeners = new Set<() => void>()
  #reconnectListeners = new Set<() => void>()
  #failureListeners = new Set<FailureListener>()
  /** An engine died since the stores were last open. A second port of the same engine, as at the start, is no death. */
  #died = false
  #status: EngineStatus = { state: 'restarting', deaths: 0, reason: '' }
  /** Handles that the page holds, and what they mean to the running engine. */
  #stores = new Map<string, OpenStore>()

  get status(): EngineStatus {
    return this.#status
  }

  /**
   * Asks the engine. Throws {@link AppError}: the engine's own, ENGINE_RESTARTED for a write that was under way
   * when the engine died, ENGINE_STOPPED when it was given up.
   */
  call<O extends Operation>(op: O, params: Params<O>): Promise<Results[O]> {
    return new Promise<Results[O]>((resolve, reject) => {
      const call: Call = {
        op,
        params: params as Record<string, unknown>,
        resolve: resolve as (value: unknown) => void,
        reject,
        sent: 0,
      }
      if (this.#status.state === 'stopped') reject(stopped(this.#status))
      else if (this.#ready) this.#send(call)
      else this.#waiting.push(call)
    })
  }

  /** Listens to an event of the engine; returns the way to stop. */
  on<E extends EventName>(event: E, listener: (data: Events[E]) => void): () => void {
    const set = this.#listeners.get(event) ?? new Set<Listener>()
    this.#listeners.set(event, set)
    set.add(listener as Listener)
    return () => void set.delete(listener as Listener)
  }

  /** Called at each change of {@link status}. */
  onStatus(listener: () => void): () => void {
    this.#statusListeners.add(listener)
    return () => void this.#statusListeners.delete(listener)
  }

  /** Called each time a new engine has taken the place of a dead one and the stores are open again. */
  onReconnect(listener: () => void): () => void {
    this.#reconnectListeners.add(listener)
    return () => void this.#reconnectListeners.delete(listener)
  }

  /** Called with every error that the engine answers, and the store that was asked; empty for none. */
  onFailure(listener: FailureListener): () => void {
    this.#failureListeners.add(listener)
    return () => void this.#failureListeners.delete(listener)
  }

  /** What the shell says about the engine's process. */
  setStatus(status: EngineStatus): void {
    this.#status = status
    if (status.state === 'stopped') {
      this.#lose()
      const calls = this.#waiting.splice(0)
      for (const call of calls) call.reject(stopped(status))
    } else if (status.state === 'restarting' && status.deaths > 0) {
      this.#died = true
      this.#lose()
    }
    for (const listener of this.#statusListeners) listener()
  }

  /** Takes a port of a (new) engine. */
  connect(port: EnginePort): void {
    this.#lose()
    this.#port = port
    port.addEventListener('message', (event) => this.#heard(port, (event as MessageEvent<FromEngine>).data))
    port.addEventListener('close', () => {
      if (this.#port !== port) return
      this.#died = true
      this.#lose()
    })
    port.start()
    void this.#reopen(port)
  }

  async #reopen(port: EnginePort): Promise<void> {
    for (const [outer, open] of this.#stores) {
      try {
        await this.#reopenOne(port, open)
      } catch (error) {
        if (this.#port !== port) return
        // The store is gone for this page; its calls say why.
        this.#stores.delete(outer)
        const lost = this.#waiting.filter((call) => call.params.store === outer)
        this.#waiting = this.#waiting.filter((call) => call.params.store !== outer)
        for (const call of lost) call.reject(AppError.from(error))
      }
      if (this.#port !== port) return
    }
    this.#ready = true
    for (const call of this.#waiting.splice(0)) this.#send(call)
    if (!this.#died) return
    this.#died = false
    for (const listener of this.#reconnectListeners) listener()
  }

  async #reopenOne(port: EnginePort, open: OpenStore): Promise<void> {
    let last: unknown
    for (const wait of REOPEN_WAITS_MS) {
      if (wait > 0) await new Promise((resolve) => setTimeout(resolve, wait))
      if (this.#port !== port) return
      try {
        // The answer has passed #remember and bears the page's handle.
        const info = await new Promise<unknown>((resolve, reject) => {
          const { grant, readOnly } = open
          this.#post({ op: 'store.open', params: { grant, readOnly }, resolve, reject, sent: 1 })
        })
        this.#emit('store.changed', info as StoreInfo)
        return
      } catch (error) {
        last = error
        if (!(error instanceof AppError) || (error.code !== 'STORE_LOCKED' && !error.retry)) break
      }
    }
    throw last
  }

  #send(call: Call): void {
    call.sent++
    this.#post(call)
  }

  #post(call: Call): void {
    const port = this.#port
    if (!port) {
      this.#waiting.push(call)
      return
    }
    const id = this.#nextId++
    this.#inFlight.set(id, call)
    try {
      port.postMessage({ id, op: call.op, params: this.#inward(call.params) })
    } catch (error) {
      this.#inFlight.delete(id)
      call.reject(AppError.from(error))
    }
  }

  #heard(port: EnginePort, message: FromEngine | null): void {
    if (port !== this.#port || typeof message !== 'object' || message === null) return
    if ('event' in message) {
      this.#emit(message.event, this.#outward(message.data))
      return
    }
    const call = this.#inFlight.get(message.id)
    if (!call) return
    this.#inFlight.delete(message.id)
    if (!message.ok) {
      const error = AppError.from(message.error)
      const { store } = call.params
      for (const listener of this.#failureListeners) listener(error, typeof store === 'string' ? store : '')
      call.reject(error)
      return
    }
    if (call.op === 'store.open') this.#remember(call, message.value as StoreInfo)
    if (call.op === 'store.close') this.#stores.delete(String(call.params.store))
    call.resolve(this.#outward(message.value))
  }

  /** Gives a newly opened store a handle that no other store of this page ever had. */
  #remember(call: Call, info: StoreInfo): void {
    const grant = String(call.params.grant)
    for (const open of this.#stores.values()) {
      if (open.grant === grant) {
        open.inner = info.store
        open.readOnly = info.readOnly
        return
      }
    }
    let outer = info.store
    for (let n = 2; this.#stores.has(outer); n++) outer = `${info.store}~${n}`
    this.#stores.set(outer, { grant, readOnly: info.readOnly, inner: info.store })
  }

  #inward(params: Record<string, unknown>): Record<string, unknown> {
    const { store } = params
    if (typeof store !== 'string') return params
    const inner = this.#stores.get(store)?.inner
    return inner ? { ...params, store: inner } : params
  }

  #outward<T>(value: T): T {
    if (Array.isArray(value)) return value.map((item: unknown) => this.#outward(item)) as T
    if (typeof value !== 'object' || value === null || ArrayBuffer.isView(value) || !('store' in value))
      return value
    for (const [outer, open] of this.#stores) {
      if (open.inner === value.store && outer !== open.inner) return { ...value, store: outer }
    }
    return value
  }

  #emit<E extends EventName>(event: E, data: Events[E]): void {
    for (const listener of this.#listeners.get(event) ?? []) (listener as (data: Events[E]) => void)(data)
  }

  /** The port is dead: reads wait for the next one, once; all else fails. */
  #lose(): void {
    if (!this.#port) return
    this.#port.close()
    this.#port = null
    this.#ready = false
    for (const open of this.#stores.values()) open.inner = null
    const calls = [...this.#inFlight.values()]
    this.#inFlight.clear()
    for (const call of calls) {
      if (READS.has(call.op) && call.sent < 2 && call.params.create !== true) this.#waiting.push(call)
      else call.reject(restarted(call.op))
    }
  }
}

function restarted(op: Operation): AppError {
  return new AppError({
    code: 'ENGINE_RESTARTED',
    message: 'The engine stopped while it was working on this and was started again. Saved rows are kept.',
    remedy: READS.has(op) ? 'Try again.' : 'Look whether the change is there, then repeat it if it is not.',
    retry: READS.has(op),
  })
}

function stopped(status: EngineStatus): AppError {
  return new AppError({
    code: 'ENGINE_STOPPED',
    message:
      `The engine was stopped after it failed ${status.deaths} times in a row. ${status.reason}`.trim(),
    remedy: 'Start the engine again. Saved rows are kept.',
    retry: true,
  })
}

/** The one client of this page. */
export const engine = new EngineClient()

/** Binds the client to the window: ports from the preload script, status from the shell. Call once, before load ends. */
export function bindEngine(): void {
  window.addEventListener('message', (event: MessageEvent<unknown>) => {
    const data = event.data as { type?: unknown } | null
    const port = event.ports[0]
    if (event.source === window && data?.type === ENGINE_PORT && port) engine.connect(port)
  })
  window.omendb.onEngineStatus((status) => engine.setStatus(status))
}
