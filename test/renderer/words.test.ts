import { describe, expect, it } from 'vitest'
import type { HistoryEntry } from '../../src/contract/index.ts'
import { pastOf } from '../../src/renderer/state/past.ts'
import {
  byDay,
  dayLabel,
  entryDetails,
  entryTitle,
  entryWords,
  holderWords,
  readHolder,
  redone,
  ruleWords,
  setNote,
  takenBack,
} from '../../src/renderer/state/words.ts'

const NOON = new Date(2026, 10, 25, 12, 0).getTime()
const DAY = 86_400_000

function entry(change: Partial<HistoryEntry>): HistoryEntry {
  return {
    seq: 1,
    at: NOON,
    until: NOON,
    kind: 'edit',
    collection: 'words',
    added: 0,
    removed: 0,
    revived: 0,
    changed: 0,
    note: null,
    target: null,
    step: false,
    undone: false,
    ...change,
  }
}

/** Entries from kinds and targets of undo and redo, numbered from 1; newest first, as the engine gives them. */
function chain(...steps: (Partial<HistoryEntry> | number)[]): HistoryEntry[] {
  return steps
    .map((step, i) =>
      typeof step === 'number'
        ? entry({ seq: i + 1, kind: 'revert', target: step, step: true })
        : entry({ seq: i + 1, ...step }),
    )
    .reverse()
}

const backTo = (target: number) => ({ kind: 'revert', target }) as const
const newest = (entries: HistoryEntry[]) => entries[0] as HistoryEntry
const words = (entries: HistoryEntry[]) => entryWords(newest(entries), pastOf(entries))

const imported = { kind: 'import', added: 20_000 } as const
const tagged = { kind: 'edit', changed: 310, note: 'Set tag to “animals”' } as const
const deleted = { kind: 'delete', removed: 12 } as const

describe('changes in words', () => {
  it('say what was done, with numbers', () => {
    expect(entryWords(entry(imported))).toBe('Imported 20,000 rows')
    expect(entryWords(entry(tagged))).toBe('Set tag to “animals” in 310 rows')
    expect(entryWords(entry({ kind: 'edit', changed: 1 }))).toBe('Edited 1 row')
    expect(entryWords(entry(deleted))).toBe('Deleted 12 rows')
    expect(entryWords(entry({ kind: 'add', added: 1 }))).toBe('Added 1 row')
    expect(entryWords(entry({ kind: 'create' }))).toBe('Made the collection words')
    expect(entryWords(entry({ kind: 'drop' }))).toBe('Deleted the collection words')
  })

  it('tell undo, redo and going back apart', () => {
    expect(words(chain(imported, deleted, 2))).toBe('Undid “Deleted 12 rows”')
    expect(words(chain(imported, tagged, deleted, backTo(2)))).toBe(
      'Went back to before “Set tag to ‘animals’ in 310 rows”',
    )
    // Undone twice: the second takes one change too, though more lie between.
    expect(words(chain(imported, tagged, deleted, 3, 2))).toBe('Undid “Set tag to ‘animals’ in 310 rows”')
    expect(words(chain(imported, deleted, 2, 3))).toBe('Redid “Deleted 12 rows”')
    expect(words(chain(imported, tagged, deleted, 3, 2, 5))).toBe('Redid “Set tag to ‘animals’ in 310 rows”')
    expect(words(chain(imported, tagged, deleted, 3, 2, 5, 4))).toBe('Redid “Deleted 12 rows”')
    expect(words(chain(imported, tagged, deleted, backTo(2), 4))).toBe(
      'Undid “Went back to before ‘Set tag to ‘animals’ in 310 rows’”',
    )
  })

  it('say less where what was taken back is not known any more', () => {
    expect(words(chain(7))).toBe('Went back to an earlier state')
    expect(entryWords(entry({ kind: 'revert', target: 3 }))).toBe('Went back to an earlier state')
  })

  it('leave other collections out of what a revert took', () => {
    const entries = chain(imported, deleted, { ...deleted, collection: 'phrases' }, 2)
    expect(words(entries)).toBe('Undid “Deleted 12 rows”')
  })

  it('name a redo by what comes back', () => {
    const entries = chain(imported, deleted, 2)
    expect(redone(newest(entries), pastOf(entries)).seq).toBe(2)
    const back = chain(imported, tagged, deleted, backTo(2))
    expect(redone(newest(back), pastOf(back)).seq).toBe(4)
  })

  it('are cut where they name a button', () => {
    expect(entryTitle(entry(deleted))).toBe('“Deleted 12 rows”')
    const long = entryTitle(entry({ kind: 'edit', changed: 2, note: setNote('tag', 'x'.repeat(300)) }))
    expect(long.length).toBeLessThan(70)
    expect(setNote('tag', 'x'.repeat(300)).length).toBeLessThan(250)
    expect(setNote('tag', null)).toBe('Cleared tag')
  })

  it('add what the words leave out', () => {
    expect(entryDetails(entry({ ...imported, note: 'words.parquet', removed: 3 }))).toEqual([
      'From words.parquet',
      '3 in place of rows with the same id',
    ])
    expect(entryDetails(entry({ kind: 'drop', removed: 5 }))).toEqual(['5 rows left with it'])
    expect(entryDetails(entry(deleted))).toEqual([])
  })
})

