import type { HistoryEntry, HistoryInfo } from '../../contract/index.ts'
import { brief, bytes, count, counted } from '../ui/format.ts'
import { NO_PAST, type Past } from './past.ts'

/** Changes in words, as lists, toasts and menus say them. Pure: no clock, no engine. */

/** Reverts of reverts are unfolded this deep. */
const DEPTH_MAX = 4

/** What an entry did: "Imported 20,000 rows", "Set tag to “animals” in 310 rows". */
export function entryWords(entry: HistoryEntry, past: Past = NO_PAST, depth = 0): string {
  const { kind, added, removed, changed, note } = entry
  switch (kind) {
    case 'create':
      return `Made the collection ${entry.collection}`
    case 'drop':
      return `Deleted the collection ${entry.collection}`
    case 'import':
      return `Imported ${counted(added, 'row')}`
    case 'add':
      return `Added ${counted(added, 'row')}`
    case 'delete':
      return `Deleted ${counted(removed, 'row')}`
    case 'edit':
      return note ? `${note} in ${counted(changed, 'row')}` : `Edited ${counted(changed, 'row')}`
    case 'columns':
      return note ?? 'Changed the columns'
    case 'revert':
      return revertWords(entry, past, depth)
  }
}

/** Undo and redo are reverts too: they are told by the one change that they took back. */
function revertWords(revert: HistoryEntry, past: Past, depth: number): string {
  const target = revert.target === null ? undefined : past.get(revert.target)
  if (!target || depth >= DEPTH_MAX) return 'Went back to an earlier state'
  switch (past.stepOf(revert)) {
    case 'undo':
      return `Undid ${quoted(target, past, depth)}`
    case 'redo':
      return `Redid ${quoted(redone(target, past), past, depth)}`
    case 'back':
      return `Went back to before ${quoted(target, past, depth)}`
  }
}

function quoted(entry: HistoryEntry, past: Past, depth: number): string {
  // A quotation in a quotation has single marks.
  return `“${entryWords(entry, past, depth + 1)
    .replaceAll('“', '‘')
    .replaceAll('”', '’')}”`
}

/** What a redo brings back: the change that the revert had undone, or else the revert itself. */
export function redone(revert: HistoryEntry, past: Past): HistoryEntry {
  const target = revert.target === null ? undefined : past.get(revert.target)
  return target && past.stepOf(revert) === 'undo' ? target : revert
}

/** What an entry did besides what its words say; empty if nothing. */
export function entryDetails(entry: HistoryEntry): string[] {
  const { kind, removed, note } = entry
  const details: string[] = []
  if ((kind === 'import' || kind === 'add') && note) details.push(`From ${note}`)
  if (kind === 'create' && note) details.push(note)
  if (kind === 'drop' && removed > 0) details.push(`${counted(removed, 'row')} left with it`)
  if ((kind === 'import' || kind === 'add') && removed > 0)
    details.push(`${count(removed)} in place of rows with the same id`)
  return details
}

/** “Deleted 12 rows”, cut to fit a menu or a button. */
export function entryTitle(entry: HistoryEntry, past: Past = NO_PAST): string {
  return `“${brief(entryWords(entry, past).replaceAll('“', '‘').replaceAll('”', '’'), 64)}”`
}

/** The note that goes with setting a column: the engine adds the rows. */
export function setNote(column: string, value: string | null): string {
  const name = brief(column, 40)
  return value === null ? `Cleared ${name}` : `Set ${name} to “${brief(value, 80)}”`
}

export interface Day {
  label: string
  entries: HistoryEntry[]
}

/** Entries by the day they began, in the order given. */
export function byDay(entries: readonly HistoryEntry[], nowMs: number): Day[] {
  const days: Day[] = []
  for (const entry of entries) {
    const label = dayLabel(entry.at, nowMs)
    const last = days.at(-1)
    if (last?.label === label) last.entries.push(entry)
    else days.push({ label, entries: [entry] })
  }
  return days
}

const DAY_MS = 86_400_000

/** "Today", "Yesterday", "Friday, 20 November", with the year where it is another one. */
export function dayLabel(ms: number, nowMs: number): string {
  const ago = Math.round((startOfDay(nowMs) - startOfDay(ms)) / DAY_MS)
  if (ago === 0) return 'Today'
  if (ago === 1) return 'Yesterday'
  const date = new Date(ms)
  const sameYear = date.getFullYear() === new Date(nowMs).getFullYear()
  return date.toLocaleDateString('en-GB', {
    weekday: 'long',
    day: 'numeric',
    month: 'long',
    ...(sameYear ? {} : { year: 'numeric' }),
  })
}

function startOfDay(ms: number): number {
  const date = new Date(ms)
  date.setHours(0, 0, 0, 0)
  return date.getTime()
}

/** "14:02". */
export function clock(ms: number): string {
  return new Date(ms).toLocaleTimeString('en-GB', { hour: '2-digit', minute: '2-digit' })
}

/** "today, 14:02", "20 November, 14:02": inside a sentence. */
export function moment(ms: number, nowMs: number): string {
  const day = dayLabel(ms, nowMs)
  return `${day.startsWith('Today') || day.startsWith('Yesterday') ? day.toLowerCase() : day}, ${clock(ms)}`
}

/** How long changes are kept, and what was let go, in one line. */
export function ruleWords({ rule, pruned }: Pick<HistoryInfo, 'rule' | 'pruned'>, nowMs: number): string {
  const kept =
    rule.maxEntries === 0 || rule.maxAgeDays === 0
      ? 'Changes are not kept.'
      : `Changes are kept for ${counted(rule.maxAgeDays, 'day')}, at most ${count(rule.maxEntries)} of them and ${bytes(rule.maxBytes)}.`
  if (!pruned || pruned.entries === 0) return kept
  const older = pruned.entries === 1 ? '1 older one was' : `${count(pruned.entries)} older ones were`
  return `${kept} ${older} removed, the newest from ${moment(pruned.until, nowMs)}.`
}

/**
 * The changes that going back to before `entry` takes back: it and what came after it in its collection. What is undone
 * already is none of them, nor is a revert that only took back some of these.
 */
export function takenBack(entries: readonly HistoryEntry[], entry: HistoryEntry): HistoryEntry[] {
  const inside = ({ kind, target }: HistoryEntry) =>
    kind === 'revert' && target !== null && target >= entry.seq
  return entries.filter(
    (one) => one.collection === entry.collection && one.seq >= entry.seq && !one.undone && !inside(one),
  )
}

export interface Holder {
  program: string
  pid: number | null
  /** When it opened the store, ms since 1970. */
  since: number | null
}

/** Who holds a store, from the holder's own words: "process 4123 since 2026-11-25T20:52:33Z (omendb import)". */
export function readHolder(words: string, pid: number | null = null): Holder {
  const found = /^process (\d+) since (\S+) \((.+)\)$/.exec(words.trim())
  if (!found) return { program: words.trim(), pid, since: null }
  const since = Date.parse(found[2] ?? '')
  return { program: found[3] ?? '', pid: Number(found[1]), since: Number.isNaN(since) ? null : since }
}

/** "omendb import, process 4123, since today, 14:02". */
export function holderWords({ program, pid, since }: Holder, nowMs: number): string {
  const parts = [program || 'another program']
  if (pid !== null) parts.push(`process ${pid}`)
  if (since !== null) parts.push(`since ${moment(since, nowMs)}`)
  return parts.join(', ')
}
