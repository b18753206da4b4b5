import { randomUUID } from 'node:crypto'
import { resolve } from 'node:path'
import { AppError, type JobResult } from '../contract/index.ts'
import { createEngine, type EngineEvent, type GrantMap } from '../engine/index.ts'

/** The one engine of the program: stores that are opened twice share a handle. */

const grants: GrantMap = new Map()
export const engine = createEngine({ grants })

/** Runs something that may use these store folders. */
export async function granted<T>(
  paths: readonly string[],
  use: (...names: string[]) => Promise<T>,
): Promise<T> {
  const names = paths.map(() => randomUUID())
  for (const [index, name] of names.entries()) {
    grants.set(name, { path: resolve(paths[index] ?? ''), kind: 'store' })
  }
  try {
    return await use(...names)
  } finally {
    for (const name of names) grants.delete(name)
  }
}

/** Runs a job to its end; throws its error. */
export async function finish<T extends JobResult>(start: () => Promise<{ job: string }>): Promise<T> {
  type End = Extract<EngineEvent, { event: 'job.end' }>['data']
  const ended = new Map<string, End>()
  let wake: () => void = () => undefined
  // Listening begins first: a job may be over before its number is known.
  const stop = engine.on((message) => {
    if (message.event !== 'job.end') return
    ended.set(message.data.job, message.data)
    wake()
  })
  try {
    const { job } = await start()
    while (!ended.has(job)) {
      await new Promise<void>((resolve) => {
        wake = resolve
      })
    }
    const end = ended.get(job)
    if (end?.state !== 'done') throw AppError.from(end?.error)
    return end.result as T
  } finally {
    stop()
  }
}
