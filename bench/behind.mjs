import { note } from '../scripts/lib/say.mjs'
import { spread } from './lib/figures.mjs'
import { options as read } from './lib/options.mjs'
import { circumstances, publish, ratio, table, title } from './lib/pages.mjs'
import { OURS, Peer, THREADS } from './lib/peer.mjs'
import { makeSet, prepare } from './lib/prepare.mjs'

/** What a query takes while an index is built in the background. */

/** The default precision. */
const USUAL = 0
const FIGURES = ['p50', 'p99', 'p999']

export async function run({ rounds = 3 }) {
  const options = read(process.argv.slice(3), { sets: ['synth100k', 'glove'], queries: 500 })
  prepare([])
  const pages = [head(rounds)]
  for (const name of options.sets) pages.push(await compare(makeSet(name), rounds))
  publish('behind', pages.join('\n\n'), options.write)
}

async function compare(about, rounds) {
  const ways = [
    { words: 'nothing else', op: 'alone' },
    { words: 'an index is built', op: 'behind' },
  ]
  for (const way of ways) for (const figure of FIGURES) way[figure] = []
  for (let round = 0; round < rounds; round += 1) {
    const peer = new Peer(OURS)
    await peer.ask({ op: 'open', peer: OURS, set: about.folder })
    await peer.ask({ op: 'build', threads: THREADS })
    for (const way of ways) {
      const found = await peer.ask({ op: way.op, ef: USUAL })
      for (const figure of FIGURES) way[figure].push(found[figure])
      note(way.words, `${about.name}: ${found.calls} searches`)
    }
    await peer.end()
  }
  const lines = ways.map((way) => [
    way.words,
    ...FIGURES.flatMap((figure) => [spread(way[figure], 1), ratio(ways[0][figure], way[figure], true)]),
  ])
  const columns = FIGURES.flatMap((figure) => [`:${figure} us`, ':times'])
  return `## ${title(about)}\n\n${table(['meanwhile', ...columns], lines)}`
}

function head(rounds) {
  return `# Searching while an index is built

${circumstances(rounds)}
One thread searches one collection, at the default precision, without a pause; meanwhile the index of as many other rows is built in the background, in the same
process, on all cores. p999: one search in a thousand takes longer.`
}
