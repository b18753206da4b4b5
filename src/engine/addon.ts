import { existsSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Addon } from '../../native/napi/index.d.ts'
import { AppError, isErrorData } from '../contract/index.ts'
import { lockedError } from './holder.ts'

/**
 * The only file that loads the native addon.
 */

export type {
  Addon,
  NativeJob,
  NativeLayout,
  NativeNeighbours,
  NativePoints,
  NativeRows,
  NativeSearcher,
  NativeSnapshot,
  NativeStore,
} from '../../native/napi/index.d.ts'

/** How far above this file the repository or the installed package is looked for. */
const LEVELS_MAX = 6

let loaded: Addon | undefined

/** The addon, loaded once. Throws INTERNAL with the places that were tried. */
export function addon(): Addon {
  loaded ??= load()
  return loaded
}

function load(): Addon {
  const tried: string[] = []
  for (const path of candidates()) {
    tried.push(path)
    if (!existsSync(path)) continue
    try {
      return createRequire(import.meta.url)(path) as Addon
    } catch (error) {
      throw new AppError({
        code: 'INTERNAL',
        message: `The native engine ${path} does not load: ${error instanceof Error ? error.message : error}`,
        remedy: 'Run "npm run setup" to build it for this machine.',
        detail: { path },
      })
    }
  }
  throw new AppError({
    code: 'INTERNAL',
    message: 'The native engine omendb.node was not found.',
    remedy: 'Run "npm run setup" to build it.',
    detail: { tried },
  })
}

function* candidates(): Generator<string> {
  const named = process.env.OMENDB_ADDON
  if (named) {
    yield resolve(named)
    return
  }
  let folder = dirname(fileURLToPath(import.meta.url))
  for (let level = 0; level < LEVELS_MAX; level++) {
    yield join(folder, 'omendb.node')
    yield join(folder, 'native', 'napi', 'omendb.node')
    const above = dirname(folder)
    if (above === folder) return
    folder = above
  }
}

/** Any error that came out of the addon as an AppError: the addon's messages are JSON of one. */
export function nativeError(thrown: unknown): AppError {
  if (thrown instanceof AppError) return thrown
  const message = thrown instanceof Error ? thrown.message : String(thrown)
  if (message.startsWith('{')) {
    try {
      const data: unknown = JSON.parse(message)
      if (isErrorData(data)) {
        return data.code === 'STORE_LOCKED' ? lockedError(new AppError(data)) : new AppError(data)
      }
    } catch {
      // Not JSON after all: it goes on as it is.
    }
  }
  return AppError.from(thrown)
}
