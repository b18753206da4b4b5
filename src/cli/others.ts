import { extname } from 'node:path'
import type { CollectionInfo, MapInfo, StoreInfo } from '../contract/index.ts'
import { parse, wrong } from './args.ts'
import type { Command } from './commands.ts'
import { chooseCollection, withEngine } from './session.ts'

const count = new Intl.NumberFormat('en-US')
const COMMON = { store: { type: 'string' }, json: { type: 'boolean' } } as const

export const infoCommand: Command = {
  summary: 'what is in a store',
  help: `omendb info --store DIR [--json]\n`,
  async run(argv) {
    const args = parse(argv, COMMON)
    await withEngine(async ({ openStore }) => {
      const store = await openStore(args.need('store'), false)
      process.stdout.write(args.flag('json') ? `${JSON.stringify(store)}\n` : describe(store))
    })
  },
}

function describe(store: StoreInfo): string {
  const lines = [
    `${store.path}`,
    `  ${size(store.diskBytes)} on disk, ${size(store.walBytes)} of it log; generation ${store.generation}`,
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
      (map) => `  map      ${map.name}: ${count.format(map.rows)} rows, ${map.method}, ${map.created}`,
    ),
  ]
}

export const mapCommand: Command = {
  summary: 'draw the 2D map of a collection and write it to a file',
  help: `omendb map --store DIR [--collection NAME] --out FILE.csv|FILE.parquet [options]

Draws a UMAP, saves it in the store, and writes id, x, y and the other columns.

  --neighbours N    2 to 200; 15 unless said
  --min-dist D      0 to 1; 0.1 unless said
  --epochs N        0 lets the number of rows decide
  --seed N          42 unless said
  --json            print {"rows","bytes","out"}\n`,
  async run(argv) {
    const args = parse(argv, {
      ...COMMON,
      collection: { type: 'string' },
      out: { type: 'string' },
      neighbours: { type: 'string' },
      'min-dist': { type: 'string' },
      epochs: { type: 'string' },
      seed: { type: 'string' },
    })
    const out = args.need('out')
    if (!['.csv', '.parquet'].includes(extname(out).toLowerCase())) {
      throw wrong(`--out must end in .csv or .parquet, and "${out}" does not.`)
    }
    const minDist = Number(args.text('min-dist') ?? 0.1)
    if (!(minDist >= 0 && minDist <= 1)) throw wrong('--min-dist must be a number from 0 to 1.')
    const params = {
      neighbours: args.count('neighbours', 2, 200) ?? 15,
      minDist,
      spread: 1,
      epochs: args.count('epochs', 0, 5_000) ?? 0,
    }
    const seed = args.count('seed', 0, 0xffff_ffff) ?? 42
    await withEngine(async ({ engine, grant, openStore, finish }) => {
      const opened = await openStore(args.need('store'), false)
      const target = {
        store: opened.store,
        collection: chooseCollection(opened, args.text('collection')).name,
      }
      await finish<MapInfo>(engine.call('map.start', { ...target, params, seed }))
      const { rows, bytes } = await engine.call('map.export', { ...target, grant: grant(out, 'file') })
      process.stdout.write(
        args.flag('json')
          ? `${JSON.stringify({ rows, bytes, out })}\n`
          : `${count.format(rows)} rows written to ${out} (${size(bytes)})\n`,
      )
    })
  },
}

export const verifyCommand: Command = {
  summary: 'check every byte of a store',
  help: `omendb verify --store DIR [--json]

Reads every file and compares it with its checksum. Exit status 2 if anything is damaged.\n`,
  async run(argv) {
    const args = parse(argv, COMMON)
    await withEngine(async ({ engine, openStore }) => {
      const { store } = await openStore(args.need('store'), false)
      const report = await engine.call('store.verify', { store })
      if (args.flag('json')) {
        process.stdout.write(`${JSON.stringify(report)}\n`)
      } else {
        const found = report.problems.map(({ file, what }) => `  ${file}: ${what}\n`).join('')
        process.stdout.write(
          `${count.format(report.files)} files, ${size(report.bytes)}: ${
            report.problems.length === 0 ? 'all sound' : `${report.problems.length} damaged`
          }\n${found}`,
        )
      }
      if (report.problems.length > 0) process.exitCode = 2
    })
  },
}

function size(bytes: number): string {
  const units = ['B', 'kB', 'MB', 'GB', 'TB']
  let value = bytes
  let unit = 0
  while (value >= 1_000 && unit < units.length - 1) {
    value /= 1_000
    unit += 1
  }
  return `${value.toFixed(unit === 0 ? 0 : 1)} ${units[unit]}`
}
