import type { HistoryEntry } from '../contract/index.ts'

/** Numbers, times and entries of the history as a person reads them. */

export const count = new Intl.NumberFormat('en-US')

export function rows(number: number): string {
  return `${count.format(number)} ${number === 1 ? 'row' : 'rows'}`
}

export function size(bytes: number): string {
  const units = ['B', 'kB', 'MB', 'GB', 'TB']
  let value = bytes
  let unit = 0
  while (value >= 1_000 && unit < units.length - 1) {
    value /= 1_000
    unit += 1
  }
  return `${value.toFixed(unit === 0 ? 0 : 1)} ${units[unit]}`
}

/** Local time, to the second; what the log of an old version holds has none. */
export function when(milliseconds: number): string {
  if (milliseconds === 0) return 'time not known'.padEnd(19)
  const at = new Date(milliseconds)
  const two = (number: number) => String(number).padStart(2, '0')
  const day = `${at.getFullYear()}-${two(at.getMonth() + 1)}-${two(at.getDate())}`
  return `${day} ${two(at.getHours())}:${two(at.getMinutes())}:${two(at.getSeconds())}`
}

/** What an entry did, in a few words. */
export function deed(entry: HistoryEntry): string {
  const { added, removed, revived, changed, target } = entry
  switch (entry.kind) {
    case 'create':
      return 'collection made'
    case 'drop':
      return `collection dropped, with ${rows(removed)}`
    case 'import':
      return `${rows(added)} imported${removed > 0 ? `, in the place of ${count.format(removed)}` : ''}`
    case 'add':
      return `${rows(added)} added${removed > 0 ? `, in the place of ${count.format(removed)}` : ''}`
    case 'edit':
      return `${rows(changed)} changed`
    case 'delete':
      return `${rows(removed)} deleted`
    case 'columns':
      return 'columns added'
    case 'revert': {
      const parts = [
        revived > 0 ? `${rows(revived)} back` : '',
        removed > 0 ? `${rows(removed)} gone` : '',
        changed > 0 ? `${rows(changed)} changed back` : '',
      ].filter(Boolean)
      return `back to before entry ${target ?? '?'}${parts.length > 0 ? `: ${parts.join(', ')}` : ''}`
    }
  }
}
