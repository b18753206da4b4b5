import { note } from '../scripts/lib/say.mjs'
import { median, spread } from './lib/figures.mjs'
import { options as read } from './lib/options.mjs'
import { circumstances, publish, ratio, table, title } from './lib/pages.mjs'
import { OURS, Peer } from './lib/peer.mjs'
import { makeSet, prepare } from './lib/prepare.mjs'
import { turns } from './lib/sweeps.mjs'

/** Exact search, one query on one thread, beside faiss flat: ours over the vectors, and over the codes that an index has. */

const BASE = 'faiss-flat'

export async function run({ rounds = 3 }) {
  const options = read(process.argv.slice(3), {
    sets: ['synth100k', 'glove', 'mnist'],
    peers: [BASE, 'sqlite-vec'],
    queries: 100,
  })
  prepare(options.peers)
  const pages = [head(rounds)]
  for (const name of options.sets) pages.push(await compare(makeSet(name), options, rounds))
  publish('exact', pages.join('\n\n'), options.write)
}

async function compare(about, options, rounds) {
  const engines = []
  const start = async (label, peer, order) => {
    const process = new Peer(peer)
    await process.ask({ op: 'open', peer, set: about.folder })
    await process.ask(order)
    engines.push({ label, process, p50: [], recall: [] })
  }
  await start('omendb, vectors', OURS, { op: 'rows' })
  await start('omendb, codes', OURS, { op: 'build', threads: 1 })
  for (const peer of options.peers) await start(peer, peer, { op: 'build', threads: 1 })
  const base = engines.find(({ label }) => label === BASE)
  const reads = []
  for (let round = 0; round < rounds; round += 1) {
    if (base) reads.push((await base.process.ask({ op: 'bandwidth' })).bytes / 1e9)
    for (const engine of turns(engines, round)) {
      const { p50, recall } = await engine.process.ask({ op: 'exact', queries: options.queries })
      engine.p50.push(p50)
      engine.recall.push(recall)
    }
    note(about.name, `round ${round + 1} of ${rounds}`)
  }
  for (const { process } of engines) await process.end()
  const bytes = about.rows * about.dim * 4
  const lines = engines.map(({ label, p50, recall }) => {
    const rate = (bytes / median(p50) / 1000).toFixed(1)
    return [label, spread(p50), ratio(p50, base?.p50 ?? []), rate, Math.min(...recall).toFixed(4)]
  })
  const columns = ['engine', ':p50 us, min / med / max', ':ratio', ':GB of vectors a second', ':recall@10']
  const memory = base ? `One thread reads ${spread(reads, 1)} GB a second from memory.\n\n` : ''
  return `## ${title(about)}\n\n${memory}${table(columns, lines)}`
}

function head(rounds) {
  return `# Exact search beside faiss flat

${circumstances(rounds)} One query is one
call on one thread (ours takes all cores from 200,000 rows on). Ratios are to faiss flat, above 1 is faster. Over codes the vectors of those rows alone are read that may be among
the nearest; the answer is the same.`
}
