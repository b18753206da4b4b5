import { existsSync } from 'node:fs'
import { basename, resolve } from 'node:path'
import { AppError, type CollectionInfo, type Events, type Id, type StoreInfo } from '../contract/index.ts'
import { createEngine, type Engine, type GrantMap } from '../engine/index.ts'
import { wrong } from './args.ts'
import { Progress } from './progress.ts'

/** Options that every command on one store takes. */
export const COMMON = { store: { type: 'string' }, json: { type: 'boolean' } } as const

/** The engine for the length of one command; every path that was typed is a grant. */
export interface CliSession {
  engine: Engine
  /** A grant for a path that was typed. */
  grant(path: string, kind: 'file' | 'store'): string
  /** Opens a store to write it. STORE_LOCKED says who else does. */
  openToWrite(path: string, how?: { create: boolean }): Promise<StoreInfo>
  /** Opens a store to read it, whoever writes it; says so in one line if somebody does. */
  openToRead(path: string): Promise<StoreInfo>
  /** Runs a job to its end with a progress bar; throws its error. Ctrl C cancels it. */
  finish<T>(start: Promise<{ job: string }>): Promise<T>
}

export async function withEngine(body: (session: CliSession) => Promise<void>): Promise<void> {
  const grants: GrantMap = new Map()
  const engine = createEngine({ grants, holder: 'omendb' })
  const grant = (path: string, kind: 'file' | 'store') => {
    const token = `${kind} ${grants.size + 1}`
    grants.set(token, { path: resolve(path), kind })
    return token
  }
  try {
    await body({
      engine,
      grant,
      openToWrite: (path, how) => openToWrite(engine, grant, path, how?.create ?? false),
      openToRead: (path) => openToRead(engine, grant, path),
      finish: (start) => finish(engine, start),
    })
  } finally {
    await engine.close()
  }
}

type GrantStore = (path: string, kind: 'store') => string

async function openToWrite(
  engine: Engine,
  grant: GrantStore,
  path: string,
  create: boolean,
): Promise<StoreInfo> {
  if (!create) mustBeThere(path)
  try {
    return await engine.call('store.open', { grant: grant(path, 'store'), create })
  } catch (thrown) {
    const error = AppError.from(thrown)
    throw error.code === 'STORE_LOCKED' ? locked(error) : error
  }
}

async function openToRead(engine: Engine, grant: GrantStore, path: string): Promise<StoreInfo> {
  mustBeThere(path)
  const info = await engine.call('store.open', { grant: grant(path, 'store'), readOnly: true })
  if (info.writer !== null) sayReading(path, info.writer)
  return info
}

export function mustBeThere(path: string): void {
  if (existsSync(path)) return
  throw new AppError({
    code: 'FILE_NOT_FOUND',
    message: `There is no store at ${path}.`,
    remedy: 'Check the path, or make one with omendb import.',
  })
}

/** One line on standard error: answers are of a moment that may be over. */
export function sayReading(path: string, writer: unknown): void {
  const who = typeof writer === 'string' && writer !== '' ? writer : 'another program'
  process.stderr.write(`${basename(resolve(path))} is being written by ${who}: reading a snapshot of it\n`)
}

function locked(error: AppError): AppError {
  return new AppError({
    ...error.toData(),
    message: `${error.message} Nothing was changed.`,
    remedy:
      'Close the store there and try again. Meanwhile it can be read: query, info, map, history, verify, snapshot.',
  })
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

/** An id as it was typed, of the collection's kind. */
export function toId(text: string, collection: CollectionInfo): Id {
  if (collection.id.type === 'text') return text
  const number = Number(text)
  // Integers beyond the safe range stay text, as everywhere outside the engine.
  return /^-?\d+$/.test(text) && Number.isSafeInteger(number) ? number : text
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
