import type { HistoryEntry } from '../../contract/index.ts'

/** A list of changes, asked about: which entry has a number, and what kind of step a revert was. Pure. */

/** Undo and redo take one change; going back takes whatever came since. */
export type Step = 'undo' | 'redo' | 'back'

export interface Past {
  /** Undefined where it was pruned or is not in the list. */
  get: (seq: number) => HistoryEntry | undefined
  stepOf: (revert: HistoryEntry) => Step
}

export const NO_PAST: Past = { get: () => undefined, stepOf: () => 'back' }

export function pastOf(entries: readonly HistoryEntry[]): Past {
  const bySeq = new Map(entries.map((entry) => [entry.seq, entry]))
  const get = (seq: number) => bySeq.get(seq)
  return {
    get,
    stepOf(revert) {
      if (!revert.step || revert.target === null) return 'back'
      // A step that takes a step back is a redo.
      return get(revert.target)?.step ? 'redo' : 'undo'
    },
  }
}
