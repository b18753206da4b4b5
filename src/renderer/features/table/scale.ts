/**
 * A browser cannot scroll an element taller than about 33 million pixels, and at 28 pixels a row a table reaches
 * that at 1.2 million rows. Above `ELEMENT_MAX` the scroll bar therefore moves on a shorter track: *physical*
 * pixels are the browser's, *logical* ones are rows times height.
 */
export const ELEMENT_MAX = 8_000_000

export interface Scale {
  /** Pixels of the element inside the scroller. */
  physical: number
  /** Rows times row height. */
  logical: number
  /** Pixels of the scroller's window. */
  view: number
}

export function scaleOf(rows: number, rowHeight: number, view: number): Scale {
  const logical = rows * rowHeight
  return { logical, physical: Math.min(logical, ELEMENT_MAX), view }
}

/** Logical offset of a physical one. Both ends meet both ends. */
export function toLogical(scale: Scale, physical: number): number {
  const from = scale.physical - scale.view
  const to = scale.logical - scale.view
  if (from <= 0 || scale.physical === scale.logical) return physical
  return (Math.min(Math.max(physical, 0), from) / from) * to
}

export function toPhysical(scale: Scale, logical: number): number {
  const from = scale.physical - scale.view
  const to = scale.logical - scale.view
  if (to <= 0 || scale.physical === scale.logical) return logical
  return (Math.min(Math.max(logical, 0), to) / to) * from
}
