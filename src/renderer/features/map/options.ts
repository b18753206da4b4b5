import type { CollectionInfo } from '../../../contract/index.ts'
import { KEPT, MOVED, PLACED, SHARED } from '../../state/view.ts'
import { scoreText } from '../../ui/format.ts'
import { colourColumns } from './data.ts'

/** What can be chosen of a map. */

export interface Option {
  value: string
  label: string
  hint: string
}

/** Stands for "no column" in the menu; no column is called this, names have at least one character. */
export const NONE = ''

/** The maps of a collection with their scores, and `name` also while it is not saved. */
export function mapOptions({ maps }: CollectionInfo, name: string): Option[] {
  const options = maps.map((map) => ({
    value: map.name,
    label: map.name,
    hint: map.score ? `trust ${scoreText(map.score.trustworthiness)}` : '',
  }))
  const known = options.some(({ value }) => value === name)
  return known ? options : [...options, { value: name, label: name, hint: '' }]
}

interface ColourFacts {
  saved: boolean
  placed: boolean
  /** The map beside it; null if there is none. */
  beside: string | null
  colourBy: string | null
}

/** What the map can be coloured by: its own qualities first, then the columns. */
export function colourOptions(collection: CollectionInfo, facts: ColourFacts): Option[] {
  const { saved, placed, beside, colourBy } = facts
  const own: [string, string, string, boolean][] = [
    [KEPT, 'neighbours kept', 'of the map', saved],
    [PLACED, 'placed later', 'of the map', placed],
    [MOVED, 'how far moved', `against ${beside}`, beside !== null],
    [SHARED, 'neighbours shared', `with ${beside}`, beside !== null],
  ]
  return [
    { value: NONE, label: 'nothing', hint: '' },
    ...own
      .filter(([value, , , there]) => there || value === colourBy)
      .map(([value, label, hint]) => ({ value, label, hint })),
    ...colourColumns(collection).map(({ name, type }) => ({ value: name, label: name, hint: type })),
  ]
}
