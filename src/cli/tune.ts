import { LIMITS, type Metric, type TuneChoice, type TuneReport } from '../contract/index.ts'
import { noWords, parse } from './args.ts'
import type { Command } from './commands.ts'
import { count, rows, size } from './format.ts'
import { COMMON, chooseCollection, withEngine } from './session.ts'

/** A recall that the advice aims at. */
const GOOD = 0.99

export const tuneCommand: Command = {
  summary: 'measure what each precision and metric gives',
  help: `omendb tune --store DIR [--collection NAME] [--vector NAME] [--queries N]

Takes some of the collection's own rows, looks for the neighbours of each in every way, and says what part of the true
neighbours was found (recall) and how long it took on this machine. Nothing is changed.

  --collection NAME   the collection; may be left out if there is only one
  --vector NAME       the vector column; the first unless said
  --queries N         rows that are taken, 1 to ${LIMITS.tuneQueriesMax}; 200 unless said
  --json              print the whole report\n`,
  async run(argv) {
    const args = parse(argv, {
      ...COMMON,
      collection: { type: 'string' },
      vector: { type: 'string' },
      queries: { type: 'string' },
    })
    noWords(args)
    const queries = args.count('queries', 1, LIMITS.tuneQueriesMax)
    await withEngine(async ({ engine, openToRead, finish }) => {
      const store = await openToRead(args.need('store'))
      const { name } = chooseCollection(store, args.text('collection'))
      const report = await finish<TuneReport>(
        engine.call('collection.tune', {
          store: store.store,
          collection: name,
          vector: args.text('vector'),
          queries,
        }),
      )
      process.stdout.write(args.flag('json') ? `${JSON.stringify(report)}\n` : `${asText(name, report)}\n`)
    })
  },
}

function asText(name: string, report: TuneReport): string {
  const { dimension, metric, queries, k, choices, indexedRows, vectorBytes, indexBytes } = report
  const lines = choices.map(({ recall, p50Us, p99Us, distances, ...how }) => [
    words(how),
    recall.toFixed(3),
    count.format(Math.round(p50Us)),
    count.format(Math.round(p99Us)),
    count.format(Math.round(distances)),
  ])
  const index =
    indexedRows === 0
      ? 'no index yet, so every search compares with every row'
      : `index ${size(indexBytes)} of ${rows(indexedRows)}`
  return [
    `${name}: ${rows(report.rows)} of ${dimension} dimensions under ${metric}; vectors ${size(vectorBytes)}, ${index}`,
    `${count.format(queries)} of its rows as queries, ${k} neighbours each, on one thread`,
    '',
    ...table([['search', `recall@${k}`, 'p50 us', 'p99 us', 'distances'], ...lines]),
    '',
    advice(choices),
    metricWords(report),
  ].join('\n')
}

function words({ ef, exact }: Pick<TuneChoice, 'ef' | 'exact'>): string {
  if (exact) return '--exact'
  return ef === null ? 'default' : `--ef ${ef}`
}

function table(lines: string[][]): string[] {
  const widths = (lines[0] ?? []).map((_, at) => Math.max(...lines.map((line) => line[at]?.length ?? 0)))
  return lines.map((line) =>
    line
      .map((cell, at) => (at === 0 ? cell.padEnd(widths[at] ?? 0) : cell.padStart(widths[at] ?? 0)))
      .join('  '),
  )
}

function advice(choices: TuneChoice[]): string {
  const usual = choices.find(({ ef, exact }) => ef === null && !exact)
  if (!usual) return 'There is nothing to choose without an index.'
  const enough = choices.find(({ ef, recall }) => ef !== null && recall >= GOOD)
  const first = `The default finds ${percent(usual.recall)} of the true neighbours`
  return enough ? `${first}; --ef ${enough.ef} is enough for ${percent(GOOD)}.` : `${first}.`
}

function metricWords({ metric, metrics, norms, k }: TuneReport): string {
  const shares = metrics
    .filter((other) => other.metric !== metric)
    .map((other) => `${percent(other.shared)} of the ${k} neighbours are the same under ${other.metric}`)
  const lengths = sameLength(norms)
    ? `all vectors have the length ${norms[0].toPrecision(3)}`
    : lengthWords(norms)
  return `Beside ${metric satisfies Metric}: ${shares.join(', ')} (${lengths}).`
}

const lengthWords = ([least, most]: [number, number]) =>
  `lengths of vectors go from ${least.toPrecision(3)} to ${most.toPrecision(3)}`

/** Then cosine, l2 and dot put rows in the same order. */
const sameLength = ([least, most]: [number, number]) => most - least <= 1e-3 * most

const percent = (share: number) => `${(share * 100).toFixed(share < 0.9995 ? 1 : 0)}%`
