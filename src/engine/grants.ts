import { AppError } from '../contract/index.ts'

/** A path that may be opened, and as what. */
export interface GrantedPath {
  path: string
  kind: 'file' | 'store'
}

/** What the host has granted: tokens of paths. The engine opens nothing else. */
export type GrantMap = Map<string, GrantedPath>

export function grantedPath(grants: GrantMap, grant: string, kind: GrantedPath['kind']): string {
  const granted = grants.get(grant)
  if (!granted) {
    throw new AppError({
      code: 'NOT_GRANTED',
      message: `This ${kind} was not opened by you.`,
      remedy: 'Drop it on the window or choose it with Open.',
    })
  }
  if (granted.kind !== kind) {
    throw new AppError({
      code: 'NOT_GRANTED',
      message:
        kind === 'store'
          ? 'This is a file, and a store is a folder.'
          : 'This is the folder of a store, and a file is expected.',
      remedy: kind === 'store' ? 'Import the file instead of opening it.' : 'Open the store instead.',
    })
  }
  return granted.path
}
