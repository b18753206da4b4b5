import { randomUUID } from 'node:crypto'
import { constants } from 'node:fs'
import { access, realpath, stat } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { AppError, type GrantInfo } from '../contract/index.ts'

/**
 * Paths are grants: what the person dropped, picked or opened before gets an opaque token, and nothing else can
 * be opened. Main makes grants and tells the engine; the page only ever holds tokens.
 */

/** Largest file that is offered for import, bytes (1 TiB). */
const FILE_BYTES_MAX = 2 ** 40
/** Grants kept at once; the oldest go first. */
const GRANTS_MAX = 10_000

export class Grants {
  #byToken = new Map<string, GrantInfo>()
  #byPath = new Map<string, string>()
  #listeners = new Set<(grant: GrantInfo) => void>()

  /** Called for each new grant; the engine host passes them on. */
  onGrant(listener: (grant: GrantInfo) => void): void {
    this.#listeners.add(listener)
  }

  all(): GrantInfo[] {
    return [...this.#byToken.values()]
  }

  get(token: string): GrantInfo {
    const grant = this.#byToken.get(token)
    if (!grant) {
      throw new AppError({
        code: 'NOT_GRANTED',
        message: 'This file or store was not opened by you in this window.',
        remedy: 'Drop it on the window or choose it with Open.',
      })
    }
    return grant
  }

  /** A grant for something that exists: a regular file, or a folder that is a store. */
  async existing(path: string): Promise<GrantInfo> {
    const real = await resolveReal(path)
    const info = await stat(real)
    if (info.isDirectory()) return this.#add('store', real, 0)
    if (!info.isFile()) {
      throw new AppError({
        code: 'UNSUPPORTED_FORMAT',
        message: `${basename(path)} is not a regular file.`,
        remedy: 'Drop a Parquet, CSV, JSON Lines, .npy or .fvecs file, or the folder of a store.',
      })
    }
    if (info.size > FILE_BYTES_MAX) {
      throw new AppError({
        code: 'LIMIT_EXCEEDED',
        message: `${basename(path)} is larger than 1 TiB.`,
        remedy: 'Split the file and import the parts one after another.',
      })
    }
    await access(real, constants.R_OK).catch(() => {
      throw new AppError({
        code: 'PERMISSION_DENIED',
        message: `${basename(path)} cannot be read by this user.`,
        remedy: 'Change its permissions, or copy it to a place that you can read.',
      })
    })
    return this.#add('file', real, info.size)
  }

  /** A grant for a store that is still to be made; its parent folder must exist. */
  async newStore(path: string): Promise<GrantInfo> {
    const parent = await resolveReal(dirname(path))
    return this.#add('store', join(parent, basename(path)), 0)
  }

  #add(kind: GrantInfo['kind'], path: string, bytes: number): GrantInfo {
    const known = this.#byPath.get(path)
    const token = known ?? randomUUID()
    const grant: GrantInfo = { grant: token, kind, name: basename(path), path, bytes }
    this.#byToken.set(token, grant)
    this.#byPath.set(path, token)
    if (this.#byToken.size > GRANTS_MAX) {
      const [oldest] = this.#byToken.values()
      if (oldest) {
        this.#byToken.delete(oldest.grant)
        this.#byPath.delete(oldest.path)
      }
    }
    for (const listener of this.#listeners) listener(grant)
    return grant
  }
}

async function resolveReal(path: string): Promise<string> {
  try {
    return await realpath(path)
  } catch {
    throw new AppError({
      code: 'FILE_NOT_FOUND',
      message: `${basename(path)} is not there (any more).`,
      remedy: 'Check that the file or the drive that holds it is still there, then try again.',
    })
  }
}