describe('what going back takes', () => {
  it('is the change and what came after it in its collection', () => {
    const entries = chain(imported, tagged, { ...deleted, collection: 'phrases' }, deleted)
    const second = entries.find((one) => one.seq === 2) as HistoryEntry
    expect(takenBack(entries, second).map((one) => one.seq)).toEqual([4, 2])
  })

  it('leaves out what is undone, and the undoing of it', () => {
    const entries = chain(imported, tagged, { ...deleted, undone: true }, 3)
    const second = entries.find((one) => one.seq === 2) as HistoryEntry
    expect(takenBack(entries, second).map((one) => one.seq)).toEqual([2])
    const first = chain({ ...imported }, { ...tagged, undone: true }, 2, deleted)
    const undone = first.find((one) => one.seq === 2) as HistoryEntry
    expect(takenBack(first, undone).map((one) => one.seq)).toEqual([4])
  })
})

describe('times in words', () => {
  it('group by day', () => {
    const entries = [NOON, NOON - DAY / 3, NOON - DAY, NOON - 5 * DAY, NOON - 400 * DAY].map((at, i) =>
      entry({ seq: 9 - i, at }),
    )
    const days = byDay(entries, NOON)
    expect(days.map((day) => day.entries.length)).toEqual([2, 1, 1, 1])
    expect(days.slice(0, 2).map((day) => day.label)).toEqual(['Today', 'Yesterday'])
    expect(days[2]?.label).toMatch(/^Friday,? 20 November$/)
    expect(days[3]?.label).toMatch(/2025/)
  })

  it('know yesterday by the calendar, not by hours', () => {
    const early = new Date(2026, 10, 25, 0, 10).getTime()
    expect(dayLabel(early - 20 * 60_000, early)).toBe('Yesterday')
    expect(dayLabel(early + 60_000, early)).toBe('Today')
  })
})

describe('the rule of the history', () => {
  const rule = { maxAgeDays: 30, maxEntries: 10_000, maxBytes: 1_000_000_000 }
  it('stands in one line with what was removed', () => {
    expect(ruleWords({ rule, pruned: null }, NOON)).toBe(
      'Changes are kept for 30 days, at most 10,000 of them and 1.0 GB.',
    )
    const pruned = { entries: 12, until: new Date(2026, 9, 20, 9, 5).getTime() }
    expect(ruleWords({ rule, pruned }, NOON)).toMatch(
      /12 older ones were removed, the newest from Tuesday,? 20 October, 09:05\.$/,
    )
    expect(ruleWords({ rule, pruned: { ...pruned, entries: 1 } }, NOON)).toMatch(/1 older one was removed/)
  })

  it('says when nothing is kept', () => {
    expect(ruleWords({ rule: { ...rule, maxEntries: 0 }, pruned: null }, NOON)).toBe('Changes are not kept.')
  })
})

describe('who holds a store', () => {
  it('is told from the holder’s own words', () => {
    const at = new Date(NOON).toISOString()
    const holder = readHolder(`process 4123 since ${at} (omendb import)`)
    expect(holder).toEqual({ program: 'omendb import', pid: 4123, since: NOON })
    expect(holderWords(holder, NOON)).toBe('omendb import, process 4123, since today, 12:00')
  })

  it('is told as it is where the words are others', () => {
    expect(holderWords(readHolder('a script', 7), NOON)).toBe('a script, process 7')
    expect(holderWords(readHolder(''), NOON)).toBe('another program')
  })
})
