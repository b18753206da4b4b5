import { randomUUID } from 'node:crypto'
import {
  AppError,
  type AppErrorData,
  type Events,
  type JobEnd,
  type JobInfo,
  type JobKind,
  type JobResults,
} from '../../contract/index.ts'
import { nativeError } from '../addon.ts'

/** The jobs that run: progress, cancel, and one end event each, whatever happens. */

/** At least this long between two progress events of a job, milliseconds. */
const PROGRESS_EVERY_MS = 100
/** The rate is taken over about this long, milliseconds. */
const RATE_OVER_MS = 2_000
/** Jobs of one store at once; those that belong to none count together. */
const JOBS_MAX = 8

export interface JobHandle {
  readonly id: string
  readonly cancelled: boolean
  /** Throws CANCELLED once the job is cancelled: to be called between steps. */
  check(): void
  /** `force` sends it even if the last event was just sent: at the start of a phase. */
  progress(phase: string, done: number, total: number, unit: JobInfo['unit'], force?: boolean): void
  /** Called at once when the job is cancelled; the latest caller wins. */
  onCancel(stop: () => void): void
  /** Called when the job shall end with what it has; null where it cannot (any more). */
  onStop(stop: (() => void) | null): void
}

export type Emit = <E extends keyof Events>(event: E, data: Events[E]) => void

/** What a job belongs to: as in {@link JobInfo}. */
type JobPlace = Pick<JobInfo, 'store' | 'collection' | 'map'>

class RunningJob implements JobHandle {
  readonly id = randomUUID()
  info: JobInfo
  cancelled = false
  ended: Promise<void> = Promise.resolve()
  #cancel: (() => void) | null = null
  #stop: (() => void) | null = null
  #emit: Emit
  #sentAt = 0
  #rateAt = performance.now()
  #rateDone = 0

  constructor(kind: JobInfo['kind'], { store, collection, map }: JobPlace, emit: Emit) {
    this.#emit = emit
    this.info = {
      job: this.id,
      kind,
      store,
      collection,
      ...(map === undefined ? {} : { map }),
      phase: 'starting',
      done: 0,
      total: 0,
      unit: 'rows',
      rate: 0,
      startedMs: Date.now(),
    }
  }

  check(): void {
    if (this.cancelled) throw cancelledError()
  }

  onCancel(stop: () => void): void {
    this.#cancel = stop
    if (this.cancelled) stop()
  }

  onStop(stop: (() => void) | null): void {
    this.#stop = stop
  }

  cancel(): void {
    if (this.cancelled) return
    this.cancelled = true
    this.#cancel?.()
  }

  /** Whether it could. */
  stop(): boolean {
    const stop = this.#stop
    stop?.()
    return stop !== null
  }

  progress(phase: string, done: number, total: number, unit: JobInfo['unit'], force = false): void {
    const now = performance.now()
    if (phase !== this.info.phase || done < this.#rateDone) {
      this.#rateAt = now
      this.#rateDone = done
      this.info = { ...this.info, rate: 0 }
    }
    const seconds = (now - this.#rateAt) / 1_000
    const rate = seconds > 0.05 ? (done - this.#rateDone) / seconds : this.info.rate
    if (seconds * 1_000 > RATE_OVER_MS) {
      this.#rateAt = now
      this.#rateDone = done
    }
    this.info = { ...this.info, phase, done, total, unit, rate }
    if (this.cancelled || (!force && now - this.#sentAt < PROGRESS_EVERY_MS)) return
    this.#sentAt = now
    this.#emit('job.progress', this.info)
  }
}

export class Jobs {
  #running = new Map<string, RunningJob>()
  #emit: Emit

  constructor(emit: Emit) {
    this.#emit = emit
  }

  list(): JobInfo[] {
    return [...this.#running.values()].map((job) => job.info)
  }

  /**
   * Starts a job and returns its number at once. `work` returns what the end event carries; what it throws
   * becomes the event's error.
   */
  start<K extends JobKind>(
    kind: K,
    place: JobPlace,
    work: (job: JobHandle) => Promise<JobResults[K]>,
  ): string {
    const { store } = place
    if (this.#ofStore(store).length >= JOBS_MAX) {
      throw new AppError({
        code: 'LIMIT_EXCEEDED',
        message: `${JOBS_MAX} jobs ${store ? 'are running on this store' : 'of this kind are running'} already.`,
        remedy: 'Wait for one to end, or cancel one.',
        retry: true,
      })
    }
    const job = new RunningJob(kind, place, this.#emit)
    this.#running.set(job.id, job)
    job.ended = this.#run(job, kind, work)
    return job.id
  }

  /** Throws UNKNOWN_JOB. The end event follows when the job has stopped and tidied up. */
  cancel(id: string): void {
    this.#get(id).cancel()
  }

  /** Ends a job with what it has. Throws UNKNOWN_JOB, and INVALID_REQUEST for one that has nothing yet. */
  finish(id: string): void {
    if (this.#get(id).stop()) return
    throw new AppError({
      code: 'INVALID_REQUEST',
      message: 'This job has nothing yet that could be kept. It goes on.',
      remedy: 'Wait a moment, or cancel it.',
    })
  }

  #get(id: string): RunningJob {
    const job = this.#running.get(id)
    if (job) return job
    throw new AppError({
      code: 'UNKNOWN_JOB',
      message: 'This job is not running: it has ended already.',
      detail: { job: id },
    })
  }

  /** Cancels every job of a store (or of all) and waits until they have stopped. */
  async stop(store?: string): Promise<void> {
    const jobs = store === undefined ? [...this.#running.values()] : this.#ofStore(store)
    for (const job of jobs) job.cancel()
    await Promise.all(jobs.map((job) => job.ended))
  }

  /** Resolves when the jobs of a store that run now have ended. */
  async ended(store: string): Promise<void> {
    await Promise.all(this.#ofStore(store).map((job) => job.ended))
  }

  #ofStore(store: string): RunningJob[] {
    return [...this.#running.values()].filter((job) => job.info.store === store)
  }

  async #run<K extends JobKind>(
    job: RunningJob,
    kind: K,
    work: (job: JobHandle) => Promise<JobResults[K]>,
  ): Promise<void> {
    const { store, collection } = job.info
    const base = { job: job.id, kind, store, collection }
    let end: JobEnd<K>
    try {
      // The caller learns the job's number before its first event.
      await new Promise((resolve) => setImmediate(resolve))
      const result = await work(job)
      end = { ...base, state: 'done', result }
    } catch (thrown) {
      const error: AppErrorData = nativeError(thrown).toData()
      end =
        job.cancelled || error.code === 'CANCELLED'
          ? { ...base, state: 'cancelled', error: cancelledError(kind).toData() }
          : { ...base, state: 'failed', error }
    }
    this.#running.delete(job.id)
    this.#emit('job.end', end as Events['job.end'])
  }
}

export function cancelledError(kind?: JobKind): AppError {
  const kept =
    kind === 'compact'
      ? 'What it had given back by then stays so; every row is as it was.'
      : 'Nothing of it was kept; everything else is as it was.'
  return new AppError({ code: 'CANCELLED', message: `The job was cancelled. ${kept}` })
}
