import type { CollectionInfo, StoreInfo } from '../contract/index.ts'
import { noWords, parse } from './args.ts'
import type { Command } from './commands.ts'
import { count, size } from './format.ts'
import { COMMON, withEngine } from './session.ts'

export const infoCommand: Command = {
  summary: 'what is in a store',
  help: `omendb info --store DIR [--json]

Rows, columns, indexes and maps of each collection, and the size of the store and of its history.\n`,
  async run(argv) {
    const args = parse(argv, COMMON)
    noWords(args)
    await withEngine(async ({ openToRead }) => {
      const store = await openToRead(args.need('store'))
      process.stdout.write(args.flag('json') ? `${JSON.stringify(store)}\n` : describe(store))
    })
  },
}

function historyLine({ history }: StoreInfo): string {
  const kept = `${count.format(history.entries)} entries, ${size(history.bytes)}`
  const { pruned } = history
  return pruned ? `${kept}; ${count.format(pruned.entries)} older ones are no longer kept` : kept
}

function describe(store: StoreInfo): string {
  const lines = [
    `${store.path}`,
    `  ${size(store.diskBytes)} on disk, ${size(store.walBytes)} of it log; generation ${store.generation}`,
    `  history: ${historyLine(store)}`,
  ]
  for (const collection of store.collections) lines.push('', ...describeCollection(collection))
  if (store.collections.length === 0) lines.push('  no collection yet')
  return `${lines.join('\n')}\n`
}

function describeCollection({ name, rows, deleted, id, columns, vectors, maps }: CollectionInfo): string[] {
  const gone = deleted > 0 ? `, ${count.format(deleted)} deleted` : ''
  return [
    `${name}: ${count.format(rows)} rows${gone}`,
    `  id       ${id.type === 'rownumber' ? 'row number' : `${id.column} (${id.type})`}`,
    ...vectors.map(
      (vector) =>
        `  vector   ${vector.name}: ${vector.dimension} dimensions, ${vector.metric}, index ${vector.index.state}`,
    ),
    `  columns  ${columns.map((column) => `${column.name} (${column.type})`).join(', ') || 'none'}`,
    ...maps.map(
      ({ name, rows, vector, method, created }) =>
        `  map      ${name}: ${count.format(rows)} rows${vector === undefined ? '' : ` by ${vector}`}, ${method}, ${created}`,
    ),
  ]
}
