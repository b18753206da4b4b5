import { AppError, type CollectionInfo } from '../contract/index.ts'
import { type Arguments, noWords, parse, wrong } from './args.ts'
import type { Command } from './commands.ts'
import { rows } from './format.ts'
import { type CliSession, COMMON, chooseCollection, toId, withEngine } from './session.ts'

type Value = string | number | boolean | null

const WHICH = {
  ...COMMON,
  collection: { type: 'string' },
  id: { type: 'string', multiple: true },
  where: { type: 'string' },
} as const

const WHICH_HELP = `  --collection NAME     the collection; may be left out if there is only one
  --where FILTER        the rows that match, as in an SQL WHERE clause
  --id ID               the row with this id; may be given more than once`

export const editCommand: Command = {
  summary: 'set columns of rows',
  help: `omendb edit --store DIR [--collection NAME] (--where FILTER | --id ID …) --set COLUMN=VALUE … [options]

Sets columns of rows: one entry of the history, which omendb undo takes back. A column that is not there is made: of
whole numbers, numbers, true and false, or else text.

${WHICH_HELP}
  --set COLUMN=VALUE    the new value; may be given more than once
  --clear COLUMN        empty this column; may be given more than once
  --note TEXT           kept with the entry of the history
  --json                print {"changed","entry"}\n`,
  async run(argv) {
    const args = parse(argv, {
      ...WHICH,
      set: { type: 'string', multiple: true },
      clear: { type: 'string', multiple: true },
      note: { type: 'string' },
    })
    checkWhich(args)
    const set = args.list('set').map(splitSet)
    const clear = args.list('clear')
    if (set.length + clear.length === 0) throw wrong('What shall be set? --set COLUMN=VALUE is missing.')
    await withEngine(async (session) => {
      const { target, collection, found } = await which(session, args)
      const changes = new Map<string, Value>(clear.map((name) => [name, null]))
      for (const [name, text] of set) changes.set(name, typedValue(collection, name, text))
      const { changed, entry } = await session.engine.call('rows.edit', {
        ...target,
        rows: found,
        changes: Object.fromEntries(changes),
        note: args.text('note'),
      })
      process.stdout.write(
        args.flag('json')
          ? `${JSON.stringify({ changed, entry })}\n`
          : `${rows(changed)} of ${collection.name} changed${entry ? `: entry ${entry.seq} of the history` : ''}\n`,
      )
    })
  },
}

export const deleteCommand: Command = {
  summary: 'delete rows',
  help: `omendb delete --store DIR [--collection NAME] (--where FILTER | --id ID …)

Deletes rows: one entry of the history, which omendb undo takes back. omendb compact gives their space back.

${WHICH_HELP}
  --json                print {"deleted"}\n`,
  async run(argv) {
    const args = parse(argv, WHICH)
    checkWhich(args)
    await withEngine(async (session) => {
      const { target, collection, found } = await which(session, args)
      const { deleted } = await session.engine.call('row.delete', { ...target, rows: found })
      const undo = deleted > 0 ? '; omendb undo brings them back' : ''
      process.stdout.write(
        args.flag('json')
          ? `${JSON.stringify({ deleted })}\n`
          : `${rows(deleted)} of ${collection.name} deleted${undo}\n`,
      )
    })
  },
}

function checkWhich(args: Arguments): void {
  noWords(args)
  const byFilter = args.text('where') !== undefined
  if (byFilter === args.list('id').length > 0) throw wrong('Name the rows with either --where or --id.')
  // An empty filter would mean every row: too much for what may be a variable that was not set.
  if (byFilter && args.text('where')?.trim() === '') throw wrong('--where is empty.')
}

async function which({ engine, openToWrite }: CliSession, args: Arguments) {
  const info = await openToWrite(args.need('store'))
  const collection = chooseCollection(info, args.text('collection'))
  const target = { store: info.store, collection: collection.name }
  const filter = args.text('where')
  if (filter !== undefined) {
    const found = await engine.call('filter.rows', { ...target, filter })
    return { target, collection, found: Uint32Array.from(found) }
  }
  const ids = args.list('id')
  const { rows: found } = await engine.call('rows.find', {
    ...target,
    ids: ids.map((id) => toId(id, collection)),
  })
  if (found.length < ids.length) throw await missing(engine, target, collection, ids)
  return { target, collection, found }
}

/** Ids are typed one by one: one that is not there is a slip, and nothing is done. */
async function missing(
  engine: CliSession['engine'],
  target: { store: string; collection: string },
  collection: CollectionInfo,
  ids: string[],
): Promise<AppError> {
  const gone: string[] = []
  for (const id of ids) {
    if ((await engine.call('row.find', { ...target, id: toId(id, collection) })) === null) gone.push(id)
  }
  return new AppError({
    code: 'UNKNOWN_ID',
    message: `No row of ${collection.name} has the id ${gone.map((id) => JSON.stringify(id)).join(', ')}. Nothing was changed.`,
    remedy: 'Check the spelling; ids are compared letter by letter.',
  })
}

function splitSet(text: string): [name: string, value: string] {
  const at = text.indexOf('=')
  if (at < 1) throw wrong(`--set is COLUMN=VALUE, and "${text}" is not.`)
  return [text.slice(0, at), text.slice(at + 1)]
}

/** A value as the column holds it; of a new column, as it looks. */
function typedValue({ columns }: CollectionInfo, name: string, text: string): Value {
  const type = columns.find((column) => column.name === name)?.type
  if (type !== undefined && type !== 'int' && type !== 'float' && type !== 'bool') return text
  if ((type === undefined || type === 'bool') && (text === 'true' || text === 'false')) return text === 'true'
  const number = Number(text)
  const isNumber = text.trim() !== '' && Number.isFinite(number)
  if (type === undefined) return isNumber && String(number) === text ? number : text
  if (type === 'bool') throw wrong(`Column "${name}" holds true or false, not "${text}".`)
  if (!isNumber || (type === 'int' && !Number.isSafeInteger(number))) {
    throw wrong(`Column "${name}" holds ${type === 'int' ? 'whole numbers' : 'numbers'}, not "${text}".`)
  }
  return number
}
