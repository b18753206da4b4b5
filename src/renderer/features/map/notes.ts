import { counted } from '../../ui/format.ts'
import type { Moves } from './beside.ts'
import type { Picture } from './data.ts'
import type { Names } from './names.ts'
import type { Neighbour } from './neighbours.ts'

interface Known {
  neighbours: readonly Neighbour[]
  names: Names
  picture: Picture
  moves: Moves | null
}

/** Names that are told of the neighbours that a row lost. */
const NAMED = 4

/** What the map itself has to say of a row, for the card beside its point. */
export function notesOf(row: number, index: number, { neighbours, names, picture, moves }: Known): string[] {
  const notes: string[] = []
  if (picture.placed?.[index] === 1) notes.push('Placed later; the map was not laid out with it')
  if (neighbours.length > 0) {
    const lost = neighbours.filter((one) => one.lost)
    const missed = lost.map((one) => names.get(one.row) ?? '').filter(Boolean)
    const named = missed.slice(0, NAMED).join(', ')
    const kept = neighbours.length - lost.length
    notes.push(
      `Keeps ${kept} of ${counted(neighbours.length, 'neighbour')}${named ? `; not beside ${named}` : ''}`,
    )
  }
  const at = moves?.indexOf(row) ?? -1
  if (moves && at >= 0) {
    const { kept, moved, k } = moves.found
    notes.push(
      `${kept[at]} of ${counted(k, 'neighbour')} here are beside it on ${moves.with} too; moved by ${(moved[at] as number).toFixed(2)} of the map`,
    )
  }
  return notes
}
