import { note } from '../scripts/lib/say.mjs'
import { spread } from './lib/figures.mjs'
import { options as read } from './lib/options.mjs'
import { circumstances, publish, ratio, table } from './lib/pages.mjs'
import { OURS, Peer } from './lib/peer.mjs'
import { prepare } from './lib/prepare.mjs'
import { turns } from './lib/sweeps.mjs'

/** What a call from JavaScript costs by itself: a search of ten rows, in which there is next to nothing to compute. */

const DIMENSIONS = [128, 768]
/** Batches of calls in each round. */
const BATCHES = 20

export async function run({ rounds = 3 }) {
  const options = read(process.argv.slice(3), { peers: ['usearch-node', 'hnswlib-node'] })
  prepare(options.peers)
  const names = [OURS, ...options.peers]
  const pages = [head(rounds)]
  for (const dim of DIMENSIONS) pages.push(await compare(names, dim, rounds))
  publish('ffi', pages.join('\n\n'), options.write)
}

async function compare(names, dim, rounds) {
  const found = new Map()
  for (let round = 0; round < rounds; round += 1) {
    for (const name of turns(names, round)) {
      const peer = new Peer(name)
      try {
        const { ways } = await peer.ask({ op: 'calls', peer: name, dim, batches: BATCHES })
        for (const { label, times } of ways) {
          found.set(label, [...(found.get(label) ?? []), ...times.map((ns) => ns / 1000)])
        }
      } catch (error) {
        note(name, `left out: ${error.message}`)
      }
      await peer.end()
    }
    note('calls', `${dim} dimensions, round ${round + 1} of ${rounds}`)
  }
  const base = found.get('reader.search') ?? []
  // The order of the first round, whichever came first in the others.
  const lines = [...found].map(([label, us]) => [label, spread(us, 2), ratio(us, base)])
  return `## ${dim} dimensions\n\n${table(['call', ':us a call, min / med / max', ':ratio'], lines)}`
}

function head(rounds) {
  return `# The cost of a call from JavaScript

${circumstances(rounds)}
Ten rows, their ten nearest: there is next to nothing to compute. Each figure is of a batch of calls; a round has ${BATCHES} batches in a
process of its own. Ratios are to \`reader.search\`, below 1 is slower. \`reader.search\` writes into arrays of the caller; usearch gives new
arrays with every call; hnswlib-node takes and gives arrays of numbers.`
}
