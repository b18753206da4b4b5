import { relative, resolve } from 'node:path'
import {
  AppError,
  type CompactResult,
  type CopyResult,
  type RepairReport,
  type VerifyReport,
} from '../contract/index.ts'
import { noWords, parse } from './args.ts'
import type { Command } from './commands.ts'
import { count, rows, size } from './format.ts'
import { COMMON, mustBeThere, withEngine } from './session.ts'

/** Places of lost rows that are printed; --json has all. */
const LISTED_MAX = 20

type Lost = RepairReport['collections'][number]['lost'][number]

const FROM_TO = { from: { type: 'string' }, to: { type: 'string' }, json: { type: 'boolean' } } as const

function print(json: boolean, value: unknown, text: string): void {
  process.stdout.write(json ? `${JSON.stringify(value)}\n` : `${text}\n`)
}

export const compactCommand: Command = {
  summary: 'give the space of deleted rows back',
  help: `omendb compact --store DIR [--forget-history]

Writes files anew without rows that are deleted and that the history does not need, and joins small ones. Row numbers
and answers stay as they are.

  --forget-history   give up the history first: what it alone needs goes too, and nothing can be undone any more
  --json             print {"bytesBefore","bytesAfter","freed","rowsDropped","segments","heldByHistory"}\n`,
  async run(argv) {
    const args = parse(argv, { ...COMMON, 'forget-history': { type: 'boolean' } })
    noWords(args)
    await withEngine(async ({ engine, openToWrite, finish }) => {
      const { store } = await openToWrite(args.need('store'))
      const forgetHistory = args.flag('forget-history')
      const done = await finish<CompactResult>(engine.call('store.compact', { store, forgetHistory }))
      const held =
        done.heldByHistory > 0
          ? `\n${size(done.heldByHistory)} are kept for the history alone; --forget-history gives them back`
          : ''
      print(args.flag('json'), done, `${freed(done)}${held}`)
    })
  },
}

function freed({ segments, rowsDropped, bytesBefore, bytesAfter, ...done }: CompactResult): string {
  if (segments === 0 && done.freed <= 0) return `Nothing to give back: ${size(bytesAfter)} are in use`
  const anew = `${count.format(segments)} ${segments === 1 ? 'segment' : 'segments'} written anew`
  const sizes = `${size(bytesBefore)} before, ${size(bytesAfter)} now`
  return `${size(done.freed)} given back (${sizes}): ${rows(rowsDropped)} dropped, ${anew}`
}

export const snapshotCommand: Command = {
  summary: 'copy a store, also while it is written',
  help: `omendb snapshot --store DIR --to DIR

Copies the store as it is at this moment into a new folder, each file compared with its checksum. The copy is a store
itself; omendb restore makes another of it.

  --to DIR   the new folder
  --json     print {"files","bytes","generation","leftOut","to"}\n`,
  async run(argv) {
    const args = parse(argv, { ...COMMON, to: { type: 'string' } })
    noWords(args)
    const to = args.need('to')
    await withEngine(async ({ engine, grant, openToRead, finish }) => {
      const { store } = await openToRead(args.need('store'))
      const done = await finish<CopyResult>(
        engine.call('store.snapshot', { store, grant: grant(to, 'store') }),
      )
      print(args.flag('json'), { ...done, to }, copied(done, `written to ${to}`))
    })
  },
}

export const restoreCommand: Command = {
  summary: 'make a store of a snapshot',
  help: `omendb restore --from DIR --to DIR

Copies a snapshot (or any store that nobody writes) into a new folder, each file compared with its checksum. What is
there already is never written over.

  --from DIR   the snapshot
  --to DIR     the new folder
  --json       print {"files","bytes","generation","leftOut","to"}\n`,
  async run(argv) {
    const args = parse(argv, FROM_TO)
    noWords(args)
    const [from, to] = [args.need('from'), args.need('to')]
    mustBeThere(from)
    await withEngine(async ({ engine, grant, finish }) => {
      const done = await finish<CopyResult>(
        engine.call('store.restore', { from: grant(from, 'store'), to: grant(to, 'store') }),
      )
      print(args.flag('json'), { ...done, to }, copied(done, `restored to ${to}`))
    })
  },
}

