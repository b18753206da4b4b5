import { useView } from '../state/view.ts'

/** One thing that can be done. */
export interface Command {
  id: string
  title: string
  group: 'Go' | 'Query' | 'Rows' | 'Store' | 'Map' | 'Window'
  keys?: string
  /** Whether it can be done now. */
  ready: () => boolean
  run: () => unknown
  /** Keys are heard by the part itself; the palette and the sheet still name them. */
  local?: boolean
}

/** Runs work that may fail; its error goes where the window shows errors. */
export type Attempt = (work: () => Promise<unknown>) => () => void

export const view = () => useView.getState()
export const inCollection = () => view().collection !== null && view().store !== null
export const focus = (selector: string) => document.querySelector<HTMLElement>(selector)?.focus()
