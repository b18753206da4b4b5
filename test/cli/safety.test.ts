import { spawnSync } from 'node:child_process'
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { HistoryEntry, HistoryInfo } from '../../src/contract/index.ts'
import { createEngine, type GrantMap } from '../../src/engine/index.ts'

/** The commands that lose nothing: history and undo, copies and repair, and who may read what another writes. */

const ROOT = fileURLToPath(new URL('../..', import.meta.url))
const CLI = join(ROOT, 'scripts/omendb.mjs')
const SAMPLE = join(ROOT, 'samples/words-1000.csv')

let folder = ''
let store = ''
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'omendb cli '))
  store = join(folder, 'words.db')
  expect(omendb('import', SAMPLE, '--store', store, '--collection', 'words').status).toBe(0)
})
afterAll(() => rmSync(folder, { recursive: true, force: true }))

function omendb(...args: string[]): { status: number | null; out: string; err: string } {
  const { status, stdout, stderr } = spawnSync(process.execPath, [CLI, ...args], { encoding: 'utf8' })
  return { status, out: stdout, err: stderr }
}

/** Runs a command that shall go well, and reads its JSON. */
function json<T>(...args: string[]): T {
  const { status, out, err } = omendb(...args, '--json')
  expect(err).toBe('')
  expect(status).toBe(0)
  return JSON.parse(out) as T
}

function rows(path = store): number | undefined {
  return json<{ collections: { rows: number }[] }>('info', '--store', path).collections[0]?.rows
}

describe('the history', () => {
  test('of edits and deletes is listed, undone, redone and gone back before', () => {
    const edit = json<{ changed: number; entry: HistoryEntry }>(
      ...['edit', '--store', store, '--where', "first_letter = 'q'", '--set', 'tag=odd', '--set', 'rank=7'],
      ...['--clear', 'kind', '--note', 'letters'],
    )
    expect(edit.changed).toBeGreaterThan(0)
    expect(edit.entry).toMatchObject({ kind: 'edit', changed: edit.changed, note: 'letters' })
    const found = json<{ hits: { fields: Record<string, unknown> }[] }>(
      ...['query', '--store', store, '--id', 'king', '--filter', "tag = 'odd'", '-k', '1'],
    )
    expect(found.hits[0]?.fields).toMatchObject({ tag: 'odd', rank: 7, kind: null })

    expect(omendb('delete', '--store', store, '--id', 'king', '--id', 'father').out).toBe(
      '2 rows of words deleted; omendb undo brings them back\n',
    )
    expect(rows()).toBe(998)
    expect(omendb('undo', '--store', store).out).toMatch(/^words: taken back: 2 rows deleted \(entry \d+ of/)
    expect(rows()).toBe(1_000)
    expect(omendb('redo', '--store', store).out).toMatch(/^words: the last undo is taken back/)
    expect(rows()).toBe(998)
    const back = json<HistoryEntry>('revert', String(edit.entry.seq), '--store', store, '--note', 'all of it')
    expect(back).toMatchObject({ kind: 'revert', target: edit.entry.seq, revived: 2, note: 'all of it' })
    expect(rows()).toBe(1_000)

    const { entries, history } = json<{ entries: HistoryEntry[]; history: HistoryInfo }>(
      ...['history', '--store', store],
    )
    expect(entries.map(({ kind }) => kind)).toEqual([
      'revert',
      'revert',
      'revert',
      'delete',
      'edit',
      'import',
    ])
    expect(history).toMatchObject({ entries: 6, pruned: null })
    const { out, err } = omendb('history', '--store', store, '--limit', '5', '--collection', 'words')
    expect(err).toBe('')
    expect(out).toMatch(/words {2}2 rows deleted \(taken back\)\n/)
    expect(out).toMatch(/rows? changed: letters \(taken back\)\n/)
    expect(out).toMatch(/6 entries are kept, .*: for 30 days/)
  })

  test('of which nothing is left to redo says so with status 1', () => {
    const { status, err } = omendb('redo', '--store', store, '--collection', 'nobody')
    expect(err).toMatch(/NOTHING_TO_UNDO|UNKNOWN_COLLECTION/)
    expect(status).toBe(1)
  })

  test('[H3] keeps what it is told to keep, and says what is no longer kept', () => {
    const small = join(folder, 'small.db')
    omendb('import', SAMPLE, '--store', small, '--collection', 'words', '--no-index')
    for (const id of ['the', 'king', 'father']) omendb('delete', '--store', small, '--id', id)
    const { history } = json<{ history: HistoryInfo }>('history', '--store', small, '--keep-entries', '1')
    expect(history.rule).toMatchObject({ maxEntries: 1, maxAgeDays: 30 })
    omendb('delete', '--store', small, '--id', 'of')
    expect(omendb('history', '--store', small).out).toMatch(/older ones, up to 20.*, are no longer kept\n$/)
    expect(rows(small)).toBe(996)
  })
})

describe('an edit or delete that is not clear', () => {
  const cases: [string, string[], RegExp][] = [
    ['with rows named twice', ['delete', '--id', 'a', '--where', 'rank < 3'], /either --where or --id/],
    ['with no rows named', ['edit', '--set', 'a=b'], /either --where or --id/],
    ['with an empty filter', ['delete', '--where', ' '], /--where is empty/],
    ['with nothing to set', ['edit', '--id', 'king'], /--set COLUMN=VALUE is missing/],
    ['with a value without a column', ['edit', '--id', 'king', '--set', '=b'], /"=b" is not/],
    ['with an id that is not there', ['delete', '--id', 'king', '--id', 'kingg'], /the id "kingg"\. Nothing/],
    [
      'with text for a number',
      ['edit', '--id', 'king', '--set', 'rank=high'],
      /holds whole numbers, not "high"/,
    ],
    ['with a column that is not there', ['delete', '--where', 'rnak < 3'], /INVALID_FILTER/],
    ['with an entry that is no number', ['revert', 'x'], /SEQ is a number/],
  ]
  test.each(cases)('%s is refused and changes nothing', (_, [name = '', ...args], message) => {
    const { status, out, err } = omendb(name, '--store', store, ...args)
    expect(err).toMatch(message)
    expect(status).toBe(1)
    expect(out).toBe('')
    expect(rows()).toBe(1_000)
  })
})

describe('copies', () => {
  test('a snapshot restores to a store, and writes over nothing', () => {
    const [copy, restored] = [join(folder, 'copy.db'), join(folder, 'restored.db')]
    const snapshot = json<{ files: number; to: string }>('snapshot', '--store', store, '--to', copy)
    expect(snapshot.files).toBeGreaterThan(0)
    expect(omendb('restore', '--from', copy, '--to', restored).out).toMatch(/^\d+ files, .* restored to /)
    expect(rows(restored)).toBe(1_000)
    const again = omendb('restore', '--from', copy, '--to', restored)
    expect(again.status).not.toBe(0)
    expect(again.err).toContain('restored.db')
    expect(rows(restored)).toBe(1_000)
  })

  test('compacting keeps what the history needs, and gives it back when that is forgotten', () => {
    const small = join(folder, 'compact.db')
    omendb('import', SAMPLE, '--store', small, '--collection', 'words')
    omendb('delete', '--store', small, '--where', 'rank > 500')
    expect(json('compact', '--store', small)).toMatchObject({ rowsDropped: 0 })
    const { out } = omendb('compact', '--store', small, '--forget-history')
    expect(out).toMatch(/given back .* before, .* now\): \d+ rows dropped/)
    expect(omendb('undo', '--store', small).err).toMatch(/NOTHING_TO_UNDO/)
  })

  test('a damaged store is found by verify with status 1, and repaired with what is lost said', () => {
    const [damaged, repaired] = [join(folder, 'damaged.db'), join(folder, 'repaired.db')]
    omendb('import', SAMPLE, '--store', damaged, '--collection', 'words')
    const [segment = ''] = readdirSync(join(damaged, 'segments'))
    const file = join(damaged, 'segments', segment, 'vectors.0.f32')
    const bytes = readFileSync(file)
    bytes[5_000] = (bytes[5_000] ?? 0) ^ 1
    writeFileSync(file, bytes)
    const verify = omendb('verify', '--store', damaged)
    expect(verify.out).toMatch(/1 damaged\n {2}segments.*vectors\.0\.f32: /)
    expect(verify.status).toBe(1)
    const { status, out } = omendb('repair', '--from', damaged, '--to', repaired)
    expect(status).toBe(0)
    expect(out).toMatch(/^words: \d+ rows kept, \d+ lost\n {2}.*lost: /)
    expect(omendb('verify', '--store', repaired)).toMatchObject({ status: 0 })
    expect(rows(repaired)).toBeLessThan(1_000)
  })
})