export const repairCommand: Command = {
  summary: 'save what is sound of a damaged store',
  help: `omendb repair --from DIR --to DIR

Writes every row that is sound into a new store, and says what was kept and what is lost. The damaged store stays as it
is.

  --from DIR   the damaged store
  --to DIR     the new folder
  --json       print {"generation","collections":[{"name","rowsKept","rowsLost","lost"}],"notes"}\n`,
  async run(argv) {
    const args = parse(argv, FROM_TO)
    noWords(args)
    const [from, to] = [args.need('from'), args.need('to')]
    mustBeThere(from)
    await withEngine(async ({ engine, grant, finish }) => {
      const report = await finish<RepairReport>(
        engine.call('store.repair', { from: grant(from, 'store'), to: grant(to, 'store') }),
      )
      print(args.flag('json'), report, `${describe(report)}\nThe repaired store is ${to}`)
    })
  },
}

function lostRows({ segment, first, rows: number, ids, reason }: Lost): string {
  const which = number === 1 ? `row ${first}` : `rows ${first} to ${first + number - 1}`
  const named = ids.slice(0, 5).map(String).join(', ')
  const more = number > 5 ? ', …' : ''
  return `  ${segment}: ${which}${named ? ` (${named}${more})` : ''} lost: ${reason}`
}

function describe({ collections, notes }: RepairReport): string {
  const lines = collections.flatMap(({ name, rowsKept, rowsLost, lost }) => [
    `${name}: ${rows(rowsKept)} kept, ${rowsLost === 0 ? 'none' : count.format(rowsLost)} lost`,
    ...lost.slice(0, LISTED_MAX).map(lostRows),
    ...(lost.length > LISTED_MAX ? [`  and ${count.format(lost.length - LISTED_MAX)} more places`] : []),
  ])
  if (collections.length === 0) lines.push('No collection was found.')
  return [...lines, ...notes].join('\n')
}

function copied({ files, bytes, leftOut }: CopyResult, to: string): string {
  const without = leftOut
    .map((file) => `\n  ${file} is damaged and was left out: it is built anew there`)
    .join('')
  return `${count.format(files)} files, ${size(bytes)}, ${to}${without}`
}

export const verifyCommand: Command = {
  summary: 'check every byte of a store',
  help: `omendb verify --store DIR [--json]

Reads every file and compares it with its checksum, also while another program writes the store. Exit status 1 if
anything is damaged; omendb repair then saves what is sound.\n`,
  async run(argv) {
    const args = parse(argv, COMMON)
    noWords(args)
    await withEngine(async ({ engine, openToRead }) => {
      const path = args.need('store')
      const report = await openToRead(path)
        .then(({ store }) => engine.call('store.verify', { store }))
        .catch((thrown: unknown) => damaged(thrown, path))
      const { files, bytes, problems } = report
      const found = [...problems.map(({ file, what }) => `${file}: ${what}`), ...report.notes]
        .map((line) => `\n  ${line}`)
        .join('')
      const verdict = problems.length === 0 ? 'all sound' : `${count.format(problems.length)} damaged`
      const read = files > 0 ? `${count.format(files)} files, ${size(bytes)}: ` : ''
      print(args.flag('json'), report, `${read}${verdict}${found}`)
      if (problems.length > 0) process.exitCode = 1
    })
  },
}

/** A store that is too damaged to be opened is a finding, not an error of this command. */
function damaged(thrown: unknown, store: string): VerifyReport {
  const error = AppError.from(thrown)
  if (error.code !== 'CORRUPT') throw error
  const { file, reason } = error.detail
  const problem = {
    file: typeof file === 'string' ? relative(resolve(store), file) || file : store,
    what: typeof reason === 'string' ? reason : error.message,
    derived: false,
  }
  const note = 'the store cannot be opened, so only the first damage is named; omendb repair finds the rest'
  return { files: 0, bytes: 0, problems: [problem], notes: [note] }
}
