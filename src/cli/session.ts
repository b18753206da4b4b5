import { existsSync } from 'node:fs'
import { resolve } from 'node:path'
import { AppError, type CollectionInfo, type Events, type StoreInfo } from '../contract/index.ts'
import { createEngine, type Engine, type GrantMap } from '../engine/index.ts'
import { wrong } from './args.ts'
import { Progress } from './progress.ts'

/** The engine for the length of one command; every path that was typed is a grant. */
export interface CliSession {
  engine: Engine
  /** A grant for a path that was typed. */
  grant(path: string, kind: 'file' | 'store'): string
  openStore(path: string, create: boolean): Promise<StoreInfo>
  /** Runs a job to its end with a progress bar; throws its error. Ctrl C cancels it. */
  finish<T>(start: Promise<{ job: string }>): Promise<T>
}

export async function withEngine(body: (session: CliSession) => Promise<void>): Promise<void> {
  const grants: GrantMap = new Map()
  const engine = createEngine({ grants })
  const grant = (path: string, kind: 'file' | 'store') => {
    const name = `${kind}:${path}`
    grants.set(name.slice(0, 64), { path: resolve(path), kind })
    return name.slice(0, 64)
  }
  try {
    await body({
      engine,
      grant,
      openStore: (path, create) => openStore(engine, grant, path, create),
      finish: (start) => finish(engine, start),
    })
  } finally {
    await engine.close()
  }
}

function openStore(
  engine: Engine,
  grant: (path: string, kind: 'store') => string,
  path: string,
  create: boolean,
): Promise<StoreInfo> {
  if (!create && !existsSync(path)) {
    throw new AppError({
      code: 'FILE_NOT_FOUND',
      message: `There is no store at ${path}.`,
      remedy: 'Check the path, or make one with omendb import.',
    })
  }
  return engine.call('store.open', { grant: grant(path, 'store'), create })
}

/** The collection that was named, or the only one there is. */
export function chooseCollection(store: StoreInfo, name: string | undefined): CollectionInfo {
  const names = store.collections.map((collection) => collection.name)
  const [only, second] = store.collections
  if (name === undefined) {
    if (only && !second) return only
    throw wrong(
      only
        ? `The store has ${names.length} collections; --collection is missing.`
        : 'The store has no collection.',
      only ? `Name one of: ${names.join(', ')}` : 'Import a file into it first.',
    )
  }
  const found = store.collections.find((collection) => collection.name === name)
  if (found) return found
  throw new AppError({
    code: 'UNKNOWN_COLLECTION',
    message: `There is no collection "${name}" in this store.`,
    remedy: only ? `It has: ${names.join(', ')}` : 'Import a file into it first.',
  })
}

async function finish<T>(engine: Engine, start: Promise<{ job: string }>): Promise<T> {
  const progress = new Progress()
  const ended = new Map<string, Events['job.end']>()
  let wake: () => void = () => undefined
  const off = engine.on((message) => {
    if (message.event === 'job.progress') progress.show(message.data)
    if (message.event === 'job.end') {
      ended.set(message.data.job, message.data)
      wake()
    }
  })
  try {
    const { job } = await start
    const stop = () => void engine.call('job.cancel', { job }).catch(() => undefined)
    process.once('SIGINT', stop)
    while (!ended.has(job)) {
      await new Promise<void>((resolve) => {
        wake = resolve
        if (ended.has(job)) resolve()
      })
    }
    process.off('SIGINT', stop)
    const end = ended.get(job)
    if (end?.state !== 'done') throw AppError.from(end?.error)
    return end.result as T
  } finally {
    off()
    progress.clear()
  }
}

/** Waits until the collection's indexes are built, with a progress bar. */
export async function waitForIndex(engine: Engine, store: string, collection: string): Promise<void> {
  const progress = new Progress()
  try {
    for (;;) {
      const info = await engine.call('store.info', { store })
      const vectors = info.collections.find(({ name }) => name === collection)?.vectors ?? []
      const building = vectors.find(({ index }) => index.state === 'building')
      if (!building) return
      progress.show({ phase: 'index', done: building.index.progress, total: 1, unit: '', rate: 0 })
      await new Promise((resolve) => setTimeout(resolve, 50))
    }
  } finally {
    progress.clear()
  }
}
