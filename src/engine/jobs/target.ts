import { AppError, type MapParams } from '../../contract/index.ts'
import type { NativeNeighbours, NativeSnapshot } from '../addon.ts'
import { storeInfo } from '../info.ts'
import type { Session } from '../sessions.ts'

/** Maps that follow a column besides the vectors. */

/** Both count alike. */
const WEIGHT = 0.5

/** Refuses a map that cannot follow its column, before it is drawn. */
export function checkTarget(session: Session, collection: string, { target, method }: MapParams): void {
  if (target === undefined) return
  if (method === 'umap-js') {
    throw refused(
      'umap-js lays maps out by the vectors alone and cannot follow a column.',
      'Let the engine lay the map out, or name no column.',
    )
  }
  const info = storeInfo(session).collections.find(({ name }) => name === collection)
  const type = info?.columns.find(({ name }) => name === target)?.type
  // Of the past and of collections that are not there the engine itself knows.
  if (!info || (type !== undefined && type !== 'json' && type !== 'vector')) return
  if (type === undefined) {
    throw new AppError({
      code: 'UNKNOWN_COLUMN',
      message: `Collection "${collection}" has no column "${target}" that a map could follow. Nothing was changed.`,
      remedy: 'Name a column of text, numbers or times.',
    })
  }
  throw refused(
    `A map can follow text, numbers and times, and column "${target}" is of type ${type}.`,
    'Name another column.',
  )
}

/** The neighbours with what a layout of them follows, if it follows anything. */
export function following(
  snapshot: NativeSnapshot,
  neighbours: NativeNeighbours,
  { target, targetWeight = WEIGHT }: MapParams,
): Promise<NativeNeighbours> | NativeNeighbours {
  return target === undefined ? neighbours : snapshot.supervised(neighbours, target, targetWeight)
}

function refused(what: string, remedy: string): AppError {
  return new AppError({ code: 'INVALID_REQUEST', message: `${what} Nothing was changed.`, remedy })
}