describe('a store that another program writes', () => {
  const grants: GrantMap = new Map()
  const engine = createEngine({ grants, holder: 'OmenDB Studio' })
  let held = ''
  beforeAll(async () => {
    held = join(folder, 'held.db')
    omendb('import', SAMPLE, '--store', held, '--collection', 'words')
    grants.set('held', { path: held, kind: 'store' })
    await engine.call('store.open', { grant: 'held' })
  })
  afterAll(() => engine.close())

  const reads: [string, string[], RegExp][] = [
    ['info', [], /words: 1,000 rows/],
    ['query', ['--id', 'king'], /father/],
    ['history', [], /1,000 rows imported/],
    ['verify', [], /all sound/],
    ['snapshot', ['--to', 'SNAPSHOT'], /written to/],
    ['map', ['--out', 'MAP.csv', '--epochs', '5'], /1,000 rows written/],
  ]
  test.each(reads)('is read by %s, which says so in one line', (name, args, answer) => {
    const own = args.map((arg) => (/^[A-Z]{3}/.test(arg) ? join(folder, arg) : arg))
    const { status, out, err } = omendb(name, '--store', held, ...own)
    expect(err).toMatch(/^held\.db is being written by OmenDB Studio.*: reading a snapshot of it\n$/)
    expect(out).toMatch(answer)
    expect(status).toBe(0)
  })

  const writes: [string, string[]][] = [
    ['edit', ['--id', 'king', '--set', 'a=b']],
    ['delete', ['--id', 'king']],
    ['undo', []],
    ['redo', []],
    ['compact', []],
    ['import', ['--collection', 'more']],
    ['history', ['--keep-days', '3']],
  ]
  test.each(writes)('is not written by %s, which names who does and what to do', (name, args) => {
    const file = name === 'import' ? [SAMPLE] : []
    const { status, out, err } = omendb(name, ...file, '--store', held, ...args)
    expect(err).toMatch(
      /held\.db is being written by OmenDB Studio \(process \d+\).*Nothing was changed.*STORE_LOCKED/,
    )
    expect(err).toMatch(/Close the store there and try again/)
    expect(out).toBe('')
    expect(status).toBe(2)
  })
})
