import { note } from '../scripts/lib/say.mjs'
import { at, median, spread } from './lib/figures.mjs'
import { options as read } from './lib/options.mjs'
import { circumstances, publish, save, table, whole } from './lib/pages.mjs'
import { OURS, start } from './lib/peer.mjs'
import { plot } from './lib/plot.mjs'
import { makeSet, prepare } from './lib/prepare.mjs'
import { around, settings, sweep, turns } from './lib/sweeps.mjs'

/** How the time of a query grows with the rows: sets of the same kind, from ten thousand rows on. */

const RECALL = 0.95

export async function run({ rounds = 3 }) {
  const options = read(process.argv.slice(3), {
    sets: ['synth10k', 'synth100k', 'synth1m'],
    peers: ['hnswlib'],
    queries: 500,
    fresh: false,
  })
  prepare(options.peers)
  const lines = []
  const series = new Map([OURS, ...options.peers].map((name) => [name, []]))
  for (const name of options.sets) {
    const about = makeSet(name)
    const found = await measure(about, options, rounds)
    for (const [name, p50] of found) {
      if (median(p50) !== null) series.get(name).push([about.rows, median(p50)])
      lines.push([whole(about.rows), name, spread(p50, 1)])
    }
  }
  const text = `${head(rounds)}\n\n${table([':rows', 'engine', ':p50 us, min / med / max'], lines)}`
  publish('grow', text, options.write)
  if (options.write) save('grow.svg', plot(series, `p50 of one query at recall@10 ${RECALL}, us`, 'rows'))
}

async function measure(about, options, rounds) {
  const { queries } = options
  const entries = await start(about, options)
  const found = new Map(entries.map(({ name }) => [name, []]))
  const efs = new Map()
  for (let round = 0; round < rounds; round += 1) {
    for (const { name, peer } of turns(entries, round)) {
      // The first round finds the settings around the recall, the others measure there.
      const known = efs.get(name)
      const rows = await sweep(peer, { efs: known ?? settings(name), queries, enough: known ? 2 : RECALL })
      if (!known)
        efs.set(
          name,
          around(rows, RECALL).map(({ ef }) => ef),
        )
      found.get(name).push(at(rows, RECALL, 'p50'))
    }
    note(about.name, `round ${round + 1} of ${rounds}`)
  }
  for (const { peer } of entries) await peer.end()
  return found
}

function head(rounds) {
  return `# How the time of a query grows with the rows

${circumstances(rounds)}
One query is one call on one thread, at recall@10 ${RECALL}, between the settings around it. The sets are made in the same way, with more clusters
where there are more rows.

![The figures of the table, over the number of rows](grow.svg)`
}
