import { MessageChannelMain, type MessagePortMain, type UtilityProcess, utilityProcess } from 'electron'
import type { EngineStatus, GrantInfo } from '../contract/index.ts'

/**
 * Keeps the engine process alive: starts it, gives each window a port to it, notices when it dies or hangs,
 * starts it again, and gives up in plain words after five deaths in a row.
 */

const DEATHS_MAX = 5
/** An engine that lived this long died of something new: the count starts over. */
const STEADY_MS = 30_000
/** Waits before the 2nd, 3rd, … start; the first restart is at once. */
const BACKOFF_MS = [0, 100, 500, 1_000, 2_000]
/** The engine beats once a second; without a beat for this long it hangs and is ended. */
const HANG_MS = 20_000
/** Time for a clean close at quitting. */
const CLOSE_MS = 5_000

/** What of the environment the engine gets: what a library needs to run, and our own switches. */
const ENVIRONMENT =
  /^(PATH|HOME|TMPDIR|TEMP|TMP|LANG|LC_.*|TZ|SystemRoot|USERPROFILE|LD_LIBRARY_PATH|OMENDB_.*|RUST_BACKTRACE)$/

type FromEngine = { type: 'ready' } | { type: 'beat' } | { type: 'closed' }

export class EngineHost {
  #entry: string
  #grants: () => GrantInfo[]
  #child: UtilityProcess | null = null
  #status: EngineStatus = { state: 'restarting', deaths: 0, reason: '' }
  #listeners = new Set<(status: EngineStatus) => void>()
  #readyListeners = new Set<() => void>()
  #startedMs = 0
  #beatMs = 0
  #ready = false
  #quitting = false
  #watch: NodeJS.Timeout | null = null

  /** `entry`: path of the engine's built file; `grants`: all grants, told to each new engine. */
  constructor(entry: string, grants: () => GrantInfo[]) {
    this.#entry = entry
    this.#grants = grants
  }

  get status(): EngineStatus {
    return this.#status
  }

  get pid(): number | undefined {
    return this.#child?.pid
  }

  onStatus(listener: (status: EngineStatus) => void): void {
    this.#listeners.add(listener)
  }

  /** Called each time an engine is ready to take ports. */
  onReady(listener: () => void): void {
    this.#readyListeners.add(listener)
  }

  start(): void {
    if (this.#child || this.#quitting) return
    this.#ready = false
    this.#startedMs = Date.now()
    this.#beatMs = Date.now()
    const child = utilityProcess.fork(this.#entry, [], {
      serviceName: 'OmenDB engine',
      stdio: ['ignore', 'pipe', 'pipe'],
      env: scrub(process.env),
    })
    this.#child = child
    const said: string[] = []
    child.stdout?.on('data', (chunk: Buffer) => process.stdout.write(chunk))
    child.stderr?.on('data', (chunk: Buffer) => {
      process.stderr.write(chunk)
      said.push(chunk.toString('utf8').slice(-2_000))
      if (said.length > 20) said.shift()
    })
    child.on('message', (message: FromEngine) => this.#heard(child, message))
    child.on('exit', (code) => this.#died(child, code, said.join('')))
    this.#watch ??= setInterval(() => this.#checkBeat(), 2_000)
  }

  /** A new engine after the person asked for it. */
  restart(): void {
    this.#status = { state: 'restarting', deaths: 0, reason: '' }
    this.#tell()
    this.start()
  }

  grant(grant: GrantInfo): void {
    this.#child?.postMessage({ type: 'grant', ...grant })
  }

  /** A port whose other end the engine serves; null while there is none to serve it. */
  connect(): MessagePortMain | null {
    if (!this.#child || !this.#ready) return null
    const { port1, port2 } = new MessageChannelMain()
    this.#child.postMessage({ type: 'client' }, [port1])
    return port2
  }

  /** Lets the engine close its stores, then ends it. */
  async stop(): Promise<void> {
    this.#quitting = true
    if (this.#watch) clearInterval(this.#watch)
    const child = this.#child
    if (!child) return
    await new Promise<void>((resolve) => {
      const timer = setTimeout(() => {
        child.kill()
        resolve()
      }, CLOSE_MS)
      child.once('exit', () => {
        clearTimeout(timer)
        resolve()
      })
      child.postMessage({ type: 'close' })
    })
  }

  #heard(child: UtilityProcess, message: FromEngine): void {
    if (child !== this.#child || typeof message !== 'object' || message === null) return
    this.#beatMs = Date.now()
    if (message.type === 'ready') {
      for (const grant of this.#grants()) this.grant(grant)
      this.#ready = true
      this.#status = { ...this.#status, state: 'running' }
      this.#tell()
      for (const listener of this.#readyListeners) listener()
    }
  }

  #died(child: UtilityProcess, code: number, said: string): void {
    if (child !== this.#child) return
    this.#child = null
    this.#ready = false
    if (this.#quitting) return
    const lived = Date.now() - this.#startedMs
    const deaths = lived > STEADY_MS ? 1 : this.#status.deaths + 1
    const last = said.trim().split('\n').at(-1) ?? ''
    const reason = `The engine ended with code ${code}.${last ? ` Its last words: ${last}` : ''}`
    if (deaths >= DEATHS_MAX) {
      this.#status = { state: 'stopped', deaths, reason }
      this.#tell()
      return
    }
    this.#status = { state: 'restarting', deaths, reason }
    this.#tell()
    setTimeout(() => this.start(), BACKOFF_MS[deaths - 1] ?? 2_000)
  }

  #checkBeat(): void {
    if (this.#child && this.#ready && Date.now() - this.#beatMs > HANG_MS) this.#child.kill()
  }

  #tell(): void {
    for (const listener of this.#listeners) listener(this.#status)
  }
}

function scrub(env: NodeJS.ProcessEnv): Record<string, string> {
  const kept: Record<string, string> = {}
  for (const [name, value] of Object.entries(env)) {
    if (value !== undefined && ENVIRONMENT.test(name)) kept[name] = value
  }
  return kept
}
