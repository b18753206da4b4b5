import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { extname, join } from 'node:path'
import { AppError, type MapInfo, type StoreInfo } from '../contract/index.ts'
import { noWords, parse, wrong } from './args.ts'
import type { Command } from './commands.ts'
import { count, size } from './format.ts'
import { type CliSession, COMMON, chooseCollection, sayReading, withEngine } from './session.ts'

/** What says how a map is drawn. */
const DRAWING = [
  'neighbours',
  'min-dist',
  'epochs',
  'seed',
  'vector',
  'filter',
  'target',
  'target-weight',
  'onto',
  'method',
] as const
const METHODS = ['umap', 'umap-js'] as const

export const mapCommand: Command = {
  summary: 'draw the 2D map of a collection and write it to a file',
  help: `omendb map --store DIR [--collection NAME] --out FILE.csv|FILE.parquet [options]

Draws a UMAP, saves it in the store, and writes id, x, y and the other columns. While another program writes the
store, the map is drawn of a copy of this moment and not saved in the store.

  --neighbours N    2 to 200; 15 unless said
  --min-dist D      0 to 1; 0.1 unless said
  --epochs N        0 lets the number of rows decide
  --seed N          42 unless said
  --vector NAME     the vector column to draw from; the first unless said
  --filter SQL      of the rows for which this holds alone
  --target COLUMN   a column that the map follows besides the vectors: rows of one value are drawn together
  --target-weight W 0 to 1, how much it counts; 0.5 unless said
  --name NAME       of the map: map unless said; a saved one of this name is replaced
  --onto NAME       turned to lie like this saved map
  --place           does not draw: places the rows that are not on the saved map among those that are
  --score           also tells how much of the map is true: trustworthiness and continuity
  --method NAME     umap (unless said) or umap-js, which is slower
  --json            print {"rows","bytes","out","first","seconds","score"}: seconds until the first picture and of the whole drawing\n`,
  async run(argv) {
    const args = parse(argv, {
      ...COMMON,
      collection: { type: 'string' },
      out: { type: 'string' },
      neighbours: { type: 'string' },
      'min-dist': { type: 'string' },
      epochs: { type: 'string' },
      seed: { type: 'string' },
      vector: { type: 'string' },
      filter: { type: 'string' },
      target: { type: 'string' },
      'target-weight': { type: 'string' },
      name: { type: 'string' },
      onto: { type: 'string' },
      place: { type: 'boolean' },
      score: { type: 'boolean' },
      method: { type: 'string' },
    })
    const out = args.need('out')
    if (!['.csv', '.parquet'].includes(extname(out).toLowerCase())) {
      throw wrong(`--out must end in .csv or .parquet, and "${out}" does not.`)
    }
    const minDist = Number(args.text('min-dist') ?? 0.1)
    if (!(minDist >= 0 && minDist <= 1)) throw wrong('--min-dist must be a number from 0 to 1.')
    const wanted = args.text('method') ?? 'umap'
    const method = METHODS.find((name) => name === wanted)
    if (!method) throw wrong(`--method must be ${METHODS.join(' or ')}.`)
    const target = args.text('target')
    const targetWeight = Number(args.text('target-weight') ?? 0.5)
    if (!(targetWeight >= 0 && targetWeight <= 1))
      throw wrong('--target-weight must be a number from 0 to 1.')
    const params = {
      neighbours: args.count('neighbours', 2, 200) ?? 15,
      minDist,
      spread: 1,
      epochs: args.count('epochs', 0, 5_000) ?? 0,
      method,
      ...(target === undefined ? {} : { target, targetWeight }),
    }
    const seed = args.count('seed', 0, 0xffff_ffff) ?? 42
    const onto = args.text('onto')
    const placing = args.flag('place')
    const ofDrawing = DRAWING.filter((name) => args.text(name) !== undefined)
    if (placing && ofDrawing.length > 0) {
      throw wrong(`--place draws nothing anew, so --${ofDrawing.join(', --')} cannot be said with it.`)
    }
    noWords(args)
    await withEngine(async (session) => {
      const { engine, grant, finish } = session
      const opened = await openOrCopy(session, args.need('store'))
      const place = {
        store: opened.store,
        collection: chooseCollection(opened, args.text('collection')).name,
        name: args.text('name') ?? 'map',
      }
      const filter = args.text('filter') ?? ''
      const among = filter === '' ? undefined : ({ by: 'filter', filter } as const)
      const start = performance.now()
      const since = () => (performance.now() - start) / 1_000
      let first: number | null = null
      engine.on(({ event }) => {
        if (event === 'map.frame') first ??= since()
      })
      const order = { ...place, params, seed, vector: args.text('vector'), among, onto }
      await finish<MapInfo>(placing ? engine.call('map.place', place) : engine.call('map.start', order))
      const seconds = since()
      const { rows, bytes } = await engine.call('map.export', { ...place, grant: grant(out, 'file') })
      const judged = args.flag('score') ? await finish<MapInfo>(engine.call('map.judge', place)) : null
      const score = judged?.score
      process.stdout.write(
        args.flag('json')
          ? `${JSON.stringify({ rows, bytes, out, first, seconds, score })}\n`
          : `${count.format(rows)} rows written to ${out} (${size(bytes)})\n${scored(score)}`,
      )
    })
  },
}

function scored(score: MapInfo['score']): string {
  if (!score) return ''
  const { trustworthiness, continuity, k, sample } = score
  const by = `by the ${k} nearest of ${count.format(sample)} rows`
  return `trustworthiness ${trustworthiness.toFixed(3)}, continuity ${continuity.toFixed(3)}, ${by}\n`
}

/** The store to draw in: itself, or, while another program writes it, a copy that goes when the command ends. */
async function openOrCopy(session: CliSession, path: string): Promise<StoreInfo> {
  try {
    return await session.openToWrite(path)
  } catch (thrown) {
    const error = AppError.from(thrown)
    if (error.code !== 'STORE_LOCKED') throw error
    sayReading(path, error.detail.holder)
  }
  const { engine, grant, finish } = session
  const folder = mkdtempSync(join(tmpdir(), 'omendb-map-'))
  process.once('exit', () => rmSync(folder, { recursive: true, force: true }))
  const copy = grant(join(folder, 'copy.db'), 'store')
  const { store } = await engine.call('store.open', { grant: grant(path, 'store'), readOnly: true })
  await finish(engine.call('store.snapshot', { store, grant: copy }))
  await engine.call('store.close', { store })
  return engine.call('store.open', { grant: copy })
}
