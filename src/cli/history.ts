import type { HistoryEntry, HistoryInfo, HistoryRule, StoreInfo } from '../contract/index.ts'
import { LIMITS } from '../contract/index.ts'
import { type Arguments, noWords, parse, wrong } from './args.ts'
import type { Command } from './commands.ts'
import { count, deed, size, when } from './format.ts'
import { COMMON, withEngine } from './session.ts'

export const historyCommand: Command = {
  summary: 'what was done to a store, newest first',
  help: `omendb history --store DIR [--collection NAME] [--limit N] [options]

Lists imports, edits, deletes and reverts. Each entry can be gone back before with omendb revert. Entries that were
taken back are marked.

  --collection NAME   entries of this collection only
  --limit N           the newest N entries; 50 unless said
  --keep-days N       from now on keep entries for N days
  --keep-entries N    from now on keep N entries
  --keep-bytes N      from now on keep as much as N bytes hold
  --json              print {"entries":[{"seq","at","kind",…}],"history":{"pruned","rule",…}}\n`,
  async run(argv) {
    const args = parse(argv, {
      ...COMMON,
      collection: { type: 'string' },
      limit: { type: 'string' },
      'keep-days': { type: 'string' },
      'keep-entries': { type: 'string' },
      'keep-bytes': { type: 'string' },
    })
    noWords(args)
    const limit = args.count('limit', 1, LIMITS.historyMax) ?? 50
    const rule = ruleOf(args)
    const path = args.need('store')
    await withEngine(async ({ engine, openToRead, openToWrite }) => {
      let info: StoreInfo
      if (Object.keys(rule).length > 0) {
        info = await openToWrite(path)
        const { store, history } = info
        info = await engine.call('history.rule', { store, rule: { ...history.rule, ...rule } })
      } else {
        info = await openToRead(path)
      }
      const name = args.text('collection')
      // Of one collection, the newest may be far down the list of all.
      const asked = name === undefined ? limit : LIMITS.historyMax
      const all = await engine.call('store.history', { store: info.store, limit: asked })
      const entries = all
        .filter(({ collection }) => name === undefined || collection === name)
        .slice(0, limit)
      process.stdout.write(
        args.flag('json')
          ? `${JSON.stringify({ entries, history: info.history })}\n`
          : list(entries, info.history),
      )
    })
  },
}

function ruleOf(args: Arguments): Partial<HistoryRule> {
  const maxAgeDays = args.count('keep-days', 0, 36_500)
  const maxEntries = args.count('keep-entries', 0, 1_000_000)
  const maxBytes = args.count('keep-bytes', 0, Number.MAX_SAFE_INTEGER)
  return {
    ...(maxAgeDays === undefined ? {} : { maxAgeDays }),
    ...(maxEntries === undefined ? {} : { maxEntries }),
    ...(maxBytes === undefined ? {} : { maxBytes }),
  }
}

function list(entries: HistoryEntry[], { pruned, rule, ...kept }: HistoryInfo): string {
  const width = Math.max(...entries.map(({ collection }) => collection.length), 0)
  const digits = Math.max(...entries.map(({ seq }) => String(seq).length), 4)
  const lines = entries.map((entry) => {
    const note = entry.note === null ? '' : `: ${entry.note}`
    const gone = entry.undone ? ' (taken back)' : ''
    const place = `${String(entry.seq).padStart(digits)}  ${when(entry.at)}  ${entry.collection.padEnd(width)}`
    return `${place}  ${deed(entry)}${note}${gone}`
  })
  if (entries.length === 0) lines.push('nothing yet')
  lines.push(
    '',
    `${count.format(kept.entries)} entries are kept, ${size(kept.bytes)}: for ${count.format(rule.maxAgeDays)} days, up to ${count.format(rule.maxEntries)} of them and ${size(rule.maxBytes)}`,
  )
  if (pruned) {
    lines.push(`${count.format(pruned.entries)} older ones, up to ${when(pruned.until)}, are no longer kept`)
  }
  return `${lines.join('\n')}\n`
}

const WALK = { ...COMMON, collection: { type: 'string' } } as const

/** The collection that was named (it may be one that was dropped), or the only one. */
function chosen(store: StoreInfo, name: string | undefined): string {
  if (name !== undefined) return name
  const [only, second] = store.collections
  if (only && !second) return only.name
  throw wrong(
    only
      ? `The store has ${store.collections.length} collections; --collection is missing.`
      : 'The store has no collection; --collection is missing.',
    'omendb history lists what was done to which.',
  )
}

function walk(op: 'history.undo' | 'history.redo'): (argv: string[]) => Promise<void> {
  return async (argv) => {
    const args = parse(argv, WALK)
    noWords(args)
    await withEngine(async ({ engine, openToWrite }) => {
      const info = await openToWrite(args.need('store'))
      const collection = chosen(info, args.text('collection'))
      const undone = info.collections.find(({ name }) => name === collection)?.undo
      const entry = await engine.call(op, { store: info.store, collection })
      const what =
        op === 'history.undo' && undone ? `taken back: ${deed(undone)}` : `the last undo is taken back`
      say(args, entry, `${collection}: ${what} (entry ${entry.seq} of the history)`)
    })
  }
}

function say(args: Arguments, entry: HistoryEntry, text: string): void {
  process.stdout.write(args.flag('json') ? `${JSON.stringify(entry)}\n` : `${text}\n`)
}

export const undoCommand: Command = {
  summary: 'take the last change of a collection back',
  help: `omendb undo --store DIR [--collection NAME]

Takes the last import, edit or delete back. Again: the one before. omendb redo takes that back.

  --collection NAME   the collection; may be left out if there is only one
  --json              print the new entry of the history\n`,
  run: walk('history.undo'),
}

export const redoCommand: Command = {
  summary: 'take the last undo back',
  help: `omendb redo --store DIR [--collection NAME]

Takes the last undo or revert back, as long as nothing else was changed since.

  --collection NAME   the collection; may be left out if there is only one
  --json              print the new entry of the history\n`,
  run: walk('history.redo'),
}

export const revertCommand: Command = {
  summary: 'go back before an entry of the history',
  help: `omendb revert SEQ --store DIR [--note TEXT]

Brings the entry's collection back to its state before that entry: what came later is taken back too. That is a new
entry, so omendb redo takes it back. omendb history lists the entries.

  --note TEXT   kept with the new entry
  --json        print the new entry of the history\n`,
  async run(argv) {
    const args = parse(argv, { ...COMMON, note: { type: 'string' } })
    const [word, more] = args.words
    if (word === undefined || !/^\d{1,15}$/.test(word))
      throw wrong('Which entry? SEQ is a number that omendb history shows.')
    if (more !== undefined) throw wrong(`One entry at a time: "${more}" is one too many.`)
    await withEngine(async ({ engine, openToWrite }) => {
      const { store } = await openToWrite(args.need('store'))
      const entry = await engine.call('history.revert', { store, seq: Number(word), note: args.text('note') })
      say(args, entry, `${entry.collection}: ${deed(entry)} (entry ${entry.seq} of the history)`)
    })
  },
}
