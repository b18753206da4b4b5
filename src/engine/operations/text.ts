import type { Cell } from '../../contract/index.ts'

/** A cell as a short text for labels; nothing for null. */
export function cellText(cell: Cell): string {
  if (cell === null) return ''
  return typeof cell === 'object' ? JSON.stringify(cell) : String(cell)
}
