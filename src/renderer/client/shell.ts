import { AppError, type ShellApi, type ShellCall, type ShellResults } from '../../contract/index.ts'

/** `window.omendb` with errors as {@link AppError}: they cross the bridge as plain data. */

declare global {
  interface Window {
    omendb: ShellApi
  }
}

type Arguments<C extends ShellCall> = Parameters<ShellApi[C]>

export async function shell<C extends ShellCall>(name: C, ...args: Arguments<C>): Promise<ShellResults[C]> {
  try {
    const ask = window.omendb[name] as (...args: Arguments<C>) => Promise<ShellResults[C]>
    return await ask(...args)
  } catch (error) {
    throw AppError.from(error)
  }
}

/** A grant for a file or folder that was dropped on the window. */
export async function dropped(file: File): Promise<ShellResults['sample']> {
  try {
    return await window.omendb.dropped(file)
  } catch (error) {
    throw AppError.from(error)
  }
}
