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

/** From a list, newest first. */
export function pastOf(entries: readonly HistoryEntry[]): Past {
  const bySeq = new Map(entries.map((entry) => [entry.seq, entry]))
  const steps = new Map<number, Step>()
  const get = (seq: number) => bySeq.get(seq)
  return {
    get,
    stepOf(revert) {
      const known = steps.get(revert.seq)
      if (known) return known
      const before = entries
        .filter((entry) => entry.collection === revert.collection && entry.seq < revert.seq)
        .reverse()
      const step =
        revert.target === null
          ? 'back'
          : tip(before)?.seq === revert.target
            ? 'undo'
            : redoable(before)?.seq === revert.target
              ? 'redo'
              : 'back'
      steps.set(revert.seq, step)
      return step
    },
  }
}

/**
 * The change in force that undo takes, among entries of one collection, oldest first: a revert's state is that before
 * its target, so what led to the present is found by following reverts.
 */
function tip(entries: readonly HistoryEntry[]): HistoryEntry | undefined {
  let at = entries.length - 1
  while (at >= 0) {
    const entry = entries[at] as HistoryEntry
    if (entry.target === null) return entry
    const next = firstFrom(entries, entry.target) - 1
    if (next >= at) return undefined
    at = next
  }
  return undefined
}

/** The revert that redo takes back. */
function redoable(entries: readonly HistoryEntry[]): HistoryEntry | undefined {
  let at = entries.length - 1
  while (at >= 0) {
    const entry = entries[at] as HistoryEntry
    const { target } = entry
    if (target === null) return undefined
    const found = firstFrom(entries, target)
    const taken = entries[found]
    // A revert of a revert was a redo: look at what was the state before that one.
    if (taken?.seq !== target || taken.target === null || found >= at) return entry
    at = found - 1
  }
  return undefined
}

/** Index of the first entry whose number is not below `seq`. */
function firstFrom(entries: readonly HistoryEntry[], seq: number): number {
  const at = entries.findIndex((entry) => entry.seq >= seq)
  return at < 0 ? entries.length : at
}
