import type { ClusterResult } from '../contract/index.ts'
import { noWords, parse, wrong } from './args.ts'
import type { Command } from './commands.ts'
import { count, rows } from './format.ts'
import { COMMON, chooseCollection, withEngine } from './session.ts'

/** Clusters that are listed. */
const LISTED = 20

export const clusterCommand: Command = {
  summary: 'divide rows into clusters and name them',
  help: `omendb cluster --store DIR [--collection NAME] [options]

Divides the rows into clusters by their vectors (Leiden, over the neighbour graph that maps are drawn from) and writes
each row's cluster into a column. omendb undo takes that back.

  --keywords COLUMN   the text column whose words name the clusters; without one they have numbers
  --column NAME       the text column that the names go into: cluster unless said; made if it is not there
  --vector NAME       the vector column; the first unless said
  --resolution R      0.01 to 100, 1 unless said: more gives more and smaller clusters
  --neighbours N      2 to 200; 15 unless said
  --seed N            42 unless said
  --filter SQL        only the rows for which this holds
  --json              print {"clusters","rows","column","modularity","largest","seconds"}\n`,
  async run(argv) {
    const args = parse(argv, {
      ...COMMON,
      collection: { type: 'string' },
      keywords: { type: 'string' },
      column: { type: 'string' },
      vector: { type: 'string' },
      resolution: { type: 'string' },
      neighbours: { type: 'string' },
      seed: { type: 'string' },
      filter: { type: 'string' },
    })
    noWords(args)
    const resolution = Number(args.text('resolution') ?? 1)
    if (!(resolution >= 0.01 && resolution <= 100)) {
      throw wrong('--resolution must be a number from 0.01 to 100.')
    }
    const filter = args.text('filter')
    const order = {
      keywords: args.text('keywords'),
      column: args.text('column'),
      vector: args.text('vector'),
      resolution,
      neighbours: args.count('neighbours', 2, 200),
      seed: args.count('seed', 0, 0xffff_ffff),
      among: filter === undefined ? undefined : ({ by: 'filter', filter } as const),
    }
    await withEngine(async ({ engine, openToWrite, finish }) => {
      const { store, ...opened } = await openToWrite(args.need('store'))
      const collection = chooseCollection({ store, ...opened }, args.text('collection')).name
      const found = await finish<ClusterResult>(
        engine.call('collection.cluster', { store, collection, ...order }),
      )
      process.stdout.write(args.flag('json') ? `${JSON.stringify(found)}\n` : asText(found))
    })
  },
}

function asText({ clusters, column, modularity, largest, seconds, ...found }: ClusterResult): string {
  const listed = largest.slice(0, LISTED)
  const width = Math.max(...listed.map(({ rows }) => count.format(rows).length))
  const more = clusters - listed.length
  return [
    `${rows(found.rows)} in ${count.format(clusters)} ${clusters === 1 ? 'cluster' : 'clusters'}, in column "${column}" (modularity ${modularity.toFixed(3)}, ${seconds.toFixed(1)} s)`,
    ...listed.map(({ name, rows }) => `  ${count.format(rows).padStart(width)}  ${name}`),
    ...(more > 0 ? [`  and ${count.format(more)} smaller`] : []),
    '',
  ].join('\n')
}
