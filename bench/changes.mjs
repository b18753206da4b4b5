import { note } from '../scripts/lib/say.mjs'
import { at, median, spread } from './lib/figures.mjs'
import { options as read } from './lib/options.mjs'
import { circumstances, publish, ratio, table, title } from './lib/pages.mjs'
import { OURS, Peer } from './lib/peer.mjs'
import { makeSet, prepare } from './lib/prepare.mjs'
import { around, settings, sweep, turns } from './lib/sweeps.mjs'

/** What is left of recall and speed after many rows were deleted and replaced, beside a store that was made of the same rows at once. */

const RECALLS = [0.95, 0.99]
const WAYS = [
  { name: 'fresh', changed: false, words: 'imported at once' },
  { name: 'changed', changed: true, words: '30 % of the rows replaced and 15 % more deleted' },
]

export async function run({ rounds = 3 }) {
  const options = read(process.argv.slice(3), { sets: ['synth100k', 'glove'], queries: 500 })
  prepare([])
  const pages = [head(rounds)]
  for (const name of options.sets) pages.push(await compare(makeSet(name), options, rounds))
  publish('changes', pages.join('\n\n'), options.write)
}

async function compare(about, { queries }, rounds) {
  const entries = []
  for (const way of WAYS) {
    const peer = new Peer(OURS)
    await peer.ask({ op: 'open', peer: OURS, set: about.folder })
    const built = await peer.ask({ op: 'build', changed: way.changed })
    note(way.name, `${about.name}: settled after ${built.seconds.toFixed(1)} s`)
    entries.push({ ...way, peer, built, p50: RECALLS.map(() => []), usual: [] })
  }
  for (let round = 0; round < rounds; round += 1) {
    for (const { peer, p50, usual } of turns(entries, round)) {
      const rows = await sweep(peer, { efs: settings(OURS), queries, enough: Math.max(...RECALLS) })
      for (const [n, recall] of RECALLS.entries()) p50[n].push(at(around(rows, recall), recall, 'p50'))
      usual.push((await peer.ask({ op: 'sweep', efs: [0], queries })).rows[0])
    }
    note(about.name, `round ${round + 1} of ${rounds}`)
  }
  for (const { peer } of entries) await peer.end()
  const [fresh] = entries
  const lines = entries.map(({ words, built, p50, usual }) => [
    words,
    built.seconds.toFixed(1),
    ...p50.flatMap((own, n) => [spread(own, 1), ratio(own, fresh.p50[n])]),
    spread(
      usual.map(({ recall }) => recall),
      3,
    ),
    spread(
      usual.map(({ p50 }) => p50),
      1,
    ),
  ])
  const columns = ['the store', ':s until settled']
  const speeds = RECALLS.flatMap((recall) => [`:p50 us at ${recall}`, ':ratio'])
  const text = table([...columns, ...speeds, ':recall, defaults', ':p50 us, defaults'], lines)
  const [one, other] = entries.map(({ usual }) => median(usual.map(({ recall }) => recall)))
  return `## ${title(about)}\n\n${text}\n\nRecall at the defaults is ${Math.abs(one - other).toFixed(3)} ${other < one ? 'below' : 'above'} that of the fresh store.`
}

function head(rounds) {
  return `# After many changes

${circumstances(rounds)}
The changed store first holds the rows with other vectors in the place of 30 % of them, and 15 % more rows. Then these are deleted and those
replaced by their ids, with no call to compact; it is measured when the background work has settled. Settling counts from the last change to the
moment when all rows are in one index again, for the fresh store from its opening after the import. Ratios are to the fresh store, below 1 is slower.`
}
